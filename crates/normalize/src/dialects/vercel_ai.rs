//! The Vercel AI SDK's `experimental_telemetry`, up to version 6 (<https://ai-sdk.dev/docs/ai-sdk-core/telemetry>). Version 7
//! speaks [`super::otel_genai`]'s words, with settings of its own.
//!
//! `ai.generateText` and its like repeat what the calls below them (`.doGenerate`, `.doStream`) say and sum up their tokens:
//! they are no model calls. Tokens include cached ones.

use neuraltrust_model::{Content, Kind, Map, Message, Part, Usage, User};
use serde_json::Value;

use super::filling::TAGS;
use super::{Dialect, Draft, fill_content};
use crate::Rejection;
use crate::content::{Side, content, json_text, messages};

pub(super) const DIALECT: Dialect = Dialect { kind, read };

const OPERATION: &str = "ai.operationId";
const METADATA: &str = "ai.telemetry.metadata.";
const CONTEXT: &str = "ai.settings.context.";

fn kind(draft: &mut Draft) -> Option<Kind> {
    let operation = draft.peek(OPERATION)?;
    Some(match operation {
        "ai.toolCall" => Kind::Tool,
        _ if operation.ends_with(".doEmbed") => Kind::Embedding,
        _ if operation.ends_with(".doRerank") => Kind::Retrieval,
        _ if operation.ends_with(".doGenerate") || operation.ends_with(".doStream") => Kind::Generation,
        "ai.generateText" | "ai.streamText" => Kind::Agent,
        _ if operation.starts_with("ai.") => Kind::Chain,
        _ => return None,
    })
}

fn read(draft: &mut Draft) -> Result<(), Rejection> {
    for prefix in [METADATA, CONTEXT] {
        who(draft, prefix);
    }
    if !draft.attributes.keys().any(|name| name.starts_with("ai.")) {
        return Ok(());
    }
    // Every call of a tool goes by the same name.
    if let Some(tool) = draft.peek("ai.toolCall.name").filter(|tool| !tool.is_empty()).map(str::to_owned) {
        draft.patch.name = Some(tool);
    }
    fill_content(draft, asked, answered);
    if draft.patch.model.is_none() {
        draft.patch.model = draft.take_text("ai.response.model").or_else(|| draft.take_text("ai.model.id"));
        let model = draft.patch.model.clone();
        ["ai.model.id", "gen_ai.response.model", "gen_ai.request.model"]
            .iter()
            .for_each(|name| draft.drop_same(name, model.as_deref()));
    }
    if draft.patch.provider.is_none() {
        // `openai.chat` is the provider and which of its interfaces is called.
        let given = draft.peek("ai.model.provider").map(str::to_owned);
        draft.patch.provider = given.as_deref().and_then(|given| given.split('.').next()).map(str::to_owned);
        draft.drop_same("gen_ai.system", given.as_deref());
    }
    let usage = Usage {
        input: first_count(draft, ["ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"]),
        output: first_count(draft, ["ai.usage.outputTokens", "ai.usage.completionTokens", "ai.usage.completion_tokens"]),
        cache_read: first_count(
            draft,
            ["ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens", "ai.usage.cacheReadTokens"],
        ),
        cache_write: draft.take_loose_count("ai.usage.inputTokenDetails.cacheWriteTokens"),
        reasoning: first_count(
            draft,
            ["ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens", "ai.usage.reasoning_tokens"],
        ),
        ..Usage::default()
    };
    draft.fill_usage(usage);
    draft.take_millis_to_first_token("ai.response.msToFirstChunk");
    draft.take_millis_to_first_token("ai.stream.msToFirstChunk");
    Ok(())
}

/// The first of these counts; the others say the same.
fn first_count(draft: &mut Draft, names: [&str; 3]) -> Option<u64> {
    let counts = names.map(|name| draft.take_loose_count(name));
    counts.into_iter().flatten().next()
}

/// User, session, conversation and tags out of what the application passes along.
fn who(draft: &mut Draft, prefix: &str) {
    let named =
        |names: &[&str], draft: &mut Draft| names.iter().find_map(|name| draft.take_loose_text(&format!("{prefix}{name}")));
    let user = named(&["userId", "user_id"], draft);
    draft.merge_user(user.map(|id| User { id: Some(id), ..User::default() }));
    let names = ["conversationId", "conversation_id", "chatId", "threadId", "sessionId", "session_id"];
    for name in names {
        let known = draft.patch.conversation_id.is_some() || draft.attributes.contains_key("gen_ai.conversation.id");
        if !known {
            draft.patch.conversation_id = draft.take_loose_id(&format!("{prefix}{name}"));
        }
    }
    for name in ["sessionId", "session_id"] {
        if draft.patch.session_id.is_none() {
            draft.patch.session_id = draft.take_loose_id(&format!("{prefix}{name}"));
        }
    }
    draft.rename(&format!("{prefix}tags"), TAGS);
    let rest: Vec<String> = draft.attributes.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
    for name in rest {
        if let (Some(key), Some(value)) = (name.strip_prefix(prefix), draft.attributes.remove(&name)) {
            draft.patch.metadata.entry(key).or_insert(value);
        }
    }
}

fn asked(draft: &mut Draft) -> Option<Content> {
    if let Some(value) = draft.take("ai.prompt.messages") {
        return Some(conversation(json_text(value), None));
    }
    if let Some(value) = draft.take("ai.prompt") {
        // What the application gave: `{system?, prompt | messages}`.
        return match json_text(value) {
            Value::Object(mut map) => {
                let system = map.remove("system").filter(|system| !system.is_null());
                match map.remove("messages").or_else(|| map.remove("prompt")) {
                    Some(said) => Some(conversation(said, system)),
                    None => Some(Content::Json { value: Value::Object(map) }),
                }
            }
            value => Some(conversation(value, None)),
        };
    }
    if let Some(value) = draft.take("ai.toolCall.args").or_else(|| draft.take("ai.toolCall.input")) {
        return content(&Kind::Tool, Side::Input, json_text(value));
    }
    // What is embedded is JSON text of each text.
    let value = match draft.take("ai.value").or_else(|| draft.take("ai.values"))? {
        Value::Array(mut items) if items.len() == 1 => json_text(items.pop().unwrap_or_default()),
        Value::Array(items) => Value::Array(items.into_iter().map(json_text).collect()),
        value => json_text(value),
    };
    content(draft.kind(), Side::Input, value)
}

fn answered(draft: &mut Draft) -> Option<Content> {
    if let Some(value) = draft.take("ai.toolCall.result").or_else(|| draft.take("ai.toolCall.output")) {
        return content(&Kind::Tool, Side::Output, json_text(value));
    }
    if let Some(value) = draft.take("ai.response.object").or_else(|| draft.take("ai.result.object")) {
        return Some(Content::Json { value: json_text(value) });
    }
    let mut parts: Vec<Part> = Vec::new();
    parts.extend(draft.take_text("ai.response.reasoning").map(|text| Part::Reasoning { text }));
    parts.extend(
        ["ai.response.text", "ai.result.text"].iter().find_map(|name| draft.take_text(name)).map(|text| Part::Text { text }),
    );
    for name in ["ai.response.toolCalls", "ai.result.toolCalls"] {
        match draft.take(name).map(json_text) {
            Some(Value::Array(calls)) => parts.extend(calls.into_iter().map(part)),
            Some(other) => drop(draft.attributes.insert(name.to_owned(), other)),
            None => {}
        }
    }
    if parts.is_empty() {
        return None;
    }
    let mut extra = Map::new();
    if let Some(reason) = draft.peek("ai.response.finishReason") {
        extra.insert("finish_reason".to_owned(), reason.into());
    }
    Some(Content::Messages { messages: vec![Message { role: "assistant".to_owned(), parts, extra }] })
}

/// The SDK's own messages (`ModelMessage[]`), or one text that a user says.
fn conversation(said: Value, system: Option<Value>) -> Content {
    let mut all = Vec::new();
    if let Some(system) = system {
        all.push(spoken("system", system));
    }
    match said {
        Value::Array(items) if items.iter().all(|item| item.get("role").is_some_and(Value::is_string)) => {
            all.extend(items.into_iter().filter_map(message));
        }
        value => match messages(value) {
            Ok(said) => all.extend(said),
            Err(text @ Value::String(_)) => all.push(spoken("user", text)),
            Err(value) => return Content::Json { value },
        },
    }
    Content::Messages { messages: all }
}

fn spoken(role: &str, value: Value) -> Message {
    let part = match value {
        Value::String(text) => Part::Text { text },
        value => Part::Other { value },
    };
    Message { role: role.to_owned(), parts: vec![part], extra: Map::new() }
}

fn message(value: Value) -> Option<Message> {
    let Value::Object(mut map) = value else { return None };
    let role = map.remove("role")?.as_str()?.to_owned();
    let parts = match map.remove("content") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![Part::Text { text }],
        Some(Value::Array(items)) => items.into_iter().map(part).collect(),
        Some(value) => vec![Part::Other { value }],
    };
    map.retain(|_, value| !value.is_null());
    Some(Message { role, parts, extra: map })
}

/// One part: `tool-call`, `tool-result`, `file` and `image` are the SDK's own, the others are everybody's.
fn part(value: Value) -> Part {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let any = |names: [&str; 2]| names.iter().find_map(|name| value.get(*name)).cloned().unwrap_or_default();
    let kind = value.get("type").and_then(Value::as_str);
    match kind {
        Some("tool-result") => {
            // Newer versions wrap the result: `{type: "json" | "text" | .., value}`.
            let mut result = any(["output", "result"]);
            if result.get("type").is_some_and(Value::is_string)
                && let Some(value) = result.get_mut("value").map(Value::take)
            {
                result = value;
            }
            Part::ToolResult { id: text("toolCallId"), name: text("toolName"), result }
        }
        Some("tool-call") | None if value.get("toolCallId").is_some() => {
            Part::ToolCall { id: text("toolCallId"), name: text("toolName"), arguments: json_text(any(["input", "args"])) }
        }
        Some("file" | "image") => {
            let uri = match any(["data", "image"]) {
                Value::String(uri) => Some(uri),
                _ => None,
            };
            match uri {
                Some(uri) => Part::Media {
                    mime_type: text("mediaType").or_else(|| text("mimeType")),
                    uri: Some(uri),
                    name: text("filename"),
                    bytes: None,
                },
                None => Part::Other { value },
            }
        }
        _ => crate::content::part(value),
    }
}
