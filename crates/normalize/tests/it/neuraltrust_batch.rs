//! neuraltrust 1.5.0 with the OpenAI Agents SDK, as recorded.

use neuraltrust_model::{Content, Kind, SpanPatch, StatusCode};
use neuraltrust_normalize::dialects::neuraltrust_batch::normalize;
use serde_json::Value;

use crate::{merged, named, readable, requests};

/// What the recording says, and the recording.
fn recorded() -> (Vec<SpanPatch>, Value) {
    let (_, body) = requests("neuraltrust/1.5.0-agents").remove(0);
    let batch = normalize(&body).unwrap();
    assert_eq!(batch.normalized.rejected, []);
    (batch.normalized.patches, serde_json::from_slice(&body).unwrap())
}

#[test]
fn what_must_be_there() {
    let (patches, body) = recorded();
    let spans = merged(patches);
    let of_kind = |kind: Kind| spans.values().filter(move |span| span.kind.as_ref() == Some(&kind)).collect::<Vec<_>>();
    let text = |content: &Option<Content>| content.as_ref().map(|content| content.plain_text(1 << 20)).unwrap_or_default();

    let in_conversation = |span: &&SpanPatch| span.conversation_id.as_ref().is_some_and(|id| id.as_str() == "sess-9b1e07aa");
    let turns: Vec<_> = of_kind(Kind::Message).into_iter().filter(in_conversation).collect();
    for question in ["Hello, how are you?", "¿Cuál es la política", "Please cancel my order", "how is the weather?"] {
        let turn = turns.iter().find(|turn| text(&turn.input).contains(question));
        assert!(turn.is_some_and(|turn| !text(&turn.output).is_empty()), "{question}");
    }
    assert!(turns.iter().all(|turn| turn.user.as_ref().and_then(|user| user.id.as_deref()) == Some("user-4711")));

    // Every count is text in this protocol.
    let told = |name: &str| {
        let traces = body.as_array().unwrap().iter().flat_map(|envelope| envelope["traces"].as_array().unwrap());
        let spans = traces.flat_map(|trace| trace["spans"].as_array().unwrap());
        spans.filter_map(|span| span["attributes"][name].as_str()?.parse::<u64>().ok()).sum::<u64>()
    };
    let calls = of_kind(Kind::Generation);
    let usage = calls.iter().filter_map(|call| call.usage);
    let counted = usage.fold((0, 0), |(input, output), usage| (input + usage.input.unwrap(), output + usage.output.unwrap()));
    assert_eq!(counted, (told("usage_input_tokens"), told("usage_output_tokens")));
    assert!(counted.0 > 50_000 && calls.iter().any(|call| call.model.as_deref() == Some("gpt-4o-mini-2024-07-18")));

    let tool = named(&spans, "get_weather");
    assert_eq!(tool.kind, Some(Kind::Tool));
    assert!(text(&tool.input).contains("Zürich") && text(&tool.output).contains("sunny ☀️"), "{tool:?}");
    assert!(text(&named(&spans, "search_refund_policy").output).contains("Refunds: opened items"));
    assert_eq!(named(&spans, "cancel_order").status.as_ref().unwrap().code, StatusCode::Error);
    let longest = spans.values().map(|span| text(&span.input).len()).max();
    assert!(longest >= Some(200 << 10), "the long text is whole: {longest:?}");
    assert!(spans.values().any(|span| text(&span.input).contains("日本語 العربية")), "the text of many scripts is whole");
}

#[test]
fn sent_twice_it_says_the_same() {
    let (patches, _) = recorded();
    let twice = patches.iter().chain(&patches).cloned().collect();
    assert_eq!(merged(twice), merged(patches));
}

#[test]
fn everything_1_5_0_can_send() {
    insta::assert_json_snapshot!(readable(&recorded().0));
}
