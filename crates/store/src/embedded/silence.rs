//! Marks spans whose end is not expected any more.
//!
//! A mark is a patch like any other, kept in the record, which says up to when the trace had been heard of: so the same mark
//! twice is one, and whatever is heard of the trace afterwards overrules it. Candidates come from the index, which holds the
//! few traces that have an open span apart; whether they are still open and silent is asked of the record.

use std::ops::{Bound, RangeInclusive};

use neuraltrust_model::{Source, SpanPatch, Timestamp, TraceId, Unfinished, UnfinishedReason};
use tantivy::collector::TopDocs;
use tantivy::collector::sort_key::SortByStaticFastValue;
use tantivy::query::{BooleanQuery, Occur, Query, RangeQuery};
use tantivy::schema::Value as _;
use tantivy::{Order, TantivyDocument, Term};

use super::index::{HEARD_AT, SearchIndex};
use super::{EmbeddedStore, aside};
use crate::summary::TraceSpans;
use crate::{ProjectId, StoreError};

/// Most traces that are looked at in one go.
const BATCH: usize = 1_000;
/// What the server calls itself as a source of patches.
const PROTOCOL: &str = "neuraltrust_server";

impl EmbeddedStore {
    /// Marks the open spans of traces that were last heard of outside of `alive`; returns how many spans were not marked
    /// before. Looks at a bounded number of traces: there may be more where it returns other than 0.
    pub(crate) async fn mark_unfinished(&self, alive: RangeInclusive<Timestamp>, now: Timestamp) -> Result<usize, StoreError> {
        let silent = alive.clone();
        let traces = self.search(move |index, _| candidates(index, &silent)).await?;
        let mut marked = 0;
        for (project, trace_id) in traces {
            let (record, silent) = (self.record.clone(), alive.clone());
            let trace = trace_id.clone();
            let marks = aside(move || Ok(marks(&record.trace(project, &trace)?, &silent))).await;
            let marks = match marks {
                // The others are marked all the same.
                Err(error @ StoreError::Damaged { .. }) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        trace_id = trace_id.as_str(),
                        "a trace cannot be read and its open steps are not marked"
                    );
                    continue;
                }
                marks => marks?,
            };
            if !marks.is_empty() {
                marked += self.append(project, marks, now).await?.new;
            }
        }
        Ok(marked)
    }
}

/// What marks the open spans of a trace; nothing where it was heard of since the index was made.
fn marks(trace: &TraceSpans, alive: &RangeInclusive<Timestamp>) -> Vec<SpanPatch> {
    if alive.contains(&trace.heard_at) {
        return Vec::new();
    }
    let unfinished = Unfinished { reason: UnfinishedReason::Silence, since: trace.heard_at };
    let open = trace.spans.iter().filter(|span| span.is_running());
    let mark = |span: &neuraltrust_model::Span| SpanPatch {
        unfinished: Some(unfinished),
        source: Some(Source { client: None, version: None, protocol: PROTOCOL.to_owned() }),
        ..SpanPatch::new(span.trace_id.clone(), span.span_id.clone())
    };
    open.map(mark).collect()
}

/// Open traces that were last heard of outside of `alive`, as far as the index knows, the longest silent first.
fn candidates(index: &SearchIndex, alive: &RangeInclusive<Timestamp>) -> Result<Vec<(ProjectId, TraceId)>, StoreError> {
    let term = |time: &Timestamp| Term::from_field_i64(index.fields.heard_at, time.as_nanos());
    let before = RangeQuery::new(Bound::Unbounded, Bound::Excluded(term(alive.start())));
    let after = RangeQuery::new(Bound::Excluded(term(alive.end())), Bound::Unbounded);
    let silent: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Should, Box::new(before)), (Occur::Should, Box::new(after))];
    let by_time = (SortByStaticFastValue::<i64>::for_field(HEARD_AT), Order::Asc);
    let searcher = index.reader.searcher();
    let found = searcher
        .search(&BooleanQuery::new(silent), &TopDocs::with_limit(BATCH).order_by(by_time))
        .map_err(StoreError::index("look for open traces"))?;
    let mut traces = Vec::with_capacity(found.len());
    for (_, at) in found {
        let document: TantivyDocument = searcher.doc(at).map_err(StoreError::index("read an open trace"))?;
        let text = document.get_first(index.fields.open).and_then(|value| value.as_str().map(ToOwned::to_owned));
        traces.extend(text.as_deref().map(read_key).transpose()?);
    }
    Ok(traces)
}

/// How the index names an open trace.
pub(super) fn key(project: ProjectId, trace_id: &TraceId) -> String {
    format!("{}/{trace_id}", project.get())
}

fn read_key(text: &str) -> Result<(ProjectId, TraceId), StoreError> {
    let broken = || StoreError::damaged("an open trace")(std::io::Error::other(text.to_owned()));
    let (project, trace_id) = text.split_once('/').ok_or_else(broken)?;
    let project = ProjectId(project.parse().map_err(StoreError::damaged("an open trace"))?);
    Ok((project, TraceId::new(trace_id).map_err(StoreError::damaged("an open trace"))?))
}
