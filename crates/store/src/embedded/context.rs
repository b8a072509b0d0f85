//! What came in about a span, message by message, and the context of a model call.

use std::time::{Duration, Instant};

use neuraltrust_model::{Content, Message, Span, SpanId, Timestamp, TraceId};

use super::media::Show;
use super::record::Record;
use super::{EmbeddedStore, codec, weight};
use crate::rows::PatchDetail;
use crate::said::Said;
use crate::summary::{Call, Context, Earlier, TraceSpans};
use crate::{ProjectId, ShowMedia, StoreError};

/// Most earlier calls of a conversation that are looked at for where a message was said first; the last ones.
const CALLS: usize = 500;
/// Most patches that are read to find them: those of the call's own trace, then those of the traces that came last before it.
const PATCHES: usize = 50_000;
/// Most bytes of contents that are read of them, about.
const BYTES: usize = 64 << 20;
/// Longest time that is taken for it.
const WITHIN: Duration = Duration::from_secs(5);

/// The moment of a span among those of its conversation.
type Place = (Timestamp, TraceId, Timestamp, SpanId);

fn place(span: &Span) -> Place {
    (span.time(), span.trace_id.clone(), span.received_at, span.span_id.clone())
}

/// A call before another one, with where its contents are.
struct Before {
    place: Place,
    input: Option<Said>,
    output: Option<Said>,
}

/// Adds the calls of a trace that were before that moment.
fn add(calls: &mut Vec<Before>, trace: &TraceSpans, here: &Place) {
    // What is around a call says its words too, and is no call before it.
    let earlier = trace.spans.iter().filter(|span| trace.is_call(span) && place(span) < *here);
    calls.extend(earlier.map(|span| Before {
        place: place(span),
        input: trace.input(span).cloned(),
        output: trace.output(span).cloned(),
    }));
}

/// NOTE: media are shown by addresses of one trace in all calls, so that what shows the same is the same.
fn messages(record: &Record, said: Option<Said>, show: Show<'_>) -> Result<Vec<Message>, StoreError> {
    match said.map(|said| record.content(said, show)).transpose()? {
        Some(Content::Messages { messages }) => Ok(messages),
        _ => Ok(Vec::new()),
    }
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
            let Some(key) = record.find(project, &trace)? else { return Ok(None) };
            let (show, begun) = (Show::of(media, &trace), Instant::now());
            let mut truncated = record.has_more_patches(&key, PATCHES)?;
            let own = match truncated {
                false => record.merge(&key, record.patches(&key, None)?)?,
                true => record.span(&key, &span)?,
            };
            let Some(this) = own.spans.iter().find(|known| known.span_id == span) else { return Ok(None) };
            let here = place(this);
            let mut earlier = Earlier::new(messages(record, own.input(this).cloned(), show)?);
            let (mut calls, mut left) = (Vec::new(), PATCHES.saturating_sub(own.spans.len()));
            add(&mut calls, &own, &here);
            for other in record.before(&key, &own.conversation_id)? {
                if begun.elapsed() > WITHIN || record.has_more_patches(&other, left)? {
                    truncated = true;
                    break;
                }
                let patches = match record.patches(&other, None) {
                    // The rest of the conversation can be read all the same.
                    Err(StoreError::Damaged { .. }) => {
                        truncated = true;
                        continue;
                    }
                    read => read?,
                };
                left = left.saturating_sub(patches.len());
                let trace = record.merge(&other, patches)?;
                if trace.conversation_id == own.conversation_id {
                    add(&mut calls, &trace, &here);
                }
            }
            calls.sort_by(|a, b| b.place.cmp(&a.place));
            truncated |= calls.len() > CALLS;
            let mut bytes = 0;
            for Before { place, input, output } in calls.into_iter().take(CALLS) {
                if begun.elapsed() > WITHIN || bytes > BYTES {
                    truncated = true;
                    break;
                }
                let (_, trace_id, _, span_id) = place;
                let call =
                    Call { trace_id, span_id, input: messages(record, input, show)?, output: messages(record, output, show)? };
                bytes += weight(&(&call.input, &call.output));
                earlier.hear(&call);
            }
            Ok(Some(earlier.context(truncated)))
        })
        .await
    }
}
