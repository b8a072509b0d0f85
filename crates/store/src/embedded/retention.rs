//! What is kept of a project, and for how long: the oldest traces go first, in small steps.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::params;

use super::record::{Record, TraceKey};
use super::writer::Writer;
use crate::{ProjectId, StoreError};

/// Traces that are removed in one go.
const TRACES_AT_A_TIME: usize = 64;
/// A wall clock that runs ahead of the steady one by more than this has jumped.
const JUMP: Duration = Duration::from_secs(60 * 60);
/// How long the new time is doubted after a jump; nothing is removed for its age meanwhile.
const DOUBT: Duration = Duration::from_secs(24 * 60 * 60);

/// What is kept of a project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// A trace of which nothing was heard for longer than this is removed; none keeps all.
    pub max_age: Option<Duration>,
    /// Where the project takes up more bytes of disk than this, its oldest traces are removed; none keeps all.
    pub max_bytes: Option<u64>,
}

/// The projects of which not everything is kept.
pub(super) fn limited(record: &Record) -> Result<Vec<(ProjectId, Retention)>, StoreError> {
    record.read("read what is kept", |connection| {
        connection
            .prepare_cached(
                "SELECT id, max_age_seconds, max_bytes FROM project WHERE max_age_seconds IS NOT NULL OR max_bytes IS NOT NULL",
            )?
            .query_map([], |row| {
                let max_age = row.get::<_, Option<i64>>(1)?.map(|seconds| Duration::from_secs(seconds.unsigned_abs()));
                Ok((
                    ProjectId(row.get(0)?),
                    Retention { max_age, max_bytes: row.get::<_, Option<i64>>(2)?.map(i64::unsigned_abs) },
                ))
            })?
            .collect()
    })
}

/// What is kept of a project.
pub(super) fn of(record: &Record, project: ProjectId) -> Result<Retention, StoreError> {
    Ok(limited(record)?.into_iter().find(|(limited, _)| *limited == project).map(|(_, retention)| retention).unwrap_or_default())
}

/// Sets what is kept of a project.
pub(super) fn set(writer: &Writer, project: ProjectId, retention: Retention) -> Result<(), StoreError> {
    let act = "set what is kept";
    writer.step(act, move |transaction| {
        let seconds = retention.max_age.map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        let bytes = retention.max_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        transaction
            .execute("UPDATE project SET max_age_seconds = ?2, max_bytes = ?3 WHERE id = ?1", params![project.0, seconds, bytes])
            .map_err(StoreError::record(act))?;
        Ok(())
    })
}

/// The time, as far as it can be trusted: a wall clock that jumps ahead must not make everything old.
pub(super) struct Clock {
    steady: Instant,
    wall: SystemTime,
    doubted_since: Option<Instant>,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now(), doubted_since: None }
    }

    /// Nanoseconds since the epoch; `None` while the clock is doubted.
    pub(super) fn now(&mut self) -> Option<i64> {
        self.at(Instant::now(), SystemTime::now())
    }

    fn at(&mut self, steady: Instant, wall: SystemTime) -> Option<i64> {
        let expected = self.wall + steady.saturating_duration_since(self.steady);
        if wall.duration_since(expected).is_ok_and(|ahead| ahead > JUMP) && self.doubted_since.is_none() {
            tracing::warn!("the clock has jumped ahead; for a day nothing is removed for its age");
            self.doubted_since = Some(steady);
        }
        if self.doubted_since.is_some_and(|since| steady.saturating_duration_since(since) < DOUBT) && wall > expected {
            return None;
        }
        (self.steady, self.wall, self.doubted_since) = (steady, wall, None);
        let since = wall.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok()
    }
}

/// The next traces of a project that are older than `cutoff`, in nanoseconds since the epoch: those of which nothing has come
/// since then. Times of arrival may have been taken from a clock that was wrong: traces are numbered in the order of their first
/// arrival, so none came before one of a smaller number, and a time after `now` says nothing.
pub(super) fn older_than(record: &Record, project: ProjectId, cutoff: i64, now: i64) -> Result<Vec<TraceKey>, StoreError> {
    let mut old = Vec::new();
    let mut after = 0;
    let mut not_before = i64::MIN;
    while old.len() < TRACES_AT_A_TIME {
        let some = by_arrival(record, project, after)?;
        let Some(last) = some.last() else { break };
        after = last.number;
        for trace in some {
            if trace.first <= now {
                not_before = not_before.max(trace.first);
            }
            if not_before >= cutoff {
                return keys(record, old);
            }
            if trace.last < cutoff {
                old.push(trace.number);
            }
        }
    }
    keys(record, old)
}

/// The oldest traces of a project whose bodies together have about that many bytes, or the first of them, and how many bytes
/// they have.
pub(super) fn oldest(record: &Record, project: ProjectId, bytes: u64) -> Result<(Vec<TraceKey>, u64), StoreError> {
    let mut oldest = Vec::new();
    let mut sum = 0;
    for trace in by_arrival(record, project, 0)?.into_iter().take(TRACES_AT_A_TIME) {
        if sum >= bytes {
            break;
        }
        sum += bodies_of(record, trace.number)?;
        oldest.push(trace.number);
    }
    Ok((keys(record, oldest)?, sum))
}

/// Bytes of the patches of a trace, and of the contents that it brought: where others say those too, they are counted with the
/// next who does.
fn bodies_of(record: &Record, trace: i64) -> Result<u64, StoreError> {
    let bytes: i64 = record.read("measure a trace", |connection| {
        connection
            .prepare_cached(
                "SELECT (SELECT ifnull(sum(length(body)), 0) FROM patch WHERE trace = ?1)
                      + (SELECT ifnull(sum(length(node.body)), 0) FROM trace JOIN node ON node.scope = ifnull(home, -trace.id)
                         JOIN patch ON patch.seq = node.seq WHERE trace.id = ?1 AND patch.trace = ?1)",
            )?
            .query_row([trace], |row| row.get(0))
    })?;
    Ok(bytes.cast_unsigned())
}

fn keys(record: &Record, numbers: Vec<i64>) -> Result<Vec<TraceKey>, StoreError> {
    let mut keys = Vec::with_capacity(numbers.len());
    for number in numbers.into_iter().take(TRACES_AT_A_TIME) {
        keys.extend(record.numbered(number)?);
    }
    Ok(keys)
}

/// When a trace was told of.
struct Told {
    number: i64,
    first: i64,
    last: i64,
}

/// The next traces behind the trace `after` of which there is something, in the order of their first arrival.
fn by_arrival(record: &Record, project: ProjectId, after: i64) -> Result<Vec<Told>, StoreError> {
    record.read("find old traces", |connection| {
        connection
            .prepare_cached(
                "SELECT trace.id, min(received_at), max(received_at)
                 FROM (SELECT id FROM trace WHERE project = ?1 AND id > ?2
                       AND EXISTS (SELECT 1 FROM patch WHERE patch.trace = trace.id AND length(body) > 0)
                       ORDER BY id LIMIT ?3) AS trace
                 JOIN patch ON patch.trace = trace.id AND length(body) > 0
                 GROUP BY trace.id ORDER BY trace.id",
            )?
            .query_map(params![project.0, after, 4 * TRACES_AT_A_TIME as i64], |row| {
                Ok(Told { number: row.get(0)?, first: row.get(1)?, last: row.get(2)? })
            })?
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_doubted_for_a_day() {
        let mut clock = Clock::new();
        let (steady, wall) = (clock.steady, clock.wall);
        let minute = Duration::from_secs(60);
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        assert!(clock.at(steady + minute, wall + minute).is_some());
        assert_eq!(clock.at(steady + 2 * minute, wall + year), None);
        assert_eq!(clock.at(steady + 3 * minute, wall + year + minute), None);
        assert!(clock.at(steady + 4 * minute, wall + 4 * minute).is_some(), "it was set right again");
        assert_eq!(clock.at(steady + 5 * minute, wall + year), None);
        assert!(clock.at(steady + 5 * minute + DOUBT, wall + year + DOUBT).is_some(), "it is that late");
        assert!(clock.at(steady + 6 * minute + DOUBT, wall).is_some(), "a clock that is set back makes nothing old");
    }
}
