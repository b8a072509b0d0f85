//! The rows of traces and conversations: sums and extremes over their spans.

use std::collections::BTreeSet;

use neuraltrust_model::{ConversationId, Kind, Score, ScoreTarget, SpanState, StatusCode, Usage, User};

use super::merge::TraceSpans;
use super::scores::{MAX_OF_CONVERSATION, Scores, feedback, last_told, place, verdicts};
use super::turns::{TurnSpans, turns};
use crate::rows::{ConversationRow, FeedbackCounts, Totals, TraceRow, short};

/// The row of a trace; `None` while none of its spans has come.
#[must_use]
pub fn trace_row(trace: &TraceSpans) -> Option<TraceRow> {
    let first = trace.spans.first()?;
    let turns = turns(trace);
    let words: Vec<_> = turns.iter().map(TurnSpans::words).collect();
    let mut user = None::<User>;
    let mut sessions = BTreeSet::new();
    let counts = Counts::of(trace);
    for span in &trace.spans {
        if let Some(known) = &span.user {
            user.get_or_insert_default().merge(known.clone());
        }
        if let Some(id) = &span.session_id
            && !sessions.contains(id)
        {
            sessions.insert(id.clone());
        }
    }
    let mut scores = Scores::default();
    let judged = last_told(trace.spans.iter().chain(&trace.unknown).flat_map(|span| &span.scores), |score| score);
    // Other traces may tell of the conversation as well: its own row counts what all of them do.
    let (of_conversation, judged): (Vec<&Score>, Vec<&Score>) =
        judged.into_iter().partition(|score| score.target == ScoreTarget::Conversation);
    let judged = || judged.iter().copied();
    judged().for_each(|score| scores.add(score));
    let start_time = first.time();
    let last_time = trace.spans.iter().flat_map(|span| [Some(span.time()), span.end]).flatten().max().unwrap_or(start_time);
    let said_ok = trace.spans.iter().any(|span| span.status.code == StatusCode::Ok);
    let root = place(trace).unwrap_or(first);
    Some(TraceRow {
        trace_id: first.trace_id.clone(),
        conversation_id: trace.conversation_id.clone(),
        name: root.name.clone(),
        status: match (counts.errors, said_ok) {
            (1.., _) => StatusCode::Error,
            (0, true) => StatusCode::Ok,
            (0, false) => StatusCode::Unset,
        },
        conversation_verdicts: verdicts(of_conversation.iter().copied(), ScoreTarget::Conversation),
        conversation_scores: without_reasons(&of_conversation),
        totals: Totals {
            user: user.as_ref().map(short),
            channel_id: trace.spans.iter().rev().find_map(|span| span.channel_id.clone()),
            session_ids: sessions.into_iter().collect(),
            first_words: words.iter().find_map(|[said, _]| (*said)?.preview()),
            last_words: words.iter().rev().find_map(|[_, answered]| (*answered)?.preview()),
            turns: turns.len() as u64,
            spans: trace.spans.len() as u64,
            errors: counts.errors,
            running: counts.running,
            open: counts.open,
            unfinished: counts.unfinished,
            start_time,
            last_time,
            heard_at: trace.heard_at,
            duration_ms: start_time.millis_until(last_time),
            dialogue_ms: turns.iter().filter_map(TurnSpans::nanos).reduce(i64::saturating_add).map(millis),
            input_words: words.iter().filter_map(|[said, _]| (*said)?.words()).reduce(u64::saturating_add),
            output_words: words.iter().filter_map(|[_, answered]| (*answered)?.words()).reduce(u64::saturating_add),
            model_calls: counts.model_calls,
            tool_calls: counts.tool_calls,
            usage: (!counts.usage.is_empty()).then_some(counts.usage),
            total_tokens: counts.usage.total(),
            cost: counts.cost,
            models: counts.models.into_iter().collect(),
            feedback: feedback(judged()),
            scores: scores.totals(),
            verdicts: verdicts(judged(), ScoreTarget::Trace),
        },
    })
}

/// What is counted over the spans of a trace.
#[derive(Default)]
struct Counts {
    errors: u64,
    running: bool,
    open: u64,
    unfinished: u64,
    model_calls: u64,
    tool_calls: u64,
    usage: Usage,
    cost: Option<f64>,
    models: BTreeSet<String>,
}

impl Counts {
    fn of(trace: &TraceSpans) -> Self {
        let mut counts = Self::default();
        let mut costs = Vec::new();
        for (n, span) in trace.spans.iter().enumerate() {
            counts.errors += u64::from(span.status.code == StatusCode::Error);
            match span.state() {
                SpanState::Running => {
                    counts.open += 1;
                    // A step that was never closed says nothing once what it is a step of has ended.
                    counts.running |= trace.tree.parent(n).is_none();
                }
                SpanState::Unfinished => counts.unfinished += 1,
                SpanState::Ended => {}
            }
            let is_call = trace.ledger.is_call(n);
            counts.model_calls += u64::from(is_call);
            counts.tool_calls += u64::from(span.kind == Some(Kind::Tool));
            let usage_counts = trace.ledger.usage(n).counts();
            if usage_counts {
                counts.usage = counts.usage.plus(span.usage.unwrap_or_default());
            }
            if trace.ledger.cost(n).counts() {
                costs.extend(span.cost);
            }
            if let Some(model) = span.model.as_ref().filter(|_| is_call || usage_counts)
                && !counts.models.contains(model)
            {
                counts.models.insert(model.clone());
            }
        }
        counts.cost = sum(costs);
        counts
    }
}

/// Durations are summed as whole numbers, so that their order does not matter.
fn millis(nanos: i64) -> f64 {
    nanos as f64 / NANOS_PER_MILLI
}

fn nanos(millis: f64) -> i64 {
    (millis * NANOS_PER_MILLI).round() as i64
}

const NANOS_PER_MILLI: f64 = 1e6;

/// The sum of costs, which is the same whatever their order: floats do not add up alike in any.
fn sum(mut costs: Vec<f64>) -> Option<f64> {
    costs.sort_by(f64::total_cmp);
    costs.into_iter().reduce(|total, more| total + more)
}

/// The judgements of the conversation, as far as its row needs them.
fn without_reasons(scores: &[&Score]) -> Vec<Score> {
    let last = scores.iter().skip(scores.len().saturating_sub(MAX_OF_CONVERSATION));
    last.map(|score| Score { comment: None, ..Score::clone(score) }).collect()
}

/// The row of a conversation from the rows of its traces; `None` without traces.
#[must_use]
pub fn conversation_row<'a>(id: &ConversationId, traces: impl IntoIterator<Item = &'a TraceRow>) -> Option<ConversationRow> {
    let mut traces: Vec<&TraceRow> = traces.into_iter().collect();
    traces.sort_by(|a, b| (a.totals.start_time, &a.trace_id).cmp(&(b.totals.start_time, &b.trace_id)));
    let all = || traces.iter().map(|trace| &trace.totals);
    let count = |of: &dyn Fn(&Totals) -> u64| all().map(of).sum::<u64>();
    let start_time = all().map(|totals| totals.start_time).min()?;
    let last_time = all().map(|totals| totals.last_time).max()?;
    let heard_at = all().map(|totals| totals.heard_at).max()?;
    let mut usage = Usage::default();
    let mut feedback = FeedbackCounts::default();
    let mut scores = Scores::default();
    for totals in all() {
        usage = usage.plus(totals.usage.unwrap_or_default());
        feedback.add(totals.feedback);
        totals.scores.iter().for_each(|of_name| scores.add_totals(of_name));
    }
    // What one trace says of the conversation another may have said before: no trace counts it.
    let of_conversation = last_told(traces.iter().flat_map(|trace| &trace.conversation_scores), |score| score);
    of_conversation.iter().for_each(|score| scores.add(score));
    feedback.add(self::feedback(of_conversation.iter().copied()));
    Some(ConversationRow {
        conversation_id: id.clone(),
        traces: traces.len() as u64,
        totals: Totals {
            user: all().rev().find_map(|totals| totals.user.clone()),
            channel_id: all().rev().find_map(|totals| totals.channel_id.clone()),
            session_ids: all().flat_map(|totals| totals.session_ids.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
            first_words: all().find_map(|totals| totals.first_words.clone()),
            last_words: all().rev().find_map(|totals| totals.last_words.clone()),
            turns: count(&|totals| totals.turns),
            spans: count(&|totals| totals.spans),
            errors: count(&|totals| totals.errors),
            running: all().any(|totals| totals.running),
            open: count(&|totals| totals.open),
            unfinished: count(&|totals| totals.unfinished),
            start_time,
            last_time,
            heard_at,
            duration_ms: start_time.millis_until(last_time),
            dialogue_ms: all().filter_map(|totals| totals.dialogue_ms).map(nanos).reduce(i64::saturating_add).map(millis),
            input_words: all().filter_map(|totals| totals.input_words).reduce(u64::saturating_add),
            output_words: all().filter_map(|totals| totals.output_words).reduce(u64::saturating_add),
            model_calls: count(&|totals| totals.model_calls),
            tool_calls: count(&|totals| totals.tool_calls),
            usage: (!usage.is_empty()).then_some(usage),
            total_tokens: usage.total(),
            cost: sum(all().filter_map(|totals| totals.cost).collect()),
            models: all().flat_map(|totals| totals.models.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
            feedback,
            scores: scores.totals(),
            verdicts: verdicts(of_conversation, ScoreTarget::Conversation),
        },
    })
}
