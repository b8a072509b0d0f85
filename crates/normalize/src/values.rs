//! How much a body says, counted before it is decoded: what takes two bytes on the wire may take a kilobyte in memory.
//!
//! Values of JSON are counted by the marks that stand before all but the first of them. A text counts where it begins like one
//! that may be read as values (see [`marks`](self::marks)): prose, code and tables hold such marks too, and none of it is a value.
//! Messages of protobuf are counted one by one (<https://protobuf.dev/programming-guides/encoding/>).

mod marks;

use neuraltrust_model::limits::{MAX_REQUEST_SPANS, MAX_REQUEST_VALUES};

use crate::{Reason, Rejection};

/// From this many marks on it is looked at where they stand.
const FEW: usize = MAX_REQUEST_VALUES / 16;
/// Deepest nesting of messages that protobuf decoders take.
const MAX_MESSAGES_DEPTH: usize = 100;

/// Most values that a body of JSON, or of what clients write in place of it, can hold.
#[must_use]
pub fn in_json(body: &[u8]) -> usize {
    // The most that there can be is known at once, and enough to know where it is little.
    match marks::all(body) + marks::escaped(body) {
        few @ ..=FEW => few,
        _ => in_json_exactly(body),
    }
}

/// The same, as near as it is known, also where there is little.
#[must_use]
pub fn in_json_exactly(body: &[u8]) -> usize {
    marks::in_json(body)
}

/// Values of an export of traces in protobuf, or more where they are few.
#[must_use]
pub fn in_traces(body: &[u8]) -> usize {
    Count::enough(Message::Traces, body).values
}

/// Values of an export of log records in protobuf, or more where they are few.
#[must_use]
pub fn in_logs(body: &[u8]) -> usize {
    Count::enough(Message::Logs, body).values
}

/// Refuses a body of so many values.
pub(crate) fn few_enough(values: usize) -> Result<(), Rejection> {
    let message = format!("holds more than {MAX_REQUEST_VALUES} values; send what it says in several requests");
    if values > MAX_REQUEST_VALUES { Err(Rejection::new(Reason::TooMany, "body", message)) } else { Ok(()) }
}

/// Refuses a list of so many spans, or of what becomes spans.
pub(crate) fn few_enough_spans(at: &str, spans: usize) -> Result<(), Rejection> {
    let message = format!("holds more than {MAX_REQUEST_SPANS} items; send them in several requests");
    if spans > MAX_REQUEST_SPANS { Err(Rejection::new(Reason::TooMany, at, message)) } else { Ok(()) }
}

/// Refuses an export of traces in protobuf that says too much.
pub(crate) fn few_enough_in_traces(body: &[u8]) -> Result<(), Rejection> {
    let count = Count::enough(Message::Traces, body);
    few_enough_spans("spans", count.spans).and_then(|()| few_enough(count.values))
}

/// Refuses an export of log records in protobuf that says too much.
pub(crate) fn few_enough_in_logs(body: &[u8]) -> Result<(), Rejection> {
    let count = Count::enough(Message::Logs, body);
    few_enough_spans("logRecords", count.spans).and_then(|()| few_enough(count.values))
}

/// The messages of OTLP that hold others (opentelemetry-proto 1.x: trace.proto, logs.proto, resource.proto, common.proto).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Traces,
    ResourceSpans,
    ScopeSpans,
    Span,
    Event,
    Link,
    Logs,
    ResourceLogs,
    ScopeLogs,
    LogRecord,
    Resource,
    Entity,
    Scope,
    KeyValue,
    Value,
    Values,
    KeyValues,
}

/// What a field of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Message(Message),
    /// Text that may be JSON.
    Text,
    /// Text, any number of times.
    Name,
}

impl Message {
    /// What takes more room than its bytes in the field of that number.
    const fn field(self, number: u64) -> Option<Field> {
        Some(Field::Message(match (self, number) {
            (Self::Traces, 1) => Self::ResourceSpans,
            (Self::ResourceSpans, 2) => Self::ScopeSpans,
            (Self::ScopeSpans, 2) => Self::Span,
            (Self::Span, 11) => Self::Event,
            (Self::Span, 13) => Self::Link,
            (Self::Logs, 1) => Self::ResourceLogs,
            (Self::ResourceLogs, 2) => Self::ScopeLogs,
            (Self::ScopeLogs, 2) => Self::LogRecord,
            (Self::ResourceSpans | Self::ResourceLogs, 1) => Self::Resource,
            (Self::ScopeSpans | Self::ScopeLogs, 1) => Self::Scope,
            (Self::Resource, 3) => Self::Entity,
            (Self::Resource, 1)
            | (Self::Scope | Self::Event, 3)
            | (Self::Span, 9)
            | (Self::Link, 4)
            | (Self::LogRecord, 6)
            | (Self::KeyValues, 1) => Self::KeyValue,
            (Self::KeyValue, 2) | (Self::LogRecord, 5) | (Self::Values, 1) => Self::Value,
            (Self::Value, 5) => Self::Values,
            (Self::Value, 6) => Self::KeyValues,
            (Self::Value, 1) => return Some(Field::Text),
            (Self::Entity, 3 | 4) => return Some(Field::Name),
            _ => return None,
        }))
    }
}

/// What an export holds. What is no protobuf is counted up to where it ends to be, which is as far as a decoder reads it.
#[derive(Debug)]
struct Count {
    /// Messages, and values in text.
    values: usize,
    /// Spans or log records.
    spans: usize,
    /// How the values of a text are counted.
    in_text: fn(&[u8]) -> usize,
}

impl Count {
    /// What an export holds, as near as it is worth knowing: the most that there can be is known at once, and enough where it is little.
    fn enough(message: Message, body: &[u8]) -> Self {
        match Self::of(message, body, marks::most_in_text) {
            few @ Self { values: ..=FEW, .. } => few,
            _ => Self::of(message, body, marks::in_text),
        }
    }

    fn of(message: Message, body: &[u8], in_text: fn(&[u8]) -> usize) -> Self {
        let mut count = Self { values: 0, spans: 0, in_text };
        count.add(message, body, MAX_MESSAGES_DEPTH);
        count
    }

    /// Counts what a message holds; `None` where it is broken.
    fn add(&mut self, message: Message, mut rest: &[u8], depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        // Groups, which OTLP does not have, are passed over by decoders with all that they hold.
        let mut groups = 0_usize;
        while !rest.is_empty() {
            let tag = varint(&mut rest)?;
            match tag & 7 {
                0 => drop(varint(&mut rest)?),
                1 => drop(rest.split_off(..8)?),
                2 => {
                    let length = usize::try_from(varint(&mut rest)?).ok()?;
                    let inner = rest.split_off(..length)?;
                    if groups == 0 {
                        self.add_field(message.field(tag >> 3), inner, depth)?;
                    }
                }
                3 => groups += 1,
                4 => groups = groups.checked_sub(1)?,
                5 => drop(rest.split_off(..4)?),
                _ => return None,
            }
        }
        Some(())
    }

    fn add_field(&mut self, field: Option<Field>, inner: &[u8], depth: usize) -> Option<()> {
        match field {
            None => Some(()),
            Some(Field::Name) => {
                self.values += 1;
                Some(())
            }
            Some(Field::Text) => {
                self.values += (self.in_text)(inner);
                Some(())
            }
            Some(Field::Message(message)) => {
                self.values += 1;
                self.spans += usize::from(matches!(message, Message::Span | Message::LogRecord));
                self.add(message, inner, depth)
            }
        }
    }
}

/// A number of variable length, at most ten bytes.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = *rest.split_off_first()?;
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, EntityRef, KeyValue, KeyValueList};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
    use prost::Message as _;

    fn any(value: Any) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    fn attribute(value: Any) -> KeyValue {
        KeyValue { key: "k".to_owned(), value: Some(any(value)), ..KeyValue::default() }
    }

    #[test]
    fn every_message_of_an_export_is_counted() {
        let entity_refs = vec![EntityRef { id_keys: vec![String::new(), String::new()], ..EntityRef::default() }];
        let resource = Some(Resource { attributes: vec![attribute(Any::IntValue(1))], entity_refs, ..Resource::default() });
        let list = Any::ArrayValue(ArrayValue { values: vec![any(Any::BoolValue(true)), any(Any::BytesValue(vec![b'['; 9]))] });
        let map = Any::KvlistValue(KeyValueList { values: vec![attribute(Any::StringValue("[1,2]".to_owned()))] });
        let span = Span {
            name: "[[[[".to_owned(),
            attributes: vec![attribute(list), attribute(map)],
            events: vec![span::Event::default(); 3],
            links: vec![span::Link::default()],
            ..Span::default()
        };
        let scope_spans = vec![ScopeSpans { spans: vec![span, Span::default()], ..ScopeSpans::default() }];
        let export =
            ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource, scope_spans, ..Default::default() }] };
        let mut body = export.encode_to_vec();
        // Resource spans and resource (2), an attribute (2), an entity (3), scope spans and spans (3), the list (5), the map (5, and 2 in
        // its text), events and the link (4).
        let exactly = Count::of(Message::Traces, &body, marks::in_text);
        assert_eq!((exactly.values, exactly.spans), (26, 2));
        // A group of a field that is not known, with what looks like resource spans in it.
        body.extend([0x7b, 0x0a, 0x00, 0x7c]);
        assert_eq!(in_traces(&body), 26);
        // As log records: the two spans, of which one has a body, which is where its name stands.
        assert_eq!(in_logs(&body), 11);
        for end in 0..body.len() {
            assert!(in_traces(&body[..end]) <= 26, "cut at {end}");
        }
    }

    #[test]
    fn a_large_body_is_counted_where_its_values_are() {
        let table = "1,2,(3),{4},[5]\n".repeat(500_000);
        let body =
            serde_json::to_vec(&serde_json::json!([{ "table": table }, { "code": format!("int a[] = {{{table}}};") }])).unwrap();
        assert!(body.len() > 8 << 20);
        assert_eq!(in_json(&body), 4);
        let body = serde_json::to_vec(&vec![0; MAX_REQUEST_VALUES + 1]).unwrap();
        assert_eq!(few_enough(in_json(&body)).unwrap_err().reason, Reason::TooMany);
        // The same as a text, which may be read as JSON.
        let body = serde_json::to_vec(&serde_json::json!({ "text": String::from_utf8(body).unwrap() })).unwrap();
        assert_eq!(few_enough(in_json(&body)).unwrap_err().reason, Reason::TooMany);
    }
}
