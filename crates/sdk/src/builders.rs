//! What is said of traces, steps, ends and judgements, a call for each thing: `StepOptions::new("Hello").model("m")`.
//!
//! They fill the public fields, and nothing else can be said by them.

use std::time::SystemTime;

use neuraltrust_model::attributes as names;
use serde_json::Value;

use crate::options::Options;
use crate::score::{Score, ScoreSource};
use crate::span::{Ending, Failure, StepOptions};
use crate::trace::TraceOptions;

impl Options {
    /// Options of a client with this key, and with the defaults for all else.
    #[must_use]
    pub fn new(api_key: impl Into<String>) -> Self {
        Self { api_key: Some(api_key.into()), ..Self::default() }
    }
}

impl TraceOptions {
    /// Options of a trace of this conversation.
    #[must_use]
    pub fn new(conversation_id: impl Into<String>) -> Self {
        Self { conversation_id: Some(conversation_id.into()), ..Self::default() }
    }

    /// An id of the application's own choice.
    #[must_use]
    pub fn trace_id(self, id: impl Into<String>) -> Self {
        Self { trace_id: Some(id.into()), ..self }
    }

    /// The step of another process, or of another trace, that the first steps belong to.
    #[must_use]
    pub fn parent_id(self, id: impl Into<String>) -> Self {
        Self { parent_id: Some(id.into()), ..self }
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub fn sampled(self, sampled: bool) -> Self {
        Self { sampled: Some(sampled), ..self }
    }

    /// The sitting of the user.
    #[must_use]
    pub fn session_id(self, id: impl Into<String>) -> Self {
        Self { session_id: Some(id.into()), ..self }
    }

    /// Where the user talks.
    #[must_use]
    pub fn channel_id(self, id: impl Into<String>) -> Self {
        Self { channel_id: Some(id.into()), ..self }
    }

    /// Something about who is talking: `id`, `name`, `email`, or anything else.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.user.insert(name.into(), value.into());
        self
    }

    /// Something of the application's metadata.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// The application's own data.
    #[must_use]
    pub fn custom(self, custom: impl Into<Value>) -> Self {
        Self { custom: Some(custom.into()), ..self }
    }
}

impl StepOptions {
    /// Options of a step that was given this.
    #[must_use]
    pub fn new(input: impl Into<Value>) -> Self {
        Self { input: Some(input.into()), ..Self::default() }
    }

    /// A name of its own.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// An id of the application's own choice.
    #[must_use]
    pub fn id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// The step that it belongs to, where that is not the one it is made from.
    #[must_use]
    pub fn parent_id(self, id: impl Into<String>) -> Self {
        Self { parent_id: Some(id.into()), ..self }
    }

    /// When it started, where that is not now.
    #[must_use]
    pub fn start(self, start: SystemTime) -> Self {
        Self { start: Some(start), ..self }
    }

    /// The model that is asked.
    #[must_use]
    pub fn model(self, model: impl Into<String>) -> Self {
        self.attribute(names::REQUEST_MODEL, Value::String(model.into()))
    }

    /// Whose model that is, e.g. `openai`.
    #[must_use]
    pub fn provider(self, provider: impl Into<String>) -> Self {
        self.attribute(names::PROVIDER_NAME, Value::String(provider.into()))
    }

    /// A further OTLP attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

impl Ending {
    /// An end with this answer.
    #[must_use]
    pub fn new(output: impl Into<Value>) -> Self {
        Self { output: Some(output.into()), ..Self::default() }
    }

    /// The step failed.
    #[must_use]
    pub fn failure(self, failure: impl Into<Failure>) -> Self {
        Self { failure: Some(failure.into()), ..self }
    }

    /// The model that answered.
    #[must_use]
    pub fn model(self, model: impl Into<String>) -> Self {
        self.attribute(names::RESPONSE_MODEL, Value::String(model.into()))
    }

    /// Tokens that the model was given.
    #[must_use]
    pub fn input_tokens(self, tokens: u64) -> Self {
        self.attribute(names::USAGE_INPUT_TOKENS, tokens)
    }

    /// Tokens that the model answered.
    #[must_use]
    pub fn output_tokens(self, tokens: u64) -> Self {
        self.attribute(names::USAGE_OUTPUT_TOKENS, tokens)
    }

    /// Tokens of the input that the provider had kept from before.
    #[must_use]
    pub fn cache_read_tokens(self, tokens: u64) -> Self {
        self.attribute(names::USAGE_CACHE_READ_TOKENS, tokens)
    }

    /// US dollars, where the application knows them.
    #[must_use]
    pub fn cost(self, dollars: f64) -> Self {
        self.attribute(names::COST, dollars)
    }

    /// Why the model stopped.
    #[must_use]
    pub fn finish_reason(self, reason: impl Into<String>) -> Self {
        self.attribute("gen_ai.response.finish_reasons", vec![Value::String(reason.into())])
    }

    /// A further OTLP attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

impl Score {
    /// The reasons.
    #[must_use]
    pub fn comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into()), ..self }
    }

    /// Who judges.
    #[must_use]
    pub fn source(self, source: ScoreSource) -> Self {
        Self { source, ..self }
    }

    /// An id of the judgement.
    #[must_use]
    pub fn id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }
}
