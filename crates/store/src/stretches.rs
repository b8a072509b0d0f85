//! Stretches of time: where the one begins and ends that a moment lies in, by the clocks of a zone.

use std::ops::Range;

use jiff::civil::{DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use neuraltrust_model::Timestamp;

use crate::aggregate::Every;

const NANOS: i128 = 1_000_000_000;
/// The first Monday after the epoch, from which on stretches are counted: 1970-01-05T00:00:00.
const MONDAY: i128 = 4 * 86_400 * NANOS;
/// Stretches of no more seconds go by what the clocks show at a moment; longer ones from one reading of the clocks to another.
const HOUR: u32 = 3_600;

/// The clocks by which stretches of time begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Clocks of UTC.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of that name in the IANA Time Zone Database, such as `Europe/Madrid`; its clocks are put forward and back. `None`
    /// where there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// Clocks that are so many seconds ahead of UTC; `None` beyond what clocks can be.
    #[must_use]
    pub fn ahead(seconds: i32) -> Option<Self> {
        Offset::from_seconds(seconds).ok().map(|offset| Self(TimeZone::fixed(offset)))
    }

    /// Whether the clocks are never put forward or back.
    pub(crate) fn is_fixed(&self) -> bool {
        self.0.to_fixed_offset().is_ok()
    }

    /// How many seconds the clocks are ahead of UTC at a moment.
    #[must_use]
    pub fn offset_at(&self, moment: Timestamp) -> i64 {
        let at = jiff::Timestamp::from_nanosecond(moment.as_nanos().into()).unwrap_or_default();
        self.0.to_offset(at).seconds().into()
    }
}

/// Cuts time into stretches of one length.
#[derive(Debug)]
pub(crate) struct Stretches {
    every: Every,
    zone: Zone,
    /// The stretch of the moment before: most moments are in the same.
    current: Range<i64>,
    /// The moments of which that is known.
    known: Range<i64>,
}

fn nanos(nanos: i128) -> i64 {
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// What clocks show, as if they were clocks of UTC.
fn shown(clock: DateTime) -> Option<i128> {
    Offset::UTC.to_timestamp(clock).ok().map(jiff::Timestamp::as_nanosecond)
}

impl Stretches {
    pub(crate) fn new(every: Every, zone: Zone) -> Self {
        Self { every, zone, current: 0..0, known: 0..0 }
    }

    /// Where the stretch begins that a moment lies in, both in nanoseconds since the epoch.
    pub(crate) fn begin(&mut self, moment: i64) -> i64 {
        self.of(moment).start
    }

    /// Where the stretch ends that begins at a moment.
    pub(crate) fn end(&mut self, begin: Timestamp) -> Timestamp {
        Timestamp::from_nanos(self.of(begin.as_nanos()).end)
    }

    fn of(&mut self, moment: i64) -> &Range<i64> {
        if !self.known.contains(&moment) {
            let found = jiff::Timestamp::from_nanosecond(moment.into()).ok().and_then(|at| match self.every {
                Every::Seconds(seconds) if seconds <= HOUR => Some(self.short(at, i128::from(seconds.max(1)) * NANOS)),
                Every::Seconds(seconds) => self.long(at, i128::from(seconds) * NANOS),
                Every::Month => self.month(at),
            });
            (self.current, self.known) = found.unwrap_or((moment..moment, moment..moment));
        }
        &self.current
    }

    /// By what the clocks show at the moment: an hour that they show twice is two.
    fn short(&self, at: jiff::Timestamp, length: i128) -> (Range<i64>, Range<i64>) {
        let ahead = i128::from(self.zone.0.to_offset(at).seconds()) * NANOS - MONDAY;
        let begin = (at.as_nanosecond() + ahead).div_euclid(length) * length - ahead;
        let current = nanos(begin)..nanos(begin + length);
        let moment = |change: Option<jiff::tz::TimeZoneTransition<'_>>| change.map(|c| nanos(c.timestamp().as_nanosecond()));
        // The clocks may be changed within it.
        let since =
            at.checked_add(jiff::SignedDuration::from_nanos(1)).ok().and_then(|at| moment(self.zone.0.preceding(at).next()));
        let since = since.unwrap_or(i64::MIN);
        let until = moment(self.zone.0.following(at).next()).unwrap_or(i64::MAX);
        let known = current.start.max(since)..current.end.min(until);
        (current, known)
    }

    /// From one reading of the clocks to the next: a day begins at midnight, and may have 23 or 25 hours.
    fn long(&self, at: jiff::Timestamp, length: i128) -> Option<(Range<i64>, Range<i64>)> {
        let begin = (shown(self.zone.0.to_datetime(at))? - MONDAY).div_euclid(length) * length + MONDAY;
        let clock = |nanos| Some(Offset::UTC.to_datetime(jiff::Timestamp::from_nanosecond(nanos).ok()?));
        self.between(clock(begin)?, clock(begin + length)?)
    }

    fn month(&self, at: jiff::Timestamp) -> Option<(Range<i64>, Range<i64>)> {
        let day = self.zone.0.to_datetime(at).date();
        let midnight = |day: jiff::civil::Date| day.to_datetime(Time::midnight());
        self.between(midnight(day.first_of_month()), midnight(day.last_of_month().tomorrow().ok()?))
    }

    fn between(&self, begin: DateTime, end: DateTime) -> Option<(Range<i64>, Range<i64>)> {
        let moment = |clock| Some(nanos(self.zone.0.to_timestamp(clock).ok()?.as_nanosecond()));
        let current = moment(begin)?..moment(end)?;
        Some((current.clone(), current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        Timestamp::try_from(text.to_owned()).unwrap().as_nanos()
    }

    #[track_caller]
    fn check_in(every: Every, zone: Zone, moment: &str, expect: &str) {
        let mut stretches = Stretches::new(every, zone);
        // What was asked before does not matter.
        for before in ["1969-12-31T23:59:59Z", moment, moment] {
            stretches.begin(at(before));
        }
        let begin = Timestamp::from_nanos(stretches.begin(at(moment)));
        assert_eq!(begin, Timestamp::from_nanos(at(expect)), "{begin}");
    }

    #[track_caller]
    fn check(every: Every, seconds_ahead: i32, moment: &str, expect: &str) {
        check_in(every, Zone::ahead(seconds_ahead).unwrap(), moment, expect);
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
        check(Every::Seconds(3_600), 19_800, "2026-11-29T18:29:00Z", "2026-11-29T23:00:00+05:30");
        check(Every::Seconds(1), 0, "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z");
        check(Every::Month, 0, "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z");
        check(Every::Month, 3_600, "2026-12-31T23:30:00Z", "2027-01-01T00:00:00+01:00");
        check(Every::Month, 0, "1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z");
    }

    #[test]
    fn days_follow_clocks_that_are_put_forward_and_back() {
        let zone = |name: &str| Zone::named(name).unwrap();
        let (madrid, day, hour) = (|| zone("Europe/Madrid"), Every::Seconds(86_400), Every::Seconds(3_600));
        check_in(day, madrid(), "2026-03-29T21:59:59Z", "2026-03-29T00:00:00+01:00");
        check_in(day, madrid(), "2026-03-29T22:00:00Z", "2026-03-30T00:00:00+02:00");
        check_in(Every::Seconds(604_800), madrid(), "2026-10-26T00:00:00Z", "2026-10-26T00:00:00+01:00");
        check_in(Every::Seconds(604_800), madrid(), "2026-10-25T22:59:59Z", "2026-10-19T00:00:00+02:00");
        check_in(Every::Month, madrid(), "2026-10-31T23:30:00Z", "2026-11-01T00:00:00+01:00");
        check_in(Every::Seconds(21_600), madrid(), "2026-10-25T04:30:00Z", "2026-10-25T00:00:00+02:00");
        // The clocks show 02:30 twice.
        check_in(hour, madrid(), "2026-10-25T00:30:00Z", "2026-10-25T02:00:00+02:00");
        check_in(hour, madrid(), "2026-10-25T01:30:00Z", "2026-10-25T02:00:00+01:00");
        check_in(hour, madrid(), "2026-10-25T01:00:00Z", "2026-10-25T02:00:00+01:00");
        // Midnight is skipped.
        check_in(day, zone("America/Santiago"), "2026-09-06T12:00:00Z", "2026-09-06T04:00:00Z");
        check_in(day, zone("Asia/Kolkata"), "2026-11-23T18:30:00Z", "2026-11-24T00:00:00+05:30");
        assert_eq!(Zone::named("Europe/Nowhere"), None);

        let mut days = Stretches::new(day, madrid());
        let hours = |days: &mut Stretches, begin: &str| {
            let begin = Timestamp::from_nanos(at(begin));
            (days.end(begin).as_nanos() - begin.as_nanos()) / (3_600 * 1_000_000_000)
        };
        assert_eq!(hours(&mut days, "2026-03-29T00:00:00+01:00"), 23);
        assert_eq!(hours(&mut days, "2026-10-25T00:00:00+02:00"), 25);
        assert_eq!(hours(&mut days, "2026-11-25T00:00:00+01:00"), 24);
    }

    #[test]
    fn every_moment_is_in_its_stretch_whatever_was_asked_before() {
        for zone in ["Europe/Madrid", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC", "Asia/Kathmandu"] {
            for every in [Every::Seconds(60), Every::Seconds(3_600), Every::Seconds(7_200), Every::Seconds(86_400), Every::Month]
            {
                let zone = Zone::named(zone).unwrap();
                let mut one_after_the_other = Stretches::new(every, zone.clone());
                for step in 0..2_000_i64 {
                    let moment = at("2026-01-01T00:07:00Z") + step * 4 * 3_600 * 1_000_000_000 + step * 7_000_000_000;
                    let begin = Stretches::new(every, zone.clone()).begin(moment);
                    assert!(begin <= moment);
                    assert_eq!(one_after_the_other.begin(moment), begin, "{zone:?} {every:?} {moment}");
                    assert_eq!(one_after_the_other.begin(moment - 1), Stretches::new(every, zone.clone()).begin(moment - 1));
                }
            }
        }
    }
}
