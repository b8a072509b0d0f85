//! What takes up the disk: all of it, and the asker's project. What another project takes up is told only as part of the whole.

use axum::Json;
use axum::extract::State;
use neuraltrust_store::{DiskUse, ProjectDiskUse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Keeper;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// What takes up the disk, in bytes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Disk {
    /// Everything in the data directory.
    total: u64,
    /// Room in the record that is free and will be used again, or returned to the system.
    free: u64,
    /// What the index still holds of what was replaced or removed.
    index_obsolete: u64,
    /// What belongs to no project: accounts, dictionaries, the write-ahead log, the quarantine.
    other: u64,
    /// All other projects together.
    other_projects: u64,
    /// The key's project.
    project: ProjectDiskUse,
}

/// What takes up the disk: all of it, and what the key's project does. Looks through the record, which takes about a second
/// for a million spans; `/metrics` has what can be told at a glance.
///
/// Bytes of files as they are, and what of them is the project's, by what it is for. What is free is used again.
#[utoipa::path(
    get, operation_id = "disk", path = "/api/v1/disk", tag = "admin",
    responses(
        (status = 200, body = Disk, example = json!({
            "total": 9437184, "free": 65536, "index_obsolete": 4096, "other": 4256768, "other_projects": 0,
            "project": { "name": "default", "patches": 1200, "record": 819200, "content": 1638400, "index": 2653184 }
        })),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn show(State(app): State<App>, Keeper(grant): Keeper) -> Result<Json<Disk>, ApiError> {
    let DiskUse { total, free, index_obsolete, other, projects } = app.store.disk_use().await?;
    let (own, others): (Vec<_>, Vec<_>) = projects.into_iter().partition(|project| project.project == grant.project);
    // A project of which nothing is kept is in no table.
    let nothing = ProjectDiskUse {
        project: grant.project,
        name: grant.project_name,
        patches: 0,
        bodies: 0,
        record: 0,
        content: 0,
        index: 0,
    };
    Ok(Json(Disk {
        total,
        free,
        index_obsolete,
        other,
        other_projects: others.iter().map(ProjectDiskUse::total).sum(),
        project: own.into_iter().next().unwrap_or(nothing),
    }))
}
