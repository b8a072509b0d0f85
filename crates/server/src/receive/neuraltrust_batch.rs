//! neuraltrust 1.5: `POST /v1/traces/batch` with an array of envelopes.
//!
//! The client sends a batch again on 429 and 5xx, and drops it on any other refusal; so one bad span never refuses a batch.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use neuraltrust_normalize::dialects::neuraltrust_batch::{Batch, normalize};
use serde_json::{Value, json};

use super::{body, may_send, told};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_all_rejected, count_rejected};

const SURFACE: Surface = Surface::NeuraltrustBatch;

/// Keeps the traces of a batch: `202 {"accepted": n}` with the number of envelopes.
pub(super) async fn batch(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<(StatusCode, Json<Value>), ApiError> {
    let answer = keep(&app, &headers, body).await.inspect_err(|error| count_rejected(SURFACE, error.reason))?;
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

async fn keep(app: &App, headers: &HeaderMap, body: Body) -> Result<Value, ApiError> {
    let grant = may_send(app, headers)?;
    let mut received = body::receive(&app.ingest, headers, body).await?;
    let Batch { normalized, accepted } = received.decode(|bytes| Ok(normalize(bytes)?)).await?;
    let rejected = app.ingest.keep(SURFACE, &grant, normalized).await?;
    count_all_rejected(SURFACE, &rejected);
    let mut answer = json!({ "accepted": accepted });
    if !rejected.is_empty() {
        answer["rejected"] = rejected.len().into();
        answer["errors"] = told(&rejected);
    }
    Ok(answer)
}
