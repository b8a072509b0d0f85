//! One step of a conversation: the merge of its patches.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ChannelId, Content, ConversationId, Kind, Map, SessionId, Side, SpanId, SpanPatch, SpanState, Timestamp, TraceId, Unfinished,
    Usage, User, Warning, fragment,
};

/// How a span ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StatusCode {
    /// The application did not say; nothing is known to be wrong.
    #[default]
    Unset,
    /// The application says that it went well.
    Ok,
    /// It failed.
    Error,
}

impl StatusCode {
    /// The name of the status in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

/// How a span ended, in the application's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// How it ended.
    pub code: StatusCode,
    /// What the application says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// What happened.
    pub name: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub time: Option<Timestamp>,
    /// What is known of it.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, serde_json::Value>))]
    #[serde(default)]
    pub attributes: Map,
}

/// Another span that a span has to do with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Link {
    /// The trace of the other span.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// What is known of the relation.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, serde_json::Value>))]
    #[serde(default)]
    pub attributes: Map,
}

/// Who judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScoreSource {
    /// The person who talks to the application.
    User,
    /// A program, through the API.
    Api,
    /// An evaluator.
    Evaluator,
}

/// What is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScoreTarget {
    /// The span that the judgement is kept at.
    #[default]
    Span,
    /// The trace of that span.
    Trace,
    /// The conversation of that trace.
    Conversation,
}

impl ScoreTarget {
    /// Whether it is the span itself.
    #[must_use]
    pub const fn is_span(&self) -> bool {
        matches!(self, Self::Span)
    }
}

/// A judgement of a span, or, kept at one of its spans, of a trace or conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Score {
    /// Id of the judgement; a later one of the same id replaces it.
    pub id: String,
    /// What is judged, e.g. `feedback`.
    pub name: String,
    /// The verdict: a number, a category, yes or no.
    pub value: Value,
    /// The reasons given.
    pub comment: Option<String>,
    /// Who judges.
    pub source: ScoreSource,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub time: Option<Timestamp>,
    /// What is judged; the span where nothing else is said.
    #[serde(default, skip_serializing_if = "ScoreTarget::is_span")]
    pub target: ScoreTarget,
    /// Whether the judgement of that id does not hold any more: a span shows no such judgement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// The member of the project who judged, where one did so on the page or with a key of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}

impl Score {
    /// A judgement of a span with nothing more to say than that.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>, value: Value, source: ScoreSource) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            value,
            comment: None,
            source,
            time: None,
            target: ScoreTarget::Span,
            withdrawn: false,
            author: None,
        }
    }

    /// What takes this judgement back.
    #[must_use]
    pub fn withdrawn_at(self, time: Timestamp) -> Self {
        Self { value: Value::Null, comment: None, time: Some(time), withdrawn: true, ..self }
    }
}

/// Who sent a message about a span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Source {
    /// Name of the client, e.g. `python-httpx` or `neuraltrust`.
    pub client: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The protocol it spoke: `neuraltrust_v1`, `otlp`.
    pub protocol: String,
}

/// One step of a conversation: the merge of its patches. A span with a start and no end is running, until it is marked
/// unfinished.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace of the span.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The span that this one is a step of.
    pub parent_id: Option<SpanId>,
    /// What the span is; `None` when only something about it has come (a score, say), not the span itself.
    pub kind: Option<Kind>,
    /// What the application calls the step.
    pub name: Option<String>,
    /// How it ended.
    pub status: Status,
    /// When it started.
    pub start: Option<Timestamp>,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// That it is not taken to be running any more. NOTE: `None` where it has ended.
    pub unfinished: Option<Unfinished>,
    /// The conversation that the span itself names.
    pub conversation_id: Option<ConversationId>,
    /// The session of the user.
    pub session_id: Option<SessionId>,
    /// Where the user talks.
    pub channel_id: Option<ChannelId>,
    /// Who is talking.
    pub user: Option<User>,
    /// What went in.
    pub input: Option<Content>,
    /// What came out.
    pub output: Option<Content>,
    /// The model that answered.
    pub model: Option<String>,
    /// Who served the model.
    pub provider: Option<String>,
    /// Tokens of the call.
    pub usage: Option<Usage>,
    /// Cost of the call in US dollars.
    pub cost: Option<f64>,
    /// Everything that has no field of its own.
    pub attributes: Map,
    /// The application's metadata.
    pub metadata: Map,
    /// The application's own data.
    pub custom: Option<Value>,
    /// Things that happened during the span.
    pub events: Vec<Event>,
    /// Other spans that this one has to do with.
    pub links: Vec<Link>,
    /// Judgements of the span, each known by its id and what it judges.
    pub scores: Vec<Score>,
    /// Who sent the span.
    pub source: Option<Source>,
    /// What was odd about its messages.
    pub warnings: Vec<Warning>,
    /// When the first message about it came in.
    pub received_at: Timestamp,
}

impl Span {
    /// The span that a merged patch describes, first heard of at `received_at`.
    #[must_use]
    pub fn new(merged: SpanPatch, received_at: Timestamp) -> Self {
        let mut span = Self {
            trace_id: merged.trace_id,
            span_id: merged.span_id,
            parent_id: merged.parent_id,
            kind: merged.kind,
            name: merged.name,
            status: merged.status.unwrap_or_default(),
            start: merged.start,
            end: merged.end,
            unfinished: merged.unfinished.filter(|_| merged.end.is_none()),
            conversation_id: merged.conversation_id,
            session_id: merged.session_id,
            channel_id: merged.channel_id,
            user: merged.user,
            input: merged.input.or_else(|| fragment::content(&merged.fragments, Side::Input)),
            output: merged.output.or_else(|| fragment::content(&merged.fragments, Side::Output)),
            model: merged.model,
            provider: merged.provider,
            usage: merged.usage,
            cost: merged.cost,
            attributes: merged.attributes,
            metadata: merged.metadata,
            custom: merged.custom,
            events: merged.events,
            links: merged.links,
            scores: merged.scores.into_iter().filter(|score| !score.withdrawn).collect(),
            source: merged.source,
            warnings: merged.warnings,
            received_at,
        };
        // Events may come in different messages; between equal times the order of arrival stays. Judgements have ids.
        span.events.sort_by_key(|event| event.time);
        span.scores.sort_by(|a, b| (a.time.is_none(), a.time, &a.id, a.target).cmp(&(b.time.is_none(), b.time, &b.id, b.target)));
        if span.ends_before_start() {
            // Start and end may come in different messages, so only the merge can tell.
            span.warnings
                .push(Warning::new("end_before_start", "the end is before the start; both are kept, the duration is unknown"));
        }
        span
    }

    /// Whether the span itself has come, not only something about it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.kind.is_some() || self.start.is_some() || self.end.is_some()
    }

    /// Where the span is between its start and its end.
    #[must_use]
    pub fn state(&self) -> SpanState {
        match (self.start, self.end, self.unfinished) {
            (Some(_), None, None) => SpanState::Running,
            (Some(_), None, Some(_)) => SpanState::Unfinished,
            _ => SpanState::Ended,
        }
    }

    /// Whether the span has started, and its end may still come.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state() == SpanState::Running
    }

    /// The moment that places the span among others: its start, else its end, else when it was first heard of.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.start.or(self.end).unwrap_or(self.received_at)
    }

    /// From start to end in milliseconds; `None` while running, or when the times contradict each other.
    #[must_use]
    pub fn duration_ms(&self) -> Option<f64> {
        self.start?.millis_until(self.end?)
    }

    fn ends_before_start(&self) -> bool {
        matches!((self.start, self.end), (Some(start), Some(end)) if end < start)
    }
}
