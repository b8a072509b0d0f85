//! What each client means by what it sends, one file per vocabulary.
//!
//! Clients mix vocabularies on one span. So every dialect reads what it knows of a [`Draft`], in the order of [`OTLP`]: the
//! first that knows the kind or fills a field wins, and what no dialect takes stays among the attributes.

pub mod exported;
mod filling;
pub mod helicone;
mod langfuse;
pub mod langfuse_ingestion;
pub mod langfuse_media;
pub mod langsmith;
mod langsmith_otlp;
mod langsmith_words;
mod mlflow;
pub mod mlflow_rest;
pub mod neuraltrust_batch;
mod neuraltrust_otlp;
pub mod neuraltrust_v1;
pub(crate) mod openinference;
pub mod opik;
pub mod opik_attachments;
mod otel_genai;
pub mod phoenix;
pub(crate) mod prompts;
mod pydantic_ai;
mod traceloop;
mod vercel_ai;

use neuraltrust_model::{Content, IdError, Kind, Map, SpanPatch, User};
use serde_json::Value;

use crate::content::json_text;
use crate::fields::{id, wrong_type};
use crate::{Rejection, user};

/// Attribute: the project in the client's own words, from whichever client it comes (text). What a span belongs to is said by its
/// key.
pub const PROJECT_NAME: &str = "project_name";
/// Attribute: the workspace that Opik's client names (text).
pub const COMET_WORKSPACE: &str = "comet_workspace";

/// A span on its way from attributes to fields.
pub(crate) struct Draft {
    /// What is known so far. Fields that are filled stay.
    pub(crate) patch: SpanPatch,
    /// What has not been understood so far.
    pub(crate) attributes: Map,
    /// What the span says of other spans, e.g. a verdict on its parent.
    pub(crate) more: Vec<SpanPatch>,
}

/// One vocabulary of OTLP attributes.
pub(crate) struct Dialect {
    /// What the span is; `None` where the vocabulary does not say. Takes the attribute that says it.
    kind: fn(&mut Draft) -> Option<Kind>,
    /// Moves what it knows from attributes to fields that are still empty.
    read: fn(&mut Draft) -> Result<(), Rejection>,
}

/// Every vocabulary that OTLP spans come in; what stands first wins.
const OTLP: [Dialect; 9] = [
    neuraltrust_otlp::DIALECT,
    langfuse::DIALECT,
    openinference::DIALECT,
    vercel_ai::DIALECT,
    traceloop::DIALECT,
    pydantic_ai::DIALECT,
    langsmith_otlp::DIALECT,
    otel_genai::DIALECT,
    mlflow::DIALECT,
];

/// Moves what the attributes say into the fields, by every dialect in turn.
pub(crate) fn read_otlp(draft: &mut Draft) -> Result<(), Rejection> {
    let kind = OTLP.iter().find_map(|dialect| (dialect.kind)(draft));
    draft.patch.kind = Some(kind.unwrap_or(Kind::Chain));
    OTLP.iter().try_for_each(|dialect| (dialect.read)(draft))
}

/// The same for what is said of a span beside it, which need not say what the span is.
pub(crate) fn read_details(draft: &mut Draft) -> Result<(), Rejection> {
    draft.patch.kind = OTLP.iter().find_map(|dialect| (dialect.kind)(draft));
    OTLP.iter().try_for_each(|dialect| (dialect.read)(draft))
}

impl Draft {
    /// A span of which nothing has been understood yet.
    pub(crate) fn new(patch: SpanPatch, attributes: Map) -> Self {
        Self { patch, attributes, more: Vec::new() }
    }

    /// What the span is.
    pub(crate) fn kind(&self) -> &Kind {
        self.patch.kind.as_ref().unwrap_or(&Kind::Chain)
    }

    /// Takes an attribute; null counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.attributes.remove(name).filter(|value| !value.is_null())
    }

    /// Text that an attribute holds, without taking it.
    pub(crate) fn peek(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(Value::as_str)
    }

    /// Takes an attribute that is text; empty text counts as absent, and what is no text stays.
    pub(crate) fn take_text(&mut self, name: &str) -> Option<String> {
        self.peek(name)?;
        match self.attributes.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Takes an attribute that is an id.
    pub(crate) fn take_id<T: TryFrom<String, Error = IdError>>(&mut self, name: &str) -> Result<Option<T>, Rejection> {
        self.take_text(name).map(|text| id(&format!("attributes.{name}"), text)).transpose()
    }

    /// Takes an attribute that is a count; what is none stays.
    pub(crate) fn take_count(&mut self, name: &str) -> Option<u64> {
        let count = self.attributes.get(name).and_then(Value::as_u64)?;
        self.attributes.remove(name);
        Some(count)
    }

    /// Takes an attribute that is an amount; what is none, or negative, stays.
    pub(crate) fn take_amount(&mut self, name: &str) -> Option<f64> {
        let amount = self.attributes.get(name)?.as_f64().filter(|amount| amount.is_finite() && *amount >= 0.0)?;
        self.attributes.remove(name);
        Some(amount)
    }

    /// Takes an attribute that is an object, as such or as JSON text.
    pub(crate) fn take_object(&mut self, name: &str) -> Result<Option<Map>, Rejection> {
        match self.attributes.remove(name).map(json_text) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(other) => Err(wrong_type(&format!("attributes.{name}"), &other, "an object, or one as JSON text")),
        }
    }

    /// Adds what is known of the user.
    pub(crate) fn merge_user(&mut self, described: Option<User>) {
        if let Some(described) = described.filter(|user| !user.is_empty()) {
            let mut known = described;
            if let Some(before) = self.patch.user.take() {
                // Who came first wins.
                known.merge(before);
            }
            self.patch.user = Some(known);
        }
    }

    /// Reads a described user: an object of any shape, or JSON text of one.
    pub(crate) fn take_user(&mut self, name: &str) -> Result<(), Rejection> {
        let described = self.take_object(name)?.and_then(user::user);
        self.merge_user(described);
        Ok(())
    }
}

/// Fills a field that is still empty; `find` is not asked otherwise, so that what it would take stays.
pub(crate) fn fill<T>(field: &mut Option<T>, find: impl FnOnce() -> Option<T>) {
    if field.is_none() {
        *field = find();
    }
}

/// Fills input and output that are still empty.
pub(crate) fn fill_content(
    draft: &mut Draft,
    input: impl FnOnce(&mut Draft) -> Option<Content>,
    output: impl FnOnce(&mut Draft) -> Option<Content>,
) {
    if draft.patch.input.is_none() {
        draft.patch.input = input(draft);
    }
    if draft.patch.output.is_none() {
        draft.patch.output = output(draft);
    }
}
