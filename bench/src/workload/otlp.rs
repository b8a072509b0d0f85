//! Steps as an export of OpenTelemetry, with the names of its conventions for generative AI.

use neuraltrust_model::{Kind, attributes as names};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::json;

use super::Step;

/// Bytes of a token, roughly; the usage that a step tells.
const TOKEN_BYTES: i64 = 4;

pub(super) fn text(name: &str, value: impl Into<String>) -> KeyValue {
    attribute(name, Any::StringValue(value.into()))
}

fn attribute(name: &str, value: Any) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

/// An export of these spans, encoded.
pub(super) fn export(spans: Vec<Span>) -> Vec<u8> {
    let scope = InstrumentationScope { name: "bench".to_owned(), version: "1.0.0".to_owned(), ..Default::default() };
    let attributes = vec![
        text("service.name", "assistant"),
        text("telemetry.sdk.name", "opentelemetry"),
        text("telemetry.sdk.language", "python"),
        text("telemetry.sdk.version", "1.38.0"),
    ];
    let resource_spans = ResourceSpans {
        resource: Some(Resource { attributes, ..Default::default() }),
        scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..Default::default() }],
        ..Default::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec()
}

/// A step as a span.
pub(super) fn span(step: Step) -> Span {
    let tokens = |text: &str| Any::IntValue(text.len() as i64 / TOKEN_BYTES);
    let mut attributes = vec![
        text(names::CONVERSATION_ID, step.conversation),
        text(names::SESSION_ID, step.session),
        text(names::USER_ID, step.user),
        text(names::CHANNEL_ID, step.channel),
    ];
    let operation = match step.kind {
        Kind::Generation => "chat",
        Kind::Retrieval => "retrieval",
        Kind::Tool => "execute_tool",
        _ => "",
    };
    if operation.is_empty() {
        attributes.push(text(names::KIND, step.kind.as_str()));
    } else {
        attributes.push(text(names::OPERATION_NAME, operation));
    }
    if let Some(model) = step.model {
        attributes.extend([
            text(names::PROVIDER_NAME, "openai"),
            text(names::REQUEST_MODEL, model),
            text(names::RESPONSE_MODEL, model),
            attribute(names::USAGE_INPUT_TOKENS, tokens(&step.input)),
            attribute(names::USAGE_OUTPUT_TOKENS, tokens(&step.output)),
        ]);
    }
    match step.kind {
        Kind::Message | Kind::Generation => {
            let said =
                |role: &str, words: &str| json!([{"role": role, "parts": [{"type": "text", "content": words}]}]).to_string();
            attributes.push(text(names::INPUT_MESSAGES, said("user", &step.input)));
            attributes.push(text(names::OUTPUT_MESSAGES, said("assistant", &step.output)));
        }
        Kind::Retrieval => {
            attributes.push(text(names::INPUT, step.input));
            let found = json!([{"id": "doc_1", "content": step.output, "score": 0.83}]);
            attributes.push(text(names::RETRIEVAL_DOCUMENTS, found.to_string()));
        }
        Kind::Tool => {
            attributes.push(text(names::TOOL_CALL_ARGUMENTS, json!({"query": step.input}).to_string()));
            attributes.push(text(names::TOOL_CALL_RESULT, json!({"result": step.output}).to_string()));
        }
        _ => {
            attributes.push(text(names::INPUT, step.input));
            attributes.push(text(names::OUTPUT, step.output));
        }
    }
    Span {
        trace_id: step.trace.to_vec(),
        span_id: step.span.to_vec(),
        parent_span_id: step.parent.map(|id| id.to_vec()).unwrap_or_default(),
        name: if operation.is_empty() { step.kind.as_str().to_owned() } else { operation.to_owned() },
        kind: 1,
        start_time_unix_nano: step.start,
        end_time_unix_nano: step.end,
        attributes,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Chat;
    use neuraltrust_model::Content;

    #[test]
    fn the_server_reads_what_the_step_says() {
        let steps: Vec<Step> = Chat::new(1, 100).take(100).collect();
        let bytes = export(steps.iter().cloned().map(span).collect());
        let request = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
        let read = neuraltrust_normalize::otlp::normalize(request);
        assert_eq!((read.patches.len(), read.rejected), (100, Vec::new()));
        for (step, patch) in steps.iter().zip(read.patches) {
            assert_eq!(patch.kind.as_ref(), Some(&step.kind));
            assert_eq!(patch.conversation_id.unwrap().as_str(), step.conversation);
            assert_eq!(patch.session_id.unwrap().as_str(), step.session);
            assert_eq!(patch.channel_id.unwrap().as_str(), step.channel);
            assert_eq!(patch.user.unwrap().id.as_deref(), Some(step.user.as_str()));
            assert_eq!(patch.model.as_deref(), step.model);
            assert_eq!(patch.usage.is_some(), step.model.is_some());
            assert_eq!(patch.warnings, Vec::new());
            let holds = |content: Option<Content>, words: &str| serde_json::to_string(&content).unwrap().contains(words);
            assert!(holds(patch.input, &step.input) && holds(patch.output, &step.output), "{}", step.kind);
        }
    }
}
