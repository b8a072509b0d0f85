//! Takes traces out of the record, in steps that appends go between: their patches, the contents that only they said, and
//! what was learnt from them. The index follows by marks.
//!
//! A mark says that a trace is leaving: what came before the mark goes, what comes after it stays. The mark is there from
//! before the first step until after the last, so that a removal that is cut off is found again.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Transaction, params};

use super::record::{Record, TraceKey};
use super::sweep::{self, Mark};
use super::writer::Writer;
use crate::StoreError;

/// Patches that are taken away in one step.
const STEP_PATCHES: usize = 500;

/// A trace that is marked to leave.
#[derive(Debug, Clone)]
pub(super) struct Leaving {
    trace: TraceKey,
    /// The last mark.
    pub(super) before: u64,
}

/// What was there of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) spans: u64,
    pub(super) patches: u64,
    /// Bytes of its patches in the record, without those of its contents.
    pub(super) bytes: u64,
    /// BLAKE3 of the checksums of its patches in order of arrival, in base 16.
    pub(super) hash: String,
}

/// What there is of a trace that came before the patch or mark `before`.
pub(super) fn describe(record: &Record, trace: i64, before: u64) -> Result<Removed, StoreError> {
    record.read("describe a trace", |connection| {
        let mut query = connection.prepare_cached(
            "SELECT span, digest, length(body) FROM patch WHERE trace = ?1 AND length(body) > 0 AND seq < ?2 ORDER BY seq",
        )?;
        let mut rows = query.query(params![trace, before.cast_signed()])?;
        let (mut hasher, mut spans, mut patches, mut bytes) = (blake3::Hasher::new(), BTreeSet::new(), 0, 0);
        while let Some(row) = rows.next()? {
            spans.insert(row.get::<_, i64>(0)?);
            hasher.update(&row.get::<_, i64>(1)?.to_le_bytes());
            bytes += row.get::<_, i64>(2)?.cast_unsigned();
            patches += 1;
        }
        Ok(Removed { spans: spans.len() as u64, patches, bytes, hash: hasher.finalize().to_hex().to_string() })
    })
}

/// Number of patches of a trace.
pub(super) fn patches(record: &Record, trace: &TraceKey) -> Result<u64, StoreError> {
    Ok(describe(record, trace.number, i64::MAX.cast_unsigned())?.patches)
}

/// The trace of that number, where it is marked to leave.
pub(super) fn leaving(record: &Record, number: i64) -> Result<Option<Leaving>, StoreError> {
    let mark: Option<i64> = record.read("find a mark", |connection| {
        connection
            .prepare_cached("SELECT max(seq) FROM patch WHERE trace = ?1 AND span = ?2 AND length(body) = 0")?
            .query_row([number, Mark::Leaving as i64], |row| row.get(0))
    })?;
    let Some(before) = mark else { return Ok(None) };
    Ok(record.numbered(number)?.map(|trace| Leaving { trace, before: before.cast_unsigned() }))
}

/// Removes what there is now of some traces.
pub(super) fn remove_now(record: &Record, writer: &Writer, traces: &[TraceKey]) -> Result<(), StoreError> {
    let act = "mark traces";
    let numbers: Vec<i64> = traces.iter().map(|trace| trace.number).collect();
    let marked = numbers.clone();
    writer.step(act, move |transaction| {
        marked.iter().try_for_each(|trace| sweep::mark(transaction, *trace, Mark::Leaving)).map_err(StoreError::record(act))
    })?;
    let leaving: Vec<Leaving> =
        numbers.into_iter().map(|number| leaving(record, number)).filter_map(Result::transpose).collect::<Result<_, _>>()?;
    remove(record, writer, &leaving)
}

/// Goes on with removals that were cut off. Traces whose receipt is not written yet are left to their erasure.
pub(super) fn go_on(record: &Record, writer: &Writer) -> Result<(), StoreError> {
    let numbers: Vec<i64> = record.read("find marks", |connection| {
        connection
            .prepare_cached(
                "SELECT DISTINCT trace FROM patch WHERE length(body) = 0 AND span = ?1 AND trace NOT IN
                 (SELECT trace FROM erasure JOIN erased ON erased.erasure = erasure.id WHERE done_at IS NULL AND hash IS NULL)",
            )?
            .query_map([Mark::Leaving as i64], |row| row.get(0))?
            .collect()
    })?;
    let leaving: Vec<Leaving> =
        numbers.into_iter().map(|number| leaving(record, number)).filter_map(Result::transpose).collect::<Result<_, _>>()?;
    remove(record, writer, &leaving)
}

/// Takes what leaves out of the record.
pub(super) fn remove(record: &Record, writer: &Writer, leaving: &[Leaving]) -> Result<(), StoreError> {
    if leaving.is_empty() {
        return Ok(());
    }
    let mut scopes = BTreeSet::new();
    for Leaving { trace, before } in leaving {
        remove_patches(writer, trace.number, *before)?;
        scopes.insert(-trace.number);
        // Contents may be in any of these: a move that was cut off leaves copies behind.
        scopes.extend(trace.home);
        scopes.extend(conversations(record, trace.number)?);
    }
    for scope in scopes {
        sweep::clean(record, writer, scope, &writer.scopes())?;
    }
    let act = "mark traces";
    let left: Vec<(i64, u64)> = leaving.iter().map(|leaving| (leaving.trace.number, leaving.before)).collect();
    writer.step(act, move |transaction| {
        left.iter().try_for_each(|(trace, before)| has_left(transaction, *trace, *before)).map_err(StoreError::record(act))
    })
}

fn has_left(transaction: &Transaction<'_>, trace: i64, before: u64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM patch WHERE trace = ?1 AND span = ?2 AND length(body) = 0 AND seq <= ?3")?
        .execute(params![trace, Mark::Leaving as i64, before.cast_signed()])?;
    sweep::mark(transaction, trace, Mark::Changed)
}

/// The conversations that a trace ever named.
fn conversations(record: &Record, trace: i64) -> Result<Vec<i64>, StoreError> {
    record.read("read the conversations of a trace", |connection| {
        connection
            .prepare_cached("SELECT conversation FROM membership WHERE trace = ?1")?
            .query_map([trace], |row| row.get(0))?
            .collect()
    })
}

fn remove_patches(writer: &Writer, trace: i64, before: u64) -> Result<(), StoreError> {
    let act = "take away patches";
    loop {
        let gone = writer.step(act, move |transaction| {
            // First of all, so that nothing new is coded with what was learnt from the trace.
            transaction
                .prepare_cached("UPDATE dictionary SET leaving = 1 WHERE id IN (SELECT dictionary FROM learnt WHERE trace = ?1)")
                .and_then(|mut update| update.execute([trace]))
                .and_then(|_| {
                    transaction.prepare_cached(
                        "DELETE FROM patch WHERE seq IN
                         (SELECT seq FROM patch WHERE trace = ?1 AND length(body) > 0 AND seq < ?3 LIMIT ?2)",
                    )
                })
                .and_then(|mut delete| delete.execute(params![trace, STEP_PATCHES as i64, before.cast_signed()]))
                .map_err(StoreError::record(act))
        })?;
        if gone < STEP_PATCHES {
            return Ok(());
        }
    }
}

/// Takes away the marks that the index has followed up to the patch `indexed`, and with them the traces of which nothing is
/// left. Says whether there may be more.
pub(super) fn forget(transaction: &Transaction<'_>, indexed: u64) -> rusqlite::Result<bool> {
    let followed: Vec<(i64, i64)> = transaction
        .prepare_cached("SELECT seq, trace FROM patch WHERE length(body) = 0 AND span = ?2 AND seq <= ?3 LIMIT ?1")?
        .query_map(params![STEP_PATCHES as i64, Mark::Changed as i64, indexed.cast_signed()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    for (seq, trace) in &followed {
        transaction.prepare_cached("DELETE FROM patch WHERE seq = ?1")?.execute([seq])?;
        if !transaction.prepare_cached("SELECT 1 FROM patch WHERE trace = ?1 LIMIT 1")?.exists([trace])? {
            forget_trace(transaction, *trace)?;
        }
    }
    Ok(followed.len() == STEP_PATCHES)
}

fn forget_trace(transaction: &Transaction<'_>, trace: i64) -> rusqlite::Result<()> {
    let home: Option<i64> = transaction
        .prepare_cached("SELECT home FROM trace WHERE id = ?1")?
        .query_row([trace], |row| row.get(0))
        .optional()?
        .flatten();
    let mut conversations: BTreeSet<i64> = transaction
        .prepare_cached("SELECT conversation FROM membership WHERE trace = ?1")?
        .query_map([trace], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    conversations.extend(home);
    transaction.prepare_cached("DELETE FROM membership WHERE trace = ?1")?.execute([trace])?;
    transaction.prepare_cached("DELETE FROM trace WHERE id = ?1")?.execute([trace])?;
    for conversation in conversations {
        transaction
            .prepare_cached(
                "DELETE FROM conversation WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM membership WHERE conversation = ?1)
                 AND NOT EXISTS (SELECT 1 FROM trace WHERE home = ?1)",
            )?
            .execute([conversation])?;
    }
    Ok(())
}
