//! The HTTP application: all routes, and what goes around every request.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use neuraltrust_store::{Quarantine, Store};
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::ApiError;
use crate::ingest::Ingest;
use crate::live::Listeners;
use crate::patience::streams;
use crate::sources::Sources;
use crate::{api, auth, docs, metrics, quarantine, receive, ui, unread};

/// What every request can reach.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) ingest: Ingest,
    pub(crate) quarantine: Arc<Quarantine>,
    /// Which spans of each source never came.
    pub(crate) sources: Sources,
    /// Who follows what changes.
    pub(crate) listeners: Listeners,
    pub(crate) metrics: PrometheusHandle,
    /// Becomes true when the server is to end.
    pub(crate) ending: watch::Receiver<bool>,
}

/// Everything at the main port.
pub(crate) fn router(app: App) -> Router {
    let (api, document) = api::router().split_for_parts();
    let described = docs::page(&serde_json::to_value(&document).unwrap_or_default());
    let document = document.to_pretty_json().unwrap_or_default();
    let open = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(render_metrics))
        .route("/signin", get(api::session::sign_in))
        .route("/docs", get(move || async { docs::answer(described) }))
        .route("/api/v1/openapi.json", get(move || async { ([(header::CONTENT_TYPE, "application/json")], document) }));
    around(
        open.merge(api.layer(from_fn_with_state(app.clone(), receive::before_ours)))
            .merge(receive::routes().layer(from_fn_with_state(app.clone(), quarantine::watch)))
            .fallback(elsewhere),
        app,
    )
}

/// What is at the port for OpenTelemetry exporters.
pub(crate) fn otlp_router(app: App) -> Router {
    let watched = receive::otlp_routes().layer(from_fn_with_state(app.clone(), quarantine::watch));
    around(watched.fallback(not_at_this_port), app)
}

fn around(router: Router<App>, app: App) -> Router {
    router
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(unread::read_first))
        .layer(from_fn_with_state(app.clone(), metrics::measure))
        .layer(from_fn(streams::watch))
        .with_state(app)
}

/// A defect must cost the request that found it and no other.
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("?"), "a request panicked");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server failed to answer; its log says why").into_response()
}

async fn ready(State(app): State<App>) -> Result<&'static str, ApiError> {
    app.store.health().map_err(|trouble| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", trouble))?;
    Ok("ready\n")
}

async fn render_metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::render(&app.metrics, &app.store, app.sources.losses()).await)
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let detail = format!("{} does not take {method}; /docs lists what there is", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", detail)
}

/// What is no route is a path of the page, unless it is one that only programs ask for, or a program asks, which shows a key.
async fn elsewhere(method: Method, uri: Uri, headers: axum::http::HeaderMap) -> Response {
    let path = uri.path();
    let of_programs = path == "/api" || path.starts_with("/api/") || path.starts_with("/v1/") || auth::presents_key(&headers);
    if of_programs || !matches!(method, Method::GET | Method::HEAD) {
        let detail = format!(
            "there is nothing at {}; send spans to POST /v1/trace or POST /v1/traces, and see /docs for reading",
            uri.path()
        );
        return ApiError::not_found(detail).into_response();
    }
    ui::page(uri.path(), &headers)
}

async fn not_at_this_port(uri: Uri) -> ApiError {
    ApiError::not_found(format!(
        "there is nothing at {} of this port; it takes POST /v1/traces, /v1/logs and /v1/metrics",
        uri.path()
    ))
}
