//! What could not be decoded: watched at every way in, kept bounded, and sent in again when asked for.
//!
//! The unit is the request as it came, since a replay must decode what the client sent, whatever the protocol: what of it was
//! good is known already and changes nothing. A request that a busy server or a full disk refuses is not kept here; its client
//! sends it again.

use std::cell::RefCell;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use neuraltrust_model::Map;
use neuraltrust_normalize::Rejection;
use neuraltrust_store::{Grant, NewQuarantined, ProjectId, Quarantine, Quarantined, Scope, StoreError};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, now};
use crate::{auth, receive};

/// Metric: requests dropped to make room for newer ones.
const DROPPED: &str = "neuraltrust_quarantine_dropped_total";
/// Metric: requests kept.
const KEPT: &str = "neuraltrust_quarantined_total";
/// Items of a request whose places are told.
const TOLD: usize = 20;
/// Longest text about the items of a request, in bytes.
const MAX_MESSAGE: usize = 4_000;
/// The headers that decoding depends on. No other is kept: any of them might hold a key.
const KEPT_HEADERS: [&str; 9] = [
    "content-type",
    "content-encoding",
    "user-agent",
    "x-mlflow-experiment-id",
    "x-project-name",
    "comet-workspace",
    "langsmith-project",
    "projectname",
    "x-langfuse-ingestion-version",
];

tokio::task_local! {
    /// What happens to the request that this task answers.
    static WATCHED: RefCell<Watched>;
    /// Who asked to send in again the request that this task answers.
    static REPLAYED_FOR: Grant;
}

/// What is seen of a request while it is answered.
#[derive(Default)]
struct Watched {
    body: Option<Bytes>,
    surface: Option<Surface>,
    reason: Option<String>,
    places: Vec<String>,
    rejected: u64,
}

fn with(note: impl FnOnce(&mut Watched)) {
    // What is not watched (exports of metrics over gRPC) has nowhere to note it.
    let _ = WATCHED.try_with(|watched| note(&mut watched.borrow_mut()));
}

/// Notes the whole body of a request whose sender may send it.
pub(crate) fn saw_body(body: &Bytes) {
    with(|watched| watched.body = Some(body.clone()));
}

/// Notes that the request, or one item of it, is refused.
pub(crate) fn saw_refusal(surface: Surface, reason: &str) {
    with(|watched| {
        watched.surface.get_or_insert(surface);
        watched.reason.get_or_insert_with(|| reason.to_owned());
        watched.rejected += 1;
    });
}

/// Notes where in the request something is refused.
pub(crate) fn saw_place(rejection: &Rejection) {
    with(|watched| {
        if watched.places.len() < TOLD {
            watched.places.push(rejection.to_string());
        }
    });
}

/// Notes what the client reads of a request that is refused as a whole.
pub(crate) fn saw_answer(detail: &str) {
    with(|watched| watched.places.push(detail.to_owned()));
}

/// Who asked for the replay that this task is.
pub(crate) fn replayed_for() -> Option<Grant> {
    REPLAYED_FOR.try_with(Clone::clone).ok()
}

/// Goes around every way in and keeps what could not be decoded.
pub(crate) async fn watch(State(app): State<App>, request: Request, next: Next) -> Response {
    if replayed_for().is_some() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let head = parts.clone();
    let request = Request::from_parts(parts, body);
    let (response, seen) = WATCHED
        .scope(RefCell::default(), async {
            let response = next.run(request).await;
            (response, WATCHED.with(RefCell::take))
        })
        .await;
    if !response.status().is_server_error() {
        keep(&app, &head, seen).await;
    }
    response
}

/// Goes around an export over gRPC, and keeps it as the request over HTTP with the same message, which is what a replay sends in.
pub(crate) async fn watch_export<T>(
    app: &App,
    headers: &HeaderMap,
    path: &'static str,
    answer: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let (answered, seen) = WATCHED
        .scope(RefCell::default(), async {
            let answered = answer.await;
            (answered, WATCHED.with(RefCell::take))
        })
        .await;
    if !answered.as_ref().is_err_and(|error| error.status.is_server_error()) {
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = Method::POST;
        head.uri = Uri::from_static(path);
        head.headers = headers.clone();
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        // The message was decompressed on its way in.
        head.headers.remove(CONTENT_ENCODING);
        keep(app, &head, seen).await;
    }
    answered
}

async fn keep(app: &App, head: &Parts, seen: Watched) {
    let (Some(surface), Some(body), Some(reason)) = (seen.surface, seen.body, seen.reason) else { return };
    let Ok(grant) = auth::require_key(app.store.accounts(), &head.headers, Scope::Ingest) else { return };
    let mut message = seen.places.join("; ");
    message.truncate(message.floor_char_boundary(MAX_MESSAGE));
    let new = NewQuarantined {
        time: now(),
        protocol: surface.as_str().to_owned(),
        client: text(&head.headers, "user-agent").map(|agent| agent.chars().take(200).collect()),
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(|| head.uri.path(), |path| path.as_str()).to_owned(),
        headers: Value::Object(kept_headers(&head.headers)).to_string(),
        rejected: seen.rejected,
        reason,
        message,
    };
    let quarantine = Arc::clone(&app.quarantine);
    match blocking(move || quarantine.keep(grant.project, &new, &body)).await {
        Ok(dropped) => {
            metrics::counter!(KEPT, "surface" => surface.as_str()).increment(1);
            metrics::counter!(DROPPED).increment(dropped);
        }
        // The client has its answer; what is lost is only the look at it.
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot keep a request in quarantine"),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn kept_headers(headers: &HeaderMap) -> Map {
    KEPT_HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), text(headers, name)?.into()))).collect()
}

/// Runs what blocks on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Stopped))
}

/// What became of a request that was sent in again.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// The HTTP status that its client would have read.
    pub(crate) status: StatusCode,
    /// How many of its items still cannot be decoded.
    pub(crate) rejected: u64,
    /// Where they stand, and what is wrong with them.
    pub(crate) message: String,
}

impl Replayed {
    /// Whether all of it is in the record now.
    pub(crate) fn is_whole(&self) -> bool {
        self.rejected == 0 && self.status.is_success()
    }
}

/// Sends a request of the quarantine in again, as the one who asks for it.
pub(crate) async fn replay(
    app: &App,
    grant: Grant,
    (item, headers, body): (Quarantined, String, Vec<u8>),
) -> Result<Replayed, ApiError> {
    let broken = |_| ApiError::bad_request("malformed", "the request in quarantine cannot be put together again");
    let mut request = Request::builder().method(item.method.as_str()).uri(&item.path).body(Body::from(body)).map_err(broken)?;
    for (name, value) in serde_json::from_str::<Map>(&headers).unwrap_or_default() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            request.headers_mut().insert(name, value);
        }
    }
    let router = receive::routes().with_state(app.clone());
    let answer = async {
        let Ok(response) = router.oneshot(request).await;
        (response, WATCHED.with(RefCell::take))
    };
    let (response, seen) = REPLAYED_FOR.scope(grant, WATCHED.scope(RefCell::default(), answer)).await;
    Ok(Replayed { status: response.status(), rejected: seen.rejected, message: seen.places.join("; ") })
}

/// A page of the quarantine.
pub(crate) async fn list(
    app: &App,
    project: ProjectId,
    before: Option<u64>,
    limit: usize,
) -> Result<(Vec<Quarantined>, neuraltrust_store::QuarantineTotals), ApiError> {
    let quarantine = Arc::clone(&app.quarantine);
    Ok(blocking(move || Ok((quarantine.list(project, before, limit)?, quarantine.totals(project)?))).await?)
}

/// One request of the quarantine.
pub(crate) async fn get(app: &App, project: ProjectId, id: u64) -> Result<(Quarantined, String, Vec<u8>), ApiError> {
    let quarantine = Arc::clone(&app.quarantine);
    blocking(move || quarantine.get(project, id)).await?.ok_or_else(|| not_there(id))
}

/// Drops all requests of a project.
pub(crate) async fn clear(app: &App, project: ProjectId) -> Result<(), ApiError> {
    let quarantine = Arc::clone(&app.quarantine);
    Ok(blocking(move || quarantine.clear(project)).await?)
}

/// Drops one request of the quarantine.
pub(crate) async fn remove(app: &App, project: ProjectId, id: u64) -> Result<(), ApiError> {
    let quarantine: Arc<Quarantine> = Arc::clone(&app.quarantine);
    if blocking(move || quarantine.remove(project, id)).await? { Ok(()) } else { Err(not_there(id)) }
}

fn not_there(id: u64) -> ApiError {
    ApiError::not_found(format!("the project has no request {id} in quarantine; it may have made room for newer ones"))
}
