//! `gen_ai.*`, `user.*`, `session.*`, `error.*`: the semantic conventions of OpenTelemetry for generative AI
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/>), from their first release on.
//!
//! Content came as flattened names (`gen_ai.prompt.0.role`), as JSON text (`gen_ai.prompt`), as events of the span, and comes
//! as messages (`gen_ai.input.messages`, structured or JSON text). Tokens include cached ones and reasoning.

use neuraltrust_model::{Content, Kind, Map, Part, StatusCode, Usage, User, attributes as names};
use serde_json::{Value, json};

use super::filling::with_instructions;
use super::{Dialect, Draft, fill_content};
use crate::content::{Side, content, document, json_text, messages, part};
use crate::{Rejection, flattened, genai_events};

pub(super) const DIALECT: Dialect = Dialect { kind, read };

const INSTRUCTIONS: &str = "gen_ai.system_instructions";

/// The kind by `gen_ai.operation.name`, which stays an attribute: it says more than the kind. Before there was such a name,
/// by what else is there.
fn kind(draft: &mut Draft) -> Option<Kind> {
    let Some(operation) = draft.peek(names::OPERATION_NAME) else { return unnamed(&draft.attributes) };
    Some(match operation {
        "chat" | "generate_content" | "text_completion" | "completion" | "responses" | "message" | "messages" => Kind::Generation,
        "embeddings" | "embedding" => Kind::Embedding,
        "retrieval" | "retrieve" | "rerank" | "vectordb" => Kind::Retrieval,
        "plan" => Kind::Router,
        "invoke_agent" | "create_agent" | "invoke_workflow" | "agent" | "workflow" => Kind::Agent,
        "tool" | "tool_call" => Kind::Tool,
        name if name == "execute_tool" || name.ends_with("_memory") => Kind::Tool,
        _ => return None,
    })
}

fn unnamed(attributes: &Map) -> Option<Kind> {
    let has = |names: &[&str]| names.iter().any(|name| attributes.contains_key(*name));
    if has(&[names::TOOL_CALL_ARGUMENTS, names::TOOL_CALL_RESULT]) {
        return Some(Kind::Tool);
    }
    let called = has(&[names::REQUEST_MODEL, names::RESPONSE_MODEL]);
    let spoken = has(&["gen_ai.prompt", "gen_ai.prompt.0.content", "gen_ai.completion", "gen_ai.completion.0.content"])
        || has(&[names::INPUT_MESSAGES, names::USAGE_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"]);
    (called && spoken).then_some(Kind::Generation)
}

fn read(draft: &mut Draft) -> Result<(), Rejection> {
    details(draft);
    if draft.patch.conversation_id.is_none() {
        draft.patch.conversation_id = draft.take_id(names::CONVERSATION_ID)?;
    }
    if draft.patch.session_id.is_none() {
        draft.patch.session_id = draft.take_id(names::SESSION_ID)?;
    }
    let named = User {
        id: draft.take_loose_text(names::USER_ID).or_else(|| draft.take_loose_text("enduser.id")),
        name: draft.take_text(names::USER_NAME),
        email: draft.take_text(names::USER_EMAIL),
        ..User::default()
    };
    draft.merge_user(Some(named));
    if draft.patch.name.is_none() {
        let name = ["gen_ai.tool.name", "gen_ai.agent.name"].iter().find_map(|name| draft.peek(name));
        draft.patch.name = name.map(str::to_owned);
    }
    fill_content(draft, |draft| said(draft, Side::Input), |draft| said(draft, Side::Output));
    events(draft);
    if matches!(draft.patch.input, None | Some(Content::Messages { .. } | Content::Text { .. })) {
        let instructions = draft.take(INSTRUCTIONS).map(instructions);
        draft.patch.input = with_instructions(instructions, draft.patch.input.take());
    }
    if draft.patch.provider.is_none() {
        draft.patch.provider = draft.take_text(names::PROVIDER_NAME).or_else(|| draft.take_text("gen_ai.system"));
    }
    let provider = draft.patch.provider.clone();
    draft.drop_same("gen_ai.system", provider.as_deref());
    model(draft);
    usage(draft);
    if draft.patch.cost.is_none() {
        draft.patch.cost = draft.take_amount("gen_ai.usage.cost");
    }
    draft.rename("gen_ai.server.time_to_first_token", names::TIME_TO_FIRST_CHUNK);
    let error = draft.peek(names::ERROR_TYPE).map(str::to_owned);
    if let Some(status) = &mut draft.patch.status
        && status.code == StatusCode::Error
        && status.message.is_none()
    {
        status.message = error;
    }
    Ok(())
}

/// What an event of the span says of the call as a whole is said of the span.
fn details(draft: &mut Draft) {
    let events = std::mem::take(&mut draft.patch.events);
    let (details, events): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event.name == genai_events::DETAILS);
    draft.patch.events = events;
    for (name, value) in details.into_iter().flat_map(|event| event.attributes) {
        draft.attributes.entry(name).or_insert(value);
    }
}

/// The model that answered, else the one that was asked for; where the two differ, the latter stays an attribute.
fn model(draft: &mut Draft) {
    if draft.patch.model.is_none() {
        draft.patch.model = draft.take_text(names::RESPONSE_MODEL);
    }
    match (&draft.patch.model, draft.peek(names::REQUEST_MODEL)) {
        (None, _) => draft.patch.model = draft.take_text(names::REQUEST_MODEL),
        (Some(answered), Some(requested)) if answered == requested => drop(draft.take_text(names::REQUEST_MODEL)),
        _ => {}
    }
}

fn said(draft: &mut Draft, side: Side) -> Option<Content> {
    let (spoken, flat, tool) = match side {
        Side::Input => (names::INPUT_MESSAGES, "gen_ai.prompt", names::TOOL_CALL_ARGUMENTS),
        Side::Output => (names::OUTPUT_MESSAGES, "gen_ai.completion", names::TOOL_CALL_RESULT),
    };
    if let Some(value) = draft.take(spoken) {
        return read_messages(draft.kind(), side, json_text(value));
    }
    if let Some(value) = flattened::take(&mut draft.attributes, flat) {
        return Some(turns(side, value));
    }
    if let Some(value) = draft.take(flat) {
        return read_messages(draft.kind(), side, json_text(value));
    }
    if side == Side::Output
        && let Some(value) = draft.take(names::RETRIEVAL_DOCUMENTS)
    {
        return match json_text(value) {
            Value::Array(items) => Some(Content::Documents { documents: items.into_iter().map(document).collect() }),
            value => content(draft.kind(), side, value),
        };
    }
    if side == Side::Input
        && let Some(query) = draft.take_text("gen_ai.retrieval.query.text")
    {
        return Some(Content::Text { text: query });
    }
    let value = draft.take(tool).map(json_text)?;
    content(draft.kind(), side, value)
}

fn read_messages(kind: &Kind, side: Side, value: Value) -> Option<Content> {
    match messages(value) {
        Ok(messages) => Some(Content::Messages { messages }),
        Err(value) => content(kind, side, value),
    }
}

/// Messages out of flattened names: `{role?, content?, tool_calls: [{id, name, arguments}], finish_reason?, ..}`. Texts that
/// are embedded have no role.
fn turns(side: Side, value: Value) -> Content {
    let Value::Array(mut items) = value else { return Content::Json { value } };
    let role = if side == Side::Input { "user" } else { "assistant" };
    for item in &mut items {
        let Value::Object(map) = item else { continue };
        map.entry("role").or_insert_with(|| role.into());
        // Parts come as JSON text.
        if let Some(said) = map.get_mut("content")
            && said.as_str().is_some_and(|text| text.starts_with("[{"))
        {
            *said = json_text(said.take());
        }
        map.entry("content").or_insert(Value::Null);
        if let Some(Value::Array(calls)) = map.get_mut("tool_calls") {
            for call in calls.iter_mut().filter(|call| call.get("function").is_none()) {
                let field = |name: &str| call.get(name).cloned().unwrap_or_default();
                *call = json!({"id": field("id"), "function": {"name": field("name"), "arguments": field("arguments")}});
            }
        }
    }
    match messages(Value::Array(items)) {
        Ok(messages) => Content::Messages { messages },
        Err(value) => Content::Json { value },
    }
}

/// Messages and verdicts that came as events of the span. Events that only repeat what is known go as well.
fn events(draft: &mut Draft) {
    if draft.patch.input.is_none() || draft.patch.output.is_none() {
        let (input, output) = genai_events::of_span(&mut draft.patch.events);
        let content = |messages: Vec<_>| (!messages.is_empty()).then_some(Content::Messages { messages });
        fill_content(draft, |_| content(input), |_| content(output));
    }
    let (verdicts, events): (Vec<_>, Vec<_>) =
        std::mem::take(&mut draft.patch.events).into_iter().partition(|event| event.name == genai_events::EVALUATION);
    draft.patch.events = events;
    for (n, event) in verdicts.into_iter().enumerate() {
        let id = format!("{}-{n}", draft.patch.span_id);
        draft.patch.scores.push(genai_events::verdict(id, event.attributes, event.time));
    }
}

fn instructions(value: Value) -> Vec<Part> {
    match json_text(value) {
        Value::Array(items) => items.into_iter().map(part).collect(),
        value => vec![part(value)],
    }
}

/// Tokens as the convention counts them: cached ones are part of the input, reasoning is part of the output.
fn usage(draft: &mut Draft) {
    let input = [names::USAGE_INPUT_TOKENS, "gen_ai.usage.prompt_tokens"];
    let output = [names::USAGE_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"];
    let cache_read = [
        names::USAGE_CACHE_READ_TOKENS,
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.details.cache_read_tokens",
    ];
    let cache_write = [
        names::USAGE_CACHE_WRITE_TOKENS,
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
    ];
    let reasoning = [names::USAGE_REASONING_TOKENS, "gen_ai.usage.reasoning_tokens", "gen_ai.usage.details.reasoning_tokens"];
    if let Some(known) = draft.patch.usage {
        for (names, count) in [(&input[..], known.input), (&output[..], known.output), (&cache_read[..], known.cache_read)] {
            for name in names {
                if count.is_some() && draft.attributes.get(*name).and_then(Value::as_u64) == count {
                    draft.attributes.remove(*name);
                }
            }
        }
        return;
    }
    let mut first = |names: &[&str]| names.iter().find_map(|name| draft.take_loose_count(name));
    let usage = Usage {
        input: first(&input),
        output: first(&output),
        cache_read: first(&cache_read),
        cache_write: first(&cache_write),
        reasoning: first(&reasoning),
        input_audio: first(&[names::USAGE_INPUT_AUDIO_TOKENS, "gen_ai.usage.details.input_audio_tokens"]),
        input_image: first(&[names::USAGE_INPUT_IMAGE_TOKENS]),
        cache_read_audio: first(&[names::USAGE_CACHE_READ_AUDIO_TOKENS, "gen_ai.usage.details.cache_audio_read_tokens"]),
        cache_read_image: first(&[names::USAGE_CACHE_READ_IMAGE_TOKENS]),
        cache_write_1h: first(&[names::USAGE_CACHE_WRITE_1H_TOKENS]),
        output_audio: first(&[names::USAGE_OUTPUT_AUDIO_TOKENS, "gen_ai.usage.details.output_audio_tokens"]),
        output_image: first(&[names::USAGE_OUTPUT_IMAGE_TOKENS]),
        source: None,
    };
    draft.fill_usage(usage);
}
