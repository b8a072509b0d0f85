//! Traces and conversations read for who compares them: all of them where that is little, and of what is more a part, which is
//! said.
//!
//! NOTE: what is compared is bounded by [`Most::COMPARED`] and [`SPANS`], whatever clients have sent.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use neuraltrust_model::{Content, ConversationId, TraceId};

use super::media::Show;
use super::record::Record;
use super::{EmbeddedStore, READ_WHOLE, lists, weight};
use crate::said::Said;
use crate::{
    ConversationRow, Cursor, Field, Filter, ListOf, ListQuery, Order, Page, ProjectId, ShowMedia, StoreError, TraceDetail,
    TraceRow, Transcript, summary,
};

/// Most spans of a trace, the first ones.
const SPANS: usize = 10_000;

/// How much of a conversation is read, about.
#[derive(Clone, Copy)]
struct Most {
    traces: usize,
    spans: usize,
    /// Of contents.
    bytes: usize,
}

impl Most {
    const COMPARED: Self = Self { traces: 500, spans: 50_000, bytes: 32 << 20 };

    /// A page, whatever is on it.
    const fn page(traces: usize) -> Self {
        Self { traces, spans: usize::MAX, bytes: usize::MAX }
    }
}

/// Reads contents until they are too many: of the trace at which that happens, and of those behind it, nothing is to be shown.
struct Allowance {
    left: Cell<usize>,
    spent_at: RefCell<Option<TraceId>>,
}

impl Allowance {
    fn new(bytes: usize) -> Self {
        Self { left: Cell::new(bytes), spent_at: RefCell::default() }
    }

    fn read(&self, record: &Record, trace: &TraceId, said: Said, media: ShowMedia) -> Result<Content, StoreError> {
        if self.spent_at.borrow().is_some() {
            return Ok(Content::text(""));
        }
        let content = record.content(said, Show::of(media, trace))?;
        match self.left.get().checked_sub(weight(&content)) {
            Some(left) => self.left.set(left),
            None => *self.spent_at.borrow_mut() = Some(trace.clone()),
        }
        Ok(content)
    }

    /// Takes away the turns that were not read to their end; says whether there were any.
    fn cut(self, turns: &mut Transcript) -> bool {
        let Some(trace) = self.spent_at.into_inner() else { return false };
        if let Some(at) = turns.turns.iter().position(|turn| turn.trace_id == trace) {
            turns.turns.truncate(at);
        }
        true
    }
}

impl EmbeddedStore {
    pub(crate) async fn conversation_page(
        &self,
        project: ProjectId,
        id: ConversationId,
        limit: usize,
        cursor: Option<Cursor>,
        media: ShowMedia,
    ) -> Result<Option<Transcript>, StoreError> {
        Ok(self.some_turns(project, id, Most::page(limit), cursor, media).await?.map(|(turns, _)| turns))
    }

    /// The first turns of a conversation, and whether there are more.
    pub(crate) async fn conversation_within(
        &self,
        project: ProjectId,
        id: ConversationId,
        media: ShowMedia,
    ) -> Result<Option<(Transcript, bool)>, StoreError> {
        self.some_turns(project, id, Most::COMPARED, None, media).await
    }

    async fn some_turns(
        &self,
        project: ProjectId,
        id: ConversationId,
        most: Most,
        cursor: Option<Cursor>,
        media: ShowMedia,
    ) -> Result<Option<(Transcript, bool)>, StoreError> {
        let record = Arc::clone(&self.record);
        self.search(move |index, budget| {
            let of_it = (Field::ConversationId, id.as_str());
            let row: Option<ConversationRow> = lists::one(index, &record, project, ListOf::Conversations, of_it, budget)?;
            let query =
                ListQuery { filter: Filter::equals(of_it.0, of_it.1), limit: most.traces, cursor, order: Order::OLDEST_FIRST };
            let page: Page<TraceRow> = lists::list(index, &record, project, ListOf::Traces, &query, budget)?;
            let record = record.within(budget)?;
            let allowance = Allowance::new(most.bytes);
            let read = |trace: &TraceId, said| allowance.read(&record, trace, said, media);
            let mut spans = 0;
            let found = match row {
                Some(row) => {
                    let mut traces = Vec::with_capacity(page.items.len());
                    for listed in page.items {
                        if spans > most.spans {
                            break;
                        }
                        traces.push(record.trace(project, &listed.trace_id)?);
                        spans += traces.last().map_or(0, |trace| trace.spans.len());
                    }
                    let turns = summary::turns_of(row, &traces, read)?;
                    Some(Transcript { next_cursor: page.next_cursor, ..turns })
                }
                // What has just come is not in the lists yet.
                None if record.has_more_traces(project, &id, READ_WHOLE)? => return Err(StoreError::IndexLags),
                None => summary::transcript(&id, &record.conversation(project, &id)?, read)?,
            };
            Ok(found.map(|mut turns| {
                let cut = allowance.cut(&mut turns) || turns.next_cursor.is_some() || spans > most.spans;
                (turns, cut)
            }))
        })
        .await
    }

    /// A trace with its first spans, and whether there are more.
    pub(crate) async fn trace_within(
        &self,
        project: ProjectId,
        trace: TraceId,
    ) -> Result<Option<(TraceDetail, bool)>, StoreError> {
        let id = trace.clone();
        let few = self.read(move |record| match record.find(project, &id)? {
            Some(key) => Ok(!record.has_more_patches(&key, SPANS)?),
            None => Ok(true),
        });
        let found = match few.await? {
            true => self.trace(project, trace).await?,
            false => self.trace_page(project, trace, SPANS, None).await?,
        };
        Ok(found.map(|trace| {
            let more = trace.next_cursor.is_some();
            (trace, more)
        }))
    }
}

#[cfg(test)]
mod tests {
    use neuraltrust_model::{Kind, SpanId, SpanPatch, Timestamp};

    use super::*;
    use crate::Store;

    fn said(n: i64, bytes: usize) -> SpanPatch {
        let (trace, span) = (TraceId::new(format!("t{n}")), SpanId::new("s"));
        SpanPatch {
            kind: Some(Kind::Message),
            conversation_id: ConversationId::new("c").ok(),
            start: Some(Timestamp::from_nanos(1_700_000_000_000_000_000 + n)),
            input: Some(Content::text(format!("{n} {}", "x".repeat(bytes)))),
            ..SpanPatch::new(trace.unwrap(), span.unwrap())
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_conversation_of_more_bytes_than_is_allowed_is_cut_at_a_turn() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(dir.path()).unwrap());
        let project = store.accounts().project(ProjectId::DEFAULT_NAME).unwrap();
        let all = Store::Embedded(Arc::clone(&store));
        all.append(project, (0..10).map(|n| said(n, 10_000)).collect(), Timestamp::from_nanos(0)).await.unwrap();
        let read = |bytes| {
            let most = Most { bytes, ..Most::COMPARED };
            store.some_turns(project, ConversationId::new("c").unwrap(), most, None, ShowMedia::Inline)
        };
        let (whole, cut) = read(usize::MAX).await.unwrap().unwrap();
        assert_eq!((whole.turns.len(), cut), (10, false));
        let (part, cut) = read(35_000).await.unwrap().unwrap();
        assert_eq!((part.turns.as_slice(), cut), (&whole.turns[..3], true));
        all.close().await.unwrap();
    }
}
