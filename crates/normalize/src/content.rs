//! From a loose value to [`Content`]: messages, documents, text or JSON, told by what the value looks like.
//!
//! The shapes are those of OTel GenAI (semantic conventions, "Input messages", "Output messages" and "Retrieval documents"
//! JSON schemas) and of the OpenAI and Anthropic chat APIs, which applications pass on as they are.

pub(crate) use neuraltrust_model::Side;
use neuraltrust_model::limits::MAX_TEXT_DEPTH;
use neuraltrust_model::{Content, Document, Kind, Map, Message, Part};
use serde_json::Value;

use crate::fields::within_depth;

/// The content that a value is, on that side of a span of that kind; `None` for null.
pub(crate) fn content(kind: &Kind, side: Side, value: Value) -> Option<Content> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Content::Text { text }),
        value if *kind == Kind::Retrieval && side == Side::Output => Some(found(value)),
        value => Some(messages(value).map_or_else(|value| Content::Json { value }, |messages| Content::Messages { messages })),
    }
}

/// What a retrieval found: documents where it is a list, as it is otherwise.
fn found(value: Value) -> Content {
    match value {
        Value::Array(items) => Content::Documents { documents: items.into_iter().map(document).collect() },
        Value::Object(mut map) if map.len() == 1 && matches!(map.get("documents"), Some(Value::Array(_))) => {
            found(map.remove("documents").unwrap_or_default())
        }
        value => Content::Json { value },
    }
}

/// Messages, when the value is a message or a list of nothing but messages; else the value back.
pub(crate) fn messages(value: Value) -> Result<Vec<Message>, Value> {
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(is_message) => {
            Ok(items.into_iter().filter_map(message).collect())
        }
        value if is_message(&value) => Ok(message(value).into_iter().collect()),
        value => Err(value),
    }
}

fn is_message(value: &Value) -> bool {
    value.get("role").is_some_and(Value::is_string)
        && ["content", "parts", "tool_calls"].iter().any(|field| value.get(field).is_some())
}

fn message(value: Value) -> Option<Message> {
    let Value::Object(mut map) = value else { return None };
    let role = text(map.remove("role"))?;
    let mut parts = Vec::new();
    if let Some(Value::String(thoughts)) = map.get("reasoning_content") {
        parts.push(Part::Reasoning { text: thoughts.clone() });
        map.remove("reasoning_content");
    }
    let body = map.remove("parts").or_else(|| map.remove("content")).unwrap_or_default();
    match body {
        Value::Null => {}
        body if role == "tool" && map.contains_key("tool_call_id") => {
            let name = text(map.remove("name"));
            parts.push(Part::ToolResult { id: text(map.remove("tool_call_id")), name, result: body });
        }
        Value::String(text) => parts.push(Part::Text { text }),
        Value::Array(items) => parts.extend(items.into_iter().map(part)),
        other => parts.push(part(other)),
    }
    if let Some(Value::Array(calls)) = map.get("tool_calls") {
        parts.extend(calls.iter().cloned().map(tool_call));
        map.remove("tool_calls");
    }
    map.retain(|_, value| !value.is_null());
    Some(Message { role, parts, extra: map })
}

/// OpenAI's `{id, type: "function", function: {name, arguments}}`, with the arguments as JSON text.
fn tool_call(value: Value) -> Part {
    let Some(function) = value.get("function").and_then(Value::as_object) else { return part(value) };
    Part::ToolCall {
        id: value.get("id").and_then(Value::as_str).map(str::to_owned),
        name: function.get("name").and_then(Value::as_str).map(str::to_owned),
        arguments: json_text(function.get("arguments").cloned().unwrap_or_default()),
    }
}

/// The value that JSON text stands for, or the text where it is none.
pub(crate) fn json_text(value: Value) -> Value {
    match value {
        Value::String(text) => structure(&text).unwrap_or(Value::String(text)),
        other => other,
    }
}

/// The value that JSON text stands for; `None` where it is none, or too deep to be read as one.
pub(crate) fn structure(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(|value| within_depth(value, MAX_TEXT_DEPTH))
}

/// One part of a message, told by its type.
pub(crate) fn part(value: Value) -> Part {
    let Value::Object(map) = value else {
        return match value {
            Value::String(text) => Part::Text { text },
            value => Part::Other { value },
        };
    };
    let field = |names: &[&str]| names.iter().find_map(|name| map.get(*name).and_then(Value::as_str)).map(str::to_owned);
    let any = |names: &[&str]| names.iter().find_map(|name| map.get(*name)).cloned().unwrap_or_default();
    let known = match map.get("type").and_then(Value::as_str) {
        Some("text" | "input_text" | "output_text") => field(&["text", "content"]).map(|text| Part::Text { text }),
        Some("reasoning" | "thinking") => field(&["content", "thinking", "text"]).map(|text| Part::Reasoning { text }),
        Some("tool_call" | "tool_use") => Some(Part::ToolCall {
            id: field(&["id"]),
            name: field(&["name"]),
            arguments: json_text(any(&["arguments", "input"])),
        }),
        Some("tool_call_response" | "tool_result") => Some(Part::ToolResult {
            id: field(&["id", "tool_use_id"]),
            name: field(&["name"]),
            result: any(&["response", "result", "content"]),
        }),
        Some("image_url") => match map.get("image_url") {
            Some(Value::String(uri)) => Some(media(None, Some(uri.clone()))),
            Some(image) => Some(media(None, image.get("url").and_then(Value::as_str).map(str::to_owned))),
            None => None,
        },
        Some("uri" | "file" | "image") => field(&["uri", "file_id", "url"]).map(|uri| media(field(&["mime_type"]), Some(uri))),
        // Google's parts say what they are by the name of their field.
        None if map.len() == 1 => field(&["text"]).map(|text| Part::Text { text }),
        _ => None,
    };
    known.unwrap_or(Part::Other { value: Value::Object(map) })
}

fn media(mime_type: Option<String>, uri: Option<String>) -> Part {
    Part::Media { mime_type, uri, name: None, bytes: None }
}

/// A document from what a retriever gives: text alone, or an object whose text goes by one of the usual names.
pub(crate) fn document(value: Value) -> Document {
    let mut map = match value {
        Value::String(text) => return Document { content: Some(text), ..Document::default() },
        Value::Object(map) => map,
        other => return Document { metadata: Map::from_iter([("value".to_owned(), other)]), ..Document::default() },
    };
    let content = ["content", "text", "chunk", "page_content", "document"]
        .into_iter()
        .find(|name| map.get(*name).is_some_and(Value::is_string))
        .and_then(|name| text(map.remove(name)));
    let score = ["score", "relevance_score", "similarity"]
        .into_iter()
        .find(|name| map.get(*name).is_some_and(Value::is_number))
        .and_then(|name| map.remove(name)?.as_f64());
    let id = ["id", "document_id", "doc_id"]
        .into_iter()
        .find(|name| matches!(map.get(*name), Some(Value::String(_) | Value::Number(_))))
        .and_then(|name| map.remove(name))
        .map(|id| text(Some(id.clone())).unwrap_or_else(|| id.to_string()));
    let mut metadata = match map.remove("metadata") {
        Some(Value::Object(inner)) => inner,
        Some(Value::Null) | None => Map::new(),
        Some(other) => Map::from_iter([("metadata".to_owned(), other)]),
    };
    metadata.extend(map);
    Document { id, content, score, metadata }
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(kind: Kind, side: Side, value: Value, expect: Value) {
        let content = content(&kind, side, value);
        assert_eq!(serde_json::to_value(content).unwrap(), expect);
    }

    #[test]
    fn a_retrieval_gives_documents() {
        check(
            Kind::Retrieval,
            Side::Output,
            json!([{"chunk": "Hello", "score": 0.5, "source": "kb://1"}, "plain", 7]),
            json!({"type": "documents", "documents": [
                {"id": null, "content": "Hello", "score": 0.5, "metadata": {"source": "kb://1"}},
                {"id": null, "content": "plain", "score": null},
                {"id": null, "content": null, "score": null, "metadata": {"value": 7}},
            ]}),
        );
        check(Kind::Retrieval, Side::Input, json!({"k": 3}), json!({"type": "json", "value": {"k": 3}}));
    }

    #[test]
    fn messages_of_the_chat_apis() {
        check(
            Kind::Generation,
            Side::Input,
            json!([
                {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "https://a/b.png"}}]},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "22"},
                {"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}, {"type": "shiny", "x": 1}], "finish_reason": "stop"},
            ]),
            json!({"type": "messages", "messages": [
                {"role": "user", "parts": [{"type": "text", "text": "Hi"}, {"type": "media", "mime_type": null, "uri": "https://a/b.png", "name": null}]},
                {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}]},
                {"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "name": null, "result": "22"}]},
                {"role": "assistant", "parts": [{"type": "reasoning", "text": "hm"}, {"type": "other", "value": {"type": "shiny", "x": 1}}], "extra": {"finish_reason": "stop"}},
            ]}),
        );
    }

    #[test]
    fn what_is_no_message_stays_json() {
        check(Kind::Generation, Side::Output, json!([{"role": "x"}]), json!({"type": "json", "value": [{"role": "x"}]}));
        check(Kind::Generation, Side::Output, json!([]), json!({"type": "json", "value": []}));
        check(Kind::Generation, Side::Output, json!(null), json!(null));
    }
}
