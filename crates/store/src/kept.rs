//! Lists that the people of a project keep together, as the store keeps them: it knows that they change, not what is on them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which of a project's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptList {
    /// Dashboards: charts put together.
    Dashboards,
    /// Views: lists of conversations under a name.
    Views,
}

impl KeptList {
    /// Its name, as it stands in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dashboards => "dashboards",
            Self::Views => "views",
        }
    }
}

/// A list that the people of a project keep together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Grows by every change; 0 where there was none yet.
    pub revision: u64,
    /// What is on it, a list.
    pub items: Value,
}

impl Default for Kept {
    fn default() -> Self {
        Self { revision: 0, items: Value::Array(Vec::new()) }
    }
}
