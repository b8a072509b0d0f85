//! Bad input gets a clear answer, is counted, and costs nothing but itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use neuraltrust_testing::{Server, recorded};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::{Value, json};

use crate::{make_key, metric, send_flow, start, wait_for};

fn step() -> Value {
    serde_json::from_slice(&recorded("neuraltrust/1.4.0-exact")[0]).unwrap()
}

fn with(field: &str, value: Value) -> Vec<u8> {
    let mut step = step();
    step[field] = value;
    serde_json::to_vec(&step).unwrap()
}

fn without(field: &str) -> Vec<u8> {
    let mut step = step();
    step.as_object_mut().unwrap().remove(field);
    serde_json::to_vec(&step).unwrap()
}

/// Sends a body with a good key, and expects a problem answer that says `expect` and a count under `reason`.
#[track_caller]
fn refused(server: &Server, body: impl AsRef<[u8]>, status: u16, reason: &str, expect: &str) {
    refused_with(server, &[("token", server.key())], body, status, reason, expect);
}

#[track_caller]
fn refused_with(server: &Server, headers: &[(&str, &str)], body: impl AsRef<[u8]>, status: u16, reason: &str, expect: &str) {
    let labels = format!("surface=\"neuraltrust_v1\",reason=\"{reason}\"");
    let before = metric(server, "neuraltrust_rejected_total", &labels);
    let answer = server.post("/v1/trace", headers, body);
    let problem = answer.json();
    assert_eq!(answer.status, status, "{problem}");
    assert_eq!(answer.content_type, "application/problem+json");
    assert_eq!((&problem["status"], &problem["reason"]), (&json!(status), &json!(reason)), "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(expect), "{detail:?} does not say {expect:?}");
    assert_eq!(metric(server, "neuraltrust_rejected_total", &labels), before + 1.0, "{reason} is counted");
}

#[test]
fn keys_are_asked_for() {
    let server = start();
    let step = serde_json::to_vec(&step()).unwrap();
    refused_with(&server, &[], &step, 401, "no_key", "token: KEY");
    refused_with(&server, &[("token", "nt_wrong")], &step, 401, "unknown_key", "neuraltrust key create");
    let read = make_key(&server, "read");
    refused_with(&server, &[("token", &read)], &step, 403, "wrong_scope", "ingest or admin");
    let ingest = make_key(&server, "ingest");
    for headers in [("token", ingest.clone()), ("x-api-key", ingest.clone()), ("authorization", format!("Bearer {ingest}"))] {
        assert_eq!(server.post("/v1/trace", &[(headers.0, &headers.1)], &step).status, 200);
    }
    let read_with_ingest = server.fetch("/api/v1/conversations", &[("x-api-key", &ingest)]);
    assert_eq!(read_with_ingest.status, 403);
}

#[test]
fn every_odd_body_is_told_what_is_wrong_and_nothing_else_is_lost() {
    let server = start();
    send_flow(&server);
    refused(&server, "", 400, "empty", "empty");
    refused(&server, "{\"task\": ", 400, "malformed", "line 1");
    refused(&server, "[1, 2]", 400, "wrong_type", "one JSON object");
    refused(&server, b"{\"task\": \"\xff\xfe\"}", 400, "malformed", "UTF-8");
    refused(&server, with("task", json!("dance")), 400, "unknown_task", "retrieval");
    refused(&server, with("task", json!(7)), 400, "wrong_type", "task");
    refused(&server, without("interaction_id"), 400, "missing_id", "interaction_id");
    refused(&server, with("conversation_id", json!("x".repeat(10_000))), 400, "bad_id", "10000");
    refused(&server, with("conversation_id", json!(["a"])), 400, "wrong_type", "conversation_id");
    refused(&server, with("start_timestamp", json!(-5)), 400, "bad_time", "start_timestamp");
    refused(&server, with("start_timestamp", json!(1e300)), 400, "bad_time", "start_timestamp");
    refused(&server, with("start_timestamp", json!("soon")), 400, "bad_time", "RFC 3339");
    let deep = format!("{{\"custom\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    refused(&server, deep, 400, "too_deep", "64");
    let rows = wait_for(&server, "/api/v1/conversations", 1);
    assert_eq!(rows[0]["spans"], 5);
    send_flow(&server);
    assert_eq!(wait_for(&server, "/api/v1/conversations", 1)[0]["spans"], 5, "a retry changes nothing");
    assert_eq!(metric(&server, "neuraltrust_stored_total", ""), 5.0);
    assert_eq!(metric(&server, "neuraltrust_duplicates_total", ""), 5.0);
}

#[test]
fn large_and_compressed_bodies_are_bounded() {
    let server = start();
    let token = ("token", server.key());
    refused(&server, vec![b' '; 100 << 20], 413, "too_large", "64 MiB");

    let gzip = |plain: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(plain).unwrap();
        gzip.finish().unwrap()
    };
    let coded = [token, ("content-encoding", "gzip")];
    let whole = gzip(&serde_json::to_vec(&step()).unwrap());
    refused_with(&server, &coded, &whole[..whole.len() / 2], 400, "compression", "gzip");
    refused_with(&server, &coded, b"not gzip at all", 400, "compression", "gzip");
    refused_with(&server, &coded, gzip(&vec![b' '; 100 << 20]), 413, "too_large", "64 MiB");
    refused_with(&server, &[token, ("content-encoding", "br")], &whole, 415, "encoding", "zstd");
    refused(&server, with("input", json!("x".repeat(40 << 20))), 413, "too_large", "span");
    assert_eq!(server.post("/v1/trace", &coded, &whole).status, 200);
    assert_eq!(wait_for(&server, "/api/v1/conversations", 1)[0]["spans"], 1);
}

#[test]
fn what_is_not_there_yet_or_at_all_says_so() {
    let server = start();
    let key = [("token", server.key())];
    let later = server.post("/v1/evaluation-set/abc/run", &key, "{}");
    assert_eq!((later.status, &later.json()["reason"]), (501, &json!("not_implemented")));
    let nowhere = server.post("/v1/tracee", &key, "{}");
    assert_eq!(nowhere.status, 404);
    assert!(nowhere.json()["detail"].as_str().unwrap().contains("/v1/trace"));
    let method = server.fetch("/v1/trace", &key);
    assert_eq!((method.status, &method.json()["reason"]), (405, &json!("wrong_method")));
}

/// A refusal costs the request that it answers, not the connection, whichever of them reads its body.
#[test]
fn who_is_refused_goes_on_over_the_same_connection() {
    let server = start();
    let mut connection = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    for path in ["/v1/tracee", "/v1/trace", "/v1/evaluation-set/abc/run", "/api/v1/scores"] {
        write!(connection, "POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n").unwrap();
        // Long enough for an answer that does not wait for the body.
        thread::sleep(Duration::from_millis(100));
        connection.write_all(b"{}").unwrap();
    }
    connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
    let mut answers = String::new();
    connection.read_to_string(&mut answers).unwrap();
    let statuses: Vec<&str> =
        answers.split("HTTP/1.1 ").skip(1).map(|answer| answer.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(statuses, ["404", "401", "501", "401", "200"], "{answers}");
}

fn otlp(server: &Server, content_type: &str, body: impl AsRef<[u8]>) -> neuraltrust_testing::Answer {
    server.post("/v1/traces", &[("x-api-key", server.key()), ("content-type", content_type)], body)
}

#[test]
fn otlp_garbage_is_refused_as_otlp_says_and_one_bad_span_costs_only_itself() {
    let server = start();
    const PROTOBUF: &str = "application/x-protobuf";
    let garbage = otlp(&server, PROTOBUF, [0xff_u8; 64]);
    assert_eq!((garbage.status, garbage.content_type.as_str()), (400, PROTOBUF));
    assert!(String::from_utf8_lossy(&garbage.body).contains("ExportTraceServiceRequest"));
    assert_eq!(otlp(&server, "text/plain", "{}").status, 415);
    let nothing = otlp(&server, "application/json; charset=utf-8", "{}");
    assert_eq!((nothing.status, nothing.content_type.as_str(), nothing.json()), (200, "application/json", json!({})));
    let no_json = otlp(&server, "application/json", "{\"resourceSpans\": 5}");
    assert_eq!((no_json.status, no_json.content_type.as_str()), (400, "application/json"));
    assert!(no_json.json()["message"].as_str().unwrap().contains("resourceSpans: is a number"), "{}", no_json.json());
    assert_eq!(otlp(&server, PROTOBUF, "").status, 200, "an export without spans is an empty message");
    let no_key = server.post("/v1/traces", &[("content-type", PROTOBUF)], "");
    assert_eq!((no_key.status, no_key.content_type.as_str()), (401, PROTOBUF));

    let span = |id: u8, start: u64| Span {
        trace_id: vec![7; 16],
        span_id: vec![id; 8],
        name: format!("span {id}"),
        start_time_unix_nano: start,
        ..Span::default()
    };
    let now = 1_795_402_111_000_000_000;
    let spans = vec![span(1, now), span(2, u64::MAX), Span { trace_id: vec![1; 3], ..span(3, now) }, span(4, now)];
    let export = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    };
    let answer = otlp(&server, PROTOBUF, export.encode_to_vec());
    assert_eq!(answer.status, 200);
    let partial = ExportTraceServiceResponse::decode(answer.body.as_slice()).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 2);
    assert!(
        partial.error_message.contains("spans[1]") && partial.error_message.contains("spans[2]"),
        "{}",
        partial.error_message
    );
    wait_for(&server, "/api/v1/spans", 2);
}

/// JSON in text, in text, in a value: whatever is acknowledged can be read back, and keeps nothing else from the lists.
#[test]
fn what_is_nested_in_text_is_read_back() {
    let server = start();
    let nested = |depth: usize, inner: &str| format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth));
    let mut traces = 0_u32;
    for depth in [1, 15, 16, 17, 60, 110, 124, 126, 127, 1_000] {
        for inner in ["1".to_owned(), Value::String(nested(depth, "1")).to_string()] {
            traces += 1;
            let text = nested(depth, &inner);
            let attributes: Vec<Value> =
                ["neuraltrust.custom", "gen_ai.tool.call.arguments", "gen_ai.input.messages", "mlflow.spanOutputs"]
                    .iter()
                    .map(|name| json!({ "key": name, "value": { "stringValue": text } }))
                    .collect();
            let span = json!({ "traceId": format!("{traces:032x}"), "spanId": "00000000000000aa", "name": "deep", "attributes": attributes });
            let export = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] });
            assert_eq!(otlp(&server, "application/json", export.to_string()).status, 200, "depth {depth}");
            assert_eq!(server.get(&format!("/api/v1/traces/{traces:032x}")).0, 200, "depth {depth}");
        }
    }
    wait_for(&server, "/api/v1/traces?limit=100", traces as usize);
}
