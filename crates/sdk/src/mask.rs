//! What the application does to its data before it leaves the process: its own hook, then the built-in redaction.
//!
//! Both run on the thread that delivers. Ids, names and times are not theirs to change.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use neuraltrust_model::attributes as names;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use serde_json::{Map, Value};

use crate::redact::{self, Redact};
use crate::value;

/// Gives what is sent in the place of a value, or says why it cannot.
pub(crate) type Hook = Arc<dyn Fn(Value) -> Result<Value, String> + Send + Sync>;

/// Stands for a value on which the hook failed.
pub(crate) const FAILED: &str = "[masking failed]";

/// What is done to every value.
#[derive(Clone, Default)]
pub(crate) struct Masking {
    pub(crate) hook: Option<Hook>,
    pub(crate) redact: Vec<Redact>,
}

/// Masks the values of one batch, and counts those on which the hook failed.
pub(crate) struct Masker<'a> {
    masking: &'a Masking,
    failed: Cell<usize>,
    why: RefCell<String>,
}

impl<'a> Masker<'a> {
    pub(crate) fn new(masking: &'a Masking) -> Self {
        Self { masking, failed: Cell::new(0), why: RefCell::default() }
    }

    /// How often the hook failed, and why it did the last time.
    pub(crate) fn into_failures(self) -> (usize, String) {
        (self.failed.get(), self.why.into_inner())
    }

    /// An attribute as it may be sent.
    pub(crate) fn attribute(&self, name: &str, value: &Value) -> KeyValue {
        if self.is_idle() || is_ours(name, value) {
            return value::attribute(name, value);
        }
        // The redaction knows secrets by the names of their fields, and an attribute is one.
        let field = Value::Object(Map::from_iter([(name.to_owned(), self.hooked(value.clone()))]));
        match redact::value(field, &self.masking.redact) {
            Value::Object(field) => field.iter().next().map(|(name, value)| value::attribute(name, value)),
            _ => None,
        }
        .unwrap_or_else(|| value::text(name, FAILED))
    }

    /// A text as it may be sent.
    pub(crate) fn text(&self, text: &str) -> String {
        if self.is_idle() || text.is_empty() {
            return text.to_owned();
        }
        match redact::value(self.hooked(text.into()), &self.masking.redact) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    fn is_idle(&self) -> bool {
        self.masking.hook.is_none() && self.masking.redact.is_empty()
    }

    fn hooked(&self, value: Value) -> Value {
        let Some(hook) = &self.masking.hook else { return value };
        // The hook is the application's code: its panic costs one value and not the batch.
        let masked = catch_unwind(AssertUnwindSafe(|| hook(value))).unwrap_or_else(|_| Err("it panicked".to_owned()));
        masked.unwrap_or_else(|why| {
            self.failed.set(self.failed.get() + 1);
            self.why.replace(why);
            FAILED.into()
        })
    }
}

/// Whether an attribute is no content, but one of the names and numbers that the server sorts and counts by.
fn is_ours(name: &str, value: &Value) -> bool {
    let named = matches!(
        name,
        names::PROVIDER_NAME
            | names::REQUEST_MODEL
            | names::RESPONSE_MODEL
            | names::FEEDBACK_TAG
            | names::SCORE_NAME
            | names::SCORE_SOURCE
            | names::SCORE_TARGET
            | names::SCORE_ID
            | "gen_ai.response.finish_reasons"
    );
    let counts = name.starts_with("gen_ai.") || matches!(name, names::COST | names::LATENCY_MS);
    // A verdict in words may say anything.
    let verdict = name == names::SCORE_VALUE && !value.is_string();
    named || verdict || (counts && value.is_number())
}
