//! Judgements of many spans, by their names, and those of a whole that are told at several places.

use std::collections::{BTreeMap, HashMap};

use neuraltrust_model::{ConversationId, Score, ScoreTarget, Span, SpanId, SpanPatch, Timestamp, TraceId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::merge::TraceSpans;
use crate::rows::{FeedbackCounts, ScoreTotals, ScoreValue};

/// Most names of judgements in a row, the first by name.
const MAX_NAMES: usize = 32;
/// Most categories of one name in a row, the most frequent.
const MAX_VALUES: usize = 16;
/// Longest category in a row, in characters.
const MAX_VALUE_CHARS: usize = 64;
/// Most judgements of its conversation that the row of a trace knows, the last; those before them are not counted.
pub(super) const MAX_OF_CONVERSATION: usize = 4_096;

/// Judgements as they hold, in their order: of those of a trace or conversation that are told under one id, what was told last, as
/// where it is told again at one place; an API and an SDK tell it at places of their own. Those of spans are of other spans.
pub(super) fn last_told<T>(told: impl IntoIterator<Item = T>, score: fn(&T) -> &Score) -> Vec<T> {
    let told: Vec<T> = told.into_iter().collect();
    let holding = hold(told.iter().map(score));
    told.into_iter().zip(holding).filter_map(|(told, holds)| holds.then_some(told)).collect()
}

/// For each of these judgements whether it holds.
fn hold<'a>(scores: impl Iterator<Item = &'a Score> + Clone) -> Vec<bool> {
    let mut last: HashMap<(ScoreTarget, &str), (Option<Timestamp>, usize)> = HashMap::new();
    for (n, score) in scores.clone().enumerate() {
        let at = (score.time, n);
        let known = last.entry((score.target, score.id.as_str())).or_insert(at);
        *known = at.max(*known);
    }
    let holds = |(n, score): (usize, &'a Score)| {
        score.target.is_span() || last.get(&(score.target, score.id.as_str())).is_some_and(|(_, last)| *last == n)
    };
    scores.enumerate().map(holds).collect()
}

/// What is known of the judgements of one name.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    numbers: u64,
    sum: f64,
    values: BTreeMap<String, u64>,
}

/// A judgement, and where it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Scored {
    /// The trace.
    pub trace_id: TraceId,
    /// The span: the one that is judged, or the one at which the judgement of its trace or conversation is kept.
    pub span_id: SpanId,
    /// The conversation of the trace.
    pub conversation_id: ConversationId,
    /// The judgement.
    #[serde(flatten)]
    pub score: Score,
}

impl Scored {
    /// What takes the judgement back where it is kept; `author` is the member who does, where it is one.
    #[must_use]
    pub fn withdrawn_at(self, time: Timestamp, author: Option<String>) -> SpanPatch {
        let score = Score { author, ..self.score.withdrawn_at(time) };
        // Who judges a span did not send it, so that no source is told.
        SpanPatch { scores: vec![score], ..SpanPatch::new(self.trace_id, self.span_id) }
    }
}

/// Judgements as they hold: of those of a trace or conversation that are told at several places, what was told last.
pub(crate) fn holding(told: impl IntoIterator<Item = Scored>) -> Vec<Scored> {
    last_told(told, |told| &told.score)
}

/// The judgements of a trace and of its spans, also of those that have not come, by where they are told.
pub(crate) fn scored(trace: &TraceSpans) -> Vec<Scored> {
    let spans = trace.spans.iter().chain(&trace.unknown);
    let of_span = |span: &Span| {
        let (trace_id, span_id) = (span.trace_id.clone(), span.span_id.clone());
        let of = move |score: &Score| Scored {
            trace_id: trace_id.clone(),
            span_id: span_id.clone(),
            conversation_id: trace.conversation_id.clone(),
            score: score.clone(),
        };
        span.scores.iter().map(of).collect::<Vec<_>>()
    };
    spans.flat_map(of_span).collect()
}

/// The span at which judgements of a trace are kept: its first root, or the first span where every root is missing.
pub(crate) fn place(trace: &TraceSpans) -> Option<&Span> {
    trace.spans.iter().find(|span| span.parent_id.is_none()).or(trace.spans.first())
}

/// Judgements by their names, on their way into a row.
#[derive(Debug, Default)]
pub(super) struct Scores(BTreeMap<String, Tally>);

impl Scores {
    /// Adds one judgement.
    pub(super) fn add(&mut self, score: &Score) {
        let tally = self.0.entry(score.name.clone()).or_default();
        tally.count += 1;
        if let Some(number) = score.value.as_f64() {
            tally.numbers += 1;
            tally.sum += number;
        }
        if let Some(category) = category(&score.value) {
            *tally.values.entry(category).or_default() += 1;
        }
    }

    /// Adds what a row knows of the judgements of one name.
    pub(super) fn add_totals(&mut self, totals: &ScoreTotals) {
        let tally = self.0.entry(totals.name.clone()).or_default();
        tally.count += totals.count;
        tally.numbers += totals.numbers;
        tally.sum += totals.mean.unwrap_or_default() * totals.numbers as f64;
        for value in &totals.values {
            *tally.values.entry(value.value.clone()).or_default() += value.count;
        }
    }

    /// The judgements for a row.
    pub(super) fn totals(self) -> Vec<ScoreTotals> {
        let totals = |(name, tally): (String, Tally)| {
            let mut values: Vec<_> = tally.values.into_iter().map(|(value, count)| ScoreValue { value, count }).collect();
            // The sort is stable: of equal frequency the first by name stays first.
            values.sort_by_key(|value| std::cmp::Reverse(value.count));
            values.truncate(MAX_VALUES);
            let mean = (tally.numbers > 0).then(|| tally.sum / tally.numbers as f64);
            ScoreTotals { name, count: tally.count, numbers: tally.numbers, mean, values }
        };
        self.0.into_iter().take(MAX_NAMES).map(totals).collect()
    }
}

/// The verdict as a category, as short as a row shows it; `None` where it is none.
fn category(verdict: &Value) -> Option<String> {
    match verdict {
        Value::String(category) => Some(category.chars().take(MAX_VALUE_CHARS).collect()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The verdicts on one target, by name.
pub(super) fn verdicts<'a>(scores: impl IntoIterator<Item = &'a Score>, target: ScoreTarget) -> BTreeMap<String, Vec<Value>> {
    let mut verdicts = BTreeMap::new();
    for score in scores.into_iter().filter(|score| score.target == target) {
        add_verdict(&mut verdicts, &score.name, &score.value);
    }
    verdicts
}

/// Adds a verdict of a name, where there is room.
fn add_verdict(verdicts: &mut BTreeMap<String, Vec<Value>>, name: &str, value: &Value) {
    if verdicts.len() < MAX_NAMES || verdicts.contains_key(name) {
        let known: &mut Vec<Value> = verdicts.entry(name.to_owned()).or_default();
        if known.len() < MAX_VALUES && !value.is_array() && !value.is_object() {
            known.push(value.clone());
        }
    }
}

/// How often users approved and disapproved.
pub(super) fn feedback<'a>(scores: impl IntoIterator<Item = &'a Score>) -> FeedbackCounts {
    let mut counts = FeedbackCounts::default();
    for score in scores.into_iter().filter(|score| score.name == "feedback") {
        match score.value.as_str() {
            Some("positive") => counts.positive += 1,
            Some("negative") => counts.negative += 1,
            _ => counts.neutral += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use neuraltrust_model::ScoreSource;
    use serde_json::json;

    use super::*;

    fn score(name: &str, value: Value) -> Score {
        Score::new("", name, value, ScoreSource::Api)
    }

    #[test]
    fn numbers_have_a_mean_and_categories_a_count() {
        let mut scores = Scores::default();
        for value in [json!(1), json!(2.5), json!("good"), json!("bad"), json!("good"), json!(true), json!(null)] {
            scores.add(&score("quality", value));
        }
        let of_trace = scores.totals();
        let value = |value: &str, count| ScoreValue { value: value.to_owned(), count };
        let values = vec![value("good", 2), value("bad", 1), value("true", 1)];
        let expect = ScoreTotals { name: "quality".to_owned(), count: 7, numbers: 2, mean: Some(1.75), values };
        assert_eq!(of_trace, std::slice::from_ref(&expect));
        let mut of_two = Scores::default();
        of_two.add_totals(&expect);
        of_two.add(&score("quality", json!(5.5)));
        let of_two = of_two.totals().remove(0);
        assert_eq!((of_two.count, of_two.numbers, of_two.mean), (8, 3, Some(3.0)));
    }

    #[test]
    fn a_judgement_of_a_whole_holds_once_and_those_of_spans_are_all_different() {
        let told = |target, id: &str, value: i64, time: Option<i64>| Score {
            target,
            time: time.map(Timestamp::from_nanos),
            ..Score::new(id, "stars", json!(value), ScoreSource::Api)
        };
        let (span, trace, conversation) = (ScoreTarget::Span, ScoreTarget::Trace, ScoreTarget::Conversation);
        let all = [
            told(trace, "a", 1, Some(20)),
            told(trace, "a", 2, Some(10)),
            told(conversation, "a", 3, None),
            told(conversation, "a", 4, None),
            told(trace, "b", 5, Some(1)),
            told(span, "a", 6, Some(1)),
            told(span, "a", 7, Some(2)),
        ];
        let told = last_told(&all, |score| score);
        let values = |scores: &[&Score]| scores.iter().filter_map(|score| score.value.as_i64()).collect::<Vec<_>>();
        assert_eq!(values(&told), [1, 4, 5, 6, 7]);
    }

    #[test]
    fn a_flood_of_names_and_categories_is_bounded() {
        let mut scores = Scores::default();
        for n in 0..200 {
            scores.add(&score(&format!("name {n:03}"), json!(n)));
            scores.add(&score("name 000", json!(format!("{n} {}", "x".repeat(1_000)))));
        }
        let totals = scores.totals();
        assert_eq!((totals.len(), totals[0].values.len(), totals[0].count), (MAX_NAMES, MAX_VALUES, 201));
        assert!(totals[0].values.iter().all(|value| value.value.len() <= MAX_VALUE_CHARS));
    }
}
