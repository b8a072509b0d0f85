//! OTLP over HTTP and gRPC, in every coding that exporters use.

use std::io::Write as _;

use neuraltrust_model::attributes as names;
use neuraltrust_testing::Server;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::json;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request};

use crate::replays::{recorded, send, shown};
use crate::{BINARY, metric, start, wait_for};

fn export(id: u8) -> ExportTraceServiceRequest {
    let text = |text: &str| Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) });
    let attribute = |name: &str, value: &str| KeyValue { key: name.to_owned(), value: text(value), ..KeyValue::default() };
    let span = Span {
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        name: "chat".to_owned(),
        start_time_unix_nano: 1_795_402_111_000_000_000,
        end_time_unix_nano: 1_795_402_112_000_000_000,
        attributes: vec![
            attribute(names::OPERATION_NAME, "chat"),
            attribute(names::CONVERSATION_ID, "one conversation"),
            attribute(names::INPUT, "how are you?"),
        ],
        ..Span::default()
    };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() }] }
}

#[test]
fn every_content_coding_is_read() {
    let server = start();
    let plain = |id| export(id).encode_to_vec();
    let gzip = |plain: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(plain).unwrap();
        out.finish().unwrap()
    };
    let bodies = [("identity", plain(1)), ("gzip", gzip(&plain(2))), ("zstd", zstd::encode_all(plain(3).as_slice(), 1).unwrap())];
    for (coding, body) in bodies {
        let headers = [("x-api-key", server.key()), ("content-type", "application/x-protobuf"), ("content-encoding", coding)];
        let answer = server.post("/v1/traces", &headers, body);
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{coding}");
    }
    let rows = wait_for(&server, "/api/v1/spans?conversation_id=one%20conversation", 3);
    assert_eq!((&rows[0]["kind"], &rows[0]["duration_ms"]), (&"generation".into(), &1_000.0.into()));
}

/// The answer of the span of that id, and a record that belongs to none.
fn logs(id: u8) -> ExportLogsServiceRequest {
    let text = |text: &str| Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) });
    let answer = LogRecord {
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        time_unix_nano: 1_795_402_112_000_000_000,
        event_name: "gen_ai.choice".to_owned(),
        body: text("{\"message\": {\"role\": \"assistant\", \"content\": \"fine\"}}"),
        ..LogRecord::default()
    };
    let plain = LogRecord { body: text("starting"), ..LogRecord::default() };
    let scope = ScopeLogs { log_records: vec![answer, plain], ..ScopeLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() }] }
}

#[test]
fn log_records_join_their_span_in_either_order_and_are_answered_in_their_encoding() {
    let server = start();
    let post = |path: &str, content_type: &str, body: Vec<u8>| {
        server.post(path, &[("x-api-key", server.key()), ("content-type", content_type)], body)
    };
    let record = |id: &str, text: &str| {
        json!({"traceId": id.repeat(16), "spanId": id.repeat(8), "timeUnixNano": 1_795_402_111_500_000_000_u64,
            "attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.choice"}}],
            "body": {"kvlistValue": {"values": [{"key": "message", "value": {"stringValue": text}}]}}})
    };
    let logs = |records: serde_json::Value| {
        let body = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string().into_bytes();
        post("/v1/logs", "application/json;charset=utf-8", body)
    };
    // The answer of span 2 comes before the span, that of span 3 after it.
    assert_eq!(logs(json!([record("02", "before")])).json(), json!({}));
    for id in [2, 3] {
        assert_eq!(post("/v1/traces", "application/x-protobuf", export(id).encode_to_vec()).status, 200);
    }
    let answer = logs(json!([record("03", "after"), {"body": {"stringValue": "starting"}}]));
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"));
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(partial["rejectedLogRecords"], "1", "64-bit integers are text in protobuf's JSON");
    assert!(partial["errorMessage"].as_str().unwrap().starts_with("logRecords[1].spanId: the record names no span"), "{partial}");
    assert_eq!(metric(&server, "neuraltrust_rejected_total", "surface=\"otlp_http\",reason=\"missing_id\""), 1.0);

    for (id, said) in [("02", "before"), ("03", "after")] {
        let (_, span) = server.get(&format!("/api/v1/traces/{}/spans/{}", id.repeat(16), id.repeat(8)));
        assert_eq!(span["output"]["messages"][0]["parts"][0]["text"], said, "{span}");
        assert_eq!((&span["kind"], &span["conversation_id"]), (&json!("generation"), &json!("one conversation")));
    }
    assert_eq!(wait_for(&server, "/api/v1/spans", 2).len(), 2);
    assert_eq!(post("/v1/metrics", "application/json", b"{}".to_vec()).json(), json!({}));
    assert_eq!(metric(&server, "neuraltrust_metric_exports_total", "surface=\"otlp_http\""), 1.0);
    assert_eq!(post("/v1/logs", "application/json", b"[]".to_vec()).status, 400);
}

/// The recordings whose requests depend on each other.
const SEVERAL_REQUESTS: [&str; 3] =
    ["opentelemetry/http-protobuf-gzip-latest", "opentelemetry/http-protobuf-legacy-events", "otel-js/official-http-json"];

#[test]
fn the_order_of_requests_makes_no_difference() {
    for folder in SEVERAL_REQUESTS {
        let requests = recorded(folder);
        let (forwards, backwards) = (start(), start());
        requests.iter().for_each(|request| assert_eq!(send(&forwards, request), 200, "{folder} {}", request.path));
        requests.iter().rev().for_each(|request| assert_eq!(send(&backwards, request), 200, "{folder} {}", request.path));
        let ids = |server: &Server| {
            let mut rows: Vec<_> = shown(server).1.iter().map(|row| (row["trace_id"].clone(), row["span_id"].clone())).collect();
            rows.sort_by_key(|(trace, span)| (trace.to_string(), span.to_string()));
            rows
        };
        assert_eq!(ids(&forwards), ids(&backwards), "{folder}");
        for (trace, span) in ids(&forwards) {
            let path = format!("/api/v1/traces/{}/spans/{}", trace.as_str().unwrap(), span.as_str().unwrap());
            let span = |server: &Server| {
                let (_, mut span) = server.get(&path);
                span.as_object_mut().unwrap().remove("received_at");
                span
            };
            assert_eq!(span(&forwards), span(&backwards), "{folder}");
        }
    }
}

#[test]
fn turns_whose_root_says_both_sides_are_shown_with_both() {
    for (folder, conversation) in [
        ("openinference/openai-phoenix", "sess-9b1e07aa"),
        ("traceloop/python-0.40.14", "conv-2f6c1d88-orders"),
        ("traceloop/python-0.62.4", "conv-2f6c1d88-orders"),
    ] {
        let server = start();
        recorded(folder).iter().for_each(|request| assert_eq!(send(&server, request), 200, "{folder} {}", request.path));
        let (status, body) = server.get(&format!("/api/v1/conversations/{conversation}"));
        assert_eq!(status, 200, "{folder}: {body}");
        let said = |side: &str| {
            let turns = body["turns"].as_array().unwrap().iter();
            turns.map(|turn| turn[side].to_string()).collect::<Vec<_>>()
        };
        for (input, output) in [
            ("Hello, how are you? My name is Zoë 👋🏽", "I'm not certain. The documents"),
            ("¿Cuál es la política de reembolso", "I'm not certain. The documents"),
            ("Danke! Und wie wird das Wetter morgen?", "Based on the tool result"),
            ("Thanks, that is all.", "Claro: el menú vegetariano"),
        ] {
            let both = said("input").iter().zip(&said("output")).any(|(i, o)| i.contains(input) && o.contains(output));
            assert!(both, "{folder}: {input}");
        }
    }
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Exporters whose address is that of another product send all three signals there, with the key in the header of that product.
#[test]
fn every_signal_is_taken_where_other_products_take_traces() {
    let server = start();
    let bearer = format!("Bearer {}", server.key());
    for prefix in ["", "/api/public/otel", "/otel", "/api/v1/otel", "/api/v1/private/otel", "/opik/api/v1/private/otel"] {
        for signal in ["traces", "logs", "metrics"] {
            for (name, value) in [("api_key", server.key()), ("helicone-auth", &bearer), ("authorization", server.key())] {
                let headers = [("content-type", "application/x-protobuf"), (name, value)];
                let answer = server.post(&format!("{prefix}/v1/{signal}"), &headers, Vec::new());
                assert_eq!(answer.status, 200, "{prefix}/v1/{signal} with {name}");
            }
        }
    }
}

#[test]
fn logfires_client_is_told_the_project_of_its_token() {
    let server = start();
    let answer = server.fetch("/v1/info", &[("authorization", server.key())]);
    let info: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &info["project_name"]), (200, &json!("default")));
    assert!(info["project_url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{info}");
    assert_eq!(server.fetch("/v1/info", &[("authorization", "nt_unknown")]).status, 401);
}

#[test]
fn what_was_recorded_over_grpc_is_taken_over_grpc() {
    let grpc = format!("127.0.0.1:{}", free_port());
    let server = Server::start_with(BINARY, &["--grpc-listen", &grpc]);
    let [recorded] = <[_; 1]>::try_from(recorded("openinference/openai-agents-phoenix-grpc")).ok().unwrap();
    let export = ExportTraceServiceRequest::decode(recorded.body.as_slice()).unwrap();
    let mut request = Request::new(export);
    request.metadata_mut().insert("authorization", format!("Bearer {}", server.key()).parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let client = TraceServiceClient::connect(format!("http://{grpc}")).await.unwrap();
        client.max_encoding_message_size(8 << 20).export(request).await.unwrap().into_inner()
    });
    assert_eq!(answer.partial_success, None);
    wait_for(&server, "/api/v1/spans?limit=1000", 109);
    let (_, conversation) = server.get("/api/v1/conversations/sess-9b1e07aa");
    assert_eq!(conversation["conversation"]["total_tokens"], 51_829 + 549);
}

#[test]
fn grpc_and_the_exporters_own_port_take_the_same() {
    let (grpc, http) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let mut server = Server::start_with(BINARY, &["--grpc-listen", &grpc, "--otlp-listen", &http]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = TraceServiceClient::connect(format!("http://{grpc}")).await.unwrap();
        let mut client = client.send_compressed(CompressionEncoding::Gzip);
        let refused = client.export(export(1)).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
        let mut request = Request::new(export(1));
        request.metadata_mut().insert("authorization", format!("Bearer {}", server.key()).parse().unwrap());
        assert_eq!(client.export(request).await.unwrap().into_inner().partial_success, None);

        let key = format!("Bearer {}", server.key());
        let mut request = Request::new(logs(1));
        request.metadata_mut().insert("authorization", key.parse().unwrap());
        let mut client = LogsServiceClient::connect(format!("http://{grpc}")).await.unwrap();
        let partial = client.export(request).await.unwrap().into_inner().partial_success.unwrap();
        assert_eq!(partial.rejected_log_records, 1);
        assert!(partial.error_message.contains("names no span"), "{}", partial.error_message);
        let mut client = MetricsServiceClient::connect(format!("http://{grpc}")).await.unwrap();
        let refused = client.export(ExportMetricsServiceRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
        let mut request = Request::new(ExportMetricsServiceRequest::default());
        request.metadata_mut().insert("authorization", key.parse().unwrap());
        client.export(request).await.unwrap();
    });
    assert_eq!(metric(&server, "neuraltrust_metric_exports_total", "surface=\"otlp_grpc\""), 1.0);
    let (_, span) = server.get(&format!("/api/v1/traces/{}/spans/{}", "01".repeat(16), "01".repeat(8)));
    assert_eq!(span["output"]["messages"][0]["parts"][0]["text"], "fine", "{span}");
    let post = ureq::post(format!("http://{http}/v1/traces"))
        .header("content-type", "application/x-protobuf")
        .header("authorization", format!("Bearer {}", server.key()));
    assert_eq!(post.send(export(2).encode_to_vec()).unwrap().status(), 200);
    wait_for(&server, "/api/v1/spans", 2);

    // The log record without a span, kept as the request over HTTP that says the same.
    let page = server.get("/api/v1/quarantine").1;
    let kept = &page["items"][0];
    assert_eq!(
        (&page["total"], &kept["protocol"], &kept["path"]),
        (&json!(1), &json!("otlp_grpc"), &json!("/v1/logs")),
        "{page}"
    );
    let body = server.fetch(&format!("/api/v1/quarantine/{}", kept["id"]), &[("x-api-key", server.key())]).body;
    assert_eq!(ExportLogsServiceRequest::decode(body.as_slice()).unwrap(), logs(1));
    let key = [("x-api-key", server.key()), ("content-type", "application/json")];
    let replayed = server.post(&format!("/api/v1/quarantine/{}/replay", kept["id"]), &key, "").json();
    assert_eq!((&replayed["status"], &replayed["rejected"]), (&json!(200), &json!(1)), "{replayed}");
    assert!(server.stop().success(), "an open gRPC connection does not keep the server from ending");
}
