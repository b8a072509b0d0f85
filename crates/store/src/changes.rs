//! What has changed in the lists, for who follows them.

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
