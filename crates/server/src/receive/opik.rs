//! Opik (Comet): traces and spans that are created and changed one by one or in batches, scores on them, and what its client
//! asks before it sends.
//!
//! Format: <https://www.comet.com/docs/opik/reference/rest-api/overview>. A batch that cannot be kept whole is answered with 400
//! and the reason for each item that is not kept; the others are. The client tries no 400 again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use axum::{Extension, Json, Router};
use neuraltrust_model::{Score, SpanId, SpanPatch, TraceId};
use neuraltrust_normalize::dialects::opik::{self as dialect, Of, Sender};
use neuraltrust_normalize::{Item, Itemized, Rejection};
use neuraltrust_store::{Grant, ProjectId};
use serde_json::{Value, json};

use super::body::Received;
use super::{LOOKED_UP, body, may_send, otlp_under, source, trace_of_span};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_rejected};

const SURFACE: Surface = Surface::Opik;
/// Under which the API stands, by how the client is configured: on a server of its own, in the cloud, or plain.
const PREFIXES: [&str; 3] = ["/api", "/opik/api", ""];
/// Spans that are remembered.
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
            .merge(otlp_under(&at("otel")))
            .route(&at("projects"), get(projects))
            .route(&at("projects/retrieve"), post(project))
            .route(&at("auth"), post(access))
            .route(&at("auth/workspace"), get(workspace))
            .route(&at("workspaces/metadata"), get(empty))
            .route(&at("workspaces/configurations"), get(empty))
            .route(&at("toggles"), get(empty))
            .route(&at("toggles/"), get(empty))
    });
    routes.layer(Extension(Arc::new(Places::default())))
}

/// The spans and the scores on them that came last: a score names its span alone, and comes before or after it. A span that came
/// long before its score is in the lists, which know nothing yet of what came last.
///
/// NOTE: a score whose span comes after many others, or after the server was started again, has no place: it is kept in a trace of
/// its own that no list shows.
#[derive(Default)]
struct Places(Mutex<Remembered>);

type Key = (ProjectId, SpanId);

#[derive(Default)]
struct Remembered {
    traces: Recent<Option<TraceId>>,
    scores: Recent<Vec<Score>>,
}

/// What came last, up to [`REMEMBERED`].
struct Recent<T> {
    of: HashMap<Key, T>,
    oldest: VecDeque<Key>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { of: HashMap::new(), oldest: VecDeque::new() }
    }
}

impl<T: Default> Recent<T> {
    fn entry(&mut self, key: Key) -> &mut T {
        if !self.of.contains_key(&key) {
            self.oldest.push_back(key.clone());
            if self.oldest.len() > REMEMBERED
                && let Some(forgotten) = self.oldest.pop_front()
            {
                self.of.remove(&forgotten);
            }
        }
        self.of.entry(key).or_default()
    }
}

impl Places {
    /// Moves scores to the traces of their spans, and adds to spans the scores that came before them.
    fn put(&self, project: ProjectId, patches: &mut Vec<SpanPatch>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waited = Vec::new();
        for patch in patches.iter_mut() {
            let key = (project, patch.span_id.clone());
            let is_placed = patch.span_id.as_str() != patch.trace_id.as_str();
            if is_placed {
                *known.traces.entry(key.clone()) = Some(patch.trace_id.clone());
                if let Some(scores) = known.scores.of.get(&key) {
                    let place = SpanPatch::new(patch.trace_id.clone(), patch.span_id.clone());
                    waited.push(SpanPatch { scores: scores.clone(), ..place });
                }
            } else if !patch.scores.is_empty() {
                match known.traces.of.get(&key) {
                    Some(Some(trace)) => patch.trace_id = trace.clone(),
                    _ => known.scores.entry(key).extend(patch.scores.clone()),
                }
            }
        }
        patches.extend(waited);
    }
}

/// Moves scores to the traces that the lists have for their spans; a score on a trace is in its place.
async fn look_up(app: &App, grant: &Grant, patches: &mut [SpanPatch]) -> Result<(), ApiError> {
    let is_judged = |patch: &&mut SpanPatch| {
        !patch.scores.is_empty() && patch.kind.is_none() && patch.span_id.as_str() == patch.trace_id.as_str()
    };
    for patch in patches.iter_mut().filter(is_judged).take(LOOKED_UP) {
        if let Some(trace) = trace_of_span(app, grant, &patch.span_id).await? {
            patch.trace_id = trace;
        }
    }
    Ok(())
}

type Known = Extension<Arc<Places>>;
type Answer = Result<Response, ApiError>;

async fn create_traces(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &known, &headers, body, |bytes, sender| dialect::batch(Of::Traces, bytes, sender)).await
}

async fn create_spans(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &known, &headers, body, |bytes, sender| dialect::batch(Of::Spans, bytes, sender)).await
}

async fn score_traces(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &known, &headers, body, dialect::scores).await
}

async fn score_spans(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &known, &headers, body, dialect::scores).await
}

async fn create_trace(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    one(&app, &known, &headers, body, StatusCode::CREATED, |bytes, sender| dialect::single(Of::Traces, bytes, sender)).await
}

async fn create_span(State(app): State<App>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    one(&app, &known, &headers, body, StatusCode::CREATED, |bytes, sender| dialect::single(Of::Spans, bytes, sender)).await
}

async fn update_trace(State(app): State<App>, Path(id): Path<String>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender| dialect::update(Of::Traces, &id, bytes, sender);
    one(&app, &known, &headers, body, StatusCode::NO_CONTENT, decode).await
}

async fn update_span(State(app): State<App>, Path(id): Path<String>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender| dialect::update(Of::Spans, &id, bytes, sender);
    one(&app, &known, &headers, body, StatusCode::NO_CONTENT, decode).await
}

async fn score_trace(State(app): State<App>, Path(id): Path<String>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender| dialect::single_score(&id, bytes, sender);
    one(&app, &known, &headers, body, StatusCode::NO_CONTENT, decode).await
}

async fn score_span(State(app): State<App>, Path(id): Path<String>, known: Known, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender| dialect::single_score(&id, bytes, sender);
    one(&app, &known, &headers, body, StatusCode::NO_CONTENT, decode).await
}

async fn batch<D>(app: &App, known: &Arc<Places>, headers: &HeaderMap, body: Body, decode: D) -> Answer
where
    D: FnOnce(&[u8], &Sender) -> Result<Itemized, Rejection> + Send + 'static,
{
    let kept = async {
        let (grant, mut batch, _received) = receive(app, headers, body, decode).await?;
        known.put(grant.project, &mut batch.patches);
        look_up(app, &grant, &mut batch.patches).await?;
        app.ingest.keep_items(SURFACE, &grant, batch).await
    };
    let items: Vec<Item> = kept.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))?;
    let errors: Vec<String> = items.iter().filter_map(|item| Some(item.rejected.as_ref()?.to_string())).collect();
    if errors.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let message = format!("{} of {} items are not kept, the others are", errors.len(), items.len());
    Ok((StatusCode::BAD_REQUEST, Json(json!({"code": 400, "message": message, "errors": errors}))).into_response())
}

async fn one<D>(app: &App, known: &Arc<Places>, headers: &HeaderMap, body: Body, status: StatusCode, decode: D) -> Answer
where
    D: FnOnce(&[u8], &Sender) -> Result<Vec<SpanPatch>, Rejection> + Send + 'static,
{
    let kept = async {
        let (grant, mut patches, _received) = receive(app, headers, body, decode).await?;
        known.put(grant.project, &mut patches);
        look_up(app, &grant, &mut patches).await?;
        app.ingest.keep_whole(SURFACE, &grant, patches).await
    };
    kept.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))?;
    Ok(status.into_response())
}

/// Reads what a request says; what it takes up is for as long as the third of these is kept.
async fn receive<T, D>(app: &App, headers: &HeaderMap, body: Body, decode: D) -> Result<(Grant, T, Received), ApiError>
where
    T: Send + 'static,
    D: FnOnce(&[u8], &Sender) -> Result<T, Rejection> + Send + 'static,
{
    let grant = may_send(app, headers)?;
    let mut received = body::receive(&app.ingest, headers, body).await?;
    let sender = sender(headers);
    let decoded = received.decode(move |bytes| Ok(decode(bytes, &sender)?)).await?;
    Ok((grant, decoded, received))
}

fn sender(headers: &HeaderMap) -> Sender {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| text.len() <= 128);
    let mut source = source(headers, "opik");
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
    let grant = may_send(&app, &headers)?;
    Ok(Json(json!({"page": 1, "size": 1, "total": 1, "content": [described(&grant)]})))
}

async fn project(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    Ok(Json(described(&may_send(&app, &headers)?)))
}

/// Whether the key is good, which `auth_check()` asks.
async fn access(State(app): State<App>, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    may_send(&app, &headers)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn workspace(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    may_send(&app, &headers)?;
    Ok(Json(json!({"workspaceName": sender(&headers).workspace.unwrap_or_else(|| "default".to_owned())})))
}

async fn empty(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    may_send(&app, &headers)?;
    Ok(Json(json!({})))
}
