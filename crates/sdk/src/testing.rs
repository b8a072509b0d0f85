//! Lets an application test what it records: a [`Recorder`] keeps spans in memory instead of sending them.
//!
//! ```
//! use neuraltrust::testing::Recorder;
//! use neuraltrust::{Client, TraceOptions};
//!
//! let recorder = Recorder::default();
//! let client = Client::new(recorder.options())?;
//! client.trace(TraceOptions::default()).message("Hello").end("Hi!");
//! let spans = recorder.spans(&client);
//! assert_eq!(spans[0].attribute("neuraltrust.output"), Some("Hi!".into()));
//! # Ok::<(), neuraltrust::Error>(())
//! ```

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;

use crate::client::Client;
use crate::options::Options;

/// Keeps spans in memory. Clones share what they keep.
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
        client.flush(Duration::from_secs(30));
        let exports = self.exports.lock().unwrap_or_else(PoisonError::into_inner);
        let scopes = exports.iter().flat_map(|export| &export.resource_spans).flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).map(|span| RecordedSpan { otlp: span.clone() }).collect()
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
