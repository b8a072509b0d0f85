//! Traces and conversations read for who compares them: all of them where that is little, and of what is more a part, which is
//! said.
//!
//! NOTE: what is compared is bounded by [`Most::COMPARED`] and [`SPANS`], whatever clients have sent.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use neuraltrust_model::{Content, ConversationId, TraceId};

use super::media::Show;
use super::record::Record;
use super::{EmbeddedStore, READ_WHOLE, lists, weight};
use crate::said::Said;
use crate::{
    ConversationRow, Cursor, Field, Filter, ListOf, ListQuery, Order, ProjectId, ShowMedia, StoreError, TraceDetail, TraceRow,
    Transcript, summary,
};

/// Most spans of a trace, the first ones.
const SPANS: usize = 10_000;
/// What was said on one page of a conversation, about, in bytes.
const PAGE_BYTES: usize = 64 << 20;
/// Traces of a page where all were asked for and are too many.
const PAGE: usize = 1_000;

/// How much of a conversation is read, about.
#[derive(Clone, Copy)]
struct Most {
    traces: usize,
    spans: usize,
    /// Of contents.
    bytes: usize,
    /// Whether the first trace is read however much it is.
    at_least_one: bool,
}

impl Most {
    const COMPARED: Self = Self { traces: 500, spans: 50_000, bytes: 32 << 20, at_least_one: false };

    /// A page of up to so many traces.
    const fn page(traces: usize, bytes: usize) -> Self {
        Self { traces, spans: usize::MAX, bytes, at_least_one: true }
    }
}

/// What was read of a conversation.
struct Read {
    turns: Transcript,
    /// Whether there is more of it.
    cut: bool,
}

/// Reads contents until they are too many: of the trace at which that happens, and of those behind it, nothing is to be shown.
struct Allowance {
    left: Cell<usize>,
    /// A trace that is read however much it is.
    whole: Option<TraceId>,
    spent_at: RefCell<Option<TraceId>>,
}

impl Allowance {
    fn new(bytes: usize, whole: Option<TraceId>) -> Self {
        Self { left: Cell::new(bytes), whole, spent_at: RefCell::default() }
    }

    fn read(&self, record: &Record, trace: &TraceId, said: Said, media: ShowMedia) -> Result<Content, StoreError> {
        if self.is_spent() {
            return Ok(Content::text(""));
        }
        let content = record.content(said, Show::of(media, trace))?;
        match self.left.get().checked_sub(weight(&content)) {
            Some(left) => self.left.set(left),
            None if self.whole.as_ref() == Some(trace) => self.left.set(0),
            None => *self.spent_at.borrow_mut() = Some(trace.clone()),
        }
        Ok(content)
    }

    fn is_spent(&self) -> bool {
        self.spent_at.borrow().is_some()
    }

    /// Takes away the turns that were not read to their end, and those behind them.
    fn cut(&self, turns: &mut Transcript) {
        let spent_at = self.spent_at.borrow();
        if let Some(at) = turns.turns.iter().position(|turn| Some(&turn.trace_id) == spent_at.as_ref()) {
            turns.turns.truncate(at);
        }
    }
}

/// All turns of a conversation; `None` where they are too many, or more was said than so many bytes.
fn at_once(
    record: &Record,
    project: ProjectId,
    id: &ConversationId,
    media: ShowMedia,
    bytes: usize,
) -> Result<Option<Option<Transcript>>, StoreError> {
    if record.has_more_traces(project, id, READ_WHOLE)? {
        return Ok(None);
    }
    let said = AtomicUsize::new(0);
    let traces = record.conversation(project, id)?;
    let transcript = summary::transcript_at_once(id, &traces, |trace, content| {
        if said.load(Ordering::Relaxed) > bytes {
            return Ok(Content::text(""));
        }
        let content = record.content(content, Show::of(media, trace))?;
        said.fetch_add(weight(&content), Ordering::Relaxed);
        Ok::<_, StoreError>(content)
    })?;
    Ok((said.into_inner() <= bytes).then_some(transcript))
}

impl EmbeddedStore {
    /// A conversation as the record knows it now; where it is long, its first page.
    pub(crate) async fn conversation(
        &self,
        project: ProjectId,
        id: ConversationId,
        media: ShowMedia,
    ) -> Result<Option<Transcript>, StoreError> {
        let asked = id.clone();
        let whole = self.read(move |record| at_once(record, project, &asked, media, PAGE_BYTES));
        match whole.await? {
            Some(found) => Ok(found),
            None => self.conversation_page(project, id, PAGE, None, media).await,
        }
    }

    pub(crate) async fn conversation_page(
        &self,
        project: ProjectId,
        id: ConversationId,
        limit: usize,
        cursor: Option<Cursor>,
        media: ShowMedia,
    ) -> Result<Option<Transcript>, StoreError> {
        self.page_within(project, id, limit, cursor, media, PAGE_BYTES).await
    }

    /// A page of as many traces as there is room for, one at the least.
    async fn page_within(
        &self,
        project: ProjectId,
        id: ConversationId,
        limit: usize,
        cursor: Option<Cursor>,
        media: ShowMedia,
        bytes: usize,
    ) -> Result<Option<Transcript>, StoreError> {
        match self.some_turns(project, id, Most::page(limit, bytes), cursor, media).await? {
            // It is not in the lists yet, and too long for one page.
            Some(Read { cut: true, turns: Transcript { next_cursor: None, .. } }) => Err(StoreError::IndexLags),
            read => Ok(read.map(|read| read.turns)),
        }
    }

    /// The first turns of a conversation, and whether there are more.
    pub(crate) async fn conversation_within(
        &self,
        project: ProjectId,
        id: ConversationId,
        media: ShowMedia,
    ) -> Result<Option<(Transcript, bool)>, StoreError> {
        Ok(self.some_turns(project, id, Most::COMPARED, None, media).await?.map(|read| (read.turns, read.cut)))
    }

    async fn some_turns(
        &self,
        project: ProjectId,
        id: ConversationId,
        most: Most,
        cursor: Option<Cursor>,
        media: ShowMedia,
    ) -> Result<Option<Read>, StoreError> {
        let record = Arc::clone(&self.record);
        self.search(move |index, budget| {
            let of_it = (Field::ConversationId, id.as_str());
            let row: Option<ConversationRow> = lists::one(index, &record, project, ListOf::Conversations, of_it, budget)?;
            let query =
                ListQuery { filter: Filter::equals(of_it.0, of_it.1), limit: most.traces, cursor, order: Order::OLDEST_FIRST };
            let (page, places) = lists::placed::<TraceRow>(index, &record, project, ListOf::Traces, &query, budget)?;
            let record = record.within(budget)?;
            let first = page.items.first().map(|row| row.trace_id.clone());
            let allowance = Allowance::new(most.bytes, first.filter(|_| most.at_least_one));
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
                    let (turns, fitting) = summary::turns_of(row, &traces, read, || allowance.is_spent())?;
                    let next_cursor = match fitting {
                        // The next page begins with the trace for which there was no room.
                        1.. if fitting < traces.len() => places.get(fitting - 1).copied(),
                        _ => page.next_cursor,
                    };
                    Some(Transcript { next_cursor, ..turns })
                }
                // What has just come is not in the lists yet.
                None if record.has_more_traces(project, &id, READ_WHOLE)? => return Err(StoreError::IndexLags),
                None => summary::transcript(&id, &record.conversation(project, &id)?, read)?,
            };
            Ok(found.map(|mut turns| {
                allowance.cut(&mut turns);
                let cut = allowance.is_spent() || turns.next_cursor.is_some() || spans > most.spans;
                Read { turns, cut }
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
        while all.progress().indexed < all.progress().recorded {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let read = |bytes| {
            let most = Most { bytes, ..Most::COMPARED };
            store.some_turns(project, ConversationId::new("c").unwrap(), most, None, ShowMedia::Inline)
        };
        let whole = read(usize::MAX).await.unwrap().unwrap();
        assert_eq!((whole.turns.turns.len(), whole.cut), (10, false));
        let part = read(35_000).await.unwrap().unwrap();
        assert_eq!((part.turns.turns.as_slice(), part.cut), (&whole.turns.turns[..3], true));
        let nothing = read(5_000).await.unwrap().unwrap();
        assert!(nothing.turns.turns.is_empty() && nothing.cut, "what is compared is never more than that");

        // A page ends where there is no more room, and the next begins there.
        let id = || ConversationId::new("c").unwrap();
        for (bytes, pages) in [(35_000, 4), (5_000, 10), (usize::MAX, 2)] {
            let (mut turns, mut cursor, mut read) = (Vec::new(), None, 0);
            loop {
                let page = store.page_within(project, id(), 8, cursor, ShowMedia::Inline, bytes).await.unwrap().unwrap();
                turns.extend(page.turns);
                read += 1;
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!((turns, read), (whole.turns.turns.clone(), pages), "{bytes}");
        }
        let at_once = |bytes| store.read(move |record| at_once(record, project, &id(), ShowMedia::Inline, bytes));
        assert!(at_once(35_000).await.unwrap().is_none(), "it is read in pages");
        assert_eq!(at_once(1 << 20).await.unwrap().unwrap().unwrap().turns, whole.turns.turns);
        all.close().await.unwrap();
    }
}
