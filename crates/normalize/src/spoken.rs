//! What a span that came as JSON says at one of its ends, whatever the application put there.

use neuraltrust_model::{Content, Kind, Map, attributes as names};
use serde_json::Value;

use crate::chat_body::{self, Spoken};
use crate::content::{Side, content, document};
use crate::words::words;

/// What is said, and what else the value held.
pub(crate) struct Said {
    /// What is said.
    pub(crate) content: Content,
    /// The rest of a request or answer (tools, parameters, counts), or the whole that a turn's words were taken out of.
    pub(crate) rest: Option<Value>,
}

/// What a value says on that side of a span of that kind: the messages of a request or answer of a model API, the documents
/// of a look-up, the words of a turn, else the value as it is. `None` for null.
pub(crate) fn said(kind: &Kind, side: Side, value: Value) -> Option<Said> {
    let alone = |content: Content| Some(Said { content, rest: None });
    if let Value::Array(items) = &value
        && side == Side::Output
        && are_documents(items)
    {
        let documents = items.iter().cloned().map(document).collect();
        return alone(Content::Documents { documents });
    }
    let value = if is_body(kind, side, &value) {
        match if side == Side::Input { chat_body::request(value) } else { chat_body::answer(value) } {
            Ok(Spoken { messages, rest }) => {
                let rest = (!rest.is_empty()).then_some(Value::Object(rest));
                return Some(Said { content: Content::Messages { messages }, rest });
            }
            Err(value) => value,
        }
    } else {
        value
    };
    if *kind == Kind::Message
        && (value.is_object() || value.is_array())
        && let Some(text) = words(&value)
    {
        return Some(Said { content: Content::text(text), rest: Some(value) });
    }
    alone(content(kind, side, value)?)
}

/// Keeps the id of a model's answer under the one name that it has here, where the rest of the answer at `place` says it.
pub(crate) fn keep_answer_id(attributes: &mut Map, kind: &Kind, place: &str) {
    if *kind != Kind::Generation || attributes.contains_key(names::RESPONSE_ID) {
        return;
    }
    // Answers of model APIs say what they are, or which model gave them.
    let answer = attributes.get(place).filter(|answer| ["object", "model"].iter().any(|name| answer.get(name).is_some()));
    if let Some(id @ Value::String(_)) = answer.and_then(|answer| answer.get("id")).cloned() {
        attributes.insert(names::RESPONSE_ID.to_owned(), id);
    }
}

/// Whether the value may be a request or answer of a model API: at a model call anything, elsewhere only what cannot be
/// taken for arguments of a function.
fn is_body(kind: &Kind, side: Side, value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    match (value, side) {
        (Value::Array(_), _) => *kind != Kind::Retrieval,
        (Value::Object(_), _) if *kind == Kind::Generation => true,
        (Value::Object(_), Side::Input) => has("messages") || (has("input") && has("instructions")),
        (Value::Object(_), Side::Output) => has("choices") || value.get("output").is_some_and(Value::is_array),
        _ => false,
    }
}

/// Whether a list is what a look-up found: nothing but texts with a score.
fn are_documents(items: &[Value]) -> bool {
    let is_document = |item: &Value| {
        let has = |names: &[&str], is: fn(&Value) -> bool| names.iter().any(|name| item.get(name).is_some_and(is));
        has(&["content", "text", "chunk", "page_content", "document"], Value::is_string)
            && has(&["score", "relevance_score", "similarity"], Value::is_number)
    };
    !items.is_empty() && items.iter().all(is_document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(kind: Kind, side: Side, value: Value, expect: Value, rest: Value) {
        let said = said(&kind, side, value).unwrap();
        assert_eq!(serde_json::to_value(said.content).unwrap(), expect);
        assert_eq!(said.rest.unwrap_or_default(), rest);
    }

    #[test]
    fn what_is_said_at_each_kind_of_span() {
        let hi = json!({"type": "messages", "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]});
        let request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        check(Kind::Generation, Side::Input, request, hi.clone(), json!({"model": "m"}));
        check(Kind::Generation, Side::Input, json!({"input": "Hi"}), hi, json!(null));
        let input = json!({"input": "Hi"});
        check(Kind::Tool, Side::Input, input.clone(), json!({"type": "json", "value": input}), json!(null));
        check(Kind::Message, Side::Input, input.clone(), json!({"type": "text", "text": "Hi"}), input);
        let found = json!([{"text": "a", "score": 1, "id": "d"}]);
        let documents = json!({"type": "documents", "documents": [{"id": "d", "content": "a", "score": 1.0}]});
        check(Kind::Chain, Side::Output, found, documents, json!(null));
    }
}
