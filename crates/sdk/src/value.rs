//! The application's values as OTLP's `AnyValue`.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde_json::{Map, Value};

/// How many messages may be nested inside an attribute's value. Protobuf decoders give up at 100 and would refuse the whole
/// batch; five lie around a span's attribute, six around an event's, and the rest is kept free for what a relay wraps around.
const NESTED_MESSAGES: usize = 88;

/// Most bytes of one value, about: of an input, an output, an attribute, the message of an error. What is over it is left out, and
/// a mark in its place says so.
pub const MAX_VALUE_BYTES: usize = 8 << 20;
/// About how many bytes a value takes beside its text.
const NODE: usize = 16;

/// A text of up to `most` bytes: the whole, or its beginning and a mark that says how long it was.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most { text.to_owned() } else { shortened_of(text, most, text.len()) }
}

/// Up to `most` bytes of a text of which `all` bytes are the whole, and the mark that says so.
#[must_use]
pub fn shortened_of(beginning: &str, most: usize, all: usize) -> String {
    let kept = beginning.floor_char_boundary(most);
    format!("{} [truncated: the first {kept} of {all} bytes]", &beginning[..kept])
}

/// The value without what is over the limit.
pub(crate) fn limited(value: Value) -> Value {
    // A value that was cut before, as the Python package does without copying it, has marks beside what was kept.
    const MARKS: usize = 4 << 10;
    if size(&value) <= MAX_VALUE_BYTES + MARKS { value } else { cut(value, MAX_VALUE_BYTES) }
}

fn cut(value: Value, most: usize) -> Value {
    let mut left = most;
    cut_within(value, &mut left)
}

fn cut_within(value: Value, left: &mut usize) -> Value {
    *left = left.saturating_sub(NODE);
    match value {
        Value::String(text) => {
            let short = shortened(&text, *left);
            *left = left.saturating_sub(text.len());
            Value::String(short)
        }
        Value::Array(items) => {
            let mut kept = Vec::new();
            let all = items.len();
            for item in items {
                if *left == 0 {
                    kept.push(Value::String(left_out(all - kept.len(), "items")));
                    break;
                }
                kept.push(cut_within(item, left));
            }
            Value::Array(kept)
        }
        Value::Object(fields) => {
            let mut kept = Map::new();
            let all = fields.len();
            for (name, field) in fields {
                if *left == 0 {
                    kept.insert("[truncated]".to_owned(), Value::String(left_out(all - kept.len(), "fields")));
                    break;
                }
                *left = left.saturating_sub(NODE + name.len());
                kept.insert(name, cut_within(field, left));
            }
            Value::Object(kept)
        }
        plain => plain,
    }
}

/// The mark in the place of what was left out of a list or an object.
#[must_use]
pub fn left_out(count: usize, what: &str) -> String {
    format!("[truncated: {count} more {what}]")
}

/// An attribute.
pub(crate) fn attribute(key: impl Into<String>, value: &Value) -> KeyValue {
    pair(key.into(), value, NESTED_MESSAGES)
}

/// An attribute that is text.
pub(crate) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(Any::StringValue(value.into())) }), ..KeyValue::default() }
}

fn pair(key: String, value: &Value, budget: usize) -> KeyValue {
    KeyValue { key, value: Some(any(value, budget)), ..KeyValue::default() }
}

fn any(value: &Value, budget: usize) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(flag) => Some(Any::BoolValue(*flag)),
        Value::Number(number) => Some(match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Any::IntValue(number),
            // OTLP has no unsigned numbers; beyond 2^53 a float would say another number.
            (None, Some(float)) if !number.is_u64() => Any::DoubleValue(float),
            _ => Any::StringValue(number.to_string()),
        }),
        Value::String(text) => Some(Any::StringValue(text.clone())),
        Value::Array(items) => Some(match budget.checked_sub(2) {
            Some(inside) => Any::ArrayValue(ArrayValue { values: items.iter().map(|item| any(item, inside)).collect() }),
            None => Any::StringValue(value.to_string()),
        }),
        Value::Object(map) => Some(match budget.checked_sub(3) {
            Some(inside) => {
                let pairs = map.iter().map(|(key, value)| pair(key.clone(), value, inside));
                Any::KvlistValue(KeyValueList { values: pairs.collect() })
            }
            None => Any::StringValue(value.to_string()),
        }),
    };
    AnyValue { value }
}

/// About how many bytes the value takes in memory and on the wire.
pub(crate) fn size(value: &Value) -> usize {
    NODE + match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| NODE + key.len() + size(value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use serde_json::json;

    #[test]
    fn numbers_keep_their_value() {
        let check = |value: Value, expect: Any| assert_eq!(any(&value, 9).value, Some(expect));
        check(json!(-3), Any::IntValue(-3));
        check(json!(0.5), Any::DoubleValue(0.5));
        check(json!(u64::MAX), Any::StringValue("18446744073709551615".to_owned()));
    }

    #[test]
    fn what_is_too_long_is_cut_where_it_is_and_says_so() {
        let check = |value: Value, most: usize, expect: Value| assert_eq!(cut(value, most), expect);
        check(json!("ab"), 100, json!("ab"));
        // The eleventh byte is the second of an é.
        check(json!("aé".repeat(50)), 16 + 11, json!("aéaéaéa [truncated: the first 10 of 150 bytes]"));
        let long = "x".repeat(100);
        let list = cut(json!([1, long, 2, 3]), 100);
        assert_eq!(list[0], 1);
        assert!(list[1].as_str().unwrap().ends_with("[truncated: the first 52 of 100 bytes]"), "{list}");
        assert_eq!(list[2], "[truncated: 2 more items]");
        let fields = cut(json!({"a": long, "b": 1, "c": 2}), 80);
        assert_eq!(fields["[truncated]"], "[truncated: 2 more fields]");
    }

    #[test]
    fn what_is_nested_too_deep_for_protobuf_becomes_json_text() {
        for deep in [(0..64).fold(json!(1), |inner, _| json!([inner])), (0..64).fold(json!(1), |inner, _| json!({ "a": inner }))]
        {
            let bytes = attribute("deep", &deep).encode_to_vec();
            let back = KeyValue::decode(bytes.as_slice()).unwrap();
            assert_eq!(back, attribute("deep", &deep));
            let shown = format!("{back:?}");
            assert!(shown.contains("[[[1]]]") || shown.contains("{\\\"a\\\":1}"), "the innermost levels are text: {shown}");
        }
    }
}
