//! Names of the OTLP attributes that the product reads and its own SDK writes.
//!
//! A name of the OpenTelemetry semantic conventions is used wherever one exists (registry namespaces `gen_ai.*`, `user.*`,
//! `session.*`, `error.*`: <https://opentelemetry.io/docs/specs/semconv/registry/attributes/>); everything else is
//! `neuraltrust.*`. Values of the `neuraltrust.*` content attributes are OTLP `AnyValue`s: a string is text, an array or
//! key-value list is structured data, exactly as the application passed it.

/// `gen_ai.conversation.id`: the conversation that the span belongs to (string).
pub const CONVERSATION_ID: &str = "gen_ai.conversation.id";
/// `gen_ai.operation.name`: what the span does, e.g. `chat`, `execute_tool`; read when [`KIND`] is absent (string).
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
/// `gen_ai.provider.name`: who served the model (string).
pub const PROVIDER_NAME: &str = "gen_ai.provider.name";
/// `gen_ai.request.model`: the model that was asked for (string).
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// `gen_ai.response.model`: the model that answered; wins over [`REQUEST_MODEL`] (string).
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// `gen_ai.response.id`: what the model's API calls its answer; two spans that name the same tell of one call (string).
pub const RESPONSE_ID: &str = "gen_ai.response.id";
/// `gen_ai.usage.input_tokens`: tokens of the prompt, cached ones included (int).
pub const USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// `gen_ai.usage.output_tokens`: tokens of the answer, reasoning included (int).
pub const USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// `gen_ai.usage.cache_read.input_tokens`: the part of the prompt that was read from the provider's cache (int).
pub const USAGE_CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// `gen_ai.usage.cache_creation.input_tokens`: the part of the prompt that was written to the provider's cache (int).
pub const USAGE_CACHE_WRITE_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
/// `gen_ai.usage.reasoning.output_tokens`: the part of the answer that was reasoning (int).
pub const USAGE_REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// `gen_ai.input.messages`: the messages sent to the model (array, or the same as JSON text).
pub const INPUT_MESSAGES: &str = "gen_ai.input.messages";
/// `gen_ai.output.messages`: the messages that the model answered (array, or the same as JSON text).
pub const OUTPUT_MESSAGES: &str = "gen_ai.output.messages";
/// `gen_ai.retrieval.documents`: the documents that a retrieval found (array, or the same as JSON text).
pub const RETRIEVAL_DOCUMENTS: &str = "gen_ai.retrieval.documents";
/// `gen_ai.tool.call.arguments`: what a tool was called with (any value, or JSON text).
pub const TOOL_CALL_ARGUMENTS: &str = "gen_ai.tool.call.arguments";
/// `gen_ai.tool.call.result`: what a tool answered (any value, or JSON text).
pub const TOOL_CALL_RESULT: &str = "gen_ai.tool.call.result";
/// `session.id`: the session of the user (string).
pub const SESSION_ID: &str = "session.id";
/// `user.id`: who is talking (string).
pub const USER_ID: &str = "user.id";
/// `user.name`: the user's name (string).
pub const USER_NAME: &str = "user.name";
/// `user.email`: the user's address (string).
pub const USER_EMAIL: &str = "user.email";
/// `error.type`: the class of error a span ended with (string).
pub const ERROR_TYPE: &str = "error.type";
/// `gen_ai.response.time_to_first_chunk`: seconds from the start of a call to the first words of its answer (double).
pub const TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";

/// `neuraltrust.usage.input_audio_tokens`: the part of the prompt that was sound, cached ones included (int).
pub const USAGE_INPUT_AUDIO_TOKENS: &str = "neuraltrust.usage.input_audio_tokens";
/// `neuraltrust.usage.input_image_tokens`: the part of the prompt that was pictures, cached ones included (int).
pub const USAGE_INPUT_IMAGE_TOKENS: &str = "neuraltrust.usage.input_image_tokens";
/// `neuraltrust.usage.cache_read_audio_tokens`: the part of what was read from the provider's cache that was sound (int).
pub const USAGE_CACHE_READ_AUDIO_TOKENS: &str = "neuraltrust.usage.cache_read_audio_tokens";
/// `neuraltrust.usage.cache_read_image_tokens`: the part of what was read from the provider's cache that was pictures (int).
pub const USAGE_CACHE_READ_IMAGE_TOKENS: &str = "neuraltrust.usage.cache_read_image_tokens";
/// `neuraltrust.usage.cache_write_1h_tokens`: the part of what was written to the provider's cache that it keeps for an hour (int).
pub const USAGE_CACHE_WRITE_1H_TOKENS: &str = "neuraltrust.usage.cache_write_1h_tokens";
/// `neuraltrust.usage.output_audio_tokens`: the part of the answer that was sound (int).
pub const USAGE_OUTPUT_AUDIO_TOKENS: &str = "neuraltrust.usage.output_audio_tokens";
/// `neuraltrust.usage.output_image_tokens`: the part of the answer that was pictures (int).
pub const USAGE_OUTPUT_IMAGE_TOKENS: &str = "neuraltrust.usage.output_image_tokens";
/// `neuraltrust.kind`: the [`Kind`](crate::Kind) of the span by its name, e.g. `router` (string).
pub const KIND: &str = "neuraltrust.kind";
/// `neuraltrust.input`: what the step was given (string for text, else structured).
pub const INPUT: &str = "neuraltrust.input";
/// `neuraltrust.output`: what the step answered (string for text, else structured).
pub const OUTPUT: &str = "neuraltrust.output";
/// `neuraltrust.channel.id`: where the user talks: web, phone, an app (string).
pub const CHANNEL_ID: &str = "neuraltrust.channel.id";
/// `neuraltrust.user`: everything known of the user (key-value list, or JSON object text).
pub const USER: &str = "neuraltrust.user";
/// `neuraltrust.metadata`: the application's metadata (key-value list, or JSON object text).
pub const METADATA: &str = "neuraltrust.metadata";
/// `neuraltrust.custom`: the application's own data (any value, or JSON text).
pub const CUSTOM: &str = "neuraltrust.custom";
/// `neuraltrust.trace.id`: the trace id where the application chose one that is not 32 hex digits; wins over OTLP's (string).
pub const TRACE_ID: &str = "neuraltrust.trace.id";
/// `neuraltrust.span.id`: the span id where the application chose one that is not 16 hex digits; wins over OTLP's (string).
pub const SPAN_ID: &str = "neuraltrust.span.id";
/// `neuraltrust.parent.id`: the parent's id where it is not 16 hex digits; wins over OTLP's (string).
pub const PARENT_ID: &str = "neuraltrust.parent.id";
/// `neuraltrust.feedback.tag`: `positive`, `negative` or `neutral`, on spans of kind feedback (string).
pub const FEEDBACK_TAG: &str = "neuraltrust.feedback.tag";
/// `neuraltrust.feedback.text`: the user's own words, on spans of kind feedback (string).
pub const FEEDBACK_TEXT: &str = "neuraltrust.feedback.text";
/// `neuraltrust.score.name`: what is judged, e.g. `correctness`, on spans of kind evaluation (string).
pub const SCORE_NAME: &str = "neuraltrust.score.name";
/// `neuraltrust.score.value`: the verdict (number, string or boolean).
pub const SCORE_VALUE: &str = "neuraltrust.score.value";
/// `neuraltrust.score.comment`: the reasons (string).
pub const SCORE_COMMENT: &str = "neuraltrust.score.comment";
/// `neuraltrust.score.source`: who judges: `user`, `evaluator`, or `api` (string).
pub const SCORE_SOURCE: &str = "neuraltrust.score.source";
/// `neuraltrust.score.target`: whether the `span` above is judged, the `trace`, or its `conversation` (string).
pub const SCORE_TARGET: &str = "neuraltrust.score.target";
/// `neuraltrust.score.id`: an id of the judgement; a later one of the same id replaces it (string).
pub const SCORE_ID: &str = "neuraltrust.score.id";
/// `neuraltrust.latency_ms`: the latency as the application measured it, in milliseconds (number).
pub const LATENCY_MS: &str = "neuraltrust.latency_ms";
/// `neuraltrust.running_ms`: for how long a step had run when it was last said that it still does (integer).
pub const RUNNING_MS: &str = "neuraltrust.running_ms";
/// `neuraltrust.cost`: what the call cost in US dollars, where the application knows it (number, not negative).
pub const COST: &str = "neuraltrust.cost";
