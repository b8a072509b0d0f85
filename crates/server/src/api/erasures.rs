//! Erasing what is kept of a conversation, a trace or a user, and the receipts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use neuraltrust_model::{ConversationId, TraceId};
use neuraltrust_store::{Asked, Erasure, ErasureRow, Filter, ListOf};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::filters;
use super::params::{Body, Ids, ListParams, PageParams, Params, bad, given};
use crate::auth::Keeper;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// What is to be erased: exactly one of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "user_id": "user-1" }))]
pub(super) struct NewErasure {
    /// All traces of this conversation.
    conversation_id: Option<String>,
    /// This trace.
    trace_id: Option<String>,
    /// All traces that name this user.
    user_id: Option<String>,
    /// All traces with a span that this lets through: `q`, `after`, `before` and `filter` as in the list of spans, where the last
    /// word is always a whole one, and any field or path with the value, or a list of the values, that it may have.
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>, example = json!({ "q": "order 4711", "metadata.plan": "pro" }))]
    filter: Option<Map<String, Value>>,
}

/// One page of erasures, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErasurePage {
    /// The erasures.
    items: Vec<ErasureRow>,
    /// Give it as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
}

impl NewErasure {
    fn read(self) -> Result<Asked, ApiError> {
        match self {
            Self { conversation_id: Some(id), trace_id: None, user_id: None, filter: None } => {
                Ok(Asked::Conversation(given("conversation_id", id, ConversationId::new)?))
            }
            Self { trace_id: Some(id), conversation_id: None, user_id: None, filter: None } => {
                Ok(Asked::Trace(given("trace_id", id, TraceId::new)?))
            }
            Self { user_id: Some(id), conversation_id: None, trace_id: None, filter: None } => {
                if id.trim().is_empty() {
                    return Err(bad("user_id: it is empty"));
                }
                Ok(Asked::User(id))
            }
            Self { filter: Some(object), conversation_id: None, trace_id: None, user_id: None } => {
                let told = Value::Object(object.clone());
                let filter = filters::from_json(ListOf::Spans, object, Filter::read_whole)?;
                if matches!(&filter, Filter::And(all) if all.is_empty()) {
                    return Err(bad(
                        "filter: it names nothing, so that it would let everything through; name what is to be erased",
                    ));
                }
                Ok(Asked::Filter { filter: Box::new(filter), told })
            }
            _ => Err(bad("exactly one of conversation_id, trace_id, user_id and filter says what is to be erased")),
        }
    }
}

/// Begins to erase, of the key's project. A trace goes as a whole. What comes of it after this request is new, and kept.
///
/// The answer says which traces are erased; `GET /api/v1/erasures/{id}` says when nothing of them is left. An erasure that
/// finds nothing has no traces and is done at once. Backups and the quarantine are not erased.
#[utoipa::path(
    post, operation_id = "erase", path = "/api/v1/erasures", tag = "admin", request_body = NewErasure,
    responses(
        (status = 202, description = "It has begun", body = Erasure, example = json!({
            "id": 1, "asked": { "user_id": "user-1" }, "asked_by": "Ada", "requested_at": "2026-11-25T09:00:00.000000000Z",
            "done_at": null, "trace_count": 1, "spans": 0, "patches": 0, "bytes": 0,
            "traces": [{ "trace_id": "trace-1", "spans": null, "patches": null, "bytes": null, "hash": null }]
        })),
        (status = 400, description = "The body names nothing, more than one thing, or what cannot be", body = Problem, example = json!({
            "status": 400, "title": "Bad Request", "reason": "bad_parameter",
            "detail": "exactly one of conversation_id, trace_id, user_id and filter says what is to be erased"
        })),
        (status = 403, description = "The key is no admin key", body = Problem),
        (status = 503, description = "The lists lag behind, so that not everything can be found; ask again after `Retry-After`", body = Problem),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Body(body): Body<NewErasure>,
) -> Result<(StatusCode, Json<Erasure>), ApiError> {
    let erasure = app.store.project(grant.project).told_by(grant.member.clone()).erase(body.read()?).await?;
    let (id, traces) = (erasure.row.id, erasure.traces.len());
    tracing::info!(project = grant.project_name, by = grant.who(), erasure = id, traces, "an erasure has begun");
    Ok((StatusCode::ACCEPTED, Json(erasure)))
}

/// What was asked to be erased, newest first.
///
/// Receipts are kept for good: ids and counts, never contents. Pages go on with `cursor`.
#[utoipa::path(
    get, operation_id = "erasures", path = "/api/v1/erasures", tag = "admin", params(PageParams),
    responses((status = 200, body = ErasurePage), (status = "4XX", body = Problem))
)]
pub(super) async fn list(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Params(params): Params<PageParams>,
) -> Result<Json<ErasurePage>, ApiError> {
    let limit = ListParams::limited(params.limit).limit()?;
    let before = params.cursor.map(|cursor| number(&cursor, "cursor")).transpose()?;
    let items = app.store.project(grant.project).erasures(before, limit).await?;
    let next_cursor = items.last().filter(|_| items.len() == limit).map(|last| last.id.to_string());
    Ok(Json(ErasurePage { items, next_cursor }))
}

/// The receipt of an erasure: its traces, and what was there of each.
///
/// `done_at` is null while something of the traces is left; ask again until it is not. What is counted is what there was when it
/// went.
#[utoipa::path(
    get, operation_id = "erasure", path = "/api/v1/erasures/{id}", tag = "admin", params(("id" = i64, Path, description = "The erasure")),
    responses(
        (status = 200, body = Erasure, example = json!({
            "id": 1, "asked": { "user_id": "user-1" }, "asked_by": "Ada", "requested_at": "2026-11-25T09:00:00.000000000Z",
            "done_at": "2026-11-25T09:00:02.000000000Z", "trace_count": 1, "spans": 5, "patches": 10, "bytes": 2048,
            "traces": [{ "trace_id": "trace-1", "spans": 5, "patches": 10, "bytes": 2048,
                "hash": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262" }]
        })),
        (status = 404, description = "The key's project has no erasure of that number", body = Problem),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn show(State(app): State<App>, Keeper(grant): Keeper, Ids(id): Ids<String>) -> Result<Json<Erasure>, ApiError> {
    let id = number(&id, "the id in the path")?;
    let erasure = app.store.project(grant.project).erasure(id).await?;
    erasure.map(Json).ok_or_else(|| ApiError::not_found(format!("the project has no erasure {id}")))
}

fn number(text: &str, what: &str) -> Result<i64, ApiError> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        bad(format!("{what}: {shown:?} is not the number of an erasure"))
    })
}
