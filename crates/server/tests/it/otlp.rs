//! OTLP over HTTP and gRPC, in every coding that exporters use.

use std::io::Write as _;

use neuraltrust_model::attributes as names;
use neuraltrust_testing::Server;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request};

use crate::{BINARY, start, wait_for};

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

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
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
    });
    let post = ureq::post(format!("http://{http}/v1/traces"))
        .header("content-type", "application/x-protobuf")
        .header("authorization", format!("Bearer {}", server.key()));
    assert_eq!(post.send(export(2).encode_to_vec()).unwrap().status(), 200);
    wait_for(&server, "/api/v1/spans", 2);
    assert!(server.stop().success(), "an open gRPC connection does not keep the server from ending");
}
