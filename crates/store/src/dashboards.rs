//! Dashboards as the store keeps them: it knows that they change, not what is on them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The dashboards of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dashboards {
    /// Grows by every change; 0 where there was none yet.
    pub revision: u64,
    /// The dashboards, a list.
    pub items: Value,
}

impl Default for Dashboards {
    fn default() -> Self {
        Self { revision: 0, items: Value::Array(Vec::new()) }
    }
}
