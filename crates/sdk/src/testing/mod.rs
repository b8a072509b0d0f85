//! Lets an application test what it records: a [`Recorder`] keeps it in memory instead of sending it.
//!
//! ```
//! use neuraltrust::testing::Recorder;
//! use neuraltrust::{Client, TraceOptions};
//!
//! let recorder = Recorder::default();
//! let client = Client::new(recorder.options())?;
//! let message = client.trace(TraceOptions::default()).message("Hello");
//! message.generation("Hello").end("Hi!");
//! message.end("Hi!");
//!
//! assert_eq!(recorder.tree(&client), "message\n  generation\n");
//! let generation = recorder.step(&client, "generation");
//! assert_eq!((generation.output, generation.failure), (Some("Hi!".into()), None));
//! # Ok::<(), neuraltrust::Error>(())
//! ```

mod step;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;

pub use self::step::RecordedStep;
use crate::client::Client;
use crate::options::Options;

/// Longer than it takes to put into memory what waits.
const FLUSH: Duration = Duration::from_secs(30);

/// Keeps what is recorded in memory. Clones share what they keep.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    exports: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

/// A span as it was sent. A step that was sent open and ended later makes two.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedSpan {
    /// The span in OTLP.
    pub otlp: Span,
}

impl Recorder {
    /// Options of a client that records here.
    #[must_use]
    pub fn options(&self) -> Options {
        Options { recorder: Some(self.clone()), ..Options::default() }
    }

    /// All spans so far, after a flush of the client.
    #[must_use]
    pub fn spans(&self, client: &Client) -> Vec<RecordedSpan> {
        client.flush(FLUSH);
        let exports = self.exports.lock().unwrap_or_else(PoisonError::into_inner);
        let scopes = exports.iter().flat_map(|export| &export.resource_spans).flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).map(|span| RecordedSpan { otlp: span.clone() }).collect()
    }

    /// All steps so far, after a flush of the client, in the order of their starts.
    #[must_use]
    pub fn steps(&self, client: &Client) -> Vec<RecordedStep> {
        let spans = self.spans(client);
        step::steps(spans.iter().map(|span| &span.otlp))
    }

    /// The only step of this name, or of this kind where none has that name.
    ///
    /// # Panics
    /// There is none, or there are several. The message shows all that were recorded.
    #[must_use]
    #[track_caller]
    pub fn step(&self, client: &Client, name: &str) -> RecordedStep {
        let steps = self.steps(client);
        let of = |is: &dyn Fn(&RecordedStep) -> bool| steps.iter().filter(|step| is(step)).collect::<Vec<_>>();
        let named = Some(of(&|step| step.name == name)).filter(|found| !found.is_empty());
        match named.unwrap_or_else(|| of(&|step| step.kind.as_str() == name)).as_slice() {
            [one] => (*one).clone(),
            found => panic!("{} steps are {name:?}, not 1, of these:\n{}", found.len(), step::tree(&steps)),
        }
    }

    /// The steps as text, one line each, below and to the right of the one that it belongs to: its kind, its name in quotes where
    /// it has one, and `running` or `failed: CLASS`.
    #[must_use]
    pub fn tree(&self, client: &Client) -> String {
        step::tree(&self.steps(client))
    }

    /// Forgets all that was recorded so far.
    pub fn clear(&self, client: &Client) {
        client.flush(FLUSH);
        self.exports.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// All exports so far, as they would have been sent.
    #[must_use]
    pub fn exports(&self) -> Vec<ExportTraceServiceRequest> {
        self.exports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn keep(&self, export: ExportTraceServiceRequest) {
        self.exports.lock().unwrap_or_else(PoisonError::into_inner).push(export);
    }
}

impl RecordedSpan {
    /// An attribute as JSON.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Value> {
        self.otlp.attributes.iter().find(|pair| pair.key == name).map(|pair| pair.value.as_ref().map_or(Value::Null, json))
    }

    /// Whether the step was still running when it was sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.otlp.end_time_unix_nano == 0
    }
}

fn json(value: &AnyValue) -> Value {
    match &value.value {
        None | Some(Any::StringValueStrindex(_)) => Value::Null,
        Some(Any::StringValue(text)) => text.as_str().into(),
        Some(Any::BoolValue(flag)) => (*flag).into(),
        Some(Any::IntValue(number)) => (*number).into(),
        Some(Any::DoubleValue(number)) => (*number).into(),
        Some(Any::BytesValue(bytes)) => bytes.as_slice().into(),
        Some(Any::ArrayValue(array)) => array.values.iter().map(json).collect(),
        Some(Any::KvlistValue(list)) => {
            list.values.iter().map(|pair| (pair.key.clone(), pair.value.as_ref().map_or(Value::Null, json))).collect()
        }
    }
}
