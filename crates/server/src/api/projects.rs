//! Projects and their keys, for holders of an admin key: of the project itself, or of the default project, which is the operator's.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use neuraltrust_model::Timestamp;
use neuraltrust_store::{Accounts, Grant, KeyRow, ProjectId, ProjectRow, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::params::{Body, Ids};
use crate::auth::Keeper;
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

/// A project that is there.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectItem {
    /// Its name.
    name: String,
    /// When it was made.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// How many keys it has, without those of its members.
    keys: u64,
    /// How many members it has.
    members: u64,
}

/// Projects.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Projects {
    /// The oldest first.
    items: Vec<ProjectItem>,
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

/// A key of a project, without the key itself, which only its holder knows.
#[derive(Debug, Serialize, ToSchema)]
struct KeyItem {
    /// Names it, and tells nothing of it.
    id: String,
    /// How it begins; null for one that was made by an older program and not used since.
    begin: Option<String>,
    /// `ingest`, `read` or `admin`.
    scope: &'static str,
    /// When it was made.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// When it was used last, to a few seconds; null where it never was, as far as is known.
    #[schema(value_type = Option<String>)]
    used_at: Option<Timestamp>,
}

/// Keys of a project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Keys {
    /// The newest first.
    items: Vec<KeyItem>,
}

pub(super) fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000))
}

impl From<ProjectRow> for ProjectItem {
    fn from(row: ProjectRow) -> Self {
        Self { name: row.name, created_at: moment(row.created_at), keys: row.keys, members: row.members }
    }
}

impl From<KeyRow> for KeyItem {
    fn from(row: KeyRow) -> Self {
        Self {
            id: row.id,
            begin: row.begin,
            scope: row.scope.as_str(),
            created_at: moment(row.created_at),
            used_at: row.used_at.map(moment),
        }
    }
}

/// Whether a key is the operator's, who cares for every project.
fn is_operator(grant: &Grant) -> bool {
    grant.project_name == ProjectId::DEFAULT_NAME
}

/// The project of that name, where whoever asks may care for it. Of any other not even its being there is told.
pub(super) fn cared_for(accounts: &Accounts, grant: &Grant, name: &str) -> Result<ProjectId, ApiError> {
    if grant.project_name == name {
        return Ok(grant.project);
    }
    if is_operator(grant) {
        return Ok(accounts.project(name)?);
    }
    let detail =
        format!("the key is of the project {:?} and cares for no other; use an admin key of that one", grant.project_name);
    Err(ApiError::not_found(detail))
}

/// The projects that the key cares for.
///
/// Needs a key of scope `admin`: one of the project `default`, which is the operator's, sees all projects, any other its own.
#[utoipa::path(
    get, operation_id = "projects", path = "/api/v1/projects", tag = "admin",
    responses((status = 200, body = Projects), (status = "4XX", body = Problem))
)]
pub(super) async fn list(State(app): State<App>, Keeper(grant): Keeper) -> Result<Json<Projects>, ApiError> {
    let mut items = app.store.accounts().projects()?;
    items.retain(|project| is_operator(&grant) || project.name == grant.project_name);
    Ok(Json(Projects { items: items.into_iter().map(ProjectItem::from).collect() }))
}

/// Makes a project.
///
/// Needs a key of scope `admin` of the project `default`. A project sees only what is sent with its own keys.
#[utoipa::path(
    post, operation_id = "create_project", path = "/api/v1/projects", tag = "admin", request_body = Project,
    responses((status = 201, body = Project), (status = "4XX", body = Problem))
)]
pub(super) async fn create(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Body(project): Body<Project>,
) -> Result<(StatusCode, Json<Project>), ApiError> {
    if !is_operator(&grant) {
        let detail = format!("projects are made with an admin key of the project {:?}", ProjectId::DEFAULT_NAME);
        return Err(ApiError::new(StatusCode::FORBIDDEN, "wrong_project", detail));
    }
    app.store.accounts().create_project(&project.name)?;
    Ok((StatusCode::CREATED, Json(project)))
}

/// The keys of a project, by how they begin, without those of its members.
///
/// Needs a key of scope `admin` of that project, or of the project `default`. All of a key only its holder knows.
#[utoipa::path(
    get, operation_id = "keys", path = "/api/v1/projects/{name}/keys", tag = "admin",
    params(("name" = String, Path, description = "The project")),
    responses((status = 200, body = Keys), (status = "4XX", body = Problem))
)]
pub(super) async fn keys(State(app): State<App>, Keeper(grant): Keeper, Ids(name): Ids<String>) -> Result<Json<Keys>, ApiError> {
    let accounts = app.store.accounts();
    let keys = accounts.keys(cared_for(accounts, &grant, &name)?)?;
    Ok(Json(Keys { items: keys.into_iter().map(KeyItem::from).collect() }))
}

/// Makes a key of a project.
///
/// Needs a key of scope `admin` of that project, or of the project `default`. The key is answered once: only its hash is kept.
#[utoipa::path(
    post, operation_id = "create_key", path = "/api/v1/projects/{name}/keys", tag = "admin", request_body = NewKey,
    params(("name" = String, Path, description = "The project")),
    responses((status = 201, body = Key), (status = "4XX", body = Problem))
)]
pub(super) async fn create_key(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Ids(name): Ids<String>,
    Body(new): Body<NewKey>,
) -> Result<(StatusCode, Json<Key>), ApiError> {
    let scope = Scope::named(&new.scope).ok_or_else(|| {
        let accepted = Scope::OF_KEYS.map(Scope::as_str).join(", ");
        ApiError::bad_request("bad_parameter", format!("scope: {:?} is not one of {accepted}", new.scope))
    })?;
    let accounts = app.store.accounts();
    let key = accounts.create_key(cared_for(accounts, &grant, &name)?, scope)?;
    tracing::info!(project = name, %scope, by = grant.who(), "a key has been made");
    Ok((StatusCode::CREATED, Json(Key { key: key.reveal().to_owned() })))
}

/// Revokes a key of a project.
///
/// It opens nothing any more from now on, and browsers that signed in with it are signed out. Needs a key of scope `admin` of that
/// project, or of the project `default`.
#[utoipa::path(
    delete, operation_id = "revoke_key", path = "/api/v1/projects/{name}/keys/{key_id}", tag = "admin",
    params(("name" = String, Path, description = "The project"), ("key_id" = String, Path, description = "The key's id")),
    responses(
        (status = 204, description = "It is revoked"),
        (status = 404, description = "The project has no such key", body = Problem),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn revoke_key(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Ids((name, id)): Ids<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let accounts = app.store.accounts();
    if !accounts.revoke_key(cared_for(accounts, &grant, &name)?, &id)? {
        return Err(ApiError::not_found(format!("the project {name:?} has no key {id:?}")));
    }
    tracing::info!(project = name, key = id, by = grant.who(), "a key has been revoked");
    Ok(StatusCode::NO_CONTENT)
}
