//! The members of a project: who works on it, in which role. Each has a key of their own, made when they are invited.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use neuraltrust_model::Timestamp;
use neuraltrust_store::{Member as Kept, MemberRow, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::params::{Body, Ids, bad, named};
use super::projects::{cared_for, moment};
use crate::auth::Keeper;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// Who is to be a member, or what is told of one from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Ada", "email": "ada@example.com", "role": "editor" }))]
pub(super) struct Member {
    /// The name, unlike those of the other members, up to 200 bytes.
    name: String,
    /// Where to write to them; nothing is sent there.
    email: Option<String>,
    /// `viewer` reads; `editor` also judges, and changes dashboards and views; `admin` may do everything.
    role: String,
}

/// Somebody who was invited, with the key that is theirs, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Invited {
    /// Names the member, and tells nothing of the key.
    id: String,
    /// The key, for the one who was invited alone: whoever has it is that member.
    key: String,
}

/// A member of a project.
#[derive(Debug, Serialize, ToSchema)]
struct MemberItem {
    /// Names the member, and tells nothing of the key.
    id: String,
    /// The name.
    name: String,
    /// Where to write to them.
    email: Option<String>,
    /// `viewer`, `editor` or `admin`.
    role: &'static str,
    /// When they were invited.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// When they were seen last, to a few seconds; null where they never were.
    #[schema(value_type = Option<String>)]
    seen_at: Option<Timestamp>,
}

/// Members of a project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Members {
    /// By their names.
    items: Vec<MemberItem>,
}

impl Member {
    fn read(self) -> Result<Kept, ApiError> {
        named("name", &self.name)?;
        let email = self.email.filter(|email| !email.trim().is_empty());
        email.as_deref().map_or(Ok(()), |email| named("email", email))?;
        let role = Role::named(&self.role).ok_or_else(|| {
            let accepted = Role::ALL.map(Role::as_str).join(", ");
            bad(format!("role: {:?} is not one of {accepted}", self.role))
        })?;
        Ok(Kept { name: self.name.trim().to_owned(), email: email.map(|email| email.trim().to_owned()), role })
    }
}

impl From<MemberRow> for MemberItem {
    fn from(row: MemberRow) -> Self {
        let Kept { name, email, role } = row.member;
        let (created_at, seen_at) = (moment(row.created_at), row.seen_at.map(moment));
        Self { id: row.id, name, email, role: role.as_str(), created_at, seen_at }
    }
}

fn unknown(project: &str, id: &str) -> ApiError {
    ApiError::not_found(format!("the project {project:?} has no member {id:?}"))
}

/// The members of a project: who they are, what they may do, and when they were seen last.
///
/// Needs a key of scope `admin` of that project, or of the project `default`.
#[utoipa::path(
    get, operation_id = "members", path = "/api/v1/projects/{name}/members", tag = "admin",
    params(("name" = String, Path, description = "The project")),
    responses((status = 200, body = Members), (status = "4XX", body = Problem))
)]
pub(super) async fn list(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Ids(name): Ids<String>,
) -> Result<Json<Members>, ApiError> {
    let accounts = app.store.accounts();
    let members = accounts.members(cared_for(accounts, &grant, &name)?)?;
    Ok(Json(Members { items: members.into_iter().map(MemberItem::from).collect() }))
}

/// Invites somebody to a project.
///
/// The answer has the key that is theirs, once: with it they sign in to the page or ask the API, and what they judge or erase names
/// them. Needs a key of scope `admin` of that project, or of the project `default`.
#[utoipa::path(
    post, operation_id = "invite_member", path = "/api/v1/projects/{name}/members", tag = "admin", request_body = Member,
    params(("name" = String, Path, description = "The project")),
    responses(
        (status = 201, description = "The member is there", body = Invited),
        (status = 409, description = "The project has a member of that name", body = Problem),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn invite(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Ids(name): Ids<String>,
    Body(new): Body<Member>,
) -> Result<(StatusCode, Json<Invited>), ApiError> {
    let accounts = app.store.accounts();
    let project = cared_for(accounts, &grant, &name)?;
    let member = new.read()?;
    let (id, key) = accounts.invite(project, &member)?;
    tracing::info!(project = name, member = member.name, role = member.role.as_str(), by = grant.who(), "a member was invited");
    Ok((StatusCode::CREATED, Json(Invited { id, key: key.reveal().to_owned() })))
}

/// Changes what is told of a member, and what they may do.
///
/// It holds at once, in browsers that they signed in too. The last admin among the members stays one. Needs a key of scope `admin` of
/// that project, or of the project `default`.
#[utoipa::path(
    put, operation_id = "set_member", path = "/api/v1/projects/{name}/members/{member_id}", tag = "admin", request_body = Member,
    params(("name" = String, Path, description = "The project"), ("member_id" = String, Path, description = "The member's id")),
    responses(
        (status = 204, description = "It is changed"),
        (status = 404, description = "The project has no such member", body = Problem),
        (status = 409, description = "It is the last admin, or another member has that name", body = Problem),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn replace(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Ids((name, id)): Ids<(String, String)>,
    Body(new): Body<Member>,
) -> Result<StatusCode, ApiError> {
    let accounts = app.store.accounts();
    let project = cared_for(accounts, &grant, &name)?;
    let member = new.read()?;
    if !accounts.change_member(project, &id, &member)? {
        return Err(unknown(&name, &id));
    }
    tracing::info!(project = name, member = member.name, role = member.role.as_str(), by = grant.who(), "a member was changed");
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a member from a project.
///
/// Their key opens nothing any more from now on, and their browsers are signed out; what they judged still names them. The last admin
/// among the members is not removed. Needs a key of scope `admin` of that project, or of the project `default`.
#[utoipa::path(
    delete, operation_id = "remove_member", path = "/api/v1/projects/{name}/members/{member_id}", tag = "admin",
    params(("name" = String, Path, description = "The project"), ("member_id" = String, Path, description = "The member's id")),
    responses(
        (status = 204, description = "The member is removed"),
        (status = 404, description = "The project has no such member", body = Problem),
        (status = 409, description = "It is the last admin", body = Problem),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn remove(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Ids((name, id)): Ids<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let accounts = app.store.accounts();
    if !accounts.remove_member(cared_for(accounts, &grant, &name)?, &id)? {
        return Err(unknown(&name, &id));
    }
    tracing::info!(project = name, member = id, by = grant.who(), "a member was removed");
    Ok(StatusCode::NO_CONTENT)
}
