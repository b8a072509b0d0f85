//! OTLP exports: what our own SDK writes, and what no exporter should.

use neuraltrust_model::attributes as names;
use neuraltrust_normalize::otlp::normalize;
use neuraltrust_normalize::{Normalized, Reason};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use serde_json::{Value, json};

use crate::readable;

fn any(value: &Value) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(flag) => Some(Any::BoolValue(*flag)),
        Value::Number(number) => Some(number.as_i64().map_or_else(|| Any::DoubleValue(number.as_f64().unwrap()), Any::IntValue)),
        Value::String(text) => Some(Any::StringValue(text.clone())),
        Value::Array(items) => Some(Any::ArrayValue(ArrayValue { values: items.iter().map(any).collect() })),
        Value::Object(_) => Some(Any::KvlistValue(KeyValueList { values: pairs(value) })),
    };
    AnyValue { value }
}

pub(crate) fn pairs(object: &Value) -> Vec<KeyValue> {
    let pair = |(key, value): (&String, &Value)| KeyValue { key: key.clone(), value: Some(any(value)), ..KeyValue::default() };
    object.as_object().unwrap().iter().map(pair).collect()
}

pub(crate) fn span(attributes: &Value) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "step".to_owned(),
        start_time_unix_nano: 1_795_402_111_000_000_001,
        end_time_unix_nano: 1_795_402_112_500_000_001,
        attributes: pairs(attributes),
        ..Span::default()
    }
}

pub(crate) fn export(spans: Vec<Span>) -> Normalized {
    normalize(ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: pairs(&json!({
                    "service.name": "shop-bot", "telemetry.sdk.name": "neuraltrust", "telemetry.sdk.version": "0.1.0",
                })),
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope { name: "neuraltrust".to_owned(), ..InstrumentationScope::default() }),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    })
}

#[test]
fn what_our_own_sdk_says() {
    let common = json!({
        names::CONVERSATION_ID: "c1", names::SESSION_ID: "s1", names::CHANNEL_ID: "web", names::USER_ID: "u1",
        names::USER: {"id": "u1", "name": "John Doe", "plan": "pro"}, names::METADATA: {"os": "linux"}, names::CUSTOM: {"key": "value"},
    });
    let with = |extra: Value| {
        let mut all = common.clone();
        all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        all
    };
    let message = Span {
        end_time_unix_nano: 0,
        ..span(&with(
            json!({names::KIND: "message", names::INPUT: "[1]", names::TRACE_ID: "my own trace", names::SPAN_ID: "my own span"}),
        ))
    };
    let retrieval = Span {
        parent_span_id: vec![3; 8],
        ..span(&with(json!({names::KIND: "retrieval", names::INPUT: "q", names::OUTPUT: [{"chunk": "Hello", "score": 0.5}]})))
    };
    let generation = Span {
        parent_span_id: vec![3; 8],
        status: Some(Status { code: 2, message: String::new() }),
        events: vec![span::Event {
            name: "exception".to_owned(),
            attributes: pairs(&json!({"exception.type": "TimeoutError"})),
            ..span::Event::default()
        }],
        ..span(&with(json!({
            names::OPERATION_NAME: "chat", names::REQUEST_MODEL: "gpt-4o", names::RESPONSE_MODEL: "gpt-4o-2024-08-06", names::PROVIDER_NAME: "openai",
            names::USAGE_INPUT_TOKENS: 12, names::USAGE_OUTPUT_TOKENS: 3, names::COST: 0.25, names::ERROR_TYPE: "TimeoutError",
            names::INPUT_MESSAGES: "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"Hi\"}]}]",
            "gen_ai.request.temperature": 0.2,
        })))
    };
    let feedback = Span {
        parent_span_id: vec![2; 8],
        span_id: vec![9; 8],
        ..span(&with(json!({names::KIND: "feedback", names::FEEDBACK_TAG: "positive", names::FEEDBACK_TEXT: "Thanks"})))
    };
    let normalized = export(vec![message, retrieval, generation, feedback]);
    assert_eq!(normalized.rejected, []);
    insta::assert_json_snapshot!(readable(&normalized.patches));
}

#[test]
fn one_bad_span_costs_only_itself() {
    let good = || span(&json!({names::KIND: "tool"}));
    let bad = |change: fn(&mut Span)| {
        let mut span = good();
        change(&mut span);
        span
    };
    let spans = vec![
        bad(|span| span.trace_id.clear()),
        bad(|span| span.trace_id = vec![0; 16]),
        good(),
        bad(|span| span.span_id = vec![1; 9]),
        bad(|span| span.start_time_unix_nano = u64::MAX),
        bad(|span| span.end_time_unix_nano = 5),
        bad(|span| span.attributes = pairs(&json!({names::TRACE_ID: "x".repeat(10_000)}))),
        bad(|span| span.attributes = pairs(&json!({names::SPAN_ID: 7}))),
        bad(|span| span.attributes = pairs(&json!({names::METADATA: [1]}))),
        bad(|span| {
            let nested = (0..80).fold(json!(1), |inner, _| json!([inner]));
            span.attributes = pairs(&json!({ "deep": nested }));
        }),
    ];
    let normalized = export(spans);
    assert_eq!(normalized.patches.len(), 1);
    let reasons: Vec<_> = normalized.rejected.iter().map(|rejection| (rejection.at.as_str(), rejection.reason)).collect();
    assert_eq!(
        reasons,
        [
            ("spans[0].trace_id", Reason::MissingId),
            ("spans[1].trace_id", Reason::BadId),
            ("spans[3].span_id", Reason::BadId),
            ("spans[4].start_time_unix_nano", Reason::BadTime),
            ("spans[5].end_time_unix_nano", Reason::BadTime),
            ("spans[6].neuraltrust.trace.id", Reason::BadId),
            ("spans[7].attributes.neuraltrust.span.id", Reason::WrongType),
            ("spans[8].attributes.neuraltrust.metadata", Reason::WrongType),
            ("spans[9].attributes", Reason::TooDeep),
        ]
    );
}

#[test]
fn a_cost_that_cannot_be_one_stays_an_attribute() {
    for (given, cost) in [(json!(0), Some(0.0)), (json!(-1), None), (json!("much"), None), (json!(f64::MAX), Some(f64::MAX))] {
        let patch = export(vec![span(&json!({names::COST: given.clone()}))]).patches.remove(0);
        assert_eq!((patch.cost, patch.attributes.contains_key(names::COST)), (cost, cost.is_none()), "{given}");
    }
}

#[test]
fn too_many_attributes_are_folded_not_lost() {
    let many: serde_json::Map<String, Value> =
        (0..1_500).map(|n| (format!("a{n:04}"), json!(n))).chain([("k".repeat(600), json!(1))]).collect();
    let normalized = export(vec![span(&Value::Object(many))]);
    let patch = &normalized.patches[0];
    assert_eq!(patch.warnings[0].code, "attributes_folded");
    let folded = patch.attributes["neuraltrust.folded_attributes"].as_object().unwrap();
    assert_eq!(folded.len(), 1_500 - 1_024 + 1);
    assert!(folded.contains_key(&"k".repeat(600)));
    assert_eq!(patch.attributes["a0000"], 0);
}
