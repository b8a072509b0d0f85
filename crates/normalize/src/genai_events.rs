//! Messages that OTel GenAI tells one by one, as events: log records, or events of a span.
//!
//! Format: semantic conventions for generative AI events up to 1.36 (`gen_ai.system.message`, `gen_ai.user.message`,
//! `gen_ai.assistant.message`, `gen_ai.tool.message`, `gen_ai.choice`), and `gen_ai.content.prompt` and
//! `gen_ai.content.completion` before 1.28.

use neuraltrust_model::{Event, Map, Message, Score, ScoreSource, Side, Timestamp};
use serde_json::Value;

use crate::content::{json_text, messages};

/// A model call as a whole, in one event (semantic conventions for generative AI events).
pub(crate) const DETAILS: &str = "gen_ai.client.inference.operation.details";
/// A verdict on a span.
pub(crate) const EVALUATION: &str = "gen_ai.evaluation.result";

/// Names that stand with every event and say nothing of the message.
const BESIDE: [&str; 4] = ["gen_ai.system", "gen_ai.provider.name", "event.name", "event.domain"];

/// The end of the span and the role that an event of that name is about.
pub(crate) fn speaker(name: &str) -> Option<(Side, &'static str)> {
    Some(match name {
        "gen_ai.system.message" => (Side::Input, "system"),
        "gen_ai.user.message" => (Side::Input, "user"),
        "gen_ai.assistant.message" => (Side::Input, "assistant"),
        "gen_ai.tool.message" => (Side::Input, "tool"),
        "gen_ai.choice" => (Side::Output, "assistant"),
        _ => return None,
    })
}

/// The message of an event: its body, or what stands in its attributes where it has no body. `None` where nothing is said.
pub(crate) fn message(role: &str, body: Value, mut attributes: Map) -> Option<Message> {
    BESIDE.iter().for_each(|name| drop(attributes.remove(*name)));
    let body = match body {
        // Clients that have no structured bodies put the JSON text of one into an attribute.
        Value::Null => attributes.remove("gen_ai.event.content").map_or(Value::Null, json_text),
        body => json_text(body),
    };
    let mut map = match body {
        Value::Object(map) => map,
        Value::Null => std::mem::take(&mut attributes),
        said => Map::from_iter([("content".to_owned(), said)]),
    };
    attributes.append(&mut map);
    let mut map = attributes;
    // A choice has its message inside of it, beside the reason why it ended.
    match map.remove("message").map(json_text) {
        Some(Value::Object(inner)) => map.extend(inner),
        Some(said @ (Value::String(_) | Value::Array(_))) => drop(map.insert("content".to_owned(), said)),
        _ => {}
    }
    map.retain(|_, value| !value.is_null());
    for field in ["content", "tool_calls", "parts"] {
        if let Some(value) = map.remove(field) {
            map.insert(field.to_owned(), structured(field, value));
        }
    }
    if map.get("index").is_some_and(|index| index == 0) {
        map.remove("index");
    }
    let role = map.remove("role").and_then(|role| role.as_str().map(str::to_owned)).unwrap_or_else(|| role.to_owned());
    if role == "tool"
        && let Some(id) = map.remove("id")
    {
        map.insert("tool_call_id".to_owned(), id);
    }
    if !["content", "tool_calls", "parts"].iter().any(|field| map.contains_key(*field)) {
        if map.is_empty() {
            return None;
        }
        map.insert("content".to_owned(), Value::Null);
    }
    map.insert("role".to_owned(), Value::String(role));
    messages(Value::Object(map)).ok()?.pop()
}

/// Lists of parts and calls as such where they come as JSON text; words that happen to be JSON stay words.
fn structured(field: &str, value: Value) -> Value {
    let as_text = field == "content" && !value.as_str().is_some_and(|text| text.starts_with("[{"));
    match value {
        Value::String(_) if as_text => value,
        // Google's content inside of the content: `{"role": .., "parts": [..]}`.
        Value::Object(mut inner) if matches!(inner.get("parts"), Some(Value::Array(_))) => {
            inner.remove("parts").unwrap_or_default()
        }
        value => json_text(value),
    }
}

/// What the events of one span say: the messages on both ends. Events that were understood are taken from the list.
pub(crate) fn of_span(events: &mut Vec<Event>) -> (Vec<Message>, Vec<Message>) {
    let (mut input, mut output) = (Vec::new(), Vec::new());
    events.retain(|event| {
        let said = match event.name.as_str() {
            "gen_ai.content.prompt" => all(&event.attributes, "gen_ai.prompt", "user").map(|said| (Side::Input, said)),
            "gen_ai.content.completion" => {
                all(&event.attributes, "gen_ai.completion", "assistant").map(|said| (Side::Output, said))
            }
            name => {
                speaker(name).and_then(|(side, role)| Some((side, vec![message(role, Value::Null, event.attributes.clone())?])))
            }
        };
        let understood = said.is_some();
        match said {
            Some((Side::Input, said)) => input.extend(said),
            Some((Side::Output, said)) => output.extend(said),
            None => {}
        }
        !understood
    });
    (input, output)
}

/// A whole history as JSON text, or one text.
fn all(attributes: &Map, name: &str, role: &str) -> Option<Vec<Message>> {
    match messages(json_text(attributes.get(name)?.clone())) {
        Ok(said) => Some(said),
        Err(Value::String(text)) => message(role, Value::String(text), Map::new()).map(|said| vec![said]),
        Err(_) => None,
    }
}

/// The verdict that an event of name [`EVALUATION`] gives.
pub(crate) fn verdict(id: String, mut attributes: Map, time: Option<Timestamp>) -> Score {
    let mut text = |name: &str| match attributes.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let name = text("gen_ai.evaluation.name").unwrap_or_else(|| "evaluation".to_owned());
    let label = text("gen_ai.evaluation.score.label");
    let explanation = text("gen_ai.evaluation.explanation");
    let number = attributes.remove("gen_ai.evaluation.score.value").filter(|value| !value.is_null());
    let (value, comment) = match (number, label, explanation) {
        (Some(number), Some(label), Some(explanation)) => (number, Some(format!("{label}: {explanation}"))),
        (Some(number), label, explanation) => (number, label.or(explanation)),
        (None, label, explanation) => (label.map(Value::String).unwrap_or_default(), explanation),
    };
    Score { comment, time, ..Score::new(id, name, value, ScoreSource::Evaluator) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(role: &str, body: Value, attributes: Value, expect: Value) {
        let Value::Object(attributes) = attributes else { unreachable!() };
        assert_eq!(serde_json::to_value(message(role, body, attributes)).unwrap(), expect);
    }

    #[test]
    fn a_message_in_every_form() {
        let hi = json!({"role": "user", "parts": [{"type": "text", "text": "Hi"}]});
        check("user", json!({"content": "Hi"}), json!({"gen_ai.system": "openai"}), hi.clone());
        check("user", json!("Hi"), json!({}), hi.clone());
        check("user", json!(null), json!({"gen_ai.event.content": "{\"content\": \"Hi\"}"}), hi.clone());
        check("user", json!(null), json!({"content": "Hi", "role": "user"}), hi.clone());
        check("user", json!({"content": {"role": "user", "parts": [{"text": "Hi"}]}}), json!({}), hi);
        check("user", json!(null), json!({"gen_ai.system": "openai"}), json!(null));
        check(
            "tool",
            json!({"content": "22", "id": "c1"}),
            json!({}),
            json!({"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "name": null, "result": "22"}]}),
        );
        check(
            "assistant",
            json!({"index": 1, "finish_reason": "stop", "message": {"role": "assistant", "content": null, "tool_calls":
                [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}),
            json!({}),
            json!({"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {}}],
                "extra": {"finish_reason": "stop", "index": 1}}),
        );
    }
}
