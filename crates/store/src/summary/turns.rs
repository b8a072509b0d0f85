//! The turns of a trace: what the user said once, what was answered, and how that came about.

use std::collections::BTreeMap;

use neuraltrust_model::{Content, Kind, Score, Span, SpanState, StatusCode, Timestamp, TraceId};

use super::merge::TraceSpans;
use crate::rows::{CountReason, Turn};
use crate::said::Said;

/// What happened in one turn.
pub(super) struct TurnSpans<'a> {
    trace: &'a TraceSpans,
    /// The message that the turn is about.
    message: Option<&'a Span>,
    /// All steps, the message among them, by start; at least one.
    steps: Vec<(usize, &'a Span)>,
}

/// The turns of a trace: each message span that is under no other, with all that happened under it. Steps under no message
/// belong to the message that was running when they started; a trace without messages is one turn, unless it only repeats without
/// words what another trace tells of.
pub(super) fn turns(trace: &TraceSpans) -> Vec<TurnSpans<'_>> {
    let tops = topmost_messages(trace);
    // Spans are in order of start, and so are the messages among them.
    let messages: Vec<usize> = (0..trace.spans.len()).filter(|n| tops[*n] == Some(*n)).collect();
    let mut steps: BTreeMap<Option<usize>, Vec<(usize, &Span)>> = BTreeMap::new();
    for ((n, span), top) in trace.spans.iter().enumerate().zip(tops) {
        let begun = || messages.partition_point(|message| trace.spans[*message].time() <= span.time());
        let running = || messages.get(begun().saturating_sub(1)).copied();
        steps.entry(top.or_else(running)).or_default().push((n, span));
    }
    let message = |n: Option<usize>| n.and_then(|n| trace.spans.get(n));
    let turns = steps.into_iter().map(|(n, steps)| TurnSpans { trace, message: message(n), steps });
    turns.filter(|turn| !turn.only_repeats()).collect()
}

/// For each span the topmost message among itself and those above it.
fn topmost_messages(trace: &TraceSpans) -> Vec<Option<usize>> {
    let mut tops: Vec<Option<usize>> = vec![None; trace.spans.len()];
    for n in trace.tree.downwards() {
        let above = trace.tree.parent(n).and_then(|parent| tops[parent]);
        tops[n] = above.or_else(|| (trace.spans[n].kind == Some(Kind::Message)).then_some(n));
    }
    tops
}

impl<'a> TurnSpans<'a> {
    /// Whether it only tells of calls that another trace tells of too, and says nothing.
    fn only_repeats(&self) -> bool {
        let repeats = |n: usize| self.trace.ledger.usage(n) == CountReason::SameCallInAnotherTrace;
        self.steps.iter().all(|(n, _)| repeats(*n)) && self.words().iter().all(Option::is_none)
    }

    /// What the user said, and what was answered: the words of the message, and where it has none, those of the topmost steps
    /// that have any, the first of them for what was said and the last for what was answered.
    ///
    /// A message that runs has not answered yet, whatever its steps have.
    pub(super) fn words(&self) -> [Option<&'a Said>; 2] {
        let of = |span: &Span| [self.trace.input(span), self.trace.output(span)];
        if let Some(own) = self.message.map(of).filter(|own| own.iter().any(Option::is_some)) {
            return own;
        }
        let speakers = self.speakers();
        let input = speakers.iter().find_map(|span| self.trace.input(span));
        let output = speakers.iter().rev().find_map(|span| self.trace.output(span));
        [input, output.filter(|_| !self.message.is_some_and(Span::is_running))]
    }

    /// The topmost steps that speak for the turn. Those that talk go before those that only group or look something up.
    fn speakers(&self) -> Vec<&'a Span> {
        let rank = |span: &Span| match span.kind {
            Some(Kind::Message | Kind::Agent | Kind::Generation) => 0,
            Some(Kind::Chain) => 1,
            _ => 2,
        };
        // A look-up speaks only where nothing else does, however deep; a group gives way to what talks beside it.
        let place = |(n, span): (usize, &Span)| (rank(span) == 2, self.trace.tree.depth(n), rank(span));
        let says = |span: &Span| self.trace.input(span).is_some() || self.trace.output(span).is_some();
        let with_words = || self.steps.iter().copied().filter(|(_, span)| says(span));
        let Some(topmost) = with_words().map(place).min() else { return Vec::new() };
        with_words().filter(|step| place(*step) == topmost).map(|(_, span)| span).collect()
    }

    /// When it started and ended; no end while that has not come.
    fn times(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        let (_, first) = self.steps.first()?;
        let end = || self.steps.iter().filter_map(|(_, span)| span.end).max();
        Some(self.message.map_or_else(|| (first.time(), end()), |message| (message.time(), message.end)))
    }

    /// How long it took in nanoseconds; `None` where its end has not come, or lies before its start.
    pub(super) fn nanos(&self) -> Option<i64> {
        let (start, end) = self.times()?;
        end?.as_nanos().checked_sub(start.as_nanos()).filter(|nanos| *nanos >= 0)
    }

    fn state(&self) -> SpanState {
        if let Some(message) = self.message {
            return message.state();
        }
        let tops = || self.steps.iter().filter(|(n, _)| self.trace.tree.parent(*n).is_none()).map(|(_, span)| span.state());
        let any = |state| tops().any(|other| other == state);
        match (any(SpanState::Running), any(SpanState::Unfinished)) {
            (true, _) => SpanState::Running,
            (false, true) => SpanState::Unfinished,
            (false, false) => SpanState::Ended,
        }
    }

    /// The turn as a page shows it; `read` reads a content of a trace.
    fn show<E>(&self, read: &mut impl FnMut(&TraceId, Said) -> Result<Content, E>) -> Result<Option<Turn>, E> {
        let Some((_, first)) = self.steps.first() else { return Ok(None) };
        let message = self.message;
        let steps = || self.steps.iter().map(|(_, span)| *span);
        let Some((start_time, end_time)) = self.times() else { return Ok(None) };
        let failed = || steps().any(|span| span.status.code == StatusCode::Error);
        let [input, output] = self.words();
        let state = self.state();
        let mut read = |said| read(&first.trace_id, said);
        Ok(Some(Turn {
            trace_id: first.trace_id.clone(),
            span_id: message.map(|message| message.span_id.clone()),
            input: input.cloned().map(&mut read).transpose()?,
            output: output.cloned().map(&mut read).transpose()?,
            status: match message {
                Some(message) => message.status.code,
                None if failed() => StatusCode::Error,
                None => StatusCode::Unset,
            },
            state,
            running: state == SpanState::Running,
            start_time,
            end_time,
            duration_ms: end_time.and_then(|end| start_time.millis_until(end)),
            scores: message.map(|message| message.scores.clone()).unwrap_or_default(),
            spans: steps().map(|span| self.trace.row(span)).collect(),
        }))
    }
}

/// The turns of a trace as a page shows them; `read` reads a content of a trace.
pub(super) fn shown<E>(trace: &TraceSpans, read: &mut impl FnMut(&TraceId, Said) -> Result<Content, E>) -> Result<Vec<Turn>, E> {
    let mut shown = Vec::new();
    for turn in turns(trace) {
        shown.extend(turn.show(read)?);
    }
    // A verdict on a step that never came is shown at the first turn rather than lost.
    let lost: Vec<Score> = trace.unknown.iter().flat_map(|span| span.scores.clone()).collect();
    if let Some(turn) = shown.first_mut() {
        turn.scores.extend(lost);
    }
    Ok(shown)
}
