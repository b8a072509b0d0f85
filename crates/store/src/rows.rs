//! What lists and pages show: plain data, ready for JSON.

use neuraltrust_model::{
    ChannelId, Content, ConversationId, Event, Kind, Link, Score, SessionId, Source, Span, SpanId, SpanPatch, SpanState,
    StatusCode, Timestamp, TraceId, Unfinished, Usage, User, Warning,
};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

use crate::Cursor;
use crate::prices::CostSource;

/// Longest preview in a row, in characters.
pub(crate) const PREVIEW_CHARS: usize = 160;

/// Who is talking, as short as a row shows it: id and name.
pub(crate) fn short(user: &User) -> User {
    User { id: user.id.clone(), name: user.name.clone(), ..User::default() }
}

/// Why the tokens, or the cost, of a span count towards those of its trace, or why they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountReason {
    /// It counts: it is a model call, the innermost that reports it.
    ModelCall,
    /// It counts: it is no model call, but nothing else above or below it reports any.
    OnlyReport,
    /// It does not: what is below it counts, and it repeats the sum.
    RepeatsChildren,
    /// It does not: the call below it is the same one, with the same model and the same numbers, or another step of the trace
    /// tells of the same answer of the model.
    SameCallReportedTwice,
    /// It does not: a step of another trace tells of the same answer of the model, and counts there.
    SameCallInAnotherTrace,
    /// It does not: it is no model call, and reports nothing, or it is a part of a call that counts.
    NotAModelCall,
    /// It does not: it is a model call that reports nothing.
    NoUsage,
}

impl CountReason {
    /// Whether it counts.
    #[must_use]
    pub const fn counts(self) -> bool {
        match self {
            Self::ModelCall | Self::OnlyReport => true,
            Self::RepeatsChildren
            | Self::SameCallReportedTwice
            | Self::SameCallInAnotherTrace
            | Self::NotAModelCall
            | Self::NoUsage => false,
        }
    }
}

/// A span as lists and trees show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SpanRow {
    /// The trace of the span.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The span that this one is a step of.
    pub parent_id: Option<SpanId>,
    /// The conversation of the trace; a trace that names none is its own.
    pub conversation_id: ConversationId,
    /// The session of the user.
    pub session_id: Option<SessionId>,
    /// Where the user talks.
    pub channel_id: Option<ChannelId>,
    /// What the span is, e.g. `generation`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// What the application calls the step.
    pub name: String,
    /// How it ended.
    pub status: StatusCode,
    /// What the application says about the end.
    pub status_message: Option<String>,
    /// Where it is between its start and its end.
    pub state: SpanState,
    /// Whether it has started, and its end may still come.
    pub running: bool,
    /// Why it is not taken to be running any more, where its end never came.
    pub unfinished: Option<Unfinished>,
    /// When it started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub end_time: Option<Timestamp>,
    /// From start to end in milliseconds; null while it has no end.
    pub duration_ms: Option<f64>,
    /// Who is talking: id and name in lists, everything known on the span's own page.
    pub user: Option<User>,
    /// The model that answered.
    pub model: Option<String>,
    /// Who served the model.
    pub provider: Option<String>,
    /// Tokens of the call.
    pub usage: Option<Usage>,
    /// Whether the tokens count towards those of the trace.
    pub usage_counted: bool,
    /// Why they do, or do not.
    pub usage_reason: CountReason,
    /// Cost of the call in US dollars: what the client told, else what its tokens cost where they count.
    pub cost: Option<f64>,
    /// Where the cost is from; null where there is none.
    #[serde(default)]
    pub cost_source: Option<CostSource>,
    /// Whether the cost counts towards that of the trace.
    pub cost_counted: bool,
    /// Why it does, or does not.
    pub cost_reason: CountReason,
    /// The first words of the input.
    pub input_preview: Option<String>,
    /// The first words of the output.
    pub output_preview: Option<String>,
}

impl SpanRow {
    /// The row of a span whose trace belongs to the conversation, without the first words of its contents; the reasons are
    /// those of its tokens and of its cost.
    pub(crate) fn new(
        span: &Span,
        conversation_id: &ConversationId,
        usage_reason: CountReason,
        cost_reason: CountReason,
    ) -> Self {
        let kind = span.kind.clone().unwrap_or(Kind::Chain);
        Self {
            trace_id: span.trace_id.clone(),
            span_id: span.span_id.clone(),
            parent_id: span.parent_id.clone(),
            conversation_id: conversation_id.clone(),
            session_id: span.session_id.clone(),
            channel_id: span.channel_id.clone(),
            name: span.name.clone().unwrap_or_else(|| kind.to_string()),
            kind,
            status: span.status.code,
            status_message: span.status.message.clone(),
            state: span.state(),
            running: span.is_running(),
            unfinished: span.unfinished,
            start_time: span.start,
            end_time: span.end,
            duration_ms: span.duration_ms(),
            user: span.user.as_ref().map(short),
            model: span.model.clone(),
            provider: span.provider.clone(),
            usage: span.usage,
            usage_counted: usage_reason.counts(),
            usage_reason,
            cost: span.cost,
            cost_source: span.cost.map(|_| CostSource::Client),
            cost_counted: cost_reason.counts(),
            cost_reason,
            input_preview: None,
            output_preview: None,
        }
    }
}

/// A span with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SpanDetail {
    /// The fields of the row.
    #[serde(flatten)]
    pub row: SpanRow,
    /// What went in.
    pub input: Option<Content>,
    /// What came out.
    pub output: Option<Content>,
    /// Everything that has no field of its own.
    pub attributes: BTreeMap<String, Value>,
    /// The application's metadata.
    pub metadata: BTreeMap<String, Value>,
    /// The application's own data.
    pub custom: Option<Value>,
    /// Things that happened during the span.
    pub events: Vec<Event>,
    /// Other spans that this one has to do with.
    pub links: Vec<Link>,
    /// Judgements of the span.
    pub scores: Vec<Score>,
    /// Who sent the span.
    pub source: Option<Source>,
    /// What was odd about its messages.
    pub warnings: Vec<Warning>,
    /// When the first message about it came in.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
}

/// A span as it is written somewhere else, with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub enum WholeSpan {
    /// One that has come.
    Come(Box<SpanDetail>),
    /// One that has not come itself: only something about it has, a judgement say.
    NotCome {
        /// Whether its name was told.
        named: bool,
        /// What is known of it; what it is, is not.
        detail: Box<SpanDetail>,
    },
}

impl Serialize for WholeSpan {
    /// As by its id; of one that has not come, without the kind and the name that a list would show for want of one.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Come(detail) => detail.serialize(serializer),
            Self::NotCome { named, detail } => {
                let mut fields = serde_json::to_value(detail).map_err(S::Error::custom)?;
                for name in ["kind", "name"].into_iter().take(if *named { 1 } else { 2 }) {
                    if let Some(field) = fields.get_mut(name) {
                        *field = Value::Null;
                    }
                }
                fields.serialize(serializer)
            }
        }
    }
}

/// What one message said of a span, as it was read when it came in.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PatchDetail {
    /// When it came in, by the server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// What it said: any of the fields of a span, and nothing of the others.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub patch: SpanPatch,
}

/// How often users approved and disapproved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedbackCounts {
    /// Verdicts `positive`.
    pub positive: u64,
    /// Verdicts `negative`.
    pub negative: u64,
    /// Every other verdict.
    pub neutral: u64,
}

impl FeedbackCounts {
    pub(crate) fn add(&mut self, other: Self) {
        self.positive += other.positive;
        self.negative += other.negative;
        self.neutral += other.neutral;
    }
}

/// A category, and how often it was the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScoreValue {
    /// The category; `true` or `false` where it was yes or no. At most 64 characters.
    pub value: String,
    /// How often.
    pub count: u64,
}

/// The judgements of one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoreTotals {
    /// What is judged, e.g. `feedback`.
    pub name: String,
    /// Number of judgements.
    pub count: u64,
    /// Number of those that are numbers.
    pub numbers: u64,
    /// Mean of the numbers.
    pub mean: Option<f64>,
    /// The categories, the most frequent first, at most 16.
    pub values: Vec<ScoreValue>,
}

/// What is said alike of a trace and of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Who is talking: id and name.
    pub user: Option<User>,
    /// Where the user talks.
    pub channel_id: Option<ChannelId>,
    /// The sessions of the user.
    pub session_ids: Vec<SessionId>,
    /// The first thing that was said.
    pub first_words: Option<String>,
    /// The last thing that was answered.
    pub last_words: Option<String>,
    /// Number of turns.
    pub turns: u64,
    /// Number of spans.
    pub spans: u64,
    /// Number of spans that failed.
    pub errors: u64,
    /// Whether something runs: a step that is under no other has begun, and its end may still come.
    pub running: bool,
    /// Number of spans, on any level, that have begun and whose end may still come.
    pub open: u64,
    /// Number of spans that have begun and whose end is not expected any more.
    pub unfinished: u64,
    /// When the first span started.
    #[schema(value_type = String, format = DateTime)]
    pub start_time: Timestamp,
    /// When the last thing happened that is known.
    #[schema(value_type = String, format = DateTime)]
    pub last_time: Timestamp,
    /// When the last message about it came in, by the server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub heard_at: Timestamp,
    /// From `start_time` to `last_time` in milliseconds.
    pub duration_ms: Option<f64>,
    /// How long its turns took together, in milliseconds: the time of the dialogue without the rests between turns; null where no
    /// turn has ended.
    #[serde(default)]
    pub dialogue_ms: Option<f64>,
    /// Words that the user said, over all turns; null where that is not known.
    #[serde(default)]
    pub input_words: Option<u64>,
    /// Words that were answered, over all turns; null where that is not known.
    #[serde(default)]
    pub output_words: Option<u64>,
    /// Number of model calls, each counted once however many spans tell of it.
    pub model_calls: u64,
    /// Number of calls of tools.
    pub tool_calls: u64,
    /// Tokens of all model calls, each counted once.
    pub usage: Option<Usage>,
    /// Tokens in and out together.
    pub total_tokens: Option<u64>,
    /// Cost of all model calls in US dollars, each counted once.
    pub cost: Option<f64>,
    /// The models that answered.
    pub models: Vec<String>,
    /// How often users approved and disapproved.
    pub feedback: FeedbackCounts,
    /// Judgements by their names, at most 32 names. Here and in `feedback`, those of its conversation are none of a trace.
    pub scores: Vec<ScoreTotals>,
    /// Verdicts on the trace or conversation itself, by name, at most 32 names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<String, Vec<Value>>,
}

/// A trace as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceRow {
    /// The trace.
    pub trace_id: TraceId,
    /// Its conversation; a trace that names none is its own.
    pub conversation_id: ConversationId,
    /// Name of its first root.
    pub name: Option<String>,
    /// `error` when a span failed, `ok` when the application says so, else `unset`.
    pub status: StatusCode,
    /// Verdicts on its conversation that are kept with the trace, by name, at most 32 names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conversation_verdicts: BTreeMap<String, Vec<Value>>,
    /// The judgements of its conversation that are kept with the trace, one by one, without their reasons; a row that was read back from
    /// the lists has none.
    #[serde(skip)]
    pub conversation_scores: Vec<Score>,
    /// Sums and extremes over its spans.
    #[serde(flatten)]
    pub totals: Totals,
}

/// A conversation as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConversationRow {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Number of traces.
    pub traces: u64,
    /// Sums and extremes over its traces.
    #[serde(flatten)]
    pub totals: Totals,
}

/// A trace with its spans.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TraceDetail {
    /// The trace.
    pub trace: TraceRow,
    /// Its spans, by start.
    pub spans: Vec<SpanRow>,
    /// Where this page of them ended; none where it holds the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next_cursor: Option<Cursor>,
}

/// What the user said once, what was answered, and how that came about.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Turn {
    /// The trace of the turn.
    pub trace_id: TraceId,
    /// The message span; null for the steps of a trace without one.
    pub span_id: Option<SpanId>,
    /// What the user said.
    pub input: Option<Content>,
    /// What was answered.
    pub output: Option<Content>,
    /// How it ended.
    pub status: StatusCode,
    /// Where it is between its start and its end.
    pub state: SpanState,
    /// Whether it has started, and its end may still come.
    pub running: bool,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub start_time: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub end_time: Option<Timestamp>,
    /// From start to end in milliseconds; null while it has no end.
    pub duration_ms: Option<f64>,
    /// Judgements of the turn.
    pub scores: Vec<Score>,
    /// All steps, the message span among them, by start.
    pub spans: Vec<SpanRow>,
}

/// A conversation with its turns.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Transcript {
    /// The conversation.
    pub conversation: ConversationRow,
    /// Everything known of the user.
    pub user: Option<User>,
    /// The application's metadata.
    pub metadata: BTreeMap<String, Value>,
    /// The application's own data.
    pub custom: Option<Value>,
    /// The turns, oldest first.
    pub turns: Vec<Turn>,
    /// Where this page of the turns ended; none where it holds the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next_cursor: Option<Cursor>,
}

/// A value of a field and how often it occurs.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FacetRow {
    /// The value.
    pub value: String,
    /// In how many documents of the list it occurs.
    pub count: u64,
    /// When it last occurred.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_time: Option<Timestamp>,
    /// The number that it is ordered by.
    #[serde(skip)]
    pub number: Option<f64>,
}

/// Values of a field, in the order that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Facets {
    /// The values.
    pub items: Vec<FacetRow>,
    /// Number of all values. Where `truncated`, there are at least so many.
    pub total: u64,
    /// Whether a condition on steps or words was met by more than is looked at, or there are more values than are told apart
    /// (262,144, and about 256 MiB of them), so that not everything was counted.
    pub truncated: bool,
    /// Whether the time that a read may take was over before everything was counted.
    pub timed_out: bool,
}

/// Where the words that were asked for are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Highlight {
    /// The trace of the span.
    pub trace_id: TraceId,
    /// The span that brought the words in; of a trace or conversation the newest such span.
    pub span_id: SpanId,
    /// About 240 characters around the place where most of the words are. `…` where it was cut.
    pub snippet: String,
    /// Where in the snippet the words are: from and to, in UTF-16 code units as JavaScript counts them, in order and apart.
    pub ranges: Vec<[usize; 2]>,
}
