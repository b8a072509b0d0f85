//! Langfuse 2.60.10 (events) and 5.0.4 (OTLP and scores) for Python and 3.39.2 for JavaScript (events), as recorded.

use neuraltrust_model::{Content, Kind, Part, Source, SpanPatch, StatusCode};
use neuraltrust_normalize::dialects::langfuse_ingestion::{normalize, scores};
use neuraltrust_normalize::{Reason, otlp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

use crate::{any_json, merged, named, plain, readable, requests};

fn source() -> Source {
    Source { client: None, version: None, protocol: "langfuse".to_owned() }
}

/// Everything that a recorded client told.
fn recorded(folder: &str) -> Vec<SpanPatch> {
    let mut patches = Vec::new();
    for (path, body) in requests(folder) {
        let body = plain(&body);
        let batch = match path.as_str() {
            "/api/public/ingestion" => normalize(&body, source()).unwrap(),
            "/api/public/scores" => scores(&body, &source()).unwrap(),
            _ => {
                let normalized = otlp::normalize(ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
                assert_eq!(normalized.rejected, []);
                patches.extend(normalized.patches);
                continue;
            }
        };
        assert_eq!(batch.rejected().count(), 0);
        patches.extend(batch.patches);
    }
    patches
}

#[test]
fn everything_2_60_10_can_send() {
    insta::assert_json_snapshot!(readable(&merged(recorded("langfuse/2.60.10")).into_values().collect::<Vec<_>>()));
}

#[test]
fn everything_5_0_4_can_send() {
    insta::assert_json_snapshot!(readable(&merged(recorded("langfuse/5.0.4")).into_values().collect::<Vec<_>>()));
}

#[test]
fn everything_3_39_2_for_javascript_can_send() {
    insta::assert_json_snapshot!(readable(&merged(recorded("langfuse-js/3.39.2")).into_values().collect::<Vec<_>>()));
}

/// What the driver of a recording did, by the names that it gave.
struct Expect {
    folder: &'static str,
    turn: &'static str,
    generation: &'static str,
    look_up: Option<&'static str>,
    failed: &'static str,
    /// Prompt and cached tokens of the last call of that name.
    tokens: (u64, u64),
    /// Bytes of the longest text.
    longest: usize,
}

#[test]
fn what_must_be_there() {
    let all = [
        Expect {
            folder: "langfuse/2.60.10",
            turn: "shop conversation",
            generation: "OpenAI-generation",
            look_up: Some("retrieval"),
            failed: "cancel_order",
            tokens: (175, 64),
            longest: 200 << 10,
        },
        Expect {
            folder: "langfuse/5.0.4",
            turn: "request 3",
            generation: "answer",
            look_up: Some("retrieve"),
            failed: "cancel_order",
            tokens: (228, 64),
            longest: 200 << 10,
        },
        Expect {
            folder: "langfuse-js/3.39.2",
            turn: "shop-turn 🛍",
            generation: "answer",
            look_up: None,
            failed: "cancel_order",
            tokens: (224, 64),
            longest: 204_799,
        },
    ];
    for Expect { folder, turn, generation, look_up, failed, tokens, longest } in all {
        let spans = merged(recorded(folder));
        let turn = named(&spans, turn);
        assert_eq!(turn.kind, Some(Kind::Message), "{folder}");
        assert_eq!(turn.conversation_id.as_ref().unwrap().as_str(), "sess-9b1e07aa", "{folder}");
        assert_eq!(turn.user.as_ref().unwrap().id.as_deref(), Some("user-4711"), "{folder}");
        assert_eq!(turn.attributes["tags"], json!(["capture", "beta", "größe-L"]), "{folder}");
        assert_eq!(turn.metadata["plan"], "pro", "{folder}");
        assert_eq!(turn.input, Some(Content::text("Thanks, that is all. \u{200d}🧑\u{200d}🚀 Bye!")), "{folder}");
        assert!(matches!(&turn.output, Some(Content::Text { text }) if text.starts_with("Claro: el menú")), "{folder}");
        assert!(turn.start < turn.end, "{folder}");

        let calls: Vec<_> = spans.values().filter(|span| span.name.as_deref() == Some(generation)).collect();
        let call = calls.iter().filter(|span| span.usage.is_some()).max_by_key(|span| span.start).unwrap();
        assert_eq!(
            (call.kind.as_ref(), call.model.as_deref()),
            (Some(&Kind::Generation), Some("gpt-4o-mini-2024-07-18")),
            "{folder}"
        );
        let usage = call.usage.unwrap();
        assert_eq!((usage.input.unwrap(), usage.cache_read.unwrap()), tokens, "{folder}");
        let parts: Vec<&Part> = spans.values().filter_map(|span| span.output.as_ref()).flat_map(parts).collect();
        let weather = parts.iter().find_map(|part| match part {
            Part::ToolCall { name: Some(name), arguments, .. } if name == "get_weather" => Some(arguments),
            _ => None,
        });
        assert_eq!(weather.unwrap(), &json!({"city": "Zürich", "unit": "celsius"}), "{folder}");
        assert!(
            matches!(&named(&spans, "get_weather").output, Some(Content::Json { value }) if value["sky"] == "sunny ☀️"),
            "{folder}"
        );

        if let Some(look_up) = look_up {
            let Some(Content::Documents { documents }) = &named(&spans, look_up).output else { panic!("{folder}: no documents") };
            assert_eq!((documents.len(), documents[0].score), (3, Some(0.91)), "{folder}");
            assert_eq!(documents[2].content.as_deref(), Some("倉庫は月曜日から金曜日まで営業しています。"), "{folder}");
        }
        let failed = named(&spans, failed).status.as_ref().unwrap();
        assert_eq!(failed.code, StatusCode::Error, "{folder}");
        assert!(failed.message.as_ref().unwrap().contains("order service unavailable"), "{folder}");
        let said = spans.values().filter_map(|span| span.input.as_ref()).map(|input| input.plain_text(1 << 20).len());
        assert_eq!(said.max().unwrap(), longest, "{folder}: the long text is whole");
        assert!(
            spans.values().flat_map(|span| &span.scores).any(|score| score.name == "quality" && score.value == 0.87),
            "{folder}"
        );
    }
}

fn parts(content: &Content) -> Vec<&Part> {
    match content {
        Content::Messages { messages } => messages.iter().flat_map(|message| &message.parts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn any_order_in_any_pieces_gives_the_same_spans() {
    for folder in ["langfuse/2.60.10", "langfuse-js/3.39.2"] {
        let whole = merged(recorded(folder));
        let mut events = Vec::new();
        for (_, body) in requests(folder) {
            let envelope: Value = serde_json::from_slice(&body).unwrap();
            for event in envelope["batch"].as_array().unwrap() {
                events.push(json!({"batch": [event], "metadata": envelope["metadata"]}).to_string());
            }
        }
        let each = |body: &String| normalize(body.as_bytes(), source()).unwrap().patches;
        assert_eq!(merged(events.iter().flat_map(each).collect()), whole, "{folder} in single events");
        let backwards = merged(events.iter().rev().flat_map(each).collect());
        for (key, span) in &whole {
            let mut other = backwards[key].clone();
            other.scores.sort_by(|a, b| a.id.cmp(&b.id));
            let mut span = span.clone();
            span.scores.sort_by(|a, b| a.id.cmp(&b.id));
            assert_eq!(other, span, "{folder} backwards");
        }
        let twice = events.iter().chain(&events).flat_map(each).collect();
        assert_eq!(merged(twice), whole, "{folder} twice");
    }
}

#[test]
fn one_bad_event_costs_only_itself() {
    let event =
        |id: &str, name: &str, body: Value| json!({"id": id, "type": name, "timestamp": "2026-11-23T02:57:18Z", "body": body});
    let body = json!({"batch": [
        event("a", "trace-create", json!({"id": "t", "name": "turn"})),
        event("b", "span-create", json!({"traceId": "t"})),
        event("c", "dance-create-now", json!({})),
        event("d", "span-create", json!({"id": "s", "traceId": "t", "startTime": "soon"})),
        event("e", "score-create", json!({"name": "x", "value": 1})),
        event("f", "score-create", json!({"name": "x", "value": [1], "traceId": "t"})),
        event("g", "sdk-log", json!({"log": "x"})),
        7,
        event("h", "observation-create", json!({"id": "o", "traceId": "t", "type": "TOOL", "metadata": "plain"})),
    ]});
    let batch = normalize(body.to_string().as_bytes(), source()).unwrap();
    let rejected: Vec<_> = batch.rejected().map(|(id, rejection)| (id, rejection.at.as_str(), rejection.reason)).collect();
    assert_eq!(
        rejected,
        [
            ("b", "batch[1].body.id", Reason::MissingId),
            ("c", "batch[2].type", Reason::UnknownTask),
            ("d", "batch[3].body.startTime", Reason::BadTime),
            ("e", "batch[4].body.traceId", Reason::MissingId),
            ("f", "batch[5].body.value", Reason::WrongType),
            ("7", "batch[7].event", Reason::WrongType),
        ]
    );
    let spans = merged(batch.patches);
    assert_eq!(spans.len(), 2, "the trace, and the tool in it");
    let tool = &spans[&("t".to_owned(), "o".to_owned())];
    assert_eq!((tool.kind.as_ref(), tool.parent_id.as_ref().unwrap().as_str()), (Some(&Kind::Tool), "t"));
}

#[test]
fn a_score_on_a_session_is_kept_in_its_conversation() {
    let patches = recorded("langfuse/5.0.4");
    let score = patches.iter().find(|patch| patch.name.as_deref() == Some("session-csat")).unwrap();
    assert_eq!((score.kind.as_ref(), score.scores[0].value.as_f64()), (Some(&Kind::Evaluation), Some(4.5)));
    assert_eq!(score.conversation_id.as_ref().unwrap().as_str(), "sess-9b1e07aa");
}

/// Names that the dialects know.
const NAMES: &[&str] = &[
    "batch",
    "id",
    "type",
    "timestamp",
    "body",
    "metadata",
    "traceId",
    "sessionId",
    "observationId",
    "name",
    "value",
    "input",
    "output",
    "startTime",
    "endTime",
    "usage",
    "usageDetails",
    "costDetails",
    "level",
    "trace-create",
    "span-create",
    "generation-update",
    "score-create",
    "observation-create",
    "total",
    "messages",
    "role",
    "content",
    "choices",
    "ERROR",
];

proptest! {
    #[test]
    fn no_json_is_too_odd(value in any_json(NAMES)) {
        let _ = scores(value.to_string().as_bytes(), &source());
        let _ = normalize(value.to_string().as_bytes(), source());
        let events: Vec<Value> = ["trace-create", "generation-update", "score-create", "observation-create"]
            .iter()
            .map(|name| json!({"id": "e", "type": name, "body": value}))
            .collect();
        let batch = normalize(json!({"batch": events}).to_string().as_bytes(), source()).unwrap();
        prop_assert_eq!(batch.items.len(), events.len());
    }
}
