//! The header of W3C Trace Context, which the core reads.

use neuraltrust::TraceOptions;
use pyo3::prelude::*;

/// The ids of the trace and of the step that a header names, and `false` where it says that the trace is not recorded; nothing where it
/// is none.
#[pyfunction]
pub(crate) fn parent_of(traceparent: &str) -> (Option<String>, Option<String>, Option<bool>) {
    let options = TraceOptions::default().traceparent(traceparent);
    (options.trace_id, options.parent_id, options.sampled)
}
