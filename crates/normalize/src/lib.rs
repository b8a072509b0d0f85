//! Wire payloads to [`SpanPatch`]es, one file per dialect.
//!
//! Pure: no I/O, no async, no clock, no randomness, so that the same payload always gives the same patches (a retry
//! changes nothing) and every decoder is cheap to snapshot and to fuzz. Odd vendor data is data: it is kept, with a
//! [`Warning`](neuraltrust_model::Warning). Only what cannot be placed at all is a [`Rejection`], and it costs nothing but
//! itself.

mod any_value;
mod api_usage;
mod chat_body;
mod content;
mod copies;
pub mod dialects;
mod feedback;
mod fields;
mod file_step;
mod flattened;
mod genai_events;
mod items;
pub mod multipart;
pub mod otlp;
mod otlp_json;
pub mod otlp_logs;
mod python_literal;
mod python_repr;
mod rejection;
mod spoken;
mod user;
pub mod values;
mod words;

use neuraltrust_model::SpanPatch;

pub use items::{Item, Itemized};
pub use rejection::{Reason, Rejection};

/// What a payload gave: what it says of spans, and what of it could not be kept.
#[derive(Debug, Default, PartialEq)]
pub struct Normalized {
    /// What the payload says of spans, in its order.
    pub patches: Vec<SpanPatch>,
    /// What could not be kept, each with its reason.
    pub rejected: Vec<Rejection>,
}
