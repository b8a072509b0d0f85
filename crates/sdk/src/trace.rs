//! A trace: what its steps have in common, and the ways to make them.

use std::sync::{Arc, Mutex, PoisonError};

use neuraltrust_model::{Kind, attributes as names};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use serde_json::{Map, Value};

use crate::client::Client;
use crate::ids::{SpanId, TraceId, printable};
use crate::span::{Core, FeedbackTag, Sent, Step, StepOptions};
use crate::value;

/// What is known of a trace when it starts. All of it is optional.
#[derive(Debug, Clone, Default)]
pub struct TraceOptions {
    /// An id of the application's own choice.
    pub trace_id: Option<String>,
    /// The step of another process, or of another trace, that the first steps belong to.
    pub parent_id: Option<String>,
    /// Whether the trace is recorded, where that is decided already, e.g. by the flag of a `traceparent`. Otherwise its id decides,
    /// with [`Options::sample_rate`](crate::Options::sample_rate).
    pub sampled: Option<bool>,
    /// The conversation that the trace belongs to.
    pub conversation_id: Option<String>,
    /// The sitting of the user.
    pub session_id: Option<String>,
    /// Where the user talks.
    pub channel_id: Option<String>,
    /// Who is talking: `id`, `name`, `email`, and anything else.
    pub user: Map<String, Value>,
    /// The application's metadata.
    pub metadata: Map<String, Value>,
    /// The application's own data.
    pub custom: Option<Value>,
}

/// What all steps of a trace say alike.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) trace: TraceId,
    /// Whether the trace is recorded.
    pub(crate) sampled: bool,
    /// The ids, said by every span.
    pub(crate) ids: Vec<KeyValue>,
    /// User, metadata and custom data, said once per step.
    pub(crate) described: Vec<(&'static str, Value)>,
    /// About how many bytes that is.
    pub(crate) size: usize,
}

/// One unit of work, often one turn of a conversation. Clones are the same trace.
#[derive(Debug, Clone)]
pub struct Trace {
    client: Client,
    context: Arc<Context>,
    parent: Option<SpanId>,
    /// The message that [`Trace::end`] ends.
    last: Arc<Mutex<Option<Arc<Core>>>>,
}

impl Trace {
    pub(crate) fn new(client: Client, options: TraceOptions) -> Self {
        let trace = options.trace_id.as_deref().and_then(TraceId::chosen).unwrap_or_else(TraceId::random);
        let mut ids: Vec<KeyValue> = trace.attribute().map(|id| value::text(names::TRACE_ID, id)).into_iter().collect();
        let named = [
            (names::CONVERSATION_ID, options.conversation_id),
            (names::SESSION_ID, options.session_id),
            (names::CHANNEL_ID, options.channel_id),
        ];
        for (name, id) in named {
            ids.extend(id.filter(|id| !id.is_empty()).map(|id| value::text(name, printable(&id))));
        }
        let mut described = Vec::new();
        let mut size = 0;
        let maps = [(names::USER, options.user), (names::METADATA, options.metadata)];
        let maps = maps.into_iter().filter(|(_, map)| !map.is_empty()).map(|(name, map)| (name, Value::Object(map)));
        for (name, value) in maps.chain(options.custom.filter(|custom| !custom.is_null()).map(|custom| (names::CUSTOM, custom))) {
            let value = value::limited(value);
            size += value::size(&value);
            described.push((name, value));
        }
        let parent = options.parent_id.as_deref().and_then(SpanId::chosen);
        let sampled = options.sampled.unwrap_or_else(|| client.sampling().takes(&trace));
        Self { client, context: Arc::new(Context { trace, sampled, ids, described, size }), parent, last: Arc::default() }
    }

    /// The id of the trace.
    #[must_use]
    pub fn id(&self) -> String {
        self.context.trace.text().into_owned()
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.context.sampled
    }

    /// Starts a step of any kind.
    #[must_use]
    pub fn step(&self, kind: Kind, options: StepOptions) -> Step {
        let step = Step::start(&self.client, &self.context, self.parent.as_ref(), kind, options);
        if step.core.kind == Kind::Message {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&step.core));
        }
        step
    }

    /// Records a whole step of any kind.
    pub fn send(&self, kind: Kind, sent: Sent) -> Step {
        Step::sent(&self.client, &self.context, self.parent.as_ref(), kind, sent)
    }

    /// Ends the newest message of the trace; does nothing where there is none.
    pub fn end(&self, output: impl Into<Value>) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(core) = last {
            Step { client: self.client.clone(), core }.end(output);
        }
    }
}

impl Step {
    /// Starts a step of any kind below this one.
    #[must_use]
    pub fn step(&self, kind: Kind, options: StepOptions) -> Self {
        Self::start(&self.client, &self.core.context, Some(&self.core.id), kind, options)
    }

    /// Records a whole step of any kind below this one.
    pub fn send(&self, kind: Kind, sent: Sent) -> Self {
        Self::sent(&self.client, &self.core.context, Some(&self.core.id), kind, sent)
    }
}

macro_rules! kinds {
    (on $($type:ident)* : started $started:tt at_once $at_once:tt) => {
        kinds!(@each ($($type)*) $started $at_once);
    };
    (@each ($type:ident $($more:ident)*) $started:tt $at_once:tt) => {
        kinds!(@on $type $started $at_once);
        kinds!(@each ($($more)*) $started $at_once);
    };
    (@each () $started:tt $at_once:tt) => {};
    (@on $type:ident $started:tt $at_once:tt) => {
        impl $type {
            kinds!(@started $started);
            kinds!(@at_once $at_once);

            /// Records what the user thought of this.
            pub fn feedback(&self, tag: FeedbackTag, text: impl Into<String>) -> Step {
                let attributes = feedback(Some(tag.as_str()), Some(text.into()));
                self.send(Kind::Feedback, Sent { step: StepOptions { attributes, ..StepOptions::default() }, ..Sent::default() })
            }
        }
    };
    (@started { $($(#[$doc:meta])* $name:ident = $kind:ident,)* }) => {
        $($(#[$doc])* #[must_use] pub fn $name(&self, input: impl Into<Value>) -> Step {
            self.step(Kind::$kind, StepOptions { input: Some(input.into()), ..StepOptions::default() })
        })*
    };
    (@at_once { $($(#[$doc:meta])* $name:ident = $kind:ident,)* }) => {
        $($(#[$doc])* pub fn $name(&self, input: impl Into<Value>) -> Step {
            let step = StepOptions { input: Some(input.into()), ..StepOptions::default() };
            self.send(Kind::$kind, Sent { step, ..Sent::default() })
        })*
    };
}

kinds! {
    on Trace Step:
    started {
        /// Starts a turn: what the user said.
        message = Message,
        /// Starts a call of a language model.
        generation = Generation,
        /// Starts a look-up of documents.
        retrieval = Retrieval,
        /// Starts the work of an agent.
        agent = Agent,
        /// Starts a call of a tool.
        tool = Tool,
    }
    at_once {
        /// Records a decision on which way to go. It is over at once; [`Step::end`] may add its outcome.
        router = Router,
        /// Records a system prompt.
        system = System,
        /// Records something that happened.
        event = Event,
    }
}

/// The attributes of feedback.
fn feedback(tag: Option<&str>, text: Option<String>) -> Map<String, Value> {
    let tag = tag.map(|tag| (names::FEEDBACK_TAG.to_owned(), tag.into()));
    let text = text.filter(|text| !text.is_empty()).map(|text| (names::FEEDBACK_TEXT.to_owned(), text.into()));
    tag.into_iter().chain(text).collect()
}
