//! What came in about a span, message by message, and the context of a model call.

use neuraltrust_model::{Content, Message, Span, SpanId, TraceId};

use super::media::Show;
use super::record::Record;
use super::{EmbeddedStore, codec};
use crate::rows::PatchDetail;
use crate::said::Said;
use crate::summary::{self, Call, Context, TraceSpans};
use crate::{ProjectId, ShowMedia, StoreError};

/// Most earlier calls of a conversation that are looked at for where a message was said first; the last ones.
const CALLS: usize = 500;

fn messages(record: &Record, said: Option<&Said>, show: Show<'_>) -> Result<Vec<Message>, StoreError> {
    match said.map(|said| record.content(said.clone(), show)).transpose()? {
        Some(Content::Messages { messages }) => Ok(messages),
        _ => Ok(Vec::new()),
    }
}

/// NOTE: media are shown by addresses of one trace in all calls, so that what shows the same is the same.
fn call(record: &Record, trace: &TraceSpans, span: &Span, show: Show<'_>) -> Result<Call, StoreError> {
    Ok(Call {
        trace_id: span.trace_id.clone(),
        span_id: span.span_id.clone(),
        input: messages(record, trace.input(span), show)?,
        output: messages(record, trace.output(span), show)?,
    })
}

impl EmbeddedStore {
    pub(crate) async fn patches(
        &self,
        project: ProjectId,
        trace: TraceId,
        span: SpanId,
        media: ShowMedia,
    ) -> Result<Option<Vec<PatchDetail>>, StoreError> {
        self.read(move |record| {
            let Some(key) = record.find(project, &trace)? else { return Ok(None) };
            let mut arrived = record.patches(&key, Some(codec::span_key(&span)))?;
            arrived.retain(|arrived| arrived.patch.span_id == span);
            let mut patches = Vec::with_capacity(arrived.len());
            for arrived in arrived {
                let content = |said: Option<Said>| said.map(|said| record.content(said, Show::of(media, &trace))).transpose();
                let mut patch = arrived.patch;
                patch.trace_id = trace.clone();
                (patch.input, patch.output) = (content(arrived.input)?, content(arrived.output)?);
                patches.push(PatchDetail { received_at: arrived.received_at, patch });
            }
            Ok((!patches.is_empty()).then_some(patches))
        })
        .await
    }

    pub(crate) async fn context(
        &self,
        project: ProjectId,
        trace: TraceId,
        span: SpanId,
        media: ShowMedia,
    ) -> Result<Option<Context>, StoreError> {
        self.read(move |record| {
            let own = record.trace(project, &trace)?;
            let Some(this) = own.spans.iter().find(|known| known.span_id == span) else { return Ok(None) };
            let place = |span: &Span| (span.time(), span.trace_id.clone(), span.received_at, span.span_id.clone());
            let here = place(this);
            let show = Show::of(media, &trace);
            let traces = record.conversation(project, &own.conversation_id)?;
            let mut earlier: Vec<(&TraceSpans, &Span)> = traces
                .iter()
                .flat_map(|trace| trace.spans.iter().map(move |span| (trace, span)))
                // What is around a call says its words too, and is no call before it.
                .filter(|(trace, span)| trace.is_call(span) && place(span) < here)
                .collect();
            earlier.sort_by_cached_key(|(_, span)| place(span));
            let skipped = earlier.len().saturating_sub(CALLS);
            let calls = earlier.into_iter().skip(skipped).map(|(trace, span)| call(record, trace, span, show));
            let calls = calls.collect::<Result<Vec<_>, _>>()?;
            Ok(Some(summary::context(call(record, &own, this, show)?, &calls, skipped > 0)))
        })
        .await
    }
}
