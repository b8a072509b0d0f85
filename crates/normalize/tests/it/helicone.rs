//! Helicone's log call, in the shapes that its documentation gives.

use neuraltrust_model::{Content, Kind, Source, SpanPatch, StatusCode};
use neuraltrust_normalize::dialects::helicone::normalize;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{any_json, readable};

fn one(call: &Value) -> SpanPatch {
    let source = Source { client: None, version: None, protocol: "helicone".to_owned() };
    let headers =
        vec![("helicone-user-id".to_owned(), "from-header".to_owned()), ("helicone-auth".to_owned(), "Bearer k".to_owned())];
    normalize(call.to_string().as_bytes(), headers, source).unwrap().remove(0)
}

fn call(asked: Value, answered: Value) -> Value {
    json!({
        "providerRequest": {"url": "https://api.openai.com/v1/chat/completions", "json": asked,
            "meta": {"Helicone-Session-Id": "s-1", "Helicone-User-Id": "u-1", "Helicone-Property-Plan": "pro", "Helicone-Session-Path": "/shop"}},
        "providerResponse": {"json": answered, "status": 200, "headers": {"x": "y"}},
        "timing": {"startTime": {"seconds": 1_795_402_111, "milliseconds": 500}, "endTime": {"seconds": 1_795_402_112, "milliseconds": 750}},
        "provider": "OPENAI",
    })
}

#[test]
fn a_call_of_a_model_a_tool_and_a_store_of_vectors() {
    let chat = call(
        json!({"model": "gpt-4o-mini", "temperature": 0.2, "messages": [{"role": "user", "content": "Grüße 👋🏽"}]}),
        json!({"model": "gpt-4o-mini-2024-07-18", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant",
            "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Zürich\"}"}}]}}],
            "usage": {"prompt_tokens": 149, "completion_tokens": 13, "prompt_tokens_details": {"cached_tokens": 64}}}),
    );
    let tool = call(
        json!({"_type": "tool", "toolName": "weather", "input": {"city": "Zürich"}}),
        json!({"_type": "tool", "toolName": "weather", "temp": 22.5}),
    );
    let vectors = call(
        json!({"_type": "vector_db", "operation": "search", "text": "refund", "topK": 1}),
        json!({"_type": "vector_db", "status": "success", "matches": [{"id": "d", "text": "Refunds", "score": 0.9}]}),
    );
    let patches: Vec<SpanPatch> = [chat, tool, vectors].iter().map(one).collect();
    insta::assert_json_snapshot!(readable(&patches));
    let kinds: Vec<_> = patches.iter().map(|patch| patch.kind.clone().unwrap()).collect();
    assert_eq!(kinds, [Kind::Generation, Kind::Tool, Kind::Retrieval]);
    assert_eq!(patches[0].start.unwrap().millis_until(patches[0].end.unwrap()), Some(1250.0));
    assert_eq!(patches[0].user.as_ref().unwrap().id.as_deref(), Some("u-1"), "meta wins over headers");
}

#[test]
fn a_failed_call_and_a_streamed_one() {
    let mut failed = call(json!({"model": "m", "messages": []}), json!({"error": {"message": "too long"}}));
    failed["providerResponse"]["status"] = json!(400);
    let status = one(&failed).status.unwrap();
    assert_eq!((status.code, status.message.as_deref()), (StatusCode::Error, Some("too long")));

    let mut streamed = call(json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}), Value::Null);
    streamed["providerResponse"]["textBody"] = json!(
        "data: {\"model\":\"m-1\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n"
    );
    let patch = one(&streamed);
    assert_eq!((patch.model.as_deref(), patch.usage.unwrap().output), (Some("m-1"), Some(2)));
    assert!(matches!(&patch.output, Some(Content::Messages { .. })) && patch.output.unwrap().plain_text(100) == "Hello");
}

/// Names that the dialect knows.
const NAMES: &[&str] = &[
    "providerRequest",
    "providerResponse",
    "timing",
    "json",
    "meta",
    "url",
    "status",
    "textBody",
    "startTime",
    "endTime",
    "seconds",
    "milliseconds",
    "_type",
    "tool",
    "vector_db",
    "input",
    "messages",
    "role",
    "content",
    "usage",
    "data",
    "embedding",
    "model",
    "Helicone-Session-Id",
    "Helicone-Property-X",
];

proptest! {
    #[test]
    fn no_json_is_too_odd(value in any_json(NAMES), asked in any_json(NAMES), answered in any_json(NAMES)) {
        let source = || Source { client: None, version: None, protocol: "helicone".to_owned() };
        let _ = normalize(value.to_string().as_bytes(), Vec::new(), source());
        let call = json!({"providerRequest": {"json": asked, "meta": value}, "providerResponse": {"json": answered, "status": 200}, "timing": {"startTime": value}});
        let _ = normalize(call.to_string().as_bytes(), Vec::new(), source());
    }
}
