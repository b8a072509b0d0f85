//! Batches that are answered item by item: what became of each item, next to what all of them say.

use neuraltrust_model::limits::MAX_DEPTH;
use neuraltrust_model::{Map, SpanId, SpanPatch};
use serde_json::Value;

use crate::fields::{too_deep, within_depth, wrong_type};
use crate::{Rejection, otlp};

/// What became of one item of a batch.
#[derive(Debug, PartialEq)]
pub struct Item {
    /// The id under which the client looks for its answer.
    pub id: String,
    /// The spans that the item speaks of; when one of them cannot be stored, the item is not kept.
    pub spans: Vec<SpanId>,
    /// Why the item is not kept.
    pub rejected: Option<Rejection>,
}

/// What a batch gave: what it says of spans, and what became of each of its items, in its order.
#[derive(Debug, Default, PartialEq)]
pub struct Itemized {
    /// What the items say of spans.
    pub patches: Vec<SpanPatch>,
    /// What became of each item.
    pub items: Vec<Item>,
}

impl Itemized {
    /// Takes what became of one item.
    pub(crate) fn push(&mut self, id: String, outcome: Result<Vec<SpanPatch>, Rejection>) {
        match outcome {
            Ok(mut patches) => {
                patches.iter_mut().for_each(|patch| otlp::fold(&mut patch.attributes, &mut patch.warnings));
                self.items.push(Item { id, spans: patches.iter().map(|patch| patch.span_id.clone()).collect(), rejected: None });
                self.patches.extend(patches);
            }
            Err(rejection) => self.items.push(Item { id, spans: Vec::new(), rejected: Some(rejection) }),
        }
    }

    /// The items that are not kept, with the reason.
    pub fn rejected(&self) -> impl Iterator<Item = (&str, &Rejection)> {
        self.items.iter().filter_map(|item| Some((item.id.as_str(), item.rejected.as_ref()?)))
    }
}

/// One item as an object that is nested no deeper than the limit.
pub(crate) fn object(at: &str, value: Value) -> Result<Map, Rejection> {
    if !within_depth(&value, MAX_DEPTH) {
        return Err(too_deep(at));
    }
    match value {
        Value::Object(map) => Ok(map),
        other => Err(wrong_type(at, &other, "an object")),
    }
}
