//! Steps that began, have no end, and are no longer taken to be running.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Why a step without an end is not taken to be running any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UnfinishedReason {
    /// Nothing was heard of its trace for longer than the server waits.
    Silence,
}

/// That a step is not taken to be running any more. It is only a mark: an end that comes later wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unfinished {
    /// Why.
    pub reason: UnfinishedReason,
    /// When its trace was last heard of, by the server's clock.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
}

/// Where a step is between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SpanState {
    /// It has started, and its end may still come.
    Running,
    /// It has started, and its end is not expected any more.
    Unfinished,
    /// It has ended, or never was something that lasts.
    Ended,
}
