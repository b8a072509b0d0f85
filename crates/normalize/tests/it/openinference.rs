//! OpenInference of arize-phoenix-otel 0.17.2 for OpenAI and Anthropic, and for the Agents SDK, as recorded.

use neuraltrust_model::Kind;

use crate::exports::{Expect, check, shown};

#[test]
fn everything_recorded() {
    insta::assert_json_snapshot!(shown("openinference/openai-phoenix"));
}

#[test]
fn what_must_be_there() {
    check(&Expect {
        folder: "openinference/openai-phoenix",
        conversation: "sess-9b1e07aa",
        kinds: &[
            (Kind::Agent, 4),
            (Kind::Chain, 1),
            (Kind::Embedding, 1),
            (Kind::Generation, 15),
            (Kind::Retrieval, 2),
            (Kind::Tool, 3),
        ],
        calls: (14, 49_377, 345, 24_456),
        model: "gpt-4o-mini-2024-07-18",
        provider: "openai",
        tool: Some("get_weather"),
        failed: Some("broken_tool"),
        documents: 3,
        user: true,
    });
}

#[test]
fn everything_recorded_of_agents() {
    insta::assert_json_snapshot!(shown("openinference/openai-agents-phoenix-grpc"));
}

#[test]
fn what_must_be_there_of_agents() {
    check(&Expect {
        folder: "openinference/openai-agents-phoenix-grpc",
        conversation: "sess-9b1e07aa",
        kinds: &[(Kind::Agent, 30), (Kind::Chain, 38), (Kind::Generation, 22), (Kind::Guardrail, 10), (Kind::Tool, 9)],
        calls: (21, 51_829, 549, 0),
        model: "gpt-4o-mini-2024-07-18",
        provider: "openai",
        tool: Some("get_weather"),
        failed: Some("cancel_order"),
        // Its application has the documents as the result of a tool.
        documents: 0,
        user: true,
    });
}
