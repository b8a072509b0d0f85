//! Traceloop's OpenLLMetry, old and new (<https://github.com/traceloop/openllmetry>): `traceloop.*`, and the `llm.*` names from
//! before OpenTelemetry had its own. The calls themselves are in [`super::otel_genai`]'s words.
//!
//! It has no session and no user of its own: they are association properties, by names that applications choose.

use neuraltrust_model::{Content, Kind};
use serde_json::Value;

use super::{Dialect, Draft, fill_content};
use crate::Rejection;
use crate::content::{Side, content, json_text};

pub(super) const DIALECT: Dialect = Dialect { kind, read };

const SPAN_KIND: &str = "traceloop.span.kind";
const REQUEST_TYPE: &str = "llm.request.type";
const PROPERTIES: &str = "traceloop.association.properties.";
/// Names under which applications keep a conversation, the surest first.
const CONVERSATION: [&str; 4] = ["conversation_id", "chat_id", "thread_id", "session_id"];

fn kind(draft: &mut Draft) -> Option<Kind> {
    if let Some(kind) = draft.peek(SPAN_KIND) {
        return Some(match kind {
            "agent" | "workflow" => Kind::Agent,
            "tool" => Kind::Tool,
            "task" | "unknown" => Kind::Chain,
            other => Kind::Other(other.to_owned()),
        });
    }
    match draft.peek(REQUEST_TYPE)? {
        "chat" | "completion" => Some(Kind::Generation),
        "embedding" => Some(Kind::Embedding),
        "rerank" => Some(Kind::Retrieval),
        _ => None,
    }
}

fn read(draft: &mut Draft) -> Result<(), Rejection> {
    let ours = draft.attributes.keys().any(|name| name.starts_with("traceloop.")) || draft.attributes.contains_key(REQUEST_TYPE);
    if !ours {
        return Ok(());
    }
    first_names(draft);
    let property = |name: &str| format!("{PROPERTIES}{name}");
    for name in CONVERSATION.map(property) {
        if draft.patch.conversation_id.is_some() || draft.attributes.contains_key("gen_ai.conversation.id") {
            break;
        }
        draft.patch.conversation_id = draft.take_loose_id(&name);
    }
    if draft.patch.session_id.is_none() {
        draft.patch.session_id = draft.take_loose_id(&property("session_id"));
    }
    let user = ["user_id", "user"].map(property).into_iter().find_map(|name| draft.take_loose_text(&name));
    draft.merge_user(user.map(|id| neuraltrust_model::User { id: Some(id), ..Default::default() }));
    // It writes "OpenAI" where others write "openai".
    if draft.patch.provider.is_none() {
        let provider = draft.take_text("gen_ai.system");
        draft.patch.provider = provider.map(|provider| provider.to_lowercase());
    }
    fill_content(draft, |draft| entity(draft, Side::Input), |draft| entity(draft, Side::Output));
    if let Some(seconds) = draft.take_amount("llm.openai.chat_completions.streaming_time_to_first_token") {
        draft.keep_time_to_first_token(seconds);
    }
    Ok(())
}

/// The names from before OpenTelemetry had its own (opentelemetry-semantic-conventions-ai up to 0.1), as those that it has now.
fn first_names(draft: &mut Draft) {
    for (old, new) in [
        ("llm.vendor", "gen_ai.system"),
        ("llm.request.model", "gen_ai.request.model"),
        ("llm.response.model", "gen_ai.response.model"),
        ("llm.usage.prompt_tokens", "gen_ai.usage.prompt_tokens"),
        ("llm.usage.completion_tokens", "gen_ai.usage.completion_tokens"),
    ] {
        draft.rename(old, new);
    }
    for (old, new) in [("llm.prompts.", "gen_ai.prompt."), ("llm.completions.", "gen_ai.completion.")] {
        let names: Vec<String> = draft.attributes.keys().filter(|name| name.starts_with(old)).cloned().collect();
        for name in names {
            let said = name.strip_prefix(old).map(|rest| format!("{new}{rest}"));
            if let Some(said) = said {
                draft.rename(&name, &said);
            }
        }
    }
}

/// What a decorated function was called with and gave, as JSON text. It has no kind for a look-up: a task that gives
/// documents is one.
fn entity(draft: &mut Draft, side: Side) -> Option<Content> {
    let name = match side {
        Side::Input => "traceloop.entity.input",
        Side::Output => "traceloop.entity.output",
    };
    let value = json_text(draft.take(name)?);
    if *draft.kind() == Kind::Tool && side == Side::Input {
        return content(&Kind::Tool, side, arguments(value));
    }
    let said = draft.handed(side, name, value)?;
    if *draft.kind() == Kind::Chain && matches!(said, Content::Documents { .. }) {
        draft.patch.kind = Some(Kind::Retrieval);
    }
    Some(said)
}

/// What a tool was called with by name, when it was called by names alone.
fn arguments(value: Value) -> Value {
    match value {
        Value::Object(mut map) if map.len() == 2 && map.get("args").is_some_and(|args| *args == Value::Array(Vec::new())) => {
            match map.remove("kwargs") {
                Some(Value::Object(named)) => Value::Object(named),
                other => {
                    map.extend(other.map(|other| ("kwargs".to_owned(), other)));
                    Value::Object(map)
                }
            }
        }
        value => value,
    }
}
