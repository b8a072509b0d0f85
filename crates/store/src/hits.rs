//! What a search for words finds: each message once, and where it was said.

use neuraltrust_model::{ConversationId, Kind, SpanId, Timestamp, TraceId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Cursor;
use crate::query::Filter;

/// A search for words.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Which spans are searched; it must ask for words.
    pub filter: Filter,
    /// Most messages of the answer.
    pub limit: usize,
    /// Where the page before ended; only by time.
    pub cursor: Option<Cursor>,
    /// Whether the most relevant come first, rather than the newest: rarer words, and those that are said more often, count more.
    pub by_relevance: bool,
}

/// Which part of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SaidIn {
    /// What went in.
    Input,
    /// What came out.
    Output,
    /// What the application says about the end.
    Status,
}

/// Where a message was said.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Place {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The trace.
    pub trace_id: TraceId,
    /// The step.
    pub span_id: SpanId,
    /// What the step is.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// What the step is called.
    pub name: String,
    /// Which part of the step.
    pub part: SaidIn,
    /// When the step started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub start_time: Option<Timestamp>,
}

/// A message with the words.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Hit {
    /// Who speaks; null for what is no message of a list.
    pub role: Option<String>,
    /// About 240 characters around the place where most of the words are. `…` where it was cut.
    pub snippet: String,
    /// Where in the snippet the words are: from and to, in UTF-16 code units as JavaScript counts them, in order and apart.
    pub ranges: Vec<[usize; 2]>,
    /// Where it was said; of several places in one conversation the first.
    #[serde(flatten)]
    pub place: Place,
    /// Where else it was said, and which model calls sent it again, as far as was looked.
    pub also: Vec<Place>,
    /// How many places were found beside the first, those included that are not in `also`.
    pub also_count: usize,
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Hits {
    /// The messages.
    pub items: Vec<Hit>,
    /// Where this page ended; none where it holds the last, and by relevance.
    #[schema(value_type = Option<String>)]
    pub next_cursor: Option<Cursor>,
    /// Whether there is more that is not looked at: by relevance behind the most relevant spans, or words that a condition asks for.
    pub truncated: bool,
    /// Whether the time that a read may take was over before everything was looked at.
    pub timed_out: bool,
}
