//! What could not be decoded: the list, the bytes, another try, and away with it.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use neuraltrust_store::Quarantined;
use serde::Serialize;
use utoipa::ToSchema;

use super::params::{Ids, ListParams, PageParams, Params};
use crate::auth::{Keeper, Reader};
use crate::error::{ApiError, Problem};
use crate::http::App;
use crate::quarantine;

/// One page of the quarantine, newest first, and what all of it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QuarantinePage {
    /// The requests.
    items: Vec<Quarantined>,
    /// Give it as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
    /// Requests in quarantine.
    total: u64,
    /// Bytes of their bodies.
    bytes: u64,
    /// Requests that made room for newer ones, ever.
    dropped: u64,
}

/// What became of a request that was sent in again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Replay {
    /// Whether all of it is kept now; then it has left the quarantine.
    kept: bool,
    /// The HTTP status that its client would have read.
    status: u16,
    /// How many of its items still cannot be decoded.
    rejected: u64,
    /// Where they stand, and what is wrong with them.
    message: String,
}

/// Requests of which something could not be decoded, newest first.
///
/// Each with what was wrong with it and where. What is in quarantine is in no list; it can be looked at, sent in again once this
/// server understands it, or dropped.
#[utoipa::path(
    get, operation_id = "quarantine", path = "/api/v1/quarantine", tag = "quarantine", params(PageParams),
    responses((status = 200, body = QuarantinePage), (status = "4XX", body = Problem))
)]
pub(super) async fn list(
    State(app): State<App>,
    Reader(grant): Reader,
    Params(params): Params<PageParams>,
) -> Result<Json<QuarantinePage>, ApiError> {
    let limit = ListParams::limited(params.limit).limit()?;
    let before = params.cursor.map(|cursor| id(&cursor, "cursor")).transpose()?;
    let (items, totals) = quarantine::list(&app, grant.project, before, limit).await?;
    let next_cursor = items.last().filter(|_| items.len() == limit).map(|last| last.id.to_string());
    Ok(Json(QuarantinePage { items, next_cursor, total: totals.items, bytes: totals.bytes, dropped: totals.dropped }))
}

/// The body of a request in quarantine, as it came.
///
/// As it was sent, compressed where the client compressed it, and always as a download.
#[utoipa::path(
    get, operation_id = "download_quarantined", path = "/api/v1/quarantine/{id}", tag = "quarantine", params(("id" = u64, Path, description = "The request")),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = "4XX", body = Problem))
)]
pub(super) async fn download(
    State(app): State<App>,
    Reader(grant): Reader,
    Ids(number): Ids<String>,
) -> Result<impl IntoResponse, ApiError> {
    let number = id(&number, "the id in the path")?;
    let (_, _, body) = quarantine::get(&app, grant.project, number).await?;
    // Never as the type it claims: what a stranger sent must not run in the page's origin.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"quarantine-{number}.body\"")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, body))
}

/// Sends a request of the quarantine in again. What of it was kept before changes nothing.
///
/// It goes the way of its first time, as if its client had sent it now. What is understood is kept, and the request leaves the
/// quarantine when all of it is.
#[utoipa::path(
    post, operation_id = "replay_quarantined", path = "/api/v1/quarantine/{id}/replay", tag = "quarantine", params(("id" = u64, Path, description = "The request")),
    responses((status = 200, body = Replay), (status = "4XX", body = Problem))
)]
pub(super) async fn replay(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Ids(number): Ids<String>,
) -> Result<Json<Replay>, ApiError> {
    let number = id(&number, "the id in the path")?;
    let project = grant.project;
    let request = quarantine::get(&app, project, number).await?;
    let replayed = quarantine::replay(&app, grant, request).await?;
    let kept = replayed.is_whole();
    if kept {
        quarantine::remove(&app, project, number).await?;
    }
    Ok(Json(Replay { kept, status: replayed.status.as_u16(), rejected: replayed.rejected, message: replayed.message }))
}

/// Drops a request of the quarantine.
///
/// It cannot be had back. What of it had been understood is kept.
#[utoipa::path(
    delete, operation_id = "delete_quarantined", path = "/api/v1/quarantine/{id}", tag = "quarantine", params(("id" = u64, Path, description = "The request")),
    responses((status = 204), (status = "4XX", body = Problem))
)]
pub(super) async fn delete(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Ids(number): Ids<String>,
) -> Result<StatusCode, ApiError> {
    quarantine::remove(&app, grant.project, id(&number, "the id in the path")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Drops every request that the project has in quarantine.
///
/// They cannot be had back. What of them had been understood is kept.
#[utoipa::path(
    delete, operation_id = "clear_quarantine", path = "/api/v1/quarantine", tag = "quarantine",
    responses((status = 204), (status = "4XX", body = Problem))
)]
pub(super) async fn clear(State(app): State<App>, Keeper(grant): Keeper) -> Result<StatusCode, ApiError> {
    quarantine::clear(&app, grant.project).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn id(text: &str, what: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(40).collect();
        ApiError::bad_request("bad_parameter", format!("{what}: {shown:?} is not the number of a request in quarantine"))
    })
}
