//! Judgements of many spans, by their names.

use std::collections::BTreeMap;

use neuraltrust_model::{ConversationId, Score, ScoreTarget, Span, SpanId, TraceId};
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

/// The judgements of a trace and of its spans, also of those that have not come, by where they are kept.
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
        match &score.value {
            Value::Number(number) => {
                tally.numbers += 1;
                tally.sum += number.as_f64().unwrap_or_default();
            }
            Value::String(category) => {
                *tally.values.entry(category.chars().take(MAX_VALUE_CHARS).collect()).or_default() += 1;
            }
            Value::Bool(yes) => *tally.values.entry(yes.to_string()).or_default() += 1,
            Value::Null | Value::Array(_) | Value::Object(_) => {}
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

/// The verdicts on one target, by name.
pub(super) fn verdicts<'a>(scores: impl IntoIterator<Item = &'a Score>, target: ScoreTarget) -> BTreeMap<String, Vec<Value>> {
    let mut verdicts = BTreeMap::new();
    for score in scores.into_iter().filter(|score| score.target == target) {
        add_verdicts(&mut verdicts, &score.name, std::slice::from_ref(&score.value));
    }
    verdicts
}

/// Adds verdicts of one name, as far as there is room.
pub(super) fn add_verdicts(verdicts: &mut BTreeMap<String, Vec<Value>>, name: &str, values: &[Value]) {
    if verdicts.len() < MAX_NAMES || verdicts.contains_key(name) {
        let known: &mut Vec<Value> = verdicts.entry(name.to_owned()).or_default();
        known.extend(values.iter().filter(|value| !value.is_array() && !value.is_object()).cloned());
        known.truncate(MAX_VALUES);
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
