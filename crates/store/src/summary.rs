//! From patches to what a page shows: merged spans, trace and conversation rows, turns.
//!
//! Pure, and always from the whole: nothing is incremented, so that duplicates, late patches and any order of arrival give
//! the same answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use neuraltrust_model::{
    Content, ConversationId, Kind, Score, Span, SpanId, SpanPatch, StatusCode, Timestamp, TraceId, Usage, User,
};

use crate::rows::{ConversationRow, FeedbackCounts, SpanDetail, SpanRow, Totals, TraceDetail, TraceRow, Transcript, Turn, short};
use crate::said::Said;

/// The spans of one trace, each the merge of its patches, by start.
#[derive(Debug, Clone)]
pub struct TraceSpans {
    /// The conversation of the trace.
    pub conversation_id: ConversationId,
    /// Every conversation that its patches ever named.
    pub named: BTreeSet<ConversationId>,
    /// The spans that have come.
    pub spans: Vec<Span>,
    /// What is known of spans that have not come, e.g. a score on one.
    pub unknown: Vec<Span>,
    /// Input and output of the spans, which themselves have none.
    said: HashMap<SpanId, [Option<Said>; 2]>,
}

/// A patch as it is read back: without its contents, which are beside it.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// When it came in.
    pub received_at: Timestamp,
    /// What it says otherwise.
    pub patch: SpanPatch,
    /// What it says of the input.
    pub input: Option<Said>,
    /// What it says of the output.
    pub output: Option<Said>,
}

impl TraceSpans {
    /// Merges the patches of one trace, given in order of arrival.
    #[must_use]
    pub fn merge(trace_id: &TraceId, patches: impl IntoIterator<Item = Arrived>) -> Self {
        let mut merged: HashMap<SpanId, (Timestamp, SpanPatch)> = HashMap::new();
        let mut said: HashMap<SpanId, [Option<Said>; 2]> = HashMap::new();
        let mut named = BTreeSet::new();
        let mut patches: Vec<_> = patches.into_iter().collect();
        // What clients tell in order may come in any; what does not say when it was told was told when it came.
        patches.sort_by_key(|arrived| arrived.patch.told.unwrap_or(arrived.received_at));
        for Arrived { received_at, patch, input, output } in patches {
            named.extend(patch.conversation_id.clone());
            let before = said.entry(patch.span_id.clone()).or_default();
            for (before, later) in before.iter_mut().zip([input, output]) {
                match (before.as_mut(), later) {
                    (_, None) => {}
                    (Some(before), Some(later)) => before.replace(later),
                    (None, later) => *before = later,
                }
            }
            match merged.get_mut(&patch.span_id) {
                Some((first, known)) => {
                    *first = received_at.min(*first);
                    known.apply(patch);
                }
                None => {
                    merged.insert(patch.span_id.clone(), (received_at, patch));
                }
            }
        }
        let (mut spans, unknown): (Vec<Span>, Vec<Span>) =
            merged.into_values().map(|(received_at, patch)| Span::new(patch, received_at)).partition(Span::is_known);
        for span in &mut spans {
            // Contents that came in fragments are in the patch, and count where nothing was said as a whole.
            let [input, output] = said.entry(span.span_id.clone()).or_default();
            for (said, fragments) in [(input, span.input.take()), (output, span.output.take())] {
                *said = said.take().or(fragments.map(Said::Here));
            }
        }
        spans.sort_by(|a, b| (a.time(), a.received_at, &a.span_id).cmp(&(b.time(), b.received_at, &b.span_id)));
        Self { conversation_id: conversation(trace_id, &spans), named, spans, unknown, said }
    }

    /// What went into a span.
    #[must_use]
    pub fn input(&self, span: &Span) -> Option<&Said> {
        self.said.get(&span.span_id)?[0].as_ref()
    }

    /// What came out of a span.
    #[must_use]
    pub fn output(&self, span: &Span) -> Option<&Said> {
        self.said.get(&span.span_id)?[1].as_ref()
    }

    /// The row of a span.
    #[must_use]
    pub fn row(&self, span: &Span) -> SpanRow {
        let preview = |said: Option<&Said>| said.and_then(Said::preview);
        SpanRow::new(span, &self.conversation_id, preview(self.input(span)), preview(self.output(span)))
    }
}

/// The conversation of a trace: what its first root names, else its first span that names one; a trace that names none is its
/// own conversation.
fn conversation(trace_id: &TraceId, spans: &[Span]) -> ConversationId {
    let named = |root: bool| {
        spans.iter().filter(move |span| span.parent_id.is_none() == root).find_map(|span| span.conversation_id.clone())
    };
    named(true).or_else(|| named(false)).unwrap_or_else(|| trace_id.clone().into())
}

/// The row of a trace; `None` while none of its spans has come.
#[must_use]
pub fn trace_row(trace: &TraceSpans) -> Option<TraceRow> {
    let first = trace.spans.first()?;
    let turns = turns(trace);
    let mut user = None::<User>;
    let mut sessions = BTreeSet::new();
    let mut models = BTreeSet::new();
    let mut usage = Usage::default();
    let mut cost = None;
    for span in &trace.spans {
        if let Some(known) = &span.user {
            user.get_or_insert_default().merge(known.clone());
        }
        sessions.extend(span.session_id.clone());
        if is_model_call(span) {
            models.extend(span.model.clone());
            usage = usage.plus(span.usage.unwrap_or_default());
            cost = sum(cost, span.cost);
        }
    }
    let start_time = trace.spans.iter().map(Span::time).min().unwrap_or(first.received_at);
    let last_time = trace.spans.iter().flat_map(|span| [Some(span.time()), span.end]).flatten().max().unwrap_or(start_time);
    let errors = trace.spans.iter().filter(|span| span.status.code == StatusCode::Error).count() as u64;
    let said_ok = trace.spans.iter().any(|span| span.status.code == StatusCode::Ok);
    let root = trace.spans.iter().find(|span| span.parent_id.is_none()).unwrap_or(first);
    Some(TraceRow {
        trace_id: first.trace_id.clone(),
        conversation_id: trace.conversation_id.clone(),
        name: root.name.clone(),
        status: match (errors, said_ok) {
            (1.., _) => StatusCode::Error,
            (0, true) => StatusCode::Ok,
            (0, false) => StatusCode::Unset,
        },
        totals: Totals {
            user: user.as_ref().map(short),
            channel_id: trace.spans.iter().rev().find_map(|span| span.channel_id.clone()),
            session_ids: sessions.into_iter().collect(),
            first_words: turns.iter().find_map(|turn| turn.input(trace)?.preview()),
            last_words: turns.iter().rev().find_map(|turn| turn.output(trace)?.preview()),
            turns: turns.len() as u64,
            spans: trace.spans.len() as u64,
            errors,
            // A step that was never closed says nothing once its root has ended.
            running: trace.spans.iter().any(|span| span.parent_id.is_none() && span.is_running()),
            start_time,
            last_time,
            duration_ms: start_time.millis_until(last_time),
            usage: (!usage.is_empty()).then_some(usage),
            cost,
            models: models.into_iter().collect(),
            feedback: feedback(trace),
        },
    })
}

/// Only model calls count towards tokens, cost and models: a parent that repeats the sum of its children does not.
fn is_model_call(span: &Span) -> bool {
    matches!(span.kind, Some(Kind::Generation | Kind::Embedding))
}

fn sum(total: Option<f64>, more: Option<f64>) -> Option<f64> {
    match (total, more) {
        (None, more) => more,
        (total, None) => total,
        (Some(total), Some(more)) => Some(total + more),
    }
}

fn feedback(trace: &TraceSpans) -> FeedbackCounts {
    let mut counts = FeedbackCounts::default();
    for score in trace.spans.iter().chain(&trace.unknown).flat_map(|span| &span.scores).filter(|score| score.name == "feedback") {
        match score.value.as_str() {
            Some("positive") => counts.positive += 1,
            Some("negative") => counts.negative += 1,
            _ => counts.neutral += 1,
        }
    }
    counts
}

/// The row of a conversation from the rows of its traces; `None` without traces.
#[must_use]
pub fn conversation_row<'a>(id: &ConversationId, traces: impl IntoIterator<Item = &'a TraceRow>) -> Option<ConversationRow> {
    let mut traces: Vec<&TraceRow> = traces.into_iter().collect();
    traces.sort_by(|a, b| (a.totals.start_time, &a.trace_id).cmp(&(b.totals.start_time, &b.trace_id)));
    let all = || traces.iter().map(|trace| &trace.totals);
    let start_time = all().map(|totals| totals.start_time).min()?;
    let last_time = all().map(|totals| totals.last_time).max()?;
    let mut usage = Usage::default();
    let mut feedback = FeedbackCounts::default();
    for totals in all() {
        usage = usage.plus(totals.usage.unwrap_or_default());
        feedback.positive += totals.feedback.positive;
        feedback.negative += totals.feedback.negative;
        feedback.neutral += totals.feedback.neutral;
    }
    let union = |values: &dyn Fn(&Totals) -> Vec<String>| all().flat_map(values).collect::<BTreeSet<_>>().into_iter().collect();
    Some(ConversationRow {
        conversation_id: id.clone(),
        traces: traces.len() as u64,
        totals: Totals {
            user: all().rev().find_map(|totals| totals.user.clone()),
            channel_id: all().rev().find_map(|totals| totals.channel_id.clone()),
            session_ids: all().flat_map(|totals| totals.session_ids.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
            first_words: all().find_map(|totals| totals.first_words.clone()),
            last_words: all().rev().find_map(|totals| totals.last_words.clone()),
            turns: all().map(|totals| totals.turns).sum(),
            spans: all().map(|totals| totals.spans).sum(),
            errors: all().map(|totals| totals.errors).sum(),
            running: all().any(|totals| totals.running),
            start_time,
            last_time,
            duration_ms: start_time.millis_until(last_time),
            usage: (!usage.is_empty()).then_some(usage),
            cost: all().fold(None, |total, totals| sum(total, totals.cost)),
            models: union(&|totals| totals.models.clone()),
            feedback,
        },
    })
}

/// What happened in one turn.
struct TurnSpans<'a> {
    /// The message that the turn is about.
    message: Option<&'a Span>,
    /// All steps, the message among them, by start; at least one.
    steps: Vec<&'a Span>,
}

/// The turns of a trace: each message span that is under no other, with all that happened under it. Steps under no message
/// belong to the message that was running when they started; a trace without messages is one turn.
fn turns(trace: &TraceSpans) -> Vec<TurnSpans<'_>> {
    let by_id: HashMap<&SpanId, usize> = trace.spans.iter().enumerate().map(|(n, span)| (&span.span_id, n)).collect();
    let tops = topmost_messages(&trace.spans, &by_id);
    let messages: Vec<usize> = (0..trace.spans.len()).filter(|n| tops[*n] == Some(*n)).collect();
    let mut steps: BTreeMap<Option<usize>, Vec<&Span>> = BTreeMap::new();
    for (span, top) in trace.spans.iter().zip(&tops) {
        // Spans are in order of start, and so are the messages among them.
        let running = || messages.iter().rev().find(|n| trace.spans[**n].time() <= span.time()).or(messages.first()).copied();
        steps.entry(top.or_else(running)).or_default().push(span);
    }
    let turn = |(message, steps): (Option<usize>, _)| TurnSpans { message: message.and_then(|n| trace.spans.get(n)), steps };
    steps.into_iter().map(turn).collect()
}

/// For each span the topmost message among itself and its ancestors. Parents that form a circle end the climb.
fn topmost_messages(spans: &[Span], by_id: &HashMap<&SpanId, usize>) -> Vec<Option<usize>> {
    let parent = |n: usize| spans[n].parent_id.as_ref().and_then(|id| by_id.get(id)).copied().filter(|p| *p != n);
    let mut tops: Vec<Option<Option<usize>>> = vec![None; spans.len()];
    for start in 0..spans.len() {
        let mut path = Vec::new();
        let mut on_path = BTreeSet::new();
        let mut at = Some(start);
        let mut top = None;
        while let Some(n) = at {
            if let Some(known) = tops[n] {
                top = known;
                break;
            }
            if !on_path.insert(n) {
                break;
            }
            path.push(n);
            at = parent(n);
        }
        for n in path.into_iter().rev() {
            if top.is_none() && spans[n].kind == Some(Kind::Message) {
                top = Some(n);
            }
            tops[n] = Some(top);
        }
    }
    tops.into_iter().map(Option::flatten).collect()
}

impl<'a> TurnSpans<'a> {
    fn input(&self, trace: &'a TraceSpans) -> Option<&'a Said> {
        self.message.into_iter().chain(speaker(trace, &self.steps)).find_map(|span| trace.input(span))
    }

    fn output(&self, trace: &'a TraceSpans) -> Option<&'a Said> {
        self.message.into_iter().chain(speaker(trace, &self.steps)).find_map(|span| trace.output(span))
    }

    /// The turn as a page shows it; `read` reads a content.
    fn show<E>(&self, trace: &'a TraceSpans, read: &mut impl FnMut(Said) -> Result<Content, E>) -> Result<Option<Turn>, E> {
        let Some(first) = self.steps.first() else { return Ok(None) };
        let (message, steps) = (self.message, &self.steps);
        let start_time = message.map_or_else(|| first.time(), Span::time);
        let end_time = message.map_or_else(|| steps.iter().filter_map(|span| span.end).max(), |message| message.end);
        let failed = || steps.iter().any(|span| span.status.code == StatusCode::Error);
        Ok(Some(Turn {
            trace_id: first.trace_id.clone(),
            span_id: message.map(|message| message.span_id.clone()),
            input: self.input(trace).cloned().map(&mut *read).transpose()?,
            output: self.output(trace).cloned().map(&mut *read).transpose()?,
            status: match message {
                Some(message) => message.status.code,
                None if failed() => StatusCode::Error,
                None => StatusCode::Unset,
            },
            running: message
                .map_or_else(|| steps.iter().any(|span| span.parent_id.is_none() && span.is_running()), Span::is_running),
            start_time,
            end_time,
            duration_ms: end_time.and_then(|end| start_time.millis_until(end)),
            scores: message.map(|message| message.scores.clone()).unwrap_or_default(),
            spans: steps.iter().map(|span| trace.row(span)).collect(),
        }))
    }
}

/// The step that speaks for a turn without a message, or with one that says nothing itself: the last generation or agent
/// that is under no other step, else the last generation at all, else the first step.
fn speaker<'a>(trace: &TraceSpans, steps: &[&'a Span]) -> Option<&'a Span> {
    let says = |span: &&Span| span.kind == Some(Kind::Message) && (trace.input(span).is_some() || trace.output(span).is_some());
    if steps.iter().any(says) {
        return None;
    }
    let speaks = |span: &&&Span| matches!(span.kind, Some(Kind::Generation | Kind::Agent | Kind::Chain));
    let root = steps.iter().rev().filter(|span| span.parent_id.is_none()).find(speaks);
    root.or_else(|| steps.iter().rev().find(speaks)).or(steps.first()).copied()
}

/// A trace with its spans; `None` while none of its spans has come.
#[must_use]
pub fn trace_detail(trace: &TraceSpans) -> Option<TraceDetail> {
    let spans = trace.spans.iter().map(|span| trace.row(span)).collect();
    Some(TraceDetail { trace: trace_row(trace)?, spans })
}

/// One span with everything known of it; `None` when it has not come. `read` reads a content.
///
/// # Errors
/// What `read` says.
pub fn span_detail<E>(
    trace: TraceSpans,
    span_id: &SpanId,
    read: impl Fn(Said) -> Result<Content, E>,
) -> Result<Option<SpanDetail>, E> {
    let Some(span) = trace.spans.iter().find(|span| span.span_id == *span_id) else { return Ok(None) };
    let span = span.clone();
    Ok(Some(SpanDetail {
        row: SpanRow { user: span.user.clone(), ..trace.row(&span) },
        input: trace.input(&span).cloned().map(&read).transpose()?,
        output: trace.output(&span).cloned().map(&read).transpose()?,
        attributes: span.attributes.into_iter().collect(),
        metadata: span.metadata.into_iter().collect(),
        custom: span.custom,
        events: span.events,
        links: span.links,
        scores: span.scores,
        source: span.source,
        warnings: span.warnings,
        received_at: span.received_at,
    }))
}

/// A conversation with its turns; `None` without traces. `read` reads a content.
///
/// # Errors
/// What `read` says.
pub fn transcript<E>(
    id: &ConversationId,
    traces: &[TraceSpans],
    mut read: impl FnMut(Said) -> Result<Content, E>,
) -> Result<Option<Transcript>, E> {
    let rows: Vec<TraceRow> = traces.iter().filter_map(trace_row).collect();
    let Some(conversation) = conversation_row(id, &rows) else { return Ok(None) };
    let mut turns = Vec::new();
    for trace in traces {
        turns.extend(turns_of(trace, &mut read)?);
    }
    turns.sort_by(|a, b| (a.start_time, &a.trace_id).cmp(&(b.start_time, &b.trace_id)));
    let mut spans: Vec<&Span> = traces.iter().flat_map(|trace| &trace.spans).collect();
    spans.sort_by_key(|span| span.time());
    let mut user = None::<User>;
    let mut metadata = BTreeMap::new();
    let mut custom = None;
    for span in spans {
        if let Some(known) = &span.user {
            user.get_or_insert_default().merge(known.clone());
        }
        metadata.extend(span.metadata.clone());
        custom = span.custom.clone().or(custom);
    }
    Ok(Some(Transcript { conversation, user, metadata, custom, turns }))
}

fn turns_of<E>(trace: &TraceSpans, read: &mut impl FnMut(Said) -> Result<Content, E>) -> Result<Vec<Turn>, E> {
    let mut shown = Vec::new();
    for turn in turns(trace) {
        shown.extend(turn.show(trace, read)?);
    }
    // A verdict on a step that never came is shown at the first turn rather than lost.
    let lost: Vec<Score> = trace.unknown.iter().flat_map(|span| span.scores.clone()).collect();
    if let Some(turn) = shown.first_mut() {
        turn.scores.extend(lost);
    }
    Ok(shown)
}

/// The words for the text index that a span brought in, at most about `limit` bytes. `fresh` reads what a content brought.
pub(crate) fn searchable_text<E>(
    trace: &TraceSpans,
    span: &Span,
    limit: usize,
    fresh: impl Fn(&Said) -> Result<Option<Content>, E>,
) -> Result<String, E> {
    let mut text = String::new();
    for said in [trace.input(span), trace.output(span)].into_iter().flatten() {
        if let Some(content) = fresh(said)? {
            text.push_str(&content.plain_text(limit));
            text.push('\n');
        }
    }
    text.extend(span.status.message.iter().map(String::as_str));
    Ok(text)
}
