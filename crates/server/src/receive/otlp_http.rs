//! OTLP over HTTP: `POST /v1/traces` with protobuf.
//!
//! Format: OpenTelemetry protocol specification 1.x, "OTLP/HTTP". Errors are `google.rpc.Status` messages, as it asks.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use neuraltrust_normalize::{Normalized, Rejection, otlp};
use neuraltrust_store::Scope;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;

use super::body;
use crate::auth;
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_all_rejected, count_rejected};

const SURFACE: Surface = Surface::OtlpHttp;
const PROTOBUF: &str = "application/x-protobuf";
/// Reasons told to the client for the spans of one request; the metrics count all of them.
const TOLD_REASONS: usize = 5;

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
    match keep(&app, &headers, body).await {
        Ok(rejected) => {
            count_all_rejected(SURFACE, &rejected);
            let answer = ExportTraceServiceResponse { partial_success: partial_success(&rejected) };
            ([(header::CONTENT_TYPE, PROTOBUF)], answer.encode_to_vec()).into_response()
        }
        Err(error) => {
            count_rejected(SURFACE, error.reason);
            refuse(&error)
        }
    }
}

async fn keep(app: &App, headers: &HeaderMap, body: Body) -> Result<Vec<Rejection>, ApiError> {
    let check = || {
        let grant = auth::require_key(app.store.accounts(), headers, Scope::Ingest)?;
        content_type(headers).map(|()| grant)
    };
    let (grant, received) = match body::receive(&app.ingest, headers, body, check).await {
        // An export without spans is an empty protobuf message.
        Err(error) if error.reason == "empty" => return Ok(Vec::new()),
        received => received?,
    };
    app.ingest.keep(SURFACE, &grant, received.decode(decode).await?).await
}

fn content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    match given.split(';').next().unwrap_or("").trim() {
        PROTOBUF | "application/protobuf" => Ok(()),
        other => {
            let other: String = other.chars().take(80).collect();
            let detail = format!(
                "Content-Type {other:?} is not taken here yet; send {PROTOBUF} (OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)"
            );
            Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", detail))
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Normalized, ApiError> {
    let request = ExportTraceServiceRequest::decode(bytes).map_err(|error| {
        ApiError::bad_request("malformed", format!("the body is not an ExportTraceServiceRequest in protobuf: {error}"))
    })?;
    Ok(otlp::normalize(request))
}

/// What the client is told of the spans that are not kept.
pub(super) fn partial_success(rejected: &[Rejection]) -> Option<ExportTracePartialSuccess> {
    if rejected.is_empty() {
        return None;
    }
    let mut told: Vec<String> = rejected.iter().take(TOLD_REASONS).map(ToString::to_string).collect();
    if rejected.len() > TOLD_REASONS {
        told.push(format!("and {} more", rejected.len() - TOLD_REASONS));
    }
    Some(ExportTracePartialSuccess { rejected_spans: rejected.len() as i64, error_message: told.join("; ") })
}

fn refuse(error: &ApiError) -> Response {
    error.log();
    // google.rpc.Code: clients look at the HTTP status; UNKNOWN says no more than that.
    let status = RpcStatus { code: 2, message: error.detail.clone() };
    let mut response = (error.status, [(header::CONTENT_TYPE, PROTOBUF)], status.encode_to_vec()).into_response();
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
