//! Bodies made to hurt: each is refused or bounded as its protocol says, and the next request is answered.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use neuraltrust_model::limits::{FOLDED_ATTRIBUTES, MAX_ATTRIBUTES, MAX_BODY_BYTES, MAX_REQUEST_SPANS, MAX_REQUEST_VALUES};
use neuraltrust_testing::{Answer, Server};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request};

use crate::otlp::free_port;
use crate::{BINARY, start};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";
const FORM: &str = "multipart/form-data; boundary=b";

/// Every way in that takes JSON, but for the one that `bad_input` is about.
const JSON_PATHS: [&str; 10] = [
    "/v1/traces",
    "/v1/logs",
    "/v1/traces/batch",
    "/api/public/ingestion",
    "/api/public/scores",
    "/runs/batch",
    "/runs",
    "/feedback",
    "/api/v1/private/spans/batch",
    "/custom/v1/log",
];

fn post(server: &Server, path: &str, content_type: &str, coding: &str, body: impl AsRef<[u8]>) -> Answer {
    let headers = [("x-api-key", server.key()), ("content-type", content_type), ("content-encoding", coding)];
    server.post(path, &headers, body)
}

/// The server takes a run and gives it back; its number is that of the call.
#[track_caller]
fn alive(server: &Server, n: usize) {
    let id = format!("run-{n}");
    let run =
        json!({ "id": id, "trace_id": id, "name": "still here", "run_type": "chain", "start_time": "2026-11-23T02:57:18Z" });
    assert_eq!(post(server, "/runs", JSON, "identity", run.to_string()).status, 202);
    let (status, span) = server.get(&format!("/api/v1/traces/run-{n}/spans/run-{n}"));
    assert_eq!((status, &span["name"]), (200, &json!("still here")));
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(plain).unwrap();
    out.finish().unwrap()
}

#[test]
fn a_body_that_grows_past_the_limit_is_refused_whatever_it_is_coded_in() {
    let server = start();
    let plain = vec![b' '; MAX_BODY_BYTES + 1];
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&plain).unwrap();
    let bombs = [("gzip", gzip(&plain)), ("deflate", zlib.finish().unwrap()), ("zstd", zstd::encode_all(&*plain, 1).unwrap())];
    for (n, (coding, bomb)) in bombs.iter().enumerate() {
        assert!(bomb.len() < 1 << 20, "{coding}: {} bytes are no bomb", bomb.len());
        for (path, content_type) in [
            ("/v1/traces", PROTOBUF),
            ("/v1/logs", JSON),
            ("/v1/traces/batch", JSON),
            ("/api/public/ingestion", JSON),
            ("/runs/multipart", FORM),
            ("/api/v1/private/spans/batch", JSON),
            ("/custom/v1/log", JSON),
        ] {
            assert_eq!(post(&server, path, content_type, coding, bomb).status, 413, "{coding} at {path}");
        }
        alive(&server, n);
    }
}

#[test]
fn a_message_over_grpc_that_grows_past_the_limit_is_refused() {
    let grpc = format!("127.0.0.1:{}", free_port());
    let server = Server::start_with(BINARY, &["--grpc-listen", &grpc]);
    let of_resource = ResourceSpans { schema_url: " ".repeat(MAX_BODY_BYTES), ..ResourceSpans::default() };
    let bomb = ExportTraceServiceRequest { resource_spans: vec![of_resource] };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = TraceServiceClient::connect(format!("http://{grpc}")).await.unwrap();
        for coding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
            client = client.send_compressed(coding);
            let send = |export: ExportTraceServiceRequest| {
                let mut request = Request::new(export);
                request.metadata_mut().insert("authorization", format!("Bearer {}", server.key()).parse().unwrap());
                request
            };
            let refused = client.export(send(bomb.clone())).await.unwrap_err();
            assert!(matches!(refused.code(), Code::OutOfRange | Code::ResourceExhausted), "{refused}");
            let scope_spans = vec![ScopeSpans { spans: vec![Span::default(); MAX_REQUEST_SPANS + 1], ..ScopeSpans::default() }];
            let of_resource = ResourceSpans { scope_spans, ..ResourceSpans::default() };
            let refused = client.export(send(ExportTraceServiceRequest { resource_spans: vec![of_resource] })).await.unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
            assert!(refused.message().contains(&MAX_REQUEST_SPANS.to_string()), "{refused}");
            client.export(send(ExportTraceServiceRequest::default())).await.unwrap();
        }
    });
    alive(&server, 0);
}

#[test]
fn nesting_is_refused_at_every_path() {
    let server = start();
    for (open, close) in [("[", "]"), ("{\"batch\":[", "]}"), ("{\"a\":", "}")] {
        let nested = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        for path in JSON_PATHS {
            assert_eq!(post(&server, path, JSON, "identity", &nested).status, 400, "{open} at {path}");
        }
    }
    // Lists in lists, each a message of protobuf: resource spans, a resource, an attribute, and its value.
    let mut nested = Vec::new();
    let mut wrap = |tags: &[u8]| {
        for tag in tags {
            let mut outer = vec![*tag];
            prost::encoding::encode_varint(nested.len() as u64, &mut outer);
            outer.append(&mut nested);
            nested = outer;
        }
    };
    // Field 5 of a value is a list, field 1 of a list is a value.
    (0..10_000).for_each(|_| wrap(&[0x2a, 0x0a]));
    wrap(&[0x12, 0x0a, 0x0a, 0x0a]);
    for path in ["/v1/traces", "/v1/logs"] {
        assert_eq!(post(&server, path, PROTOBUF, "identity", &nested).status, 400, "{path}");
    }
    alive(&server, 0);
}

#[test]
fn a_flood_of_attributes_is_folded() {
    let server = start();
    let flood: Vec<Value> =
        (0..200_000).map(|n| json!({ "key": format!("attribute.{n}"), "value": { "intValue": n } })).collect();
    let span = json!({ "traceId": "0a".repeat(16), "spanId": "0b".repeat(8), "name": "flood", "attributes": flood });
    let export = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] });
    assert_eq!(post(&server, "/v1/traces", JSON, "identity", export.to_string()).json(), json!({}));
    let (status, span) = server.get(&format!("/api/v1/traces/{}/spans/{}", "0a".repeat(16), "0b".repeat(8)));
    assert_eq!(status, 200);
    let attributes = span["attributes"].as_object().unwrap();
    assert!(attributes.len() <= MAX_ATTRIBUTES + 1, "{} attributes", attributes.len());
    let folded = attributes[FOLDED_ATTRIBUTES].as_object().unwrap();
    assert_eq!(attributes.len() - 1 + folded.len(), 200_000, "none is lost");

    // The same name over and over is one attribute.
    let same: Vec<Value> = (0..200_000).map(|n| json!({ "key": "same", "value": { "intValue": n } })).collect();
    let span = json!({ "traceId": "0c".repeat(16), "spanId": "0d".repeat(8), "name": "same", "attributes": same });
    let export = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] });
    assert_eq!(post(&server, "/v1/traces", JSON, "identity", export.to_string()).status, 200);
    assert_eq!(server.get(&format!("/api/v1/traces/{}", "0c".repeat(16))).0, 200);
    alive(&server, 0);
}

/// Each span has a copy of its resource: a large one before many spans is not copied without bound.
#[test]
fn a_resource_is_not_multiplied() {
    let server = start();
    let spans: Vec<Value> =
        (1..=20_u32).map(|n| json!({ "traceId": "0a".repeat(16), "spanId": format!("{n:016x}"), "name": "s" })).collect();
    let resource = json!({ "attributes": [{ "key": "large", "value": { "stringValue": "x".repeat(8 << 20) } }] });
    let export = json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": spans }] }] });
    let answer = post(&server, "/v1/traces", JSON, "identity", export.to_string());
    assert_eq!((answer.status, &answer.json()["partialSuccess"]["rejectedSpans"]), (200, &json!("13")));

    let spans: Vec<Value> = (1..=20).map(|n| json!({ "id": format!("s{n}") })).collect();
    let envelope = json!([{ "resource": { "large": "x".repeat(8 << 20) }, "traces": [{ "trace_id": "t", "spans": spans }] }]);
    let answer = post(&server, "/v1/traces/batch", JSON, "identity", envelope.to_string());
    // The trace itself is a span too, and has the first copy.
    assert_eq!((answer.status, &answer.json()["rejected"]), (202, &json!(14)));

    let export = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource: Some(Resource::default()), ..ResourceSpans::default() }; 100_000],
    };
    assert_eq!(post(&server, "/v1/traces", PROTOBUF, "identity", export.encode_to_vec()).status, 200);
    alive(&server, 0);
}

/// A part of a form.
fn part(head: &str, body: &str) -> String {
    format!("--b\r\n{head}\r\n\r\n{body}\r\n")
}

fn named(name: &str, body: &str) -> String {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), body)
}

#[test]
fn forms_that_are_none_are_refused_whole() {
    let server = start();
    let good = named(
        "post.r",
        "{\"id\": \"r\", \"trace_id\": \"r\", \"run_type\": \"chain\", \"start_time\": \"2026-11-23T02:57:18Z\"}",
    );
    let whole = format!("{good}--b--\r\n");
    let cases = [
        ("no boundary in the header", "multipart/form-data", whole.clone()),
        ("an empty boundary", "multipart/form-data; boundary=", whole.clone()),
        ("another boundary", "multipart/form-data; boundary=c", whole.clone()),
        ("a boundary that never ends", "multipart/form-data; boundary=\"b", whole.clone()),
        ("no form at all", JSON, whole.clone()),
        ("nothing in it", FORM, "--b".to_owned()),
        ("no closing boundary", FORM, good.clone()),
        ("cut within a part", FORM, whole[..whole.len() - 12].to_owned()),
        ("a part without headers", FORM, format!("{good}--b\r\nnothing here\r\n--b--\r\n")),
        ("headers without end", FORM, format!("{good}{}--b--\r\n", part(&format!("x: {}", "y".repeat(1 << 20)), "{}"))),
        ("more parts than a client sends", FORM, format!("{}--b--\r\n", named("post.r", "{}").repeat(50_001))),
    ];
    for (n, (what, content_type, body)) in cases.iter().enumerate() {
        assert_eq!(post(&server, "/runs/multipart", content_type, "identity", body).status, 400, "{what}");
        alive(&server, n);
    }
    let boundary = format!("multipart/form-data; boundary={}", "b".repeat(71));
    assert_eq!(post(&server, "/runs/multipart", &boundary, "identity", &whole).status, 400);
    assert_eq!(server.get("/api/v1/traces/r").0, 404, "nothing of them is kept");
}

#[test]
fn odd_parts_cost_only_themselves() {
    let server = start();
    let bomb = gzip(&vec![b' '; MAX_BODY_BYTES + 1]);
    let mut body = Vec::new();
    body.extend(b"a preamble, which is not read\r\n");
    body.extend(
        named(
            "post.good",
            "{\"id\": \"good\", \"trace_id\": \"t\", \"run_type\": \"chain\", \"start_time\": \"2026-11-23T02:57:18Z\"}",
        )
        .into_bytes(),
    );
    // The line looks like a boundary, and belongs to the part.
    body.extend(named("post.good.inputs", "{\"text\":\n--b \"in a line\"}").into_bytes());
    body.extend(named("post.good.outputs", "{\"text\": \"--b\"}").into_bytes());
    body.extend(named("", "{}").into_bytes());
    body.extend(named("post.", "{}").into_bytes());
    body.extend(named("nonsense.x.y", "{}").into_bytes());
    body.extend(part("Content-Type: application/json", "{}").into_bytes());
    body.extend(named("patch.bad", "7").into_bytes());
    body.extend(b"--b\r\nContent-Disposition: form-data; name=\"post.bomb\"\r\nContent-Encoding: gzip\r\n\r\n");
    body.extend(bomb);
    body.extend(b"\r\n--b--\r\nan epilogue");
    let answer = post(&server, "/runs/multipart", FORM, "identity", body);
    assert_eq!((answer.status, &answer.json()["rejected"]), (202, &json!(7)), "{}", answer.json());
    let (status, run) = server.get("/api/v1/traces/t/spans/good");
    assert_eq!(status, 200, "{run}");
    assert!(run["output"].to_string().contains("--b"), "{run}");
    assert_eq!(post(&server, "/runs/multipart", FORM, "identity", "--b--\r\n").status, 202, "a form may be empty");
    alive(&server, 0);
}

/// The most memory that the server has taken so far, in bytes (proc(5), `VmHWM`).
#[cfg(target_os = "linux")]
fn most_memory(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() << 10
}

/// Bodies within the limit of bytes that would take gigabytes when decoded.
#[test]
fn many_small_values_are_refused_before_they_are_decoded() {
    let server = start();
    let most = MAX_BODY_BYTES / 8;
    let filled = |head: &str, unit: &str, tail: &str| format!("{head}{}{tail}", unit.repeat((most - head.len()) / unit.len()));
    let form = |body: &str| format!("--b\r\nContent-Disposition: form-data; name=\"post.r\"\r\n\r\n{body}\r\n--b--\r\n");
    // Empty spans in the scope spans of resource spans; the lengths are those of the messages around them.
    let spans = [0x12, 0].repeat(most / 2);
    let wrap = |field: u8, inner: Vec<u8>| {
        let mut outer = vec![field];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    };
    let spans = wrap(0x0a, wrap(0x12, spans));
    let events = wrap(0x0a, wrap(0x12, wrap(0x12, [0x5a, 0].repeat(most / 2))));
    let attributes = wrap(0x0a, wrap(0x0a, [0x0a, 0].repeat(most / 2)));
    let bodies: [(&str, &str, Vec<u8>); 14] = [
        ("/v1/traces", PROTOBUF, spans.clone()),
        ("/v1/traces", PROTOBUF, events),
        ("/v1/traces", PROTOBUF, attributes),
        ("/v1/logs", PROTOBUF, spans),
        ("/v1/traces", JSON, filled("{\"resourceSpans\":[{}", ",{}", "]}").into()),
        ("/v1/logs", JSON, filled("{\"resourceLogs\":[{}", ",{}", "]}").into()),
        ("/v1/traces/batch", JSON, filled("[{}", ",{}", "]").into()),
        ("/v1/trace", JSON, filled("{\"task\":\"tool\",\"interaction_id\":\"i\",\"input\":\"[{}", ",()", "]\"}").into()),
        ("/api/public/ingestion", JSON, filled("{\"batch\":[{}", ",{}", "]}").into()),
        ("/api/public/scores", JSON, filled("[{}", ",{}", "]").into()),
        ("/runs/batch", JSON, filled("{\"post\":[{}", ",{}", "]}").into()),
        ("/runs/multipart", FORM, form(&filled("{\"id\":\"r\",\"a\":[[]", ",[]", "]}")).into()),
        ("/api/v1/private/spans/batch", JSON, filled("{\"spans\":[{}", ",{}", "]}").into()),
        ("/api/3.0/mlflow/traces", JSON, filled("{\"a\":[{}", ",{}", "]}").into()),
    ];
    for (path, content_type, body) in bodies {
        assert!(body.len() <= MAX_BODY_BYTES, "{path}: {}", body.len());
        let answer = post(&server, path, content_type, "gzip", gzip(&body));
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 413, "{path} in {content_type}: {said}");
        let limit = [MAX_REQUEST_VALUES, MAX_REQUEST_SPANS].map(|limit| limit.to_string());
        assert!(limit.iter().any(|limit| said.contains(limit)), "{path}: {said}");
    }
    alive(&server, 0);
    #[cfg(target_os = "linux")]
    assert!(most_memory(&server) < 8 * MAX_BODY_BYTES, "{} MiB", most_memory(&server) >> 20);
}

/// Marks of JSON in a text make no values, in a text of JSON neither.
#[test]
fn a_table_of_eight_megabytes_is_taken() {
    let server = start();
    let table = "1,2,(3),{4},[5]\n".repeat(600_000);
    let messages = json!([{ "role": "user", "content": table }]).to_string();
    let span = json!({ "traceId": "0a".repeat(16), "spanId": "0b".repeat(8), "name": "chat", "attributes": [
        { "key": "gen_ai.operation.name", "value": { "stringValue": "chat" } },
        { "key": "gen_ai.input.messages", "value": { "stringValue": messages } },
    ] });
    let export = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] });
    let step = json!({ "task": "message", "interaction_id": "i", "trace_id": "t", "input": table });
    for (path, body) in [("/v1/trace", step), ("/v1/traces", export)] {
        let answer = post(&server, path, JSON, "identity", body.to_string());
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    let (_, span) = server.get(&format!("/api/v1/traces/{}/spans/{}", "0a".repeat(16), "0b".repeat(8)));
    assert_eq!(span["input"]["messages"][0]["parts"][0]["text"], table);
    let (_, span) = server.get("/api/v1/traces/i/spans/t");
    assert_eq!(span["input"]["text"], table);
}

#[test]
fn more_items_than_a_request_may_hold_are_refused() {
    let server = start();
    let many = vec!["{}"; MAX_REQUEST_SPANS + 1].join(",");
    for (path, body) in [
        ("/v1/traces", format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{many}]}}]}}]}}")),
        ("/v1/logs", format!("{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{many}]}}]}}]}}")),
        ("/v1/traces/batch", format!("[{{\"traces\":[{{\"spans\":[{many}]}}]}}]")),
        ("/api/public/ingestion", format!("{{\"batch\":[{many}]}}")),
        ("/api/public/scores", format!("[{many}]")),
        ("/runs/batch", format!("{{\"patch\":[{many}]}}")),
        ("/api/v1/private/spans/batch", format!("{{\"spans\":[{many}]}}")),
    ] {
        let answer = post(&server, path, JSON, "identity", &body);
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 413, "{path}: {said}");
        assert!(said.contains(&MAX_REQUEST_SPANS.to_string()), "{path}: {said}");
    }
    alive(&server, 0);
}
