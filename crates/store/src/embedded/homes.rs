//! Moves the contents of a trace into the scope of its conversation, once it is known which that is.
//!
//! Clients often name the conversation on the root alone, which may come last. Until then a trace is at home in a scope of its
//! own. Moving copies the nodes in small steps and changes the home with the last of them: a reader finds the contents at every
//! moment. Marks say which scopes are to be swept then. A move that is cut off is made again, since the index asks for it before
//! it is complete.

use std::collections::{BTreeMap, HashSet, VecDeque};

use rusqlite::{OptionalExtension, Transaction, params};

use super::chain::Hash;
use super::record::{Record, TraceKey};
use super::sweep;
use super::writer::{self, Writer};
use crate::StoreError;

/// Nodes that are copied in one step.
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
    /// The first patch of the trace that says it, which brings it to the conversation unless another has.
    said_by: u64,
}

/// Moves the contents of a trace to its conversation; says whether something changed.
pub(super) fn move_in(record: &Record, writer: &Writer, trace: i64, conversation_id: &str) -> Result<bool, StoreError> {
    let act = "move contents";
    let _alone = record.scopes();
    for _ in 0..TRIES {
        let Some(key) = record.numbered(trace)? else { return Ok(false) };
        // Before the patches are read: one that comes or goes meanwhile makes this another.
        let seen = record.told_of(&key)?;
        let mut nodes = path_nodes(record, key.scope(), sweep::heads(record, &key)?)?;
        while let Some(rest) = split(&mut nodes) {
            let (moved, id) = (key.clone(), conversation_id.to_owned());
            writer.step(act, move |transaction| ahead(transaction, &moved, &id, &nodes).map_err(StoreError::record(act)))?;
            nodes = rest;
        }
        let id = conversation_id.to_owned();
        let moved =
            writer.step(act, move |transaction| settle(transaction, &key, seen, &id, &nodes).map_err(StoreError::record(act)))?;
        match moved {
            Moved::Here => return Ok(true),
            Moved::WasHere => return Ok(false),
            Moved::NotYet => {}
        }
    }
    Ok(false)
}

/// Leaves as many nodes as are copied in one step, and gives back the others; `None` where there are none.
fn split(nodes: &mut Vec<Moving>) -> Option<Vec<Moving>> {
    let mut bytes = 0;
    let last = nodes.iter().take(STEP_NODES).position(|node| {
        bytes += node.bytes;
        bytes >= STEP_BYTES
    });
    let rest = nodes.split_off(last.map_or(STEP_NODES, |last| last + 1).min(nodes.len()));
    (!rest.is_empty()).then_some(rest)
}

/// How a move has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    Here,
    WasHere,
    /// Patches came or went in between.
    NotYet,
}

/// The numbers of the nodes of the paths that end at `heads`, and of the media that they show.
pub(super) fn reached(record: &Record, scope: i64, heads: BTreeMap<u64, Vec<Hash>>) -> Result<HashSet<i64>, StoreError> {
    Ok(path_nodes(record, scope, heads)?.into_iter().map(|node| node.number).collect())
}

/// The nodes of the paths that end at `heads` and of the media that they show, those above before those below.
fn path_nodes(record: &Record, scope: i64, heads: BTreeMap<u64, Vec<Hash>>) -> Result<Vec<Moving>, StoreError> {
    record.read("read contents", |connection| {
        let mut by_name =
            connection.prepare_cached("SELECT id, hash, length(body), parent FROM node WHERE scope = ?1 AND hash = ?2")?;
        let mut by_number = connection.prepare_cached("SELECT id, hash, length(body), parent FROM node WHERE id = ?1")?;
        let mut media = connection.prepare_cached("SELECT medium FROM shown WHERE node = ?1")?;
        let node = |row: &rusqlite::Row<'_>| {
            let bytes = row.get::<_, i64>(2)?.cast_unsigned();
            Ok((Moving { number: row.get(0)?, name: row.get(1)?, above: None, bytes, said_by: 0 }, row.get::<_, Option<i64>>(3)?))
        };
        let mut seen = HashSet::new();
        let mut nodes: Vec<Moving> = Vec::new();
        // In order of arrival, so that a node is brought by the first that says it.
        let mut heads: VecDeque<(u64, Hash)> =
            heads.into_iter().flat_map(|(seq, heads)| heads.into_iter().map(move |head| (seq, head))).collect();
        while let Some((said_by, head)) = heads.pop_front() {
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
                    heads.push_back((said_by, medium?));
                }
                path.push(Moving { said_by, ..moving });
                at = parent.map(|parent| by_number.query_row([parent], node).optional()).transpose()?.flatten();
            }
            nodes.extend(path.into_iter().rev());
        }
        Ok(nodes)
    })
}

/// Copies nodes that come before the last ones. Until the trace has followed, nothing says them there.
fn ahead(transaction: &Transaction<'_>, trace: &TraceKey, conversation_id: &str, nodes: &[Moving]) -> rusqlite::Result<()> {
    let target = writer::conversation(transaction, trace.project, conversation_id)?;
    sweep::mark_scope(transaction, trace.number, target)?;
    copy(transaction, nodes, target)
}

fn copy(transaction: &Transaction<'_>, nodes: &[Moving], target: i64) -> rusqlite::Result<()> {
    for node in nodes {
        if writer::id(transaction, target, &node.name)?.is_some() {
            continue;
        }
        let parent = node.above.map(|above| writer::id(transaction, target, &above)).transpose()?.flatten();
        transaction
            .prepare_cached(
                "INSERT INTO node (scope, hash, parent, seq, body) SELECT ?2, hash, ?3, ?4, body FROM node WHERE id = ?1",
            )?
            .execute(params![node.number, target, parent, node.said_by.cast_signed()])?;
        transaction
            .prepare_cached("INSERT INTO shown (node, medium) SELECT ?2, medium FROM shown WHERE node = ?1")?
            .execute([node.number, transaction.last_insert_rowid()])?;
    }
    Ok(())
}

/// Tells whether a trace of that number and home still has the patches that it had when it was looked at (see
/// [`Record::told_of`]). None may be gone either: its contents would be copied, and nothing would take them away again.
fn is_unchanged(transaction: &Transaction<'_>, trace: &TraceKey, (last, count): (i64, i64)) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT 1 FROM trace WHERE id = ?1 AND home IS ?2 AND (?3, ?4) =
             (SELECT ifnull(max(seq), 0), count(*) FROM patch WHERE trace = ?1 AND length(body) > 0)",
        )?
        .exists(params![trace.number, trace.home, last, count])
}

/// Copies the last nodes and makes the conversation the home of the trace, unless patches of it came or went in between.
fn settle(
    transaction: &Transaction<'_>,
    trace: &TraceKey,
    seen: (i64, i64),
    conversation_id: &str,
    nodes: &[Moving],
) -> rusqlite::Result<Moved> {
    if !is_unchanged(transaction, trace, seen)? {
        return Ok(Moved::NotYet);
    }
    let target = writer::conversation(transaction, trace.project, conversation_id)?;
    if trace.home == Some(target) {
        return Ok(Moved::WasHere);
    }
    copy(transaction, nodes, target)?;
    transaction.prepare_cached("UPDATE trace SET home = ?2 WHERE id = ?1")?.execute([trace.number, target])?;
    sweep::mark_scope(transaction, trace.number, trace.scope())?;
    Ok(Moved::Here)
}
