//! What is kept of a project, and for how long.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use neuraltrust_store::Retention as Kept;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::params::{Body, bad};
use crate::auth::Keeper;
use crate::error::{ApiError, Problem};
use crate::http::App;

const DAY: u64 = 24 * 60 * 60;
/// Longest age that can be set, in days: a hundred years.
const MAX_DAYS: i64 = 36_500;
/// Fewest bytes that can be set: less than an index that holds nothing would remove everything.
const MIN_BYTES: i64 = 1 << 20;

/// What is kept of a project; what is not is removed in the background, the oldest traces first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "max_age_days": 90, "max_bytes": null }))]
pub(super) struct Retention {
    /// A trace of which nothing was heard for more than so many days is removed; null keeps all.
    // Without a default, so that a field that was forgotten is no permission to keep all.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, minimum = 1, maximum = 36500)]
    max_age_days: Option<i64>,
    /// Where the project takes up more bytes of disk than this (`GET /api/v1/disk`), its oldest traces are removed; null keeps
    /// all.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, minimum = 1048576)]
    max_bytes: Option<i64>,
}

impl Retention {
    fn read(&self) -> Result<Kept, ApiError> {
        let days = self.max_age_days.map(|days| within("max_age_days", days, 1, MAX_DAYS)).transpose()?;
        let max_bytes = self.max_bytes.map(|bytes| within("max_bytes", bytes, MIN_BYTES, i64::MAX)).transpose()?;
        Ok(Kept { max_age: days.map(|days| Duration::from_secs(days * DAY)), max_bytes })
    }
}

impl From<Kept> for Retention {
    fn from(kept: Kept) -> Self {
        Self {
            max_age_days: kept.max_age.map(|age| age.as_secs().div_ceil(DAY).cast_signed()),
            max_bytes: kept.max_bytes.map(u64::cast_signed),
        }
    }
}

fn within(name: &str, number: i64, least: i64, most: i64) -> Result<u64, ApiError> {
    match (least..=most).contains(&number) {
        true => Ok(number.cast_unsigned()),
        false => Err(bad(format!("{name}: {number} is not a number from {least} to {most}; null keeps all"))),
    }
}

/// What is kept of the key's project.
///
/// `null` keeps everything, which is what a new project does.
#[utoipa::path(
    get, operation_id = "retention", path = "/api/v1/retention", tag = "admin",
    responses((status = 200, body = Retention), (status = "4XX", body = Problem))
)]
pub(super) async fn show(State(app): State<App>, Keeper(grant): Keeper) -> Result<Json<Retention>, ApiError> {
    Ok(Json(app.store.project(grant.project).retention().await?.into()))
}

/// Sets what is kept of the key's project. Both fields must be given.
///
/// Traces of which nothing was heard for longer are removed, and of a project that takes up more bytes the oldest ones, in the
/// background.
#[utoipa::path(
    put, operation_id = "set_retention", path = "/api/v1/retention", tag = "admin", request_body = Retention,
    responses(
        (status = 200, description = "What is kept from now on", body = Retention),
        (status = 400, description = "A field is missing, or a number that cannot be", body = Problem, example = json!({
            "status": 400, "title": "Bad Request", "reason": "bad_parameter",
            "detail": "max_age_days: 0 is not a number from 1 to 36500; null keeps all"
        })),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn replace(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Body(body): Body<Retention>,
) -> Result<Json<Retention>, ApiError> {
    app.store.project(grant.project).set_retention(body.read()?).await?;
    tracing::info!(
        project = grant.project_name,
        max_age_days = body.max_age_days,
        max_bytes = body.max_bytes,
        "what is kept has been set"
    );
    Ok(Json(body))
}
