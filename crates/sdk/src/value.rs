//! The application's values as OTLP's `AnyValue`.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde_json::Value;

/// How many messages may be nested inside an attribute's value. Protobuf decoders give up at 100 and would refuse the whole
/// batch; five lie around a span's attribute, six around an event's, and the rest is kept free for what a relay wraps around.
const NESTED_MESSAGES: usize = 88;

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
    const NODE: usize = 16;
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
