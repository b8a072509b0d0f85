//! What a span, trace or conversation has in each field and at each path: what the index knows of it beside its words.

use std::collections::BTreeMap;

use neuraltrust_model::{Kind, Map, ScoreTarget, Span, StatusCode, Usage};
use serde_json::Value as Json;

use crate::fields::{Field, Root, Value};
use crate::rows::{ConversationRow, SpanRow, Totals, TraceRow};

/// Most paths of one span in the index, over all roots. What is more is in the record, shown, and not found by its path.
const MAX_PATHS: usize = 128;
/// Most values of one span in the index, over all paths: a path that leads through an array has several.
const MAX_VALUES: usize = 256;
/// Longest path in the index, in bytes; what is at a longer one is not found by it.
const MAX_PATH: usize = 200;
/// Deepest path in the index, in names.
const MAX_DEPTH: usize = 8;
/// Longest text in the index that is compared as a whole, in bytes. A longer one is known by its beginning, in a span as in
/// a filter.
const MAX_TEXT: usize = 256;
/// A text of no more bytes is known whole, wherever the beginning of a longer one ends: a character has up to four.
pub(super) const MAX_EXACT_TEXT: usize = MAX_TEXT - 4;

/// What one thing of a list has.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Values of fields; a field may have several.
    pub(super) fields: Vec<(Field, Value)>,
    /// Values at paths; a path may have several.
    pub(super) paths: Vec<(Root, String, Value)>,
    /// Judgements that are kept with a span, of whatever, by name: what its trace and conversation are found by.
    pub(super) judged: Vec<(String, Value)>,
}

/// The part of a text by which it is known in the index.
pub(super) fn known_by(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text)
}

impl Facts {
    /// What a span has; `output` is what came out of it, where that is an object.
    pub(super) fn of_span(row: &SpanRow, span: &Span, output: Option<&Json>) -> Self {
        let mut facts = Self::default();
        facts.text(Field::ConversationId, Some(row.conversation_id.as_str()));
        facts.text(Field::TraceId, Some(row.trace_id.as_str()));
        facts.text(Field::SpanId, Some(row.span_id.as_str()));
        facts.text(Field::ParentId, row.parent_id.as_ref().map(|id| id.as_str()));
        facts.text(Field::SessionId, row.session_id.as_ref().map(|id| id.as_str()));
        facts.text(Field::ChannelId, row.channel_id.as_ref().map(|id| id.as_str()));
        let user = span.user.as_ref();
        facts.text(Field::UserId, user.and_then(|user| user.id.as_deref()));
        facts.text(Field::UserName, user.and_then(|user| user.name.as_deref()));
        facts.text(Field::UserEmail, user.and_then(|user| user.email.as_deref()));
        facts.text(Field::Kind, Some(row.kind.as_str()));
        facts.text(Field::Name, Some(&row.name));
        facts.text(Field::Status, Some(row.status.as_str()));
        facts.text(Field::StatusMessage, row.status_message.as_deref());
        facts.add(Field::HasError, Value::Flag(row.status == StatusCode::Error));
        facts.add(Field::Running, Value::Flag(row.running));
        facts.text(Field::Model, row.model.as_deref());
        facts.text(Field::Provider, row.provider.as_deref());
        facts.time(Field::StartTime, row.start_time);
        facts.time(Field::EndTime, row.end_time);
        facts.time(Field::ReceivedAt, Some(span.received_at));
        facts.number(Field::DurationMs, row.duration_ms);
        facts.usage(row.usage);
        facts.number(Field::Cost, row.cost);
        facts.add(Field::UsageCounted, Value::Flag(row.usage_counted));
        facts.add(Field::CostCounted, Value::Flag(row.cost_counted));
        for score in &span.scores {
            facts.text(Field::Score, Some(&score.name));
        }
        if let Some(source) = &span.source {
            facts.text(Field::Client, source.client.as_deref());
            facts.text(Field::ClientVersion, source.version.as_deref());
            facts.text(Field::Protocol, Some(&source.protocol));
        }
        for warning in &span.warnings {
            facts.text(Field::Warning, Some(&warning.code));
        }
        facts.paths_of(span, output.filter(|_| decides(&row.kind)));
        facts
    }

    /// What a trace has.
    pub(super) fn of_trace(row: &TraceRow) -> Self {
        let mut facts = Self::default();
        facts.text(Field::ConversationId, Some(row.conversation_id.as_str()));
        facts.text(Field::TraceId, Some(row.trace_id.as_str()));
        facts.text(Field::Name, row.name.as_deref());
        facts.text(Field::Status, Some(row.status.as_str()));
        facts.totals(&row.totals);
        facts
    }

    /// What a conversation has.
    pub(super) fn of_conversation(row: &ConversationRow) -> Self {
        let mut facts = Self::default();
        facts.text(Field::ConversationId, Some(row.conversation_id.as_str()));
        facts.text(Field::Status, Some(if row.totals.errors > 0 { "error" } else { "unset" }));
        facts.count(Field::Traces, row.traces);
        facts.totals(&row.totals);
        facts
    }

    fn totals(&mut self, totals: &Totals) {
        self.text(Field::ChannelId, totals.channel_id.as_ref().map(|id| id.as_str()));
        self.text(Field::UserId, totals.user.as_ref().and_then(|user| user.id.as_deref()));
        self.text(Field::UserName, totals.user.as_ref().and_then(|user| user.name.as_deref()));
        for session in &totals.session_ids {
            self.text(Field::SessionId, Some(session.as_str()));
        }
        for model in &totals.models {
            self.text(Field::Model, Some(model));
        }
        self.add(Field::HasError, Value::Flag(totals.errors > 0));
        self.add(Field::Running, Value::Flag(totals.running));
        self.time(Field::StartTime, Some(totals.start_time));
        self.time(Field::LastTime, Some(totals.last_time));
        self.number(Field::DurationMs, totals.duration_ms);
        self.number(Field::DialogueMs, totals.dialogue_ms);
        for (field, words) in [(Field::InputWords, totals.input_words), (Field::OutputWords, totals.output_words)] {
            if let Some(words) = words {
                self.count(field, words);
            }
        }
        self.usage(totals.usage);
        self.number(Field::Cost, totals.cost);
        self.count(Field::Turns, totals.turns);
        self.count(Field::Spans, totals.spans);
        self.count(Field::Errors, totals.errors);
        self.count(Field::ModelCalls, totals.model_calls);
        self.count(Field::ToolCalls, totals.tool_calls);
        self.count(Field::FeedbackPositive, totals.feedback.positive);
        self.count(Field::FeedbackNegative, totals.feedback.negative);
        self.count(Field::FeedbackNeutral, totals.feedback.neutral);
        self.verdicts(&totals.verdicts);
    }

    fn verdicts(&mut self, verdicts: &BTreeMap<String, Vec<Json>>) {
        let mut room = Room { paths: MAX_PATHS, values: MAX_VALUES };
        for (name, value) in verdicts.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value))) {
            self.path(Root::Scores, name.clone(), value, 1, &mut room);
        }
    }

    fn add(&mut self, field: Field, value: Value) {
        self.fields.push((field, value));
    }

    fn text(&mut self, field: Field, text: Option<&str>) {
        if let Some(text) = text {
            let value = Value::Text(known_by(text).to_owned());
            // Two judgements of one name are one value of the field.
            if !self.fields.iter().any(|(known, before)| *known == field && *before == value) {
                self.add(field, value);
            }
        }
    }

    fn time(&mut self, field: Field, time: Option<neuraltrust_model::Timestamp>) {
        self.fields.extend(time.map(|time| (field, Value::Time(time))));
    }

    fn number(&mut self, field: Field, number: Option<f64>) {
        self.fields.extend(number.filter(|number| number.is_finite()).map(|number| (field, Value::Number(number))));
    }

    fn count(&mut self, field: Field, count: u64) {
        self.add(field, Value::Number(count as f64));
    }

    fn usage(&mut self, usage: Option<Usage>) {
        let Some(usage) = usage else { return };
        let counts = [
            (Field::UsageInput, usage.input),
            (Field::UsageOutput, usage.output),
            (Field::UsageCacheRead, usage.cache_read),
            (Field::UsageCacheWrite, usage.cache_write),
            (Field::UsageReasoning, usage.reasoning),
            (Field::UsageInputAudio, usage.input_audio),
            (Field::UsageInputImage, usage.input_image),
            (Field::UsageCacheReadAudio, usage.cache_read_audio),
            (Field::UsageCacheReadImage, usage.cache_read_image),
            (Field::UsageCacheWrite1h, usage.cache_write_1h),
            (Field::UsageOutputAudio, usage.output_audio),
            (Field::UsageOutputImage, usage.output_image),
            (Field::UsageTotal, usage.total()),
        ];
        for (field, count) in counts {
            if let Some(count) = count {
                self.count(field, count);
            }
        }
    }

    fn paths_of(&mut self, span: &Span, output: Option<&Json>) {
        let mut room = Room { paths: MAX_PATHS, values: MAX_VALUES };
        for score in &span.scores {
            self.path(Root::Scores, score.name.clone(), &score.value, 1, &mut room);
        }
        // They are under one root so far, and those of others go.
        self.judged = self.paths.drain(..).map(|(_, name, value)| (name, value)).collect();
        for score in span.scores.iter().filter(|score| score.target == ScoreTarget::Span) {
            self.path(Root::Scores, score.name.clone(), &score.value, 1, &mut room);
        }
        let custom = span.custom.as_ref().and_then(Json::as_object);
        let output = output.and_then(Json::as_object);
        for (root, fields) in [
            (Root::Output, output),
            (Root::Metadata, Some(&span.metadata)),
            (Root::Custom, custom),
            (Root::Attributes, Some(&span.attributes)),
        ] {
            for (name, value) in fields.into_iter().flat_map(Map::iter) {
                self.path(root, name.clone(), value, 1, &mut room);
            }
        }
    }

    /// Adds what is at a path and below it. An array is several values of its path.
    fn path(&mut self, root: Root, path: String, value: &Json, depth: usize, room: &mut Room) {
        if depth > MAX_DEPTH || path.len() > MAX_PATH || path.is_empty() || path.contains(char::is_control) {
            return;
        }
        match value {
            Json::Null => {}
            Json::Object(fields) => {
                for (name, value) in fields {
                    self.path(root, format!("{path}.{name}"), value, depth + 1, room);
                }
            }
            Json::Array(items) => {
                for item in items {
                    self.path(root, path.clone(), item, depth + 1, room);
                }
            }
            Json::String(text) => self.at_path(root, path, Value::Text(known_by(text).to_owned()), room),
            Json::Bool(flag) => self.at_path(root, path, Value::Flag(*flag), room),
            Json::Number(number) => {
                if let Some(number) = number.as_f64().filter(|number| number.is_finite()) {
                    self.at_path(root, path, Value::Number(number), room);
                }
            }
        }
    }

    fn at_path(&mut self, root: Root, path: String, value: Value, room: &mut Room) {
        let of_path = |(known, other, _): &&(Root, String, Value)| *known == root && *other == path;
        let mut known = self.paths.iter().filter(of_path).peekable();
        let is_new = known.peek().is_none();
        if known.any(|(.., before)| *before == value) || room.values == 0 || (is_new && room.paths == 0) {
            return;
        }
        room.values -= 1;
        room.paths -= usize::from(is_new);
        self.paths.push((root, path, value));
    }
}

/// Whether what comes out of such a step is a decision, which things are found and measured by.
const fn decides(kind: &Kind) -> bool {
    matches!(kind, Kind::Router | Kind::Guardrail | Kind::Evaluation)
}

/// What the index still takes of a span.
struct Room {
    paths: usize,
    values: usize,
}

#[cfg(test)]
mod tests {
    use neuraltrust_model::{SpanId, SpanPatch, Timestamp, TraceId};
    use serde_json::json;

    use super::*;

    fn span(attributes: Json, custom: Json) -> Span {
        let patch = SpanPatch {
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            custom: Some(custom),
            ..SpanPatch::new(TraceId::new("t").unwrap(), SpanId::new("s").unwrap())
        };
        Span::new(patch, Timestamp::from_nanos(0))
    }

    fn paths(span: &Span) -> Vec<(Root, String, Value)> {
        let mut facts = Facts::default();
        facts.paths_of(span, None);
        facts.paths
    }

    #[test]
    fn paths_lead_through_objects_and_arrays() {
        let span =
            span(json!({ "a.b": 1, "tags": ["x", "x", "y"], "none": null }), json!({ "deep": { "er": [{ "on": true }] } }));
        let at = |root, path: &str, value| (root, path.to_owned(), value);
        assert_eq!(
            paths(&span),
            [
                at(Root::Custom, "deep.er.on", Value::Flag(true)),
                at(Root::Attributes, "a.b", Value::Number(1.0)),
                at(Root::Attributes, "tags", Value::Text("x".to_owned())),
                at(Root::Attributes, "tags", Value::Text("y".to_owned())),
            ]
        );
    }

    #[test]
    fn a_flood_is_bounded() {
        let many: Map = (0..5_000).map(|n| (format!("key-{n}"), json!("x".repeat(10_000)))).collect();
        let known = paths(&span(Json::Object(many), json!({ "list": (0..5_000).collect::<Vec<_>>() })));
        assert!(known.len() <= MAX_VALUES);
        assert!(known.iter().all(|(.., value)| matches!(value, Value::Number(_)) || *value == Value::Text("x".repeat(MAX_TEXT))));
        let mut deep = json!(1);
        for _ in 0..60 {
            deep = json!({ "n": deep });
        }
        assert_eq!(paths(&span(json!({ "a": deep, "b".repeat(300): 1, "c\u{1}": 1, "": 1 }), Json::Null)), []);
    }
}
