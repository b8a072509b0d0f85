//! One bad item of a batch costs only itself, whatever the batch is: those before and behind it are kept, the client is told which
//! one is not, and it is in quarantine.

use neuraltrust_testing::{Answer, Server};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::{Value, json};

use crate::otlp::free_port;
use crate::{BINARY, start};

const JSON: &str = "application/json";
const WHEN: &str = "2026-11-23T02:57:18Z";

/// Ids as OTLP has them.
const TRACE: &str = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";
const SPANS: [&str; 2] = ["0101010101010101", "0303030303030303"];

fn post(server: &Server, path: &str, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
    server.post(path, &[("x-api-key", server.key()), ("content-type", content_type)], body)
}

/// Both good items are there, and the request is the newest of `n` in quarantine, for one item at `place`.
#[track_caller]
fn only_the_bad_one_is_missing(server: &Server, n: usize, place: &str, trace: &str, spans: [&str; 2]) {
    for span in spans {
        let (status, whole) = server.get(&format!("/api/v1/traces/{trace}/spans/{span}"));
        assert_eq!((status, &whole["span_id"]), (200, &json!(span)), "{place}");
    }
    let page = server.get("/api/v1/quarantine").1;
    let newest = &page["items"][0];
    assert_eq!((&page["total"], &newest["rejected"]), (&json!(n), &json!(1)), "{page}");
    assert!(newest["message"].as_str().unwrap().starts_with(place), "{place}: {newest}");
}

#[test]
fn batches_in_json() {
    let server = start();
    let otlp = |id: &str, name: &str| json!({ "traceId": TRACE, "spanId": id, "name": name });
    let record = |id: &str| json!({ "traceId": TRACE, "spanId": id, "eventName": "seen", "timeUnixNano": "1795402111000000000" });
    let event = |id: &str| json!({ "id": format!("event-{id}"), "type": "span-create", "timestamp": "2026-11-23T02:57:18Z", "body": { "id": id, "traceId": "langfuse", "startTime": WHEN } });
    let run = |trace: &str, id: &str| json!({ "id": id, "trace_id": trace, "run_type": "chain", "start_time": WHEN });
    let opik = |id: &str| json!({ "id": id, "trace_id": "opik", "start_time": "2026-11-23T02:59:54Z" });
    let step = |id: &str| json!({ "id": id, "started_at": 1_795_402_279.5 });
    let thing = json!({ "name": "nothing that could be placed" });
    let [first, last] = SPANS;
    let cases = [
        (
            "/v1/traces",
            json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [otlp(first, "a"), otlp("short", "b"), otlp(last, "c")] }] }] }),
            (200, "spans[1]", TRACE.to_owned(), SPANS),
        ),
        (
            "/v1/logs",
            json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [record(first), {}, record(last)] }] }] }),
            (200, "logRecords[1]", TRACE.to_owned(), SPANS),
        ),
        (
            "/v1/traces/batch",
            json!([{ "resource": {}, "traces": [{ "trace_id": "batch", "spans": [step("a"), thing, step("c")] }] }]),
            (202, "[0].traces[0].spans[1]", "batch".to_owned(), ["a", "c"]),
        ),
        (
            "/v1/traces/batch",
            json!([{ "traces": [{ "trace_id": "envelope-1", "started_at": 1_795_402_279.5 }] }, 7, { "traces": [{ "trace_id": "envelope-2", "started_at": 1_795_402_279.5, "spans": [step("envelope-1")] }] }]),
            (202, "[1]", "envelope-2".to_owned(), ["envelope-1", "envelope-2"]),
        ),
        (
            "/api/public/ingestion",
            json!({ "batch": [event("a"), thing, event("c")] }),
            (207, "batch[1]", "langfuse".to_owned(), ["a", "c"]),
        ),
        (
            "/runs/batch",
            json!({ "post": [run("posted", "a"), thing, run("posted", "c")] }),
            (202, "post[1]", "posted".to_owned(), ["a", "c"]),
        ),
        (
            "/runs/batch",
            json!({ "post": [run("patched", "a")], "patch": [thing, run("patched", "c")] }),
            (202, "patch[0]", "patched".to_owned(), ["a", "c"]),
        ),
        (
            "/api/v1/private/spans/batch",
            json!({ "spans": [opik("a"), thing, opik("c")] }),
            (400, "spans[1]", "opik".to_owned(), ["a", "c"]),
        ),
        (
            "/api/v1/private/traces/batch",
            json!({ "traces": [opik("opik"), thing, opik("other")] }),
            (400, "traces[1]", "opik".to_owned(), ["opik", "a"]),
        ),
    ];
    for (n, (path, body, (status, place, trace, spans))) in cases.into_iter().enumerate() {
        let answer = post(&server, path, JSON, body.to_string());
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{path}: {told}");
        assert!(told.contains(place), "{path} does not say {place}: {told}");
        only_the_bad_one_is_missing(&server, n + 1, place, &trace, spans);
    }
    for span in SPANS {
        let (_, whole) = server.get(&format!("/api/v1/traces/{TRACE}/spans/{span}"));
        assert_eq!(whole["events"][0]["name"], "seen", "what a record says is with its span: {whole}");
    }
    for trace in ["envelope-1", "other"] {
        assert_eq!(server.get(&format!("/api/v1/traces/{trace}")).0, 200, "{trace} is a trace of its own");
    }
}

#[test]
fn scores() {
    let server = start();
    let run = |id: &str| json!({ "id": id, "trace_id": id, "run_type": "chain", "start_time": WHEN });
    assert_eq!(post(&server, "/runs/batch", JSON, json!({ "post": [run("t")] }).to_string()).status, 202);
    let score = |name: &str| json!({ "id": "t", "traceId": "t", "name": name, "value": 1, "source": "sdk" });
    let of_trace = |name: &str| json!({ "id": format!("score-{name}"), "traceId": "t", "name": name, "value": 1 });
    let answer = post(&server, "/api/public/scores", JSON, json!([of_trace("a"), { "name": "none" }, of_trace("b")]).to_string());
    assert_eq!((answer.status, answer.json()["errors"].as_array().unwrap().len()), (207, 1), "{}", answer.json());
    let opik = json!({ "scores": [score("c"), 7, score("d")] });
    assert_eq!(server.put("/api/v1/private/traces/feedback-scores", server.key(), &opik).status, 400);
    let (_, span) = server.get("/api/v1/traces/t/spans/t");
    let mut names: Vec<&str> = span["scores"].as_array().unwrap().iter().map(|score| score["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c", "d"], "{span}");
    assert_eq!(server.get("/api/v1/quarantine").1["total"], 2);
}

#[test]
fn a_form() {
    let server = start();
    let part = |name: &str, body: &Value| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: application/json\r\n\r\n{body}\r\n")
    };
    let run =
        |id: &str| part(&format!("post.{id}"), &json!({ "id": id, "trace_id": "t", "run_type": "chain", "start_time": WHEN }));
    let body = [run("a"), part("post.x", &json!([])), run("c"), "--b--\r\n".to_owned()].concat();
    let answer = post(&server, "/runs/multipart", "multipart/form-data; boundary=b", body);
    assert_eq!((answer.status, &answer.json()["errors"][0]["at"]), (202, &json!("post.x")), "{}", answer.json());
    only_the_bad_one_is_missing(&server, 1, "post.x", "t", ["a", "c"]);
}

/// An export whose second span has an id that none can have.
fn export() -> ExportTraceServiceRequest {
    let span = |id: Vec<u8>| Span { trace_id: vec![10; 16], span_id: id, name: "s".to_owned(), ..Span::default() };
    let spans = vec![span(vec![1; 8]), span(vec![2; 3]), span(vec![3; 8])];
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

#[test]
fn exports_in_protobuf_over_http_and_grpc() {
    let grpc = format!("127.0.0.1:{}", free_port());
    let server = Server::start_with(BINARY, &["--grpc-listen", &grpc]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let partial = runtime.block_on(async {
        let mut request = tonic::Request::new(export());
        request.metadata_mut().insert("authorization", format!("Bearer {}", server.key()).parse().unwrap());
        let mut client = TraceServiceClient::connect(format!("http://{grpc}")).await.unwrap();
        client.export(request).await.unwrap().into_inner().partial_success.unwrap()
    });
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("spans[1]"), "{}", partial.error_message);
    only_the_bad_one_is_missing(&server, 1, "spans[1]", TRACE, SPANS);

    let answer = post(&server, "/v1/traces", "application/x-protobuf", export().encode_to_vec());
    assert_eq!(answer.status, 200);
    let partial = ExportTraceServiceResponse::decode(answer.body.as_slice()).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
}
