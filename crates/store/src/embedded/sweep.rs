//! Which contents of a scope are still said, and by whom: needed where traces leave a scope.
//!
//! Reads the record beside the writer; what it finds is applied in a step that first looks whether something came in between.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Transaction, params};

use super::chain::Hash;
use super::record::{Record, TraceKey};
use super::writer::{Alone, Writer};
use crate::StoreError;
use crate::said::Said;

/// Nodes that are taken away at a time; for the rest the scope is looked through again.
const GONE_AT_A_TIME: usize = 2_000;

/// What is to change in a scope so that it holds what its traces say, and nothing else.
#[derive(Debug)]
pub(super) struct Sweep {
    scope: i64,
    /// The last patch of the scope's traces that was looked at.
    seen: u64,
    /// Nodes that nothing says any more.
    gone: Vec<i64>,
    /// Whether there are more of them.
    more: bool,
    /// Nodes whose bringer is gone, with the first patch that says them now, and its trace.
    passed_on: Vec<(i64, u64, i64)>,
}

/// The nodes of a scope: number, parent and bringer, by name.
struct Nodes {
    by_name: HashMap<Hash, i64>,
    by_number: HashMap<i64, (Option<i64>, u64)>,
}

fn nodes(record: &Record, scope: i64) -> Result<Nodes, StoreError> {
    record.read("read a scope", |connection| {
        let mut nodes = Nodes { by_name: HashMap::new(), by_number: HashMap::new() };
        let mut query = connection.prepare_cached("SELECT id, hash, parent, seq FROM node WHERE scope = ?1")?;
        let mut rows = query.query([scope])?;
        while let Some(row) = rows.next()? {
            let number = row.get(0)?;
            nodes.by_name.insert(row.get(1)?, number);
            nodes.by_number.insert(number, (row.get(2)?, row.get::<_, i64>(3)?.cast_unsigned()));
        }
        Ok(nodes)
    })
}

/// The traces whose nodes are in a scope: those at home in a conversation, or the one whose own it is.
fn traces(record: &Record, scope: i64) -> Result<Vec<TraceKey>, StoreError> {
    let numbers: Vec<i64> = record.read("read the traces of a scope", |connection| {
        let traces = "SELECT id FROM trace WHERE home = ?1 UNION ALL SELECT id FROM trace WHERE id = -?1 AND home IS NULL";
        connection.prepare_cached(traces)?.query_map([scope], |row| row.get(0))?.collect()
    })?;
    let mut traces = Vec::with_capacity(numbers.len());
    for number in numbers {
        traces.extend(record.numbered(number)?);
    }
    Ok(traces)
}

/// The last parts of every content that patches of a trace say, with the patches.
pub(super) fn heads(record: &Record, trace: &TraceKey) -> Result<BTreeMap<u64, Vec<Hash>>, StoreError> {
    let mut heads: BTreeMap<u64, Vec<Hash>> = BTreeMap::new();
    for arrived in record.patches(trace, None)? {
        for said in [arrived.input, arrived.output].into_iter().flatten() {
            if let Said::Apart(apart) = said {
                for seq in apart.said_by {
                    heads.entry(seq).or_default().extend(&apart.heads);
                }
            }
        }
    }
    Ok(heads)
}

/// Looks through a scope.
fn look(record: &Record, scope: i64) -> Result<Sweep, StoreError> {
    let traces = traces(record, scope)?;
    let seen = last_told(record, scope)?;
    let mut said: BTreeMap<u64, (i64, Vec<Hash>)> = BTreeMap::new();
    for trace in &traces {
        said.extend(heads(record, trace)?.into_iter().map(|(seq, heads)| (seq, (trace.number, heads))));
    }
    let nodes = nodes(record, scope)?;
    // In order of arrival, so that the first to say a content is taken for the one that brought it.
    let mut first: HashMap<i64, (u64, i64)> = HashMap::new();
    for (seq, (trace, heads)) in &said {
        for head in heads {
            let mut at = nodes.by_name.get(head).copied();
            while let Some(number) = at {
                if first.contains_key(&number) {
                    break;
                }
                first.insert(number, (*seq, *trace));
                at = nodes.by_number.get(&number).and_then(|(parent, _)| *parent);
            }
        }
    }
    let mut sweep = Sweep { scope, seen, gone: Vec::new(), more: false, passed_on: Vec::new() };
    for (number, (_, brought_by)) in nodes.by_number {
        match first.get(&number) {
            None if sweep.gone.len() < GONE_AT_A_TIME => sweep.gone.push(number),
            None => sweep.more = true,
            Some((seq, trace)) if !said.contains_key(&brought_by) => sweep.passed_on.push((number, *seq, *trace)),
            Some(_) => {}
        }
    }
    Ok(sweep)
}

fn last_told(record: &Record, scope: i64) -> Result<u64, StoreError> {
    let seq: i64 =
        record.read("read the traces of a scope", |connection| connection.query_row(LAST_TOLD, [scope], |row| row.get(0)))?;
    Ok(seq.cast_unsigned())
}

const LAST_TOLD: &str = "SELECT ifnull(max(seq), 0)
    FROM (SELECT id FROM trace WHERE home = ?1 UNION ALL SELECT id FROM trace WHERE id = -?1 AND home IS NULL) AS here
    JOIN patch ON patch.trace = here.id WHERE length(body) > 0";

impl Sweep {
    /// Applies what was found, unless something was told in between; then look again. Says which traces the index has to
    /// follow.
    fn apply(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Option<BTreeSet<i64>>> {
        let last: i64 = transaction.prepare_cached(LAST_TOLD)?.query_row([self.scope], |row| row.get(0))?;
        if last.cast_unsigned() != self.seen {
            return Ok(None);
        }
        let mut delete = transaction.prepare_cached("DELETE FROM node WHERE id = ?1 AND scope = ?2")?;
        for number in &self.gone {
            delete.execute([*number, self.scope])?;
        }
        let mut traces = BTreeSet::new();
        let mut pass_on = transaction.prepare_cached("UPDATE node SET seq = ?2 WHERE id = ?1")?;
        for (number, seq, trace) in &self.passed_on {
            pass_on.execute([*number, seq.cast_signed()])?;
            traces.insert(*trace);
        }
        Ok(Some(traces))
    }
}

/// Why a trace is marked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// Something about it has changed other than by a patch, and the index must follow.
    Changed = 0,
    /// What was told of it before the mark is to go. The mark stays until that is done.
    Leaving = 1,
}

/// Marks a trace.
pub(super) fn mark(transaction: &Transaction<'_>, trace: i64, mark: Mark) -> rusqlite::Result<()> {
    // The digest only has to differ from that of the marks before.
    transaction
        .prepare_cached(
            "INSERT INTO patch (trace, span, digest, received_at, body)
             SELECT ?1, ?2, ifnull(max(seq), 0), 0, x'' FROM sqlite_sequence WHERE name = 'patch'",
        )?
        .execute([trace, mark as i64])?;
    Ok(())
}

/// Tells whether a trace of that number and home is still as it was when it was looked at.
pub(super) fn is_unchanged(transaction: &Transaction<'_>, trace: &TraceKey, seen: u64) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT 1 FROM trace WHERE id = ?1 AND home IS ?2
             AND ?3 = (SELECT ifnull(max(seq), 0) FROM patch WHERE trace = ?1 AND length(body) > 0)",
        )?
        .exists(params![trace.number, trace.home, seen.cast_signed()])
}

/// Takes away what nothing says any more in a scope, and passes on what lost its bringer.
pub(super) fn clean(record: &Record, writer: &Writer, scope: i64, _: &Alone<'_>) -> Result<(), StoreError> {
    let act = "take away contents";
    loop {
        let sweep = look(record, scope)?;
        let done = writer.step(act, move |transaction| {
            let traces = sweep.apply(transaction).map_err(StoreError::record(act))?;
            for trace in traces.iter().flatten() {
                mark(transaction, *trace, Mark::Changed).map_err(StoreError::record(act))?;
            }
            Ok(traces.is_some() && !sweep.more)
        })?;
        if done {
            return Ok(());
        }
    }
}
