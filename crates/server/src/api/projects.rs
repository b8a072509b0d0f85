//! Projects and their keys, for holders of an admin key.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use neuraltrust_store::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::params::{Body, Ids};
use crate::auth::Admin;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// A project.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "staging" }))]
pub(super) struct Project {
    /// 1 to 64 letters, digits, `-`, `_` or `.`.
    name: String,
}

/// Which key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "scope": "ingest" }))]
pub(super) struct NewKey {
    /// `ingest`, `read` or `admin`.
    scope: String,
}

/// A key, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Key {
    /// The key.
    key: String,
}

/// Makes a project.
///
/// Needs a key of scope `admin`. A project sees only what is sent with its own keys.
#[utoipa::path(
    post, operation_id = "create_project", path = "/api/v1/projects", tag = "admin", request_body = Project,
    responses((status = 201, body = Project), (status = "4XX", body = Problem))
)]
pub(super) async fn create(
    State(app): State<App>,
    _: Admin,
    Body(project): Body<Project>,
) -> Result<(StatusCode, Json<Project>), ApiError> {
    app.store.accounts().create_project(&project.name)?;
    Ok((StatusCode::CREATED, Json(project)))
}

/// Makes a key of a project.
///
/// Needs a key of scope `admin`. The key is answered once: only its hash is kept.
#[utoipa::path(
    post, operation_id = "create_key", path = "/api/v1/projects/{name}/keys", tag = "admin", request_body = NewKey,
    params(("name" = String, Path, description = "The project")),
    responses((status = 201, body = Key), (status = "4XX", body = Problem))
)]
pub(super) async fn create_key(
    State(app): State<App>,
    _: Admin,
    Ids(name): Ids<String>,
    Body(new): Body<NewKey>,
) -> Result<(StatusCode, Json<Key>), ApiError> {
    let scope = Scope::named(&new.scope).ok_or_else(|| {
        let accepted = Scope::ALL.map(Scope::as_str).join(", ");
        ApiError::bad_request("bad_parameter", format!("scope: {:?} is not one of {accepted}", new.scope))
    })?;
    let accounts = app.store.accounts();
    let key = accounts.create_key(accounts.project(&name)?, scope)?;
    Ok((StatusCode::CREATED, Json(Key { key: key.reveal().to_owned() })))
}
