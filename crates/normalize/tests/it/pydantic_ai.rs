//! Pydantic AI 2.68.0 with Logfire 5.2.0, as recorded.

use neuraltrust_model::Kind;

use neuraltrust_model::SpanPatch;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

use crate::exports::{Expect, check, shown, spans};
use crate::otlp::{export, span};

#[test]
fn everything_recorded() {
    insta::assert_json_snapshot!(shown("pydantic-ai/logfire-otlp"));
}

#[test]
fn what_must_be_there() {
    check(&Expect {
        folder: "pydantic-ai/logfire-otlp",
        conversation: "conv-2f6c1d88-orders",
        kinds: &[(Kind::Agent, 9), (Kind::Chain, 5), (Kind::Event, 2), (Kind::Generation, 11), (Kind::Tool, 3)],
        calls: (10, 49_750, 248, 24_640),
        model: "gpt-4o-mini-2024-07-18",
        provider: "openai",
        tool: Some("execute_tool get_weather"),
        failed: Some("failing span"),
        documents: 0,
        user: true,
    });
}

#[test]
fn a_pending_span_is_the_start_of_the_one_that_it_announces() {
    // Logfire tells of a start by a span of its own, whose parent is the span that started.
    let pending = Span {
        span_id: vec![9; 8],
        parent_span_id: vec![2; 8],
        end_time_unix_nano: 1_795_402_111_000_000_001,
        ..span(&json!({"logfire.span_type": "pending_span", "logfire.pending_parent_id": "0303030303030303", "logfire.msg": "m",
            "agent_name": "a"}))
    };
    let root = Span { span_id: vec![8; 8], parent_span_id: vec![7; 8], ..pending.clone() };
    let ended = Span {
        parent_span_id: vec![3; 8],
        ..span(&json!({"logfire.span_type": "span", "agent_name": "a", "final_result": "done"}))
    };
    let patches = |span: &Span| export(vec![span.clone()]).patches;
    let started: SpanPatch = patches(&pending).remove(0);
    assert_eq!((started.span_id.as_str(), started.end), ("0202020202020202", None));
    assert_eq!(started.parent_id.as_ref().unwrap().as_str(), "0303030303030303");
    assert_eq!(started.kind, Some(Kind::Agent));
    let mut at_root = root;
    at_root.attributes.retain(|pair| pair.key != "logfire.pending_parent_id");
    assert_eq!(patches(&at_root)[0].parent_id, None);

    let forwards = spans([patches(&pending), patches(&ended)].concat());
    assert_eq!(forwards, spans([patches(&ended), patches(&pending)].concat()));
    let whole = forwards.values().next().unwrap();
    assert_eq!((forwards.len(), whole.end.is_some(), whole.output.is_some()), (1, true, true));
}

#[test]
fn events_of_version_1() {
    let events = json!([
        {"event.name": "gen_ai.system.message", "content": "Be brief.", "role": "system", "gen_ai.message.index": 0},
        {"event.name": "gen_ai.user.message", "content": "Hi", "role": "user", "gen_ai.message.index": 1},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "Hello"}},
    ]);
    for (name, kind) in [("all_messages_events", Kind::Agent), ("events", Kind::Generation)] {
        let attributes = json!({"logfire.span_type": "span", "model_request_parameters": "{}", name: events.to_string()});
        let patch = export(vec![span(&attributes)]).patches.remove(0);
        assert_eq!(patch.kind, Some(kind), "{name}");
        assert_eq!(patch.input.unwrap().plain_text(100), "Be brief.\nHi", "{name}");
        assert_eq!(patch.output.unwrap().plain_text(100), "Hello", "{name}");
    }
}

#[test]
fn feedback_is_a_verdict_on_the_span_that_it_annotates() {
    let annotation = |value: serde_json::Value| {
        let attributes = json!({"logfire.span_type": "annotation", "logfire.feedback.name": "factuality", "factuality": value,
            "logfire.feedback.comment": "the agent lied", "agent_name": "mock", "logfire.msg_template": "feedback: factuality",
            "logfire.msg": "feedback: factuality = 0.1"});
        export(vec![Span { span_id: vec![9; 8], parent_span_id: vec![2; 8], ..span(&attributes) }]).patches
    };
    for value in [json!(0.1), json!("bad"), json!(false)] {
        let [of_itself, of_parent] = annotation(value.clone()).try_into().unwrap();
        assert_eq!((of_itself.kind, of_itself.scores.len()), (Some(Kind::Feedback), 0));
        assert_eq!(of_parent.span_id.as_str(), "0202020202020202");
        let score = &of_parent.scores[0];
        assert_eq!((score.name.as_str(), &score.value, score.comment.as_deref()), ("factuality", &value, Some("the agent lied")));
    }
}
