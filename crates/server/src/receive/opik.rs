//! Opik (Comet): traces and spans that are created and changed one by one or in batches, scores on them, and what its client
//! asks before it sends.
//!
//! Format: <https://www.comet.com/docs/opik/reference/rest-api/overview>. A batch that cannot be kept whole is answered with 400
//! and the reason for each item that is not kept; the others are. The client tries no 400 again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use axum::{Extension, Json, Router};
use neuraltrust_model::{SpanId, SpanPatch, TraceId};
use neuraltrust_normalize::dialects::opik::{self as dialect, Of, Sender};
use neuraltrust_normalize::{Item, Itemized};
use neuraltrust_store::{Grant, ProjectId, Scope};
use serde_json::{Value, json};

use super::{body, otlp_http, source};
use crate::auth;
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_rejected, whole};

const SURFACE: Surface = Surface::Opik;
/// Under which the API stands, by how the client is configured: on a server of its own, in the cloud, or plain.
const PREFIXES: [&str; 3] = ["/api", "/opik/api", ""];
/// Spans whose trace is remembered.
const REMEMBERED: usize = 100_000;

/// What Opik's clients send and ask.
pub(super) fn routes() -> Router<App> {
    let routes = PREFIXES.into_iter().fold(Router::new(), |routes, prefix| {
        let routes =
            routes.route(&format!("{prefix}/is-alive/ping"), get(ping)).route(&format!("{prefix}/is-alive/ver"), get(version));
        let at = |path: &str| format!("{prefix}/v1/private/{path}");
        routes
            .route(&at("traces"), post(create_trace))
            .route(&at("traces/batch"), post(create_traces))
            .route(&at("traces/{id}"), patch(update_trace))
            .route(&at("traces/feedback-scores"), put(score_traces))
            .route(&at("traces/threads/feedback-scores"), put(score_traces))
            .route(&at("traces/{id}/feedback-scores"), put(score_trace))
            .route(&at("spans"), post(create_span))
            .route(&at("spans/batch"), post(create_spans))
            .route(&at("spans/{id}"), patch(update_span))
            .route(&at("spans/feedback-scores"), put(score_spans))
            .route(&at("spans/{id}/feedback-scores"), put(score_span))
            .route(&at("otel/v1/traces"), post(otlp_http::traces))
            .route(&at("projects"), get(projects))
            .route(&at("projects/retrieve"), post(project))
            .route(&at("workspaces/metadata"), get(empty))
            .route(&at("workspaces/configurations"), get(empty))
            .route(&at("toggles"), get(empty))
            .route(&at("toggles/"), get(empty))
    });
    routes.layer(Extension(Arc::new(Traces::default())))
}

/// The traces of the spans that came last: a score on a span names the span alone.
///
/// NOTE: what is forgotten, after many spans or when the server starts again, costs a score its place and nothing else.
#[derive(Default)]
struct Traces(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    of: HashMap<(ProjectId, String), TraceId>,
    oldest: VecDeque<(ProjectId, String)>,
}

impl Traces {
    fn remember(&self, project: ProjectId, spans: Vec<(SpanId, TraceId)>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (span, trace) in spans {
            let key = (project, span.as_str().to_owned());
            if known.of.insert(key.clone(), trace).is_none() {
                known.oldest.push_back(key);
            }
            if known.oldest.len() > REMEMBERED
                && let Some(forgotten) = known.oldest.pop_front()
            {
                known.of.remove(&forgotten);
            }
        }
    }

    fn of(&self, project: ProjectId, span: &str) -> Option<TraceId> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.of.get(&(project, span.to_owned())).cloned()
    }
}

type Known = Extension<Arc<Traces>>;
type Answer = Result<Response, ApiError>;

async fn create_traces(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &known, &headers, body, |bytes, sender, _| dialect::batch(Of::Traces, bytes, sender)).await
}

async fn create_spans(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &known, &headers, body, |bytes, sender, _| dialect::batch(Of::Spans, bytes, sender)).await
}

async fn score_traces(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &known, &headers, body, |bytes, sender, trace_of| dialect::scores(Of::Traces, bytes, sender, trace_of)).await
}

async fn score_spans(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &known, &headers, body, |bytes, sender, trace_of| dialect::scores(Of::Spans, bytes, sender, trace_of)).await
}

async fn create_trace(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    one(&app, &known, &headers, body, StatusCode::CREATED, |bytes, sender, _| dialect::single(Of::Traces, bytes, sender)).await
}

async fn create_span(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    one(&app, &known, &headers, body, StatusCode::CREATED, |bytes, sender, _| dialect::single(Of::Spans, bytes, sender)).await
}

async fn update_trace(State(app): State<App>, Path(id): Path<String>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender, _: TraceOf<'_>| dialect::update(Of::Traces, &id, bytes, sender);
    one(&app, &known, &headers, body, StatusCode::NO_CONTENT, decode).await
}

async fn update_span(State(app): State<App>, Path(id): Path<String>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender, _: TraceOf<'_>| dialect::update(Of::Spans, &id, bytes, sender);
    one(&app, &known, &headers, body, StatusCode::NO_CONTENT, decode).await
}

async fn score_trace(State(app): State<App>, Path(id): Path<String>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender, trace_of: TraceOf<'_>| {
        dialect::single_score(Of::Traces, &id, bytes, sender, trace_of)
    };
    one(&app, &known, &headers, body, StatusCode::NO_CONTENT, decode).await
}

async fn score_span(State(app): State<App>, Path(id): Path<String>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender, trace_of: TraceOf<'_>| {
        dialect::single_score(Of::Spans, &id, bytes, sender, trace_of)
    };
    one(&app, &known, &headers, body, StatusCode::NO_CONTENT, decode).await
}

/// Knows the trace of a span.
type TraceOf<'a> = &'a dyn Fn(&str) -> Option<TraceId>;

async fn batch<D>(app: &App, known: &Arc<Traces>, headers: &HeaderMap, body: Body, decode: D) -> Answer
where
    D: FnOnce(&[u8], &Sender, TraceOf<'_>) -> Result<Itemized, neuraltrust_normalize::Rejection> + Send + 'static,
{
    let kept = async {
        let (grant, batch) = receive(app, known, headers, body, decode).await?;
        let known_now = spans(&batch.patches);
        let items = app.ingest.keep_items(SURFACE, &grant, batch).await?;
        known.remember(grant.project, known_now);
        Ok(items)
    };
    let items: Vec<Item> = kept.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))?;
    let errors: Vec<String> = items.iter().filter_map(|item| Some(item.rejected.as_ref()?.to_string())).collect();
    if errors.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let message = format!("{} of {} items are not kept, the others are", errors.len(), items.len());
    Ok((StatusCode::BAD_REQUEST, Json(json!({"code": 400, "message": message, "errors": errors}))).into_response())
}

async fn one<D>(app: &App, known: &Arc<Traces>, headers: &HeaderMap, body: Body, status: StatusCode, decode: D) -> Answer
where
    D: FnOnce(&[u8], &Sender, TraceOf<'_>) -> Result<Vec<SpanPatch>, neuraltrust_normalize::Rejection> + Send + 'static,
{
    let kept = async {
        let (grant, patches) = receive(app, known, headers, body, decode).await?;
        let known_now = spans(&patches);
        let rejected = app.ingest.keep(SURFACE, &grant, whole(patches)).await?;
        known.remember(grant.project, known_now);
        rejected.into_iter().next().map_or(Ok(()), |rejection| {
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, rejection.reason.as_str(), rejection.message))
        })
    };
    kept.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))?;
    Ok(status.into_response())
}

async fn receive<T, D>(app: &App, known: &Arc<Traces>, headers: &HeaderMap, body: Body, decode: D) -> Result<(Grant, T), ApiError>
where
    T: Send + 'static,
    D: FnOnce(&[u8], &Sender, TraceOf<'_>) -> Result<T, neuraltrust_normalize::Rejection> + Send + 'static,
{
    let check = || auth::require_key(app.store.accounts(), headers, Scope::Ingest);
    let (grant, received) = body::receive(&app.ingest, headers, body, check).await?;
    let (sender, known, project) = (sender(headers), Arc::clone(known), grant.project);
    let decoded = received.decode(move |bytes| Ok(decode(bytes, &sender, &|span| known.of(project, span))?)).await?;
    Ok((grant, decoded))
}

/// The spans that patches tell the trace of. A trace is a span of its own name, and so is a span whose trace is not known.
fn spans(patches: &[SpanPatch]) -> Vec<(SpanId, TraceId)> {
    let told = patches.iter().filter(|patch| patch.span_id.as_str() != patch.trace_id.as_str());
    told.map(|patch| (patch.span_id.clone(), patch.trace_id.clone())).collect()
}

fn sender(headers: &HeaderMap) -> Sender {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| text.len() <= 128);
    let mut source = source(headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()), "opik");
    if let Some(version) = text("x-opik-debug-sdk-version") {
        (source.client, source.version) = (Some("opik".to_owned()), Some(version.to_owned()));
    }
    Sender { source, workspace: text("comet-workspace").map(str::to_owned) }
}

async fn ping() -> Json<Value> {
    Json(json!({"message": "Healthy Server", "healthy": true}))
}

async fn version() -> Json<Value> {
    Json(json!({"version": env!("CARGO_PKG_VERSION")}))
}

fn described(grant: &Grant) -> Value {
    json!({"id": uuid_of(&grant.project_name), "name": grant.project_name})
}

/// Opik's clients read the id of a project as a UUID (RFC 9562, version 8: made here, of the project's name).
fn uuid_of(name: &str) -> String {
    let text = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("00000000-0000-8000-8000-{:012x}", text & 0xffff_ffff_ffff)
}

async fn projects(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    let grant = auth::require_key(app.store.accounts(), &headers, Scope::Ingest)?;
    Ok(Json(json!({"page": 1, "size": 1, "total": 1, "content": [described(&grant)]})))
}

async fn project(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    Ok(Json(described(&auth::require_key(app.store.accounts(), &headers, Scope::Ingest)?)))
}

async fn empty(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    auth::require_key(app.store.accounts(), &headers, Scope::Ingest)?;
    Ok(Json(json!({})))
}
