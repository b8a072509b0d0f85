//! How the server does.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{Keeper, Reader};
use crate::error::Problem;
use crate::http::App;

/// How the server does.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    /// Version of the server.
    version: &'static str,
    /// The asker's project.
    project: String,
    /// Number of the last patch on disk, over all projects.
    recorded: u64,
    /// Number of the last patch that the lists show; they are complete when it is `recorded`.
    indexed: u64,
}

/// Makes what lists, searches and aggregates are answered from anew from the record, for all projects. Reading by id and taking
/// in go on; `GET /api/v1/status` tells how far it is.
///
/// Needs a key of scope `admin`. Lists answer with what is there so far meanwhile.
#[utoipa::path(post, operation_id = "make_index_anew", path = "/api/v1/index/rebuild", tag = "admin", responses((status = 202, body = Status), (status = "4XX", body = Problem)))]
pub(super) async fn make_index_anew(State(app): State<App>, Keeper(grant): Keeper) -> (StatusCode, Json<Status>) {
    app.store.make_index_anew();
    (StatusCode::ACCEPTED, show(State(app), Reader(grant)).await)
}

/// How the server does, and how far the lists are behind.
///
/// Lists follow what is acknowledged within about a second; `recorded` and `indexed` say how far they are.
#[utoipa::path(get, operation_id = "status", path = "/api/v1/status", tag = "read", responses((status = 200, body = Status), (status = "4XX", body = Problem)))]
pub(super) async fn show(State(app): State<App>, Reader(grant): Reader) -> Json<Status> {
    let progress = app.store.progress();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        project: grant.project_name,
        recorded: progress.recorded,
        indexed: progress.indexed,
    })
}
