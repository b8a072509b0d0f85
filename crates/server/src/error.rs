//! What a client reads and what the log records when something goes wrong: two fields of one error.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use neuraltrust_normalize::{Reason, Rejection};
use neuraltrust_store::{QueryError, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::quarantine;

/// Seconds after which a client may try again when the server is busy or its disk is full.
const RETRY_AFTER: u32 = 2;

/// An answer that is not the one that was asked for.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    /// The stable name of what is wrong; a label of the metrics.
    pub(crate) reason: &'static str,
    /// What the client reads: what was wrong, where, and what is accepted.
    pub(crate) detail: String,
    /// Where a query cannot be read, and what is accepted there.
    query: Option<Box<QueryError>>,
    /// What only the log records.
    source: Option<Box<StoreError>>,
}

/// What a refusal says, beside the answer that says it, for who writes it in another form.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) reason: &'static str,
    pub(crate) detail: String,
}

/// Problem details (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What the status means.
    pub(crate) title: &'static str,
    /// What was wrong, where, and what is accepted.
    pub(crate) detail: String,
    /// The stable name of what is wrong.
    pub(crate) reason: &'static str,
    /// Where a query cannot be read, and what is accepted there; absent where something else is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) query: Option<QueryError>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, reason: &'static str, detail: impl Into<String>) -> Self {
        Self { status, reason, detail: detail.into(), query: None, source: None }
    }

    pub(crate) fn bad_request(reason: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason, detail)
    }

    /// A query that cannot be read, given as the parameter of that name.
    pub(crate) fn unreadable(name: &str, error: QueryError) -> Self {
        let detail = format!("{name}, at character {}: {error}", error.at);
        Self { query: Some(Box::new(error)), ..Self::bad_request("bad_query", detail) }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "the server has as much in hand as it may; send the same again later")
    }

    /// Seconds after which the client may send the same again; `None` when that would not help.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER)
    }

    /// Records in the log what the client does not read, and for the quarantine what it does.
    pub(crate) fn log(&self) {
        quarantine::saw_answer(&self.detail);
        if let Some(source) = &self.source {
            tracing::error!(error = &**source as &dyn std::error::Error, reason = self.reason, "a request failed");
        }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let status = if rejection.reason == Reason::TooMany { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
        Self::new(status, rejection.reason.as_str(), rejection.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let full = error.is_full();
        let (status, reason, detail) = match &error {
            StoreError::Cursor | StoreError::Filter { .. } | StoreError::ProjectName(_) => {
                (StatusCode::BAD_REQUEST, "bad_parameter", error.to_string())
            }
            StoreError::TooBroad => (StatusCode::BAD_REQUEST, "too_broad", error.to_string()),
            StoreError::TimedOut(_) => (StatusCode::SERVICE_UNAVAILABLE, "timed_out", error.to_string()),
            StoreError::TooLong { .. } => (StatusCode::BAD_REQUEST, "too_long", error.to_string()),
            StoreError::Busy { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "something else holds this up: nothing of this request is done; send it again later".to_owned(),
            ),
            StoreError::ProjectExists(_) | StoreError::MemberExists(_) => (StatusCode::CONFLICT, "exists", error.to_string()),
            StoreError::LastAdmin(_) => (StatusCode::CONFLICT, "last_admin", error.to_string()),
            StoreError::NoProject(_) => (StatusCode::NOT_FOUND, "not_found", error.to_string()),
            // Of the statuses that say so, exporters of OpenTelemetry try 503 again and drop what got 507.
            _ if full => (
                StatusCode::SERVICE_UNAVAILABLE,
                "disk_full",
                "the server's disk is full: nothing of this request is kept; send it again when there is room".to_owned(),
            ),
            StoreError::IndexLags => (
                StatusCode::SERVICE_UNAVAILABLE,
                "index_lags",
                "the lists do not show yet everything that is kept, so that not all of it can be found; nothing has begun: ask \
                 again later"
                    .to_owned(),
            ),
            StoreError::Stopped | StoreError::NotWritten(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the server cannot keep anything now: nothing of this request is kept; send it again later".to_owned(),
            ),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server failed to answer; its log says why".to_owned()),
        };
        let source = status.is_server_error().then(|| Box::new(error));
        Self { status, reason, detail, query: None, source }
    }
}

impl IntoResponse for ApiError {
    fn into_response(mut self) -> Response {
        self.log();
        let problem = Problem {
            status: self.status.as_u16(),
            title: self.status.canonical_reason().unwrap_or("Error"),
            detail: self.detail.clone(),
            reason: self.reason,
            query: self.query.take().map(|query| *query),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        response.extensions_mut().insert(Told { status: self.status, reason: self.reason, detail: self.detail.clone() });
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
