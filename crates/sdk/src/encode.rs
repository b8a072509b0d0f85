//! Entries as an OTLP export (`opentelemetry/proto/trace/v1/trace.proto`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use neuraltrust_model::{Kind, attributes as names};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use crate::ids::SpanId;
use crate::mask::Masker;
use crate::span::{Core, Entry, Failure};
use crate::value::{attribute, text};

/// Name of the SDK and of its instrumentation scope.
const SDK: &str = "neuraltrust";

/// Puts what is said of one step together into one entry, in the order in which the steps were first spoken of.
pub(crate) fn merge(entries: Vec<Entry>) -> Vec<Entry> {
    let mut places: HashMap<*const Core, usize> = HashMap::with_capacity(entries.len());
    let mut merged: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        let place = *places.entry(Arc::as_ptr(&entry.core)).or_insert(merged.len());
        match merged.get_mut(place) {
            None => merged.push(entry),
            Some(known) => {
                known.end = known.end.max(entry.end);
                known.ending.output = entry.ending.output.or(known.ending.output.take());
                known.ending.failure = entry.ending.failure.or(known.ending.failure.take());
                known.ending.attributes.extend(entry.ending.attributes);
            }
        }
    }
    merged
}

/// What every export says of the process.
pub(crate) fn resource(service_name: Option<&str>, language: &str, sdk_version: &str) -> Resource {
    let mut attributes = vec![
        text("telemetry.sdk.name", SDK),
        text("telemetry.sdk.language", language),
        text("telemetry.sdk.version", sdk_version),
        attribute("process.pid", &std::process::id().into()),
    ];
    attributes.extend(service_name.map(|name| text("service.name", name)));
    Resource { attributes, ..Resource::default() }
}

/// The export that says what the entries say, as far as it may be sent.
pub(crate) fn export(resource: &Resource, entries: &[Entry], masker: &Masker<'_>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource.clone()),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope { name: SDK.to_owned(), ..InstrumentationScope::default() }),
                spans: entries.iter().map(|entry| span(entry, masker)).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn span(entry: &Entry, masker: &Masker<'_>) -> Span {
    let core = &entry.core;
    let failure = entry.ending.failure.as_ref().map(|failure| Failure {
        kind: failure.kind.clone(),
        message: masker.text(&failure.message),
        stacktrace: failure.stacktrace.as_ref().map(|trace| masker.text(trace)),
    });
    Span {
        trace_id: core.context.trace.bytes(),
        span_id: core.id.bytes(),
        parent_span_id: core.parent.as_ref().map(SpanId::bytes).unwrap_or_default(),
        name: core.name.clone().unwrap_or_else(|| core.kind.as_str().to_owned()),
        kind: match core.kind {
            Kind::Generation | Kind::Embedding => SpanKind::Client.into(),
            _ => SpanKind::Internal.into(),
        },
        start_time_unix_nano: core.start,
        end_time_unix_nano: entry.end,
        attributes: attributes(entry, masker),
        events: failure.iter().map(|failure| exception(failure, entry.end)).collect(),
        status: failure.map(|failure| Status { code: StatusCode::Error.into(), message: failure.message }),
        ..Span::default()
    }
}

fn attributes(entry: &Entry, masker: &Masker<'_>) -> Vec<KeyValue> {
    let core = &entry.core;
    let mut list = vec![text(names::KIND, core.kind.as_str())];
    list.extend(core.context.ids.iter().cloned());
    list.extend(core.id.attribute().map(|id| text(names::SPAN_ID, id)));
    list.extend(core.parent.as_ref().and_then(SpanId::attribute).map(|id| text(names::PARENT_ID, id)));
    if !core.described.load(Relaxed) {
        let named = core.attributes.contains_key(names::OPERATION_NAME);
        list.extend(operation(&core.kind).filter(|_| !named).map(|name| text(names::OPERATION_NAME, name)));
        list.extend(core.context.described.iter().map(|(name, value)| masker.attribute(name, value)));
        list.extend(core.input.as_ref().map(|input| masker.attribute(names::INPUT, input)));
        list.extend(core.attributes.iter().map(|(key, value)| masker.attribute(key, value)));
    }
    list.extend(entry.ending.output.as_ref().map(|output| masker.attribute(names::OUTPUT, output)));
    list.extend(entry.ending.failure.as_ref().map(|failure| text(names::ERROR_TYPE, failure.kind.as_str())));
    list.extend(entry.ending.attributes.iter().map(|(key, value)| masker.attribute(key, value)));
    list
}

/// OTel semantic conventions, registry of `gen_ai.operation.name`.
fn operation(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Generation => Some("chat"),
        Kind::Embedding => Some("embeddings"),
        Kind::Retrieval => Some("retrieval"),
        Kind::Agent => Some("invoke_agent"),
        Kind::Tool => Some("execute_tool"),
        Kind::Message
        | Kind::Router
        | Kind::Guardrail
        | Kind::Evaluation
        | Kind::Chain
        | Kind::System
        | Kind::Event
        | Kind::Feedback
        | Kind::Other(_) => None,
    }
}

/// OTel semantic conventions, "Exceptions".
fn exception(failure: &Failure, time: u64) -> Event {
    let mut attributes = vec![text("exception.type", failure.kind.as_str()), text("exception.message", failure.message.as_str())];
    attributes.extend(failure.stacktrace.as_ref().map(|trace| text("exception.stacktrace", trace.as_str())));
    Event { time_unix_nano: time, name: "exception".to_owned(), attributes, ..Event::default() }
}
