//! OTLP over gRPC: `TraceService/Export`.
//!
//! Format: OpenTelemetry protocol specification 1.x, "OTLP/gRPC", with its table of retryable codes.

use axum::http::StatusCode;
use neuraltrust_model::limits::MAX_BODY_BYTES;
use neuraltrust_normalize::otlp;
use neuraltrust_store::Scope;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message as _;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request, Response, Status};

use super::otlp_http::partial_success;
use crate::auth;
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_all_rejected, count_rejected};

const SURFACE: Surface = Surface::OtlpGrpc;

/// The service, with the codings that exporters use.
pub(crate) fn service(app: App) -> TraceServiceServer<impl TraceService> {
    TraceServiceServer::new(Traces { app })
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(MAX_BODY_BYTES)
}

struct Traces {
    app: App,
}

#[tonic::async_trait]
impl TraceService for Traces {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let answer = self.keep(request).await.map_err(|error| {
            count_rejected(SURFACE, error.reason);
            error.log();
            Status::new(code(error.status), error.detail)
        })?;
        Ok(Response::new(answer))
    }
}

impl Traces {
    async fn keep(&self, request: Request<ExportTraceServiceRequest>) -> Result<ExportTraceServiceResponse, ApiError> {
        let headers = request.metadata().clone().into_headers();
        let grant = auth::require_key(self.app.store.accounts(), &headers, Scope::Ingest)?;
        let export = request.into_inner();
        let _room = self.app.ingest.room(export.encoded_len()).await?;
        let rejected = self.app.ingest.keep(SURFACE, &grant, otlp::normalize(export)).await?;
        count_all_rejected(SURFACE, &rejected);
        Ok(ExportTraceServiceResponse { partial_success: partial_success(&rejected) })
    }
}

/// The code that means to a gRPC client what the status means to an HTTP client; only UNAVAILABLE is tried again.
fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => Code::Unavailable,
        status if status.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    }
}
