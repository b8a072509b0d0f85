//! Requests and answers of the chat APIs, which tracing clients pass on as they are: messages out, everything else aside.
//!
//! Shapes: OpenAI Chat Completions, Completions and Responses, Anthropic Messages, and what LangChain makes of all of them
//! (`{"messages": [[..]]}`, `{"generations": [[..]]}`, messages by `type`, by constructor, and as pairs).

use neuraltrust_model::{Map, Message, Part};
use serde_json::Value;

use crate::content::{json_text, messages};

/// What a body says in words, and the rest of its fields.
pub(crate) struct Spoken {
    pub(crate) messages: Vec<Message>,
    pub(crate) rest: Map,
}

/// The messages of a request; the body back where it holds none.
pub(crate) fn request(body: Value) -> Result<Spoken, Value> {
    let mut map = match body {
        Value::Object(map) => map,
        Value::Array(_) => return loose_messages(body).map(|messages| Spoken { messages, rest: Map::new() }),
        other => return Err(other),
    };
    // LangChain hands over a list of prompts, of which there is one.
    if let Some(Value::Array(lists)) = map.get_mut("messages")
        && lists.len() == 1
        && lists.iter().all(Value::is_array)
    {
        let inner = lists.remove(0);
        map.insert("messages".to_owned(), inner);
    }
    let mut found = Vec::new();
    for field in ["system", "instructions", "system_instruction"] {
        let told = map.get(field).is_some_and(|text| text.is_string() || loose_parts(text));
        if told && ["messages", "input", "contents"].iter().any(|field| map.contains_key(*field)) {
            found.extend(map.remove(field).and_then(|text| said("system", text)));
        }
    }
    for field in ["messages", "input", "prompt", "prompts", "contents"] {
        let Some(value) = map.remove(field) else { continue };
        let value = match value {
            Value::Array(mut texts) if field == "prompts" && texts.len() == 1 => texts.remove(0),
            value => value,
        };
        match value {
            Value::String(text) if field != "messages" => found.extend(said("user", Value::String(text))),
            value => match loose_messages(value) {
                Ok(messages) => found.extend(messages),
                Err(value) => {
                    map.insert(field.to_owned(), value);
                    continue;
                }
            },
        }
        return Ok(Spoken { messages: found, rest: map });
    }
    put_back(&mut map, found);
    Err(Value::Object(map))
}

/// A system prompt alone makes no request.
fn put_back(map: &mut Map, found: Vec<Message>) {
    for message in found {
        if let Some(Part::Text { text }) = message.parts.into_iter().next() {
            map.insert("system".to_owned(), Value::String(text));
        }
    }
}

/// The messages of an answer; the body back where it holds none.
pub(crate) fn answer(body: Value) -> Result<Spoken, Value> {
    let mut map = match body {
        Value::Object(map) => map,
        Value::Array(_) => return loose_messages(body).map(|messages| Spoken { messages, rest: Map::new() }),
        other => return Err(other),
    };
    if loose_message(&Value::Object(map.clone())).is_some() {
        return loose_messages(Value::Object(map)).map(|messages| Spoken { messages, rest: Map::new() });
    }
    for (field, read) in ANSWERS {
        let Some(value) = map.get(field) else { continue };
        if let Some(messages) = read(value).filter(|messages| !messages.is_empty()) {
            map.remove(field);
            return Ok(Spoken { messages, rest: map });
        }
    }
    Err(Value::Object(map))
}

type Read = fn(&Value) -> Option<Vec<Message>>;

/// Where the APIs put what the model said.
const ANSWERS: [(&str, Read); 6] = [
    ("choices", choices),
    ("generations", generations),
    ("output", |value| if value.is_array() { listed(value) } else { loose_message(value).map(|message| vec![message]) }),
    ("messages", listed),
    ("message", |value| loose_message(value).map(|message| vec![message])),
    ("text", |value| value.as_str().map(|text| vec![plain("assistant", text)])),
];

fn listed(value: &Value) -> Option<Vec<Message>> {
    loose_messages(value.clone()).ok()
}

fn plain(role: &str, text: &str) -> Message {
    Message { role: role.to_owned(), parts: vec![Part::Text { text: text.to_owned() }], extra: Map::new() }
}

fn said(role: &str, content: Value) -> Option<Message> {
    messages(serde_json::json!({ "role": role, "content": content })).ok()?.into_iter().next()
}

fn loose_parts(value: &Value) -> bool {
    value.as_array().is_some_and(|parts| !parts.is_empty() && parts.iter().all(|part| part.get("type").is_some()))
}

/// `choices` of Chat Completions (`message`, or `delta` of a stream) and of Completions (`text`).
fn choices(value: &Value) -> Option<Vec<Message>> {
    value
        .as_array()?
        .iter()
        .map(|choice| {
            let said = choice.get("message").or_else(|| choice.get("delta"));
            let mut message = match (said, choice.get("text").and_then(Value::as_str)) {
                (Some(said), _) => loose_message(said)?,
                (None, Some(text)) => plain("assistant", text),
                (None, None) => return None,
            };
            if let Some(reason) = choice.get("finish_reason").filter(|reason| !reason.is_null()) {
                message.extra.insert("finish_reason".to_owned(), reason.clone());
            }
            Some(message)
        })
        .collect()
}

/// `generations` of LangChain: a list for each prompt, each of `{text, message, generation_info}`.
fn generations(value: &Value) -> Option<Vec<Message>> {
    let lists = value.as_array()?;
    let flat: Vec<&Value> =
        lists.iter().flat_map(|list| list.as_array().map_or_else(|| vec![list], |list| list.iter().collect())).collect();
    flat.into_iter()
        .map(|generation| {
            let mut message = match generation.get("message").and_then(loose_message) {
                Some(message) => message,
                None => plain("assistant", generation.get("text")?.as_str()?),
            };
            if let Some(reason) = generation.pointer("/generation_info/finish_reason").filter(|reason| !reason.is_null()) {
                message.extra.insert("finish_reason".to_owned(), reason.clone());
            }
            Some(message)
        })
        .collect()
}

/// A list of nothing but messages, in any of the shapes; the value back otherwise. Steps of the Responses API that are no
/// message of their own (a call of a tool, what it gave) become messages with that part.
pub(crate) fn loose_messages(value: Value) -> Result<Vec<Message>, Value> {
    match &value {
        Value::Array(items) if !items.is_empty() => match items.iter().map(loose_message).collect::<Option<Vec<_>>>() {
            Some(messages) => Ok(messages),
            None => Err(value),
        },
        Value::Object(_) => loose_message(&value).map(|message| vec![message]).ok_or(value),
        _ => Err(value),
    }
}

/// One message in any of the shapes.
pub(crate) fn loose_message(value: &Value) -> Option<Message> {
    match value {
        // LangChain also takes ("human", "Hello").
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(kind), Value::String(text)] => Some(plain(role_of(kind)?, text)),
            _ => None,
        },
        Value::Object(map) => {
            langchain(map).or_else(|| response_item(map)).or_else(|| messages(value.clone()).ok()?.into_iter().next())
        }
        _ => None,
    }
}

/// The role that LangChain means by the type of a message: `human` or `HumanMessage`.
fn role_of(kind: &str) -> Option<&'static str> {
    Some(match kind.trim_end_matches("Chunk").trim_end_matches("Message").to_ascii_lowercase().as_str() {
        "human" | "user" => "user",
        "ai" | "assistant" => "assistant",
        "system" => "system",
        "developer" => "developer",
        "tool" | "function" => "tool",
        _ => return None,
    })
}

/// `{"lc": 1, "type": "constructor", "id": [.., "HumanMessage"], "kwargs": {"content": ..}}`, or `{"type": "human", "content": ..}`,
/// or that under `data`.
fn langchain(map: &Map) -> Option<Message> {
    let kind = map.get("type")?.as_str()?;
    let (kind, fields) = if kind == "constructor" && map.contains_key("lc") {
        (map.get("id")?.as_array()?.last()?.as_str()?, map.get("kwargs")?.as_object()?)
    } else if let Some(data) = map.get("data").and_then(Value::as_object) {
        (kind, data)
    } else {
        // OpenAI's items have a type and a role: their role says it.
        (Some(kind).filter(|_| !map.contains_key("role"))?, map)
    };
    let role = match (role_of(kind), kind) {
        (Some(role), _) => role,
        (None, "chat" | "ChatMessage") => fields.get("role")?.as_str()?,
        _ => return None,
    };
    if !fields.contains_key("content") && !fields.contains_key("tool_calls") {
        return None;
    }
    let mut fields = fields.clone();
    fields.remove("type");
    let calls = fields.remove("tool_calls");
    if let Some(Value::Object(more)) = fields.get_mut("additional_kwargs") {
        // The same calls again, as the provider wrote them.
        more.remove("tool_calls");
        if more.is_empty() {
            fields.remove("additional_kwargs");
        }
    }
    fields.retain(|_, value| {
        !matches!(value, Value::Null) && *value != Value::Array(Vec::new()) && *value != Value::Object(Map::new())
    });
    fields.insert("role".to_owned(), role.into());
    fields.entry("content").or_insert(Value::Null);
    let mut message = messages(Value::Object(fields)).ok()?.into_iter().next()?;
    let calls = calls.as_ref().and_then(Value::as_array);
    if calls.is_some_and(|calls| !calls.is_empty()) {
        // Anthropic repeats its calls among the parts of the content.
        message.parts.retain(|part| !matches!(part, Part::ToolCall { .. }));
    }
    message.parts.extend(calls.into_iter().flatten().map(langchain_call));
    Some(message)
}

/// `{"name", "args", "id", "type": "tool_call"}`, or OpenAI's form.
fn langchain_call(call: &Value) -> Part {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let function = call.get("function");
    Part::ToolCall {
        id: text(call.get("id")),
        name: text(call.get("name").or_else(|| function?.get("name"))),
        arguments: json_text(call.get("args").or_else(|| function?.get("arguments")).cloned().unwrap_or_default()),
    }
}

/// Items of the Responses API beside messages.
fn response_item(map: &Map) -> Option<Message> {
    let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
    let (role, part) = match map.get("type")?.as_str()? {
        "function_call" => {
            let arguments = json_text(map.get("arguments").cloned().unwrap_or_default());
            ("assistant", Part::ToolCall { id: text("call_id").or_else(|| text("id")), name: text("name"), arguments })
        }
        "function_call_output" => {
            let result = json_text(map.get("output").cloned().unwrap_or_default());
            ("tool", Part::ToolResult { id: text("call_id"), name: text("name"), result })
        }
        "reasoning" if !map.contains_key("role") => {
            let summary = map.get("summary").and_then(Value::as_array);
            let words: Vec<&str> = summary.into_iter().flatten().filter_map(|part| part.get("text")?.as_str()).collect();
            ("assistant", Part::Reasoning { text: words.join("\n") })
        }
        _ => return None,
    };
    Some(Message { role: role.to_owned(), parts: vec![part], extra: Map::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(spoken: Result<Spoken, Value>, messages: Value, rest: Value) {
        let spoken = spoken.unwrap_or_else(|body| panic!("no messages in {body}"));
        assert_eq!(serde_json::to_value(spoken.messages).unwrap(), messages);
        assert_eq!(Value::Object(spoken.rest), rest);
    }

    fn text(role: &str, text: &str) -> Value {
        json!({"role": role, "parts": [{"type": "text", "text": text}]})
    }

    #[test]
    fn requests_of_the_apis() {
        check(
            request(json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})),
            json!([text("user", "Hi")]),
            json!({"model": "m"}),
        );
        check(
            request(json!({"input": "Hi", "instructions": "Be brief."})),
            json!([text("system", "Be brief."), text("user", "Hi")]),
            json!({}),
        );
        check(request(json!({"prompts": ["Human: Hi"]})), json!([text("user", "Human: Hi")]), json!({}));
        check(
            request(json!({"input": [
                {"role": "user", "content": "Weather?"},
                {"type": "function_call", "call_id": "c1", "name": "w", "arguments": "{\"city\":\"Z\"}"},
                {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
            ]})),
            json!([
                text("user", "Weather?"),
                {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "w", "arguments": {"city": "Z"}}]},
                {"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "name": null, "result": "sunny"}]},
            ]),
            json!({}),
        );
        assert!(request(json!({"question": "Hi"})).is_err());
        assert!(request(json!({"input": ["to", "embed"]})).is_err());
    }

    #[test]
    fn messages_of_langchain() {
        let human = json!({"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"],
            "kwargs": {"content": "Hi", "type": "human", "additional_kwargs": {}}});
        let call = json!({"type": "ai", "content": "", "tool_calls": [{"name": "w", "args": {"city": "Z"}, "id": "c1", "type": "tool_call"}],
            "additional_kwargs": {"tool_calls": [1]}, "invalid_tool_calls": []});
        let tool = json!({"type": "tool", "content": "sunny", "tool_call_id": "c1", "name": "w"});
        check(
            request(json!({"messages": [[human, call, tool, ["system", "x"]]]})),
            json!([
                text("user", "Hi"),
                {"role": "assistant", "parts": [{"type": "text", "text": ""}, {"type": "tool_call", "id": "c1", "name": "w", "arguments": {"city": "Z"}}]},
                {"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "name": "w", "result": "sunny"}]},
                text("system", "x"),
            ]),
            json!({}),
        );
        check(
            answer(
                json!({"generations": [[{"text": "Hi", "generation_info": {"finish_reason": "stop"}}]], "llm_output": {"model_name": "m"}}),
            ),
            json!([{"role": "assistant", "parts": [{"type": "text", "text": "Hi"}], "extra": {"finish_reason": "stop"}}]),
            json!({"llm_output": {"model_name": "m"}}),
        );
    }

    #[test]
    fn answers_of_the_apis() {
        check(
            answer(json!({"id": "1", "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}]})),
            json!([{"role": "assistant", "parts": [{"type": "text", "text": "Hi"}], "extra": {"finish_reason": "stop"}}]),
            json!({"id": "1"}),
        );
        check(
            answer(
                json!({"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}]}),
            ),
            json!([{"role": "assistant", "parts": [{"type": "text", "text": "Hi"}], "extra": {"type": "message"}}]),
            json!({}),
        );
        check(
            answer(json!({"role": "assistant", "content": [{"type": "text", "text": "Hi"}]})),
            json!([text("assistant", "Hi")]),
            json!({}),
        );
        assert!(answer(json!({"output": "Hi"})).is_err());
    }
}
