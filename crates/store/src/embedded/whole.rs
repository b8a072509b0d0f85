//! Many spans of a trace with their contents, for who writes all of them somewhere: a trace is merged once for them, and what is
//! in memory at a time is bounded.

use std::io;

use neuraltrust_model::{SpanId, TraceId};
use serde::Serialize;

use super::media::Show;
use super::{EmbeddedStore, READ_WHOLE};
use crate::rows::SpanDetail;
use crate::{ProjectId, ShowMedia, StoreError, summary};

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
    ) -> Result<(Vec<SpanDetail>, usize), StoreError> {
        self.read(move |record| {
            let Some(key) = record.find(project, &trace)? else { return Ok((Vec::new(), asked.len())) };
            let all = match record.has_more_patches(&key, READ_WHOLE)? {
                false => Some(record.merge(&key, record.patches(&key, None)?)?),
                true => None,
            };
            let (mut whole, mut bytes) = (Vec::new(), 0);
            for (n, id) in asked.iter().enumerate() {
                if bytes >= budget {
                    return Ok((whole, n));
                }
                let read = |said| record.content(said, Show::of(media, &trace));
                let span = match &all {
                    Some(all) => summary::span_detail(all, id, read)?,
                    None => summary::span_detail(&record.span(&key, id)?, id, read)?,
                };
                if let Some(span) = span {
                    bytes += weight(&span);
                    whole.push(span);
                }
            }
            Ok((whole, asked.len()))
        })
        .await
    }
}
