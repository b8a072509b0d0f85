//! OTLP over gRPC: `TraceService`, `LogsService` and `MetricsService`, each with its `Export`.
//!
//! Format: OpenTelemetry protocol specification 1.x, "OTLP/gRPC", with its table of retryable codes. Of log records, those that
//! belong to a span are kept; metrics are counted only. What is no protobuf message is refused before it comes here, and is not in
//! quarantine.

use axum::body::Bytes;
use axum::http::StatusCode;
use neuraltrust_model::limits::MAX_BODY_BYTES;
use neuraltrust_normalize::{Normalized, Rejection, otlp, otlp_logs};
use neuraltrust_store::Scope;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{MetricsService, MetricsServiceServer};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use super::name_project;
use super::otlp_http::{partial_logs, partial_success};
use crate::auth;
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_all_rejected, count_rejected};
use crate::metrics::METRIC_EXPORTS;
use crate::quarantine;

const SURFACE: Surface = Surface::OtlpGrpc;

/// The services, with the codings that exporters use.
pub(crate) fn services(app: App) -> Routes {
    macro_rules! service {
        ($server:ident) => {
            $server::new(Exports { app: app.clone() })
                .accept_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Zstd)
                .max_decoding_message_size(MAX_BODY_BYTES)
        };
    }
    Routes::new(service!(TraceServiceServer)).add_service(service!(LogsServiceServer)).add_service(service!(MetricsServiceServer))
}

struct Exports {
    app: App,
}

#[tonic::async_trait]
impl TraceService for Exports {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let rejected = self.keep(request, "/v1/traces", otlp::normalize).await?;
        Ok(Response::new(ExportTraceServiceResponse { partial_success: partial_success(&rejected) }))
    }
}

#[tonic::async_trait]
impl LogsService for Exports {
    async fn export(&self, request: Request<ExportLogsServiceRequest>) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let rejected = self.keep(request, "/v1/logs", otlp_logs::normalize).await?;
        Ok(Response::new(ExportLogsServiceResponse { partial_success: partial_logs(&rejected) }))
    }
}

#[tonic::async_trait]
impl MetricsService for Exports {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let headers = request.metadata().clone().into_headers();
        auth::require_key(self.app.store.accounts(), &headers, Scope::Ingest).map_err(|error| refuse(&error))?;
        metrics::counter!(METRIC_EXPORTS, "surface" => SURFACE.as_str()).increment(1);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

impl Exports {
    /// Keeps what an export says of spans; returns what is not kept of it. `path` is where the same export goes over HTTP.
    async fn keep<T: Message>(
        &self,
        request: Request<T>,
        path: &'static str,
        normalize: fn(T) -> Normalized,
    ) -> Result<Vec<Rejection>, Status> {
        let headers = request.metadata().clone().into_headers();
        let kept = async {
            let grant = auth::require_key(self.app.store.accounts(), &headers, Scope::Ingest)?;
            let export = request.into_inner();
            let _room = self.app.ingest.room(export.encoded_len()).await?;
            // The bytes as they came are gone by now; these say the same.
            quarantine::saw_body(&Bytes::from(export.encode_to_vec()));
            let mut normalized = normalize(export);
            name_project(&headers, &mut normalized.patches);
            self.app.ingest.keep(SURFACE, &grant, normalized).await
        };
        let counted = async {
            let rejected = kept.await.inspect_err(count)?;
            count_all_rejected(SURFACE, &rejected);
            Ok(rejected)
        };
        quarantine::watch_export(&self.app, &headers, path, counted).await.map_err(|error| status(&error))
    }
}

fn refuse(error: &ApiError) -> Status {
    count(error);
    status(error)
}

fn count(error: &ApiError) {
    count_rejected(SURFACE, error.reason);
    error.log();
}

fn status(error: &ApiError) -> Status {
    Status::new(code(error.status), error.detail.clone())
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
