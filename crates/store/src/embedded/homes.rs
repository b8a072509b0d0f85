//! Moves the contents of a trace into the scope of its conversation, once it is known which that is.
//!
//! Clients often name the conversation on the root alone, which may come last. Until then a trace is at home in a scope of its
//! own. Moving copies the nodes in small steps, then changes the home in one, then takes the old nodes away: a reader finds the
//! contents at every moment. A move that is cut off is made again, since the index asks for it before it is complete.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Transaction, params};

use super::chain::Hash;
use super::record::{Record, TraceKey};
use super::sweep;
use super::writer::{self, Writer};
use crate::StoreError;

/// Nodes that are copied, or taken away, in one step.
const STEP_NODES: usize = 500;
/// ... and bytes of them after which a step ends, since appends wait meanwhile.
const STEP_BYTES: u64 = 4 << 20;
/// How often a move is begun anew because patches came in between; after that it waits until the index asks again.
const TRIES: usize = 3;

/// A node on its way.
struct Moving {
    number: i64,
    name: Hash,
    above: Option<Hash>,
    bytes: u64,
}

/// Moves the contents of a trace to its conversation; says whether something changed.
pub(super) fn move_in(record: &Record, writer: &Writer, trace: i64, conversation_id: &str) -> Result<bool, StoreError> {
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
            let (mut some, mut bytes) = (Vec::new(), 0);
            while some.len() < STEP_NODES && bytes < STEP_BYTES {
                let Some(node) = nodes.next() else { break };
                bytes += node.bytes;
                some.push(node);
            }
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
            leave(record, writer, &key)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The nodes of the paths that end at `heads` and of the media that they show, those above before those below.
fn path_nodes(record: &Record, scope: i64, heads: impl Iterator<Item = Hash>) -> Result<Vec<Moving>, StoreError> {
    record.read("read contents", |connection| {
        let mut by_name =
            connection.prepare_cached("SELECT id, hash, length(body), parent FROM node WHERE scope = ?1 AND hash = ?2")?;
        let mut by_number = connection.prepare_cached("SELECT id, hash, length(body), parent FROM node WHERE id = ?1")?;
        let mut media = connection.prepare_cached("SELECT medium FROM shown WHERE node = ?1")?;
        let node = |row: &rusqlite::Row<'_>| {
            let bytes = row.get::<_, i64>(2)?.cast_unsigned();
            Ok((Moving { number: row.get(0)?, name: row.get(1)?, above: None, bytes }, row.get::<_, Option<i64>>(3)?))
        };
        let mut seen = HashSet::new();
        let mut nodes: Vec<Moving> = Vec::new();
        let mut heads: Vec<Hash> = heads.collect();
        while let Some(head) = heads.pop() {
            let mut path: Vec<Moving> = Vec::new();
            let mut at = by_name.query_row(params![scope, head], node).optional()?;
            while let Some((moving, parent)) = at {
                if let Some(Moving { above, .. }) = path.last_mut() {
                    *above = Some(moving.name);
                }
                if !seen.insert(moving.number) {
                    break;
                }
                for medium in media.query_map([moving.number], |row| row.get(0))? {
                    heads.push(medium?);
                }
                path.push(moving);
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
        transaction
            .prepare_cached("INSERT INTO shown (node, medium) SELECT ?2, medium FROM shown WHERE node = ?1")?
            .execute([node.number, transaction.last_insert_rowid()])?;
    }
    Ok(())
}

/// Makes the conversation the home of a trace, unless patches of it came in between.
fn settle(transaction: &Transaction<'_>, trace: &TraceKey, seen: u64, target: i64) -> rusqlite::Result<bool> {
    if !sweep::is_unchanged(transaction, trace, seen)? {
        return Ok(false);
    }
    transaction.prepare_cached("UPDATE trace SET home = ?2 WHERE id = ?1")?.execute([trace.number, target])?;
    sweep::mark(transaction, trace.number)?;
    Ok(true)
}

/// Takes away what nothing says any more in the scope that a trace has left.
fn leave(record: &Record, writer: &Writer, left: &TraceKey) -> Result<(), StoreError> {
    match left.home {
        Some(conversation) => sweep::clean(record, writer, conversation),
        None => empty(writer, left.scope()),
    }
}

/// Takes away all nodes of a scope.
pub(super) fn empty(writer: &Writer, scope: i64) -> Result<(), StoreError> {
    let act = "take away contents";
    loop {
        let gone = writer.step(act, move |transaction| empty_some(transaction, scope).map_err(StoreError::record(act)))?;
        if gone == 0 {
            return Ok(());
        }
    }
}

/// Takes away some nodes of a scope, those below before those above, and says how many.
fn empty_some(transaction: &Transaction<'_>, scope: i64) -> rusqlite::Result<usize> {
    let mut delete = transaction.prepare_cached("DELETE FROM node WHERE id = ?1")?;
    let mut some = transaction.prepare_cached(
        "SELECT id, length(body) FROM node WHERE id IN (SELECT id FROM node WHERE scope = ?1 ORDER BY id DESC LIMIT ?2)
         ORDER BY id DESC",
    )?;
    let nodes: Vec<(i64, i64)> =
        some.query_map([scope, STEP_NODES as i64], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let (mut gone, mut bytes) = (0, 0);
    for (number, size) in nodes {
        delete.execute([number])?;
        gone += 1;
        bytes += size.cast_unsigned();
        if bytes >= STEP_BYTES {
            break;
        }
    }
    Ok(gone)
}
