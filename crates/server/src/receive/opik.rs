//! Opik (Comet): traces and spans that are created and changed one by one or in batches, scores on them, and what its client
//! asks before it sends.
//!
//! Format: <https://www.comet.com/docs/opik/reference/rest-api/overview>. A batch that cannot be kept whole is answered with 400
//! and the reason for each item that is not kept; the others are. The client tries no 400 again, and no 501, which is what is
//! not offered here is answered with.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, patch, post, put};
use axum::{Json, Router};
use neuraltrust_model::{Map, SpanPatch};
use neuraltrust_normalize::dialects::opik::{self as dialect, Of, Sender};
use neuraltrust_normalize::{Item, Itemized, Rejection};
use neuraltrust_store::Grant;
use serde_json::{Value, json};

use super::body::Received;
use super::{body, may_send, not_offered, opik_attachments, otlp_under, refused, source, uuid_of};
use crate::error::{ApiError, Told};
use crate::http::App;
use crate::ingest::{Surface, count_rejected};
use crate::unplaced::{self, Said};

pub(super) const SURFACE: Surface = Surface::Opik;
/// Under which the API stands, by how the client is configured: on a server of its own, in the cloud, or plain.
const PREFIXES: [&str; 3] = ["/api", "/opik/api", ""];

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
            .merge(opik_attachments::routes(prefix))
            .route(&at("projects"), get(projects))
            .route(&at("projects/retrieve"), post(project))
            .route(&at("auth"), post(access))
            .route(&at("auth/workspace"), get(workspace))
            .route(&at("workspaces/metadata"), get(empty))
            .route(&at("workspaces/configurations"), get(empty))
            .route(&at("toggles"), get(empty))
            .route(&at("toggles/"), get(empty))
            .route(&at("{*rest}"), any(nothing))
    });
    let routes = routes.layer(map_response(|response: Response| refused::with(response, in_its_form)));
    PREFIXES.into_iter().fold(routes, |routes, prefix| routes.merge(otlp_under(&format!("{prefix}/v1/private/otel"))))
}

/// `ErrorMessage` of Opik's API.
fn in_its_form(told: &Told) -> Map {
    Map::from_iter([("code".to_owned(), told.status.as_u16().into()), ("message".to_owned(), told.detail.clone().into())])
}

async fn nothing(State(app): State<App>, headers: HeaderMap, uri: Uri) -> ApiError {
    not_offered(&app, &headers, StatusCode::NOT_IMPLEMENTED, &uri)
}

/// Whether what is said names the traces that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Traces,
    SpansAlone,
}

type Answer = Result<Response, ApiError>;

async fn create_traces(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &headers, body, Names::Traces, |bytes, sender| dialect::batch(Of::Traces, bytes, sender)).await
}

async fn create_spans(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &headers, body, Names::Traces, |bytes, sender| dialect::batch(Of::Spans, bytes, sender)).await
}

async fn score_traces(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &headers, body, Names::Traces, dialect::scores).await
}

async fn score_spans(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    batch(&app, &headers, body, Names::SpansAlone, dialect::scores).await
}

async fn create_trace(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    one(&app, &headers, body, Names::Traces, StatusCode::CREATED, |bytes, sender| dialect::single(Of::Traces, bytes, sender))
        .await
}

async fn create_span(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    one(&app, &headers, body, Names::Traces, StatusCode::CREATED, |bytes, sender| dialect::single(Of::Spans, bytes, sender)).await
}

async fn update_trace(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender| dialect::update(Of::Traces, &id, bytes, sender);
    one(&app, &headers, body, Names::Traces, StatusCode::NO_CONTENT, decode).await
}

async fn update_span(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender| dialect::update(Of::Spans, &id, bytes, sender);
    one(&app, &headers, body, Names::Traces, StatusCode::NO_CONTENT, decode).await
}

async fn score_trace(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender| dialect::single_score(&id, bytes, sender);
    one(&app, &headers, body, Names::Traces, StatusCode::NO_CONTENT, decode).await
}

async fn score_span(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8], sender: &Sender| dialect::single_score(&id, bytes, sender);
    one(&app, &headers, body, Names::SpansAlone, StatusCode::NO_CONTENT, decode).await
}

/// Puts verdicts that name spans alone into the traces of those.
async fn placed(app: &App, grant: &Grant, names: Names, patches: Vec<SpanPatch>) -> Result<Vec<SpanPatch>, ApiError> {
    match names {
        Names::Traces => Ok(patches),
        Names::SpansAlone => unplaced::place(app, grant, SURFACE, patches.into_iter().map(Said::verdict).collect()).await,
    }
}

async fn batch<D>(app: &App, headers: &HeaderMap, body: Body, names: Names, decode: D) -> Answer
where
    D: FnOnce(&[u8], &Sender) -> Result<Itemized, Rejection> + Send + 'static,
{
    let kept = async {
        let (grant, mut batch, _received) = receive(app, headers, body, decode).await?;
        batch.patches = placed(app, &grant, names, batch.patches).await?;
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

async fn one<D>(app: &App, headers: &HeaderMap, body: Body, names: Names, status: StatusCode, decode: D) -> Answer
where
    D: FnOnce(&[u8], &Sender) -> Result<Vec<SpanPatch>, Rejection> + Send + 'static,
{
    let kept = async {
        let (grant, patches, _received) = receive(app, headers, body, decode).await?;
        let patches = placed(app, &grant, names, patches).await?;
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

pub(super) fn sender(headers: &HeaderMap) -> Sender {
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
