//! Steps out of the spans of the crate `tracing`.
//!
//! A span becomes a step below the step of its parent, or the first of a trace of its own. Its fields are attributes of the
//! step, under their names; these mean more:
//!
//! - `gen_ai.operation.name` (OTel semantic conventions) or `neuraltrust.kind`: what the step is. A span with neither is a
//!   chain.
//! - `input` and `output`, or `neuraltrust.input` and `neuraltrust.output`: what it was given and what it answered.
//! - `gen_ai.conversation.id`, at the first span of a trace: the conversation.
//! - `error`, or an event of the level `ERROR` inside the span: the step failed.

use std::fmt;

use neuraltrust_model::{Kind, attributes as names};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::client::Client;
use crate::span::{Ending, Failure, Step, StepOptions};
use crate::trace::TraceOptions;

/// A layer of `tracing-subscriber` that records spans as steps. Filter it, e.g. by target, so that it sees those that are about
/// the conversation only.
///
/// ```
/// use neuraltrust::{Client, NeuralTrustLayer, testing::Recorder};
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// # let recorder = Recorder::default();
/// # let options = recorder.options();
/// let client = Client::new(options)?;
/// let subscriber = tracing_subscriber::registry().with(NeuralTrustLayer::new(client.clone()));
/// tracing::subscriber::with_default(subscriber, || {
///     let call = tracing::info_span!(
///         "chat my-model",
///         gen_ai.operation.name = "chat",
///         gen_ai.request.model = "my-model",
///         gen_ai.usage.output_tokens = tracing::field::Empty,
///         input = "Where is my parcel?",
///         output = tracing::field::Empty,
///     );
///     call.record("output", "It arrives tomorrow.");
///     call.record("gen_ai.usage.output_tokens", 5);
/// });
/// assert_eq!(recorder.spans(&client)[0].attribute("neuraltrust.kind"), Some("generation".into()));
/// # Ok::<(), neuraltrust::Error>(())
/// ```
#[derive(Debug)]
pub struct NeuralTrustLayer {
    client: Client,
}

/// What a span is here, and what is said of it after its start.
struct Running {
    step: Step,
    said: Said,
}

impl NeuralTrustLayer {
    /// Records with the client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for NeuralTrustLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut said = Said::default();
        attributes.record(&mut said);
        let kind = said.kind();
        let (input, conversation_id) = (said.input.take(), said.conversation.take());
        let fields = std::mem::take(&mut said.fields);
        let options = StepOptions { input, name: Some(span.name().to_owned()), attributes: fields, ..StepOptions::default() };
        let above = span.scope().skip(1).find_map(|above| Some(above.extensions().get::<Running>()?.step.clone()));
        let step = match above {
            Some(above) => above.step(kind, options),
            None => self.client.trace(TraceOptions { conversation_id, ..TraceOptions::default() }).step(kind, options),
        };
        span.extensions_mut().insert(Running { step, said });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(running) = span.extensions_mut().get_mut::<Running>()
        {
            values.record(&mut running.said);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let mut told = Said::default();
        event.record(&mut told);
        let message = told.fields.remove("message").map(|message| words(&message));
        let error = told.error.or(message).unwrap_or_else(|| event.metadata().name().to_owned());
        if let Some(span) = context.event_span(event)
            && let Some(running) = span.extensions_mut().get_mut::<Running>()
        {
            running.said.error.get_or_insert(error);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Running { step, said }) = span.extensions_mut().remove::<Running>() else { return };
        let failure = said.error.map(|message| Failure { kind: "error".to_owned(), message, stacktrace: None });
        step.end_with(Ending { output: said.output, failure, attributes: said.fields });
    }
}

/// Fields of a span, by what they mean.
#[derive(Default)]
struct Said {
    kind: Option<Kind>,
    operation: Option<String>,
    conversation: Option<String>,
    input: Option<Value>,
    output: Option<Value>,
    error: Option<String>,
    fields: Map<String, Value>,
}

impl Said {
    fn kind(&mut self) -> Kind {
        let named = self.kind.take();
        // OTel semantic conventions, registry of `gen_ai.operation.name`.
        let known = self.operation.as_deref().map(|operation| match operation {
            "chat" | "generate_content" | "text_completion" => Kind::Generation,
            "embeddings" => Kind::Embedding,
            "retrieval" => Kind::Retrieval,
            "invoke_agent" | "create_agent" => Kind::Agent,
            "execute_tool" => Kind::Tool,
            _ => Kind::Chain,
        });
        named.or(known).unwrap_or(Kind::Chain)
    }

    fn field(&mut self, field: &Field, value: Value) {
        match field.name() {
            names::KIND => self.kind = Some(Kind::from(words(&value))),
            "input" | names::INPUT => self.input = Some(value),
            "output" | names::OUTPUT => self.output = Some(value),
            names::CONVERSATION_ID => self.conversation = Some(words(&value)),
            "error" => self.error = Some(words(&value)),
            name => {
                if name == names::OPERATION_NAME {
                    self.operation = Some(words(&value));
                }
                self.fields.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.field(field, value.to_string().into());
    }
}

/// A value as text, without the marks of JSON around a text.
fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
