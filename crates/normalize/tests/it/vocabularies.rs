//! Every vocabulary of OTLP attributes, with values that no client should send, and with forms that no recording has.

use std::collections::BTreeMap;

use neuraltrust_model::{Content, Kind, Part, UsageSource};
use neuraltrust_normalize::{otlp, otlp_logs};
use opentelemetry_proto::tonic::trace::v1::span::Event;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::any_json;
use crate::otlp::{export, span};

/// Names that the dialects read.
const NAMES: &[&str] = &[
    "agent_name",
    "ai.model.id",
    "ai.model.provider",
    "ai.operationId",
    "ai.prompt",
    "ai.prompt.messages",
    "ai.response.msToFirstChunk",
    "ai.response.object",
    "ai.response.text",
    "ai.response.toolCalls",
    "ai.telemetry.metadata.tags",
    "ai.telemetry.metadata.userId",
    "ai.toolCall.args",
    "ai.toolCall.result",
    "ai.usage.inputTokens",
    "ai.usage.tokens",
    "ai.values",
    "all_messages_events",
    "content",
    "embedding.embeddings.0.embedding.text",
    "event.name",
    "events",
    "final_result",
    "gen_ai.agent.name",
    "gen_ai.completion",
    "gen_ai.completion.0.content",
    "gen_ai.completion.0.tool_calls.0.name",
    "gen_ai.conversation.id",
    "gen_ai.input.messages",
    "gen_ai.operation.name",
    "gen_ai.output.messages",
    "gen_ai.prompt",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.0.role",
    "gen_ai.prompt.0.tool_calls.0.function",
    "gen_ai.prompt.18446744073709551616.role",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.retrieval.documents",
    "gen_ai.system",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "input.mime_type",
    "input.value",
    "llm.cost.prompt",
    "llm.cost.total",
    "llm.input_messages.0.message.content",
    "llm.input_messages.0.message.contents.0.message_content.image.image.url",
    "llm.input_messages.0.message.contents.0.message_content.type",
    "llm.input_messages.0.message.role",
    "llm.input_messages.0.message.tool_calls.0.tool_call.function.arguments",
    "llm.input_messages.1",
    "llm.model_name",
    "llm.output_messages.0.message.content",
    "llm.provider",
    "llm.request.type",
    "llm.token_count.completion",
    "llm.token_count.prompt",
    "llm.token_count.prompt_details.cache_read",
    "logfire.msg",
    "logfire.msg_template",
    "logfire.pending_parent_id",
    "logfire.span_type",
    "message",
    "metadata",
    "model_request_parameters",
    "openinference.span.kind",
    "operation.cost",
    "output.value",
    "parts",
    "pydantic_ai.all_messages",
    "reranker.output_documents.0.document.content",
    "reranker.query",
    "retrieval.documents.0.document.content",
    "retrieval.documents.0.document.metadata",
    "role",
    "session.id",
    "session_id",
    "tag.tags",
    "tool_arguments",
    "tool_call",
    "tool_calls",
    "traceloop.association.properties.chat_id",
    "traceloop.association.properties.user_id",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "traceloop.span.kind",
    "type",
    "user.id",
    "user_id",
    // Values that lead somewhere.
    "LLM",
    "RETRIEVER",
    "EMBEDDING",
    "AGENT",
    "TOOL",
    "ai.generateText.doGenerate",
    "ai.toolCall",
    "chat",
    "execute_tool",
    "pending_span",
    "workflow",
    "task",
    "assistant",
    "tool",
    "application/json",
    "tool-result",
    "gen_ai.user.message",
    "gen_ai.choice",
];

fn attributes() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let text = any_json(NAMES).prop_map(|value| Value::String(value.to_string()));
    let value = prop_oneof![2 => any_json(NAMES), 1 => text, 2 => prop::sample::select(NAMES).prop_map(Value::from)];
    prop::collection::btree_map(prop::sample::select(NAMES).prop_map(str::to_owned), value, 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn odd_attributes_are_kept_or_refused(attributes in attributes()) {
        let attributes = json!(attributes);
        let normalized = export(vec![span(&attributes)]);
        prop_assert!(normalized.patches.len() + normalized.rejected.len() >= 1);
        prop_assert_eq!(export(vec![span(&attributes)]), normalized, "the same gives the same");
    }

    #[test]
    fn any_json_is_an_export_or_none(value in any_json(&["resourceSpans", "scopeSpans", "spans", "resourceLogs", "scopeLogs", "logRecords",
        "traceId", "spanId", "attributes", "key", "value", "stringValue", "intValue", "kvlistValue", "values", "body", "0a", "events"])) {
        let _ = otlp::normalize_json(value.to_string().as_bytes());
        let _ = otlp_logs::normalize_json(value.to_string().as_bytes());
        for names in [["resourceSpans", "scopeSpans", "spans"], ["resourceLogs", "scopeLogs", "logRecords"]] {
            let [resources, scopes, items] = names;
            let body = json!({resources: [{scopes: [{items: [value.clone()]}]}]}).to_string();
            let _ = otlp::normalize_json(body.as_bytes());
            let _ = otlp_logs::normalize_json(body.as_bytes());
        }
    }
}

/// What the attributes of one span say, as JSON.
fn said(attributes: Value) -> Value {
    serde_json::to_value(export(vec![span(&attributes)]).patches.remove(0)).unwrap()
}

#[test]
fn messages_with_media_and_calls() {
    let patch = said(json!({
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.contents.0.message_content.type": "text",
        "llm.input_messages.0.message.contents.0.message_content.text": "What is this?",
        "llm.input_messages.0.message.contents.1.message_content.type": "image",
        "llm.input_messages.0.message.contents.1.message_content.image.image.url": "data:image/png;base64,AAAA",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{\"at\": 1}",
        "llm.token_count.prompt": 3, "llm.token_count.prompt_details.cache_read": 10, "llm.cost.prompt": 0.5, "llm.cost.completion": 0.25,
        "metadata": "{\"a\": 1}", "session.id": "s",
    }));
    assert_eq!(
        patch["input"]["messages"][0]["parts"],
        json!([{"type": "text", "text": "What is this?"}, {"type": "media", "mime_type": null, "uri": "data:image/png;base64,AAAA", "name": null}])
    );
    assert_eq!(patch["output"]["messages"][0]["parts"][0]["arguments"], json!({"at": 1}));
    assert_eq!(patch["usage"]["input"], 13, "more from the cache than went in: the prompt was counted without it");
    assert_eq!((&patch["cost"], &patch["metadata"]), (&json!(0.75), &json!({"a": 1})));
    assert_eq!((&patch["conversation_id"], &patch["session_id"]), (&json!("s"), &Value::Null));
}

#[test]
fn a_session_beside_a_conversation_is_a_session() {
    let patch = said(json!({"openinference.span.kind": "CHAIN", "session.id": "s", "gen_ai.conversation.id": "c"}));
    assert_eq!((&patch["conversation_id"], &patch["session_id"]), (&json!("c"), &json!("s")));
}

#[test]
fn first_forms_of_the_conventions() {
    let flat = said(json!({
        "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4", "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": "[{\"type\": \"text\", \"text\": \"Hi\"}]", "gen_ai.prompt.10.role": "tool", "gen_ai.prompt.10.tool_call_id": "c1",
        "gen_ai.prompt.10.content": "22", "gen_ai.prompt.2.role": "assistant", "gen_ai.prompt.2.tool_calls.0.name": "f",
        "gen_ai.prompt.2.tool_calls.0.id": "c1", "gen_ai.prompt.2.tool_calls.0.arguments": "{}", "gen_ai.completion.0.content": "22 degrees",
        "gen_ai.usage.prompt_tokens": "7", "gen_ai.usage.completion_tokens": 2,
    }));
    assert_eq!((&flat["kind"], &flat["provider"], &flat["usage"]["input"]), (&json!("generation"), &json!("openai"), &json!(7)));
    let roles: Vec<_> = flat["input"]["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "tool"]);
    assert_eq!(flat["input"]["messages"][1]["parts"][0]["name"], "f");
    assert_eq!(flat["input"]["messages"][2]["parts"][0]["result"], "22");
    assert_eq!(flat["output"]["messages"][0]["role"], "assistant");

    let told = said(json!({
        "gen_ai.operation.name": "chat", "gen_ai.system_instructions": "[{\"type\": \"text\", \"content\": \"Be brief.\"}]",
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
        "gen_ai.server.time_to_first_token": 0.25,
    }));
    assert_eq!(told["input"]["messages"][0], json!({"role": "system", "parts": [{"type": "text", "text": "Be brief."}]}));
    assert_eq!(told["attributes"]["gen_ai.response.time_to_first_chunk"], 0.25);
}

#[test]
fn a_parent_that_repeats_its_calls_is_no_call() {
    for attributes in [
        json!({"ai.operationId": "ai.generateText", "ai.usage.inputTokens": 5}),
        json!({"logfire.span_type": "span", "gen_ai.operation.name": "invoke_agent", "gen_ai.aggregated_usage.input_tokens": 5}),
        json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 5}),
        json!({"openinference.span.kind": "AGENT", "llm.token_count.prompt": 5}),
    ] {
        let patch = export(vec![span(&attributes)]).patches.remove(0);
        assert_eq!(patch.kind, Some(Kind::Agent), "{attributes}");
        let usage = patch.usage.unwrap();
        assert_eq!((usage.input, usage.source), (Some(5), Some(UsageSource::Framework)), "{attributes}");
    }
}

#[test]
fn messages_of_the_vercel_sdk() {
    let patch = export(vec![span(&json!({
        "ai.operationId": "ai.streamText.doStream",
        "ai.prompt.messages": json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "file", "mediaType": "image/png", "data": "https://a/b.png"}]},
            {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c", "toolName": "f", "result": {"a": 1}}]},
        ]).to_string(),
        "ai.response.toolCalls": "[{\"toolCallType\":\"function\",\"toolCallId\":\"d\",\"toolName\":\"g\",\"args\":\"{\\\"b\\\":2}\"}]",
        "ai.response.msToFirstChunk": 250,
    }))])
    .patches
    .remove(0);
    let parts: Vec<Part> = [patch.input, patch.output]
        .into_iter()
        .flatten()
        .flat_map(|content| match content {
            Content::Messages { messages } => messages.into_iter().flat_map(|message| message.parts).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        })
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        parts,
        [
            Part::Text { text: "Be brief.".to_owned() },
            Part::Text { text: "Hi".to_owned() },
            Part::Media { mime_type: text("image/png"), uri: text("https://a/b.png"), name: None, bytes: None },
            Part::ToolResult { id: text("c"), name: text("f"), result: json!({"a": 1}) },
            Part::ToolCall { id: text("d"), name: text("g"), arguments: json!({"b": 2}) },
        ]
    );
    assert_eq!(patch.attributes["gen_ai.response.time_to_first_chunk"], 0.25);
}

#[test]
fn names_from_before_the_conventions() {
    let first = said(json!({
        "llm.request.type": "chat", "llm.vendor": "OpenAI", "llm.request.model": "gpt-4", "llm.response.model": "gpt-4-0613",
        "llm.prompts.0.role": "user", "llm.prompts.0.content": "Hi", "llm.completions.0.role": "assistant",
        "llm.completions.0.content": "Hello", "llm.usage.prompt_tokens": 3, "llm.usage.completion_tokens": 1,
    }));
    assert_eq!(
        (&first["kind"], &first["provider"], &first["model"]),
        (&json!("generation"), &json!("openai"), &json!("gpt-4-0613"))
    );
    assert_eq!((&first["usage"]["input"], &first["usage"]["output"]), (&json!(3), &json!(1)));
    assert_eq!(first["input"]["messages"][0]["parts"][0]["text"], "Hi");
    assert_eq!(first["output"]["messages"][0]["parts"][0]["text"], "Hello");

    let completion = said(json!({
        "openinference.span.kind": "LLM", "llm.prompts.0.prompt.text": "Once", "llm.choices.0.completion.text": " upon a time",
    }));
    assert_eq!(completion["input"]["messages"][0], json!({"role": "user", "parts": [{"type": "text", "text": "Once"}]}));
    assert_eq!(completion["output"]["messages"][0]["parts"][0]["text"], " upon a time");
}

#[test]
fn a_call_that_an_event_of_its_span_tells() {
    let mut call = span(&json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}));
    let details = span(&json!({
        "gen_ai.input.messages": "[{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"content\": \"Hi\"}]}]",
        "gen_ai.usage.input_tokens": 3,
    }));
    let attributes = details.attributes;
    let name = "gen_ai.client.inference.operation.details".to_owned();
    call.events.push(Event { name, attributes, time_unix_nano: 1_795_402_869_000_000_000, ..Event::default() });
    let patch = export(vec![call]).patches.remove(0);
    assert!(matches!(patch.input, Some(Content::Messages { .. })), "{:?}", patch.input);
    assert_eq!((patch.usage.unwrap().input, patch.events.len()), (Some(3), 0));
}
