//! A moment, in nanoseconds since the epoch.

use serde::{Deserialize, Serialize};

/// Why a number or text is not a time. Tell the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The number is in none of the accepted ranges.
    #[error(
        "{0} is not a time between 2000 and 2100; give seconds, milliseconds, microseconds or nanoseconds since 1970, or RFC 3339 text"
    )]
    OutOfRange(String),
    /// The text is neither a number nor RFC 3339.
    #[error("{0:?} is not a time; give RFC 3339 text such as 2026-11-23T09:00:00Z, or a number since 1970")]
    Unreadable(String),
}

/// A moment: nanoseconds since 1970-01-01T00:00:00Z. In JSON it is RFC 3339 text in UTC with nine decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// 2000-01-01T00:00:00Z in seconds: the earliest time that a client can mean.
const EARLIEST_SECONDS: i64 = 946_684_800;
/// 2100-01-01T00:00:00Z in seconds: no clock is that far ahead.
const LATEST_SECONDS: i64 = 4_102_444_800;

impl Timestamp {
    /// A moment from nanoseconds since the epoch, whatever they are.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// A moment from a wire that is known to send nanoseconds (OTLP `fixed64`).
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] outside 2000 to 2100.
    pub fn from_wire_nanos(nanos: u64) -> Result<Self, TimeError> {
        i64::try_from(nanos)
            .ok()
            .filter(|n| (EARLIEST_SECONDS..LATEST_SECONDS).contains(&(n / NANOS_PER_SECOND)))
            .map(Self)
            .ok_or_else(|| TimeError::OutOfRange(nanos.to_string()))
    }

    /// A moment from a number whose unit the client left open: it is read by its size. The four ranges of
    /// 2000 to 2100 in seconds, milliseconds, microseconds and nanoseconds do not overlap.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] when the number is in none of them.
    pub fn from_loose_number(number: f64) -> Result<Self, TimeError> {
        let earliest = EARLIEST_SECONDS as f64;
        let latest = LATEST_SECONDS as f64;
        for per_second in [1.0, 1e3, 1e6, 1e9] {
            if number >= earliest * per_second && number < latest * per_second {
                // Whole part and fraction apart: a float has 53 bits, nanoseconds need 61.
                let per_nano = 1e9 / per_second;
                let whole = number.trunc() as i64 * per_nano as i64;
                let fraction = (number.fract() * per_nano).round() as i64;
                return Ok(Self(whole + fraction));
            }
        }
        Err(TimeError::OutOfRange(number.to_string()))
    }

    /// A moment from a JSON value: a number of any unit, the same as text, or RFC 3339 text. `None` for null, an empty
    /// text and 0, which clients send for "not known".
    ///
    /// # Errors
    /// [`TimeError`] when the value is none of these.
    pub fn from_loose_json(value: &serde_json::Value) -> Result<Option<Self>, TimeError> {
        use serde_json::Value;
        match value {
            Value::Null => Ok(None),
            Value::Number(n) => match n.as_u64().and_then(|nanos| Self::from_wire_nanos(nanos).ok()) {
                // A float would lose the last digits.
                Some(exact) => Ok(Some(exact)),
                None => Self::from_optional_number(n.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => {
                match (text.parse::<u64>().ok().and_then(|nanos| Self::from_wire_nanos(nanos).ok()), text.parse::<f64>()) {
                    (Some(exact), _) => Ok(Some(exact)),
                    (None, Ok(number)) => Self::from_optional_number(number),
                    (None, Err(_)) => Self::try_from(text.clone()).map(Some),
                }
            }
            other => Err(TimeError::Unreadable(other.to_string().chars().take(80).collect())),
        }
    }

    fn from_optional_number(number: f64) -> Result<Option<Self>, TimeError> {
        if number == 0.0 {
            return Ok(None);
        }
        Self::from_loose_number(number).map(Some)
    }

    /// Milliseconds from `self` to `later`; `None` when `later` is before `self`.
    #[must_use]
    pub fn millis_until(self, later: Self) -> Option<f64> {
        let nanos = later.0.checked_sub(self.0)?;
        (nanos >= 0).then_some(nanos as f64 / 1e6)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimeError;
    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse::<jiff::Timestamp>()
            .ok()
            .and_then(|t| i64::try_from(t.as_nanosecond()).ok())
            .map(Self)
            .ok_or_else(|| TimeError::Unreadable(text.chars().take(80).collect()))
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Every i64 of nanoseconds lies in jiff's range (years -9999 to 9999).
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => write!(f, "{time:.9}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(value: serde_json::Value, expect: &str) {
        let time = Timestamp::from_loose_json(&value).unwrap().unwrap();
        assert_eq!(time.to_string(), expect);
    }

    #[test]
    fn whole_nanoseconds_are_kept_to_the_last() {
        let nanos = 1_795_402_869_177_053_258_i64;
        for value in [serde_json::json!(nanos), serde_json::json!(nanos.to_string())] {
            assert_eq!(Timestamp::from_loose_json(&value), Ok(Some(Timestamp::from_nanos(nanos))), "{value}");
        }
    }

    #[test]
    fn a_number_is_read_by_its_size() {
        check(json!(1_795_402_111), "2026-11-23T02:48:31.000000000Z");
        check(json!(1_795_402_111_000_i64), "2026-11-23T02:48:31.000000000Z");
        check(json!(1_795_402_111_000_000_i64), "2026-11-23T02:48:31.000000000Z");
        check(json!(1_795_402_111_000_000_000_i64), "2026-11-23T02:48:31.000000000Z");
        check(json!(1_795_402_111.25), "2026-11-23T02:48:31.250000000Z");
        check(json!("1795402111000"), "2026-11-23T02:48:31.000000000Z");
        check(json!("2026-11-23T03:48:31.5+01:00"), "2026-11-23T02:48:31.500000000Z");
    }

    #[test]
    fn absurd_times_are_refused() {
        for absurd in [json!(-5), json!(12), json!(1e30), json!("soon"), json!("nan"), json!([1])] {
            assert!(Timestamp::from_loose_json(&absurd).is_err(), "{absurd}");
        }
        assert_eq!(Timestamp::from_loose_json(&json!(0)), Ok(None));
        assert!(Timestamp::from_wire_nanos(u64::MAX).is_err());
        assert!(Timestamp::from_wire_nanos(1).is_err());
    }

    #[test]
    fn text_round_trips() {
        let time = Timestamp::from_nanos(1_795_402_111_123_456_789);
        assert_eq!(Timestamp::try_from(time.to_string()), Ok(time));
    }
}
