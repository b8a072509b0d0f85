//! Langfuse: events in batches, scores, and what its clients ask before they send; their spans come as OTLP.
//!
//! Format: <https://api.reference.langfuse.com>. A batch is answered with 207 and the fate of each item.

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use neuraltrust_model::Source;
use neuraltrust_normalize::dialects::langfuse_ingestion as dialect;
use neuraltrust_normalize::{Item, Itemized, Reason};
use serde_json::{Value, json};

use super::{body, langfuse_media, may_send, otlp_under, source};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_rejected};

pub(super) const SURFACE: Surface = Surface::Langfuse;

/// What Langfuse's clients send and ask.
pub(super) fn routes() -> Router<App> {
    otlp_under("/api/public/otel")
        .route("/api/public/ingestion", post(ingestion))
        .route("/api/public/scores", post(scores))
        .route("/api/public/projects", get(projects))
        .route("/api/public/health", get(health))
        .merge(langfuse_media::routes())
}

async fn ingestion(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<(StatusCode, Json<Value>), ApiError> {
    let sender = sender(&headers);
    let (items, ()) = keep(&app, &headers, body, move |bytes| Ok((dialect::normalize(bytes, sender)?, ()))).await?;
    Ok(itemized(&items))
}

/// A score alone is answered with its id, an array of them with the fate of each.
async fn scores(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<(StatusCode, Json<Value>), ApiError> {
    let sender = sender(&headers);
    let decode = move |bytes: &[u8]| {
        let alone = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        Ok((dialect::scores(bytes, &sender)?, alone))
    };
    let (mut items, alone) = keep(&app, &headers, body, decode).await?;
    let Some(item) = items.pop_if(|_| alone) else { return Ok(itemized(&items)) };
    match item.rejected {
        None => Ok((StatusCode::OK, Json(json!({"id": item.id})))),
        Some(rejection) => Err(rejection.into()),
    }
}

/// Keeps a batch; what `decode` tells beside it is handed on.
async fn keep<T: Send + 'static>(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    decode: impl FnOnce(&[u8]) -> Result<(Itemized, T), ApiError> + Send + 'static,
) -> Result<(Vec<Item>, T), ApiError> {
    let kept = async {
        let grant = may_send(app, headers)?;
        let mut received = body::receive(&app.ingest, headers, body).await?;
        let (batch, beside) = received.decode(decode).await?;
        Ok((app.ingest.keep_items(SURFACE, &grant, batch).await?, beside))
    };
    kept.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))
}

fn itemized(items: &[Item]) -> (StatusCode, Json<Value>) {
    let mut successes = Vec::new();
    let mut errors = Vec::new();
    for item in items {
        match &item.rejected {
            None => successes.push(json!({"id": item.id, "status": 201})),
            Some(rejection) => {
                let status = if rejection.reason == Reason::TooLarge { 413 } else { 400 };
                let error = rejection.reason.as_str();
                errors.push(json!({"id": item.id, "status": status, "message": rejection.to_string(), "error": error}));
            }
        }
    }
    (StatusCode::MULTI_STATUS, Json(json!({"successes": successes, "errors": errors})))
}

/// The client as its headers name it, written with hyphens since 3 and with underscores before.
pub(super) fn sender(headers: &HeaderMap) -> Source {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| text.len() <= 128);
    let of = |new: &str, old: &str| text(new).or_else(|| text(old)).map(str::to_owned);
    let agent = source(headers, "langfuse");
    match of("x-langfuse-sdk-name", "x_langfuse_sdk_name") {
        Some(name) => Source {
            client: Some(if name.starts_with("langfuse") { name } else { format!("langfuse-{name}") }),
            version: of("x-langfuse-sdk-version", "x_langfuse_sdk_version"),
            ..agent
        },
        None => agent,
    }
}

/// The project of the key, which `auth_check()` looks for.
async fn projects(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    let name = may_send(&app, &headers)?.project_name;
    let organization = json!({"id": "neuraltrust", "name": "neuraltrust"});
    Ok(Json(json!({"data": [{"id": name, "name": name, "organization": organization, "metadata": {}, "retentionDays": null}]})))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "OK", "version": env!("CARGO_PKG_VERSION")}))
}
