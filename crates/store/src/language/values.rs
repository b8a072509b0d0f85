//! Values as people write them: `2s`, `10k`, `2026-11-01`, `-7d`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use neuraltrust_model::Timestamp;

/// A moment, where both are the same, or the time from one up to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// A number with one of the units behind it, or none.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let unit = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1.0));
    crate::fields::number(number.trim()).map(|number| number * factor).filter(|number| number.is_finite())
}

/// A number: `10k`, `2M`, `1.5`.
pub(super) fn number(text: &str) -> Option<f64> {
    scaled(text, &[("k", 1e3), ("M", 1e6), ("G", 1e9)])
}

/// Milliseconds: `500ms`, `2s`, `5m`, `1h`; a number without a unit is milliseconds.
pub(super) fn millis(text: &str) -> Option<f64> {
    // Units that end like others come first.
    scaled(text, &[("ms", 1.0), ("us", 1e-3), ("s", 1e3), ("m", 6e4), ("h", 3.6e6)])
}

/// A moment (RFC 3339, `now`, `-7d`) or a day in UTC (`2026-11-01`, `today`, `yesterday`).
pub(super) fn stretch(text: &str, now: Timestamp) -> Option<Stretch> {
    let today = || {
        let now = jiff::Timestamp::from_nanosecond(i128::from(now.as_nanos())).ok()?;
        Some(now.to_zoned(TimeZone::UTC).date())
    };
    match text {
        "now" => return Some(Stretch { from: now, to: now }),
        "today" => return day(today()?),
        "yesterday" => return day(today()?.yesterday().ok()?),
        _ => {}
    }
    if let Some(ago) = text.strip_prefix('-') {
        let units = [("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0), ("w", 604_800.0)];
        let has_unit = units.iter().any(|(unit, _)| ago.ends_with(unit));
        let seconds = scaled(ago, &units).filter(|seconds| has_unit && *seconds >= 0.0)?;
        // A cast of a float stops at the ends of what a whole number holds.
        let from = Timestamp::from_nanos(now.as_nanos().saturating_sub((seconds * 1e9) as i64));
        return Some(Stretch { from, to: from });
    }
    if text.len() == "2026-11-01".len() {
        return day(text.parse().ok()?);
    }
    let from = Timestamp::try_from(text.to_owned()).ok()?;
    Some(Stretch { from, to: from })
}

/// A moment as people write it: RFC 3339, `now`, `-7d`, or a day in UTC, which is its beginning.
#[must_use]
pub fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    stretch(text, now).map(|stretch| stretch.from)
}

fn day(date: Date) -> Option<Stretch> {
    let begin = |date: Date| {
        let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond();
        i64::try_from(midnight).ok().map(Timestamp::from_nanos)
    };
    Some(Stretch { from: begin(date)?, to: begin(date.tomorrow().ok()?)? })
}
