//! LangSmith: runs in multipart forms, in batches and one by one, and feedback.
//!
//! Format: the API of LangSmith as its clients speak it (langsmith-sdk, `client.py` and `client.ts`). `GET /info` decides which of the
//! ways a client takes.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use neuraltrust_model::limits::MAX_BODY_BYTES;
use neuraltrust_model::{Source, SpanId, SpanPatch};
use neuraltrust_normalize::dialects::langsmith::{self, Act, Runs};
use neuraltrust_normalize::{Normalized, Rejection, multipart as form};
use neuraltrust_store::Grant;
use serde_json::{Value, json};

use super::{body, langsmith_sessions, may_send, otlp_under, source, told};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_all_rejected, count_rejected};
use crate::unplaced::{self, Said};

const SURFACE: Surface = Surface::Langsmith;

/// Under which the API stands, by how the client is configured: plain, or as on a server of one's own.
const PREFIXES: [&str; 2] = ["", "/api/v1"];

/// What LangSmith's clients send and ask. They add their paths to the address that they are given.
pub(super) fn routes() -> Router<App> {
    PREFIXES.into_iter().fold(Router::new(), |routes, prefix| {
        let at = |path: &str| format!("{prefix}{path}");
        routes
            .route(&at("/info"), get(info))
            .route(&at("/runs/multipart"), post(multipart))
            .route(&at("/runs/batch"), post(batch))
            .route(&at("/runs"), post(create))
            .route(&at("/runs/{id}"), patch(update))
            .route(&at("/feedback"), post(feedback))
            .merge(langsmith_sessions::routes(prefix))
            .merge(otlp_under(&at("/otel")))
    })
}

/// What this server can do; clients ask once, without a key.
async fn info() -> Json<Value> {
    Json(json!({
        "version": "0.12.0",
        "license_expiration_time": null,
        "batch_ingest_config": {
            "use_multipart_endpoint": true,
            "scale_up_qsize_trigger": 1000,
            "scale_up_nthreads_limit": 16,
            "scale_down_nempty_trigger": 4,
            "size_limit": 100,
            // A third of the limit of a body: a client measures before it has written everything.
            "size_limit_bytes": MAX_BODY_BYTES / 3,
        },
        "instance_flags": { "gzip_body_enabled": true, "zstd_compression_enabled": true },
    }))
}

/// What a request is.
#[derive(Debug, Clone)]
enum Form {
    Multipart { boundary: String },
    Batch,
    Run(Act, Option<String>),
    Feedback,
}

/// `POST /runs/multipart`.
async fn multipart(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    let given = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = form::boundary(given).map(|boundary| Form::Multipart { boundary }).map_err(ApiError::from);
    answer(&app, form, &headers, body).await
}

/// `POST /runs/batch`.
async fn batch(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    answer(&app, Ok(Form::Batch), &headers, body).await
}

/// `POST /runs`.
async fn create(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    answer(&app, Ok(Form::Run(Act::Post, None)), &headers, body).await
}

/// `PATCH /runs/{id}`.
async fn update(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Response {
    answer(&app, Ok(Form::Run(Act::Patch, Some(id))), &headers, body).await
}

/// `POST /feedback`.
async fn feedback(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    answer(&app, Ok(Form::Feedback), &headers, body).await
}

async fn answer(app: &App, form: Result<Form, ApiError>, headers: &HeaderMap, body: Body) -> Response {
    match keep(app, form, headers, body).await {
        Ok(rejected) => {
            count_all_rejected(SURFACE, &rejected);
            let mut answer = json!({ "message": "Runs batch ingested" });
            if !rejected.is_empty() {
                answer["rejected"] = rejected.len().into();
                answer["errors"] = told(&rejected);
            }
            (StatusCode::ACCEPTED, Json(answer)).into_response()
        }
        Err(error) => {
            count_rejected(SURFACE, error.reason);
            error.into_response()
        }
    }
}

async fn keep(app: &App, form: Result<Form, ApiError>, headers: &HeaderMap, body: Body) -> Result<Vec<Rejection>, ApiError> {
    let grant = may_send(app, headers)?;
    let form = form?;
    let mut received = body::receive(&app.ingest, headers, body).await?;
    let source = source(headers, SURFACE.as_str());
    let runs = received.decode(move |bytes| decode(&form, bytes, &source)).await?;
    let normalized = place(app, &grant, runs).await?;
    app.ingest.keep(SURFACE, &grant, normalized).await
}

fn decode(form: &Form, bytes: &[u8], source: &Source) -> Result<Runs, ApiError> {
    match form {
        Form::Multipart { boundary } => {
            let decompress =
                |coding: &str, bytes: &[u8], most| body::decompressed(coding, bytes, most).map_err(|error| error.detail);
            Ok(langsmith::form(bytes, boundary, source, decompress)?)
        }
        Form::Batch => Ok(langsmith::batch(bytes, source)?),
        Form::Run(act, named) => Ok(langsmith::run(*act, named.as_deref(), bytes, source)?),
        Form::Feedback => Ok(langsmith::feedback(bytes)?),
    }
}

/// Puts what a client says of runs without naming their traces where these are. A run that is not known yet is taken for the root of
/// its trace, which is what people give feedback on.
async fn place(app: &App, grant: &Grant, runs: Runs) -> Result<Normalized, ApiError> {
    let Runs { mut normalized, guessed } = runs;
    if guessed.is_empty() {
        return Ok(normalized);
    }
    let is_run = |patch: &SpanPatch| patch.kind.is_some() || patch.start.is_some() || patch.end.is_some();
    let mut guessed: HashMap<usize, SpanId> = guessed.into_iter().collect();
    let (mut said, mut runs) = (Vec::new(), Vec::new());
    for (n, patch) in std::mem::take(&mut normalized.patches).into_iter().enumerate() {
        match guessed.remove(&n) {
            Some(_) if !is_run(&patch) => said.push(Said::verdict(patch)),
            Some(run) => {
                runs.push((normalized.patches.len(), run));
                normalized.patches.push(patch);
            }
            None => normalized.patches.push(patch),
        }
    }
    let ids: Vec<SpanId> = runs.iter().map(|(_, run)| run.clone()).collect();
    let found = unplaced::traces_of(app, grant.project, &ids).await?;
    for (n, run) in runs {
        if let (Some(patch), Some(trace)) = (normalized.patches.get_mut(n), found.get(&run)) {
            patch.trace_id = trace.clone();
        }
    }
    normalized.patches.extend(unplaced::place(app, grant, SURFACE, said).await?);
    Ok(normalized)
}
