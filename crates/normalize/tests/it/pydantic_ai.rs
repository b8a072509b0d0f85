//! Pydantic AI 2.68.0 with Logfire 5.2.0, as recorded.

use neuraltrust_model::Kind;

use crate::exports::{Expect, check, shown};

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
