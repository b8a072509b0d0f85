//! The stage on which a script is played: its clock, its ids, and the spans that it gives.
//!
//! The clock only moves forward, so that children lie within their parents.

use neuraltrust_model::{Kind, Timestamp, attributes as names};
use serde_json::Value;

use super::chance::Chance;
use super::script::{Failure, Library};

/// Nanoseconds.
pub(super) const MILLISECOND: i64 = 1_000_000;

/// A conversation, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DemoConversation {
    /// What every span of it carries.
    pub(super) common: Attributes,
    pub(super) spans: Vec<DemoSpan>,
}

/// Attributes of OTLP by their names.
pub(super) type Attributes = Vec<(&'static str, Value)>;

/// A step of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DemoSpan {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) start: Timestamp,
    pub(super) end: Option<Timestamp>,
    /// What went wrong, and when.
    pub(super) failure: Option<(Failure, Timestamp)>,
    pub(super) attributes: Attributes,
}

/// Index of a span on the stage.
pub(super) type At = usize;

/// Where a script is played: a clock that only moves forward, and the spans so far.
pub(super) struct Stage<'a> {
    pub(super) library: &'a Library,
    pub(super) chance: Chance,
    /// Nanoseconds since the epoch.
    pub(super) clock: i64,
    pub(super) trace_id: [u8; 16],
    pub(super) spans: Vec<DemoSpan>,
    /// What the model has seen of the conversation.
    pub(super) history: Vec<Value>,
    /// Tokens of the history that the provider has in its cache.
    pub(super) cached: u64,
}

impl Stage<'_> {
    /// Lets some time go by.
    pub(super) fn pass(&mut self, low_ms: u64, high_ms: u64) {
        self.clock += self.chance.between(low_ms, high_ms) as i64 * MILLISECOND + self.chance.between(0, 999_999) as i64;
    }

    /// Starts a step.
    pub(super) fn open(&mut self, parent: Option<At>, kind: Kind, name: &str) -> At {
        self.pass(1, 6);
        self.spans.push(DemoSpan {
            trace_id: self.trace_id,
            span_id: self.chance.bytes(),
            parent: parent.map(|at| self.spans[at].span_id),
            kind,
            name: name.to_owned(),
            start: Timestamp::from_nanos(self.clock),
            end: None,
            failure: None,
            attributes: Vec::new(),
        });
        self.spans.len() - 1
    }

    /// Adds an attribute.
    pub(super) fn set(&mut self, at: At, name: &'static str, value: impl Into<Value>) {
        self.spans[at].attributes.push((name, value.into()));
    }

    /// Ends a step well.
    pub(super) fn close(&mut self, at: At) {
        self.pass(0, 2);
        self.spans[at].end = Some(Timestamp::from_nanos(self.clock));
    }

    /// Ends a step badly.
    pub(super) fn fail(&mut self, at: At, failure: &Failure) {
        self.set(at, names::ERROR_TYPE, failure.class.clone());
        self.spans[at].failure = Some((failure.clone(), Timestamp::from_nanos(self.clock)));
        self.close(at);
    }
}
