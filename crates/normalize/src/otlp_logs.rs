//! OTLP log exports, protobuf and JSON: what log records say of the spans that they belong to.
//!
//! Format: OpenTelemetry protocol 1.x, `opentelemetry/proto/logs/v1/logs.proto`. Records of GenAI content become content,
//! verdicts become scores, other records become events. A record that names no span is none of ours and is rejected, alone.

use std::collections::HashMap;

use neuraltrust_model::limits::MAX_DEPTH;
use neuraltrust_model::{Event, Fragment, Map, SpanId, SpanPatch, Timestamp, TraceId};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::Value;

use crate::any_value::{json, object};
use crate::dialects::{self, Draft};
use crate::fields::{id, too_deep};
use crate::otlp::{fold, message, time, wire_id};
use crate::{Normalized, Reason, Rejection, genai_events, otlp_json, values};

/// What an export in protobuf says of spans. A record that cannot be kept is rejected alone.
///
/// # Errors
/// A [`Rejection`] when the body is no such export, or says too much.
pub fn normalize_protobuf(body: &[u8]) -> Result<Normalized, Rejection> {
    values::few_enough_in_logs(body)?;
    message(body, "ExportLogsServiceRequest").map(normalize)
}

/// What an export says of spans. A record that cannot be kept is rejected alone.
#[must_use]
pub fn normalize(request: ExportLogsServiceRequest) -> Normalized {
    let records = request.resource_logs.into_iter().flat_map(|of_resource| of_resource.scope_logs);
    gather(records.flat_map(|of_scope| of_scope.log_records).map(Ok))
}

/// What an export in JSON says of spans. A record that cannot be read or kept is rejected alone.
///
/// # Errors
/// A [`Rejection`] when the body is no such export.
pub fn normalize_json(body: &[u8]) -> Result<Normalized, Rejection> {
    let scopes = otlp_json::logs(body)?.into_iter().flat_map(|of_resource| of_resource.scopes);
    Ok(gather(scopes.flat_map(|of_scope| of_scope.items)))
}

/// One patch for each span of the request, in the order in which the spans are named.
fn gather(records: impl Iterator<Item = Result<LogRecord, Rejection>>) -> Normalized {
    let mut normalized = Normalized::default();
    let mut spans = HashMap::new();
    for (index, record) in records.enumerate() {
        let said = record.and_then(|record| {
            let key = key(&record)?;
            let span = spans.entry(key.clone()).or_insert_with(|| {
                normalized.patches.push(SpanPatch::new(key.0, key.1));
                Gathered { patch: normalized.patches.len() - 1, seen: HashMap::new() }
            });
            match normalized.patches.get_mut(span.patch) {
                Some(patch) => read(record, patch, &mut span.seen),
                None => Ok(()),
            }
        });
        if let Err(mut rejection) = said {
            rejection.at = format!("logRecords[{index}].{}", rejection.at);
            normalized.rejected.push(rejection);
        }
    }
    normalized.patches.retain(|patch| *patch != SpanPatch::new(patch.trace_id.clone(), patch.span_id.clone()));
    normalized
}

/// A span that records of a request are about.
struct Gathered {
    /// Its place among the patches.
    patch: usize,
    /// How often each record was there: a history may hold the same words twice at one time.
    seen: HashMap<String, u32>,
}

fn key(record: &LogRecord) -> Result<(TraceId, SpanId), Rejection> {
    let unset = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    if unset(&record.trace_id) || unset(&record.span_id) {
        let message = "the record names no span; kept are records with a trace id and a span id, as what they say of that span";
        return Err(Rejection::new(Reason::MissingId, "spanId", message));
    }
    let trace_id = id("traceId", wire_id("traceId", &record.trace_id, 16)?)?;
    Ok((trace_id, id("spanId", wire_id("spanId", &record.span_id, 8)?)?))
}

/// Adds what a record says of its span.
fn read(record: LogRecord, patch: &mut SpanPatch, seen: &mut HashMap<String, u32>) -> Result<(), Rejection> {
    let mut attributes = object(record.attributes, MAX_DEPTH).ok_or_else(|| too_deep("attributes"))?;
    let body = record.body.map_or(Some(Value::Null), |body| json(body, MAX_DEPTH)).ok_or_else(|| too_deep("body"))?;
    let time = match time("timeUnixNano", record.time_unix_nano)? {
        None => time("observedTimeUnixNano", record.observed_time_unix_nano)?,
        time => time,
    };
    // Before records had names of their own, the name was an attribute.
    let named = match attributes.remove("event.name") {
        Some(Value::String(name)) => name,
        _ => String::new(),
    };
    let name = Some(record.event_name).filter(|name| !name.is_empty()).unwrap_or(named);

    if name == genai_events::DETAILS {
        return details(attributes, patch);
    }
    if name == genai_events::EVALUATION {
        let id = record_id(&name, time, &body, &attributes);
        patch.scores.push(genai_events::verdict(id, attributes, time));
        return Ok(());
    }
    if let Some((side, role)) = genai_events::speaker(&name) {
        let mut id = record_id(&name, time, &body, &attributes);
        let times = seen.entry(id.clone()).or_default();
        if *times > 0 {
            id = format!("{id}-{times}");
        }
        *times += 1;
        if let Some(message) = genai_events::message(role, body, attributes) {
            let place = u32::try_from(patch.fragments.len()).unwrap_or(u32::MAX);
            patch.fragments.push(Fragment { id, side, time, place, message });
        }
        return Ok(());
    }
    if !body.is_null() {
        attributes.insert("body".to_owned(), body);
    }
    if !record.severity_text.is_empty() {
        attributes.insert("severity".to_owned(), Value::String(record.severity_text));
    }
    fold(&mut attributes, &mut patch.warnings);
    patch.events.push(Event { name: if name.is_empty() { "log".to_owned() } else { name }, time, attributes });
    Ok(())
}

/// A record that says what its span says: it is read like one.
fn details(attributes: Map, patch: &mut SpanPatch) -> Result<(), Rejection> {
    let mut draft = Draft::new(SpanPatch::new(patch.trace_id.clone(), patch.span_id.clone()), attributes);
    dialects::read_details(&mut draft)?;
    let Draft { patch: mut said, mut attributes, .. } = draft;
    attributes.retain(|_, value| !value.is_null());
    fold(&mut attributes, &mut said.warnings);
    said.attributes = attributes;
    patch.apply(said);
    Ok(())
}

/// A name made of what a record says: the same record sent again has the same.
fn record_id(name: &str, time: Option<Timestamp>, body: &Value, attributes: &Map) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(name.as_bytes());
    hash.update(&time.map_or(0, Timestamp::as_nanos).to_le_bytes());
    for part in [body.to_string(), Value::Object(attributes.clone()).to_string()] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().to_hex().chars().take(16).collect()
}
