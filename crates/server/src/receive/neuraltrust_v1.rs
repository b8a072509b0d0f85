//! The protocol of neuraltrust up to 1.4: `POST /v1/trace` with one step of a conversation.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use neuraltrust_normalize::dialects::neuraltrust_v1::normalize;
use serde_json::{Value, json};

use super::{body, may_send, source};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_rejected};

const SURFACE: Surface = Surface::NeuraltrustV1;

/// Keeps one step. What the client reads is what its own server answered: `{"status": 200}`.
pub(super) async fn trace(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Json<Value>, ApiError> {
    keep(&app, &headers, body).await.inspect_err(|error| count_rejected(SURFACE, error.reason))?;
    Ok(Json(json!({ "status": 200 })))
}

async fn keep(app: &App, headers: &HeaderMap, body: Body) -> Result<(), ApiError> {
    let source = source(headers, "neuraltrust_v1");
    let grant = may_send(app, headers)?;
    let mut received = body::receive(&app.ingest, headers, body).await?;
    let patches = received.decode(move |bytes| Ok(normalize(bytes, source)?)).await?;
    // One message is one step.
    app.ingest.keep_whole(SURFACE, &grant, patches).await
}

/// Evaluation sets, knowledge bases and test sets are a later work.
pub(super) async fn not_there_yet(uri: Uri) -> ApiError {
    let detail = format!("{} is not there yet; this server takes steps of conversations at POST /v1/trace", uri.path());
    ApiError::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", detail)
}
