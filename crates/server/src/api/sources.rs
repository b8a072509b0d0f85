//! What never arrived, by the process that sent it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Reader;
use crate::error::Problem;
use crate::http::App;
use crate::sources::{Losses, SourceReport};

/// Most sources that are shown.
const SHOWN: usize = 1_000;

/// The sources of a project, and what is lost of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SourceList {
    /// The sources that were heard last, newest first, up to a thousand.
    items: Vec<SourceReport>,
    /// How many there are.
    total: usize,
    /// What is lost of all of them.
    losses: Losses,
}

/// Which spans of each process never arrived. Our SDKs number what they send, so that a gap is seen; processes with other
/// clients are not listed. A source is remembered for 30 days.
///
/// Missing spans may still come, from a client's spool above all; what a client dropped it says itself.
#[utoipa::path(
    get, operation_id = "sources", path = "/api/v1/sources", tag = "read",
    responses(
        (status = 200, body = SourceList, example = json!({
            "items": [{
                "source": "0c4d9f1e7a2b4c58a1d3e5f708192a3b", "first_heard": "2026-11-23T09:00:00.000000000Z",
                "last_heard": "2026-11-23T09:41:07.000000000Z", "received": 1200, "missing": 3, "awaited": 0, "dropped": 0,
                "unknown": 0, "gaps": [[871, 873]]
            }],
            "total": 1,
            "losses": { "missing": 3, "awaited": 0, "dropped": 0 }
        })),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn list(State(app): State<App>, Reader(grant): Reader) -> Json<SourceList> {
    let (mut items, losses) = app.sources.report(grant.project);
    let total = items.len();
    items.truncate(SHOWN);
    Json(SourceList { items, total, losses })
}
