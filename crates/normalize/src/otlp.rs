//! OTLP trace exports, protobuf and JSON: what every OTLP span says alike. What its attributes mean is for the dialects to say.
//!
//! Format: OpenTelemetry protocol 1.x, `opentelemetry/proto/trace/v1/trace.proto`.

use neuraltrust_model::limits::{FOLDED_ATTRIBUTES, MAX_ATTRIBUTE_KEY_BYTES, MAX_ATTRIBUTES, MAX_DEPTH};
use neuraltrust_model::{
    Event, Link, Map, Source, SpanId, SpanPatch, Status, StatusCode, Timestamp, TraceId, Warning, attributes,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span as WireSpan;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as WireStatus;
use prost::Message;
use serde_json::Value;

use crate::any_value::{hex, object};
use crate::copies::{Copies, json_bytes};
use crate::dialects::{self, Draft};
use crate::fields::{bad_time, id, too_deep, wrong_type};
use crate::{Normalized, Reason, Rejection, otlp_json, values};

/// Name of the protocol in [`Source`].
const PROTOCOL: &str = "otlp";

/// What an export in protobuf says of its spans. A span that cannot be kept is rejected alone.
///
/// # Errors
/// A [`Rejection`] when the body is no such export, or says too much.
pub fn normalize_protobuf(body: &[u8]) -> Result<Normalized, Rejection> {
    values::few_enough_in_traces(body)?;
    message(body, "ExportTraceServiceRequest").map(normalize)
}

/// A body as the message of protobuf that it has to be.
pub(crate) fn message<T: Message + Default>(body: &[u8], name: &str) -> Result<T, Rejection> {
    T::decode(body).map_err(|error| Rejection::new(Reason::Malformed, "body", format!("is not an {name} in protobuf: {error}")))
}

/// What an export says of its spans. A span that cannot be kept is rejected alone.
#[must_use]
pub fn normalize(request: ExportTraceServiceRequest) -> Normalized {
    let mut spans = Spans::default();
    for of_resource in request.resource_spans {
        let resource = ReadResource::new(of_resource.resource);
        for of_scope in of_resource.scope_spans {
            spans.add(&resource, of_scope.scope, of_scope.spans.into_iter().map(Ok));
        }
    }
    spans.normalized
}

/// What an export in JSON says of its spans. A span that cannot be read or kept is rejected alone.
///
/// # Errors
/// A [`Rejection`] when the body is no such export.
pub fn normalize_json(body: &[u8]) -> Result<Normalized, Rejection> {
    let mut spans = Spans::default();
    for of_resource in otlp_json::traces(body)? {
        let resource = ReadResource::new(of_resource.resource);
        for of_scope in of_resource.scopes {
            spans.add(&resource, of_scope.scope, of_scope.items.into_iter());
        }
    }
    Ok(spans.normalized)
}

/// What the spans of an export have given so far.
#[derive(Default)]
struct Spans {
    normalized: Normalized,
    /// Place of the next span in the export.
    index: usize,
    copies: Copies,
}

impl Spans {
    /// Adds the spans of one scope.
    fn add(
        &mut self,
        resource: &ReadResource,
        scope: Option<InstrumentationScope>,
        spans: impl Iterator<Item = Result<WireSpan, Rejection>>,
    ) {
        let scope = scope.unwrap_or_default();
        let origin = Origin { resource: &resource.attributes, scope: &scope.name, scope_version: &scope.version };
        let bytes = resource.bytes + scope.name.len() + scope.version.len();
        for span in spans {
            let read = span.and_then(|span| {
                self.copies.make("resource", bytes)?;
                normalize_span(span, &origin)
            });
            self.normalized.add("spans", &mut self.index, read);
        }
    }
}

/// A resource, and its size as JSON.
struct ReadResource {
    attributes: Map,
    bytes: usize,
}

impl ReadResource {
    fn new(resource: Option<Resource>) -> Self {
        let attributes = resource.and_then(|resource| object(resource.attributes, MAX_DEPTH)).unwrap_or_default();
        Self { bytes: json_bytes(&attributes), attributes }
    }
}

impl Normalized {
    /// Adds what the next item of a request gave, and names the item where it gave a rejection.
    pub(crate) fn add(&mut self, list: &str, index: &mut usize, item: Result<Vec<SpanPatch>, Rejection>) {
        match item {
            Ok(patches) => self.patches.extend(patches),
            Err(mut rejection) => {
                rejection.at = format!("{list}[{index}].{}", rejection.at);
                self.rejected.push(rejection);
            }
        }
        *index += 1;
    }
}

/// Where a span comes from: the process and the instrumentation in it.
struct Origin<'a> {
    resource: &'a Map,
    scope: &'a str,
    scope_version: &'a str,
}

impl Origin<'_> {
    fn resource_text(&self, name: &str) -> Option<String> {
        self.resource.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    /// The SDK that sent the span; the instrumentation where the SDK does not say.
    fn source(&self) -> Source {
        let named = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        let sdk = self.resource_text("telemetry.sdk.name");
        let (client, version) = match sdk {
            Some(sdk) => (Some(sdk), self.resource_text("telemetry.sdk.version")),
            None => (named(self.scope), named(self.scope_version)),
        };
        Source { client, version, protocol: PROTOCOL.to_owned() }
    }

    /// What is known of the origin as two attributes, so that names of spans and resources cannot collide.
    fn describe(&self, attributes: &mut Map) {
        if !self.resource.is_empty() {
            attributes.insert("resource".to_owned(), Value::Object(self.resource.clone()));
        }
        if !self.scope.is_empty() {
            let mut scope = Map::new();
            scope.insert("name".to_owned(), self.scope.into());
            if !self.scope_version.is_empty() {
                scope.insert("version".to_owned(), self.scope_version.into());
            }
            attributes.insert("scope".to_owned(), Value::Object(scope));
        }
    }
}

fn normalize_span(span: WireSpan, origin: &Origin<'_>) -> Result<Vec<SpanPatch>, Rejection> {
    let mut attributes = object(span.attributes, MAX_DEPTH).ok_or_else(|| too_deep("attributes"))?;
    let mut own_id = |name: &str| match attributes.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong_type(&format!("attributes.{name}"), &other, "text")),
    };
    let trace_id: TraceId = match own_id(attributes::TRACE_ID)? {
        Some(text) => id(attributes::TRACE_ID, text)?,
        None => id("trace_id", wire_id("trace_id", &span.trace_id, 16)?)?,
    };
    let span_id: SpanId = match own_id(attributes::SPAN_ID)? {
        Some(text) => id(attributes::SPAN_ID, text)?,
        None => id("span_id", wire_id("span_id", &span.span_id, 8)?)?,
    };
    let parent_id: Option<SpanId> = match own_id(attributes::PARENT_ID)? {
        Some(text) => Some(id(attributes::PARENT_ID, text)?),
        None if span.parent_span_id.iter().all(|byte| *byte == 0) => None,
        None => Some(id("parent_span_id", wire_id("parent_span_id", &span.parent_span_id, 8)?)?),
    };

    let mut patch = SpanPatch::new(trace_id, span_id);
    patch.parent_id = parent_id;
    patch.name = Some(span.name).filter(|name| !name.is_empty());
    patch.start = time("start_time_unix_nano", span.start_time_unix_nano)?;
    patch.end = time("end_time_unix_nano", span.end_time_unix_nano)?;
    patch.status = span.status.and_then(|status| {
        let code = match WireStatus::try_from(status.code) {
            Ok(WireStatus::Ok) => StatusCode::Ok,
            Ok(WireStatus::Error) => StatusCode::Error,
            Ok(WireStatus::Unset) | Err(_) => return None,
        };
        Some(Status { code, message: Some(status.message).filter(|message| !message.is_empty()) })
    });
    for (n, event) in span.events.into_iter().enumerate() {
        patch.events.push(Event {
            name: event.name,
            time: time(&format!("events[{n}].time_unix_nano"), event.time_unix_nano)?,
            attributes: object(event.attributes, MAX_DEPTH).ok_or_else(|| too_deep(&format!("events[{n}].attributes")))?,
        });
    }
    for (n, link) in span.links.into_iter().enumerate() {
        let at = |field: &str| format!("links[{n}].{field}");
        patch.links.push(Link {
            trace_id: id(&at("trace_id"), wire_id(&at("trace_id"), &link.trace_id, 16)?)?,
            span_id: id(&at("span_id"), wire_id(&at("span_id"), &link.span_id, 8)?)?,
            attributes: object(link.attributes, MAX_DEPTH).ok_or_else(|| too_deep(&at("attributes")))?,
        });
    }
    patch.source = Some(origin.source());

    let mut patches = understood(patch, attributes)?;
    if let Some(patch) = patches.first_mut() {
        dialects::openinference::session_of_context(origin.resource, patch);
        origin.describe(&mut patch.attributes);
    }
    Ok(patches)
}

/// What the attributes of a span mean: the span first, then what it says of others.
pub(crate) fn understood(patch: SpanPatch, attributes: Map) -> Result<Vec<SpanPatch>, Rejection> {
    let mut draft = Draft::new(patch, attributes);
    dialects::read_otlp(&mut draft)?;
    let Draft { mut patch, mut attributes, more, .. } = draft;
    attributes.retain(|_, value| !value.is_null());
    dialects::prompts::name(&mut attributes, &patch.metadata);
    fold(&mut attributes, &mut patch.warnings);
    patch.attributes = attributes;
    Ok(std::iter::once(patch).chain(more).collect())
}

/// An id of `length` bytes, not all zero (trace.proto: "An ID with all zeroes is considered invalid").
pub(crate) fn wire_id(at: &str, bytes: &[u8], length: usize) -> Result<String, Rejection> {
    if bytes.is_empty() {
        return Err(Rejection::new(Reason::MissingId, at, format!("is missing; it must have {length} bytes")));
    }
    if bytes.len() != length || bytes.iter().all(|byte| *byte == 0) {
        let message = format!("has {} bytes or is all zero; it must have {length} bytes, not all zero", bytes.len());
        return Err(Rejection::new(Reason::BadId, at, message));
    }
    Ok(hex(bytes))
}

/// A time, or `None` for 0, which OTLP sends for "not set".
pub(crate) fn time(at: &str, nanos: u64) -> Result<Option<Timestamp>, Rejection> {
    (nanos != 0).then(|| Timestamp::from_wire_nanos(nanos).map_err(|error| bad_time(at, &error))).transpose()
}

/// Keeps the number of attributes and the length of their keys within the limits: what is over goes into one attribute.
pub(crate) fn fold(attributes: &mut Map, warnings: &mut Vec<Warning>) {
    let over: Vec<String> = attributes
        .keys()
        .enumerate()
        .filter(|(n, key)| *n >= MAX_ATTRIBUTES || key.len() > MAX_ATTRIBUTE_KEY_BYTES)
        .map(|(_, key)| key.clone())
        .collect();
    if over.is_empty() {
        return;
    }
    warnings.push(Warning::new(
        "attributes_folded",
        format!(
            "{} attributes were folded into {FOLDED_ATTRIBUTES}: a span has up to {MAX_ATTRIBUTES} attributes with keys of up to \
             {MAX_ATTRIBUTE_KEY_BYTES} bytes",
            over.len()
        ),
    ));
    let folded: Map = over.into_iter().filter_map(|key| attributes.remove_entry(&key)).collect();
    attributes.insert(FOLDED_ATTRIBUTES.to_owned(), Value::Object(folded));
}
