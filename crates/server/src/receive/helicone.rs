//! Helicone's log call: one request to a model and its answer, told after the fact.

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use neuraltrust_normalize::dialects::helicone::normalize;
use neuraltrust_store::Scope;
use serde_json::{Value, json};

use super::{body, source};
use crate::auth;
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_all_rejected, count_rejected, whole};

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
    let source = source(headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()), "helicone");
    let check = || auth::require_key(app.store.accounts(), headers, Scope::Ingest);
    let (grant, received) = body::receive(&app.ingest, headers, body, check).await?;
    let said = headers.iter().filter(|(name, _)| name.as_str().starts_with("helicone-"));
    let said = said.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect();
    let patches = received.decode(move |bytes| Ok(normalize(bytes, said, source)?)).await?;
    // One call is one span: it is kept whole or refused whole.
    let rejected = app.ingest.keep(SURFACE, &grant, whole(patches)).await?;
    count_all_rejected(SURFACE, &rejected);
    match rejected.into_iter().next() {
        Some(rejection) => Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, rejection.reason.as_str(), rejection.message)),
        None => Ok(()),
    }
}
