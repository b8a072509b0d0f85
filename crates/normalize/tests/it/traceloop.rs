//! traceloop-sdk 0.62.4 and 0.40.14 for Python, as recorded.

use neuraltrust_model::Kind;

use crate::exports::{Expect, check, shown};

#[test]
fn everything_recorded() {
    insta::assert_json_snapshot!(shown("traceloop/python-0.40.14"));
}

#[test]
fn what_must_be_there() {
    check(&Expect {
        folder: "traceloop/python-0.40.14",
        conversation: "conv-2f6c1d88-orders",
        kinds: &[(Kind::Agent, 10), (Kind::Embedding, 1), (Kind::Generation, 7), (Kind::Retrieval, 1), (Kind::Tool, 2)],
        calls: (5, 49_006, 143, 24_384),
        model: "gpt-4o-mini-2024-07-18",
        provider: "openai",
        tool: Some("get_weather.tool"),
        failed: Some("cancel_order.tool"),
        documents: 3,
        user: true,
    });
    check(&Expect {
        folder: "traceloop/python-0.62.4",
        conversation: "conv-2f6c1d88-orders",
        kinds: &[(Kind::Agent, 10), (Kind::Embedding, 1), (Kind::Generation, 8), (Kind::Retrieval, 1), (Kind::Tool, 2)],
        calls: (7, 49_133, 195, 24_384),
        model: "gpt-4o-mini-2024-07-18",
        provider: "openai",
        tool: Some("get_weather.tool"),
        failed: Some("cancel_order.tool"),
        documents: 3,
        user: true,
    });
}
