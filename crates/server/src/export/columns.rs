//! The columns of each list in formats that have columns, and what is in them.

use serde_json::Value;

use super::List;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// A moment.
    Time,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// Anything else, as JSON.
    Json,
}

/// A column: where in a row its values are, and what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    /// Names, with a dot between them.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
}

const fn column(path: &'static str, kind: Kind) -> Column {
    Column { path, kind }
}

const SPANS: [Column; 35] = [
    column("trace_id", Kind::Text),
    column("span_id", Kind::Text),
    column("parent_id", Kind::Text),
    column("conversation_id", Kind::Text),
    column("session_id", Kind::Text),
    column("channel_id", Kind::Text),
    column("kind", Kind::Text),
    column("name", Kind::Text),
    column("status", Kind::Text),
    column("status_message", Kind::Text),
    column("state", Kind::Text),
    column("start_time", Kind::Time),
    column("end_time", Kind::Time),
    column("duration_ms", Kind::Number),
    column("user.id", Kind::Text),
    column("user.name", Kind::Text),
    column("model", Kind::Text),
    column("provider", Kind::Text),
    column("usage.input", Kind::Whole),
    column("usage.output", Kind::Whole),
    column("usage.cache_read", Kind::Whole),
    column("usage.cache_write", Kind::Whole),
    column("usage.reasoning", Kind::Whole),
    column("usage.input_audio", Kind::Whole),
    column("usage.input_image", Kind::Whole),
    column("usage.cache_read_audio", Kind::Whole),
    column("usage.cache_read_image", Kind::Whole),
    column("usage.cache_write_1h", Kind::Whole),
    column("usage.output_audio", Kind::Whole),
    column("usage.output_image", Kind::Whole),
    column("usage_counted", Kind::Flag),
    column("cost", Kind::Number),
    column("cost_source", Kind::Text),
    column("input_preview", Kind::Text),
    column("output_preview", Kind::Text),
];
/// What is known of a span beyond its row.
const CONTENTS: [Column; 11] = [
    column("input", Kind::Json),
    column("output", Kind::Json),
    column("attributes", Kind::Json),
    column("metadata", Kind::Json),
    column("custom", Kind::Json),
    column("events", Kind::Json),
    column("links", Kind::Json),
    column("scores", Kind::Json),
    column("source", Kind::Json),
    column("warnings", Kind::Json),
    column("received_at", Kind::Time),
];
const TOTALS: [Column; 22] = [
    column("conversation_id", Kind::Text),
    column("user.id", Kind::Text),
    column("user.name", Kind::Text),
    column("channel_id", Kind::Text),
    column("session_ids", Kind::Json),
    column("first_words", Kind::Text),
    column("last_words", Kind::Text),
    column("turns", Kind::Whole),
    column("spans", Kind::Whole),
    column("errors", Kind::Whole),
    column("running", Kind::Flag),
    column("start_time", Kind::Time),
    column("last_time", Kind::Time),
    column("duration_ms", Kind::Number),
    column("model_calls", Kind::Whole),
    column("tool_calls", Kind::Whole),
    column("total_tokens", Kind::Whole),
    column("usage.input", Kind::Whole),
    column("usage.output", Kind::Whole),
    column("cost", Kind::Number),
    column("models", Kind::Json),
    column("scores", Kind::Json),
];
const TRACE: [Column; 3] = [column("trace_id", Kind::Text), column("name", Kind::Text), column("status", Kind::Text)];

/// The columns of a list; of spans also with everything that is known of each.
pub(crate) fn of(list: List, full: bool) -> Vec<Column> {
    match list {
        List::Spans if full => SPANS.into_iter().chain(CONTENTS).collect(),
        List::Spans => SPANS.to_vec(),
        List::Conversations => TOTALS.to_vec(),
        List::Traces => TRACE.into_iter().chain(TOTALS).collect(),
    }
}

impl Column {
    /// What a row has in it; `None` for nothing.
    pub(super) fn value<'r>(&self, row: &'r Value) -> Option<&'r Value> {
        self.path.split('.').try_fold(row, |value, name| value.get(name)).filter(|value| !value.is_null())
    }

    /// Its name where names have no dots.
    pub(super) fn plain_name(&self) -> String {
        self.path.replace('.', "_")
    }
}
