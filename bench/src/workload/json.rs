//! Steps in the forms of JSON that other clients send.

use neuraltrust_model::Kind;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use serde_json::{Value, json};

use super::{Step, hex, otlp};

/// An export of OpenTelemetry in JSON.
pub(crate) fn as_otlp_json(steps: &[Step]) -> Vec<u8> {
    let value = |attribute: KeyValue| match attribute.value.and_then(|value| value.value) {
        Some(Any::IntValue(number)) => json!({"intValue": number.to_string()}),
        Some(Any::StringValue(text)) => json!({"stringValue": text}),
        _ => json!({}),
    };
    let spans = steps.iter().map(|step| {
        let span = otlp::span(step.clone());
        let attributes: Vec<Value> = span
            .attributes
            .into_iter()
            .map(|attribute| json!({"key": attribute.key.clone(), "value": value(attribute)}))
            .collect();
        json!({
            "traceId": hex(&span.trace_id), "spanId": hex(&span.span_id), "parentSpanId": hex(&span.parent_span_id),
            "name": span.name, "kind": 1, "startTimeUnixNano": span.start_time_unix_nano.to_string(),
            "endTimeUnixNano": span.end_time_unix_nano.to_string(), "attributes": attributes,
        })
    });
    let spans: Vec<Value> = spans.collect();
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "assistant"}}]});
    let export = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "bench"}, "spans": spans}]}]});
    export.to_string().into_bytes()
}

/// The parts of a form of LangSmith: a line with the name of each, and a line with what it holds.
pub(crate) fn as_langsmith(steps: &[Step]) -> Vec<u8> {
    let mut lines = Vec::new();
    for step in steps {
        let id = hex(&step.span);
        let run_type = match step.kind {
            Kind::Generation => "llm",
            Kind::Retrieval => "retriever",
            Kind::Tool => "tool",
            _ => "chain",
        };
        let run = json!({
            "id": id, "trace_id": hex(&step.trace), "parent_run_id": step.parent.map(|parent| hex(&parent)), "name": run_type,
            "run_type": run_type, "start_time": step.start / 1_000_000, "end_time": step.end / 1_000_000,
            "extra": {"metadata": {"thread_id": step.conversation, "user_id": step.user, "ls_model_name": step.model}},
        });
        let said = |role: &str, words: &str| json!({"messages": [{"role": role, "content": words}]});
        for (name, value) in [
            (format!("post.{id}"), run),
            (format!("post.{id}.inputs"), said("user", &step.input)),
            (format!("post.{id}.outputs"), said("assistant", &step.output)),
        ] {
            lines.extend([name, value.to_string()]);
        }
    }
    lines.join("\n").into_bytes()
}

/// A batch of Langfuse's ingestion API.
pub(crate) fn as_langfuse(steps: &[Step]) -> Vec<u8> {
    let events = steps.iter().map(|step| {
        let id = hex(&step.span);
        let is_call = step.kind == Kind::Generation;
        let time = |nanos: u64| nanos / 1_000_000;
        let body = json!({
            "id": id, "traceId": hex(&step.trace), "parentObservationId": step.parent.map(|parent| hex(&parent)),
            "name": step.kind.as_str(), "startTime": time(step.start), "endTime": time(step.end), "model": step.model,
            "input": [{"role": "user", "content": step.input}], "output": {"role": "assistant", "content": step.output},
        });
        let name = if is_call { "generation-create" } else { "span-create" };
        json!({"id": id, "type": name, "timestamp": time(step.end), "body": body})
    });
    json!({"batch": events.collect::<Vec<_>>(), "metadata": {"sdk_name": "python"}}).to_string().into_bytes()
}
