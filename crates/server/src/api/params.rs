//! What comes with a request, read so that a mistake gets a problem answer that names it.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use neuraltrust_model::{IdError, Timestamp};
use neuraltrust_store::{Field, Filter, ListQuery};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::error::ApiError;

/// Rows of a page where the client does not say.
const LIMIT: usize = 50;
/// Most rows of a page.
const MAX_LIMIT: usize = 1_000;
/// Longest text of a search, in bytes.
const MAX_TEXT: usize = 1_000;

fn bad(detail: impl Into<String>) -> ApiError {
    ApiError::bad_request("bad_parameter", detail)
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

/// Which rows of a list, and how many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Rows of one page: 1 to 1000.
    #[param(default = 50, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
    /// Words that must all occur; the last one may be only begun. An id is found too.
    q: Option<String>,
    /// Only rows from this moment on (RFC 3339).
    after: Option<String>,
    /// Only rows before this moment (RFC 3339).
    before: Option<String>,
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

fn time(name: &str, text: Option<String>) -> Result<Option<Timestamp>, ApiError> {
    text.map(|text| Timestamp::try_from(text).map_err(|error| bad(format!("{name}: {error}")))).transpose()
}

impl ListParams {
    /// All rows, as many as are asked for.
    pub(super) fn limited(limit: Option<String>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The rows that are asked for.
    pub(super) fn filter(&mut self) -> Result<Filter, ApiError> {
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
        let text = self.q.take().filter(|text| !text.trim().is_empty());
        if text.as_ref().is_some_and(|text| text.len() > MAX_TEXT) {
            return Err(bad(format!("q: a search has up to {MAX_TEXT} bytes")));
        }
        Ok(Filter {
            equals: given.into_iter().filter_map(|(field, value)| Some((field, value?))).collect(),
            text,
            after: time("after", self.after.take())?,
            before: time("before", self.before.take())?,
        })
    }

    /// How many rows at the most.
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = &self.limit else { return Ok(LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| bad(format!("limit: {text:?} is not a number from 1 to {MAX_LIMIT}")))
    }

    /// The page that is asked for.
    pub(super) fn query(mut self) -> Result<ListQuery, ApiError> {
        let cursor = self.cursor.take().map(|text| text.parse()).transpose()?;
        Ok(ListQuery { filter: self.filter()?, limit: self.limit()?, cursor })
    }
}
