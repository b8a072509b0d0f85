//! MLflow as recorded: mlflow-tracing 3.17.2 with its tracking client and as plain OTLP, and the calls of MLflow 2.

use std::collections::BTreeMap;

use neuraltrust_model::{Content, Kind, Source, SpanPatch, StatusCode, Timestamp};
use neuraltrust_normalize::dialects::mlflow_rest::{assessment, change, spans, tag, trace};
use neuraltrust_normalize::{Reason, otlp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::exports::Spans;
use crate::{any_json, merged, named, readable, requests};

fn source() -> Source {
    Source { client: Some("mlflow".to_owned()), version: None, protocol: "mlflow".to_owned() }
}

/// What one recorded request says.
fn said(path: &str, body: &[u8]) -> Vec<SpanPatch> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["v1", "traces"] => {
            let export: ExportTraceServiceRequest = prost::Message::decode(body).unwrap();
            otlp::normalize(export).patches
        }
        ["api", "3.0", "mlflow", "traces"] => trace(body, &source()).unwrap(),
        ["api", "3.0", "mlflow", "traces", id, "assessments"] => assessment(id, body).unwrap(),
        ["api", "2.0", "mlflow-artifacts", "artifacts", _, "traces", id, "artifacts", "traces.json"] => {
            let normalized = spans(id, body, &source()).unwrap();
            assert_eq!(normalized.rejected, []);
            normalized.patches
        }
        ["version"] | ["api", "2.0", "mlflow", "experiments", ..] => Vec::new(),
        other => panic!("{other:?}"),
    }
}

fn recorded(wanted: impl Fn(&str) -> bool) -> Vec<Vec<SpanPatch>> {
    let requests = requests("mlflow/rest").into_iter().filter(|(path, _)| wanted(path));
    requests.map(|(path, body)| said(&path, &body)).collect()
}

fn spans_of(requests: &[Vec<SpanPatch>]) -> Spans {
    let mut spans = merged(requests.iter().flatten().cloned().collect());
    for span in spans.values_mut() {
        // The file does not say which process the spans are from.
        span.attributes.remove("resource");
        span.attributes.remove("scope");
        span.source = None;
    }
    spans
}

#[test]
fn everything_recorded() {
    let mut spans: Vec<_> = spans_of(&recorded(|_| true)).into_values().collect();
    spans.sort_by_key(|span| span.start);
    insta::assert_json_snapshot!(readable(&spans));
}

#[test]
fn what_must_be_there() {
    let spans = spans_of(&recorded(|_| true));
    let of_kind = |kind: Kind| spans.values().filter(move |span| span.kind.as_ref() == Some(&kind)).collect::<Vec<_>>();
    let turns: Vec<_> = of_kind(Kind::Message).into_iter().filter(|turn| turn.name.as_deref() == Some("shop-turn 🛍")).collect();
    assert_eq!(turns.len(), 4);
    for turn in &turns {
        assert_eq!(turn.conversation_id.as_ref().unwrap().as_str(), "conv-2f6c1d88-orders");
        assert_eq!(turn.session_id.as_ref().unwrap().as_str(), "sess-9b1e07aa");
        assert_eq!(turn.user.as_ref().unwrap().id.as_deref(), Some("user-4711"));
        assert_eq!(turn.metadata["team"], "größe");
        assert_eq!(turn.attributes["mlflow.experiment_id"], "1");
        let root = spans.values().find(|span| span.parent_id.as_ref() == Some(&turn.span_id)).unwrap();
        assert_eq!((root.kind.as_ref(), &root.trace_id), (Some(&Kind::Agent), &turn.trace_id));
        assert!(matches!(&root.input, Some(Content::Messages { .. } | Content::Text { .. })), "{:?}", root.input);
        assert!(matches!(&root.output, Some(Content::Text { .. })), "{:?}", root.output);
        assert!(turn.start <= root.start);
    }
    let calls: Vec<_> = of_kind(Kind::Generation).into_iter().filter(|call| call.usage.is_some()).collect();
    assert!(calls.iter().all(|call| call.model.as_deref() == Some("gpt-4o-mini-2024-07-18")));
    assert!(calls.iter().all(|call| call.provider.as_deref() == Some("openai")));
    let [embedding] = of_kind(Kind::Embedding)[..] else { panic!("one embedding") };
    assert_eq!(embedding.usage.unwrap().input, Some(33), "the tokens of its answer");
    let tool = named(&spans, "get_weather");
    assert_eq!(tool.input, Some(Content::Json { value: json!({"city": "Zürich", "unit": "celsius"}) }));
    assert!(matches!(&tool.output, Some(Content::Json { value }) if value["sky"] == "sunny ☀️"));
    assert!(matches!(&named(&spans, "retrieve").output, Some(Content::Documents { documents }) if documents.len() == 3));
    assert_eq!(named(&spans, "cancel_order").status.as_ref().unwrap().code, StatusCode::Error);
    let longest = spans.values().filter_map(|span| span.input.as_ref()).map(|input| input.plain_text(1 << 20).len()).max();
    assert_eq!(longest, Some(200 << 10), "the long text is whole");
    let scores: Vec<_> = spans.values().flat_map(|span| &span.scores).collect();
    assert_eq!(scores.len(), 1);
    assert_eq!((scores[0].name.as_str(), &scores[0].value), ("user-feedback", &json!(true)));
    assert_eq!(scores[0].comment.as_deref(), Some("👍 merci"));
}

#[test]
fn any_order_and_either_way_of_sending_gives_the_same_spans() {
    let requests = recorded(|_| true);
    let whole = spans_of(&requests);
    let backwards: Vec<_> = requests.iter().rev().cloned().collect();
    assert_eq!(spans_of(&backwards), whole);
    let twice: Vec<_> = requests.iter().chain(&requests).cloned().collect();
    assert_eq!(spans_of(&twice), whole);
    let shape = |spans: Spans| -> BTreeMap<_, _> {
        let of = |span: SpanPatch| (span.parent_id, span.kind, span.name, span.input, span.output, span.usage, span.model);
        spans.into_iter().map(|(id, span)| (id, of(span))).collect()
    };
    let by_otlp = shape(spans_of(&recorded(|path| !path.contains("artifacts"))));
    let by_file = shape(spans_of(&recorded(|path| !path.starts_with("/v1/"))));
    assert_eq!(by_otlp, by_file);
}

#[test]
fn the_calls_of_mlflow_2() {
    let begins = json!({"experiment_id": "7", "timestamp_ms": 1795402869145_i64,
        "request_metadata": [{"key": "mlflow.trace.session", "value": "s1"}, {"key": "team", "value": "shop"}],
        "tags": [{"key": "mlflow.traceName", "value": "turn"}]});
    let ends = json!({"request_id": "tr-0a", "timestamp_ms": 1795402869345_i64, "status": "ERROR", "tags": [{"key": "plan", "value": "pro"}]});
    let file = json!({"spans": [
        {"name": "root", "context": {"span_id": "0x00000000000000AA", "trace_id": "0x01"}, "parent_id": null, "start_time": 1795402869145562526_i64,
         "end_time": 1795402869176245489_i64, "status_code": "ERROR", "status_message": "no",
         "attributes": {"mlflow.spanType": "\"CHAIN\"", "mlflow.spanInputs": "{\"question\": \"Hi?\"}"},
         "events": [{"name": "exception", "timestamp": 1795402869176000_i64, "attributes": {"exception.type": "E"}}]},
        {"name": "odd", "context": {"span_id": "zz"}},
    ]});
    let mut patches = change("tr-0a", false, begins.to_string().as_bytes(), &source()).unwrap();
    patches.extend(change("tr-0a", true, ends.to_string().as_bytes(), &source()).unwrap());
    patches.extend(tag("tr-0a", br#"{"key": "thread_id", "value": "c1"}"#, Timestamp::from_nanos(i64::MAX), &source()).unwrap());
    let read = spans("tr-0a", file.to_string().as_bytes(), &source()).unwrap();
    assert_eq!(
        read.rejected.iter().map(|bad| (bad.at.as_str(), bad.reason)).collect::<Vec<_>>(),
        [("spans[1].span_id", Reason::BadId)]
    );
    patches.extend(read.patches);
    let spans = merged(patches);
    let (turn, root) = (named(&spans, "turn"), named(&spans, "root"));
    assert_eq!((turn.trace_id.as_str(), turn.span_id.as_str()), ("0a", "tr-0a"));
    assert_eq!(turn.start.unwrap().millis_until(turn.end.unwrap()), Some(200.0));
    assert_eq!(turn.status.as_ref().unwrap().code, StatusCode::Error);
    assert_eq!((&turn.metadata["team"], &turn.metadata["plan"]), (&json!("shop"), &json!("pro")));
    assert_eq!(turn.attributes["mlflow.experiment_id"], "7");
    assert_eq!(turn.conversation_id.as_ref().unwrap().as_str(), "c1", "what was told last");
    assert_eq!((root.parent_id.as_ref(), root.span_id.as_str()), (Some(&turn.span_id), "00000000000000aa"));
    assert_eq!((root.trace_id.as_str(), root.events.len()), ("0a", 1));
}

#[test]
fn assessments_of_traces_and_spans() {
    let of = |body: Value| {
        assessment("tr-0a", json!({"assessment": body}).to_string().as_bytes()).map(|mut patches| patches.remove(0))
    };
    let judged = json!({"assessment_name": "tone", "span_id": "l2Wr2uFnpmI=", "feedback": {"value": 0.5}, "source": {"source_type": "LLM_JUDGE"}});
    let patch = of(judged.clone()).unwrap();
    assert_eq!((patch.trace_id.as_str(), patch.span_id.as_str()), ("0a", "9765abdae167a662"));
    assert_eq!(of(judged).unwrap(), patch, "the same again is the same");
    let expected = of(json!({"assessment_name": "answer", "expectation": {"value": "yes"}})).unwrap();
    assert_eq!(expected.attributes["mlflow.expectation.answer"], "yes");
    assert_eq!(of(json!({"feedback": {"value": 1}})).unwrap_err().at, "assessment_name");
    assert_eq!(of(json!({"assessment_name": "x"})).unwrap_err().at, "feedback");
}

/// Names that the dialect knows.
const NAMES: &[&str] = &[
    "trace",
    "trace_info",
    "trace_id",
    "tags",
    "trace_metadata",
    "request_time",
    "execution_duration",
    "state",
    "spans",
    "context",
    "span_id",
    "parent_id",
    "start_time",
    "status",
    "code",
    "attributes",
    "events",
    "assessment",
    "assessment_name",
    "feedback",
    "value",
    "expectation",
    "key",
];

proptest! {
    #[test]
    fn no_json_is_too_odd(value in any_json(NAMES)) {
        let body = value.to_string();
        let _ = trace(body.as_bytes(), &source());
        let _ = trace(json!({"trace": {"trace_info": value}}).to_string().as_bytes(), &source());
        let _ = change("tr-1", true, body.as_bytes(), &source());
        let _ = tag("tr-1", body.as_bytes(), Timestamp::from_nanos(0), &source());
        let _ = assessment("tr-1", json!({"assessment": value}).to_string().as_bytes());
        let _ = spans("tr-1", json!({"spans": [value]}).to_string().as_bytes(), &source());
    }
}
