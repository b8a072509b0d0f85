//! LangSmith's tracing sessions, which its users call projects: there are none here. A session is its name, which every run in it
//! carries as the attribute `project_name`, and its id is made of that; so its clients find the one that they ask for.
//!
//! Format: `TracerSession` of the API of LangSmith as its clients speak it (langsmith-sdk, `schemas.py` and `client.ts`).

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use neuraltrust_model::Map;
use neuraltrust_normalize::dialects::PROJECT_NAME;
use neuraltrust_store::{Filter, Grant, Key, ListOf, Root, Scope};
use serde_json::{Value, json};

use super::{body, may_send, not_offered, uuid_of};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::now;
use crate::{auth, ui};

/// Most sessions that are listed.
const LISTED: usize = 100;

/// What clients ask of sessions, below a prefix.
pub(super) fn routes(prefix: &str) -> Router<App> {
    let routes = Router::new()
        .route(&format!("{prefix}/sessions"), post(create))
        .route(&format!("{prefix}/sessions/{{id}}"), get(one).patch(update).delete(nothing));
    if prefix.is_empty() { routes.route("/sessions", get(list)) } else { routes }
}

/// Answers a client that has `/api/v1` in its address, and so asks for its sessions where this server's own API lists those of people.
pub(crate) async fn before_ours(State(app): State<App>, request: Request, next: Next) -> Response {
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_theirs =
        request.uri().path() == "/api/v1/sessions" && request.method() == Method::GET && agent.starts_with("langsmith");
    if !is_theirs {
        return next.run(request).await;
    }
    let (head, _) = request.into_parts();
    match Asked::try_from_uri(&head.uri) {
        Ok(asked) => list(State(app), asked, head.uri, head.headers).await.into_response(),
        Err(rejection) => rejection.into_response(),
    }
}

/// What an address asks for, by name; the page has parameters of its own at the same path.
type Asked = Query<HashMap<String, String>>;

async fn list(State(app): State<App>, Query(mut asked): Asked, uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    if !auth::presents_key(&headers) && uri.path() == "/sessions" {
        // The page has a list of that name.
        return Ok(ui::page(uri.path(), &headers));
    }
    let grant = may_send(&app, &headers)?;
    let mut names = match asked.remove("name") {
        Some(name) => vec![name],
        None => names(&app, &grant).await?,
    };
    if let Some(part) = asked.remove("name_contains") {
        names.retain(|name| name.contains(&part));
    }
    let number = |name: &str| asked.get(name).and_then(|text| text.parse().ok());
    let (offset, limit) = (number("offset").unwrap_or(0), number("limit").unwrap_or(LISTED));
    let sessions: Value = names.iter().skip(offset).take(limit).map(|name| session(&grant, name)).collect();
    Ok(Json(sessions).into_response())
}

async fn one(State(app): State<App>, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    if !auth::presents_key(&headers) && uri.path().starts_with("/sessions/") {
        return Ok(ui::page(uri.path(), &headers));
    }
    let grant = may_send(&app, &headers)?;
    let found = names(&app, &grant).await?.into_iter().find(|name| uuid_of(name) == id);
    let none = || ApiError::not_found(format!("no session of the id {id:?} is known; sessions are known by the runs in them"));
    Ok(Json(session(&grant, &found.ok_or_else(none)?)).into_response())
}

async fn create(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Json<Value>, ApiError> {
    let (grant, told) = read(&app, &headers, body).await?;
    let Some(name) = told.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) else {
        return Err(ApiError::bad_request("missing_id", "name: is missing; it is the name of the session and must be text"));
    };
    let mut session = session(&grant, name);
    repeat(&mut session, &told, &["id", "start_time", "end_time", "description", "extra"]);
    Ok(Json(session))
}

async fn update(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Result<Json<Value>, ApiError> {
    let (grant, told) = read(&app, &headers, body).await?;
    let known = names(&app, &grant).await?.into_iter().find(|name| uuid_of(name) == id);
    let mut session = session(&grant, known.as_deref().unwrap_or(&grant.project_name));
    session["id"] = id.into();
    repeat(&mut session, &told, &["name", "end_time", "description", "extra"]);
    Ok(Json(session))
}

async fn nothing(State(app): State<App>, headers: HeaderMap, uri: Uri) -> ApiError {
    not_offered(&app, &headers, StatusCode::NOT_FOUND, &uri)
}

async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<(Grant, Map), ApiError> {
    let grant = may_send(app, headers)?;
    let mut received = body::receive(&app.ingest, headers, body).await?;
    let malformed = |error| ApiError::bad_request("malformed", format!("the body is no JSON object: {error}"));
    let told = received.decode(move |bytes| serde_json::from_slice(bytes).map_err(malformed)).await?;
    Ok((grant, told))
}

/// What a client says of a session is what it reads of it; nothing of it is kept.
fn repeat(session: &mut Value, told: &Map, fields: &[&str]) {
    for field in fields {
        if let Some(value) = told.get(*field).filter(|value| !value.is_null()) {
            session[*field] = value.clone();
        }
    }
}

/// The sessions that runs are in, the most frequent first, and one that has the name of the project. A key that may not read knows no
/// others.
async fn names(app: &App, grant: &Grant) -> Result<Vec<String>, ApiError> {
    let mut names = Vec::new();
    if grant.scope.allows(Scope::Read) {
        let key = Key::Path(Root::Attributes, PROJECT_NAME.to_owned());
        let facets = app.store.project(grant.project).facets(ListOf::Spans, key, Filter::default(), LISTED).await?;
        names.extend(facets.items.into_iter().map(|item| item.value));
    }
    if !names.contains(&grant.project_name) {
        names.push(grant.project_name.clone());
    }
    Ok(names)
}

fn session(grant: &Grant, name: &str) -> Value {
    json!({
        "id": uuid_of(name),
        "name": name,
        "tenant_id": uuid_of(&format!("project {}", grant.project_name)),
        "start_time": now().to_string(),
        "end_time": null,
        "description": null,
        "extra": {},
        "reference_dataset_id": null,
    })
}
