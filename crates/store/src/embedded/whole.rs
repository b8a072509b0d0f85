//! Many spans of a trace with their contents, for who writes all of them somewhere: a trace is merged once for them, and what is
//! in memory at a time is bounded. What is known of spans that have not come goes with the first span of the trace.

use std::io;

use neuraltrust_model::{SpanId, TraceId};
use serde::Serialize;

use super::media::Show;
use super::{EmbeddedStore, READ_WHOLE};
use crate::rows::{SpanRow, WholeSpan};
use crate::{Field, Filter, ListOf, ListQuery, Order, Page, ProjectId, ShowMedia, StoreError, summary};

/// Counts bytes, and keeps none.
#[derive(Default)]
struct Weight(usize);

impl io::Write for Weight {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How many bytes something has as JSON.
pub(super) fn weight(value: &impl Serialize) -> usize {
    let mut weight = Weight::default();
    // What has been read from the record can be written as JSON.
    let _ = serde_json::to_writer(&mut weight, value);
    weight.0
}

impl EmbeddedStore {
    pub(crate) async fn whole_spans(
        &self,
        project: ProjectId,
        trace: TraceId,
        asked: Vec<SpanId>,
        media: ShowMedia,
        budget: usize,
    ) -> Result<(Vec<WholeSpan>, usize), StoreError> {
        let (of, ids) = (trace.clone(), asked.clone());
        let read = self.read(move |record| {
            let Some(key) = record.find(project, &of)? else { return Ok((Vec::new(), ids.len(), true)) };
            let all = match record.has_more_patches(&key, READ_WHOLE)? {
                false => Some(record.merge(&key, record.patches(&key, None)?)?),
                true => None,
            };
            let read = |said| record.content(said, Show::of(media, &of));
            let (mut whole, mut bytes, mut done) = (Vec::new(), 0, 0);
            for id in &ids {
                if bytes >= budget {
                    break;
                }
                let span = match &all {
                    Some(all) => summary::span_detail(all, id, read)?,
                    None => summary::span_detail(&record.span(&key, id)?, id, read)?,
                };
                if let Some(span) = span {
                    bytes += weight(&span);
                    whole.push(WholeSpan::Come(Box::new(span)));
                }
                done += 1;
            }
            if let Some(all) = &all
                && all.spans.first().is_some_and(|first| ids.iter().take(done).any(|id| *id == first.span_id))
            {
                whole.extend(summary::not_come(all, read)?);
            }
            Ok((whole, done, all.is_some()))
        });
        let (mut whole, done, was_merged) = read.await?;
        if !was_merged && self.are_with_first(project, &trace, asked.get(..done).unwrap_or_default()).await? {
            whole.extend(
                self.read(move |record| {
                    summary::not_come(&record.trace(project, &trace)?, |said| record.content(said, Show::of(media, &trace)))
                })
                .await?,
            );
        }
        Ok((whole, done))
    }

    /// Whether the first span of a trace that the lists show is among these.
    async fn are_with_first(&self, project: ProjectId, trace: &TraceId, spans: &[SpanId]) -> Result<bool, StoreError> {
        let filter = Filter::equals(Field::TraceId, trace.as_str());
        let query = ListQuery { filter, limit: 1, cursor: None, order: Order::OLDEST_FIRST };
        let page: Page<SpanRow> = self.list(project, ListOf::Spans, query).await?;
        Ok(page.items.first().is_some_and(|first| spans.contains(&first.span_id)))
    }
}
