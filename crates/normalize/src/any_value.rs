//! OTLP's `AnyValue` as JSON.

use neuraltrust_model::Map;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::{Number, Value};

/// JSON of a value, or `None` where it is nested deeper than `budget` levels. Bytes become an array of numbers' text form,
/// base-16, since JSON has none; numbers that JSON cannot write become text.
pub(crate) fn json(value: AnyValue, budget: usize) -> Option<Value> {
    Some(match value.value {
        None => Value::Null,
        Some(Any::StringValue(text)) => Value::String(text),
        Some(Any::BoolValue(flag)) => Value::Bool(flag),
        Some(Any::IntValue(number)) => number.into(),
        Some(Any::DoubleValue(number)) => {
            Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
        }
        Some(Any::BytesValue(bytes)) => Value::String(hex(&bytes)),
        Some(Any::ArrayValue(array)) => {
            let inside = budget.checked_sub(1)?;
            Value::Array(array.values.into_iter().map(|item| json(item, inside)).collect::<Option<_>>()?)
        }
        Some(Any::KvlistValue(list)) => Value::Object(object(list.values, budget.checked_sub(1)?)?),
        // An index into a dictionary of strings that only profiles carry.
        Some(Any::StringValueStrindex(index)) => index.into(),
    })
}

/// JSON object of attributes; of a key given twice the later value stays.
pub(crate) fn object(list: Vec<KeyValue>, budget: usize) -> Option<Map> {
    list.into_iter().map(|pair| Some((pair.key, pair.value.map_or(Some(Value::Null), |value| json(value, budget))?))).collect()
}

/// Lower-case base-16, as OTLP ids are written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        out
    })
}
