//! OpenInference, as the instrumentations of Arize Phoenix write it
//! (<https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md>).
//!
//! Its session is our conversation. `llm.token_count.prompt` includes cached tokens, as ours does. `input.value` and
//! `output.value` of a model call repeat the raw request and answer: they stay attributes where the messages are there.

use neuraltrust_model::{Content, ConversationId, Document, Kind, Map, Message, Part, SpanPatch, Usage, attributes as names};
use serde_json::Value;

use super::filling::TAGS;
use super::{Dialect, Draft, fill_content};
use crate::content::{Side, content, document, json_text, part};
use crate::{Rejection, api_usage, flattened};

pub(super) const DIALECT: Dialect = Dialect { kind, read };

const SPAN_KIND: &str = "openinference.span.kind";

fn kind(draft: &mut Draft) -> Option<Kind> {
    Some(match draft.peek(SPAN_KIND)?.to_ascii_uppercase().as_str() {
        "LLM" => Kind::Generation,
        "EMBEDDING" => Kind::Embedding,
        "RETRIEVER" | "RERANKER" => Kind::Retrieval,
        "AGENT" => Kind::Agent,
        "TOOL" => Kind::Tool,
        "GUARDRAIL" => Kind::Guardrail,
        "EVALUATOR" => Kind::Evaluation,
        "CHAIN" | "PROMPT" => Kind::Chain,
        // What it could not tell, another vocabulary may.
        "" | "UNKNOWN" => return None,
        _ => Kind::Other(draft.peek(SPAN_KIND)?.to_lowercase()),
    })
}

fn read(draft: &mut Draft) -> Result<(), Rejection> {
    if draft.attributes.contains_key(SPAN_KIND) {
        if draft.patch.conversation_id.is_none() && !draft.attributes.contains_key(names::CONVERSATION_ID) {
            draft.patch.conversation_id = draft.take_id(names::SESSION_ID)?;
        }
        draft.take_metadata("metadata");
    }
    fill_content(draft, |draft| said(draft, Side::Input), |draft| said(draft, Side::Output));
    draft.rename("tag.tags", TAGS);
    if draft.patch.model.is_none() {
        let model = [
            "llm.response.model_name",
            "llm.model_name",
            "embedding.model_name",
            "reranker.model_name",
            "llm.request.model_name",
        ];
        draft.patch.model = model.into_iter().find_map(|name| draft.take_text(name));
        let model = draft.patch.model.clone();
        draft.drop_same("llm.model_name", model.as_deref());
    }
    if draft.patch.provider.is_none() {
        draft.patch.provider = draft.take_text("llm.provider").or_else(|| draft.take_text("llm.system"));
        let provider = draft.patch.provider.clone();
        draft.drop_same("llm.system", provider.as_deref());
    }
    usage(draft);
    answered_as(draft);
    if draft.patch.cost.is_none() {
        draft.patch.cost = draft.take_amount("llm.cost.total");
    }
    if draft.patch.cost.is_none() {
        let parts = [draft.take_amount("llm.cost.prompt"), draft.take_amount("llm.cost.completion")];
        draft.patch.cost = parts.into_iter().flatten().reduce(|a, b| a + b);
    }
    Ok(())
}

/// The id of the model's answer is said only in the raw answer.
fn answered_as(draft: &mut Draft) {
    if *draft.kind() != Kind::Generation || draft.attributes.contains_key(names::RESPONSE_ID) {
        return;
    }
    let answer = draft.peek("output.value").and_then(|answer| serde_json::from_str(answer).ok());
    if let Some(Value::String(id)) = answer.and_then(|mut answer: Value| Some(answer.get_mut("id")?.take())) {
        draft.attributes.insert(names::RESPONSE_ID.to_owned(), Value::String(id));
    }
}

/// What `using_attributes` says is put on every span of the process, also on those of other instrumentations: its session is
/// our conversation on them too.
pub(crate) fn session_of_context(resource: &Map, patch: &mut SpanPatch) {
    if resource.contains_key("openinference.project.name") && patch.conversation_id.is_none() {
        patch.conversation_id = patch.session_id.take().and_then(|session| ConversationId::new(session.to_string()).ok());
    }
}

fn usage(draft: &mut Draft) {
    let usage = Usage {
        input: draft.take_count("llm.token_count.prompt"),
        output: draft.take_count("llm.token_count.completion"),
        cache_read: draft.take_count("llm.token_count.prompt_details.cache_read"),
        cache_write: draft.take_count("llm.token_count.prompt_details.cache_write"),
        reasoning: draft.take_count("llm.token_count.completion_details.reasoning"),
        input_audio: api_usage::part(draft.take_count("llm.token_count.prompt_details.audio")),
        output_audio: api_usage::part(draft.take_count("llm.token_count.completion_details.audio")),
        ..Usage::default()
    };
    draft.fill_usage(usage);
}

fn said(draft: &mut Draft, side: Side) -> Option<Content> {
    let (list, role, value, mime_type) = match side {
        Side::Input => ("llm.input_messages", "user", "input.value", "input.mime_type"),
        Side::Output => ("llm.output_messages", "assistant", "output.value", "output.mime_type"),
    };
    if let Some(flat) = flattened::take(&mut draft.attributes, list) {
        return Some(match flat {
            Value::Array(items) => Content::Messages { messages: items.into_iter().map(|item| message(item, role)).collect() },
            value => Content::Json { value },
        });
    }
    if let Some(texts) = completed(draft, side, role) {
        return Some(texts);
    }
    if let Some(found) = documents(draft, side) {
        return Some(found);
    }
    if side == Side::Input {
        if let Some(texts) = embedded(draft) {
            return Some(texts);
        }
        if *draft.kind() == Kind::Retrieval
            && let Some(query) = draft.take_text("reranker.query")
        {
            return Some(Content::Text { text: query });
        }
    }
    let structured = draft.peek(mime_type).is_some_and(|mime_type| mime_type.starts_with("application/json"));
    let name = value;
    let value = draft.take(name)?;
    draft.attributes.remove(mime_type);
    if structured {
        return draft.handed(side, name, json_text(value));
    }
    content(draft.kind(), side, value)
}

/// The texts of a completion without messages: `llm.prompts.N.prompt.text` and `llm.choices.N.completion.text`.
fn completed(draft: &mut Draft, side: Side, role: &str) -> Option<Content> {
    let (list, inner) = if side == Side::Input { ("llm.prompts", "/prompt/text") } else { ("llm.choices", "/completion/text") };
    let end = inner.replace('/', ".");
    let Value::Array(items) = flattened::take_those(&mut draft.attributes, list, |rest| rest.ends_with(&end))? else {
        return None;
    };
    let text = |item: &Value| item.pointer(inner).and_then(Value::as_str).map(str::to_owned);
    let said = items.iter().filter_map(text).map(|text| Part::Text { text });
    let messages = said.map(|part| Message { role: role.to_owned(), parts: vec![part], extra: Map::new() });
    Some(Content::Messages { messages: messages.collect() })
}

fn documents(draft: &mut Draft, side: Side) -> Option<Content> {
    if side == Side::Input {
        return None;
    }
    let flat = flattened::take(&mut draft.attributes, "retrieval.documents")
        .or_else(|| flattened::take(&mut draft.attributes, "reranker.output_documents"))?;
    let Value::Array(items) = flat else { return Some(Content::Json { value: flat }) };
    let documents = items.into_iter().map(|mut item| found(item.get_mut("document").map(Value::take).unwrap_or(item)));
    Some(Content::Documents { documents: documents.collect() })
}

fn found(mut value: Value) -> Document {
    // The metadata is JSON text.
    if let Some(metadata) = value.get_mut("metadata") {
        *metadata = json_text(metadata.take());
    }
    document(value)
}

/// The texts that were embedded; their vectors stay attributes.
fn embedded(draft: &mut Draft) -> Option<Content> {
    let flat = flattened::take_those(&mut draft.attributes, "embedding.embeddings", |rest| rest.ends_with(".embedding.text"))?;
    let Value::Array(items) = flat else { return Some(Content::Json { value: flat }) };
    let mut texts: Vec<Value> =
        items.into_iter().map(|mut item| item.pointer_mut("/embedding/text").map(Value::take).unwrap_or(item)).collect();
    match texts.pop()? {
        Value::String(text) if texts.is_empty() => Some(Content::Text { text }),
        last => {
            texts.push(last);
            Some(Content::Json { value: Value::Array(texts) })
        }
    }
}

/// One message: `{message: {role, content | contents, tool_calls, tool_call_id, ..}}`.
fn message(mut item: Value, role: &str) -> Message {
    let mut map = match item.get_mut("message").map(Value::take).unwrap_or(item) {
        Value::Object(map) => map,
        other => Map::from_iter([("content".to_owned(), other)]),
    };
    let role = text(&mut map, "role").unwrap_or_else(|| role.to_owned());
    let mut parts: Vec<Part> = match map.remove("contents") {
        Some(Value::Array(contents)) => contents.into_iter().filter_map(content_part).collect(),
        _ => Vec::new(),
    };
    let spoken = map.remove("content").filter(|spoken| !spoken.is_null());
    let mut answered = None;
    match spoken {
        Some(result) if role == "tool" || map.contains_key("tool_call_id") => {
            let parted = parts.iter().any(|part| matches!(part, Part::ToolResult { .. }));
            answered =
                (!parted).then(|| Part::ToolResult { id: text(&mut map, "tool_call_id"), name: text(&mut map, "name"), result });
        }
        // Some instrumentations tell the words twice, once as a whole.
        Some(Value::String(text)) if parts.is_empty() && !text.is_empty() => parts.push(Part::Text { text }),
        Some(Value::String(_)) | None => {}
        Some(other) => parts.push(part(other)),
    }
    if let Some(result) = answered {
        parts = vec![result];
    }
    if let Some(Value::Array(calls)) = map.remove("tool_calls") {
        for call in calls.into_iter().map(tool_call) {
            if !parts.contains(&call) {
                parts.push(call);
            }
        }
    }
    if let Some(name) = text(&mut map, "function_call_name") {
        let arguments = map.remove("function_call_arguments_json").map(json_text).unwrap_or_default();
        parts.push(Part::ToolCall { id: None, name: Some(name), arguments });
    }
    Message { role, parts, extra: map }
}

/// One part: `{message_content: {type, text | image | audio, ..}, tool_call?: {..}}`.
fn content_part(mut item: Value) -> Option<Part> {
    if item.get("tool_call").is_some() {
        return Some(tool_call(item));
    }
    let inner = item.get_mut("message_content").map(Value::take).unwrap_or(item);
    let uri = |kind: &str| {
        [format!("/{kind}/{kind}/url"), format!("/{kind}/url"), format!("/{kind}.url")]
            .iter()
            .find_map(|at| inner.pointer(at))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    for kind in ["image", "audio", "video", "file"] {
        if let Some(uri) = uri(kind) {
            let mime_type = inner.pointer(&format!("/{kind}/{kind}/mime_type")).and_then(Value::as_str).map(str::to_owned);
            return Some(Part::Media { mime_type, uri: Some(uri), name: None, bytes: None });
        }
    }
    (!inner.is_null()).then(|| part(inner))
}

/// One call: `{tool_call: {id, function: {name, arguments}}}`.
fn tool_call(mut item: Value) -> Part {
    let call = item.get_mut("tool_call").map(Value::take).unwrap_or(item);
    let text = |at: &str| call.pointer(at).and_then(Value::as_str).map(str::to_owned);
    Part::ToolCall {
        id: text("/id"),
        name: text("/function/name"),
        arguments: json_text(call.pointer("/function/arguments").cloned().unwrap_or_default()),
    }
}

fn text(map: &mut Map, name: &str) -> Option<String> {
    match map.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
