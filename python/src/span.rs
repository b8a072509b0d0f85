//! `_native.Trace` and `_native.Step`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use neuraltrust::{Ending, Failure, Kind, Map, Sent, StepOptions, Value};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::client::Notices;
use crate::value::plain;

/// What a failed step says: class, message and traceback of the exception.
type Error = (String, String, Option<String>);

/// What steps have in common.
#[pyclass(frozen, module = "neuraltrust._native")]
pub(crate) struct Trace {
    pub(crate) trace: neuraltrust::Trace,
    pub(crate) notices: Arc<Notices>,
}

/// A step of a trace.
#[pyclass(frozen, module = "neuraltrust._native")]
pub(crate) struct Step {
    step: neuraltrust::Step,
    notices: Arc<Notices>,
}

#[pymethods]
impl Trace {
    /// The id of the trace.
    #[getter]
    fn id(&self) -> String {
        self.trace.id()
    }

    /// Whether the trace is recorded.
    #[getter]
    fn sampled(&self) -> bool {
        self.trace.is_sampled()
    }

    /// Starts a step.
    #[pyo3(signature = (kind, input, parent_id, name, attributes))]
    fn step(
        &self,
        kind: String,
        input: &Bound<'_, PyAny>,
        parent_id: Option<String>,
        name: Option<String>,
        attributes: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Step> {
        let step = self.trace.step(Kind::from(kind), options(input, parent_id, name, attributes)?);
        made(input.py(), step, &self.notices)
    }

    /// Records a step that ends now, under an id that it has already. The start is in nanoseconds.
    #[pyo3(signature = (kind, id, name, start, attributes, error))]
    fn record(
        &self,
        py: Python<'_>,
        kind: String,
        id: String,
        name: String,
        start: Option<u64>,
        attributes: &Bound<'_, PyDict>,
        error: Option<Error>,
    ) -> PyResult<()> {
        let options = StepOptions {
            id: Some(id),
            name: Some(name),
            start: start.map(|nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)),
            attributes: map(Some(attributes))?,
            ..StepOptions::default()
        };
        let failure = error.map(|(kind, message, stacktrace)| Failure { kind, message, stacktrace });
        self.trace.step(Kind::from(kind), options).end_with(Ending { failure, ..Ending::default() });
        self.notices.log(py)
    }

    /// Records a whole step.
    #[pyo3(signature = (kind, input, parent_id, name, attributes, output, start, end, latency))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn send(
        &self,
        kind: String,
        input: &Bound<'_, PyAny>,
        parent_id: Option<String>,
        name: Option<String>,
        attributes: Option<&Bound<'_, PyDict>>,
        output: &Bound<'_, PyAny>,
        start: Option<u64>,
        end: Option<u64>,
        latency: Option<u64>,
    ) -> PyResult<Step> {
        let sent = whole(options(input, parent_id, name, attributes)?, output, (start, end, latency))?;
        made(input.py(), self.trace.send(Kind::from(kind), sent), &self.notices)
    }

    /// Ends the newest message.
    #[pyo3(signature = (output))]
    fn end(&self, output: &Bound<'_, PyAny>) -> PyResult<()> {
        self.trace.end(plain(output)?);
        self.notices.log(output.py())
    }
}

#[pymethods]
impl Step {
    /// The id of the step.
    #[getter]
    fn id(&self) -> String {
        self.step.id()
    }

    /// The id of the step that it belongs to.
    #[getter]
    fn parent_id(&self) -> Option<String> {
        self.step.parent_id()
    }

    /// Whether the application ended it.
    #[getter]
    fn ended(&self) -> bool {
        self.step.is_ended()
    }

    /// Starts a step below this one.
    #[pyo3(signature = (kind, input, parent_id, name, attributes))]
    fn step(
        &self,
        kind: String,
        input: &Bound<'_, PyAny>,
        parent_id: Option<String>,
        name: Option<String>,
        attributes: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let step = self.step.step(Kind::from(kind), options(input, parent_id, name, attributes)?);
        made(input.py(), step, &self.notices)
    }

    /// Records a whole step below this one.
    #[pyo3(signature = (kind, input, parent_id, name, attributes, output, start, end, latency))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn send(
        &self,
        kind: String,
        input: &Bound<'_, PyAny>,
        parent_id: Option<String>,
        name: Option<String>,
        attributes: Option<&Bound<'_, PyDict>>,
        output: &Bound<'_, PyAny>,
        start: Option<u64>,
        end: Option<u64>,
        latency: Option<u64>,
    ) -> PyResult<Self> {
        let sent = whole(options(input, parent_id, name, attributes)?, output, (start, end, latency))?;
        made(input.py(), self.step.send(Kind::from(kind), sent), &self.notices)
    }

    /// Ends the step.
    #[pyo3(signature = (output, error, attributes))]
    fn end(&self, output: &Bound<'_, PyAny>, error: Option<Error>, attributes: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        let failure = error.map(|(kind, message, stacktrace)| Failure { kind, message, stacktrace });
        self.step.end_with(Ending { output: Some(plain(output)?), failure, attributes: map(attributes)? });
        self.notices.log(output.py())
    }
}

fn made(py: Python<'_>, step: neuraltrust::Step, notices: &Arc<Notices>) -> PyResult<Step> {
    notices.log(py)?;
    Ok(Step { step, notices: Arc::clone(notices) })
}

fn options(
    input: &Bound<'_, PyAny>,
    parent_id: Option<String>,
    name: Option<String>,
    attributes: Option<&Bound<'_, PyDict>>,
) -> PyResult<StepOptions> {
    Ok(StepOptions { input: Some(plain(input)?), name, parent_id, attributes: map(attributes)?, ..StepOptions::default() })
}

fn map(attributes: Option<&Bound<'_, PyDict>>) -> PyResult<Map<String, Value>> {
    Ok(match attributes.map(|attributes| plain(attributes)).transpose()? {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    })
}

/// Times and latency are nanoseconds.
fn whole(mut step: StepOptions, output: &Bound<'_, PyAny>, times: (Option<u64>, Option<u64>, Option<u64>)) -> PyResult<Sent> {
    let at = |nanos: u64| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos);
    let (start, end, latency) = times;
    step.start = start.map(at);
    Ok(Sent { step, output: Some(plain(output)?), end: end.map(at), latency: latency.map(Duration::from_nanos) })
}
