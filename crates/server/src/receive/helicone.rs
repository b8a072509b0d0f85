//! Helicone's log call: one request to a model and its answer, told after the fact.

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use neuraltrust_normalize::dialects::helicone::normalize;
use serde_json::{Value, json};

use super::{body, may_send, source};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_rejected};

const SURFACE: Surface = Surface::Helicone;

/// The paths of the call: by provider, and with or without the prefix of the asynchronous loggers.
pub(super) fn routes() -> Router<App> {
    let paths = ["", "/trace"]
        .into_iter()
        .flat_map(|prefix| ["custom", "oai", "anthropic", "gateway"].map(|provider| format!("{prefix}/{provider}/v1/log")));
    paths.fold(Router::new(), |routes, path| routes.route(&path, post(log)))
}

async fn log(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Json<Value>, ApiError> {
    keep(&app, &headers, body).await.inspect_err(|error| count_rejected(SURFACE, error.reason))?;
    Ok(Json(json!({"status": "ok"})))
}

async fn keep(app: &App, headers: &HeaderMap, body: Body) -> Result<(), ApiError> {
    let source = source(headers, "helicone");
    let grant = may_send(app, headers)?;
    let mut received = body::receive(&app.ingest, headers, body).await?;
    let said = headers.iter().filter(|(name, _)| name.as_str().starts_with("helicone-"));
    let said = said.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect();
    let patches = received.decode(move |bytes| Ok(normalize(bytes, said, source)?)).await?;
    // One call is one span.
    app.ingest.keep_whole(SURFACE, &grant, patches).await
}
