//! The Vercel AI SDK 6.0.326, as recorded.

use neuraltrust_model::Kind;

use crate::exports::{Expect, check, shown};

#[test]
fn everything_recorded() {
    insta::assert_json_snapshot!(shown("vercel-ai-sdk/otlp-json"));
}

#[test]
fn what_must_be_there() {
    check(&Expect {
        folder: "vercel-ai-sdk/otlp-json",
        conversation: "conv-2f6c1d88-orders",
        kinds: &[(Kind::Agent, 7), (Kind::Chain, 8), (Kind::Embedding, 1), (Kind::Generation, 10), (Kind::Tool, 2)],
        calls: (9, 49_133, 219, 24_320),
        model: "gpt-4o-mini-2024-07-18",
        provider: "openai",
        tool: Some("get_weather"),
        failed: Some("cancel_order"),
        documents: 0,
        user: true,
    });
}
