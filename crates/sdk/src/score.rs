//! Judgements of steps, traces and conversations, which travel with the steps and never wait for the server.
//!
//! A judgement is a step of kind evaluation, below what it judges. That of a whole conversation is in a trace of its own, one for all
//! judgements of that conversation.

use neuraltrust_model::{Kind, attributes as names};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::ids::{SpanId, hash, printable};
use crate::span::{FeedbackTag, Sent, Step, StepOptions};
use crate::trace::{Trace, TraceOptions};

/// A judgement.
///
/// ```
/// use neuraltrust::{Client, Judged, Score, ScoreSource, TraceOptions};
/// # let client = Client::new(neuraltrust::testing::Recorder::default().options())?;
/// let message = client.trace(TraceOptions::default()).message("Where is my parcel?");
/// message.score(Score::new("grounded", true));
/// message.score(Score { comment: Some("One date is wrong.".to_owned()), ..Score::new("correctness", 0.8) });
/// // Later, from anywhere:
/// let thumb = Score { source: ScoreSource::User, ..Score::new("feedback", "positive") };
/// client.score(&Judged::Conversation("c-1".to_owned()), thumb);
/// # Ok::<(), neuraltrust::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// What is judged, e.g. `correctness`.
    pub name: String,
    /// The verdict.
    pub value: Verdict,
    /// The reasons.
    pub comment: Option<String>,
    /// Who judges.
    pub source: ScoreSource,
    /// An id of the judgement: a later one of the same id, of the same thing, replaces it. Without one, each is a judgement of its own.
    pub id: Option<String>,
}

impl Score {
    /// A judgement by a program with nothing more to say than that.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<Verdict>) -> Self {
        Self { name: name.into(), value: value.into(), comment: None, source: ScoreSource::default(), id: None }
    }

    /// The step that tells it.
    fn told(self, judged: &Judged) -> Sent {
        let Self { name, value, comment, source, id } = self;
        let own = id.as_deref().map(|id| judged.judgement_id(id));
        let said = [
            (names::SCORE_NAME, Some(name.clone().into())),
            (names::SCORE_VALUE, Some(value.into())),
            (names::SCORE_COMMENT, comment.filter(|comment| !comment.is_empty()).map(Value::from)),
            (names::SCORE_SOURCE, Some(source.as_str().into())),
            (names::SCORE_TARGET, Some(judged.target().into())),
            (names::SCORE_ID, id.map(Value::from)),
        ];
        let attributes: Map<String, Value> =
            said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        Sent { step: StepOptions { name: Some(name), id: own, attributes, ..StepOptions::default() }, ..Sent::default() }
    }
}

/// The verdict of a judgement.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// A number.
    Number(f64),
    /// A category, or other text.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

impl From<f64> for Verdict {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Verdict {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Verdict {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Verdict {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Verdict {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<FeedbackTag> for Verdict {
    fn from(tag: FeedbackTag) -> Self {
        Self::from(tag.as_str())
    }
}

impl From<Verdict> for Value {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            // JSON has no infinity: its name stands for it.
            Verdict::Number(number) => {
                serde_json::Number::from_f64(number).map_or_else(|| Self::String(number.to_string()), Self::Number)
            }
            Verdict::Text(text) => Self::String(text),
            Verdict::Flag(flag) => Self::Bool(flag),
        }
    }
}

/// Who judges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ScoreSource {
    /// The person who talks to the application.
    User,
    /// A program.
    #[default]
    Api,
    /// An evaluator.
    Evaluator,
}

impl ScoreSource {
    /// The name of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Api => "api",
            Self::Evaluator => "evaluator",
        }
    }
}

/// What is judged, by its ids, where the step itself is not at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// A step.
    Step {
        /// The id of its trace.
        trace_id: String,
        /// Its own id.
        id: String,
    },
    /// A trace.
    Trace(String),
    /// A conversation.
    Conversation(String),
}

impl Judged {
    /// The trace that holds the judgement: that of the step, the trace itself, or the one for all judgements of the conversation,
    /// the same in every process.
    #[must_use]
    pub fn trace_id(&self) -> String {
        match self {
            Self::Step { trace_id, .. } => trace_id.clone(),
            Self::Trace(id) => id.clone(),
            Self::Conversation(id) => format!("judgements-{}", hash(&printable(id))),
        }
    }

    /// The id of the step that tells a judgement with an id. The same judgement of the same thing, told again by any process and by the
    /// SDK for any language, is the same step, and counts once.
    #[must_use]
    pub fn judgement_id(&self, id: &str) -> String {
        let of = match self {
            // As the step itself says its id.
            Self::Step { id, .. } => SpanId::chosen(id).map(|id| id.text().into_owned()).unwrap_or_default(),
            Self::Trace(_) | Self::Conversation(_) => String::new(),
        };
        format!("score-{}", hash(&format!("{of}\n{id}")))
    }

    fn target(&self) -> &'static str {
        match self {
            Self::Step { .. } => "span",
            Self::Trace(_) => "trace",
            Self::Conversation(_) => "conversation",
        }
    }
}

impl Step {
    /// Judges the step.
    pub fn score(&self, score: Score) -> Self {
        let judged = Judged::Step { trace_id: self.trace_id(), id: self.id() };
        self.send(Kind::Evaluation, score.told(&judged))
    }
}

impl Trace {
    /// Judges the trace as a whole.
    pub fn score(&self, score: Score) -> Step {
        self.send(Kind::Evaluation, score.told(&Judged::Trace(self.id())))
    }
}

impl Client {
    /// Judges what was recorded before, here or elsewhere.
    pub fn score(&self, judged: &Judged, score: Score) -> Step {
        let trace_id = Some(judged.trace_id());
        let options = match judged {
            Judged::Step { id, .. } => TraceOptions { trace_id, parent_id: Some(id.clone()), ..TraceOptions::default() },
            Judged::Trace(_) => TraceOptions { trace_id, ..TraceOptions::default() },
            Judged::Conversation(id) => {
                TraceOptions { trace_id, sampled: Some(true), conversation_id: Some(id.clone()), ..TraceOptions::default() }
            }
        };
        self.trace(options).send(Kind::Evaluation, score.told(judged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Servers keep these ids for good, and `python/tests/test_score.py` expects the same ones.
    #[test]
    fn a_judgement_has_the_same_place_everywhere() {
        let step = Judged::Step { trace_id: "t".to_owned(), id: "00f067aa0ba902b7".to_owned() };
        let conversation = Judged::Conversation("c-1".to_owned());
        assert_eq!(step.trace_id(), "t");
        assert_eq!(step.judgement_id("mine"), "score-51628d9a47d3d9d3035ed987615c68b8");
        assert_eq!(Judged::Trace("t".to_owned()).judgement_id("mine"), "score-b1f7cef6bf83d94f70802939c3ccc5be");
        assert_eq!(conversation.trace_id(), "judgements-a68d6c71848b5822836dbc797c23f6b4");
        assert_eq!(conversation.judgement_id("mine"), "score-b1f7cef6bf83d94f70802939c3ccc5be");
    }

    #[test]
    fn an_id_that_the_server_would_refuse_is_the_one_that_its_step_has() {
        let step = |id: &str| Judged::Step { trace_id: "t".to_owned(), id: id.to_owned() }.judgement_id("mine");
        let long = "x".repeat(400);
        assert_eq!(step(&long), step(&printable(&long)));
        assert_ne!(step("a"), step("b"));
        let conversation = |id: &str| Judged::Conversation(id.to_owned()).trace_id();
        assert_eq!(conversation("a\nb"), conversation("a\u{fffd}b"));
    }
}
