//! Searches for words, with each message once.

use axum::Json;
use axum::extract::State;
use neuraltrust_store::{Filter, Hits, ListOf, Search};

use super::params::{ListParams, Params, bad};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// The messages that have words, each once however often it was said.
///
/// `q` holds the words, and conditions on the steps that said them, as in the list of spans. `sort` is `time`, the newest first, or
/// `relevance`: rarer words, and those that are said more often, count more. A message leads to its conversation, trace and step, and says
/// where else it was said (`also`): by other steps, and by later model calls that sent it again with their history.
#[utoipa::path(
    get, path = "/api/v1/search", tag = "read", params(ListParams),
    responses((status = 200, body = Hits), (status = "4XX", body = Problem))
)]
pub(super) async fn search(
    State(app): State<App>,
    Reader(grant): Reader,
    Params(mut params): Params<ListParams>,
) -> Result<Json<Hits>, ApiError> {
    let by_relevance = match params.take_sort().as_deref() {
        None | Some("time") => false,
        Some("relevance") => true,
        Some(other) => return Err(bad(format!("sort: {other:?} is not one of time, relevance"))),
    };
    let query = params.query(ListOf::Spans)?;
    if by_relevance && query.cursor.is_some() {
        return Err(bad("cursor: by relevance there is one page; raise `limit`, up to 1000"));
    }
    if !asks_for_words(&query.filter) {
        let detail = "q: give words to search for, such as `refund policy` or \"refund policy\"; /api/v1/spans lists without";
        return Err(ApiError::bad_request("no_words", detail));
    }
    let search = Search { filter: query.filter, limit: query.limit, cursor: query.cursor, by_relevance };
    Ok(Json(app.store.project(grant.project).hits(search).await?))
}

/// Whether there is a word that must be there.
fn asks_for_words(filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(asks_for_words),
        Filter::Words(words) => words.text.chars().any(char::is_alphanumeric),
        Filter::Step(part) => asks_for_words(part),
        Filter::Not(_) | Filter::Is(..) | Filter::Time(..) => false,
    }
}
