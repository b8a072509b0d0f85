//! Takes traces out of the record, in steps that appends go between: their patches, the contents that only they said, and
//! what was learnt from them. The index follows by marks.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Transaction, params};

use super::answers;
use super::news;
use super::record::{Record, TraceKey};
use super::sweep;
use super::writer::Writer;
use crate::StoreError;

/// Patches that are taken away in one step.
const STEP_PATCHES: usize = 500;
/// ... and bytes of them before the last, since what is deleted is overwritten, and appends wait meanwhile.
const STEP_BYTES: i64 = 8 << 20;

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

/// What there is of a trace up to the patch `up_to`.
pub(super) fn describe(record: &Record, trace: i64, up_to: u64) -> Result<Removed, StoreError> {
    record.read("describe a trace", |connection| {
        let mut query = connection.prepare_cached(
            "SELECT span, digest, length(body) FROM patch WHERE trace = ?1 AND seq <= ?2 AND length(body) > 0 ORDER BY seq",
        )?;
        let mut rows = query.query([trace, up_to.cast_signed()])?;
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

/// Takes traces out of the record, as far as they were told of up to the patch `up_to`; what comes later of them stays.
/// A removal that is cut off goes on where it was when it is called again; its marks say what is to be swept all the same.
pub(super) fn remove(record: &Record, writer: &Writer, traces: &[TraceKey], up_to: u64) -> Result<(), StoreError> {
    for trace in traces {
        remove_patches(writer, trace.number, up_to)?;
    }
    sweep::sweep_marked(record, writer)
}

fn remove_patches(writer: &Writer, number: i64, up_to: u64) -> Result<(), StoreError> {
    let act = "take away patches";
    loop {
        let gone = writer.step(act, move |transaction| {
            // First of all, so that nothing new is coded with what was learnt from the trace.
            transaction
                .prepare_cached("UPDATE dictionary SET leaving = 1 WHERE id IN (SELECT dictionary FROM learnt WHERE trace = ?1)")
                .and_then(|mut update| update.execute([number]))
                .and_then(|_| {
                    transaction.prepare_cached(
                        "DELETE FROM patch WHERE seq IN
                         (SELECT seq FROM
                          (SELECT seq, sum(length(body)) OVER (ORDER BY seq) - length(body) AS before FROM
                           (SELECT seq, body FROM patch WHERE trace = ?1 AND seq <= ?2 AND length(body) > 0
                            ORDER BY seq LIMIT ?3))
                          WHERE before < ?4)",
                    )
                })
                .and_then(|mut delete| delete.execute(params![number, up_to.cast_signed(), STEP_PATCHES as i64, STEP_BYTES]))
                // With the patches, so that the index and the contents follow though this be the last that is done.
                .and_then(|gone| mark_left(transaction, number).map(|()| gone))
                .map_err(StoreError::record(act))
        })?;
        if gone == 0 {
            return Ok(());
        }
    }
}

/// Marks a trace, the scope that its contents are in now, and the traces that tell of the same answers.
fn mark_left(transaction: &Transaction<'_>, trace: i64) -> rusqlite::Result<()> {
    for other in answers::leave(transaction, trace)? {
        sweep::mark_scope(transaction, other, sweep::SWEPT)?;
    }
    let scope: Option<i64> = transaction
        .prepare_cached("SELECT ifnull(home, -id) FROM trace WHERE id = ?1")?
        .query_row([trace], |row| row.get(0))
        .optional()?;
    sweep::mark_scope(transaction, trace, scope.unwrap_or(sweep::SWEPT))?;
    news::note_removal(transaction, trace)
}

/// Takes away the marks that the index has followed up to the patch `indexed` and whose scopes were swept, and with them the
/// traces of which nothing is left. Says whether there may be more.
pub(super) fn forget(transaction: &Transaction<'_>, indexed: u64) -> rusqlite::Result<bool> {
    let followed: Vec<(i64, i64)> = transaction
        .prepare_cached("SELECT seq, trace FROM patch WHERE length(body) = 0 AND span = ?2 AND seq <= ?3 LIMIT ?1")?
        .query_map(params![STEP_PATCHES as i64, sweep::SWEPT, indexed.cast_signed()], |row| Ok((row.get(0)?, row.get(1)?)))?
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
