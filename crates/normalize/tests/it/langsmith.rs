//! LangSmith 0.15.0 as recorded, and forms as its client writes them.

use neuraltrust_model::{Content, Kind, Part as Said, Source, SpanPatch, StatusCode, Usage};
use neuraltrust_normalize::dialects::langsmith::{Act, Part, Runs, batch, feedback, multipart, run};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::exports::Spans;
use crate::{any_json, merged, named, readable, requests};

fn source() -> Source {
    Source { client: Some("langsmith".to_owned()), version: None, protocol: "langsmith".to_owned() }
}

/// What each request of the recording says; the second judgement names no trace, which is that of the run that it judges.
fn recorded() -> Vec<Vec<SpanPatch>> {
    let requests = requests("langsmith/python-runs-batch").into_iter().filter(|(path, _)| path != "/info");
    let read = |(path, body): (String, Vec<u8>)| {
        let runs = if path == "/feedback" { feedback(&body) } else { batch(&body, &source()) }.unwrap();
        assert_eq!(runs.normalized.rejected, [], "{path}");
        runs.normalized.patches
    };
    requests.map(read).collect()
}

fn spans_of(requests: Vec<Vec<SpanPatch>>) -> Spans {
    merged(requests.into_iter().flatten().collect())
}

#[test]
fn everything_recorded() {
    let mut spans: Vec<_> = spans_of(recorded()).into_values().collect();
    spans.sort_by_key(|span| span.start);
    insta::assert_json_snapshot!(readable(&spans));
}

#[test]
fn what_must_be_there() {
    let spans = spans_of(recorded());
    let turns: Vec<_> = spans.values().filter(|span| span.name.as_deref() == Some("shop-turn 🛍")).collect();
    assert_eq!(turns.len(), 4);
    for turn in &turns {
        assert_eq!(turn.kind, Some(Kind::Message));
        assert_eq!(turn.conversation_id.as_ref().unwrap().as_str(), "conv-2f6c1d88-orders");
        assert_eq!(turn.session_id.as_ref().unwrap().as_str(), "sess-9b1e07aa");
        assert_eq!(turn.user.as_ref().unwrap().id.as_deref(), Some("user-4711"));
        assert_eq!(turn.attributes["project_name"], "shop-assistant");
        let text = |content: &Option<Content>| content.as_ref().unwrap().plain_text(1 << 10);
        assert!(!text(&turn.input).is_empty() && !text(&turn.output).is_empty());
        assert!(turn.end.is_some());
    }
    let calls: Vec<_> = spans.values().filter(|span| span.kind == Some(Kind::Generation)).collect();
    let usage = calls.iter().filter_map(|call| call.usage).fold(Usage::default(), Usage::plus);
    // What the fake model of the recording reported to the seven calls that it answered.
    assert_eq!((usage.input, usage.output, usage.cache_read), (Some(49_133), Some(195), Some(24_384)));
    let answered = calls.iter().filter(|call| call.usage.is_some());
    assert!(answered.clone().all(|call| call.model.as_deref() == Some("gpt-4o-mini-2024-07-18")));
    assert_eq!(answered.count(), 7);
    assert!(calls.iter().all(|call| call.provider.as_deref() == Some("openai")));
    let tool = named(&spans, "get_weather");
    assert_eq!(tool.input, Some(Content::Json { value: json!({"city": "Zürich", "unit": "celsius"}) }));
    assert!(matches!(&tool.output, Some(Content::Json { value }) if value["sky"] == "sunny ☀️"));
    assert!(matches!(&named(&spans, "retrieve").output, Some(Content::Documents { documents }) if documents.len() == 3
        && documents[0].score == Some(0.91) && documents[0].id.as_deref() == Some("doc-17")));
    let failed = named(&spans, "cancel_order");
    assert_eq!(failed.status.as_ref().unwrap().code, StatusCode::Error);
    assert_eq!(failed.events[0].attributes["exception.type"], "RuntimeError");
    let longest = spans.values().filter_map(|span| span.input.as_ref()).map(|input| input.plain_text(1 << 20).len()).max();
    assert_eq!(longest, Some(200 << 10), "the long text is whole");
    let scores: Vec<_> =
        turns.iter().flat_map(|turn| &turn.scores).map(|score| (score.name.as_str(), score.value.clone())).collect();
    assert_eq!(scores, [("user_score", json!(1.0)), ("correctness", json!("wrong-language"))]);
}

#[test]
fn any_order_gives_the_same_spans() {
    let whole = spans_of(recorded());
    assert_eq!(spans_of(recorded().into_iter().rev().collect()), whole);
    assert_eq!(spans_of(recorded().into_iter().chain(recorded()).collect()), whole);
    let alone = requests("langsmith/python-runs-batch").into_iter().flat_map(|(path, body)| {
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let of = |name: &str| body[name].as_array().cloned().unwrap_or_default();
        let posts = of("post").into_iter().map(|item| (Act::Post, item));
        let runs: Vec<_> = posts.chain(of("patch").into_iter().map(|item| (Act::Patch, item))).collect();
        let said: Vec<SpanPatch> = match path.as_str() {
            "/feedback" => feedback(body.to_string().as_bytes()).unwrap().normalized.patches,
            _ => runs
                .into_iter()
                .flat_map(|(act, item)| run(act, None, item.to_string().as_bytes(), &source()).unwrap().normalized.patches)
                .collect(),
        };
        said
    });
    assert_eq!(merged(alone.collect()), whole);
}

fn form(parts: &[(&str, &str, &[u8])]) -> Runs {
    let parts: Vec<Part<'_>> = parts.iter().map(|(name, content_type, body)| Part { name, content_type, body }).collect();
    multipart(&parts, &source()).unwrap()
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[test]
fn a_file_is_part_of_what_the_run_was_given() {
    let run = br#"{"id": "r", "trace_id": "r", "run_type": "chain", "name": "turn"}"#;
    let given = |inputs: &str| {
        let parts: [(&str, &str, &[u8]); 4] = [
            ("attachment.r.pic", "image/png; length=8", PNG),
            ("post.r", "application/json", run),
            ("post.r.inputs", "application/json", inputs.as_bytes()),
            ("post.r.outputs", "application/json", br#"{"output": "stored"}"#),
        ];
        let mut runs = form(&parts);
        assert_eq!(runs.normalized.rejected, []);
        runs.normalized.patches.remove(0).input.unwrap()
    };
    let uri = "data:image/png;base64,iVBORw0KGgo=";
    let Content::Messages { messages } = given(r#"{"question": "What is this?"}"#) else { panic!("messages") };
    let [Said::Text { text }, Said::Media { mime_type, uri: kept, name, .. }] = messages[0].parts.as_slice() else {
        panic!("{messages:?}")
    };
    assert_eq!(
        (text.as_str(), mime_type.as_deref(), kept.as_deref(), name.as_deref()),
        ("What is this?", Some("image/png"), Some(uri), Some("pic"))
    );
    let arguments = given(r#"{"width": 1, "height": 2}"#);
    let expect = json!({"width": 1, "height": 2, "pic": {"mime_type": "image/png", "uri": uri}});
    assert_eq!(arguments, Content::Json { value: expect });
}

#[test]
fn a_part_that_cannot_be_read_costs_only_itself() {
    let runs = form(&[
        ("post.a", "application/json", br#"{"id": "a", "trace_id": "a", "run_type": "llm"}"#),
        ("post.a.inputs", "application/json", b"{"),
        ("post.b", "application/json", b"7"),
        ("odd", "application/json", b"{}"),
        ("feedback.f", "application/json", br#"{"run_id": "a", "trace_id": "a", "key": "good", "score": 1}"#),
    ]);
    let at: Vec<_> = runs.normalized.rejected.iter().map(|bad| bad.at.as_str()).collect();
    assert_eq!(at, ["post.a.inputs", "post.b", "odd"]);
    let spans = merged(runs.normalized.patches);
    assert_eq!(spans[&("a".to_owned(), "a".to_owned())].scores[0].name, "good");
}

/// Names that the dialect knows.
const NAMES: &[&str] = &[
    "id",
    "trace_id",
    "parent_run_id",
    "run_type",
    "llm",
    "chain",
    "inputs",
    "outputs",
    "extra",
    "metadata",
    "usage_metadata",
    "events",
    "error",
    "attachments",
    "messages",
    "dotted_order",
    "start_time",
    "run_id",
    "key",
    "score",
    "post",
    "patch",
];

proptest! {
    #[test]
    fn no_json_is_too_odd(value in any_json(NAMES)) {
        let body = value.to_string();
        let _ = batch(body.as_bytes(), &source());
        let _ = batch(json!({"post": [value], "patch": [value]}).to_string().as_bytes(), &source()).unwrap();
        let _ = run(Act::Patch, Some("x"), body.as_bytes(), &source());
        let _ = feedback(body.as_bytes());
        let _ = form(&[("post.x", "application/json", body.as_bytes()), ("post.x.inputs", "", body.as_bytes()), ("attachment.x.y", "", body.as_bytes())]);
    }
}

#[test]
fn a_patch_that_does_not_say_what_its_run_is_is_read_by_what_it_gave() {
    let patch = |outputs: serde_json::Value| {
        let body = json!({"trace_id": "t", "end_time": "2026-11-23T00:00:01Z", "outputs": outputs}).to_string();
        run(Act::Patch, Some("r"), body.as_bytes(), &source()).unwrap().normalized.patches.remove(0)
    };
    let answer = patch(json!({"choices": [{"message": {"role": "assistant", "content": "Hello"}}], "model": "m",
        "usage_metadata": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}}));
    assert_eq!((answer.kind, answer.model.as_deref(), answer.usage.unwrap().input), (None, Some("m"), Some(3)));
    assert!(matches!(answer.output, Some(Content::Messages { .. })));
    let found = patch(json!({"output": [{"page_content": "a", "type": "Document", "metadata": {"id": "d"}}]}));
    assert!(matches!(found.output, Some(Content::Documents { .. })));
    assert!(matches!(patch(json!({"output": "Hello"})).output, Some(Content::Text { .. })));
}
