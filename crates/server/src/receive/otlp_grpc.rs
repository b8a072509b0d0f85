//! OTLP over gRPC: `TraceService`, `LogsService` and `MetricsService`, each with its `Export`.
//!
//! Format: OpenTelemetry protocol specification 1.x, "OTLP/gRPC", with its table of retryable codes. Of log records, those that
//! belong to a span are kept; metrics are counted only. A message is taken as the bytes that it is, which are counted before they are
//! decoded, and which the quarantine keeps. A sender without a key is refused before its message is read.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{self, HeaderMap, StatusCode};
use axum::routing::post;
use bytes::{Buf as _, BufMut as _};
use neuraltrust_model::limits::MAX_BODY_BYTES;
use neuraltrust_normalize::Rejection;
use neuraltrust_store::{Grant, Scope};
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::Grpc;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use tower::service_fn;

use super::otlp_http::{Encoding, Signal, count, decode, message_of};
use super::{body, name_project};
use crate::auth;
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_all_rejected, count_rejected};
use crate::metrics::METRIC_EXPORTS;
use crate::quarantine;

const SURFACE: Surface = Surface::OtlpGrpc;

/// The services, with the codings that exporters use.
pub(crate) fn services(app: App) -> Routes {
    let exports = Router::new()
        .route("/opentelemetry.proto.collector.trace.v1.TraceService/Export", post(traces))
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", post(logs))
        .route("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", post(metrics))
        .with_state(app);
    // Whatever else is called is answered as not implemented.
    Routes::default().into_axum_router().merge(exports).into()
}

type Answer = http::Response<tonic::body::Body>;

async fn traces(State(app): State<App>, request: http::Request<Body>) -> Answer {
    export(app, Signal::Traces, request).await
}

async fn logs(State(app): State<App>, request: http::Request<Body>) -> Answer {
    export(app, Signal::Logs, request).await
}

async fn metrics(State(app): State<App>, request: http::Request<Body>) -> Answer {
    export(app, Signal::Metrics, request).await
}

async fn export(app: App, signal: Signal, request: http::Request<Body>) -> Answer {
    let grant = match auth::require_key(app.store.accounts(), request.headers(), Scope::Ingest) {
        Ok(grant) => grant,
        Err(error) => {
            count_refused(&error);
            return status(&error).into_http();
        }
    };
    let keep = service_fn(move |request: Request<Bytes>| {
        let (app, grant) = (app.clone(), grant.clone());
        async move {
            let rejected = watched(&app, &grant, signal, request).await.map_err(|error| status(&error))?;
            Ok::<_, Status>(Response::new(message_of(signal, &rejected)))
        }
    });
    Grpc::new(AsBytes)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(MAX_BODY_BYTES)
        .unary(keep, request)
        .await
}

/// Keeps what an export says of spans; returns what is not kept of it, which is in quarantine.
async fn watched(app: &App, grant: &Grant, signal: Signal, request: Request<Bytes>) -> Result<Vec<Rejection>, ApiError> {
    let headers = request.metadata().clone().into_headers();
    // Where the same export goes over HTTP.
    let path = match signal {
        Signal::Traces => "/v1/traces",
        Signal::Logs => "/v1/logs",
        Signal::Metrics => {
            metrics::counter!(METRIC_EXPORTS, "surface" => SURFACE.as_str()).increment(1);
            return Ok(Vec::new());
        }
    };
    let counted = async {
        let rejected = keep(app, grant, signal, &headers, request.into_inner()).await.inspect_err(count_refused)?;
        count_all_rejected(SURFACE, &rejected);
        Ok(rejected)
    };
    quarantine::watch_export(app, &headers, path, counted).await
}

async fn keep(app: &App, grant: &Grant, signal: Signal, headers: &HeaderMap, message: Bytes) -> Result<Vec<Rejection>, ApiError> {
    let mut received = body::received(&app.ingest, message).await?;
    let decoded =
        received.decode_counted(count(signal, Encoding::Protobuf), move |bytes| decode(signal, Encoding::Protobuf, bytes));
    let mut normalized = decoded.await?;
    name_project(headers, &mut normalized.patches);
    app.ingest.keep(SURFACE, grant, normalized).await
}

fn count_refused(error: &ApiError) {
    count_rejected(SURFACE, error.reason);
    error.log();
}

fn status(error: &ApiError) -> Status {
    Status::new(code(error.status), error.detail.clone())
}

/// Messages as the bytes that they are.
#[derive(Debug, Clone, Copy)]
struct AsBytes;

impl Codec for AsBytes {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsBytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&message);
        Ok(())
    }
}

impl Decoder for AsBytes {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}

/// The code that means to a gRPC client what the status means to an HTTP client; only UNAVAILABLE is tried again.
fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        status if status.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    }
}
