//! Who is talking.

use serde::{Deserialize, Serialize};

use crate::Map;

/// Who is talking: whatever the application told of the user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// The application's id of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user's mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Every other field, under the name the application gave it.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, serde_json::Value>))]
    #[serde(flatten)]
    pub extra: Map,
}

impl User {
    /// Whether nothing at all is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.id.is_none() && self.name.is_none() && self.email.is_none() && self.extra.is_empty()
    }

    /// Adds what `later` knows; where both know a field, `later` wins.
    pub fn merge(&mut self, later: Self) {
        replace(&mut self.id, later.id);
        replace(&mut self.name, later.name);
        replace(&mut self.email, later.email);
        self.extra.extend(later.extra);
    }
}

/// Replaces the field when the later message carries it.
pub(crate) fn replace<T>(field: &mut Option<T>, later: Option<T>) {
    if later.is_some() {
        *field = later;
    }
}
