//! Where judgements are kept: the rule is the core's, so that one told from Python and one told from Rust are the same.

use neuraltrust::Judged;
use pyo3::prelude::*;

/// The id of the trace that holds the judgements of a conversation.
#[pyfunction]
pub(crate) fn judgements_of(conversation_id: String) -> String {
    Judged::Conversation(conversation_id).trace_id()
}

/// The id of the step that tells a judgement with an id: of a step where one is named, else of a trace or a conversation.
#[pyfunction]
#[pyo3(signature = (span_id, id))]
pub(crate) fn judgement_id(span_id: Option<String>, id: &str) -> String {
    let judged = match span_id {
        Some(id) => Judged::Step { trace_id: String::new(), id },
        None => Judged::Trace(String::new()),
    };
    judged.judgement_id(id)
}
