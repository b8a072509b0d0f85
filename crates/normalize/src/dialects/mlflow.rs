//! `mlflow.*`: MLflow Tracing as OTLP attributes.
//!
//! Facts of the wire, from recorded traffic (`fixtures/mlflow/`) and the client's code: sent straight to an OTLP endpoint, every
//! attribute is JSON text (`"\"CHAT_MODEL\""`); sent by the tracking client, it is the value itself. `mlflow.traceRequestId` is on every
//! span and tells which. User and session are metadata of the trace, which only the REST calls of the tracking client carry
//! ([`mlflow_rest`](super::mlflow_rest)); what they say of a trace is a span of its own, and the parent of its root. The tokens of
//! OpenAI's answers include cached ones, those of Anthropic's do not.

use neuraltrust_model::attributes::TIME_TO_FIRST_CHUNK;
use neuraltrust_model::{Content, Kind, Map, SpanId, StatusCode, User};
use serde_json::Value;

use super::langsmith_words::{Words, words};
use super::{Dialect, Draft};
use crate::Rejection;
use crate::api_usage::{anthropic_usage, api_usage, usage};
use crate::content::Side;
use crate::spoken::keep_answer_id;

pub(super) const DIALECT: Dialect = Dialect { kind, read };

pub(super) const REQUEST_ID: &str = "mlflow.traceRequestId";
const SPAN_TYPE: &str = "mlflow.spanType";
const TAG: &str = "mlflow.traceTag.";
/// Formats of messages that are named after who provides the model.
const PROVIDERS: [&str; 6] = ["openai", "anthropic", "gemini", "bedrock", "groq", "mistral"];
/// Events of a stream: one for each piece of the answer, which the outputs hold as a whole.
const CHUNK: &str = "mlflow.chunk.item.";
/// Tags and metadata of a trace by which applications name the conversation.
pub(super) const CONVERSATION: [&str; 4] = ["conversation_id", "thread_id", "chat_id", "mlflow.trace.session"];

fn kind(draft: &mut Draft) -> Option<Kind> {
    let is_by_client = draft.peek(REQUEST_ID).is_some_and(|id| !id.starts_with('"'));
    decode(&mut draft.attributes);
    if is_by_client && draft.patch.parent_id.is_none() {
        draft.patch.parent_id = above(draft);
    }
    let kind = match draft.take_text(SPAN_TYPE)?.as_str() {
        "LLM" | "CHAT_MODEL" => Kind::Generation,
        "EMBEDDING" => Kind::Embedding,
        "RETRIEVER" | "RERANKER" => Kind::Retrieval,
        "TOOL" | "MEMORY" => Kind::Tool,
        "AGENT" | "WORKFLOW" => Kind::Agent,
        "GUARDRAIL" => Kind::Guardrail,
        "EVALUATOR" => Kind::Evaluation,
        "CHAIN" | "PARSER" | "TASK" | "UNKNOWN" => Kind::Chain,
        other => Kind::from(other.to_lowercase()),
    };
    let is_turn = kind == Kind::Chain && draft.patch.parent_id.is_none();
    Some(if is_turn { Kind::Message } else { kind })
}

/// The span that stands for the trace; `None` where the span names none.
fn above(draft: &Draft) -> Option<SpanId> {
    let request = draft.peek(REQUEST_ID).filter(|request| trace_of(request) == draft.patch.trace_id.as_str())?;
    SpanId::new(request).ok()
}

/// The id of the trace that MLflow calls `tr-` and that id.
pub(super) fn trace_of(request: &str) -> &str {
    request.strip_prefix("tr-").unwrap_or(request)
}

/// Every attribute of a span that carries them as JSON text becomes what it stands for.
fn decode(attributes: &mut Map) {
    if !attributes.get(REQUEST_ID).and_then(Value::as_str).is_some_and(|id| id.starts_with('"')) {
        return;
    }
    for value in attributes.values_mut() {
        if let Some(inner) = value.as_str().and_then(crate::content::structure) {
            *value = inner;
        }
    }
}

fn read(draft: &mut Draft) -> Result<(), Rejection> {
    decode(&mut draft.attributes);
    if !draft.attributes.contains_key(REQUEST_ID) {
        return Ok(());
    }
    who(draft)?;
    for (side, name) in [(Side::Input, "mlflow.spanInputs"), (Side::Output, "mlflow.spanOutputs")] {
        let filled = if side == Side::Input { draft.patch.input.is_some() } else { draft.patch.output.is_some() };
        let Some(value) = (!filled).then(|| draft.take(name)).flatten() else { continue };
        // The words of a turn are looked for at the root, whatever else it is.
        let is_root = draft.patch.parent_id.is_none() || draft.patch.parent_id == above(draft);
        let is_step = !is_root || !matches!(draft.kind(), Kind::Chain | Kind::Agent);
        let kind = if is_step { draft.kind().clone() } else { Kind::Message };
        let Some(Words { content, rest }) = words(&kind, side, value) else { continue };
        match side {
            Side::Input => draft.patch.input = content,
            Side::Output => draft.patch.output = content,
        }
        if !rest.is_empty() {
            draft.attributes.insert(format!("{name}.rest"), Value::Object(rest));
        }
    }
    model_call(draft);
    stream(draft);
    if let Some(status) = &mut draft.patch.status
        && status.code == StatusCode::Ok
    {
        status.message = None;
    }
    Ok(())
}

fn who(draft: &mut Draft) -> Result<(), Rejection> {
    let user = User { id: draft.take_text("mlflow.trace.user"), ..User::default() };
    draft.merge_user(Some(user));
    for name in CONVERSATION {
        if draft.patch.conversation_id.is_some() {
            break;
        }
        let tag = format!("{TAG}{name}");
        draft.patch.conversation_id = match draft.take_id(&tag)? {
            Some(conversation) => Some(conversation),
            None if name.starts_with("mlflow.") => draft.take_id(name)?,
            None => None,
        };
    }
    if draft.patch.session_id.is_none() {
        draft.patch.session_id = draft.take_id("mlflow.trace.session")?;
    }
    let tags: Vec<String> = draft.attributes.keys().filter(|name| name.starts_with(TAG)).cloned().collect();
    for tag in tags {
        if let Some(value) = draft.attributes.remove(&tag) {
            draft.patch.metadata.insert(tag.trim_start_matches(TAG).to_owned(), value);
        }
    }
    Ok(())
}

fn model_call(draft: &mut Draft) {
    if !matches!(draft.kind(), Kind::Generation | Kind::Embedding) {
        return;
    }
    if draft.patch.model.is_none() {
        draft.patch.model = draft.take_text("mlflow.llm.model").or_else(|| draft.peek("model").map(str::to_owned));
    }
    if draft.patch.provider.is_none() {
        // Messages are written as the provider's API has them, unless a framework is between.
        let format = draft.peek("mlflow.message.format").filter(|format| PROVIDERS.contains(format)).map(str::to_owned);
        draft.patch.provider = draft.take_text("mlflow.llm.provider").or(format);
    }
    if draft.patch.usage.is_none()
        && let Some(told) = draft.take("mlflow.chat.tokenUsage")
    {
        let beside = draft.peek("mlflow.message.format") == Some("anthropic");
        draft.patch.usage = if beside { anthropic_usage(&told) } else { usage(&told) };
    }
    if draft.patch.usage.is_none() {
        // What the client does not tell as such stands in the answer of the model's API: of embeddings it never does.
        let answer = match &draft.patch.output {
            Some(Content::Json { value }) => Some(value),
            _ => draft.attributes.get("mlflow.spanOutputs.rest"),
        };
        draft.patch.usage = answer.and_then(|answer| api_usage(answer.get("usage")?.as_object()?));
    }
    let kind = draft.kind().clone();
    keep_answer_id(&mut draft.attributes, &kind, "mlflow.spanOutputs.rest");
    if draft.patch.cost.is_none() {
        let cost = draft.attributes.get("mlflow.llm.cost").and_then(|cost| cost.get("total_cost")?.as_f64());
        draft.patch.cost = cost.filter(|cost| cost.is_finite() && *cost >= 0.0);
    }
}

/// Of the pieces of a stream the first is kept, for its time, and the number of them.
fn stream(draft: &mut Draft) {
    let pieces = draft.patch.events.iter().filter(|event| event.name.starts_with(CHUNK)).count();
    let first = format!("{CHUNK}0");
    let begun = draft.patch.events.iter().find(|event| event.name == first).and_then(|event| event.time);
    if let Some(millis) = draft.patch.start.zip(begun).and_then(|(start, begun)| start.millis_until(begun)) {
        draft.attributes.insert(TIME_TO_FIRST_CHUNK.to_owned(), (millis / 1e3).into());
    }
    if pieces > 1 {
        draft.patch.events.retain(|event| !event.name.starts_with(CHUNK) || event.name == first);
        draft.attributes.insert("mlflow.chunks".to_owned(), pieces.into());
    }
}
