//! A step as an application made it: all that was sent of it, put together.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use neuraltrust_model::{Kind, attributes as names};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::{Map, Value};

use super::json;
use crate::span::Failure;

/// A step that was recorded: what its start said and what its end did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedStep {
    /// The id of its trace.
    pub trace_id: String,
    /// Its own id.
    pub id: String,
    /// The id of the step that it belongs to.
    pub parent_id: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Its name; that of its kind where it has none of its own.
    pub name: String,
    /// The conversation that it belongs to.
    pub conversation_id: Option<String>,
    /// The sitting of the user.
    pub session_id: Option<String>,
    /// Where the user talks.
    pub channel_id: Option<String>,
    /// Who is talking.
    pub user: Map<String, Value>,
    /// The application's metadata.
    pub metadata: Map<String, Value>,
    /// The application's own data.
    pub custom: Option<Value>,
    /// What it was given.
    pub input: Option<Value>,
    /// What it answered.
    pub output: Option<Value>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Everything else that was said of it, by its OTLP name.
    pub attributes: Map<String, Value>,
    /// When it started.
    pub start: SystemTime,
    /// When it ended; `None` while it runs.
    pub end: Option<SystemTime>,
}

impl RecordedStep {
    fn new(span: &Span) -> Self {
        Self {
            trace_id: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent_id: Some(hex(&span.parent_span_id)).filter(|id| !id.is_empty()),
            kind: Kind::Chain,
            name: span.name.clone(),
            conversation_id: None,
            session_id: None,
            channel_id: None,
            user: Map::new(),
            metadata: Map::new(),
            custom: None,
            input: None,
            output: None,
            failure: None,
            attributes: Map::new(),
            start: time(span.start_time_unix_nano),
            end: None,
        }
    }

    /// Adds what a span says.
    fn hear(&mut self, span: &Span) {
        if span.end_time_unix_nano != 0 {
            self.end = Some(time(span.end_time_unix_nano));
        }
        for pair in &span.attributes {
            let value = pair.value.as_ref().map_or(Value::Null, json);
            let text = || value.as_str().unwrap_or_default().to_owned();
            match pair.key.as_str() {
                names::KIND => self.kind = Kind::from(text()),
                names::TRACE_ID => self.trace_id = text(),
                names::SPAN_ID => self.id = text(),
                names::PARENT_ID => self.parent_id = Some(text()),
                names::CONVERSATION_ID => self.conversation_id = Some(text()),
                names::SESSION_ID => self.session_id = Some(text()),
                names::CHANNEL_ID => self.channel_id = Some(text()),
                names::USER => self.user = map(value),
                names::METADATA => self.metadata = map(value),
                names::CUSTOM => self.custom = Some(value),
                names::INPUT => self.input = Some(value),
                names::OUTPUT => self.output = Some(value),
                name => drop(self.attributes.insert(name.to_owned(), value)),
            }
        }
        for event in span.events.iter().filter(|event| event.name == "exception") {
            let said = |name: &str| {
                let found = event.attributes.iter().find(|pair| pair.key == name)?;
                Some(json(found.value.as_ref()?).as_str()?.to_owned())
            };
            self.failure = Some(Failure {
                kind: said("exception.type").unwrap_or_default(),
                message: said("exception.message").unwrap_or_default(),
                stacktrace: said("exception.stacktrace"),
            });
        }
        let failed = span.status.as_ref().filter(|status| status.code == i32::from(StatusCode::Error));
        if let Some(status) = failed.filter(|_| self.failure.is_none()) {
            self.failure = Some(Failure { message: status.message.clone(), ..Failure::default() });
        }
    }

    /// How long it took; `None` while it runs.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.end.map(|end| end.duration_since(self.start).unwrap_or_default())
    }

    /// One line of [`tree`].
    fn line(&self) -> String {
        let mut line = self.kind.as_str().to_owned();
        if self.name != self.kind.as_str() {
            let _written = write!(line, " {:?}", self.name);
        }
        match (&self.failure, self.end) {
            (Some(failure), _) => {
                let _written = write!(line, " failed: {}", failure.kind);
            }
            (None, None) => line.push_str(" running"),
            (None, Some(_)) => {}
        }
        line
    }
}

/// The steps that spans tell of, in the order of their starts.
pub(super) fn steps<'a>(spans: impl Iterator<Item = &'a Span>) -> Vec<RecordedStep> {
    let mut places: HashMap<(&[u8], &[u8]), usize> = HashMap::new();
    let mut steps: Vec<RecordedStep> = Vec::new();
    for span in spans {
        let place = *places.entry((&span.trace_id, &span.span_id)).or_insert(steps.len());
        if place == steps.len() {
            steps.push(RecordedStep::new(span));
        }
        if let Some(step) = steps.get_mut(place) {
            step.hear(span);
        }
    }
    steps.sort_by_key(|step| step.start);
    steps
}

/// The steps as lines, each below and to the right of the one that it belongs to.
pub(super) fn tree(steps: &[RecordedStep]) -> String {
    let known = |step: &RecordedStep| steps.iter().any(|other| is_below(step, other));
    let mut lines = String::new();
    steps.iter().filter(|step| !known(step)).for_each(|root| write_below(steps, root, 0, &mut lines));
    lines
}

fn is_below(step: &RecordedStep, other: &RecordedStep) -> bool {
    other.trace_id == step.trace_id && step.parent_id.as_ref() == Some(&other.id)
}

fn write_below(steps: &[RecordedStep], step: &RecordedStep, depth: usize, lines: &mut String) {
    // Steps that are each other's parents have no root; a step is never its own ancestor here, as each is reached from a root.
    let _written = writeln!(lines, "{:indent$}{}", "", step.line(), indent = 2 * depth);
    steps.iter().filter(|other| is_below(other, step)).for_each(|below| write_below(steps, below, depth + 1, lines));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn time(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}
