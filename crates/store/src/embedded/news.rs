//! What has changed in the lists: gathered while the index follows the record, looked up for who was away, and the rows of it
//! that pass a filter.

use std::collections::BTreeSet;

use neuraltrust_model::{SpanId, TraceId};
use rusqlite::{OptionalExtension, Transaction};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tantivy::query::TermSetQuery;

use super::budget::Budget;
use super::clauses::{Clauses, all};
use super::index::SearchIndex;
use super::lists;
use super::order;
use super::record::Record;
use crate::changes::{Change, Gathered, NAMED_SPANS, Rows};
use crate::fields::{Field, Key, Value};
use crate::{Filter, ListOf, Order, ProjectId, StoreError, Test};

/// Most patches that are looked through for who was away; then it is told to read everything again.
const LOOKED_THROUGH: usize = 10_000;
/// Most things of a list whose rows are looked up for one change.
const LOOKED_UP: usize = 2_000;

/// Notes that something of a trace was taken away with the newest patch. What is gone cannot be named to who was away.
pub(super) fn note_removal(transaction: &Transaction<'_>, trace: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO meta (key, value) SELECT 'removed/' || project, (SELECT seq FROM sqlite_sequence WHERE name = 'patch')
             FROM trace WHERE id = ?1 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute([trace])
        .map(drop)
}

/// The patch with which something of the project was last taken away; 0 where nothing ever was.
fn last_removal(record: &Record, project: ProjectId) -> Result<u64, StoreError> {
    let found: Option<i64> = record.read("read what was removed", |connection| {
        connection
            .prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?1")?
            .query_row([format!("removed/{}", project.get())], |row| row.get(0))
            .optional()
    })?;
    Ok(found.unwrap_or_default().cast_unsigned())
}

/// What has changed since the patch `seq`, in lists that are complete up to `indexed`; `None` where that cannot be told. Of a
/// trace that has changed all spans are named.
pub(super) fn since(
    index: &SearchIndex,
    record: &Record,
    project: ProjectId,
    seq: u64,
    indexed: u64,
    budget: &Budget,
) -> Result<Option<Change>, StoreError> {
    if seq > indexed || last_removal(record, project)? > seq {
        return Ok(None);
    }
    let changes = record.changes_after(seq, LOOKED_THROUGH + 1)?;
    if changes.patches > LOOKED_THROUGH {
        return Ok(None);
    }
    let mut gathered = Gathered::default();
    for number in changes.traces.into_keys() {
        let Some(trace) = record.numbered(number)? else { return Ok(None) };
        if trace.project != project {
            continue;
        }
        let named = record.named_by(&trace)?;
        if named.is_empty() {
            gathered.conversations.insert(trace.trace_id.clone().into());
        }
        gathered.conversations.extend(named);
        gathered.traces.insert(trace.trace_id);
    }
    if !gathered.traces.is_empty() {
        let ids = gathered.traces.iter().map(|id| Value::Text(id.to_string())).collect();
        let of_them = Filter::Is(Key::Field(Field::TraceId), Test::OneOf(ids));
        for Ids { trace_id, span_id } in rows_of(index, project, ListOf::Spans, &of_them, None, NAMED_SPANS + 1, budget)? {
            gathered.span(&trace_id, &span_id);
        }
    }
    Ok(Some(gathered.change(project, indexed)))
}

/// The ids in the row of a span.
#[derive(Deserialize)]
struct Ids {
    trace_id: TraceId,
    span_id: SpanId,
}

/// The rows of what has changed that pass the filter, the oldest first; `None` where too much has changed.
pub(super) fn rows(
    index: &SearchIndex,
    project: ProjectId,
    list: ListOf,
    change: &Change,
    filter: &Filter,
    budget: &Budget,
) -> Result<Option<Rows>, StoreError> {
    let keys: BTreeSet<String> = match (list, &change.span_ids) {
        (ListOf::Conversations, _) => change.conversation_ids.iter().map(ToString::to_string).collect(),
        (ListOf::Traces, _) => change.trace_ids.iter().map(ToString::to_string).collect(),
        (ListOf::Spans, Some(spans)) => spans.iter().map(|(trace, span)| format!("{trace}/{span}")).collect(),
        (ListOf::Spans, None) => return Ok(None),
    };
    if keys.len() > LOOKED_UP {
        return Ok(None);
    }
    Ok(Some(match list {
        ListOf::Conversations => Rows::Conversations(rows_of(index, project, list, filter, Some(&keys), LOOKED_UP, budget)?),
        ListOf::Traces => Rows::Traces(rows_of(index, project, list, filter, Some(&keys), LOOKED_UP, budget)?),
        ListOf::Spans => Rows::Spans(rows_of(index, project, list, filter, Some(&keys), LOOKED_UP, budget)?),
    }))
}

/// Rows of a list that pass the filter, of all or of those of these keys; the oldest first.
fn rows_of<T: DeserializeOwned>(
    index: &SearchIndex,
    project: ProjectId,
    list: ListOf,
    filter: &Filter,
    keys: Option<&BTreeSet<String>>,
    limit: usize,
    budget: &Budget,
) -> Result<Vec<T>, StoreError> {
    if keys.is_some_and(BTreeSet::is_empty) {
        return Ok(Vec::new());
    }
    let (searcher, cut) = (index.reader.searcher(), std::cell::Cell::new(false));
    let clauses = Clauses { only: keys, ..Clauses::new(index, &searcher, project, list, &cut, budget) };
    let mut query = clauses.query(filter)?;
    if let Some(keys) = keys {
        let keys = TermSetQuery::new(keys.iter().map(|key| index.fields.key_of(project, list, key)));
        query = all(vec![Box::new(keys), query]);
    }
    let found = order::first(&searcher, &*query, Order::OLDEST_FIRST, limit)?;
    budget.check()?;
    found.into_iter().map(|(_, at)| lists::read(&lists::row(index, &searcher, at)?)).collect()
}
