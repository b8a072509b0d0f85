//! neuraltrust 1.5: `POST /v1/traces/batch`, a JSON array of envelopes `{resource, traces: [{.., spans: [..]}]}`.
//!
//! Facts of the wire, from recorded traffic (`fixtures/neuraltrust/1.5.0-*`): times are seconds with a fraction; every attribute is
//! text, `"None"` where there was none; `input` and `output` are JSON text, often of JSON text, or what `repr()` wrote;
//! `group_id` of the trace is the conversation; the status is `ok` even where a step failed.
//!
//! The trace is the turn: it becomes a message that its parentless spans are steps of. What the user said is the last word of
//! the user to the first model call, what the application answered the last words of the last one.

use neuraltrust_model::limits::MAX_DEPTH;
use neuraltrust_model::{
    ChannelId, Content, ConversationId, Event, Kind, Map, Message, Part, SessionId, Source, SpanId, SpanPatch, Status,
    StatusCode, TraceId, Usage, UsageSource, User, Warning,
};
use serde_json::Value;

use crate::api_usage::part;
use crate::chat_body;
use crate::content::{Side, content};
use crate::copies::{Copies, json_bytes};
use crate::fields::{Fields, id, json_body, too_deep, within_depth, wrong_type};
use crate::values::few_enough_spans;
use crate::{Normalized, Reason, Rejection, python_literal, python_repr};

const PROTOCOL: &str = "neuraltrust_batch";
/// What the OpenAI Agents SDK gives a model for a tool that raised, and the only trace of it on the wire.
const FAILED_TOOL: &str = "An error occurred while running the tool";
/// JSON text of JSON text of JSON text: no client goes further.
const MAX_ENCODINGS: usize = 3;

/// What a batch gave.
#[derive(Debug, Default, PartialEq)]
pub struct Batch {
    /// What it says of spans, and what of it could not be kept.
    pub normalized: Normalized,
    /// Envelopes that are envelopes.
    pub accepted: usize,
}

/// What a batch says of its spans. A span, trace or envelope that cannot be read is rejected alone.
///
/// # Errors
/// A [`Rejection`] when the body is no list of envelopes.
pub fn normalize(body: &[u8]) -> Result<Batch, Rejection> {
    let envelopes = match json_body(body)? {
        Value::Array(envelopes) => envelopes,
        envelope @ Value::Object(_) => vec![envelope],
        other => return Err(wrong_type("body", &other, "an array of envelopes {resource, traces}")),
    };
    few_enough_spans("body", envelopes.iter().map(held).sum())?;
    let mut batch = Batch::default();
    let mut copies = Copies::default();
    for (n, envelope) in envelopes.into_iter().enumerate() {
        match read_envelope(envelope, &mut batch.normalized, &mut copies, &format!("[{n}]")) {
            Ok(()) => batch.accepted += 1,
            Err(rejection) => batch.normalized.rejected.push(below(&format!("[{n}]"), rejection)),
        }
    }
    Ok(batch)
}

/// How many spans an envelope holds; it counts itself, and so does each of its traces.
fn held(envelope: &Value) -> usize {
    let spans = |trace: &Value| trace.get("spans").and_then(Value::as_array).map_or(0, Vec::len);
    let traces = envelope.get("traces").and_then(Value::as_array);
    1 + traces.into_iter().flatten().map(|trace| 1 + spans(trace)).sum::<usize>()
}

fn below(at: &str, mut rejection: Rejection) -> Rejection {
    rejection.at = format!("{at}.{}", rejection.at);
    rejection
}

fn object(value: Value, accepted: &str) -> Result<Fields, Rejection> {
    if !within_depth(&value, MAX_DEPTH) {
        return Err(too_deep("item"));
    }
    match value {
        Value::Object(map) => Ok(Fields(map)),
        other => Err(wrong_type("item", &other, accepted)),
    }
}

fn list(fields: &mut Fields, name: &str) -> Result<Vec<Value>, Rejection> {
    match fields.value(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(other) => Err(wrong_type(name, &other, "an array")),
    }
}

fn read_envelope(envelope: Value, normalized: &mut Normalized, copies: &mut Copies, at: &str) -> Result<(), Rejection> {
    let Value::Object(map) = envelope else { return Err(wrong_type("item", &envelope, "an envelope {resource, traces}")) };
    let mut fields = Fields(map);
    let sender = Sender::new(fields.object("resource")?.unwrap_or_default());
    let traces = list(&mut fields, "traces")?;
    for (n, trace) in traces.into_iter().enumerate() {
        let at = format!("{at}.traces[{n}]");
        if let Err(rejection) = read_trace(trace, &sender, normalized, copies, &at) {
            normalized.rejected.push(below(&at, rejection));
        }
    }
    Ok(())
}

/// What an envelope says of each of its spans.
struct Sender {
    source: Source,
    resource: Map,
    /// Size of the resource as JSON.
    bytes: usize,
}

impl Sender {
    fn new(mut resource: Map) -> Self {
        let text = |name: &str| resource.get(name).and_then(Value::as_str).map(str::to_owned);
        let source = Source { client: text("sdk_name"), version: text("sdk_version"), protocol: PROTOCOL.to_owned() };
        let bytes = json_bytes(&resource);
        resource.retain(|name, value| !value.is_null() && name != "sdk_name" && name != "sdk_version");
        Self { source, resource, bytes }
    }
}

/// What a trace says of each of its spans.
struct Trace<'a> {
    id: TraceId,
    span_id: SpanId,
    conversation_id: Option<ConversationId>,
    session_id: Option<SessionId>,
    channel_id: Option<ChannelId>,
    user: Option<User>,
    attributes: Map,
    sender: &'a Sender,
}

impl Trace<'_> {
    /// A patch that says what the trace says.
    fn patch(&self, span_id: SpanId) -> SpanPatch {
        let mut patch = SpanPatch::new(self.id.clone(), span_id);
        patch.conversation_id.clone_from(&self.conversation_id);
        patch.session_id.clone_from(&self.session_id);
        patch.channel_id.clone_from(&self.channel_id);
        patch.user.clone_from(&self.user);
        patch.source = Some(self.sender.source.clone());
        if !self.sender.resource.is_empty() {
            patch.attributes.insert("resource".to_owned(), Value::Object(self.sender.resource.clone()));
        }
        patch
    }

    /// Bytes of what is without a bound of its own in a patch.
    fn bytes(&self) -> usize {
        let user = self.user.as_ref().map(|user| [&user.id, &user.name, &user.email]);
        let words = user.into_iter().flatten().flatten().map(String::len).sum::<usize>();
        self.sender.bytes + words
    }
}

fn read_trace(
    trace: Value,
    sender: &Sender,
    normalized: &mut Normalized,
    copies: &mut Copies,
    at: &str,
) -> Result<(), Rejection> {
    let Value::Object(map) = trace else { return Err(wrong_type("item", &trace, "a trace {trace_id, spans}")) };
    let mut fields = Fields(map);
    let spans = list(&mut fields, "spans")?;
    let mut fields = object(Value::Object(fields.0), "a trace {trace_id, spans}")?;
    let trace_id: TraceId =
        fields.id("trace_id")?.ok_or_else(|| Rejection::new(Reason::MissingId, "trace_id", "is missing; it names the trace"))?;
    let mut attributes = fields.object("attributes")?.unwrap_or_default();
    attributes.retain(|_, value| !is_nothing(value));
    let mut take = |names: &[&str]| names.iter().find_map(|name| taken_text(&mut attributes, name));
    let user = User { id: take(&["user_id"]), name: take(&["user_name"]), email: take(&["user_email"]), ..User::default() };
    let session = take(&["session_id"]);
    let channel = take(&["channel_id", "channel"]);
    let named = take(&["conversation_id"]);
    let trace = Trace {
        span_id: id("trace_id", trace_id.as_str().to_owned())?,
        conversation_id: match fields.id("group_id")? {
            Some(group) => Some(group),
            None => named.map(|text| id("attributes.conversation_id", text)).transpose()?,
        },
        session_id: session.map(|text| id("attributes.session_id", text)).transpose()?,
        channel_id: channel.map(|text| id("attributes.channel_id", text)).transpose()?,
        user: Some(user).filter(|user| !user.is_empty()),
        attributes,
        sender,
        id: trace_id,
    };
    let bytes = trace.bytes();
    copies.make("resource", bytes)?;

    let mut turn = trace.patch(trace.span_id.clone());
    turn.kind = Some(Kind::Message);
    turn.name = fields.text("workflow_name")?;
    turn.start = fields.time("started_at")?;
    turn.end = fields.time("ended_at")?;
    turn.metadata = trace.attributes.clone();
    fields.0.retain(|_, value| !value.is_null());
    turn.attributes.extend(fields.0);

    let mut patches = Vec::new();
    for (n, span) in spans.into_iter().enumerate() {
        match copies.make("resource", bytes).and_then(|()| read_span(span, &trace)) {
            Ok(patch) => patches.push(patch),
            Err(rejection) => normalized.rejected.push(below(&format!("{at}.spans[{n}]"), rejection)),
        }
    }
    (turn.input, turn.output) = sides(&patches);
    normalized.patches.push(turn);
    normalized.patches.extend(patches);
    Ok(())
}

/// What the user said and what they were answered, by the model calls of the trace.
fn sides(patches: &[SpanPatch]) -> (Option<Content>, Option<Content>) {
    let mut calls: Vec<&SpanPatch> = patches.iter().filter(|patch| patch.kind == Some(Kind::Generation)).collect();
    calls.sort_by_key(|patch| (patch.start, patch.end));
    let asked = calls.iter().find_map(|call| spoken(call.input.as_ref()?, "user"));
    let answered = calls.iter().rev().find_map(|call| spoken(call.output.as_ref()?, "assistant"));
    (asked, answered)
}

fn spoken(content: &Content, role: &str) -> Option<Content> {
    match content {
        Content::Text { text } => Some(Content::text(text)),
        Content::Messages { messages } => {
            let speaks = |part: &Part| matches!(part, Part::Text { text } if !text.is_empty());
            let said = messages.iter().rev().find(|message| message.role == role && message.parts.iter().any(speaks))?;
            Some(Content::Messages { messages: vec![said.clone()] })
        }
        Content::Documents { .. } | Content::Json { .. } => None,
    }
}

fn read_span(span: Value, trace: &Trace<'_>) -> Result<SpanPatch, Rejection> {
    let mut fields = object(span, "a span {id, name, started_at}")?;
    let span_id = match fields.id("id")? {
        Some(span_id) => span_id,
        None => fields.id("span_id")?.ok_or_else(|| Rejection::new(Reason::MissingId, "id", "is missing; it names the span"))?,
    };
    let mut patch = trace.patch(span_id);
    patch.parent_id = fields.id("parent_id")?.or_else(|| Some(trace.span_id.clone()));
    patch.name = fields.text("name")?;
    patch.start = fields.time("started_at")?;
    patch.end = fields.time("ended_at")?;
    let status = fields.text("status")?;
    for (n, event) in list(&mut fields, "events")?.into_iter().enumerate() {
        patch.events.push(read_event(event).map_err(|rejection| below(&format!("events[{n}]"), rejection))?);
    }
    let mut attributes = fields.object("attributes")?.unwrap_or_default();
    attributes.retain(|name, value| {
        // The trace's own attributes, repeated on each of its spans.
        let repeated = name.strip_prefix("trace_").is_some_and(|name| trace.attributes.get(name) == Some(value));
        !repeated && !is_nothing(value)
    });
    let kind = kind(fields.text("kind")?, &attributes);
    who(&mut patch, &mut attributes)?;
    patch.usage = usage(&mut attributes);
    patch.model = taken_text(&mut attributes, "model");
    let instructions = taken_text(&mut attributes, "instructions");
    patch.input = attributes.remove("input").map(decoded).and_then(|value| said(&kind, Side::Input, value, instructions));
    patch.output = attributes.remove("output").map(decoded).and_then(|value| said(&kind, Side::Output, value, None));
    patch.status = how_it_went(status, &kind, &mut patch, &mut attributes);
    patch.kind = Some(kind);
    fields.0.retain(|_, value| !value.is_null());
    patch.attributes.extend(fields.0);
    patch.attributes.extend(attributes);
    Ok(patch)
}

fn kind(name: Option<String>, attributes: &Map) -> Kind {
    match name.as_deref().unwrap_or("internal") {
        "llm" | "generation" => Kind::Generation,
        "tool" | "function" if attributes.contains_key("guardrail_triggered") => Kind::Guardrail,
        "tool" | "function" => Kind::Tool,
        "workflow" if attributes.contains_key("handoff_to") => Kind::Router,
        "workflow" if attributes.keys().any(|name| name.starts_with("custom_")) => Kind::Chain,
        "workflow" => Kind::Agent,
        "internal" => Kind::Chain,
        "retriever" => Kind::Retrieval,
        other => Kind::from(other.to_owned()),
    }
}

/// What the client repeats of the trace on every span, where the trace itself does not say it.
fn who(patch: &mut SpanPatch, attributes: &mut Map) -> Result<(), Rejection> {
    if let Some(user) = taken_text(attributes, "trace_user_id") {
        patch.user.get_or_insert_default().id.get_or_insert(user);
    }
    if let Some(session) = taken_text(attributes, "trace_session_id")
        && patch.session_id.is_none()
    {
        patch.session_id = Some(id("attributes.trace_session_id", session)?);
    }
    Ok(())
}

fn read_event(event: Value) -> Result<Event, Rejection> {
    let mut fields = object(event, "an event {name, timestamp}")?;
    Ok(Event {
        name: fields.text("name")?.unwrap_or_default(),
        time: fields.time("timestamp")?,
        attributes: fields.object("attributes")?.unwrap_or_default(),
    })
}

/// `str(None)`, null, and nothing.
fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Null) || value.as_str().is_some_and(|text| text == "None")
}

fn taken_text(attributes: &mut Map, name: &str) -> Option<String> {
    match attributes.remove(name) {
        Some(Value::String(text)) => Some(text).filter(|text| !text.is_empty()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(other) => {
            attributes.insert(name.to_owned(), other);
            None
        }
        None => None,
    }
}

/// What a text stands for: JSON, JSON in JSON, a Python literal, or the text.
fn decoded(value: Value) -> Value {
    let mut value = value;
    for _ in 0..MAX_ENCODINGS {
        let Value::String(text) = &value else { return value };
        if !text.trim_start().starts_with(['"', '[', '{', '(']) {
            return value;
        }
        let inner = crate::content::structure(text).or_else(|| python_literal::parse_container(text));
        match inner.filter(|inner| within_depth(inner, MAX_DEPTH)) {
            Some(inner) => value = inner,
            None => return value,
        }
    }
    value
}

fn said(kind: &Kind, side: Side, value: Value, instructions: Option<String>) -> Option<Content> {
    if *kind != Kind::Generation {
        return content(kind, side, value);
    }
    let value = match value {
        // Steps of the Responses API, each as `repr()` wrote it.
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| item.as_str().and_then(python_repr::object).unwrap_or(item)).collect())
        }
        value => value,
    };
    let mut messages = match chat_body::loose_messages(value) {
        Ok(messages) => messages,
        Err(Value::String(text)) if instructions.is_some() => vec![plain("user", text)],
        Err(value) => return content(kind, side, value),
    };
    if let Some(instructions) = instructions {
        messages.insert(0, plain("system", instructions));
    }
    Some(Content::Messages { messages })
}

fn plain(role: &str, text: String) -> Message {
    Message { role: role.to_owned(), parts: vec![Part::Text { text }], extra: Map::new() }
}

/// Tokens as the OpenAI Agents SDK counts them: cached ones are part of the input, reasoning is part of the output.
fn usage(attributes: &mut Map) -> Option<Usage> {
    let mut details = |name: &str| attributes.remove(name).map(decoded).unwrap_or_default();
    let (input, output) = (details("usage_input_tokens_details"), details("usage_output_tokens_details"));
    let mut count = |name: &str| {
        let count = attributes.get(name).and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()))?;
        attributes.remove(name);
        Some(count)
    };
    let usage = Usage {
        input: count("usage_input_tokens"),
        output: count("usage_output_tokens"),
        cache_read: input.get("cached_tokens").and_then(Value::as_u64),
        cache_write: input.get("cache_write_tokens").and_then(Value::as_u64),
        reasoning: output.get("reasoning_tokens").and_then(Value::as_u64),
        input_audio: part(input.get("audio_tokens").and_then(Value::as_u64)),
        output_audio: part(output.get("audio_tokens").and_then(Value::as_u64)),
        source: Some(UsageSource::Framework),
        ..Usage::default()
    };
    if count("usage_total_tokens").is_some() && usage.input.is_none() && usage.output.is_none() {
        return None;
    }
    (!usage.is_empty()).then_some(usage)
}

/// The client always says `ok`, so that only what a span holds can tell that it went wrong.
fn how_it_went(status: Option<String>, kind: &Kind, patch: &mut SpanPatch, attributes: &mut Map) -> Option<Status> {
    let failed = |message: Option<String>| Some(Status { code: StatusCode::Error, message });
    let error = taken_text(attributes, "error");
    if error.is_some() || status.as_deref() == Some("error") {
        return failed(error);
    }
    if let (Kind::Tool, Some(Content::Text { text })) = (kind, &patch.output)
        && text.starts_with(FAILED_TOOL)
    {
        return failed(Some(text.clone()));
    }
    if *kind == Kind::Generation && patch.output.is_none() {
        let message = "the client says ok and has no answer: neuraltrust 1.5 drops the errors of model calls";
        patch.warnings.push(Warning::new("no_answer", message));
        return None;
    }
    (status.as_deref() == Some("ok")).then_some(Status { code: StatusCode::Ok, message: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn batch(span: &Value) -> Batch {
        let trace = json!({"trace_id": "t", "workflow_name": "w", "group_id": "c", "started_at": 1_795_402_279.5, "ended_at": null, "spans": [span]});
        normalize(json!([{"resource": {"sdk_name": "neuraltrust"}, "traces": [trace]}]).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_bad_item_costs_only_itself() {
        let good = json!({"trace_id": "t", "spans": [{"id": "s"}, {"name": "no id"}, 7, {"id": "x", "started_at": "soon"}]});
        let body = json!([{"traces": [good, {"spans": []}, "x"]}, [], {"traces": {}}]);
        let batch = normalize(body.to_string().as_bytes()).unwrap();
        assert_eq!(batch.accepted, 1);
        let ids: Vec<_> = batch.normalized.patches.iter().map(|patch| patch.span_id.as_str()).collect();
        assert_eq!(ids, ["t", "s"]);
        let at: Vec<_> = batch.normalized.rejected.iter().map(|rejection| rejection.at.as_str()).collect();
        assert_eq!(
            at,
            [
                "[0].traces[0].spans[1].id",
                "[0].traces[0].spans[2].item",
                "[0].traces[0].spans[3].started_at",
                "[0].traces[1].trace_id",
                "[0].traces[2].item",
                "[1].item",
                "[2].traces",
            ]
        );
        assert_eq!(normalize(b"7").unwrap_err().reason, Reason::WrongType);
    }

    #[test]
    fn a_trace_without_an_end_runs() {
        let patches = batch(&json!({"id": "s", "kind": "llm", "attributes": {"output": "Hi"}})).normalized.patches;
        assert_eq!((patches[0].kind.clone(), patches[0].end), (Some(Kind::Message), None));
        assert_eq!(patches[0].output, Some(Content::text("Hi")));
        assert_eq!(patches[1].parent_id.as_ref().unwrap().as_str(), "t");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[\\[{\"'(a-c=)None]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let name = prop::sample::select(vec![
                "id",
                "input",
                "output",
                "kind",
                "attributes",
                "events",
                "error",
                "model",
                "usage_input_tokens",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..6).prop_map(|pairs| {
                    Value::Object(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn never_panics_and_accounts_for_every_span(span in any_json()) {
            let batch = batch(&span);
            prop_assert_eq!(batch.normalized.patches.len() - 1 + batch.normalized.rejected.len(), 1);
        }
    }
}
