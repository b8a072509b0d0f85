//! What can be asked to be erased, and which traces that are.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use neuraltrust_model::{ConversationId, TraceId};
use serde_json::{Value, json};

use super::budget::Budget;
use super::facts::MAX_EXACT_TEXT;
use super::indexer::Shared;
use super::lists;
use super::record::TraceKey;
use super::text::{self, MAX_EXACT_WORD};
use crate::fields::Value as FieldValue;
use crate::{Field, Filter, ListOf, ListQuery, ProjectId, SpanRow, StoreError, Test};

/// Longest wait for the index to know everything that is in the record.
const PATIENCE: Duration = Duration::from_secs(60);
/// Spans that are looked up at a time.
const PAGE: usize = 1_000;

/// What is asked to be erased. A trace goes as a whole: where one of its spans is meant, all of them are.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// The traces of a conversation.
    Conversation(ConversationId),
    /// A trace.
    Trace(TraceId),
    /// The traces that name a user.
    User(String),
    /// The traces of the spans that a filter lets through; `told` is what the receipt says of it.
    Filter {
        /// Which spans.
        filter: Box<Filter>,
        /// The filter as it was given.
        told: Value,
    },
}

impl Asked {
    /// What the receipt says was asked for.
    pub(super) fn told(&self) -> Value {
        match self {
            Self::Conversation(id) => json!({ "conversation_id": id }),
            Self::Trace(id) => json!({ "trace_id": id }),
            Self::User(id) => json!({ "user_id": id }),
            Self::Filter { told, .. } => json!({ "filter": told }),
        }
    }

    /// The traces that are meant.
    pub(super) fn traces(&self, shared: &Shared, project: ProjectId) -> Result<Vec<TraceKey>, StoreError> {
        let record = &shared.record;
        match self {
            Self::Trace(id) => Ok(record.find(project, id)?.into_iter().collect()),
            Self::Conversation(id) => record.traces_of(project, id),
            // The index knows the beginning of an id that is very long; another that begins like it is not meant.
            Self::User(id) => found(shared, project, Filter::equals(Field::UserId, id.clone()), |row| {
                row.user.as_ref().is_some_and(|user| user.id.as_ref() == Some(id))
            }),
            Self::Filter { filter, .. } if is_exact(filter) => found(shared, project, (**filter).clone(), |_| true),
            Self::Filter { .. } => Err(StoreError::TooLong { text: MAX_EXACT_TEXT, word: MAX_EXACT_WORD }),
        }
    }
}

/// Whether everything that the filter asks for is known whole in the index.
fn is_exact(filter: &Filter) -> bool {
    let is_whole = |value: &FieldValue| match value {
        FieldValue::Text(text) => text.len() <= MAX_EXACT_TEXT,
        FieldValue::Number(_) | FieldValue::Flag(_) | FieldValue::Time(_) => true,
    };
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().all(is_exact),
        Filter::Not(part) | Filter::Step(part) => is_exact(part),
        Filter::Is(_, Test::OneOf(values)) => values.iter().all(is_whole),
        Filter::Is(_, Test::Prefix(prefix)) => prefix.len() <= MAX_EXACT_TEXT,
        Filter::Is(_, Test::Range(from, to)) => [from, to].into_iter().all(|bound| match bound {
            Bound::Included(value) | Bound::Excluded(value) => is_whole(value),
            Bound::Unbounded => true,
        }),
        // What is too long to be known whole is told by the list.
        Filter::Is(_, Test::Like(_) | Test::Exists) | Filter::Time(..) => true,
        Filter::Words(words) => text::words(&words.text).all(|word| word.text.len() <= MAX_EXACT_WORD),
    }
}

/// The traces of the spans that a filter lets through, and that are meant.
fn found(
    shared: &Shared,
    project: ProjectId,
    filter: Filter,
    is_meant: impl Fn(&SpanRow) -> bool,
) -> Result<Vec<TraceKey>, StoreError> {
    // What is in the record already must be found.
    let (target, begin) = (shared.record.last_seq()?, Instant::now());
    while shared.indexed.load(Ordering::Acquire) < target {
        if shared.stopping() || begin.elapsed() > PATIENCE {
            return Err(StoreError::IndexLags);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut traces = BTreeMap::new();
    let mut query = ListQuery { filter, limit: PAGE, ..ListQuery::default() };
    loop {
        let page = lists::list::<SpanRow>(&shared.index, &shared.record, project, ListOf::Spans, &query, &Budget::unlimited())?;
        if page.truncated {
            return Err(StoreError::TooBroad);
        }
        for row in page.items.into_iter().filter(&is_meant) {
            if !traces.contains_key(&row.trace_id)
                && let Some(key) = shared.record.find(project, &row.trace_id)?
            {
                traces.insert(row.trace_id, key);
            }
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            // Where the index was begun anew meanwhile, this is not all.
            None if shared.indexed.load(Ordering::Acquire) < target => return Err(StoreError::IndexLags),
            None => return Ok(traces.into_values().collect()),
        }
    }
}
