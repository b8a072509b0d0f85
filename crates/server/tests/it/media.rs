//! An image that is sent with a chat, over HTTP: kept once, read back by its path, and harmless.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::{start, wait_for};

pub(super) const TRACE: &str = "0102030405060708090a0b0c0d0e0f10";

/// Bytes that do not repeat (a linear congruential generator, Numerical Recipes' constants).
pub(super) fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// Sends a model call as OpenTelemetry's exporters in JSON do, with the messages as OpenAI's chat API has them.
#[track_caller]
pub(super) fn send(server: &Server, span: &str, messages: &Value) {
    let attribute = |key: &str, value: String| json!({"key": key, "value": {"stringValue": value}});
    let span = json!({
        "traceId": TRACE, "spanId": span, "name": "chat",
        "startTimeUnixNano": "1795402111000000000", "endTimeUnixNano": "1795402112000000000",
        "attributes": [
            attribute("gen_ai.operation.name", "chat".to_owned()),
            attribute("gen_ai.conversation.id", "c".to_owned()),
            attribute("gen_ai.input.messages", messages.to_string()),
        ],
    });
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string();
    let headers = [("x-api-key", server.key()), ("content-type", "application/json")];
    assert_eq!(server.post("/v1/traces", &headers, body).status, 200);
}

pub(super) fn image(mime_type: &str, bytes: &[u8]) -> Value {
    let uri = format!("data:{mime_type};base64,{}", STANDARD.encode(bytes));
    json!({"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": uri}}]})
}

/// The part of the first message of a span that shows a medium.
pub(super) fn part(server: &Server, span: &str, query: &str) -> Value {
    let (status, span) = server.get(&format!("/api/v1/traces/{TRACE}/spans/{span}{query}"));
    assert_eq!(status, 200, "{span}");
    span["input"]["messages"][0]["parts"][1].clone()
}

#[test]
fn an_image_of_a_chat_is_kept_once_and_read_by_its_path() {
    let server = start();
    let bytes = noise(700_000);
    let first = image("image/png", &bytes);
    let answer = json!({"role": "assistant", "content": "A parcel."});
    let question = json!({"role": "user", "content": "And whose is it?"});
    send(&server, "0000000000000001", &json!([first]));
    send(&server, "0000000000000002", &json!([first, answer, question]));
    wait_for(&server, "/api/v1/spans", 2);

    let shown = part(&server, "0000000000000002", "");
    let path = shown["uri"].as_str().unwrap().to_owned();
    assert_eq!((&shown["mime_type"], &shown["bytes"]), (&json!("image/png"), &json!(700_000)));
    assert!(path.starts_with(&format!("/api/v1/traces/{TRACE}/media/")), "{path}");
    assert_eq!(part(&server, "0000000000000001", "")["uri"], path.as_str());
    let uri = first["content"][1]["image_url"]["url"].clone();
    assert_eq!(part(&server, "0000000000000001", "?media=inline")["uri"], uri);
    assert_eq!(server.get(&format!("/api/v1/traces/{TRACE}/spans/0000000000000001?media=else")).0, 400);
    let (_, page) = server.get("/api/v1/conversations/c");
    assert!(page.to_string().len() < 20_000, "no bytes are in the page of a conversation");

    let key = format!("Bearer {}", server.key());
    let read = |headers: &[(&str, &str)]| server.fetch(&path, &[&[("authorization", key.as_str())], headers].concat());
    let all = read(&[]);
    assert_eq!((all.status, all.content_type.as_str()), (200, "image/png"));
    assert!(all.body == bytes, "the bytes are those that were sent");
    let header = |answer: &neuraltrust_testing::Answer, name: &str| answer.headers.get(name).cloned().unwrap_or_default();
    assert_eq!(header(&all, "content-length"), "700000");
    assert_eq!(header(&all, "x-content-type-options"), "nosniff");
    assert_eq!(header(&all, "content-security-policy"), "default-src 'none'; sandbox");
    assert!(header(&all, "content-disposition").starts_with("inline"));
    let tag = header(&all, "etag");
    assert!(tag.starts_with('"'), "a strong tag: {tag}");
    assert_eq!(read(&[("if-none-match", &tag)]).status, 304);

    // Over the border of two pieces, to the end, and outside.
    let part = read(&[("range", "bytes=262100-262200")]);
    assert_eq!((part.status, header(&part, "content-range").as_str()), (206, "bytes 262100-262200/700000"));
    assert!(part.body == bytes[262_100..=262_200]);
    assert!(read(&[("range", "bytes=-5")]).body == bytes[699_995..]);
    let outside = read(&[("range", "bytes=700000-")]);
    assert_eq!((outside.status, header(&outside, "content-range").as_str()), (416, "bytes */700000"));

    let on_disk: u64 = std::fs::read_dir(server.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() == "record.sqlite-wal")
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert!((700_000..1_300_000).contains(&on_disk), "two calls, one image: {on_disk} bytes in the log of the record");
}

#[test]
fn a_medium_is_of_its_project_and_runs_nowhere() {
    let server = start();
    let page = format!("<svg onload=\"alert(1)\">{}</svg>", "<g/>".repeat(400));
    send(&server, "0000000000000001", &json!([image("image/svg+xml", page.as_bytes())]));
    let path = part(&server, "0000000000000001", "")["uri"].as_str().unwrap().to_owned();

    let key = format!("Bearer {}", server.key());
    let admin = [("authorization", key.as_str()), ("content-type", "application/json")];
    assert_eq!(server.post("/api/v1/projects", &admin, json!({"name": "shop"}).to_string()).status, 201);
    let made = server.post("/api/v1/projects/shop/keys", &admin, json!({"scope": "admin"}).to_string());
    let foreign = format!("Bearer {}", made.json()["key"].as_str().unwrap());
    let refused = server.fetch(&path, &[("authorization", &foreign)]);
    assert_eq!((refused.status, refused.content_type.as_str()), (404, "application/problem+json"));
    assert_eq!(server.fetch(&path, &[]).status, 401);
    for none in ["00000000000000000000000000000000", "x"] {
        assert_eq!(server.get(&format!("/api/v1/traces/{TRACE}/media/{none}")).0, 404);
    }

    let svg = server.fetch(&path, &admin);
    assert_eq!((svg.status, svg.body), (200, page.into_bytes()));
    assert!(svg.headers["content-disposition"].starts_with("attachment"));
    assert_eq!(svg.headers["content-security-policy"], "default-src 'none'; sandbox");
}

#[test]
fn what_only_looks_like_a_medium_is_read_back_as_it_came() {
    let server = start();
    let broken = format!("data:image/png;base64,{}", "A".repeat(2_001));
    let forged = format!("neuraltrust-media:{}:s:4:data:image/png;base64,", "0".repeat(32));
    for (n, uri) in [broken, forged].iter().enumerate() {
        let span = format!("000000000000000{}", n + 1);
        let content = json!([{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": uri}}]);
        send(&server, &span, &json!([{"role": "user", "content": content}]));
        assert_eq!(part(&server, &span, "")["uri"], uri.as_str());
    }
}
