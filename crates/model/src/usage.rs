//! Tokens of a model call, in one form for every client.

use serde::{Deserialize, Serialize};

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
/// reasoning; the others are parts of them. Tokens that are neither sound nor a picture are text.
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
    /// The part of `input` that was sound, cached ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_audio: Option<u64>,
    /// The part of `input` that was pictures, cached ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_image: Option<u64>,
    /// The part of `cache_read` that was sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_audio: Option<u64>,
    /// The part of `cache_read` that was pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_image: Option<u64>,
    /// The part of `cache_write` that the provider keeps for an hour rather than for minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    /// The part of `output` that was sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_audio: Option<u64>,
    /// The part of `output` that was pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_image: Option<u64>,
    /// Who counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<UsageSource>,
}

impl Usage {
    /// The names of its counts in the API, as [`counts`](Self::counts) has them.
    pub const NAMES: [&'static str; 12] = [
        "usage.input",
        "usage.output",
        "usage.cache_read",
        "usage.cache_write",
        "usage.reasoning",
        "usage.input_audio",
        "usage.input_image",
        "usage.cache_read_audio",
        "usage.cache_read_image",
        "usage.cache_write_1h",
        "usage.output_audio",
        "usage.output_image",
    ];

    /// Every count: the wholes, and then their parts.
    #[must_use]
    pub const fn counts(&self) -> [Option<u64>; 12] {
        [
            self.input,
            self.output,
            self.cache_read,
            self.cache_write,
            self.reasoning,
            self.input_audio,
            self.input_image,
            self.cache_read_audio,
            self.cache_read_image,
            self.cache_write_1h,
            self.output_audio,
            self.output_image,
        ]
    }

    /// Whether no count is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts().iter().all(Option::is_none)
    }

    /// Tokens in and out together; `None` where neither is known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        match (self.input, self.output) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        }
    }

    /// What `both` makes of each count of two calls.
    fn paired(self, other: Self, both: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) -> Self {
        Self {
            input: both(self.input, other.input),
            output: both(self.output, other.output),
            cache_read: both(self.cache_read, other.cache_read),
            cache_write: both(self.cache_write, other.cache_write),
            reasoning: both(self.reasoning, other.reasoning),
            input_audio: both(self.input_audio, other.input_audio),
            input_image: both(self.input_image, other.input_image),
            cache_read_audio: both(self.cache_read_audio, other.cache_read_audio),
            cache_read_image: both(self.cache_read_image, other.cache_read_image),
            cache_write_1h: both(self.cache_write_1h, other.cache_write_1h),
            output_audio: both(self.output_audio, other.output_audio),
            output_image: both(self.output_image, other.output_image),
            source: None,
        }
    }

    /// Adds what `later` knows; where both know a count, `later` wins.
    pub fn merge(&mut self, later: Self) {
        *self = Self { source: later.source.or(self.source), ..self.paired(later, |known, later| later.or(known)) };
    }

    /// The sum of two calls; a count that neither knows stays unknown.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.paired(other, |a, b| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        })
    }
}
