//! The values that a field has over a list, and how often.

use axum::Json;
use axum::extract::State;
use neuraltrust_store::{FacetRow, Field, ListOf};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::params::{ListParams, Params};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// Values, the most frequent first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Facets {
    /// The values.
    items: Vec<FacetRow>,
}

/// Which field of which list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FacetParams {
    /// `conversations`, `traces` or `spans`.
    of: Option<String>,
    /// A field that the list can be filtered by, e.g. `channel_id`.
    field: String,
    /// Most values: 1 to 1000.
    #[param(default = 50, minimum = 1, maximum = 1000)]
    limit: Option<String>,
}

type Counted = Result<Json<Facets>, ApiError>;

async fn counted(app: &App, reader: &Reader, of: ListOf, field: Field, mut params: ListParams) -> Counted {
    let (limit, filter) = (params.limit()?, params.filter()?);
    let items = app.store.project(reader.0.project).facets(of, field, filter, limit).await?;
    Ok(Json(Facets { items }))
}

/// Users, by the number of their conversations.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "read", params(ListParams),
    responses((status = 200, body = Facets), (status = "4XX", body = Problem))
)]
pub(super) async fn users(State(app): State<App>, reader: Reader, Params(params): Params<ListParams>) -> Counted {
    counted(&app, &reader, ListOf::Conversations, Field::UserId, params).await
}

/// Sessions, by the number of their conversations.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "read", params(ListParams),
    responses((status = 200, body = Facets), (status = "4XX", body = Problem))
)]
pub(super) async fn sessions(State(app): State<App>, reader: Reader, Params(params): Params<ListParams>) -> Counted {
    counted(&app, &reader, ListOf::Conversations, Field::SessionId, params).await
}

/// Channels, by the number of their conversations.
#[utoipa::path(
    get, path = "/api/v1/channels", tag = "read", params(ListParams),
    responses((status = 200, body = Facets), (status = "4XX", body = Problem))
)]
pub(super) async fn channels(State(app): State<App>, reader: Reader, Params(params): Params<ListParams>) -> Counted {
    counted(&app, &reader, ListOf::Conversations, Field::ChannelId, params).await
}

/// The values of any field over a list.
#[utoipa::path(
    get, path = "/api/v1/facets", tag = "read", params(FacetParams),
    responses((status = 200, body = Facets), (status = "4XX", body = Problem))
)]
pub(super) async fn facets(State(app): State<App>, reader: Reader, Params(params): Params<FacetParams>) -> Counted {
    let lists = [ListOf::Conversations, ListOf::Traces, ListOf::Spans];
    let of = params.of.as_deref().unwrap_or("conversations");
    let list = lists.into_iter().find(|list| list.as_str() == of);
    let unknown = |name: &str, value: &str, accepted: Vec<&str>| {
        ApiError::bad_request("bad_parameter", format!("{name}: {value:?} is not one of {}", accepted.join(", ")))
    };
    let list = list.ok_or_else(|| unknown("of", of, lists.iter().map(|list| list.as_str()).collect()))?;
    let field = Field::named(&params.field)
        .ok_or_else(|| unknown("field", &params.field, list.fields().iter().map(|field| field.as_str()).collect()))?;
    counted(&app, &reader, list, field, ListParams::limited(params.limit)).await
}
