//! Records every conversation that people have with an AI application, step by step.
//!
//! Steps are queued in memory and delivered as OTLP by one background thread: no call of this crate waits for the network,
//! and none panics into the application. What could not be delivered is counted in [`Client::stats`].
//!
//! ```no_run
//! use neuraltrust::{Client, Options, TraceOptions};
//!
//! let client = Client::new(Options::new("nt_..."))?;
//! let trace = client.trace(TraceOptions::new("c-1"));
//! let message = trace.message("Where is my parcel?");
//! let generation = message.generation("Where is my parcel?");
//! generation.end("It arrives tomorrow.");
//! message.end("It arrives tomorrow.");
//! client.flush(std::time::Duration::from_secs(5));
//! # Ok::<(), neuraltrust::Error>(())
//! ```

mod builders;
mod client;
mod compression;
mod encode;
mod error;
mod forks;
mod guard;
mod ids;
#[cfg(feature = "tracing")]
mod layer;
mod mask;
mod options;
mod queue;
mod random;
mod redact;
mod running;
mod sampling;
mod score;
mod settings;
mod span;
mod spool;
mod stats;
pub mod testing;
mod trace;
mod traceparent;
mod transport;
mod value;
mod worker;

pub use client::Client;
pub use compression::Compression;
pub use error::{Error, Notice, NoticeKind};
pub use guard::{Guard, Within, current};
#[cfg(feature = "tracing")]
pub use layer::NeuralTrustLayer;
pub use neuraltrust_model::Kind;
pub use options::{DEFAULT_BASE_URL, Options, Spool};
pub use redact::Redact;
pub use score::{Judged, Score, ScoreSource, Verdict};
pub use serde_json::{Map, Value};
pub use span::{Ending, Failure, FeedbackTag, Sent, Step, StepOptions};
pub use stats::{Dropped, Stats};
pub use trace::{Trace, TraceOptions};
pub use value::{MAX_VALUE_BYTES, left_out, shortened, shortened_of};

/// The guide, whose examples are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sdk/rust.md")]
struct Guide;
