//! Judgements in the rows of traces, and in that of their conversation.

use neuraltrust_model::ScoreTarget::{Conversation, Span, Trace};
use neuraltrust_model::{ConversationId, Score, ScoreSource, ScoreTarget, SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::summary::{Arrived, TraceSpans, conversation_row, trace_row};
use neuraltrust_store::{FeedbackCounts, Totals, TraceRow};
use serde_json::{Value, json};

fn judged(target: ScoreTarget, id: impl Into<String>, name: impl Into<String>, verdict: Value) -> Score {
    Score { target, ..Score::new(id, name, verdict, ScoreSource::Api) }
}

fn conversation() -> ConversationId {
    ConversationId::new("c").unwrap()
}

/// The row of the `n`th trace of the conversation: a step at which these judgements are told.
fn row(n: i64, scores: Vec<Score>) -> TraceRow {
    let (at, id) = (Timestamp::from_nanos(1_700_000_000_000_000_000 + n), TraceId::new(format!("t{n}")).unwrap());
    let step = SpanPatch::new(id.clone(), SpanId::new("s").unwrap());
    let patch = SpanPatch { start: Some(at), conversation_id: Some(conversation()), scores, ..step };
    trace_row(&TraceSpans::merge(&id, [Arrived { received_at: at, patch, input: None, output: None }])).unwrap()
}

/// The names of what is judged, how often, and the means.
fn sums(totals: &Totals) -> Vec<(&str, u64, Option<f64>)> {
    totals.scores.iter().map(|of_name| (of_name.name.as_str(), of_name.count, of_name.mean)).collect()
}

#[test]
fn what_is_of_the_conversation_is_in_no_sum_of_a_trace_and_once_in_its_own() {
    let told = vec![
        judged(Span, "s", "quality", json!(1)),
        judged(Trace, "t", "quality", json!(2)),
        judged(Conversation, "c", "quality", json!(7)),
        judged(Conversation, "f", "feedback", json!("positive")),
    ];
    let first = row(1, told);
    assert_eq!(sums(&first.totals), [("quality", 2, Some(1.5))]);
    assert_eq!(first.totals.feedback, FeedbackCounts::default());
    assert_eq!(first.totals.verdicts["quality"], [json!(2)]);
    assert_eq!(first.conversation_verdicts["quality"], [json!(7)]);
    let told_again =
        vec![judged(Conversation, "c", "quality", json!(6)), judged(Conversation, "f", "feedback", json!("negative"))];
    let second = row(2, told_again);
    assert!(second.totals.scores.is_empty());
    let of_both = conversation_row(&conversation(), [&first, &second]).unwrap().totals;
    assert_eq!(sums(&of_both), [("feedback", 1, None), ("quality", 3, Some(3.0))]);
    assert_eq!(of_both.feedback, FeedbackCounts { negative: 1, ..FeedbackCounts::default() });
    assert_eq!(of_both.verdicts["quality"], [json!(6)]);
}

#[test]
fn more_names_than_a_row_shows_take_none_from_the_conversation() {
    let names = |totals: &Totals| totals.scores.iter().map(|of_name| of_name.name.clone()).collect::<Vec<_>>();
    let mut told: Vec<_> = (0..40).map(|n| judged(Span, format!("s{n}"), format!("step {n:02}"), json!(n))).collect();
    told.push(judged(Conversation, "c", "outcome", json!("resolved")));
    let trace = row(1, told);
    let mut expect: Vec<_> = (0..32).map(|n| format!("step {n:02}")).collect();
    assert_eq!(names(&trace.totals), expect);
    expect.insert(0, "outcome".to_owned());
    expect.pop();
    assert_eq!(names(&conversation_row(&conversation(), [&trace]).unwrap().totals), expect);

    // Of forty judgements of the conversation most have another name since.
    let first = row(1, (0..40).map(|n| judged(Conversation, n.to_string(), format!("name {n:02}"), json!(1))).collect());
    let second = row(2, (0..38).map(|n| judged(Conversation, n.to_string(), "again", json!(2))).collect());
    let totals = conversation_row(&conversation(), [&first, &second]).unwrap().totals;
    assert_eq!(sums(&totals), [("again", 38, Some(2.0)), ("name 38", 1, Some(1.0)), ("name 39", 1, Some(1.0))]);
}
