//! Spans of the demo as an OTLP export, with the attributes that our own SDK writes.

use neuraltrust_model::{Timestamp, attributes as names};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde_json::Value;

use super::script::Failure;
use super::stage::{Attributes, DemoConversation, DemoSpan};

/// The conversation as an export of its spans.
pub(crate) fn request(conversation: &DemoConversation) -> ExportTraceServiceRequest {
    let version = env!("CARGO_PKG_VERSION");
    let resource =
        [("service.name", "velora-assistant"), ("telemetry.sdk.name", "neuraltrust-demo"), ("telemetry.sdk.version", version)];
    let attributes = resource.into_iter().map(|(name, value)| key_value(name, value.into())).collect();
    let scope = InstrumentationScope { name: "neuraltrust.demo".to_owned(), version: version.to_owned(), ..Default::default() };
    let spans = conversation.spans.iter().map(|span| wire_span(span, &conversation.common)).collect();
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes, ..Default::default() }),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..Default::default() }],
            ..Default::default()
        }],
    }
}

fn wire_span(span: &DemoSpan, common: &Attributes) -> Span {
    let kind = (names::KIND, Value::from(span.kind.as_str()));
    let attributes = std::iter::once(&kind).chain(common).chain(&span.attributes);
    Span {
        trace_id: span.trace_id.to_vec(),
        span_id: span.span_id.to_vec(),
        parent_span_id: span.parent.map(|id| id.to_vec()).unwrap_or_default(),
        name: span.name.clone(),
        start_time_unix_nano: nanos(span.start),
        // OTLP has no open spans; 0 is its "not set".
        end_time_unix_nano: span.end.map(nanos).unwrap_or_default(),
        attributes: attributes.map(|(name, value)| key_value(name, value.clone())).collect(),
        events: span.failure.iter().map(|(failure, time)| exception(failure, *time)).collect(),
        status: Some(status(span)),
        ..Default::default()
    }
}

fn status(span: &DemoSpan) -> Status {
    match (&span.failure, span.end) {
        (Some((failure, _)), _) => Status { code: StatusCode::Error.into(), message: failure.message.clone() },
        (None, Some(_)) => Status { code: StatusCode::Ok.into(), message: String::new() },
        (None, None) => Status::default(),
    }
}

/// OTel semantic conventions, "Exceptions on spans".
fn exception(failure: &Failure, time: Timestamp) -> Event {
    let text = |name: &str, text: &str| key_value(name, text.into());
    let mut attributes = vec![text("exception.type", &failure.class), text("exception.message", &failure.message)];
    attributes.extend(failure.stacktrace.as_deref().map(|trace| text("exception.stacktrace", trace)));
    Event { name: "exception".to_owned(), time_unix_nano: nanos(time), attributes, ..Default::default() }
}

fn nanos(time: Timestamp) -> u64 {
    time.as_nanos().unsigned_abs()
}

fn key_value(name: &str, value: Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(any(value)), ..Default::default() }
}

fn any(value: Value) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(flag) => Some(Any::BoolValue(flag)),
        Value::Number(number) => {
            Some(number.as_i64().map_or_else(|| Any::DoubleValue(number.as_f64().unwrap_or(f64::NAN)), Any::IntValue))
        }
        Value::String(text) => Some(Any::StringValue(text)),
        Value::Array(items) => Some(Any::ArrayValue(ArrayValue { values: items.into_iter().map(any).collect() })),
        Value::Object(map) => {
            let values = map.into_iter().map(|(name, value)| key_value(&name, value)).collect();
            Some(Any::KvlistValue(KeyValueList { values }))
        }
    };
    AnyValue { value }
}
