//! What was asked to be erased, and its receipts.
//!
//! An erasure is written down before it begins, and goes on after a crash. It is done when nothing of its traces is left: not in
//! the record, in pages that are free, in the write-ahead log, in segments of the index, or in a dictionary.

use neuraltrust_model::{Timestamp, TraceId};
use rusqlite::params;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::record::{Record, TraceKey};
use super::removal;
use super::writer::Writer;
use crate::{ProjectId, StoreError};

/// Something that was asked to be erased.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Erasure {
    /// Its number.
    pub id: i64,
    /// What was asked for.
    pub asked: Value,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub requested_at: Timestamp,
    /// When nothing was left; null while it goes on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub done_at: Option<Timestamp>,
    /// Number of spans in all of its traces.
    pub spans: u64,
    /// Number of messages about them.
    pub patches: u64,
    /// Bytes of those messages in the record.
    pub bytes: u64,
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

/// Writes down what is to be erased, and says its number.
pub(super) fn ask(
    writer: &Writer,
    project: ProjectId,
    asked: &Value,
    traces: Vec<TraceKey>,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let act = "ask for an erasure";
    let asked = asked.to_string();
    writer.step(act, move |transaction| {
        let ask = || -> rusqlite::Result<i64> {
            transaction.execute(
                "INSERT INTO erasure (project, asked, requested_at, up_to)
                 SELECT ?1, ?2, ?3, ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'patch'",
                params![project.0, asked, now.as_nanos()],
            )?;
            let id = transaction.last_insert_rowid();
            let mut insert = transaction.prepare_cached("INSERT INTO erased (erasure, trace, trace_id) VALUES (?1, ?2, ?3)")?;
            for trace in &traces {
                insert.execute(params![id, trace.number, trace.trace_id.as_str()])?;
            }
            Ok(id)
        };
        ask().map_err(StoreError::record(act))
    })
}

/// The erasures that are not done yet.
pub(super) fn open(record: &Record) -> Result<Vec<i64>, StoreError> {
    record.read("find erasures", |connection| {
        connection
            .prepare_cached("SELECT id FROM erasure WHERE done_at IS NULL ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect()
    })
}

/// Takes the traces of an erasure out of the record, those that are still there, and keeps what was there of each.
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

/// The erasures of a project, the newest first, at most `limit`; or the one of that number.
pub(super) fn list(record: &Record, project: ProjectId, id: Option<i64>, limit: usize) -> Result<Vec<Erasure>, StoreError> {
    let rows: Vec<(i64, String, i64, Option<i64>)> = record.read("read erasures", |connection| {
        connection
            .prepare_cached(
                "SELECT id, asked, requested_at, done_at FROM erasure WHERE project = ?1 AND ifnull(id = ?2, 1)
                 ORDER BY id DESC LIMIT ?3",
            )?
            .query_map(params![project.0, id, limit as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect()
    })?;
    rows.into_iter()
        .map(|(id, asked, requested_at, done_at)| {
            let traces = traces(record, id)?;
            let sum = |count: fn(&ErasedTrace) -> Option<u64>| traces.iter().filter_map(count).sum();
            Ok(Erasure {
                id,
                asked: serde_json::from_str(&asked).map_err(StoreError::damaged("an erasure"))?,
                requested_at: Timestamp::from_nanos(requested_at),
                done_at: done_at.map(Timestamp::from_nanos),
                spans: sum(|trace| trace.spans),
                patches: sum(|trace| trace.patches),
                bytes: sum(|trace| trace.bytes),
                traces,
            })
        })
        .collect()
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
