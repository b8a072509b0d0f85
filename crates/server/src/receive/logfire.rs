//! Logfire: what its client asks when it is given a token. Its spans come as OTLP.
//!
//! Format: `LogfireCredentials.from_token` of the client (logfire, `_internal/config.py`).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{address, may_send};
use crate::error::ApiError;
use crate::http::App;

/// What Logfire's client asks.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/v1/info", get(info))
}

/// The project of the token, and where its page is; the client shows both when it starts.
async fn info(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    let name = may_send(&app, &headers)?.project_name;
    Ok(Json(json!({"project_name": name, "project_url": format!("{}/", address(&headers))})))
}
