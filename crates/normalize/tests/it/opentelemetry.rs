//! opentelemetry-sdk with the official OpenAI instrumentations for Python and JavaScript, as recorded.

use neuraltrust_model::Kind;

use crate::exports::{Expect, check, recorded, shown};

#[test]
fn messages_on_the_spans() {
    insta::assert_json_snapshot!(shown("opentelemetry/http-json-latest"));
}

#[test]
fn messages_in_log_records() {
    insta::assert_json_snapshot!(shown("opentelemetry/http-protobuf-legacy-events"));
}

const PYTHON: &[(Kind, usize)] =
    &[(Kind::Agent, 4), (Kind::Chain, 6), (Kind::Embedding, 1), (Kind::Generation, 8), (Kind::Retrieval, 1), (Kind::Tool, 1)];

#[test]
fn what_must_be_there() {
    for folder in
        ["opentelemetry/http-json-latest", "opentelemetry/http-protobuf-gzip-latest", "opentelemetry/http-protobuf-legacy-events"]
    {
        check(&Expect {
            folder,
            conversation: "conv-2f6c1d88-orders",
            kinds: PYTHON,
            calls: (6, 49_095, 168, 0),
            model: "gpt-4o-mini-2024-07-18",
            provider: "openai",
            tool: Some("execute_tool get_weather"),
            failed: Some("failing step"),
            documents: 3,
            user: true,
        });
    }
    check(&Expect {
        folder: "otel-js/official-http-json",
        conversation: "conv-2f6c1d88-orders",
        kinds: &[(Kind::Chain, 4), (Kind::Embedding, 1), (Kind::Generation, 7)],
        calls: (6, 49_088, 166, 0),
        model: "gpt-4o-mini-2024-07-18",
        provider: "openai",
        tool: None,
        failed: None,
        documents: 0,
        user: true,
    });
}

#[test]
fn log_records_and_spans_say_the_same() {
    let details = recorded("opentelemetry/http-protobuf-gzip-latest");
    let whole: Vec<_> = details.values().filter(|span| span.kind == Some(Kind::Generation)).collect();
    assert_eq!(whole.iter().filter(|span| span.input.is_some() && span.usage.is_some()).count(), 6);
}
