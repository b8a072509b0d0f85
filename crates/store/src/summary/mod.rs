//! From patches to what a page shows: merged spans, trace and conversation rows, turns.
//!
//! Pure, and always from the whole: nothing is incremented, so that duplicates, late patches and any order of arrival give
//! the same answer. A trace may have 100,000 spans: nothing here costs more than n log n, and no content is cloned but one
//! that is shown.

mod answers;
mod context;
mod costs;
mod explain;
mod ledger;
mod merge;
mod pages;
mod scores;
mod totals;
mod tree;
mod turns;

pub(crate) use answers::answer_id;
pub(crate) use context::{Call, Earlier};
pub use context::{Context, ContextMessage, Continues, SaidAt, Side};
pub use explain::{SpanExplained, TraceExplained, explain};
pub use merge::{Arrived, TraceSpans};
pub(crate) use pages::{not_come, searchable_text};
pub use pages::{span_detail, trace_detail, transcript, transcript_at_once, turns_of};
pub use scores::Scored;
pub(crate) use scores::{holding, place, scored};
pub use totals::{conversation_row, trace_row};
