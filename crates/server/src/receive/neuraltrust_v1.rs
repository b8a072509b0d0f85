//! The protocol of neuraltrust up to 1.4: `POST /v1/trace` with one step of a conversation.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use neuraltrust_normalize::dialects::neuraltrust_v1::normalize;
use neuraltrust_store::Scope;
use serde_json::{Value, json};

use super::{body, source};
use crate::auth;
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_rejected, whole};

const SURFACE: Surface = Surface::NeuraltrustV1;

/// Keeps one step. What the client reads is what its own server answered: `{"status": 200}`.
pub(super) async fn trace(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Json<Value>, ApiError> {
    keep(&app, &headers, body).await.inspect_err(|error| count_rejected(SURFACE, error.reason))?;
    Ok(Json(json!({ "status": 200 })))
}

async fn keep(app: &App, headers: &HeaderMap, body: Body) -> Result<(), ApiError> {
    let source = source(headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()), "neuraltrust_v1");
    let check = || auth::require_key(app.store.accounts(), headers, Scope::Ingest);
    let (grant, received) = body::receive(&app.ingest, headers, body, check).await?;
    let patches = received.decode(move |bytes| Ok(normalize(bytes, source)?)).await?;
    // One message is one step: it is kept whole or refused whole.
    match app.ingest.keep(SURFACE, &grant, whole(patches)).await?.pop() {
        Some(rejection) => Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, rejection.reason.as_str(), rejection.message)),
        None => Ok(()),
    }
}

/// Evaluation sets, knowledge bases and test sets are a later work.
pub(super) async fn not_there_yet(uri: Uri) -> ApiError {
    let detail = format!("{} is not there yet; this server takes steps of conversations at POST /v1/trace", uri.path());
    ApiError::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", detail)
}
