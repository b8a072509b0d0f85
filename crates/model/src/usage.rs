//! Tokens of a model call, in one form for every client.

use serde::{Deserialize, Serialize};

use crate::user::replace;

/// Who counted the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The model's API.
    Api,
    /// A framework or the application on top of it.
    Framework,
    /// This server.
    Computed,
}

/// Tokens of a model call by the rule of OTel GenAI: `input` includes cached reads and writes, `output` includes
/// reasoning; the other three are parts of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input: Option<u64>,
    /// Tokens of the answer, reasoning included.
    pub output: Option<u64>,
    /// The part of `input` that came from the provider's cache.
    pub cache_read: Option<u64>,
    /// The part of `input` that was put into the provider's cache.
    pub cache_write: Option<u64>,
    /// The part of `output` that was reasoning.
    pub reasoning: Option<u64>,
    /// Who counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<UsageSource>,
}

impl Usage {
    /// Whether no count is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { input, output, cache_read, cache_write, reasoning, source: _ } = self;
        [input, output, cache_read, cache_write, reasoning].iter().all(|count| count.is_none())
    }

    /// Tokens in and out together; `None` where neither is known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        match (self.input, self.output) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        }
    }

    /// Adds what `later` knows; where both know a count, `later` wins.
    pub fn merge(&mut self, later: Self) {
        replace(&mut self.input, later.input);
        replace(&mut self.output, later.output);
        replace(&mut self.cache_read, later.cache_read);
        replace(&mut self.cache_write, later.cache_write);
        replace(&mut self.reasoning, later.reasoning);
        replace(&mut self.source, later.source);
    }

    /// The sum of two calls; a count that neither knows stays unknown.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let add = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        Self {
            input: add(self.input, other.input),
            output: add(self.output, other.output),
            cache_read: add(self.cache_read, other.cache_read),
            cache_write: add(self.cache_write, other.cache_write),
            reasoning: add(self.reasoning, other.reasoning),
            source: None,
        }
    }
}
