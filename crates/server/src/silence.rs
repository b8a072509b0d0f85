//! Marks steps whose end does not come: those of which, and of whose trace, nothing was heard for long.
//!
//! When something was heard is told by the wall clock, which may jump. Silence is only believed while the wall clock has gone
//! along with the clock that never jumps, for as long as a silence must last; after the start of the server a grace is enough,
//! in which clients deliver what they could not while it was away.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use neuraltrust_model::Timestamp;
use neuraltrust_store::Store;
use tokio::sync::watch;

use crate::ingest::now;
use crate::metrics::UNFINISHED;

/// How long after its start the server marks nothing, where silence may be shorter, as long as that.
const GRACE: Duration = Duration::from_secs(5 * 60);
/// Most that the two clocks may differ by between two looks; more is a jump.
const TOLERANCE: Duration = Duration::from_secs(5);
/// Shortest and longest pause between two looks; between them it is a quarter of a silence.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
/// Pause while there is more to mark.
const GO_ON: Duration = Duration::from_secs(1);

/// Marks steps of which nothing was heard for longer than `after`, until the server ends.
pub(crate) async fn watch(store: Store, after: Duration, mut ending: watch::Receiver<bool>) {
    let mut clocks = Clocks::new(after, now(), Instant::now());
    let mut pause = LOOK_EVERY.0;
    loop {
        let ended = ending.wait_for(|ending| *ending);
        if tokio::time::timeout(pause, ended).await.is_ok() {
            return;
        }
        pause = (after / 4).clamp(LOOK_EVERY.0, LOOK_EVERY.1);
        let wall = now();
        let Some(alive) = clocks.alive(wall, Instant::now()) else { continue };
        match store.mark_unfinished(alive, wall).await {
            Ok(0) => {}
            Ok(marked) => {
                metrics::counter!(UNFINISHED).increment(marked as u64);
                pause = pause.min(GO_ON);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "open steps cannot be marked as unfinished; trying again");
            }
        }
    }
}

/// The wall clock and the one that never jumps.
#[derive(Debug)]
struct Clocks {
    after: Duration,
    wall: Timestamp,
    steady: Instant,
    /// Since when the two go along with each other.
    agree_since: Instant,
    /// For how long they must have.
    needed: Duration,
}

impl Clocks {
    fn new(after: Duration, wall: Timestamp, steady: Instant) -> Self {
        Self { after, wall, steady, agree_since: steady, needed: GRACE.min(after) }
    }

    /// When a trace must have been heard of to be alive; `None` while that cannot be told. A moment to come, told before the
    /// clock was put back, is long enough ago.
    fn alive(&mut self, wall: Timestamp, steady: Instant) -> Option<RangeInclusive<Timestamp>> {
        let passed = nanos(steady.saturating_duration_since(self.steady));
        let told = wall.as_nanos().saturating_sub(self.wall.as_nanos());
        if told.abs_diff(passed) > TOLERANCE.as_nanos() as u64 {
            self.agree_since = steady;
            self.needed = self.after;
        }
        (self.wall, self.steady) = (wall, steady);
        if steady.saturating_duration_since(self.agree_since) < self.needed {
            return None;
        }
        let shifted = |by: i64| Timestamp::from_nanos(wall.as_nanos().saturating_add(by));
        Some(shifted(-nanos(self.after))..=shifted(nanos(TOLERANCE)))
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_secs(1_800);

    fn wall(seconds: i64) -> Timestamp {
        Timestamp::from_nanos((1_700_000_000 + seconds) * 1_000_000_000)
    }

    /// Looks by pairs of seconds on the wall and on the steady clock; whether silence is believed at the last of them.
    #[track_caller]
    fn check(looks: &[(i64, u64)], expect: Option<i64>) {
        let start = Instant::now();
        let mut clocks = Clocks::new(AFTER, wall(0), start);
        let last = looks.iter().map(|(told, passed)| clocks.alive(wall(*told), start + Duration::from_secs(*passed))).last();
        assert_eq!(last.flatten().map(|alive| *alive.start()), expect.map(wall), "{looks:?}");
    }

    #[test]
    fn nothing_is_marked_until_the_grace_is_over() {
        check(&[(60, 60), (299, 299)], None);
        check(&[(60, 60), (300, 300)], Some(300 - 1_800));
        let start = Instant::now();
        let mut clocks = Clocks::new(Duration::from_secs(2), wall(0), start);
        assert!(clocks.alive(wall(1), start + Duration::from_secs(1)).is_none());
        assert!(clocks.alive(wall(2), start + Duration::from_secs(2)).is_some(), "a short silence has a short grace");
    }

    #[test]
    fn a_clock_that_jumps_marks_nothing_for_as_long_as_a_silence() {
        check(&[(600, 600), (87_000, 660)], None);
        check(&[(600, 600), (87_000, 660), (87_060, 720)], None);
        check(&[(600, 600), (87_000, 660), (88_800, 2_460)], Some(88_800 - 1_800));
        check(&[(600, 600), (-3_000, 660), (-1_201, 2_459)], None);
        check(&[(600, 600), (-3_000, 660), (-1_200, 2_460)], Some(-1_200 - 1_800));
    }

    #[test]
    fn a_clock_that_is_set_a_little_at_a_time_is_no_jump() {
        check(&[(60, 60), (124, 120), (187, 180), (310, 300)], Some(310 - 1_800));
    }
}
