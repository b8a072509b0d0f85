//! What comes with a request, read so that a mistake gets a problem answer that names it.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use neuraltrust_model::IdError;
use neuraltrust_store::{Field, Filter, ListOf, ListQuery, Order};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::filters;
use crate::error::ApiError;

/// Rows of a page where the client does not say.
const LIMIT: usize = 50;
/// Most rows of a page.
const MAX_LIMIT: usize = 1_000;

/// Most bytes of a name that a client gives something.
const MAX_NAME: usize = 200;

pub(super) fn bad(detail: impl Into<String>) -> ApiError {
    ApiError::bad_request("bad_parameter", detail)
}

/// Whether a text is good for a name.
pub(super) fn named(field: &str, text: &str) -> Result<(), ApiError> {
    if text.trim().is_empty() || text.len() > MAX_NAME || text.contains(char::is_control) {
        return Err(bad(format!("{field}: give a text of up to {MAX_NAME} bytes without control characters")));
    }
    Ok(())
}

/// The parameters behind the `?`.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(params) =
            Query::from_request_parts(parts, state).await.map_err(|error: QueryRejection| bad(error.body_text()))?;
        Ok(Self(params))
    }
}

/// The ids in the path.
pub(super) struct Ids<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Ids<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(ids) = Path::from_request_parts(parts, state).await.map_err(|error: PathRejection| bad(error.body_text()))?;
        Ok(Self(ids))
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Json(body) = Json::from_request(request, state).await.map_err(|error: JsonRejection| {
            let status =
                if error.status() == StatusCode::UNPROCESSABLE_ENTITY { StatusCode::BAD_REQUEST } else { error.status() };
            ApiError::new(status, "bad_body", error.body_text())
        })?;
        Ok(Self(body))
    }
}

/// An id in a path. What cannot be an id cannot be found either.
pub(super) fn id<T>(text: String, make: impl FnOnce(String) -> Result<T, IdError>) -> Result<T, ApiError> {
    make(text).map_err(|error| bad(format!("the id in the path {error}")))
}

/// An id that goes by a name.
pub(super) fn given<T>(name: &str, id: String, make: impl FnOnce(String) -> Result<T, IdError>) -> Result<T, ApiError> {
    make(id).map_err(|error| bad(format!("{name} {error}")))
}

/// Which page of a list that is never narrowed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// Rows of one page: 1 to 1000.
    #[param(default = 50, minimum = 1, maximum = 1000)]
    pub(super) limit: Option<String>,
    /// Where the page before ended: its `next_cursor`.
    pub(super) cursor: Option<String>,
}

/// Which rows of a list, and how many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(try_from = "Vec<(String, String)>")]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Rows of one page: 1 to 1000.
    #[param(default = 50, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
    /// `time`, `duration`, `tokens` or `cost`; of traces and conversations also `errors` and `turns`. The greatest, of times the
    /// newest, comes first; with `:asc` behind it, the least. What has no value comes last.
    #[param(default = "time", example = "cost:desc")]
    sort: Option<String>,
    /// A query: words and `"phrases"` that must all occur in one span, `begun*`, `-without`, an id; conditions such as
    /// `latency:>2s`, `model:gpt-4o*`, `status:ok|error`, `metadata.plan:pro`, `has:cost`, `tool:search`, `after:-7d`; `OR`, `NOT`
    /// and parentheses; in traces and conversations `step:(kind:tool status:error)` for what must hold of one step.
    #[param(example = "kind:generation latency:>2s")]
    q: Option<String>,
    /// Only rows from this moment on: RFC 3339, or counted from now as in `-7d`.
    after: Option<String>,
    /// Only rows before this moment: RFC 3339, or counted from now as in `-7d`.
    before: Option<String>,
    /// Further queries as in `q`, which must hold as well; may be given several times.
    #[param(value_type = Option<Vec<String>>)]
    filter: Vec<String>,
    /// Only of this conversation.
    conversation_id: Option<String>,
    /// Only of this trace.
    trace_id: Option<String>,
    /// Only of this session.
    session_id: Option<String>,
    /// Only of this channel.
    channel_id: Option<String>,
    /// Only of this user.
    user_id: Option<String>,
    /// Only spans of this kind, e.g. `generation`.
    kind: Option<String>,
    /// Only of this name.
    name: Option<String>,
    /// `ok`, `error` or `unset`; a conversation has `error` when one of its spans has, else `unset`.
    status: Option<String>,
    /// Only of this model.
    model: Option<String>,
    /// Only of this provider.
    provider: Option<String>,
}

/// The parameters of a list, for who gives another name.
const NAMES: &str = "limit, cursor, sort, q, after, before, filter, conversation_id, trace_id, session_id, channel_id, user_id, kind, \
                     name, status, model, provider";

impl TryFrom<Vec<(String, String)>> for ListParams {
    type Error = String;

    fn try_from(pairs: Vec<(String, String)>) -> Result<Self, String> {
        let mut params = Self::default();
        for (name, value) in pairs {
            let place = match name.as_str() {
                "limit" => &mut params.limit,
                "cursor" => &mut params.cursor,
                "sort" => &mut params.sort,
                "q" => &mut params.q,
                "after" => &mut params.after,
                "before" => &mut params.before,
                "filter" => {
                    params.filter.push(value);
                    continue;
                }
                "conversation_id" => &mut params.conversation_id,
                "trace_id" => &mut params.trace_id,
                "session_id" => &mut params.session_id,
                "channel_id" => &mut params.channel_id,
                "user_id" => &mut params.user_id,
                "kind" => &mut params.kind,
                "name" => &mut params.name,
                "status" => &mut params.status,
                "model" => &mut params.model,
                "provider" => &mut params.provider,
                _ => return Err(format!("there is no parameter {name:?}; those of this list are {NAMES}")),
            };
            if place.replace(value).is_some() {
                return Err(format!("the parameter {name:?} is given twice; only \"filter\" may be"));
            }
        }
        Ok(params)
    }
}

impl ListParams {
    /// All rows, as many as are asked for.
    pub(super) fn limited(limit: Option<String>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The rows that are asked for.
    pub(super) fn filter(&mut self, list: ListOf) -> Result<Filter, ApiError> {
        let given = [
            (Field::ConversationId, self.conversation_id.take()),
            (Field::TraceId, self.trace_id.take()),
            (Field::SessionId, self.session_id.take()),
            (Field::ChannelId, self.channel_id.take()),
            (Field::UserId, self.user_id.take()),
            (Field::Kind, self.kind.take()),
            (Field::Name, self.name.take()),
            (Field::Status, self.status.take()),
            (Field::Model, self.model.take()),
            (Field::Provider, self.provider.take()),
        ];
        let mut all: Vec<Filter> = given.into_iter().filter_map(|(field, value)| Some(Filter::equals(field, value?))).collect();
        for condition in &self.filter {
            all.extend(filters::query("filter", list, Some(condition), Filter::read)?);
        }
        all.extend(filters::query("q", list, self.q.take().as_deref(), Filter::read)?);
        all.extend(filters::between(self.after.take(), self.before.take())?);
        Ok(Filter::And(all))
    }

    /// How many rows at the most.
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = &self.limit else { return Ok(LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| bad(format!("limit: {text:?} is not a number from 1 to {MAX_LIMIT}")))
    }

    /// What the rows are ordered by, where it is said.
    pub(super) fn take_sort(&mut self) -> Option<String> {
        self.sort.take()
    }

    /// Where the page before ended, where it is said.
    pub(super) fn take_cursor(&mut self) -> Option<String> {
        self.cursor.take()
    }

    /// Refuses what holds for pages of rows and not for values that are counted.
    pub(super) fn unordered(self) -> Result<Self, ApiError> {
        match (&self.sort, &self.cursor) {
            (None, None) => Ok(self),
            _ => Err(bad("sort and cursor: values come all at once, the most frequent first; give `limit` alone")),
        }
    }

    /// Refuses what holds for pages and not for what is followed.
    pub(super) fn unpaged(self) -> Result<Self, ApiError> {
        match (&self.limit, &self.sort, &self.cursor) {
            (None, None, None) => Ok(self),
            _ => Err(bad("limit, sort and cursor: what changes comes as it does; give what narrows it down alone")),
        }
    }

    /// The page that is asked for.
    pub(super) fn query(mut self, list: ListOf) -> Result<ListQuery, ApiError> {
        let cursor = self.cursor.take().map(|text| text.parse()).transpose()?;
        let order = self.sort.take().map(|name| Order::named(list, &name)).transpose();
        let order = order.map_err(|error| bad(format!("sort: {error}")))?.unwrap_or_default();
        Ok(ListQuery { filter: self.filter(list)?, limit: self.limit()?, cursor, order })
    }
}

/// The list of that name; conversations where none is named.
pub(super) fn list_named(name: Option<&str>) -> Result<ListOf, ApiError> {
    let name = name.unwrap_or(ListOf::Conversations.as_str());
    ListOf::named(name).ok_or_else(|| {
        let known = ListOf::ALL.map(ListOf::as_str).join(", ");
        bad(format!("of: {name:?} is not one of {known}"))
    })
}
