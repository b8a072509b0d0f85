//! OTLP over HTTP: `POST /v1/traces`, `/v1/logs` and `/v1/metrics`, as protobuf or JSON.
//!
//! Format: OpenTelemetry protocol specification 1.x, "OTLP/HTTP". An answer is in the encoding of its request, and an error is
//! a `google.rpc.Status` message, as it asks. Of log records, those that belong to a span are kept; metrics are counted only.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use neuraltrust_normalize::{Normalized, Rejection, otlp, otlp_logs, values};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use serde_json::{Value, json};

use super::{body, may_send, name_project};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_all_rejected, count_rejected};
use crate::metrics::METRIC_EXPORTS;

const SURFACE: Surface = Surface::OtlpHttp;
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
/// Reasons told to the client for the items of one request; the metrics count all of them.
const TOLD_REASONS: usize = 5;

/// What an export is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Signal {
    Traces,
    Logs,
    Metrics,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

/// `google.rpc.Status` (googleapis, `google/rpc/status.proto`), of which OTLP uses the message.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Keeps the spans of an export.
pub(super) async fn traces(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    export(&app, Signal::Traces, &headers, body).await
}

/// Keeps what the log records of an export say of spans.
pub(super) async fn logs(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    export(&app, Signal::Logs, &headers, body).await
}

/// Takes metrics, which exporters send without being asked, and keeps none of them.
pub(super) async fn metrics(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    export(&app, Signal::Metrics, &headers, body).await
}

async fn export(app: &App, signal: Signal, headers: &HeaderMap, body: Body) -> Response {
    let encoding = encoding(headers);
    match keep(app, signal, headers, body).await {
        Ok(rejected) => {
            count_all_rejected(SURFACE, &rejected);
            answer(encoding.unwrap_or(Encoding::Protobuf), signal, &rejected)
        }
        Err(error) => {
            count_rejected(SURFACE, error.reason);
            refuse(encoding.unwrap_or(Encoding::Protobuf), &error)
        }
    }
}

async fn keep(app: &App, signal: Signal, headers: &HeaderMap, body: Body) -> Result<Vec<Rejection>, ApiError> {
    let grant = may_send(app, headers)?;
    let encoding = encoding(headers)?;
    let mut received = match body::receive(&app.ingest, headers, body).await {
        // An export of nothing is an empty protobuf message.
        Err(error) if error.reason == "empty" && encoding == Encoding::Protobuf => return Ok(Vec::new()),
        received => received?,
    };
    if matches!(signal, Signal::Metrics) {
        received.decode_counted(count(signal, encoding), |_| Ok(())).await?;
        ::metrics::counter!(METRIC_EXPORTS, "surface" => SURFACE.as_str()).increment(1);
        return Ok(Vec::new());
    }
    let mut normalized = received.decode_counted(count(signal, encoding), move |bytes| decode(signal, encoding, bytes)).await?;
    name_project(headers, &mut normalized.patches);
    let rejected = app.ingest.keep(SURFACE, &grant, normalized).await?;
    if matches!(signal, Signal::Traces) {
        app.sources.heard(grant.project, headers);
    }
    Ok(rejected)
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    match given.split(';').next().unwrap_or("").trim().to_ascii_lowercase().as_str() {
        PROTOBUF | "application/protobuf" => Ok(Encoding::Protobuf),
        JSON => Ok(Encoding::Json),
        other => {
            let other: String = other.chars().take(80).collect();
            let detail = format!("Content-Type {other:?} is not taken here; send {PROTOBUF} or {JSON}");
            Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", detail))
        }
    }
}

/// What an export says of spans.
pub(super) fn decode(signal: Signal, encoding: Encoding, bytes: &[u8]) -> Result<Normalized, ApiError> {
    match (signal, encoding) {
        (Signal::Traces, Encoding::Protobuf) => Ok(otlp::normalize_protobuf(bytes)?),
        (Signal::Traces, Encoding::Json) => Ok(otlp::normalize_json(bytes)?),
        (Signal::Logs, Encoding::Protobuf) => Ok(otlp_logs::normalize_protobuf(bytes)?),
        (Signal::Logs, Encoding::Json) => Ok(otlp_logs::normalize_json(bytes)?),
        (Signal::Metrics, _) => Ok(Normalized::default()),
    }
}

/// How the values of a body are counted.
pub(super) fn count(signal: Signal, encoding: Encoding) -> fn(&[u8]) -> usize {
    match (signal, encoding) {
        (Signal::Traces, Encoding::Protobuf) => values::in_traces,
        (Signal::Logs, Encoding::Protobuf) => values::in_logs,
        (Signal::Traces | Signal::Logs, Encoding::Json) => values::in_json,
        // Nothing of metrics is decoded.
        (Signal::Metrics, _) => |_| 0,
    }
}

fn answer(encoding: Encoding, signal: Signal, rejected: &[Rejection]) -> Response {
    let told = (!rejected.is_empty()).then(|| (rejected.len() as i64, reasons(rejected)));
    if encoding == Encoding::Json {
        // 64-bit integers are text in protobuf's JSON.
        let partial = |count: &str| told.map(|(rejected, reasons)| json!({count: rejected.to_string(), "errorMessage": reasons}));
        let partial = match signal {
            Signal::Traces => partial("rejectedSpans"),
            Signal::Logs => partial("rejectedLogRecords"),
            Signal::Metrics => None,
        };
        let answer = partial.map_or_else(|| json!({}), |partial| json!({"partialSuccess": partial}));
        return ([(header::CONTENT_TYPE, JSON)], answer.to_string()).into_response();
    }
    ([(header::CONTENT_TYPE, PROTOBUF)], message_of(signal, rejected)).into_response()
}

/// The answer in protobuf, which says what of an export is not kept.
pub(super) fn message_of(signal: Signal, rejected: &[Rejection]) -> Vec<u8> {
    match signal {
        Signal::Traces => ExportTraceServiceResponse { partial_success: partial_success(rejected) }.encode_to_vec(),
        Signal::Logs => ExportLogsServiceResponse { partial_success: partial_logs(rejected) }.encode_to_vec(),
        Signal::Metrics => Vec::new(),
    }
}

/// What the client is told of the spans that are not kept.
fn partial_success(rejected: &[Rejection]) -> Option<ExportTracePartialSuccess> {
    (!rejected.is_empty())
        .then(|| ExportTracePartialSuccess { rejected_spans: rejected.len() as i64, error_message: reasons(rejected) })
}

/// What the client is told of the log records that are not kept.
fn partial_logs(rejected: &[Rejection]) -> Option<ExportLogsPartialSuccess> {
    (!rejected.is_empty())
        .then(|| ExportLogsPartialSuccess { rejected_log_records: rejected.len() as i64, error_message: reasons(rejected) })
}

fn reasons(rejected: &[Rejection]) -> String {
    let mut told: Vec<String> = rejected.iter().take(TOLD_REASONS).map(ToString::to_string).collect();
    if rejected.len() > TOLD_REASONS {
        told.push(format!("and {} more", rejected.len() - TOLD_REASONS));
    }
    told.join("; ")
}

fn refuse(encoding: Encoding, error: &ApiError) -> Response {
    error.log();
    // google.rpc.Code: clients look at the HTTP status; UNKNOWN says no more than that.
    let status = RpcStatus { code: 2, message: error.detail.clone() };
    let (content_type, body) = match encoding {
        Encoding::Protobuf => (PROTOBUF, status.encode_to_vec()),
        Encoding::Json => (JSON, Value::to_string(&json!({"code": status.code, "message": status.message})).into_bytes()),
    };
    let mut response = (error.status, [(header::CONTENT_TYPE, content_type)], body).into_response();
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
