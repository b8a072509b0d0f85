//! What a page shows of one span, one trace, one conversation.

use std::collections::BTreeMap;

use neuraltrust_model::{Content, ConversationId, Span, SpanId, TraceId, User};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde_json::Value;

use super::merge::TraceSpans;
use super::totals::{conversation_row, trace_row};
use super::turns;
use crate::rows::{ConversationRow, SpanDetail, SpanRow, TraceDetail, TraceRow, Transcript, Turn, WholeSpan};
use crate::said::Said;

/// A trace with its spans; `None` while none of its spans has come.
#[must_use]
pub fn trace_detail(trace: &TraceSpans) -> Option<TraceDetail> {
    let spans = trace.spans.iter().map(|span| trace.row(span)).collect();
    Some(TraceDetail { trace: trace_row(trace)?, spans, next_cursor: None })
}

/// One span with everything known of it; `None` when it has not come. `read` reads a content.
///
/// # Errors
/// What `read` says.
pub fn span_detail<E>(
    trace: &TraceSpans,
    span_id: &SpanId,
    read: impl Fn(Said) -> Result<Content, E>,
) -> Result<Option<SpanDetail>, E> {
    let Some(span) = trace.spans.iter().find(|span| span.span_id == *span_id) else { return Ok(None) };
    detail(trace, span, [trace.input(span), trace.output(span)], read).map(Some)
}

/// What is known of the spans that have not come themselves. `read` reads a content.
///
/// # Errors
/// What `read` says.
pub(crate) fn not_come<E>(trace: &TraceSpans, read: impl Fn(Said) -> Result<Content, E>) -> Result<Vec<WholeSpan>, E> {
    let about = |(span, [input, output]): (&Span, &[Option<Said>; 2])| {
        let detail = detail(trace, span, [input.as_ref(), output.as_ref()], &read)?;
        Ok(WholeSpan::NotCome { named: span.name.is_some(), detail: Box::new(detail) })
    };
    trace.not_come().map(about).collect()
}

fn detail<E>(
    trace: &TraceSpans,
    span: &Span,
    said: [Option<&Said>; 2],
    read: impl Fn(Said) -> Result<Content, E>,
) -> Result<SpanDetail, E> {
    let [input, output] = said.map(|said| said.cloned().map(&read).transpose());
    let span = span.clone();
    Ok(SpanDetail {
        row: SpanRow { user: span.user.clone(), ..trace.row(&span) },
        input: input?,
        output: output?,
        attributes: span.attributes.into_iter().collect(),
        metadata: span.metadata.into_iter().collect(),
        custom: span.custom,
        events: span.events,
        links: span.links,
        scores: span.scores,
        source: span.source,
        warnings: span.warnings,
        received_at: span.received_at,
    })
}

/// A conversation with its turns; `None` without traces. `read` reads a content of a trace.
///
/// # Errors
/// What `read` says.
pub fn transcript<E>(
    id: &ConversationId,
    traces: &[TraceSpans],
    read: impl FnMut(&TraceId, Said) -> Result<Content, E>,
) -> Result<Option<Transcript>, E> {
    let Some(conversation) = conversation_of(id, traces) else { return Ok(None) };
    let (transcript, _) = turns_of(conversation, traces, read, || false)?;
    Ok(Some(transcript))
}

/// As [`transcript`]; contents are read on all cores, in any order, since somebody waits for them.
///
/// # Errors
/// What `read` says.
pub fn transcript_at_once<E: Send>(
    id: &ConversationId,
    traces: &[TraceSpans],
    read: impl Fn(&TraceId, Said) -> Result<Content, E> + Sync,
) -> Result<Option<Transcript>, E> {
    let Some(conversation) = conversation_of(id, traces) else { return Ok(None) };
    let shown = |trace| turns::shown(trace, &mut |trace: &TraceId, said| read(trace, said));
    let turns: Vec<Vec<Turn>> = traces.par_iter().map(shown).collect::<Result<_, E>>()?;
    Ok(Some(with_turns(conversation, traces, turns.into_iter().flatten().collect())))
}

fn conversation_of(id: &ConversationId, traces: &[TraceSpans]) -> Option<ConversationRow> {
    let rows: Vec<TraceRow> = traces.iter().filter_map(trace_row).collect();
    conversation_row(id, &rows)
}

/// A conversation with the turns of some of its traces, and how many these are: those before the first with which it `is_too_much`.
/// `read` reads a content of a trace; first those of the first.
///
/// # Errors
/// What `read` says.
pub fn turns_of<E>(
    conversation: ConversationRow,
    traces: &[TraceSpans],
    mut read: impl FnMut(&TraceId, Said) -> Result<Content, E>,
    is_too_much: impl Fn() -> bool,
) -> Result<(Transcript, usize), E> {
    let (mut turns, mut fitting) = (Vec::new(), 0);
    for trace in traces {
        let of_trace = turns::shown(trace, &mut read)?;
        if is_too_much() {
            break;
        }
        turns.extend(of_trace);
        fitting += 1;
    }
    let (traces, _) = traces.split_at(fitting);
    Ok((with_turns(conversation, traces, turns), fitting))
}

fn with_turns(conversation: ConversationRow, traces: &[TraceSpans], mut turns: Vec<Turn>) -> Transcript {
    turns.sort_by(|a, b| (a.start_time, &a.trace_id).cmp(&(b.start_time, &b.trace_id)));
    let mut spans: Vec<&Span> = traces.iter().flat_map(|trace| &trace.spans).collect();
    spans.sort_by_key(|span| span.time());
    let mut user = None::<User>;
    let mut metadata = BTreeMap::new();
    let mut custom = None::<&Value>;
    for span in spans {
        if let Some(known) = &span.user {
            user.get_or_insert_default().merge(known.clone());
        }
        metadata.extend(span.metadata.clone());
        custom = span.custom.as_ref().or(custom);
    }
    Transcript { conversation, user, metadata, custom: custom.cloned(), turns, next_cursor: None }
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
