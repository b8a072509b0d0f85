//! The data model: ids, spans, patches, content, usage.
//!
//! Owns what every other crate agrees on. It does no I/O, reads no clock and knows no wire format: `normalize` turns wire
//! payloads into [`SpanPatch`]es, the store keeps patches, and a [`Span`] is the merge of the patches that name it.

pub mod attributes;
mod content;
mod fragment;
mod ids;
mod kind;
pub mod limits;
mod patch;
mod span;
mod time;
mod unfinished;
mod usage;
mod user;
mod warning;
mod words;

pub use content::{Content, Document, Message, Part};
pub use fragment::{Fragment, Side};
pub use ids::{ChannelId, ConversationId, IdError, SessionId, SpanId, TraceId};
pub use kind::Kind;
pub use patch::SpanPatch;
pub use span::{Event, Link, Score, ScoreSource, ScoreTarget, Source, Span, Status, StatusCode};
pub use time::{TimeError, Timestamp};
pub use unfinished::{SpanState, Unfinished, UnfinishedReason};
pub use usage::{Usage, UsageSource};
pub use user::User;
pub use warning::Warning;
pub use words::count_words;

/// A JSON object, keys in order.
pub type Map = serde_json::Map<String, serde_json::Value>;
