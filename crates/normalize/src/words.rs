//! The words of a turn in what an application hands to its own functions: clients record `{"question": "..."}`, `{"args": [3,
//! "..."], "kwargs": {}}` or `{"output": "..."}` where a person said or read one text.

use serde_json::Value;

/// Names under which applications keep what a person says or reads, the surest first.
const NAMES: [&str; 14] = [
    "question",
    "query",
    "message",
    "prompt",
    "user_input",
    "input",
    "text",
    "content",
    "answer",
    "response",
    "reply",
    "output",
    "result",
    "q",
];
/// How deep words lie at most.
const DEPTH: usize = 3;

/// The one text that the value is about; `None` where there is none, or several and none by a usual name.
pub(crate) fn words(value: &Value) -> Option<&str> {
    if let Value::Object(map) = value
        && let Some(text) = NAMES.iter().find_map(|name| map.get(*name)?.as_str().filter(|text| !text.is_empty()))
    {
        return Some(text);
    }
    let mut texts = Vec::new();
    collect(value, DEPTH, &mut texts);
    match texts.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// Up to two texts are enough to tell whether there is one.
fn collect<'a>(value: &'a Value, depth: usize, texts: &mut Vec<&'a str>) {
    if texts.len() > 1 {
        return;
    }
    match value {
        Value::String(text) if !text.is_empty() => texts.push(text),
        Value::Array(items) if depth > 0 => items.iter().for_each(|item| collect(item, depth - 1, texts)),
        Value::Object(map) if depth > 0 => map.values().for_each(|item| collect(item, depth - 1, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_text_or_a_usual_name() {
        assert_eq!(words(&json!({"args": [0, "Hello"], "kwargs": {}})), Some("Hello"));
        assert_eq!(words(&json!({"question": "Hello", "tenant": "acme"})), Some("Hello"));
        assert_eq!(words(&json!({"a": "x", "b": "y"})), None);
        assert_eq!(words(&json!({"n": 1})), None);
    }
}
