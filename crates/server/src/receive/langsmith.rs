//! LangSmith: runs in multipart forms, in batches and one by one, and feedback.
//!
//! Format: the API of LangSmith as its clients speak it (langsmith-sdk, `client.py` and `client.ts`). `GET /info` decides which of the
//! ways a client takes.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use neuraltrust_model::Source;
use neuraltrust_model::limits::MAX_BODY_BYTES;
use neuraltrust_normalize::dialects::langsmith::{self, Act, Part, Runs};
use neuraltrust_normalize::{Reason, Rejection};
use neuraltrust_store::Grant;
use serde_json::{Value, json};

use super::multipart::{self as form, boundary};
use super::{LOOKED_UP, body, may_send, otlp_under, source, told, trace_of_span};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_all_rejected, count_rejected};

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
    let form = boundary(&headers).map(|boundary| Form::Multipart { boundary });
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
    let runs = look_up(app, &grant, runs).await?;
    app.ingest.keep(SURFACE, &grant, runs.normalized).await
}

fn decode(form: &Form, bytes: &[u8], source: &Source) -> Result<Runs, ApiError> {
    match form {
        Form::Multipart { boundary } => decode_form(bytes, boundary, source),
        Form::Batch => Ok(langsmith::batch(bytes, source)?),
        Form::Run(act, named) => Ok(langsmith::run(*act, named.as_deref(), bytes, source)?),
        Form::Feedback => Ok(langsmith::feedback(bytes)?),
    }
}

/// Reads the parts of a form, which may be compressed each on its own; together they are bounded like a body.
fn decode_form(bytes: &[u8], boundary: &str, source: &Source) -> Result<Runs, ApiError> {
    let parts = form::parts(bytes, boundary)?;
    let mut plain: Vec<Cow<'_, [u8]>> = Vec::with_capacity(parts.len());
    let mut refused = Vec::new();
    let mut room = MAX_BODY_BYTES;
    for part in &parts {
        let body = match part.encoding {
            "" => Ok(Cow::Borrowed(part.body)),
            encoding => body::decompressed(encoding, part.body, room).inspect(|body| room -= body.len()).map(Cow::Owned),
        };
        plain.push(body.unwrap_or_else(|error| {
            refused.push(Rejection::new(Reason::Malformed, part.name.chars().take(120).collect::<String>(), error.detail));
            Cow::Borrowed(&[])
        }));
    }
    let read = parts.iter().zip(&plain).filter(|(part, plain)| part.encoding.is_empty() || !plain.is_empty());
    let read: Vec<Part<'_>> =
        read.map(|(part, plain)| Part { name: part.name, content_type: part.content_type, body: plain }).collect();
    let mut runs = langsmith::multipart(&read, source)?;
    runs.normalized.rejected.extend(refused);
    Ok(runs)
}

/// Finds the traces of runs that a client did not name them for, among what is known already. A run that is not known yet is
/// taken for the root of its trace, which is what people give feedback on.
async fn look_up(app: &App, grant: &Grant, mut runs: Runs) -> Result<Runs, ApiError> {
    for (n, run) in std::mem::take(&mut runs.guessed).into_iter().take(LOOKED_UP) {
        if let Some(trace) = trace_of_span(app, grant, &run).await?
            && let Some(patch) = runs.normalized.patches.get_mut(n)
        {
            patch.trace_id = trace;
        }
    }
    Ok(runs)
}
