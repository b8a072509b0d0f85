//! Stretches of time: where the one begins that a moment lies in.

use jiff::tz::Offset;

use crate::aggregate::Every;

const NANOS: i128 = 1_000_000_000;
/// The first Monday after the epoch, from which on stretches are counted: 1970-01-05T00:00:00.
const MONDAY: i128 = 4 * 86_400 * NANOS;

/// Cuts time into stretches of one length.
#[derive(Debug)]
pub(super) struct Stretches {
    every: Every,
    utc_offset: i32,
    /// The stretch of the moment before: most moments are in the same.
    current: std::ops::Range<i64>,
}

fn nanos(nanos: i128) -> i64 {
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

impl Stretches {
    pub(super) fn new(every: Every, utc_offset: i32) -> Self {
        Self { every, utc_offset, current: 0..0 }
    }

    /// Where the stretch begins that a moment lies in, both in nanoseconds since the epoch.
    pub(super) fn begin(&mut self, moment: i64) -> i64 {
        if !self.current.contains(&moment) {
            self.current = match self.every {
                Every::Seconds(seconds) => self.fixed(moment, i128::from(seconds.max(1)) * NANOS),
                Every::Month => self.month(moment).unwrap_or(moment..moment),
            };
        }
        self.current.start
    }

    fn fixed(&self, moment: i64, length: i128) -> std::ops::Range<i64> {
        let ahead = i128::from(self.utc_offset) * NANOS - MONDAY;
        let begin = (i128::from(moment) + ahead).div_euclid(length) * length - ahead;
        nanos(begin)..nanos(begin + length)
    }

    fn month(&self, moment: i64) -> Option<std::ops::Range<i64>> {
        let offset = Offset::from_seconds(self.utc_offset).ok()?;
        let day = offset.to_datetime(jiff::Timestamp::from_nanosecond(moment.into()).ok()?).date();
        let begins = |day: jiff::civil::Date| {
            Some(nanos(offset.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok()?.as_nanosecond()))
        };
        Some(begins(day.first_of_month())?..begins(day.last_of_month().tomorrow().ok()?)?)
    }
}

#[cfg(test)]
mod tests {
    use neuraltrust_model::Timestamp;

    use super::*;

    #[track_caller]
    fn check(every: Every, utc_offset: i32, moment: &str, expect: &str) {
        let nanos = |text: &str| Timestamp::try_from(text.to_owned()).unwrap().as_nanos();
        let mut stretches = Stretches::new(every, utc_offset);
        // What was asked before does not matter.
        for before in ["1969-12-31T23:59:59Z", moment, moment] {
            stretches.begin(nanos(before));
        }
        let begin = Timestamp::from_nanos(stretches.begin(nanos(moment)));
        assert_eq!(begin, Timestamp::from_nanos(nanos(expect)), "{begin}");
    }

    #[test]
    fn stretches_begin_where_clocks_say() {
        check(Every::Seconds(60), 0, "2026-11-23T09:41:59.999999999Z", "2026-11-23T09:41:00Z");
        check(Every::Seconds(60), 0, "2026-11-23T09:42:00Z", "2026-11-23T09:42:00Z");
        check(Every::Seconds(900), 0, "2026-11-23T09:41:00Z", "2026-11-23T09:30:00Z");
        check(Every::Seconds(86_400), 0, "2026-11-23T23:00:00Z", "2026-11-23T00:00:00Z");
        check(Every::Seconds(86_400), 7_200, "2026-11-23T23:00:00Z", "2026-11-24T00:00:00+02:00");
        check(Every::Seconds(86_400), -18_000, "2026-11-23T01:00:00Z", "2026-11-22T00:00:00-05:00");
        check(Every::Seconds(604_800), 0, "2026-11-29T12:00:00Z", "2026-11-23T00:00:00Z");
        check(Every::Seconds(604_800), 19_800, "2026-11-29T18:30:00Z", "2026-11-30T00:00:00+05:30");
        check(Every::Seconds(1), 0, "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z");
        check(Every::Month, 0, "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z");
        check(Every::Month, 3_600, "2026-12-31T23:30:00Z", "2027-01-01T00:00:00+01:00");
        check(Every::Month, 0, "1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z");
    }
}
