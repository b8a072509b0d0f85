//! `_native.Recorder`: what a test of the application looks at.

use std::time::SystemTime;

use neuraltrust::Value;
use neuraltrust::testing::{RecordedStep, Recorder as Kept};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::client::Client;
use crate::value::object;

/// Keeps in memory what its clients would have sent.
#[pyclass(frozen, module = "neuraltrust._native")]
pub(crate) struct Recorder {
    pub(crate) kept: Kept,
}

#[pymethods]
impl Recorder {
    #[new]
    fn new() -> Self {
        Self { kept: Kept::default() }
    }

    /// All steps so far, by the names that `neuraltrust.testing.RecordedStep` has for what they say.
    fn steps<'py>(&self, py: Python<'py>, client: &Client) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let steps = py.detach(|| self.kept.steps(&client.client));
        steps.into_iter().map(|step| said(py, step)).collect()
    }

    /// The steps as text.
    fn tree(&self, py: Python<'_>, client: &Client) -> String {
        py.detach(|| self.kept.tree(&client.client))
    }

    /// Forgets all.
    fn clear(&self, py: Python<'_>, client: &Client) {
        py.detach(|| self.kept.clear(&client.client));
    }
}

fn said(py: Python<'_>, step: RecordedStep) -> PyResult<Bound<'_, PyDict>> {
    let said = PyDict::new(py);
    said.set_item("interaction_id", step.trace_id)?;
    said.set_item("span_id", step.id)?;
    said.set_item("parent_id", step.parent_id)?;
    said.set_item("kind", step.kind.as_str())?;
    said.set_item("name", step.name)?;
    said.set_item("conversation_id", step.conversation_id)?;
    said.set_item("session_id", step.session_id)?;
    said.set_item("channel_id", step.channel_id)?;
    for (name, map) in [("user", step.user), ("metadata", step.metadata), ("attributes", step.attributes)] {
        said.set_item(name, object(py, &Value::Object(map))?)?;
    }
    for (name, value) in [("custom", step.custom), ("input", step.input), ("output", step.output)] {
        said.set_item(name, object(py, &value.unwrap_or_default())?)?;
    }
    said.set_item("error", step.failure.map(|failure| (failure.kind, failure.message, failure.stacktrace)))?;
    said.set_item("start", nanos(step.start))?;
    said.set_item("end", step.end.map(nanos))?;
    Ok(said)
}

fn nanos(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos()
}
