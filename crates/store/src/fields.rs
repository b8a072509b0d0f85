//! The fields that lists can be filtered by, counted over and grouped by, and the types of their values.
//!
//! One table says everything of a field: its name in the API, its type, and which lists have it. What applications add
//! of their own (attributes, metadata, custom data, scores) is named by a path.

use neuraltrust_model::Timestamp;

use crate::ListOf;

/// What values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A text that is compared as a whole.
    Keyword,
    /// A text that is different in nearly every row, so that rows are found by it and not grouped by it.
    Id,
    /// A whole number that is not negative.
    Count,
    /// Any number.
    Number,
    /// Milliseconds, kept to the nanosecond.
    Millis,
    /// A moment.
    Time,
    /// Yes or no.
    Flag,
}

impl FieldType {
    /// What a value of the type is, for people.
    #[must_use]
    pub const fn accepts(self) -> &'static str {
        match self {
            Self::Keyword | Self::Id => "a text",
            Self::Count | Self::Number => "a number",
            Self::Millis => "a number of milliseconds",
            Self::Time => "a time (RFC 3339)",
            Self::Flag => "true or false",
        }
    }

    /// Whether values can be summed.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Count | Self::Number | Self::Millis)
    }
}

const SPANS: &[ListOf] = &[ListOf::Spans];
const SPANS_AND_TRACES: &[ListOf] = &[ListOf::Spans, ListOf::Traces];
const TOTALS: &[ListOf] = &[ListOf::Conversations, ListOf::Traces];
const CONVERSATIONS: &[ListOf] = &[ListOf::Conversations];
const ALL: &[ListOf] = &[ListOf::Conversations, ListOf::Traces, ListOf::Spans];

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $of:ident, $lists:ident;)*) => {
        /// A field that lists can be filtered by, counted over and grouped by.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field {
            $($(#[$doc])* $variant,)*
        }

        impl Field {
            /// Every field.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What values it has.
            #[must_use]
            pub const fn of_type(self) -> FieldType {
                match self { $(Self::$variant => FieldType::$of,)* }
            }

            /// The lists that have it.
            #[must_use]
            pub const fn lists(self) -> &'static [ListOf] {
                match self { $(Self::$variant => $lists,)* }
            }
        }
    };
}

fields! {
    /// The conversation.
    ConversationId = "conversation_id", Keyword, ALL;
    /// The trace.
    TraceId = "trace_id", Keyword, SPANS_AND_TRACES;
    /// The span.
    SpanId = "span_id", Id, SPANS;
    /// The span that a span is a step of.
    ParentId = "parent_id", Id, SPANS;
    /// The session of the user.
    SessionId = "session_id", Keyword, ALL;
    /// Where the user talks.
    ChannelId = "channel_id", Keyword, ALL;
    /// The application's id of the user.
    UserId = "user_id", Keyword, ALL;
    /// The user's name.
    UserName = "user_name", Keyword, ALL;
    /// The user's mail address.
    UserEmail = "user_email", Keyword, SPANS;
    /// What a span is.
    Kind = "kind", Keyword, SPANS;
    /// What a span is called.
    Name = "name", Keyword, SPANS_AND_TRACES;
    /// `ok`, `error` or `unset`; a conversation or trace has `error` when one of its spans has.
    Status = "status", Keyword, ALL;
    /// What the application says about the end.
    StatusMessage = "status_message", Keyword, SPANS;
    /// Whether a span, or a step of the trace or conversation, failed.
    HasError = "has_error", Flag, ALL;
    /// Whether something has begun and not ended.
    Running = "running", Flag, ALL;
    /// The model that answered.
    Model = "model", Keyword, ALL;
    /// Who served the model.
    Provider = "provider", Keyword, SPANS;
    /// When it started.
    StartTime = "start_time", Time, ALL;
    /// When the span ended.
    EndTime = "end_time", Time, SPANS;
    /// When the last thing happened that is known.
    LastTime = "last_time", Time, TOTALS;
    /// When the first message about the span came in.
    ReceivedAt = "received_at", Time, SPANS;
    /// From start to end.
    DurationMs = "duration_ms", Millis, ALL;
    /// Tokens of the prompt, cached ones included.
    UsageInput = "usage.input", Count, ALL;
    /// Tokens of the answer, reasoning included.
    UsageOutput = "usage.output", Count, ALL;
    /// Tokens that came from the provider's cache.
    UsageCacheRead = "usage.cache_read", Count, ALL;
    /// Tokens that were put into the provider's cache.
    UsageCacheWrite = "usage.cache_write", Count, ALL;
    /// Tokens of the model's thoughts.
    UsageReasoning = "usage.reasoning", Count, ALL;
    /// Tokens of sound in the prompt.
    UsageInputAudio = "usage.input_audio", Count, ALL;
    /// Tokens of pictures in the prompt.
    UsageInputImage = "usage.input_image", Count, ALL;
    /// Tokens of sound that came from the provider's cache.
    UsageCacheReadAudio = "usage.cache_read_audio", Count, ALL;
    /// Tokens of pictures that came from the provider's cache.
    UsageCacheReadImage = "usage.cache_read_image", Count, ALL;
    /// Tokens that were put into the provider's cache for an hour.
    UsageCacheWrite1h = "usage.cache_write_1h", Count, ALL;
    /// Tokens of sound in the answer.
    UsageOutputAudio = "usage.output_audio", Count, ALL;
    /// Tokens of pictures in the answer.
    UsageOutputImage = "usage.output_image", Count, ALL;
    /// Tokens of prompt and answer together.
    UsageTotal = "usage.total", Count, ALL;
    /// US dollars.
    Cost = "cost", Number, ALL;
    /// Whether the tokens of a span count towards those of its trace: each model call does once.
    UsageCounted = "usage_counted", Flag, SPANS;
    /// Whether the cost of a span counts towards that of its trace.
    CostCounted = "cost_counted", Flag, SPANS;
    /// Names of the judgements of a span; their values are at the paths `scores.NAME`.
    Score = "score", Keyword, SPANS;
    /// Name of the client that sent the span.
    Client = "client", Keyword, SPANS;
    /// The client's version.
    ClientVersion = "client_version", Keyword, SPANS;
    /// The protocol that the client spoke.
    Protocol = "protocol", Keyword, SPANS;
    /// Codes of what was odd about the span's messages.
    Warning = "warning", Keyword, SPANS;
    /// Number of turns.
    Turns = "turns", Count, TOTALS;
    /// Number of traces.
    Traces = "traces", Count, CONVERSATIONS;
    /// Number of spans.
    Spans = "spans", Count, TOTALS;
    /// Number of spans that failed.
    Errors = "errors", Count, TOTALS;
    /// Number of model calls, each counted once.
    ModelCalls = "model_calls", Count, TOTALS;
    /// Number of calls of tools.
    ToolCalls = "tool_calls", Count, TOTALS;
    /// How long the turns took together.
    DialogueMs = "dialogue_ms", Millis, TOTALS;
    /// Words that users said, over all turns.
    InputWords = "input_words", Count, TOTALS;
    /// Words that were answered, over all turns.
    OutputWords = "output_words", Count, TOTALS;
    /// How often users approved.
    FeedbackPositive = "feedback.positive", Count, TOTALS;
    /// How often users disapproved.
    FeedbackNegative = "feedback.negative", Count, TOTALS;
    /// How often users said anything else.
    FeedbackNeutral = "feedback.neutral", Count, TOTALS;
}

impl Field {
    /// The field of that name in the API.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.as_str() == name)
    }

    /// Whether rows can be grouped by it and its values counted: not where nearly every row has another value.
    #[must_use]
    pub const fn is_grouped(self) -> bool {
        !matches!(self.of_type(), FieldType::Id)
    }
}

/// Where what an application adds of its own is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// Everything that has no field of its own.
    Attributes,
    /// The application's metadata.
    Metadata,
    /// The application's own data.
    Custom,
    /// Values of the judgements of what is listed, by name: of spans those of the span itself.
    Scores,
    /// What came out of a router, guardrail or evaluation, where that is an object.
    Output,
}

impl Root {
    /// Every root.
    pub const ALL: [Self; 5] = [Self::Attributes, Self::Metadata, Self::Custom, Self::Scores, Self::Output];

    /// Its name in the API: the first part of a path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attributes => "attributes",
            Self::Metadata => "metadata",
            Self::Custom => "custom",
            Self::Scores => "scores",
            Self::Output => "output",
        }
    }
}

/// What a condition, a group or a measure is about: a field, or a path into what the application added. Only spans have paths,
/// but for judgements.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A field.
    Field(Field),
    /// A path below a root: names of objects joined by dots. A dot within a name is the same as a dot between names.
    Path(Root, String),
}

impl From<Field> for Key {
    fn from(field: Field) -> Self {
        Self::Field(field)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(field) => f.write_str(field.as_str()),
            Self::Path(root, path) => write!(f, "{}.{path}", root.as_str()),
        }
    }
}

/// A value that a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text. At a path, where the type is not known, it also stands for the number or yes or no that it spells.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Time(Timestamp),
}

/// Why a filter cannot be. Tell the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// There is no field of that name.
    #[error(
        "there is no field {name:?}; the nearest is {nearest:?}. Fields of {list}: {accepted}; and paths such as metadata.plan"
    )]
    UnknownField {
        /// The name asked for.
        name: String,
        /// The name of a field that is most like it.
        nearest: &'static str,
        /// The list.
        list: &'static str,
        /// The fields of the list.
        accepted: String,
    },
    /// The list does not have that field.
    #[error("{list} cannot be filtered by {key}; they can by {accepted}")]
    NotOfList {
        /// The list.
        list: &'static str,
        /// The field asked for.
        key: String,
        /// The fields of the list.
        accepted: String,
    },
    /// The list cannot be ordered like that.
    #[error("{list} cannot be ordered by {given:?}; they can by {accepted}, each with :desc or :asc behind it")]
    NotOrdered {
        /// The list.
        list: &'static str,
        /// The order asked for.
        given: String,
        /// What the list can be ordered by.
        accepted: String,
    },
    /// The value is of another type than the field.
    #[error("{key}: {value:?} is not {accepted}")]
    BadValue {
        /// The field.
        key: String,
        /// The value given.
        value: String,
        /// What is accepted.
        accepted: &'static str,
    },
    /// The field has values that cannot be used like that.
    #[error("{key} {problem}")]
    Unfit {
        /// The field.
        key: String,
        /// What it cannot be used for, and what can.
        problem: String,
    },
}

impl Key {
    /// What goes by that name in a list.
    ///
    /// # Errors
    /// [`FilterError::UnknownField`] and [`FilterError::NotOfList`].
    pub fn named(list: ListOf, name: &str) -> Result<Self, FilterError> {
        if let Some(field) = Field::named(name) {
            return Self::from(field).checked(list);
        }
        if let Some((root, path)) = name.split_once('.')
            && let Some(root) = Root::ALL.into_iter().find(|known| known.as_str() == root)
            && !path.is_empty()
        {
            return Self::Path(root, path.to_owned()).checked(list);
        }
        let likeness = |field: &&Field| strsim::damerau_levenshtein(field.as_str(), name);
        let nearest = list.fields().iter().min_by_key(likeness).map_or("", |field| field.as_str());
        Err(FilterError::UnknownField { name: name.to_owned(), nearest, list: list.as_str(), accepted: accepted(list) })
    }

    /// The key, where the list has it.
    ///
    /// # Errors
    /// [`FilterError::NotOfList`].
    pub fn checked(self, list: ListOf) -> Result<Self, FilterError> {
        let has = match &self {
            Self::Field(field) => field.lists().contains(&list),
            Self::Path(Root::Scores, _) => true,
            Self::Path(..) => list == ListOf::Spans,
        };
        if has {
            return Ok(self);
        }
        Err(FilterError::NotOfList { list: list.as_str(), key: self.to_string(), accepted: accepted(list) })
    }

    /// The value that a text means for the key.
    ///
    /// # Errors
    /// [`FilterError::BadValue`].
    pub fn value(&self, text: &str) -> Result<Value, FilterError> {
        let Self::Field(field) = self else { return Ok(Value::Text(text.to_owned())) };
        let value = match field.of_type() {
            FieldType::Keyword | FieldType::Id => Some(Value::Text(text.to_owned())),
            FieldType::Count | FieldType::Number | FieldType::Millis => number(text).map(Value::Number),
            FieldType::Time => Timestamp::try_from(text.to_owned()).ok().map(Value::Time),
            FieldType::Flag => text.parse().ok().map(Value::Flag),
        };
        value.ok_or_else(|| self.bad_value(text))
    }

    /// Says that a value is of another type than the key's.
    #[must_use]
    pub fn bad_value(&self, value: impl Into<String>) -> FilterError {
        let accepted = match self {
            Self::Field(field) => field.of_type().accepts(),
            Self::Path(..) => "a text, a number, true or false",
        };
        FilterError::BadValue { key: self.to_string(), value: value.into(), accepted }
    }
}

/// A number that can be compared with.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn accepted(list: ListOf) -> String {
    list.fields().iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_the_name_of_one_thing() {
        for field in Field::ALL {
            assert_eq!(Field::named(field.as_str()), Some(*field));
            assert!(!field.lists().is_empty());
        }
        assert_eq!(Key::named(ListOf::Spans, "metadata.a.b"), Ok(Key::Path(Root::Metadata, "a.b".to_owned())));
        assert_eq!(Key::named(ListOf::Traces, "usage.total"), Ok(Key::Field(Field::UsageTotal)));
    }

    #[test]
    fn a_mistake_is_answered_with_what_is_accepted() {
        let error = |list, name| Key::named(list, name).unwrap_err().to_string();
        assert!(error(ListOf::Spans, "modle").contains("\"model\""));
        assert!(error(ListOf::Conversations, "kind").contains("user_id"));
        assert!(error(ListOf::Conversations, "metadata.plan").contains("user_id"));
        assert!(error(ListOf::Spans, "metadata.").contains("metadata.plan"));
        let key = Key::from(Field::DurationMs);
        assert!(key.value("fast").unwrap_err().to_string().contains("milliseconds"));
        assert!(key.value("inf").is_err());
        assert_eq!(Key::from(Field::Running).value("true"), Ok(Value::Flag(true)));
    }
}
