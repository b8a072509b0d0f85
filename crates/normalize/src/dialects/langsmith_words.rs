//! What goes into a LangSmith run and comes out of it: `inputs` and `outputs`, objects of any shape.
//!
//! A function's arguments and its result become such an object by name; `{"output": x}` is what a function returned that
//! returned no object. Chat models have the request and answer of their API, or what LangChain makes of them.

use neuraltrust_model::{Content, Document, Kind, Map, Message, Part, Usage};
use serde_json::Value;

use crate::api_usage::{self, in_or_beside};
use crate::chat_body::{self, Spoken};
use crate::content::{Side, content, document, json_text};
use crate::python_literal;

/// Names under which applications keep what a person says, and what they are answered.
const SAID: [&str; 14] = [
    "question",
    "query",
    "q",
    "user_input",
    "user_message",
    "input",
    "prompt",
    "message",
    "content",
    "text",
    "human",
    "output",
    "answer",
    "response",
];

/// The content of one side of a run, and the fields beside it.
pub(super) struct Words {
    pub(super) content: Option<Content>,
    pub(super) rest: Map,
}

impl Words {
    fn of(content: Option<Content>) -> Self {
        Self { content, rest: Map::new() }
    }
}

/// The content of the inputs or outputs of a run; `None` for nothing.
pub(super) fn words(kind: &Kind, side: Side, value: Value) -> Option<Words> {
    if value.is_null() {
        return None;
    }
    Some(match (kind, side) {
        (Kind::Generation, _) => spoken(kind, side, value),
        (Kind::Retrieval, Side::Output) => documents(value),
        (Kind::Embedding, _) => Words::of(content(kind, side, only(value))),
        (Kind::Tool, _) => Words::of(tool(side, value)),
        _ => conversation(kind, side, value),
    })
}

/// A request of a model, or its answer.
fn spoken(kind: &Kind, side: Side, value: Value) -> Words {
    let read = match side {
        Side::Input => chat_body::request(value),
        Side::Output => chat_body::answer(value),
    };
    match read {
        Ok(Spoken { messages, rest }) => Words { content: Some(Content::Messages { messages }), rest },
        Err(value) => match only(value) {
            Value::String(text) => Words::of(Some(Content::text(text))),
            value => match chat_body::loose_messages(value) {
                Ok(messages) => Words::of(Some(Content::Messages { messages })),
                Err(value) => Words::of(content(kind, side, value)),
            },
        },
    }
}

/// The value of an object that holds one thing under one of the names that mean nothing.
fn only(value: Value) -> Value {
    match value {
        // The client for JavaScript says `outputs`.
        Value::Object(mut map) if map.len() == 1 && ["output", "outputs", "input"].iter().any(|name| map.contains_key(*name)) => {
            let (_, inner) =
                map.iter_mut().next().map_or((String::new(), Value::Null), |(name, inner)| (name.clone(), inner.take()));
            inner
        }
        value => value,
    }
}

fn documents(value: Value) -> Words {
    let list = match value {
        Value::Array(list) => list,
        Value::Object(mut map) => {
            let found =
                ["documents", "output", "outputs", "docs"].into_iter().find(|name| map.get(*name).is_some_and(Value::is_array));
            match found.and_then(|name| map.remove(name)) {
                Some(Value::Array(list)) => {
                    return Words { content: Some(all(list)), rest: map };
                }
                _ => return Words::of(Some(Content::Json { value: Value::Object(map) })),
            }
        }
        value => return Words::of(content(&Kind::Retrieval, Side::Output, value)),
    };
    Words::of(Some(all(list)))
}

fn all(list: Vec<Value>) -> Content {
    Content::Documents { documents: list.into_iter().map(langchain_document).collect() }
}

/// A document, written by LangChain as a constructor call or as it is; its id and score may lie in its metadata.
fn langchain_document(value: Value) -> Document {
    let value = match value {
        Value::Object(mut map) if map.get("type").is_some_and(|kind| kind == "constructor") => {
            map.remove("kwargs").unwrap_or_default()
        }
        value => value,
    };
    let mut document = document(value);
    if document.metadata.get("type").is_some_and(|kind| kind == "Document") {
        document.metadata.remove("type");
    }
    if document.id.is_none()
        && let Some(Value::String(id)) = document.metadata.get("id")
    {
        document.id = Some(id.clone());
        document.metadata.remove("id");
    }
    if document.score.is_none()
        && let Some(score) = document.metadata.get("score").and_then(Value::as_f64)
    {
        document.score = Some(score);
        document.metadata.remove("score");
    }
    document.metadata.retain(|_, value| !value.is_null());
    document
}

/// What a tool was called with, which LangChain hands over as `str(dict)`, and what it gave.
fn tool(side: Side, value: Value) -> Option<Content> {
    let value = match only(value) {
        Value::String(text) => match python_literal::parse_container(&text) {
            Some(value) => value,
            None if text.starts_with(['{', '[']) => json_text(Value::String(text)),
            None => Value::String(text),
        },
        value => value,
    };
    if side == Side::Output
        && let Some(Message { parts, .. }) = chat_body::loose_message(&value)
        && let Some(Part::ToolResult { result, .. }) = parts.into_iter().next()
    {
        return content(&Kind::Tool, side, result);
    }
    content(&Kind::Tool, side, value)
}

/// What went through a step of the application: messages where there are some; of a turn the words of the user and of the
/// application, told apart from what else it was given.
fn conversation(kind: &Kind, side: Side, value: Value) -> Words {
    let mut map = match only(value) {
        Value::Object(map) => map,
        Value::String(text) => return Words::of(Some(Content::Text { text })),
        value => {
            return Words::of(match chat_body::loose_messages(value) {
                Ok(messages) => Some(Content::Messages { messages }),
                Err(value) => content(kind, side, value),
            });
        }
    };
    if let Some(message) = chat_body::loose_message(&Value::Object(map.clone())) {
        return Words::of(Some(Content::Messages { messages: vec![message] }));
    }
    if let Some(messages) = map.get("messages").cloned()
        && let Ok(Spoken { messages, .. }) = chat_body::request(serde_json::json!({ "messages": messages }))
    {
        map.remove("messages");
        return Words { content: Some(Content::Messages { messages }), rest: map };
    }
    if *kind != Kind::Message {
        return Words::of(Some(Content::Json { value: Value::Object(map) }));
    }
    let texts: Vec<&String> = map.iter().filter(|(_, value)| value.is_string()).map(|(name, _)| name).collect();
    let name = match texts.as_slice() {
        [only] => Some((*only).clone()),
        texts => SAID.iter().find(|said| texts.iter().any(|name| name == *said)).map(|said| (*said).to_owned()),
    };
    match name.and_then(|name| map.remove(&name)) {
        Some(Value::String(text)) if map.is_empty() => Words::of(Some(Content::Text { text })),
        Some(Value::String(text)) => {
            let role = if side == Side::Input { "user" } else { "assistant" };
            let message = Message { role: role.to_owned(), parts: vec![Part::Text { text }], extra: map };
            Words::of(Some(Content::Messages { messages: vec![message] }))
        }
        _ => Words::of(Some(Content::Json { value: Value::Object(map) })),
    }
}

/// The tokens of a call: what LangSmith made of them, else what LangChain or the API said.
pub(super) fn usage(outputs: Option<&Value>, metadata: &Map) -> Option<Usage> {
    let at = |path: &str| outputs.and_then(|outputs| outputs.pointer(path));
    let made = [
        at("/usage_metadata"),
        at("/generations/0/0/message/kwargs/usage_metadata"),
        at("/generations/0/message/kwargs/usage_metadata"),
        at("/generations/0/0/message/usage_metadata"),
        at("/output/kwargs/usage_metadata"),
        at("/output/usage_metadata"),
        metadata.get("usage_metadata"),
        at("/llm_output/token_usage"),
    ];
    let whole = || in_or_beside(at("/llm_output/usage").or_else(|| at("/usage"))?);
    made.into_iter().flatten().find_map(api_usage::usage).or_else(whole)
}

/// The model that answered, else the one that was asked for.
pub(super) fn model(inputs: Option<&Value>, outputs: Option<&Value>, metadata: &Map, extra: &Map) -> Option<String> {
    let answered = outputs.and_then(|outputs| {
        let paths = [
            "/model",
            "/llm_output/model_name",
            "/llm_output/model",
            "/generations/0/0/message/kwargs/response_metadata/model_name",
            "/generations/0/0/message/kwargs/response_metadata/model",
        ];
        paths.iter().find_map(|path| outputs.pointer(path))
    });
    let params = extra.get("invocation_params");
    let asked = metadata
        .get("ls_model_name")
        .or_else(|| params.and_then(|params| params.get("model").or_else(|| params.get("model_name"))))
        .or_else(|| inputs.and_then(|inputs| inputs.get("model")));
    answered
        .filter(|model| model.is_string())
        .or(asked)
        .and_then(Value::as_str)
        .filter(|model| !model.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(kind: &Kind, side: Side, value: Value, expect: Value) {
        let said = words(kind, side, value).and_then(|words| words.content);
        assert_eq!(serde_json::to_value(said).unwrap(), expect);
    }

    /// The client for JavaScript puts what is no object under `outputs`, the one for Python under `output`.
    #[test]
    fn what_is_no_object_is_unwrapped() {
        for name in ["output", "outputs"] {
            let found = json!({name: [{"page_content": "a", "metadata": {"id": "d", "score": 0.5}}]});
            let document = json!({"id": "d", "content": "a", "score": 0.5});
            check(&Kind::Retrieval, Side::Output, found, json!({"type": "documents", "documents": [document]}));
            let text = json!({"type": "text", "text": "Hello"});
            check(&Kind::Message, Side::Output, json!({name: "Hello"}), text.clone());
            check(&Kind::Chain, Side::Output, json!({name: "Hello"}), text);
            check(&Kind::Tool, Side::Output, json!({name: 3}), json!({"type": "json", "value": 3}));
        }
    }
}
