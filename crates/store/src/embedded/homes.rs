//! Moves the contents of a trace into the scope of its conversation, once it is known which that is.
//!
//! Clients often name the conversation on the root alone, which may come last. Until then a trace is at home in a scope of its
//! own. Moving copies the nodes in small steps, then changes the home in one, then takes the old nodes away: a reader finds the
//! contents at every moment. A move that is cut off is made again, since the index asks for it before it is complete.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Transaction, params};

use super::chain::Hash;
use super::record::{Record, TraceKey};
use super::sweep::{self, Mark};
use super::writer::{self, Alone, Writer};
use crate::StoreError;

/// Nodes that are copied, or taken away, in one step.
const STEP_NODES: usize = 500;
/// How often a move is begun anew because patches came in between; after that it waits until the index asks again.
const TRIES: usize = 3;

/// A node on its way.
struct Moving {
    number: i64,
    name: Hash,
    above: Option<Hash>,
}

/// Moves the contents of a trace to its conversation; says whether something changed.
pub(super) fn move_in(record: &Record, writer: &Writer, trace: i64, conversation_id: &str) -> Result<bool, StoreError> {
    // What is copied is said by nobody until the trace is at home there.
    let alone = writer.scopes();
    for _ in 0..TRIES {
        let Some(key) = record.numbered(trace)? else { return Ok(false) };
        let (project, id) = (key.project, conversation_id.to_owned());
        let target = writer.step("make a conversation", move |transaction| {
            writer::conversation(transaction, project, &id).map_err(StoreError::record("make a conversation"))
        })?;
        if key.home == Some(target) {
            return Ok(false);
        }
        let heads = sweep::heads(record, &key)?;
        let seen = record.last_patch_of(&key)?;
        let nodes = path_nodes(record, key.scope(), heads.into_values().flatten())?;
        let mut nodes = nodes.into_iter();
        loop {
            let some: Vec<Moving> = nodes.by_ref().take(STEP_NODES).collect();
            if some.is_empty() {
                break;
            }
            writer.step("move contents", move |transaction| {
                copy(transaction, &some, target).map_err(StoreError::record("move contents"))
            })?;
        }
        let (moved, at) = (key.clone(), seen);
        let done = writer.step("move a trace", move |transaction| {
            settle(transaction, &moved, at, target).map_err(StoreError::record("move a trace"))
        })?;
        if done {
            leave(record, writer, &key, &alone)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The nodes of the paths that end at `heads`, those above before those below.
fn path_nodes(record: &Record, scope: i64, heads: impl Iterator<Item = Hash>) -> Result<Vec<Moving>, StoreError> {
    record.read("read contents", |connection| {
        let mut by_name = connection.prepare_cached("SELECT id, hash, parent FROM node WHERE scope = ?1 AND hash = ?2")?;
        let mut by_number = connection.prepare_cached("SELECT id, hash, parent FROM node WHERE id = ?1")?;
        let node = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Hash>(1)?, row.get::<_, Option<i64>>(2)?));
        let mut seen = HashSet::new();
        let mut nodes: Vec<Moving> = Vec::new();
        for head in heads {
            let mut path = Vec::new();
            let mut at = by_name.query_row(params![scope, head], node).optional()?;
            while let Some((number, name, parent)) = at {
                if let Some(Moving { above, .. }) = path.last_mut() {
                    *above = Some(name);
                }
                if !seen.insert(number) {
                    break;
                }
                path.push(Moving { number, name, above: None });
                at = parent.map(|parent| by_number.query_row([parent], node).optional()).transpose()?.flatten();
            }
            nodes.extend(path.into_iter().rev());
        }
        Ok(nodes)
    })
}

fn copy(transaction: &Transaction<'_>, nodes: &[Moving], target: i64) -> rusqlite::Result<()> {
    for node in nodes {
        if writer::id(transaction, target, &node.name)?.is_some() {
            continue;
        }
        let parent = node.above.map(|above| writer::id(transaction, target, &above)).transpose()?.flatten();
        transaction
            .prepare_cached(
                "INSERT INTO node (scope, hash, parent, seq, body) SELECT ?2, hash, ?3, seq, body FROM node WHERE id = ?1",
            )?
            .execute(params![node.number, target, parent])?;
    }
    Ok(())
}

/// Makes the conversation the home of a trace, unless patches of it came in between.
fn settle(transaction: &Transaction<'_>, trace: &TraceKey, seen: u64, target: i64) -> rusqlite::Result<bool> {
    if !sweep::is_unchanged(transaction, trace, seen)? {
        return Ok(false);
    }
    transaction.prepare_cached("UPDATE trace SET home = ?2 WHERE id = ?1")?.execute([trace.number, target])?;
    sweep::mark(transaction, trace.number, Mark::Changed)?;
    Ok(true)
}

/// Takes away what nothing says any more in the scope that a trace has left.
fn leave(record: &Record, writer: &Writer, left: &TraceKey, alone: &Alone<'_>) -> Result<(), StoreError> {
    match left.home {
        Some(conversation) => sweep::clean(record, writer, conversation, alone),
        None => empty(writer, left.scope()),
    }
}

/// Takes away all nodes of a scope that no trace has any more.
fn empty(writer: &Writer, scope: i64) -> Result<(), StoreError> {
    let act = "take away contents";
    loop {
        let gone = writer.step(act, move |transaction| {
            transaction
                .prepare_cached("DELETE FROM node WHERE id IN (SELECT id FROM node WHERE scope = ?1 LIMIT ?2)")
                .and_then(|mut delete| delete.execute([scope, STEP_NODES as i64]))
                .map_err(StoreError::record(act))
        })?;
        if gone < STEP_NODES {
            return Ok(());
        }
    }
}
