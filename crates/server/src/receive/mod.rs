//! One module per protocol: authenticate, decompress, decode, and answer in the protocol's own way.

mod body;
mod helicone;
mod langfuse;
mod langsmith;
mod multipart;
mod neuraltrust_batch;
mod neuraltrust_v1;
mod opik;
mod otlp_grpc;
mod otlp_http;

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::routing::{any, get, patch, post};
use neuraltrust_model::Source;
use neuraltrust_normalize::Rejection;
use neuraltrust_store::{Grant, Scope};
use serde_json::{Value, json};

use crate::auth;
use crate::error::ApiError;
use crate::http::App;

pub(crate) use otlp_grpc::services as otlp_grpc;

/// Everything that takes spans over HTTP.
pub(crate) fn routes() -> Router<App> {
    let later = any(neuraltrust_v1::not_there_yet);
    otlp_routes()
        .merge(langfuse::routes())
        .merge(opik::routes())
        .merge(helicone::routes())
        .merge(langsmith_routes())
        .route("/v1/trace", post(neuraltrust_v1::trace))
        .route("/v1/traces/batch", post(neuraltrust_batch::batch))
        .route("/v1/evaluation-set", later.clone())
        .route("/v1/evaluation-set/{*rest}", later.clone())
        .route("/v1/knowledge-base", later.clone())
        .route("/v1/knowledge-base/{*rest}", later.clone())
        .route("/v1/testset", later.clone())
        .route("/v1/testset/{*rest}", later)
}

/// LangSmith's clients add their paths to the address that they are given.
fn langsmith_routes() -> Router<App> {
    Router::new()
        .route("/info", get(langsmith::info))
        .route("/runs/multipart", post(langsmith::multipart))
        .route("/runs/batch", post(langsmith::batch))
        .route("/runs", post(langsmith::post))
        .route("/runs/{id}", patch(langsmith::patch))
        .route("/feedback", post(langsmith::feedback))
        .route("/otel/v1/traces", post(otlp_http::traces))
}

/// Most reasons that an answer tells; the metrics count all of them.
const TOLD_REASONS: usize = 20;

/// What of a request is not kept, for answers in JSON.
fn told(rejected: &[Rejection]) -> Value {
    let reason =
        |rejection: &Rejection| json!({ "at": rejection.at, "reason": rejection.reason.as_str(), "message": rejection.message });
    rejected.iter().take(TOLD_REASONS).map(reason).collect()
}

/// What is taken at the port that OpenTelemetry exporters use by default.
pub(crate) fn otlp_routes() -> Router<App> {
    Router::new()
        .route("/v1/traces", post(otlp_http::traces))
        .route("/v1/logs", post(otlp_http::logs))
        .route("/v1/metrics", post(otlp_http::metrics))
}

/// What the key of a request opens, when it may send.
fn may_send(app: &App, headers: &HeaderMap) -> Result<Grant, ApiError> {
    auth::require_key(app.store.accounts(), headers, Scope::Ingest)
}

/// Who sent a message, by its `User-Agent`: `name/version` and perhaps more.
fn source(headers: &HeaderMap, protocol: &str) -> Source {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let product = agent.and_then(|text| text.split_whitespace().next()).filter(|product| product.len() <= 128);
    let (client, version) = match product.and_then(|product| product.split_once('/')) {
        Some((client, version)) => (Some(client), Some(version)),
        None => (product, None),
    };
    Source { client: client.map(str::to_owned), version: version.map(str::to_owned), protocol: protocol.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_client_is_named_by_its_user_agent() {
        let named = |agent: Option<&'static str>| {
            let headers = agent.map(|agent| (header::USER_AGENT, HeaderValue::from_static(agent)));
            let source = source(&HeaderMap::from_iter(headers), "p");
            (source.client.unwrap_or_default(), source.version.unwrap_or_default())
        };
        assert_eq!(named(Some("python-httpx/0.27.2")), ("python-httpx".to_owned(), "0.27.2".to_owned()));
        assert_eq!(named(Some("curl")), ("curl".to_owned(), String::new()));
        assert_eq!(named(Some("")), Default::default());
        assert_eq!(named(None), Default::default());
    }
}
