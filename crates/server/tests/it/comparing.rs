//! Spans, traces and conversations beside each other, the context of a call, and what messages said of a span.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::{send_flow, start, wait_for};

fn tell(server: &Server, conversation: &str, turns: &[(&str, &str)]) {
    for (n, (input, output)) in turns.iter().enumerate() {
        let body = json!({ "task": "message", "interaction_id": format!("{conversation}-{n}"), "conversation_id": conversation,
            "input": input, "output": output, "start_timestamp": 1_795_402_111_000_u64 + n as u64 * 1_000,
            "end_timestamp": 1_795_402_111_500_u64 + n as u64 * 1_000 });
        assert_eq!(server.post("/v1/trace", &[("token", server.key())], body.to_string()).status, 200);
    }
}

/// Sends a call of a model with these messages.
fn call(server: &Server, span: &str, start: u64, input: &[&str], output: &str, temperature: f64) {
    let messages = |texts: &[&str]| {
        let message = |text: &&str| json!({ "role": "user", "parts": [{ "type": "text", "content": text }] });
        json!(texts.iter().map(message).collect::<Vec<_>>()).to_string()
    };
    let text = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{
        "traceId": "0123456789abcdef0123456789abcdef", "spanId": span, "name": "chat",
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 1_000_000).to_string(),
        "attributes": [
            text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", "m"),
            text("gen_ai.input.messages", &messages(input)), text("gen_ai.output.messages", &messages(&[output])),
            { "key": "gen_ai.request.temperature", "value": { "doubleValue": temperature } }
        ]
    }] }] }] });
    let headers = [("authorization", &*format!("Bearer {}", server.key())), ("content-type", "application/json")];
    assert_eq!(server.post("/v1/traces", &headers, body.to_string()).status, 200);
}

const TRACE: &str = "0123456789abcdef0123456789abcdef";
const ONE: &str = "0000000000000001";
const TWO: &str = "0000000000000002";

#[test]
fn conversations_part_where_they_say_something_else() {
    let server = start();
    tell(&server, "one", &[("hello", "hi"), ("refund?", "yes"), ("thanks", "bye")]);
    tell(&server, "two", &[("hello", "hi"), ("refund?", "no"), ("why?", "rules"), ("thanks", "bye")]);
    let (status, answer) = server.get("/api/v1/compare?left_conversation_id=one&right_conversation_id=two");
    assert_eq!((status, &answer["turns"]["fork"]), (200, &json!(1)), "{answer}");
    let pairs = answer["turns"]["pairs"].as_array().unwrap();
    let shape: Vec<_> = pairs
        .iter()
        .map(|pair| (pair["same"] == true, pair["left"]["output"]["text"].as_str(), pair["right"]["output"]["text"].as_str()))
        .collect();
    assert_eq!(
        shape,
        [(true, Some("hi"), None), (false, Some("yes"), Some("no")), (false, None, Some("rules")), (true, Some("bye"), None)]
    );
    let turns = answer["numbers"].as_array().unwrap().iter().find(|pair| pair["name"] == "turns").unwrap();
    assert_eq!((&turns["left"], &turns["right"]), (&json!(3.0), &json!(4.0)));
    let (_, answer) = server.get("/api/v1/compare?left_trace_id=one-0&right_trace_id=one-1");
    assert_eq!(answer["steps"]["pairs"][0]["same"], false, "{answer}");
}

#[test]
fn calls_are_compared_and_their_context_says_what_is_new() {
    let server = start();
    call(&server, ONE, 1_795_402_111_000_000_000, &["be brief", "hello"], "hi", 0.5);
    call(&server, TWO, 1_795_402_112_000_000_000, &["be brief", "hello", "hi", "refund?"], "yes", 0.9);
    let spans = format!("left_trace_id={TRACE}&right_trace_id={TRACE}&left_span_id={ONE}&right_span_id={TWO}");
    let (status, answer) = server.get(&format!("/api/v1/compare?{spans}"));
    assert_eq!((status, &answer["input"]["fork"], &answer["output"]["fork"]), (200, &json!(2), &json!(0)), "{answer}");
    let field = |name: &str| answer["fields"].as_array().unwrap().iter().find(|pair| pair["name"] == name).cloned();
    let temperature = field("attributes.gen_ai.request.temperature").unwrap();
    assert_eq!((&temperature["left"], &temperature["right"]), (&json!(0.5), &json!(0.9)));
    assert_eq!(field("model"), None, "only what differs");

    let (status, context) = server.get(&format!("/api/v1/traces/{TRACE}/spans/{TWO}/context"));
    assert_eq!((status, &context["new"], &context["truncated"]), (200, &json!(1), &json!(false)), "{context}");
    let first: Vec<&Value> = context["messages"].as_array().unwrap().iter().map(|message| &message["first"]["side"]).collect();
    // An answer comes out with a finish reason at most; where a client sends it back otherwise it is another message.
    assert_eq!(first, [&json!("input"), &json!("input"), &json!("output"), &Value::Null], "{context}");
    assert_eq!(context["continues"], json!({ "trace_id": TRACE, "span_id": ONE, "messages": 3 }));
    assert_eq!(server.get(&format!("/api/v1/traces/{TRACE}/spans/none/context")).0, 404);
}

#[test]
fn what_messages_said_is_shown_one_by_one() {
    let server = start();
    send_flow(&server);
    let span = wait_for(&server, "/api/v1/spans?kind=message", 1).remove(0);
    let path = format!("/api/v1/traces/{}/spans/{}", span["trace_id"].as_str().unwrap(), span["span_id"].as_str().unwrap());
    let (status, told) = server.get(&format!("{path}/patches"));
    let items = told["items"].as_array().unwrap();
    assert_eq!(status, 200);
    assert!(!items.is_empty() && items.iter().all(|told| told["received_at"].is_string()), "{told}");
    assert!(
        items.iter().any(|told| told["patch"]["input"] == json!({ "type": "text", "text": "Hello, how are you?" })),
        "{told}"
    );
    assert!(items.iter().all(|told| told["patch"]["trace_id"] == span["trace_id"]), "{told}");
    assert_eq!(server.get("/api/v1/traces/none/spans/none/patches").0, 404);
    for bad in
        ["", "left_trace_id=a", "left_trace_id=a&right_conversation_id=b", "left_trace_id=a&right_trace_id=b&left_span_id=c"]
    {
        assert_eq!(server.get(&format!("/api/v1/compare?{bad}")).0, 400, "{bad}");
    }
    assert_eq!(server.get("/api/v1/compare?left_trace_id=a&right_trace_id=b").0, 404);
}
