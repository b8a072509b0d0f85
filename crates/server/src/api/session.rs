//! Signing the page in and out.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use neuraltrust_store::{Grant, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::params::Body;
use crate::auth::{self, Reader};
use crate::error::{ApiError, Problem};
use crate::http::App;

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// The project.
    project: String,
    /// What is allowed there: `read`, `edit` or `admin`.
    scope: &'static str,
    /// The name of the member whose key it is; null for a key that is nobody's in particular, and for a sign-in link.
    member: Option<String>,
    /// Version of the server.
    version: &'static str,
}

impl From<Grant> for Session {
    fn from(grant: Grant) -> Self {
        Self {
            project: grant.project_name,
            scope: grant.scope.as_str(),
            member: grant.member,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// What signs a browser in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "key": "nt_..." }))]
pub(crate) struct SignIn {
    /// A key that may read.
    key: String,
}

/// Who is signed in.
///
/// Answers for keys as well: the project that one opens and what it may do there.
#[utoipa::path(get, operation_id = "session", path = "/api/v1/session", tag = "session", responses((status = 200, body = Session), (status = "4XX", body = Problem)))]
pub(super) async fn show(Reader(grant): Reader) -> Json<Session> {
    Json(grant.into())
}

/// Signs a browser in with a key that may read.
///
/// The session is a cookie that scripts cannot read; other sites' pages cannot use it.
#[utoipa::path(
    post, operation_id = "sign_in", path = "/api/v1/session", tag = "session", request_body = SignIn,
    responses((status = 200, body = Session), (status = "4XX", body = Problem))
)]
pub(super) async fn create(
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    jar: CookieJar,
    Body(sign_in): Body<SignIn>,
) -> Result<(CookieJar, Json<Session>), ApiError> {
    auth::same_origin(&method, &headers)?;
    let accounts = app.store.accounts();
    let unknown = || {
        let detail = "this server does not know the key; make one with `neuraltrust key create --scope admin`";
        ApiError::new(StatusCode::UNAUTHORIZED, "unknown_key", detail)
    };
    let grant = accounts.key(sign_in.key.trim())?.ok_or_else(unknown)?;
    if !grant.scope.allows(Scope::Read) {
        let detail = format!("a key of scope {} cannot sign in; it takes one of scope read or admin", grant.scope);
        return Err(ApiError::new(StatusCode::FORBIDDEN, "wrong_scope", detail));
    }
    let secret = accounts.start_session_with(sign_in.key.trim())?.ok_or_else(unknown)?;
    Ok((jar.add(auth::session_cookie(&secret, &headers)), Json(grant.into())))
}

/// Signs the browser out.
///
/// The session ends on the server, and the cookie is taken away.
#[utoipa::path(delete, operation_id = "sign_out", path = "/api/v1/session", tag = "session", responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn delete(
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    jar: CookieJar,
) -> Result<Response, ApiError> {
    auth::same_origin(&method, &headers)?;
    if let Some(secret) = auth::session_secret(&headers) {
        app.store.accounts().end_session(&secret)?;
    }
    Ok((jar.add(auth::no_session_cookie()), StatusCode::NO_CONTENT).into_response())
}

/// The token of a sign-in link.
#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    token: Option<String>,
}

/// Follows a sign-in link, which works once.
pub(crate) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    jar: CookieJar,
    Query(link): Query<Link>,
) -> Result<(CookieJar, Redirect), ApiError> {
    match app.store.accounts().sign_in(link.token.as_deref().unwrap_or_default())? {
        Some(secret) => Ok((jar.add(auth::session_cookie(&secret, &headers)), Redirect::to("/"))),
        None => Ok((jar, Redirect::to("/?signin=expired"))),
    }
}
