//! What was odd about a payload, kept with the span it came in.

use serde::{Deserialize, Serialize};

/// Something about a payload that was kept but is not as it should be. Data, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Warning {
    /// Stable name of the case, e.g. `end_before_start`.
    pub code: String,
    /// What was seen and what was made of it, for people.
    pub message: String,
}

impl Warning {
    /// A warning by its stable code and a message for people.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}
