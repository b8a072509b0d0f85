//! Opik 2.2.122 as recorded: changes come before what they change.

use neuraltrust_model::{Content, Kind, Source, SpanPatch, StatusCode};
use neuraltrust_normalize::dialects::opik::{Of, Sender, batch, scores, single, single_score, update};
use neuraltrust_normalize::{Reason, Rejection};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{any_json, merged, named, plain, readable, requests};

fn sender() -> Sender {
    let source = Source { client: Some("opik".to_owned()), version: None, protocol: "opik".to_owned() };
    Sender { source, workspace: Some("default".to_owned()) }
}

fn decoded(path: &str, body: &[u8]) -> Result<Vec<SpanPatch>, Rejection> {
    let path: Vec<&str> = path.trim_start_matches("/api/v1/private/").split('/').collect();
    let of = if path[0] == "traces" { Of::Traces } else { Of::Spans };
    match path.as_slice() {
        [_, "batch"] => batch(of, body, &sender()).map(|batch| batch.patches),
        [_, "feedback-scores"] => scores(body, &sender()).map(|batch| batch.patches),
        [_, id] => update(of, id, body, &sender()),
        other => panic!("{other:?}"),
    }
}

fn recorded() -> Vec<SpanPatch> {
    let requests = requests("opik/2.2.122").into_iter().filter(|(path, _)| path != "/api/is-alive/ping");
    requests.flat_map(|(path, body)| decoded(&path, &plain(&body)).unwrap()).collect()
}

#[test]
fn everything_2_2_122_can_send() {
    insta::assert_json_snapshot!(readable(&merged(recorded()).into_values().collect::<Vec<_>>()));
}

#[test]
fn what_must_be_there() {
    let spans = merged(recorded());
    let turns: Vec<_> =
        spans.values().filter(|span| span.name.as_deref() == Some("shop-turn") && span.parent_id.is_none()).collect();
    assert_eq!(turns.len(), 4);
    let turn = turns[3];
    assert_eq!((turn.kind.as_ref(), turn.trace_id.as_str()), (Some(&Kind::Message), turn.span_id.as_str()));
    assert_eq!(turn.conversation_id.as_ref().unwrap().as_str(), "conv-2f6c1d88-orders");
    assert_eq!(turn.user.as_ref().unwrap().id.as_deref(), Some("user-4711"));
    assert_eq!(turn.session_id.as_ref().unwrap().as_str(), "sess-9b1e07aa");
    assert_eq!(turn.input, Some(Content::text("Thanks, that is all. \u{200d}🧑\u{200d}🚀 Bye!")));
    assert!(matches!(&turn.output, Some(Content::Text { text }) if text.starts_with("Claro: el menú")));
    assert_eq!(turn.scores[0].value, json!(0.87));
    assert_eq!(turn.attributes["project_name"], "shop-assistant");
    assert_eq!(turn.attributes["comet_workspace"], "default");

    let call = named(&spans, "chat_completion_stream");
    assert_eq!((call.kind.as_ref(), call.model.as_deref()), (Some(&Kind::Generation), Some("gpt-4o-mini-2024-07-18")));
    assert_eq!((call.usage.unwrap().input, call.usage.unwrap().output), (Some(89), Some(25)));
    assert!(matches!(&call.input, Some(Content::Messages { messages }) if messages.len() == 4));
    assert!(matches!(&call.output, Some(Content::Messages { messages }) if messages[0].role == "assistant"));
    assert_eq!(named(&spans, "manual_llm").cost, Some(0.0005));
    let tool = named(&spans, "get_weather");
    assert_eq!(tool.input, Some(Content::Json { value: json!({"city": "Zürich", "unit": "celsius"}) }));
    assert!(matches!(&tool.output, Some(Content::Json { value }) if value["sky"] == "sunny ☀️"));
    let look_up = named(&spans, "retrieve");
    assert_eq!(look_up.kind, Some(Kind::Retrieval));
    assert!(matches!(&look_up.output, Some(Content::Documents { documents }) if documents.len() == 3));
    assert_eq!(named(&spans, "guard").kind, Some(Kind::Guardrail));
    let failed = named(&spans, "cancel_order");
    assert_eq!(failed.status.as_ref().unwrap().code, StatusCode::Error);
    assert_eq!(failed.events[0].attributes["exception.type"], "RuntimeError");
    let longest = spans.values().filter_map(|span| span.input.as_ref()).map(|input| input.plain_text(1 << 20).len()).max();
    assert_eq!(longest, Some(200 << 10), "the long text is whole");
    let finished = named(&spans, "low-level");
    assert!(finished.start < finished.end && finished.output == Some(Content::text("ok")), "the change came first");
}

#[test]
fn any_order_gives_the_same_spans() {
    let whole = merged(recorded());
    assert_eq!(merged(recorded().into_iter().rev().collect()), whole);
    assert_eq!(merged(recorded().into_iter().chain(recorded()).collect()), whole);
    for (path, body) in requests("opik/2.2.122") {
        let Some(name) = path.ends_with("/batch").then(|| if path.contains("traces") { "traces" } else { "spans" }) else {
            continue;
        };
        let of = if name == "traces" { Of::Traces } else { Of::Spans };
        let together: Value = serde_json::from_slice(&plain(&body)).unwrap();
        let alone = together[name].as_array().unwrap().iter();
        let alone = alone.flat_map(|item| single(of, item.to_string().as_bytes(), &sender()).unwrap()).collect::<Vec<_>>();
        assert_eq!(alone, decoded(&path, &plain(&body)).unwrap());
    }
}

#[test]
fn one_bad_item_costs_only_itself() {
    let body = json!({"spans": [
        {"id": "a", "trace_id": "t", "start_time": "2026-11-23T02:59:54Z"},
        {"id": "b"},
        {"id": "c", "trace_id": "t", "start_time": true},
        "odd",
        {"id": "d", "trace_id": "t", "usage": {"prompt_tokens": -4}, "type": "odd"},
    ]});
    let kept = batch(Of::Spans, body.to_string().as_bytes(), &sender()).unwrap();
    let rejected: Vec<_> = kept.rejected().map(|(_, rejection)| (rejection.at.as_str(), rejection.reason)).collect();
    let expect = [
        ("spans[1].trace_id", Reason::MissingId),
        ("spans[2].start_time", Reason::WrongType),
        ("spans[3].body", Reason::WrongType),
    ];
    assert_eq!(rejected, expect);
    assert_eq!(kept.patches.len(), 2);
}

/// Names that the dialect knows.
const NAMES: &[&str] = &[
    "traces",
    "spans",
    "scores",
    "id",
    "trace_id",
    "parent_span_id",
    "thread_id",
    "name",
    "type",
    "llm",
    "start_time",
    "end_time",
    "input",
    "output",
    "usage",
    "prompt_tokens",
    "error_info",
    "message",
    "metadata",
    "user_id",
    "tags",
    "feedback_scores",
    "value",
    "category_name",
    "messages",
    "choices",
    "role",
    "content",
];

proptest! {
    #[test]
    fn no_json_is_too_odd(value in any_json(NAMES)) {
        let body = value.to_string();
        for of in [Of::Traces, Of::Spans] {
            let _ = batch(of, body.as_bytes(), &sender());
            let _ = batch(of, json!({"traces": [value], "spans": [value]}).to_string().as_bytes(), &sender()).unwrap();
            let _ = single(of, body.as_bytes(), &sender());
            let _ = update(of, "x", body.as_bytes(), &sender());
        }
        let _ = scores(json!({"scores": [value]}).to_string().as_bytes(), &sender()).unwrap();
        let _ = single_score("x", body.as_bytes(), &sender());
    }
}
