//! Opik (Comet): traces, spans and feedback scores as JSON, each created by one message and finished by another.
//!
//! Format: <https://www.comet.com/docs/opik/reference/rest-api/overview>, and recorded traffic (`fixtures/opik`).
//!
//! A trace of Opik is a span of kind message here, whose id is the id of the trace, and the parent of its spans that have none. Its
//! thread is the conversation. Values that are no object are wrapped as `{"output": ..}` by the client, and unwrapped here.
//! A score on a span names the span alone; here it stands in a trace of the span's name, for whoever knows the trace to move.

use neuraltrust_model::{
    ConversationId, Event, Kind, Map, Score, ScoreSource, Source, SpanId, SpanPatch, Status, StatusCode, TraceId, Usage,
    UsageSource, User,
};
use serde_json::Value;

use super::langfuse::TAGS;
use super::prompts;
use crate::api_usage::part;
use crate::content::Side;
use crate::fields::{Fields, id, json_body, wrong_type};
use crate::items::{Itemized, object};
use crate::spoken::{Said, keep_answer_id, said};
use crate::values::few_enough_spans;
use crate::{Reason, Rejection};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Traces.
    Traces,
    /// Spans of traces.
    Spans,
}

/// Who sends, and from where.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The client.
    pub source: Source,
    /// The header `comet-workspace`.
    pub workspace: Option<String>,
}

/// What a batch says that creates traces or spans: `{"traces": [..]}` or `{"spans": [..]}`.
///
/// # Errors
/// A [`Rejection`] when the body is no such batch.
pub fn batch(of: Of, body: &[u8], sender: &Sender) -> Result<Itemized, Rejection> {
    let name = if of == Of::Traces { "traces" } else { "spans" };
    let mut normalized = Itemized::default();
    for (n, value) in list(name, body)?.into_iter().enumerate() {
        let own_id = value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        normalized.push(own_id, create(of, value, sender).map_err(|rejection| placed(name, n, rejection)));
    }
    Ok(normalized)
}

/// What one message says that creates a trace or a span.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no such message.
pub fn single(of: Of, body: &[u8], sender: &Sender) -> Result<Vec<SpanPatch>, Rejection> {
    create(of, json_body(body)?, sender)
}

/// What one message says that changes the trace or span of that id.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no such message.
pub fn update(of: Of, own_id: &str, body: &[u8], sender: &Sender) -> Result<Vec<SpanPatch>, Rejection> {
    let mut map = object("body", json_body(body)?)?;
    map.insert("id".to_owned(), own_id.into());
    patch(of, false, Fields(map), sender)
}

/// What a list of scores says: `{"scores": [..]}`.
///
/// # Errors
/// A [`Rejection`] when the body is no such list.
pub fn scores(body: &[u8], sender: &Sender) -> Result<Itemized, Rejection> {
    let mut normalized = Itemized::default();
    for (n, value) in list("scores", body)?.into_iter().enumerate() {
        let own_id = value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let outcome = object("score", value).and_then(|map| score(Fields(map), sender));
        normalized.push(own_id, outcome.map_err(|rejection| placed("scores", n, rejection)));
    }
    Ok(normalized)
}

/// What one score says of the trace or span of that id.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no score.
pub fn single_score(own_id: &str, body: &[u8], sender: &Sender) -> Result<Vec<SpanPatch>, Rejection> {
    let mut map = object("body", json_body(body)?)?;
    map.insert("id".to_owned(), own_id.into());
    score(Fields(map), sender)
}

fn list(name: &str, body: &[u8]) -> Result<Vec<Value>, Rejection> {
    match json_body(body)? {
        Value::Object(mut map) => match map.remove(name) {
            Some(Value::Array(items)) => few_enough_spans(name, items.len()).map(|()| items),
            Some(other) => Err(wrong_type(name, &other, "an array")),
            None => Err(Rejection::new(Reason::Malformed, name, "is missing; it is an array")),
        },
        other => Err(wrong_type("body", &other, &format!("an object with the array {name}"))),
    }
}

fn placed(name: &str, n: usize, mut rejection: Rejection) -> Rejection {
    rejection.at = format!("{name}[{n}].{}", rejection.at);
    rejection
}

fn create(of: Of, value: Value, sender: &Sender) -> Result<Vec<SpanPatch>, Rejection> {
    patch(of, true, Fields(object("body", value)?), sender)
}

fn patch(of: Of, creates: bool, mut fields: Fields, sender: &Sender) -> Result<Vec<SpanPatch>, Rejection> {
    let Some(span_id) = fields.id::<SpanId>("id")? else {
        return Err(Rejection::new(Reason::MissingId, "id", "is missing; it is the id of the trace or span and must be text"));
    };
    let mut patch = match of {
        Of::Traces => SpanPatch {
            kind: Some(Kind::Message),
            conversation_id: fields.id("thread_id")?,
            ..SpanPatch::new(id("id", span_id.as_str().to_owned())?, span_id)
        },
        Of::Spans => {
            let Some(trace_id) = fields.id::<TraceId>("trace_id")? else {
                return Err(Rejection::new(
                    Reason::MissingId,
                    "trace_id",
                    "is missing; it is the trace of the span and must be text",
                ));
            };
            let root: SpanId = id("trace_id", trace_id.as_str().to_owned())?;
            let parent_id = fields.id("parent_span_id")?.or(creates.then_some(root));
            SpanPatch { parent_id, kind: kind(&mut fields, creates)?, ..SpanPatch::new(trace_id, span_id) }
        }
    };
    patch.name = fields.text("name")?;
    patch.start = fields.time("start_time")?;
    patch.end = fields.time("end_time")?;
    patch.told = fields.time("last_updated_at")?.or(patch.end);
    patch.model = fields.text("model")?.filter(|model| !model.is_empty());
    patch.provider = fields.text("provider")?.filter(|provider| !provider.is_empty());
    said_by(&mut patch, &mut fields);
    if let Some(counts) = fields.object("usage")? {
        patch.usage = usage(&counts);
        if patch.usage.is_none() {
            patch.attributes.insert("usage".to_owned(), Value::Object(counts));
        }
    }
    patch.cost = fields
        .value("total_estimated_cost")
        .and_then(|cost| cost.as_f64().or_else(|| cost.as_str()?.parse().ok()))
        .filter(|cost: &f64| cost.is_finite() && *cost >= 0.0);
    failure(&mut patch, fields.object("error_info")?);
    metadata(&mut patch, &mut fields)?;
    prompts::name(&mut patch.attributes, &patch.metadata);
    if let Some(tags) = fields.value("tags") {
        patch.attributes.insert(TAGS.to_owned(), tags);
    }
    let scores = fields.value("feedback_scores");
    fields.0.retain(|_, value| !value.is_null());
    patch.attributes.extend(fields.0);
    describe(&mut patch, sender);
    if let Some(Value::Array(scores)) = scores {
        for value in scores {
            let judged = verdict(patch.span_id.as_str(), Fields(object("feedback_scores", value)?))?;
            patch.scores.push(judged);
        }
    }
    Ok(vec![patch])
}

fn describe(patch: &mut SpanPatch, sender: &Sender) {
    if let Some(workspace) = &sender.workspace {
        patch.attributes.insert(super::COMET_WORKSPACE.to_owned(), workspace.clone().into());
    }
    patch.source = Some(sender.source.clone());
}

fn kind(fields: &mut Fields, creates: bool) -> Result<Option<Kind>, Rejection> {
    let named = fields.text("type")?.map(|name| match name.to_ascii_lowercase().as_str() {
        "llm" => Kind::Generation,
        "general" => Kind::Chain,
        _ => Kind::from(name),
    });
    Ok(named.or(creates.then_some(Kind::Chain)))
}

/// Input and output; what is no part of what is said goes to the attributes.
fn said_by(patch: &mut SpanPatch, fields: &mut Fields) {
    let kind = patch.kind.clone().unwrap_or(Kind::Chain);
    for (side, name) in [(Side::Input, "input"), (Side::Output, "output")] {
        let Some(value) = fields.value(name) else { continue };
        let value = if side == Side::Output { unwrapped(value) } else { value };
        let Some(Said { content, rest }) = said(&kind, side, value) else { continue };
        let field = if side == Side::Input { &mut patch.input } else { &mut patch.output };
        *field = Some(content);
        if let Some(rest) = rest {
            patch.attributes.insert(name.to_owned(), rest);
        }
    }
    keep_answer_id(&mut patch.attributes, &kind, "output");
    if kind == Kind::Chain && matches!(patch.output, Some(neuraltrust_model::Content::Documents { .. })) {
        // There is no type for a look-up; what it found tells.
        patch.kind = Some(Kind::Retrieval);
    }
}

/// What a function returned, which the client wraps where it is no object.
fn unwrapped(value: Value) -> Value {
    match value {
        Value::Object(mut map) if map.len() == 1 && map.get("output").is_some_and(|output| !is_items(output)) => {
            map.remove("output").unwrap_or_default()
        }
        value => value,
    }
}

/// Whether it is the list that an answer of OpenAI's responses API holds under the same name.
fn is_items(output: &Value) -> bool {
    output.as_array().is_some_and(|items| items.iter().any(|item| item.get("type").is_some()))
}

/// Tokens under OpenAI's names, which include all parts, with the provider's own numbers beside them, flattened. Older clients
/// gave Anthropic's `input_tokens` as the prompt, without what came from the cache or went there; the equal number tells.
fn usage(counts: &Map) -> Option<Usage> {
    let count = |name: &str| counts.get(name).and_then(Value::as_u64);
    let own = |names: &[&str]| names.iter().find_map(|name| count(&format!("original_usage.{name}")));
    let read = own(&[
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "cache_read_input_tokens",
        "cached_content_token_count",
    ]);
    let written = own(&["cache_creation_input_tokens"]);
    let part = |names: &[&str]| part(own(names));
    let prompt = count("prompt_tokens").or_else(|| own(&["input_tokens"]));
    let beside = own(&["cache_read_input_tokens"]).is_some() && prompt == own(&["input_tokens"]);
    let more = if beside { read.unwrap_or(0).saturating_add(written.unwrap_or(0)) } else { 0 };
    let usage = Usage {
        input: prompt.map(|prompt| prompt.saturating_add(more)),
        output: count("completion_tokens").or_else(|| own(&["output_tokens"])),
        cache_read: read,
        cache_write: written,
        reasoning: own(&[
            "completion_tokens_details.reasoning_tokens",
            "output_tokens_details.reasoning_tokens",
            "thoughts_token_count",
        ]),
        input_audio: part(&["prompt_tokens_details.audio_tokens", "input_tokens_details.audio_tokens"]),
        input_image: part(&["prompt_tokens_details.image_tokens", "input_tokens_details.image_tokens"]),
        cache_write_1h: part(&["cache_creation.ephemeral_1h_input_tokens"]),
        output_audio: part(&["completion_tokens_details.audio_tokens", "output_tokens_details.audio_tokens"]),
        output_image: part(&["completion_tokens_details.image_tokens", "output_tokens_details.image_tokens"]),
        source: Some(UsageSource::Api),
        ..Usage::default()
    };
    (!usage.is_empty()).then_some(usage)
}

/// `{exception_type, message, traceback}` as the status and the event that OpenTelemetry has for it.
fn failure(patch: &mut SpanPatch, info: Option<Map>) {
    let Some(mut info) = info else { return };
    let message = ["message", "exception_type"].iter().find_map(|name| info.get(*name)?.as_str()).map(str::to_owned);
    patch.status = Some(Status { code: StatusCode::Error, message });
    let mut attributes = Map::new();
    for (from, to) in
        [("exception_type", "exception.type"), ("message", "exception.message"), ("traceback", "exception.stacktrace")]
    {
        if let Some(value) = info.remove(from).filter(|value| !value.is_null()) {
            attributes.insert(to.to_owned(), value);
        }
    }
    attributes.extend(info);
    patch.events.push(Event { name: "exception".to_owned(), time: patch.end, attributes });
}

/// Metadata; who is talking and in which session is kept there for want of fields.
fn metadata(patch: &mut SpanPatch, fields: &mut Fields) -> Result<(), Rejection> {
    match fields.value("metadata") {
        Some(Value::Object(map)) => patch.metadata = map,
        Some(other) => drop(patch.metadata.insert("metadata".to_owned(), other)),
        None => {}
    }
    patch.metadata.retain(|_, value| !value.is_null());
    let text = |name: &str| patch.metadata.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let (user, session) = (text("user_id"), text("session_id"));
    patch.user = user.map(|id| User { id: Some(id), ..User::default() });
    patch.session_id = session.map(|text| id("metadata.session_id", text)).transpose()?;
    Ok(())
}

fn score(mut fields: Fields, sender: &Sender) -> Result<Vec<SpanPatch>, Rejection> {
    let thread: Option<ConversationId> = fields.id("thread_id")?;
    let own_id: Option<SpanId> = fields.id("id")?;
    let (Some(own_id), None) = (own_id, &thread) else { return on_thread(thread, fields, sender) };
    let score = verdict(own_id.as_str(), fields)?;
    let mut patch = SpanPatch::new(id("id", own_id.as_str().to_owned())?, own_id);
    patch.scores.push(score);
    Ok(vec![patch])
}

/// A score on a whole thread: a span of its own in the conversation, in one trace for each thread.
fn on_thread(thread: Option<ConversationId>, fields: Fields, sender: &Sender) -> Result<Vec<SpanPatch>, Rejection> {
    let Some(thread) = thread else {
        return Err(Rejection::new(Reason::MissingId, "id", "is missing; it is what is judged and must be text"));
    };
    let score = verdict(thread.as_str(), fields)?;
    let digest = |text: &str| blake3::hash(text.as_bytes()).to_hex()[..32].to_owned();
    let trace_id = id("thread_id", format!("thread-{}", digest(thread.as_str())))?;
    let span_id = id("thread_id", format!("score-{}", digest(&score.id)))?;
    let mut patch = SpanPatch::new(trace_id, span_id);
    patch.kind = Some(Kind::Evaluation);
    patch.name = Some(score.name.clone());
    patch.conversation_id = Some(thread);
    patch.scores.push(score);
    describe(&mut patch, sender);
    Ok(vec![patch])
}

/// A score of that name replaces an earlier one on the same thing, as it does in Opik.
fn verdict(of: &str, mut fields: Fields) -> Result<Score, Rejection> {
    let Some(name) = fields.text("name")? else {
        return Err(Rejection::new(Reason::WrongType, "name", "is missing; it is what is judged and must be text"));
    };
    let category = fields.text("category_name")?.filter(|category| !category.is_empty());
    let number = match fields.value("value") {
        None => None,
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value),
        Some(Value::String(text)) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
            crate::content::structure(&text).or(Some(Value::String(text)))
        }
        Some(other) => return Err(wrong_type("value", &other, "a number")),
    };
    let Some(value) = category.map(Value::String).or(number) else {
        return Err(Rejection::new(Reason::WrongType, "value", "is missing; it is a number"));
    };
    let source = match fields.text("source")?.as_deref() {
        Some("ui") => ScoreSource::User,
        Some("online_scoring") => ScoreSource::Evaluator,
        _ => ScoreSource::Api,
    };
    let time = fields.time("last_updated_at")?;
    Ok(Score { comment: fields.text("reason")?, time, ..Score::new(format!("{of}:{name}"), name, value, source) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tokens_with_the_providers_own_beside_them() {
        let of = |counts: Value| {
            let usage = usage(counts.as_object().unwrap()).unwrap_or_default();
            [usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning]
        };
        let openai =
            json!({"prompt_tokens": 149, "completion_tokens": 13, "original_usage.prompt_tokens_details.cached_tokens": 64});
        assert_eq!(of(openai), [Some(149), Some(13), Some(64), None, None]);
        let mut anthropic = json!({"prompt_tokens": 10, "completion_tokens": 5, "original_usage.input_tokens": 10,
            "original_usage.cache_read_input_tokens": 4, "original_usage.cache_creation_input_tokens": 3});
        assert_eq!(of(anthropic.clone()), [Some(17), Some(5), Some(4), Some(3), None], "an older client");
        anthropic["prompt_tokens"] = json!(17);
        assert_eq!(of(anthropic), [Some(17), Some(5), Some(4), Some(3), None]);
        assert_eq!(of(json!({"prompt_tokens": -1})), [None; 5]);
    }
}
