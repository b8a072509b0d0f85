//! A step of a trace: what the application holds of it, and what of it waits for delivery.
//!
//! A [`Step`] never changes after its start; every end is an [`Entry`] of its own. So no lock is shared with the thread that
//! delivers, and a process forked at any moment goes on with whole steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use neuraltrust_model::{Kind, attributes};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::ids::SpanId;
use crate::trace::Context;
use crate::value::{self, MAX_VALUE_BYTES};

/// What is known of a step when it starts. All of it is optional.
#[derive(Debug, Clone, Default)]
pub struct StepOptions {
    /// What the step was given.
    pub input: Option<Value>,
    /// A name of its own, e.g. that of the tool; else the step is named by its kind.
    pub name: Option<String>,
    /// The step that it belongs to, where that is not the one it is made from.
    pub parent_id: Option<String>,
    /// An id of the application's own choice.
    pub id: Option<String>,
    /// When it started, where that is not now.
    pub start: Option<SystemTime>,
    /// Further OTLP attributes, e.g. `gen_ai.request.model`.
    pub attributes: Map<String, Value>,
}

/// A whole step that is over already.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// How it began.
    pub step: StepOptions,
    /// What it answered.
    pub output: Option<Value>,
    /// When it ended.
    pub end: Option<SystemTime>,
    /// How long it took, as the application measured it.
    pub latency: Option<Duration>,
}

/// How a step ended.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// What the step answered.
    pub output: Option<Value>,
    /// Why it failed; without it the step went well.
    pub failure: Option<Failure>,
    /// Further OTLP attributes, e.g. `gen_ai.usage.input_tokens`.
    pub attributes: Map<String, Value>,
}

/// Why a step failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// Class of the error, e.g. `TimeoutError`.
    pub kind: String,
    /// What it says.
    pub message: String,
    /// Where it came from.
    pub stacktrace: Option<String>,
}

impl<E: std::error::Error + ?Sized> From<&E> for Failure {
    fn from(error: &E) -> Self {
        Self { kind: std::any::type_name::<E>().to_owned(), message: error.to_string(), stacktrace: None }
    }
}

/// What a user thought of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackTag {
    /// It was good.
    Positive,
    /// It was bad.
    Negative,
    /// Neither.
    Neutral,
}

impl FeedbackTag {
    /// The name of the tag.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Neutral => "neutral",
        }
    }
}

/// What of a step stays as it was at its start.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) context: Arc<Context>,
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) kind: Kind,
    pub(crate) name: Option<String>,
    /// Nanoseconds since 1970.
    pub(crate) start: u64,
    /// When the application ended it first; 0 while it has not.
    end: AtomicU64,
    /// When the answer began, in nanoseconds after the start, plus one; 0 while it has not.
    first: AtomicU64,
    pub(crate) input: Option<Value>,
    pub(crate) attributes: Map<String, Value>,
    /// Whether the server has the start: then an end says only what is new.
    pub(crate) described: AtomicBool,
}

impl Core {
    /// Whether the application ended it.
    pub(crate) fn is_ended(&self) -> bool {
        self.end.load(Relaxed) != 0
    }
}

/// About what a span's ids, times and names take.
pub(crate) const SPAN_BYTES: usize = 160;

/// The start of a step (`end` is 0) or its end, on the way to the server.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) core: Arc<Core>,
    pub(crate) end: u64,
    pub(crate) ending: Ending,
    pub(crate) size: usize,
}

/// A step of a trace. Clones are the same step.
#[derive(Debug, Clone)]
pub struct Step {
    pub(crate) client: Client,
    pub(crate) core: Arc<Core>,
}

impl Step {
    /// Starts a step, and says so.
    pub(crate) fn start(
        client: &Client,
        context: &Arc<Context>,
        parent: Option<&SpanId>,
        kind: Kind,
        options: StepOptions,
    ) -> Self {
        let step = Self::new(client, context, parent, kind, options);
        step.push(0, Ending::default());
        step
    }

    /// A step that is over as it begins.
    pub(crate) fn sent(client: &Client, context: &Arc<Context>, parent: Option<&SpanId>, kind: Kind, mut sent: Sent) -> Self {
        let latency = sent.latency.unwrap_or_default();
        let now = SystemTime::now;
        let (start, end) = match (sent.step.start, sent.end) {
            (Some(start), Some(end)) => (start, end),
            (Some(start), None) if sent.latency.is_some() => (start, start.checked_add(latency).unwrap_or(start)),
            (Some(start), None) => (start, now()),
            (None, end) => {
                let end = end.unwrap_or_else(now);
                (end.checked_sub(latency).unwrap_or(end), end)
            }
        };
        sent.step.start = Some(start);
        let mut attributes = Map::new();
        if sent.latency.is_some() {
            attributes.insert(attributes::LATENCY_MS.to_owned(), (latency.as_secs_f64() * 1e3).into());
        }
        let step = Self::new(client, context, parent, kind, sent.step);
        step.push(nanos(end).max(step.core.start), Ending { output: sent.output, failure: None, attributes });
        step
    }

    fn new(client: &Client, context: &Arc<Context>, parent: Option<&SpanId>, kind: Kind, options: StepOptions) -> Self {
        let core = Core {
            context: Arc::clone(context),
            id: options.id.as_deref().and_then(SpanId::chosen).unwrap_or_else(SpanId::random),
            parent: options.parent_id.as_deref().and_then(SpanId::chosen).or_else(|| parent.cloned()),
            kind,
            name: options.name.filter(|name| !name.is_empty()),
            start: nanos(options.start.unwrap_or_else(SystemTime::now)).max(1),
            end: AtomicU64::new(0),
            first: AtomicU64::new(0),
            input: options.input.filter(|input| !input.is_null()).map(value::limited),
            attributes: limited(options.attributes),
            described: AtomicBool::new(false),
        };
        Self { client: client.clone(), core: Arc::new(core) }
    }

    /// The id of the step.
    #[must_use]
    pub fn id(&self) -> String {
        self.core.id.text().into_owned()
    }

    /// The id of its trace.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.core.context.trace.text().into_owned()
    }

    /// The id of the step that it belongs to.
    #[must_use]
    pub fn parent_id(&self) -> Option<String> {
        self.core.parent.as_ref().map(|parent| parent.text().into_owned())
    }

    /// What the step is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.core.kind
    }

    /// When it started.
    #[must_use]
    pub fn started(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.core.start)
    }

    /// Whether the application ended it.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.core.is_ended()
    }

    /// Ends the step with what it answered. The first end sets the time; a later one replaces the output.
    pub fn end(&self, output: impl Into<Value>) {
        self.end_with(Ending { output: Some(output.into()), ..Ending::default() });
    }

    /// Ends the step as failed.
    pub fn fail(&self, failure: impl Into<Failure>) {
        self.end_with(Ending { failure: Some(failure.into()), ..Ending::default() });
    }

    /// Says that the answer begins now: the end of the step then tells how long it let wait. The first counts.
    pub fn first_token(&self) {
        if self.core.first.load(Relaxed) == 0 {
            let nanos = nanos(SystemTime::now()).saturating_sub(self.core.start) + 1;
            let _first = self.core.first.compare_exchange(0, nanos, Relaxed, Relaxed);
        }
    }

    /// Ends the step, saying all there is to say.
    pub fn end_with(&self, mut ending: Ending) {
        if let Some(waited) = self.core.first.load(Relaxed).checked_sub(1) {
            let seconds = Duration::from_nanos(waited).as_secs_f64();
            ending.attributes.entry(attributes::TIME_TO_FIRST_CHUNK).or_insert_with(|| seconds.into());
        }
        // A clock that was set back must not make a step end before it starts.
        let now = nanos(SystemTime::now()).max(self.core.start);
        let end = match self.core.end.compare_exchange(0, now, Relaxed, Relaxed) {
            Ok(_) => now,
            Err(first) => first,
        };
        self.push(end, ending);
    }

    fn push(&self, end: u64, mut ending: Ending) {
        ending.output = ending.output.filter(|output| !output.is_null()).map(value::limited);
        ending.attributes = limited(ending.attributes);
        if let Some(failure) = &mut ending.failure {
            for text in std::iter::once(&mut failure.message).chain(&mut failure.stacktrace) {
                if text.len() > MAX_VALUE_BYTES {
                    *text = value::shortened(text, MAX_VALUE_BYTES);
                }
            }
        }
        let map = |map: &Map<String, Value>| map.iter().map(|(key, value)| key.len() + value::size(value)).sum::<usize>();
        let failure = ending
            .failure
            .as_ref()
            .map_or(0, |failure| failure.kind.len() + failure.message.len() + failure.stacktrace.as_ref().map_or(0, String::len));
        let said = ending.output.as_ref().map_or(0, value::size) + map(&ending.attributes) + failure;
        let core = &self.core;
        let start = if core.described.load(Relaxed) {
            0
        } else {
            core.input.as_ref().map_or(0, value::size) + map(&core.attributes) + core.context.size
        };
        self.client.push(Entry { core: Arc::clone(core), end, ending, size: SPAN_BYTES + said + start });
    }
}

/// Attributes without what is over the limit of a value.
fn limited(attributes: Map<String, Value>) -> Map<String, Value> {
    if attributes.is_empty() {
        return attributes;
    }
    attributes.into_iter().map(|(name, value)| (name, value::limited(value))).collect()
}

/// Nanoseconds since 1970; 0 before, and the largest number that the server takes after 2262.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).min(i64::MAX as u64)
}
