//! `_native.Trace` and `_native.Step`: the bases of the classes that the application holds.
//!
//! A call that only starts or ends a step stays in here; what is said beyond that is read by Python (`neuraltrust.context`).

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use neuraltrust::{Ending, Failure, Kind, Map, Sent, StepOptions, TraceOptions, Value};
use pyo3::exceptions::{PyBaseException, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::client::{Client, Notices};
use crate::value::{map, plain, text};

/// What a failed step says: class, message and traceback of the exception.
type Error = (String, String, Option<String>);
/// Of a step that is over: its output, and start, end and latency in nanoseconds.
type Over<'py> = (Bound<'py, PyAny>, Option<u64>, Option<u64>, Option<u64>);

/// What traces and steps hold beside what is recorded.
struct Held {
    notices: Arc<Notices>,
    /// What all steps of the trace have in common.
    shared: OnceLock<Py<PyAny>>,
    /// One for each block that runs with this, the innermost last.
    blocks: Mutex<Vec<Py<PyAny>>>,
    /// How many these are.
    entered: AtomicUsize,
}

impl Held {
    fn new(notices: &Arc<Notices>) -> Self {
        let (shared, blocks) = (OnceLock::new(), Mutex::default());
        Self { notices: Arc::clone(notices), shared, blocks, entered: AtomicUsize::new(0) }
    }

    /// That of a step below.
    fn below(&self, py: Python<'_>) -> Self {
        let held = Self::new(&self.notices);
        if let Some(shared) = self.shared.get() {
            let _first = held.shared.set(shared.clone_ref(py));
        }
        held
    }

    fn push(&self, block: Py<PyAny>) {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).push(block);
        self.entered.fetch_add(1, Relaxed);
    }

    fn pop(&self) -> Option<Py<PyAny>> {
        let block = self.blocks.lock().unwrap_or_else(PoisonError::into_inner).pop();
        self.entered.fetch_sub(usize::from(block.is_some()), Relaxed);
        block
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.shared.get().map_or(Ok(()), |shared| visit.call(shared))?;
        // A block that is being entered or left at this moment is in use.
        self.blocks.try_lock().map_or(Ok(()), |blocks| blocks.iter().try_for_each(|block| visit.call(block)))
    }
}

/// A trace.
#[pyclass(frozen, subclass, module = "neuraltrust._native")]
pub(crate) struct Trace {
    trace: neuraltrust::Trace,
    held: Held,
}

/// A step of a trace.
#[pyclass(frozen, subclass, module = "neuraltrust._native")]
pub(crate) struct Step {
    step: neuraltrust::Step,
    held: Held,
}

#[pymethods]
impl Trace {
    #[new]
    #[pyo3(signature = (client, trace_id, parent_id, sampled, conversation_id, session_id, channel_id, user, metadata, custom))]
    #[expect(clippy::too_many_arguments, reason = "arguments of a Python call")]
    fn new(
        client: &Client,
        trace_id: Option<String>,
        parent_id: Option<String>,
        sampled: Option<bool>,
        conversation_id: Option<String>,
        session_id: Option<String>,
        channel_id: Option<String>,
        user: &Bound<'_, PyAny>,
        metadata: &Bound<'_, PyAny>,
        custom: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let options = TraceOptions {
            trace_id,
            parent_id,
            sampled,
            conversation_id,
            session_id,
            channel_id,
            user: object(plain(user)?, "id"),
            metadata: object(plain(metadata)?, "value"),
            custom: Some(plain(custom)?),
        };
        Ok(Self { trace: client.client.trace(options), held: Held::new(&client.notices) })
    }

    /// The id of the trace.
    #[getter]
    fn trace_id(&self) -> String {
        self.trace.id()
    }

    /// Whether the trace is recorded.
    #[getter]
    fn _sampled(&self) -> bool {
        self.trace.is_sampled()
    }

    #[getter]
    fn _shared(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.held.shared.get().map(|shared| shared.clone_ref(py))
    }

    /// Tells what all steps have in common, once.
    fn _share(&self, shared: Py<PyAny>) {
        let _first = self.held.shared.set(shared);
    }

    fn _push(&self, block: Py<PyAny>) {
        self.held.push(block);
    }

    fn _pop(&self) -> Option<Py<PyAny>> {
        self.held.pop()
    }

    /// Records a step that ends now, under an id that it has already. The start is in nanoseconds.
    #[pyo3(signature = (kind, id, name, start, attributes, error))]
    fn _record(
        &self,
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
            start: start.map(at),
            attributes: map(Some(attributes))?,
            ..StepOptions::default()
        };
        let ending = Ending { failure: error.map(failure), ..Ending::default() };
        self.trace.step(Kind::from(kind), options).end_with(ending);
        self.held.notices.log(attributes.py())
    }

    /// Ends the newest message.
    fn _end(&self, output: &Bound<'_, PyAny>) -> PyResult<()> {
        self.trace.end(plain(output)?);
        self.held.notices.log(output.py())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.held.traverse(&visit)
    }
}

/// What a step is made from.
enum Above<'a, 'py> {
    Trace(&'a Bound<'py, Trace>),
    Step(&'a Bound<'py, Step>),
}

impl Above<'_, '_> {
    fn held(&self) -> &Held {
        match self {
            Self::Trace(trace) => &trace.get().held,
            Self::Step(step) => &step.get().held,
        }
    }
}

#[pymethods]
impl Step {
    /// Starts a step below another one or in a trace; with `over`, records one that is over.
    #[new]
    #[pyo3(signature = (above, kind, input, parent_id=None, name=None, attributes=None, over=None, id=None))]
    #[expect(clippy::too_many_arguments, reason = "arguments of a Python call")]
    fn new(
        above: &Bound<'_, PyAny>,
        kind: &Bound<'_, PyString>,
        input: &Bound<'_, PyAny>,
        parent_id: Option<&Bound<'_, PyAny>>,
        name: Option<&Bound<'_, PyAny>>,
        attributes: Option<&Bound<'_, PyDict>>,
        over: Option<Over<'_>>,
        id: Option<String>,
    ) -> PyResult<Self> {
        let py = above.py();
        let over_all = if let Ok(step) = above.cast::<Self>() {
            Above::Step(step)
        } else if let Ok(trace) = above.cast::<Trace>() {
            Above::Trace(trace)
        } else {
            return Err(PyTypeError::new_err("a step is made from a trace or from a step"));
        };
        let held = over_all.held();
        let kind = named(kind);
        let parent_id = match parent_id {
            Some(given) => text(given)?,
            // What somebody thinks is of this step and not of a span inside it.
            None if held.entered.load(Relaxed) > 0 && !matches!(kind, Kind::Feedback | Kind::Evaluation) => inside(above)?,
            None => None,
        };
        let options = StepOptions {
            id,
            input: Some(plain(input)?),
            name: name.map(text).transpose()?.flatten(),
            parent_id,
            attributes: map(attributes)?,
            ..StepOptions::default()
        };
        let step = match (over, &over_all) {
            (None, Above::Step(above)) => above.get().step.step(kind, options),
            (None, Above::Trace(above)) => above.get().trace.step(kind, options),
            (Some(over), Above::Step(above)) => above.get().step.send(kind, whole(options, over)?),
            (Some(over), Above::Trace(above)) => above.get().trace.send(kind, whole(options, over)?),
        };
        held.notices.log(py)?;
        Ok(Self { step, held: held.below(py) })
    }

    /// What the step is.
    #[getter]
    fn kind(&self) -> &str {
        self.step.kind().as_str()
    }

    /// The id of the step itself, for ``parent_id``; that of its trace is ``interaction_id``.
    #[getter]
    fn trace_id(&self) -> String {
        self.step.id()
    }

    /// The id of the step.
    #[getter]
    fn span_id(&self) -> String {
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

    #[getter]
    fn _shared(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.held.shared.get().map(|shared| shared.clone_ref(py))
    }

    fn _push(&self, block: Py<PyAny>) {
        self.held.push(block);
    }

    fn _pop(&self) -> Option<Py<PyAny>> {
        self.held.pop()
    }

    /// The W3C ``traceparent`` header that makes another process go on below this step.
    ///
    /// ``None`` where an id is of the application's own choice and not in the form that the header has.
    #[getter]
    fn traceparent(&self) -> Option<String> {
        self.step.traceparent()
    }

    /// Say that the answer begins now: the end of the step then tells how long it let wait. The first counts.
    // A library that calls back when a token comes says which.
    #[pyo3(signature = (*_said, **_told), text_signature = "($self)")]
    fn first_token<'py>(
        slf: &Bound<'py, Self>,
        _said: &Bound<'py, PyTuple>,
        _told: Option<&Bound<'py, PyDict>>,
    ) -> Bound<'py, Self> {
        slf.get().step.first_token();
        slf.clone()
    }

    /// End the step with what it answered, or with the exception that it failed with.
    ///
    /// ``model`` is the one that answered, ``usage`` its tokens (``input_tokens``, ``output_tokens``, ``cache_read``,
    /// ``cache_write``, ``reasoning``, or a provider's own object), ``cost`` US dollars where the application knows it,
    /// ``finish_reason`` why the model stopped (or several, one for each choice).
    /// The first end sets the time; a later one replaces the output.
    // What is not known is taken as well, and warned of: a call that ends a step must not fail the application.
    #[pyo3(
        signature = (
            output=None, *more, error=None, model=None, usage=None, cost=None, finish_reason=None, attributes=None, **unknown
        ),
        text_signature = "($self, output=None, *, error=None, model=None, usage=None, cost=None, finish_reason=None, attributes=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "arguments of a Python call")]
    fn end<'py>(
        slf: &Bound<'py, Self>,
        output: Option<Bound<'py, PyAny>>,
        more: &Bound<'py, PyTuple>,
        error: Option<Bound<'py, PyAny>>,
        model: Option<Bound<'py, PyAny>>,
        usage: Option<Bound<'py, PyAny>>,
        cost: Option<Bound<'py, PyAny>>,
        finish_reason: Option<Bound<'py, PyAny>>,
        attributes: Option<Bound<'py, PyAny>>,
        unknown: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let step = slf.get();
        if !more.is_empty() || unknown.is_some() {
            py.import("neuraltrust._misuse")?.call_method1("left_out", ("end", more, unknown))?;
        }
        let said = [&error, &model, &usage, &cost, &finish_reason, &attributes].into_iter().any(Option::is_some);
        let raised = output.as_ref().is_some_and(|output| output.is_instance_of::<PyBaseException>());
        let ending = if said || raised {
            let said = (output, error, model, usage, cost, finish_reason, attributes);
            let (output, error, attributes) =
                ending(py)?.call1(said)?.extract::<(Bound<'_, PyAny>, Option<Error>, Option<Bound<'_, PyDict>>)>()?;
            Ending { output: Some(plain(&output)?), failure: error.map(failure), attributes: map(attributes.as_ref())? }
        } else {
            Ending { output: output.as_ref().map(plain).transpose()?, ..Ending::default() }
        };
        step.step.end_with(ending);
        step.held.notices.log(py)?;
        Ok(slf.clone())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.held.traverse(&visit)
    }
}

/// The kind of this name. Python's own texts of the known names are the same objects: no text is compared.
fn named(name: &Bound<'_, PyString>) -> Kind {
    static KNOWN: PyOnceLock<Vec<(Py<PyString>, Kind)>> = PyOnceLock::new();
    let py = name.py();
    let intern = |kind: &Kind| (PyString::intern(py, kind.as_str()).unbind(), kind.clone());
    let known = KNOWN.get_or_init(py, || Kind::KNOWN.iter().map(intern).collect());
    let found = known.iter().find(|(known, _)| name.is(known));
    found.map_or_else(|| Kind::from(name.to_string_lossy().into_owned()), |(_, kind)| kind.clone())
}

/// The span of OpenTelemetry that was made inside this and is running.
fn inside(above: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    static INSIDE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    INSIDE.import(above.py(), "neuraltrust.context", "span_inside")?.call1((above,))?.extract()
}

/// What reads all that can be said at the end of a step.
fn ending(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static ENDING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    ENDING.import(py, "neuraltrust.context", "ending")
}

/// An object as such; anything else under a name, so that it is not lost.
fn object(value: Value, name: &str) -> Map<String, Value> {
    match value {
        Value::Object(map) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        Value::Null => Map::new(),
        other => Map::from_iter([(name.to_owned(), other)]),
    }
}

fn at(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn failure((kind, message, stacktrace): Error) -> Failure {
    Failure { kind, message, stacktrace }
}

fn whole(mut step: StepOptions, (output, start, end, latency): Over<'_>) -> PyResult<Sent> {
    step.start = start.map(at);
    Ok(Sent { step, output: Some(plain(&output)?), end: end.map(at), latency: latency.map(Duration::from_nanos) })
}
