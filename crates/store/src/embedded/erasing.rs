//! What can be asked to be erased, and which traces that are.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use neuraltrust_model::{ConversationId, TraceId};
use serde_json::{Value, json};

use super::indexer::Shared;
use super::lists;
use super::record::TraceKey;
use crate::{Field, Filter, ListOf, ListQuery, ProjectId, SpanRow, StoreError};

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
            Self::Conversation(id) => {
                let traces = record.conversation(project, id)?;
                let ids = traces.iter().flat_map(|trace| trace.spans.first()).map(|span| &span.trace_id);
                ids.map(|id| record.find(project, id)).filter_map(Result::transpose).collect()
            }
            Self::User(id) => {
                let filter = Filter::equals(Field::UserId, id.clone());
                found(shared, project, filter)
            }
            Self::Filter { filter, .. } => found(shared, project, (**filter).clone()),
        }
    }
}

/// The traces of the spans that a filter lets through.
fn found(shared: &Shared, project: ProjectId, filter: Filter) -> Result<Vec<TraceKey>, StoreError> {
    // What is in the record already must be found.
    let (target, begin) = (shared.record.last_seq()?, Instant::now());
    while shared.indexed.load(std::sync::atomic::Ordering::Acquire) < target {
        if shared.stopping() || begin.elapsed() > PATIENCE {
            return Err(StoreError::IndexLags);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut traces = BTreeMap::new();
    let mut query = ListQuery { filter, limit: PAGE, cursor: None };
    loop {
        let page = lists::list::<SpanRow>(&shared.index, &shared.record, project, ListOf::Spans, &query)?;
        if page.truncated {
            return Err(StoreError::TooBroad);
        }
        for row in page.items {
            if !traces.contains_key(&row.trace_id)
                && let Some(key) = shared.record.find(project, &row.trace_id)?
            {
                traces.insert(row.trace_id, key);
            }
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(traces.into_values().collect()),
        }
    }
}
