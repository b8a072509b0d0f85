//! What has changed in the lists, for who follows them.

use std::collections::BTreeSet;

use neuraltrust_model::{ConversationId, SpanId, TraceId};
use serde::Serialize;

use crate::ProjectId;
use crate::rows::{ConversationRow, SpanRow, TraceRow};

/// What has changed in the lists of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The project.
    pub project: ProjectId,
    /// Up to which patch the lists are complete: whoever knows of the changes up to there asks for those
    /// [since](crate::ProjectStore::changes_since). It only grows, over restarts too, but where the index is made anew.
    pub seq: u64,
    /// The conversations that changed.
    pub conversation_ids: Vec<ConversationId>,
    /// The traces that changed.
    pub trace_ids: Vec<TraceId>,
    /// The spans that changed, each with its trace; `None` where there are too many to name.
    pub span_ids: Option<Vec<(TraceId, SpanId)>>,
}

/// Most spans that one change names.
pub(crate) const NAMED_SPANS: usize = 2_000;

/// Changes of a project that are told as one.
#[derive(Debug, Default)]
pub struct Gathered {
    pub(crate) conversations: BTreeSet<ConversationId>,
    pub(crate) traces: BTreeSet<TraceId>,
    spans: BTreeSet<(TraceId, SpanId)>,
    more_spans: bool,
}

impl Gathered {
    /// Adds a span, where there is room for its name.
    pub(crate) fn span(&mut self, trace: &TraceId, span: &SpanId) {
        if self.spans.len() < NAMED_SPANS {
            self.spans.insert((trace.clone(), span.clone()));
        } else {
            self.more_spans = true;
        }
    }

    /// Adds all of a change.
    pub fn add(&mut self, change: &Change) {
        self.conversations.extend(change.conversation_ids.iter().cloned());
        self.traces.extend(change.trace_ids.iter().cloned());
        match &change.span_ids {
            Some(spans) => spans.iter().for_each(|(trace, span)| self.span(trace, span)),
            None => self.more_spans = true,
        }
    }

    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conversations.is_empty() && self.traces.is_empty()
    }

    /// As it is announced.
    #[must_use]
    pub fn change(self, project: ProjectId, seq: u64) -> Change {
        Change {
            project,
            seq,
            conversation_ids: self.conversations.into_iter().collect(),
            trace_ids: self.traces.into_iter().collect(),
            span_ids: (!self.more_spans).then(|| self.spans.into_iter().collect()),
        }
    }
}

/// Rows of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Rows {
    /// Of conversations.
    Conversations(Vec<ConversationRow>),
    /// Of traces.
    Traces(Vec<TraceRow>),
    /// Of spans.
    Spans(Vec<SpanRow>),
}

impl Rows {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Conversations(rows) => rows.is_empty(),
            Self::Traces(rows) => rows.is_empty(),
            Self::Spans(rows) => rows.is_empty(),
        }
    }
}
