//! Which contents of a scope are still said, and by whom: needed where traces leave a scope.
//!
//! What makes a trace leave, or patches go, marks the scope in the same transaction; a scope is marked until it was swept, so
//! that a crash leaves nothing behind. Reads the record beside the writer; what it finds is applied in a step that first looks
//! whether something came in between.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Transaction, params};

use super::chain::Hash;
use super::homes;
use super::record::{Record, TraceKey};
use super::writer::Writer;
use crate::StoreError;
use crate::said::Said;

/// Nodes that are taken away at a time; for the rest the scope is looked through again.
const GONE_AT_A_TIME: usize = 2_000;
/// ... and bytes of them, since what is deleted is overwritten, and appends wait meanwhile.
const GONE_BYTES_AT_A_TIME: u64 = 8 << 20;
/// How often what came in between is looked at before a scope that is told of all the time is left for the next round.
const TRIES: usize = 100;

/// What is to change in a scope so that it holds what its traces say, and nothing else.
#[derive(Debug, Clone)]
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

/// The nodes of a scope.
struct Nodes {
    by_name: HashMap<Hash, i64>,
    by_number: HashMap<i64, Node>,
    /// The media that nodes show.
    media: HashMap<i64, Vec<Hash>>,
}

struct Node {
    parent: Option<i64>,
    brought_by: u64,
    bytes: u64,
}

impl Nodes {
    /// Every node that is needed to read the content that ends at `head`, and that was not met before: those above it, and
    /// the media that they show.
    fn reach(&self, head: &Hash, meet: &mut impl FnMut(i64) -> bool) {
        let mut ends = vec![head];
        while let Some(end) = ends.pop() {
            let mut at = self.by_name.get(end).copied();
            while let Some(number) = at.filter(|number| meet(*number)) {
                ends.extend(self.media.get(&number).into_iter().flatten());
                at = self.by_number.get(&number).and_then(|node| node.parent);
            }
        }
    }
}

fn nodes(record: &Record, scope: i64) -> Result<Nodes, StoreError> {
    record.read("read a scope", |connection| {
        let mut nodes = Nodes { by_name: HashMap::new(), by_number: HashMap::new(), media: HashMap::new() };
        let mut query = connection.prepare_cached("SELECT id, hash, parent, seq, length(body) FROM node WHERE scope = ?1")?;
        let mut rows = query.query([scope])?;
        while let Some(row) = rows.next()? {
            let number = row.get(0)?;
            nodes.by_name.insert(row.get(1)?, number);
            let [brought_by, bytes] = [row.get::<_, i64>(3)?, row.get(4)?].map(i64::cast_unsigned);
            nodes.by_number.insert(number, Node { parent: row.get(2)?, brought_by, bytes });
        }
        let mut query = connection
            .prepare_cached("SELECT node, medium FROM node CROSS JOIN shown ON shown.node = node.id WHERE scope = ?1")?;
        let mut rows = query.query([scope])?;
        while let Some(row) = rows.next()? {
            nodes.media.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        Ok(nodes)
    })
}

/// The traces whose nodes are in a scope.
const TRACES: &str = "SELECT id FROM trace WHERE home = ?1 UNION ALL SELECT id FROM trace WHERE id = -?1 AND home IS NULL";

fn traces(record: &Record, scope: i64) -> Result<Vec<TraceKey>, StoreError> {
    let numbers: Vec<i64> = record.read("read the traces of a scope", |connection| {
        connection.prepare_cached(TRACES)?.query_map([scope], |row| row.get(0))?.collect()
    })?;
    let mut traces = Vec::with_capacity(numbers.len());
    for number in numbers {
        traces.extend(record.numbered(number)?);
    }
    Ok(traces)
}

/// The last parts of every content that patches of a trace say, with the patches.
pub(super) fn heads(record: &Record, trace: &TraceKey) -> Result<BTreeMap<u64, Vec<Hash>>, StoreError> {
    heads_behind(record, trace, 0)
}

/// As [`heads`], of the patches behind the patch `seq`.
fn heads_behind(record: &Record, trace: &TraceKey, seq: u64) -> Result<BTreeMap<u64, Vec<Hash>>, StoreError> {
    let mut heads: BTreeMap<u64, Vec<Hash>> = BTreeMap::new();
    for arrived in record.patches_behind(trace, seq)? {
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
pub(super) fn look(record: &Record, scope: i64) -> Result<Sweep, StoreError> {
    // First of all: what comes while the rest is read makes this another number.
    let seen = last_told(record, scope)?;
    let traces = traces(record, scope)?;
    let mut said: BTreeMap<u64, (i64, Vec<Hash>)> = BTreeMap::new();
    for trace in &traces {
        said.extend(heads(record, trace)?.into_iter().map(|(seq, heads)| (seq, (trace.number, heads))));
    }
    let nodes = nodes(record, scope)?;
    // In order of arrival, so that the first to say a content is taken for the one that brought it.
    let mut first: HashMap<i64, (u64, i64)> = HashMap::new();
    for (seq, (trace, heads)) in &said {
        for head in heads {
            nodes.reach(head, &mut |number| match first.entry(number) {
                Entry::Occupied(_) => false,
                Entry::Vacant(place) => {
                    place.insert((*seq, *trace));
                    true
                }
            });
        }
    }
    let mut sweep = Sweep { scope, seen, gone: Vec::new(), more: false, passed_on: Vec::new() };
    let mut gone = Vec::new();
    for (number, node) in nodes.by_number {
        match first.get(&number) {
            None => gone.push((number, node.bytes)),
            Some((seq, trace)) if !said.contains_key(&node.brought_by) => sweep.passed_on.push((number, *seq, *trace)),
            Some(_) => {}
        }
    }
    // Those below before those above, which are always older: what is left of a path is a path, should it be said again.
    gone.sort_unstable_by_key(|(number, _)| Reverse(*number));
    let mut bytes = 0;
    for (number, size) in gone {
        if sweep.gone.len() >= GONE_AT_A_TIME || bytes >= GONE_BYTES_AT_A_TIME {
            sweep.more = true;
            break;
        }
        bytes += size;
        sweep.gone.push(number);
    }
    Ok(sweep)
}

fn last_told(record: &Record, scope: i64) -> Result<u64, StoreError> {
    let seq: i64 = record
        .read("read the traces of a scope", |connection| connection.query_row(&sql_of_last_told(), [scope], |row| row.get(0)))?;
    Ok(seq.cast_unsigned())
}

/// Counts marks too: a trace that comes into the scope is marked.
fn sql_of_last_told() -> String {
    format!("SELECT ifnull(max(seq), 0) FROM ({TRACES}) AS at JOIN patch ON patch.trace = at.id")
}

impl Sweep {
    /// Nodes that nothing says, at least some of them.
    pub(super) fn gone(&self) -> &[i64] {
        &self.gone
    }

    /// Nodes whose bringer is gone.
    pub(super) fn without_bringer(&self) -> impl Iterator<Item = i64> {
        self.passed_on.iter().map(|(number, _, _)| *number)
    }

    /// Looks at what was told in between, which is little: only what the keeper itself does, and moves between scopes, which wait
    /// for it, take anything away.
    fn catch_up(&mut self, record: &Record) -> Result<(), StoreError> {
        let seen = last_told(record, self.scope)?;
        let numbers: Vec<i64> = record.read("read the traces of a scope", |connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT at.id FROM ({TRACES}) AS at WHERE ?2 <
                     (SELECT max(seq) FROM patch WHERE patch.trace = at.id AND length(body) > 0)"
                ))?
                .query_map(params![self.scope, self.seen.cast_signed()], |row| row.get(0))?
                .collect()
        })?;
        for number in numbers {
            let Some(trace) = record.numbered(number)? else { continue };
            let said = homes::reached(record, self.scope, heads_behind(record, &trace, self.seen)?)?;
            self.gone.retain(|number| !said.contains(number));
        }
        self.seen = seen;
        Ok(())
    }

    /// Applies what was found, unless something was told in between; then catch up. Says which traces the index has to
    /// follow.
    fn apply(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Option<BTreeSet<i64>>> {
        let last: i64 = transaction.prepare_cached(&sql_of_last_told())?.query_row([self.scope], |row| row.get(0))?;
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

/// Tells the index that something about a trace has changed other than by a patch.
fn mark(transaction: &Transaction<'_>, trace: i64) -> rusqlite::Result<()> {
    mark_scope(transaction, trace, SWEPT)
}

/// As [`mark`], and says that there may be contents in a scope that nothing says any more.
pub(super) fn mark_scope(transaction: &Transaction<'_>, trace: i64, scope: i64) -> rusqlite::Result<()> {
    // The digest only has to differ from that of the marks before.
    transaction
        .prepare_cached(
            "INSERT INTO patch (trace, span, digest, received_at, body)
             SELECT ?1, ?2, ifnull(max(seq), 0), 0, x'' FROM sqlite_sequence WHERE name = 'patch'",
        )?
        .execute([trace, scope])?;
    Ok(())
}

/// What a mark says of a scope where there is none to sweep, or it was swept.
pub(super) const SWEPT: i64 = 0;

/// Sweeps the scopes that are marked. One that cannot be swept stays marked and does not keep the others from it; the first error
/// is told.
pub(super) fn sweep_marked(record: &Record, writer: &Writer) -> Result<(), StoreError> {
    let act = "sweep scopes";
    let mut failed = Ok(());
    let marks: Vec<(i64, i64)> = record.read(act, |connection| {
        connection
            .prepare_cached("SELECT span, seq FROM patch WHERE length(body) = 0 AND span != ?1 ORDER BY span")?
            .query_map([SWEPT], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    })?;
    for scope in marks.chunk_by(|(scope, _), (next, _)| scope == next) {
        if let Some((scope, _)) = scope.first()
            && let Err(error) = clean(record, writer, *scope)
        {
            failed = failed.and(Err(error));
            continue;
        }
        let seqs: Vec<i64> = scope.iter().map(|(_, seq)| *seq).collect();
        writer.step(act, move |transaction| {
            let mut update =
                transaction.prepare_cached("UPDATE patch SET span = ?2 WHERE seq = ?1").map_err(StoreError::record(act))?;
            for seq in &seqs {
                update.execute([*seq, SWEPT]).map_err(StoreError::record(act))?;
            }
            Ok(())
        })?;
    }
    failed
}

/// Takes away what nothing says any more in a scope, and passes on what lost its bringer.
fn clean(record: &Record, writer: &Writer, scope: i64) -> Result<(), StoreError> {
    let act = "take away contents";
    loop {
        let _alone = record.scopes();
        let mut sweep = look(record, scope)?;
        for tried in 0.. {
            let applied = sweep.clone();
            let done = writer.step(act, move |transaction| {
                let traces = applied.apply(transaction).map_err(StoreError::record(act))?;
                for trace in traces.iter().flatten() {
                    mark(transaction, *trace).map_err(StoreError::record(act))?;
                }
                Ok(traces.is_some())
            })?;
            if done {
                break;
            }
            if tried == TRIES {
                return Err(StoreError::Busy { act });
            }
            sweep.catch_up(record)?;
        }
        if !sweep.more {
            return Ok(());
        }
    }
}
