//! What tokens cost, and where every figure of tokens and cost is from.

use axum::Json;
use axum::extract::State;
use neuraltrust_model::{ConversationId, TraceId};
use neuraltrust_store::{MAX_PRICES, Price, ProjectStore, TokensOf, TraceExplained, price_table};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::params::{Body, Ids, bad, id};
use crate::auth::{Keeper, Reader};
use crate::error::{ApiError, Problem};
use crate::http::App;

/// Longest name of a model or provider in a price, in bytes.
const MAX_NAME: usize = 200;
/// Dearest price of a million tokens, in US dollars.
const MAX_DOLLARS: f64 = 1e6;

/// What tokens cost in a project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Prices {
    /// The project's own prices, which win over the table.
    own: Vec<Price>,
    /// The table that comes with the program.
    table: Table,
    /// Whether the lists show the costs that these prices make of all of history; they follow in the background.
    followed: bool,
}

/// The table that comes with the program.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Table {
    /// The published data set that it was made of.
    source: &'static str,
    /// The version of the data set.
    version: &'static str,
    /// When that was published.
    date: &'static str,
    /// Where it is published.
    url: &'static str,
    /// Number of prices in it.
    prices: usize,
}

/// A project's own prices.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "own": [{ "model": "my-model*", "input": 1.5, "output": 6 }] }))]
pub(super) struct OwnPrices {
    /// All of them, up to 1000; an empty list leaves the table alone.
    own: Vec<Price>,
}

impl OwnPrices {
    fn read(self) -> Result<Vec<Price>, ApiError> {
        if self.own.len() > MAX_PRICES {
            return Err(bad(format!("own: {} prices are given; there may be {MAX_PRICES}", self.own.len())));
        }
        for (n, price) in self.own.iter().enumerate() {
            let name = price.model.trim_matches('*');
            if price.model.len() > MAX_NAME || name.is_empty() || name.contains('*') {
                return Err(bad(format!(
                    "own[{n}].model: {:?} is not a name of up to {MAX_NAME} bytes with `*` at most at its begin and end",
                    price.model.chars().take(80).collect::<String>()
                )));
            }
            if price.provider.as_ref().is_some_and(|provider| provider.is_empty() || provider.len() > MAX_NAME) {
                return Err(bad(format!("own[{n}].provider: give a name of up to {MAX_NAME} bytes, or leave it out")));
            }
            let mut dollars = TokensOf::ALL.into_iter().filter_map(|tokens| price.of(tokens));
            if dollars.any(|dollars| !(0.0..=MAX_DOLLARS).contains(&dollars)) {
                return Err(bad(format!("own[{n}]: a price is a number of US dollars from 0 to {MAX_DOLLARS}")));
            }
            if price.input.is_none() && price.output.is_none() {
                return Err(bad(format!("own[{n}]: give `input`, `output` or both, in US dollars of a million tokens")));
            }
        }
        Ok(self.own)
    }
}

async fn of(project: &ProjectStore) -> Result<Json<Prices>, ApiError> {
    let (own, followed) = project.prices().await?;
    let table = price_table();
    let table = Table { source: table.source, version: table.version, date: table.date, url: table.url, prices: table.prices };
    Ok(Json(Prices { own, table, followed }))
}

/// What tokens cost in the key's project.
///
/// The project's own prices come before the table that is in the program; the answer names the table's source and date.
#[utoipa::path(
    get, operation_id = "prices", path = "/api/v1/prices", tag = "read",
    responses((status = 200, body = Prices), (status = "4XX", body = Problem))
)]
pub(super) async fn show(State(app): State<App>, Reader(grant): Reader) -> Result<Json<Prices>, ApiError> {
    of(&app.store.project(grant.project)).await
}

/// Sets the own prices of the key's project in place of those before.
///
/// They hold for all of history: what is read by id has the new costs at once, lists and aggregates follow in the background
/// (`followed`).
#[utoipa::path(
    put, operation_id = "set_prices", path = "/api/v1/prices", tag = "admin", request_body = OwnPrices,
    responses(
        (status = 200, description = "What tokens cost from now on", body = Prices),
        (status = 400, description = "A price that cannot be", body = Problem, example = json!({
            "status": 400, "title": "Bad Request", "reason": "bad_parameter",
            "detail": "own[0]: give `input`, `output` or both, in US dollars of a million tokens"
        })),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn replace(
    State(app): State<App>,
    Keeper(grant): Keeper,
    Body(body): Body<OwnPrices>,
) -> Result<Json<Prices>, ApiError> {
    let own = body.read()?;
    let project = app.store.project(grant.project);
    tracing::info!(project = grant.project_name, prices = own.len(), "own prices have been set");
    project.set_prices(own).await?;
    of(&project).await
}

/// Where every figure of tokens and cost of a trace is from, and what was not counted.
///
/// Each call with its tokens, the price that was applied and where that is from, and each span that was left out with the
/// reason.
#[utoipa::path(
    get, operation_id = "explain_trace", path = "/api/v1/traces/{trace_id}/explain", tag = "read",
    params(("trace_id" = String, Path, description = "The trace")),
    responses((status = 200, body = TraceExplained), (status = "4XX", body = Problem))
)]
pub(super) async fn explain_trace(
    State(app): State<App>,
    Reader(grant): Reader,
    Ids(trace): Ids<String>,
) -> Result<Json<TraceExplained>, ApiError> {
    let trace = id(trace, TraceId::new)?;
    let found = app.store.project(grant.project).explain(trace.clone()).await?;
    found.map(Json).ok_or_else(|| ApiError::not_found(format!("the project has no trace {:?}", trace.as_str())))
}

/// Where every figure of tokens and cost of a conversation is from, and what was not counted: its traces, each as by itself.
///
/// Each call with its tokens, the price that was applied and where that is from, and each span that was left out with the
/// reason.
#[utoipa::path(
    get, operation_id = "explain_conversation", path = "/api/v1/conversations/{conversation_id}/explain", tag = "read",
    params(("conversation_id" = String, Path, description = "The conversation")),
    responses((status = 200, body = Vec<TraceExplained>), (status = "4XX", body = Problem))
)]
pub(super) async fn explain_conversation(
    State(app): State<App>,
    Reader(grant): Reader,
    Ids(conversation): Ids<String>,
) -> Result<Json<Vec<TraceExplained>>, ApiError> {
    let conversation = id(conversation, ConversationId::new)?;
    match app.store.project(grant.project).explain_conversation(conversation.clone()).await? {
        none if none.is_empty() => {
            Err(ApiError::not_found(format!("the project has no conversation {:?}", conversation.as_str())))
        }
        traces => Ok(Json(traces)),
    }
}
