//! What was asked to be erased, and its receipts.
//!
//! An erasure is written down whole before it begins, and goes on after a crash. It is done when nothing of its traces is left: not in
//! the record, in pages that are free, in the write-ahead log, in segments of the index, or in a dictionary.

use neuraltrust_model::{Timestamp, TraceId};
use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::record::{Record, TraceKey};
use super::removal;
use super::sweep;
use super::writer::Writer;
use crate::{ProjectId, StoreError};

/// What an erasure is up to while not all of its traces are written down.
const NOT_WHOLE: i64 = -1;
/// Traces of an erasure that are written down at a time.
const TRACES_A_STEP: usize = 5_000;

/// Something that was asked to be erased, as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ErasureRow {
    /// Its number.
    #[schema(example = 1)]
    pub id: i64,
    /// What was asked for.
    #[schema(example = json!({ "user_id": "user-1" }))]
    pub asked: Value,
    /// The member of the project who asked; null where that was the holder of another key.
    #[schema(example = "Ada")]
    pub asked_by: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub requested_at: Timestamp,
    /// When nothing was left; null while it goes on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub done_at: Option<Timestamp>,
    /// Number of its traces; 0 where nothing was found.
    pub trace_count: u64,
    /// Number of spans in all of its traces, as far as they are erased.
    pub spans: u64,
    /// Number of messages about them.
    pub patches: u64,
    /// Bytes of those messages in the record.
    pub bytes: u64,
}

/// Something that was asked to be erased, with its receipt.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Erasure {
    /// What a list shows of it.
    #[serde(flatten)]
    pub row: ErasureRow,
    /// Its traces.
    pub traces: Vec<ErasedTrace>,
}

/// What was there of a trace when it was erased.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ErasedTrace {
    /// The trace.
    pub trace_id: TraceId,
    /// Number of its spans; null while it is not erased.
    pub spans: Option<u64>,
    /// Number of messages about them.
    pub patches: Option<u64>,
    /// Bytes of those messages in the record.
    pub bytes: Option<u64>,
    /// BLAKE3 of the checksums of those messages in order of arrival, in base 16.
    pub hash: Option<String>,
}

/// Writes down what is to be erased, and says its number. What comes later of the same traces is not meant. Where there is
/// nothing to erase, that is done. It begins when all of it is written down, in steps that appends do not wait for long.
pub(super) fn ask(
    writer: &Writer,
    project: ProjectId,
    (asked, by): (&Value, Option<String>),
    traces: &[TraceKey],
    now: Timestamp,
) -> Result<i64, StoreError> {
    let act = "ask for an erasure";
    let failed = || StoreError::record(act);
    let (asked, done_at) = (asked.to_string(), traces.is_empty().then_some(now.as_nanos()));
    let (id, up_to) = writer.step(act, move |transaction| {
        let up_to = "SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'patch'";
        let up_to: i64 = transaction.query_row(up_to, [], |row| row.get(0)).map_err(failed())?;
        let insert = "INSERT INTO erasure (project, asked, requested_at, done_at, up_to) VALUES (?1, ?2, ?3, ?4, ?5)";
        transaction.execute(insert, params![project.0, asked, now.as_nanos(), done_at, NOT_WHOLE]).map_err(failed())?;
        let id = transaction.last_insert_rowid();
        if let Some(by) = by {
            let insert = "INSERT INTO erasure_by (erasure, name) VALUES (?1, ?2)";
            transaction.execute(insert, params![id, by]).map_err(failed())?;
        }
        Ok((id, up_to))
    })?;
    for some in traces.chunks(TRACES_A_STEP) {
        let some: Vec<(i64, TraceId)> = some.iter().map(|trace| (trace.number, trace.trace_id.clone())).collect();
        writer.step(act, move |transaction| {
            let insert = "INSERT INTO erased (erasure, trace, trace_id) VALUES (?1, ?2, ?3)";
            let mut insert = transaction.prepare_cached(insert).map_err(failed())?;
            for (number, trace_id) in some {
                insert.execute(params![id, number, trace_id.as_str()]).map_err(failed())?;
            }
            Ok(())
        })?;
    }
    writer.step(act, move |transaction| {
        transaction.execute("UPDATE erasure SET up_to = ?2 WHERE id = ?1", [id, up_to]).map_err(failed())?;
        Ok(id)
    })
}

/// Forgets what was not written down whole when the server ended: nobody was told of it.
pub(super) fn forget_unfinished(connection: &Connection) -> Result<(), StoreError> {
    let unfinished = "SELECT id FROM erasure WHERE up_to = ?1";
    let forget =
        |table: &str, key: &str| connection.execute(&format!("DELETE FROM {table} WHERE {key} IN ({unfinished})"), [NOT_WHOLE]);
    forget("erased", "erasure").and_then(|_| forget("erasure", "id")).map_err(StoreError::record("read the erasures"))?;
    Ok(())
}

/// How many erasures are not done yet.
pub(super) fn count_open(record: &Record) -> Result<u64, StoreError> {
    Ok(open(record)?.len() as u64)
}

/// The erasures that are not done yet.
pub(super) fn open(record: &Record) -> Result<Vec<i64>, StoreError> {
    record.read("find erasures", |connection| {
        connection
            .prepare_cached("SELECT id FROM erasure WHERE done_at IS NULL AND up_to > ?1 ORDER BY id")?
            .query_map([NOT_WHOLE], |row| row.get(0))?
            .collect()
    })
}

/// Takes the traces of an erasure out of the record, and keeps what was there of each. Of those that have gone meanwhile, by
/// another erasure or for their age, nothing was.
pub(super) fn take_out(record: &Record, writer: &Writer, erasure: i64) -> Result<(), StoreError> {
    let (up_to, numbers): (i64, Vec<(i64, bool)>) = record.read("read an erasure", |connection| {
        let up_to =
            connection.prepare_cached("SELECT up_to FROM erasure WHERE id = ?1")?.query_row([erasure], |row| row.get(0))?;
        let numbers = connection
            .prepare_cached("SELECT trace, hash IS NULL FROM erased WHERE erasure = ?1")?
            .query_map([erasure], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok((up_to, numbers))
    })?;
    let up_to = up_to.cast_unsigned();
    let mut traces = Vec::with_capacity(numbers.len());
    for (number, undescribed) in numbers {
        if undescribed {
            describe(record, writer, erasure, number, up_to)?;
        }
        traces.extend(record.numbered(number)?);
    }
    removal::remove(record, writer, &traces, up_to)
}

fn describe(record: &Record, writer: &Writer, erasure: i64, trace: i64, up_to: u64) -> Result<(), StoreError> {
    let act = "describe a trace";
    let removed = removal::describe(record, trace, up_to)?;
    writer.step(act, move |transaction| {
        transaction
            .prepare_cached("UPDATE erased SET spans = ?3, patches = ?4, bytes = ?5, hash = ?6 WHERE erasure = ?1 AND trace = ?2")
            .and_then(|mut update| {
                let counts = [removed.spans, removed.patches, removed.bytes].map(u64::cast_signed);
                update.execute(params![erasure, trace, counts[0], counts[1], counts[2], removed.hash])
            })
            .map_err(StoreError::record(act))?;
        Ok(())
    })
}

/// Whether the scopes that the traces of an erasure were in have been swept.
pub(super) fn is_swept(record: &Record, erasure: i64) -> Result<bool, StoreError> {
    record.read("read an erasure", |connection| {
        let left = connection
            .prepare_cached(
                "SELECT 1 FROM erased CROSS JOIN patch ON patch.trace = erased.trace AND length(body) = 0 AND span != ?2
                 WHERE erasure = ?1",
            )?
            .exists(params![erasure, sweep::SWEPT])?;
        Ok(!left)
    })
}

/// Writes down that nothing is left.
pub(super) fn done(writer: &Writer, erasure: i64, now: Timestamp) -> Result<(), StoreError> {
    let act = "end an erasure";
    writer.step(act, move |transaction| {
        transaction
            .execute("UPDATE erasure SET done_at = ?2 WHERE id = ?1", params![erasure, now.as_nanos()])
            .map_err(StoreError::record(act))?;
        Ok(())
    })
}

/// The next erasures of a project, the newest first: at most `limit` with numbers below `before`.
pub(super) fn list(record: &Record, project: ProjectId, before: i64, limit: usize) -> Result<Vec<ErasureRow>, StoreError> {
    let rows: Vec<(ErasureRow, String)> = record.read("read erasures", |connection| {
        connection
            .prepare_cached(
                "SELECT id, requested_at, done_at, count(trace), ifnull(sum(spans), 0), ifnull(sum(patches), 0),
                        ifnull(sum(bytes), 0), asked, (SELECT name FROM erasure_by WHERE erasure_by.erasure = erasure.id)
                 FROM (SELECT * FROM erasure WHERE project = ?1 AND id < ?2 AND up_to > ?4 ORDER BY id DESC LIMIT ?3) AS erasure
                 LEFT JOIN erased ON erased.erasure = erasure.id GROUP BY id ORDER BY id DESC",
            )?
            .query_map(params![project.0, before, limit as i64, NOT_WHOLE], |row| {
                let [trace_count, spans, patches, bytes] =
                    [row.get::<_, i64>(3)?, row.get(4)?, row.get(5)?, row.get(6)?].map(i64::cast_unsigned);
                let erasure = ErasureRow {
                    id: row.get(0)?,
                    asked: Value::Null,
                    asked_by: row.get(8)?,
                    requested_at: Timestamp::from_nanos(row.get(1)?),
                    done_at: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_nanos),
                    trace_count,
                    spans,
                    patches,
                    bytes,
                };
                Ok((erasure, row.get(7)?))
            })?
            .collect()
    })?;
    rows.into_iter()
        .map(|(row, asked)| {
            let asked = serde_json::from_str(&asked).map_err(StoreError::damaged("an erasure"))?;
            Ok(ErasureRow { asked, ..row })
        })
        .collect()
}

/// The erasure of that number, where the project has it.
pub(super) fn find(record: &Record, project: ProjectId, id: i64) -> Result<Option<Erasure>, StoreError> {
    let row = list(record, project, id.saturating_add(1), 1)?.pop().filter(|row| row.id == id);
    row.map(|row| Ok(Erasure { traces: traces(record, id)?, row })).transpose()
}

fn traces(record: &Record, erasure: i64) -> Result<Vec<ErasedTrace>, StoreError> {
    let rows: Vec<(String, [Option<i64>; 3], Option<String>)> = record.read("read an erasure", |connection| {
        connection
            .prepare_cached("SELECT trace_id, spans, patches, bytes, hash FROM erased WHERE erasure = ?1 ORDER BY trace")?
            .query_map([erasure], |row| Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?], row.get(4)?)))?
            .collect()
    })?;
    rows.into_iter()
        .map(|(trace_id, counts, hash)| {
            let [spans, patches, bytes] = counts.map(|count| count.map(i64::cast_unsigned));
            let trace_id = TraceId::new(trace_id).map_err(StoreError::damaged("a trace id"))?;
            Ok(ErasedTrace { trace_id, spans, patches, bytes, hash })
        })
        .collect()
}
