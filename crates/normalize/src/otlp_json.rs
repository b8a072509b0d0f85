//! OTLP as JSON: from the text to the messages that the protobuf form gives.
//!
//! Format: OpenTelemetry protocol 1.x, "JSON Protobuf Encoding", which is the JSON mapping of protobuf 3 with trace and span
//! ids in base-16. 64-bit integers come as text or as numbers, enums as numbers or by name, unknown fields are passed over.
//! Of an item that does not fit, the others are no worse off.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use neuraltrust_model::Map;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, Status, span};
use serde_json::Value;

use crate::fields::{json_body, wrong_type};
use crate::values::few_enough_spans;
use crate::{Reason, Rejection};

/// What is sent of one resource.
pub(crate) struct OfResource<T> {
    pub(crate) resource: Option<Resource>,
    pub(crate) scopes: Vec<OfScope<T>>,
}

/// Items of one scope: spans or log records, each as it can be read.
pub(crate) struct OfScope<T> {
    pub(crate) scope: Option<InstrumentationScope>,
    pub(crate) items: Vec<Result<T, Rejection>>,
}

/// The spans of an `ExportTraceServiceRequest`.
pub(crate) fn traces(body: &[u8]) -> Result<Vec<OfResource<Span>>, Rejection> {
    groups(body, ["resourceSpans", "scopeSpans", "spans"], span)
}

/// The records of an `ExportLogsServiceRequest`.
pub(crate) fn logs(body: &[u8]) -> Result<Vec<OfResource<LogRecord>>, Rejection> {
    groups(body, ["resourceLogs", "scopeLogs", "logRecords"], log_record)
}

fn groups<T>(
    body: &[u8],
    [by_resource, by_scope, in_scope]: [&str; 3],
    item: fn(Map) -> Result<T, Rejection>,
) -> Result<Vec<OfResource<T>>, Rejection> {
    let value: Value = json_body(body)?;
    let mut resources = Vec::new();
    let mut count = 0;
    for mut of_resource in list(&mut Message::new("body", value)?, by_resource, Ok)? {
        let resource = of_resource.message("resource", resource)?;
        let mut scopes = Vec::new();
        for mut of_scope in list(&mut of_resource, by_scope, Ok)? {
            let scope = of_scope.message("scope", scope)?;
            let items = match of_scope.0.remove(in_scope) {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(items)) => {
                    count += items.len();
                    few_enough_spans(in_scope, count)?;
                    items.into_iter().map(|value| Message::new("item", value).and_then(|message| item(message.0))).collect()
                }
                Some(other) => return Err(wrong_type(in_scope, &other, "an array")),
            };
            scopes.push(OfScope { scope, items });
        }
        resources.push(OfResource { resource, scopes });
    }
    Ok(resources)
}

fn resource(mut map: Message) -> Result<Resource, Rejection> {
    Ok(Resource { attributes: map.attributes()?, ..Resource::default() })
}

fn scope(mut map: Message) -> Result<InstrumentationScope, Rejection> {
    Ok(InstrumentationScope { name: map.text("name")?, version: map.text("version")?, ..InstrumentationScope::default() })
}

fn span(map: Map) -> Result<Span, Rejection> {
    let mut map = Message(map);
    Ok(Span {
        trace_id: map.id("traceId")?,
        span_id: map.id("spanId")?,
        parent_span_id: map.id("parentSpanId")?,
        name: map.text("name")?,
        start_time_unix_nano: map.whole("startTimeUnixNano")?,
        end_time_unix_nano: map.whole("endTimeUnixNano")?,
        attributes: map.attributes()?,
        events: list(&mut map, "events", event)?,
        links: list(&mut map, "links", link)?,
        status: map.message("status", status)?,
        ..Span::default()
    })
}

fn event(mut map: Message) -> Result<span::Event, Rejection> {
    Ok(span::Event {
        name: map.text("name")?,
        time_unix_nano: map.whole("timeUnixNano")?,
        attributes: map.attributes()?,
        ..span::Event::default()
    })
}

fn link(mut map: Message) -> Result<span::Link, Rejection> {
    Ok(span::Link {
        trace_id: map.id("traceId")?,
        span_id: map.id("spanId")?,
        attributes: map.attributes()?,
        ..span::Link::default()
    })
}

fn status(mut map: Message) -> Result<Status, Rejection> {
    let code = match map.0.remove("code") {
        Some(Value::String(name)) => match name.as_str() {
            "STATUS_CODE_OK" | "1" => 1,
            "STATUS_CODE_ERROR" | "2" => 2,
            _ => 0,
        },
        Some(number) => number.as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(0),
        None => 0,
    };
    Ok(Status { code, message: map.text("message")? })
}

fn log_record(map: Map) -> Result<LogRecord, Rejection> {
    let mut map = Message(map);
    Ok(LogRecord {
        time_unix_nano: map.whole("timeUnixNano")?,
        observed_time_unix_nano: map.whole("observedTimeUnixNano")?,
        severity_text: map.text("severityText")?,
        severity_number: map.0.get("severityNumber").and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok()).unwrap_or(0),
        body: map.0.remove("body").filter(|body| !body.is_null()).map(any_value).transpose()?,
        attributes: map.attributes()?,
        trace_id: map.id("traceId")?,
        span_id: map.id("spanId")?,
        event_name: map.text("eventName")?,
        ..LogRecord::default()
    })
}

/// The messages of a repeated field.
fn list<T>(map: &mut Message, name: &str, read: fn(Message) -> Result<T, Rejection>) -> Result<Vec<T>, Rejection> {
    match map.0.remove(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items.into_iter().map(|value| read(Message::new(name, value)?)).collect(),
        Some(other) => Err(wrong_type(name, &other, "an array")),
    }
}

/// A protobuf message as a JSON object.
struct Message(Map);

impl Message {
    fn new(at: &str, value: Value) -> Result<Self, Rejection> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            other => Err(wrong_type(at, &other, "an object")),
        }
    }

    fn message<T>(&mut self, name: &str, read: fn(Message) -> Result<T, Rejection>) -> Result<Option<T>, Rejection> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(Self::new(name, value)?).map(Some),
        }
    }

    fn text(&mut self, name: &str) -> Result<String, Rejection> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(wrong_type(name, &other, "text")),
        }
    }

    /// An id in base-16.
    fn id(&mut self, name: &str) -> Result<Vec<u8>, Rejection> {
        let text = self.text(name)?;
        unhex(&text).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            Rejection::new(Reason::BadId, name, format!("is {shown:?}; accepted are digits in base-16, two for each byte"))
        })
    }

    /// An unsigned 64-bit integer, as text or as a number.
    fn whole(&mut self, name: &str) -> Result<u64, Rejection> {
        let Some(value) = self.0.remove(name).filter(|value| !value.is_null()) else { return Ok(0) };
        let number = match &value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        number.ok_or_else(|| {
            let shown: String = value.to_string().chars().take(80).collect();
            Rejection::new(Reason::BadTime, name, format!("is {shown}; accepted are nanoseconds since 1970"))
        })
    }

    fn attributes(&mut self) -> Result<Vec<KeyValue>, Rejection> {
        list(self, "attributes", key_value)
    }
}

fn key_value(mut map: Message) -> Result<KeyValue, Rejection> {
    let value = map.0.remove("value").filter(|value| !value.is_null()).map(any_value).transpose()?;
    Ok(KeyValue { key: map.text("key")?, value, ..KeyValue::default() })
}

/// The depth of the text is bounded by its parser, so the recursion is too.
fn any_value(value: Value) -> Result<AnyValue, Rejection> {
    let Message(map) = Message::new("value", value)?;
    let mut found = None;
    for (form, value) in map {
        found = match (form.as_str(), value) {
            (_, Value::Null) => None,
            ("stringValue", Value::String(text)) => Some(Any::StringValue(text)),
            ("boolValue", Value::Bool(flag)) => Some(Any::BoolValue(flag)),
            ("intValue", value) => Some(Any::IntValue(int(&value)?)),
            ("doubleValue", value) => Some(Any::DoubleValue(double(&value)?)),
            ("bytesValue", Value::String(text)) => Some(Any::BytesValue(bytes(&text)?)),
            ("arrayValue", value) => {
                let values =
                    list(&mut Message::new("arrayValue", value)?, "values", |Message(map)| any_value(Value::Object(map)))?;
                Some(Any::ArrayValue(ArrayValue { values }))
            }
            ("kvlistValue", value) => {
                let values = list(&mut Message::new("kvlistValue", value)?, "values", key_value)?;
                Some(Any::KvlistValue(KeyValueList { values }))
            }
            ("stringValue" | "boolValue" | "bytesValue", other) => {
                return Err(wrong_type(&form, &other, "the type that its name says"));
            }
            _ => continue,
        };
    }
    Ok(AnyValue { value: found })
}

fn int(value: &Value) -> Result<i64, Rejection> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        // JavaScript knows no integers: 3.0 and 1e3 are some.
        Value::Number(number) => {
            number.as_i64().or_else(|| number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9.2e18).map(|n| n as i64))
        }
        _ => None,
    };
    number.ok_or_else(|| wrong_type("intValue", value, "a 64-bit integer, as a number or as text"))
}

fn double(value: &Value) -> Result<f64, Rejection> {
    let number = match value {
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        },
        value => value.as_f64(),
    };
    number.ok_or_else(|| wrong_type("doubleValue", value, "a number, \"NaN\", \"Infinity\" or \"-Infinity\""))
}

fn bytes(text: &str) -> Result<Vec<u8>, Rejection> {
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .map_err(|error| Rejection::new(Reason::WrongType, "bytesValue", format!("is not base-64: {error}")))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::any_value::json;
    use serde_json::json;

    #[track_caller]
    fn check(value: Value, expect: Option<Value>) {
        let read = any_value(value).ok().map(|value| json(value, 64).unwrap());
        assert_eq!(read, expect);
    }

    #[test]
    fn values_in_every_form() {
        check(json!({"stringValue": "é"}), Some(json!("é")));
        check(json!({"intValue": "9007199254740993"}), Some(json!(9_007_199_254_740_993_i64)));
        check(json!({"intValue": 3}), Some(json!(3)));
        check(json!({"intValue": 3.0}), Some(json!(3)));
        check(json!({"intValue": 3.5}), None);
        check(json!({"intValue": "x"}), None);
        check(json!({"doubleValue": 1}), Some(json!(1.0)));
        check(json!({"doubleValue": "-Infinity"}), Some(json!("-inf")));
        check(json!({"bytesValue": "AP8="}), Some(json!("00ff")));
        check(json!({"arrayValue": {"values": [{"boolValue": true}, {}]}}), Some(json!([true, null])));
        check(json!({"arrayValue": {}}), Some(json!([])));
        check(json!({"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}]}}), Some(json!({"a": 1})));
        check(json!({"shinyValue": {"deep": [1]}}), Some(json!(null)));
        check(json!({"stringValue": 5}), None);
        check(json!([]), None);
    }

    #[test]
    fn a_bad_span_costs_only_itself() {
        let good = json!({"traceId": "0A".repeat(16), "spanId": "0b".repeat(8), "status": {"code": "STATUS_CODE_ERROR"},
            "startTimeUnixNano": "1795402111000000000", "endTimeUnixNano": 1_795_402_112_000_000_000_u64, "unknown": [{}], "flags": 1});
        let with = |name: &str, value: Value| {
            let mut span = good.clone();
            span[name] = value;
            span
        };
        let spans = json!([
            good.clone(),
            with("traceId", json!("xyz")),
            with("endTimeUnixNano", json!(-4)),
            with("attributes", json!({})),
            7
        ]);
        let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}, {}]}).to_string();
        let resources = traces(body.as_bytes()).unwrap();
        let read: Vec<_> =
            resources[0].scopes[0].items.iter().map(|item| item.as_ref().map_err(|rejection| rejection.at.as_str())).collect();
        assert_eq!(read[0].unwrap().trace_id, [10; 16]);
        assert_eq!(read[0].unwrap().status.as_ref().unwrap().code, 2);
        assert_eq!(
            read[1..].iter().map(|item| item.unwrap_err()).collect::<Vec<_>>(),
            ["traceId", "endTimeUnixNano", "attributes", "item"]
        );
    }
}
