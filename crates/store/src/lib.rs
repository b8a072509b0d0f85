//! The record, the index, and the queries over them.
//!
//! [`Store::append`] returns when the patches are on disk; everything else (the index, summaries, live subscribers) follows the
//! record and can be made from it again. Only [`Store::project`] can read, so that one project never sees another's data.
//! A store knows no wire format.

mod accounts;
mod aggregate;
mod changes;
mod compare;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod embedded;
mod error;
mod facets;
mod fields;
mod hits;
mod kept;
mod language;
mod media;
mod pattern;
mod prices;
mod query;
mod rows;
mod said;
mod stretches;
pub mod summary;

use std::ops::RangeInclusive;
use std::sync::Arc;

use neuraltrust_model::{ConversationId, SpanId, SpanPatch, Timestamp, TraceId};
use tokio::sync::broadcast;

pub use accounts::{Grant, KeyRow, Member, MemberRow, ProjectId, ProjectRow, Role, Scope, Secret};
pub use aggregate::{
    Aggregate, AggregateRow, Aggregated, Every, Group, GroupValue, MAX_GROUPS_BY, MAX_METRICS, MAX_ROWS, Measured, Metric,
    RELATIVE_ERROR, TruncatedBy,
};
pub use changes::{Change, Gathered, Rows};
pub use compare::{Aligned, Comparison, FieldPair, NumberPair, Pair, compare_conversations, compare_spans, compare_traces};
pub use embedded::{
    Accounts, Asked, DiskFiles, DiskUse, EmbeddedStore, ErasedTrace, Erasure, ErasureRow, NewQuarantined, ProjectDiskUse,
    Quarantine, QuarantineTotals, Quarantined, Retention,
};
pub use error::StoreError;
pub use facets::{FacetOrder, FacetPlace, FacetQuery, FacetsBy};
pub use fields::{Field, FieldType, FilterError, Key, Root, Value};
pub use hits::{Hit, Hits, Place, SaidIn, Search};
pub use kept::{Kept, KeptList};
pub use language::{QueryError, Typed, Typing, moment, written};
pub use media::{MediaId, Medium, NoMediaId, ShowMedia};
pub use pattern::Pattern;
pub use prices::{CostPart, CostSource, MAX_PRICES, NoCost, Price, PriceTable, Priced, Prices, TokensOf, price_table};
pub use query::{Cursor, Filter, ListOf, ListQuery, Order, OrderBy, Page, Test, Words};
pub use rows::{
    ConversationRow, CountReason, FacetRow, Facets, FeedbackCounts, Highlight, PatchDetail, ScoreTotals, ScoreValue, SpanDetail,
    SpanRow, Totals, TraceDetail, TraceRow, Transcript, Turn, WholeSpan,
};
pub use said::{Apart, Form, Said};
pub use stretches::Zone;
pub use summary::{Context, ContextMessage, Continues, SaidAt, Scored, Side, SpanExplained, TraceExplained};

/// What became of a batch of patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Patches that were not known yet.
    pub new: usize,
    /// Patches that had come before, which change nothing.
    pub duplicates: usize,
    /// Patches that are too large, and not kept.
    pub refused: Vec<TooLarge>,
}

/// A patch over [`MAX_SPAN_BYTES`](neuraltrust_model::limits::MAX_SPAN_BYTES). Tell the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the span {span_id} has {bytes} bytes; a span may have up to {}", neuraltrust_model::limits::MAX_SPAN_BYTES)]
pub struct TooLarge {
    /// The span.
    pub span_id: SpanId,
    /// Its size before compression.
    pub bytes: usize,
}

/// How far the lists are behind the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The last patch on disk.
    pub recorded: u64,
    /// The last patch in the lists.
    pub indexed: u64,
}

/// A store: where conversations are kept.
#[derive(Debug, Clone)]
pub enum Store {
    /// SQLite and Tantivy in this process.
    Embedded(Arc<EmbeddedStore>),
}

impl Store {
    /// Keeps patches of a project. When it returns, they survive a crash and can be read by id.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`] and [`StoreError::Stopped`] when nothing can be kept now; then none of the patches is kept.
    pub async fn append(
        &self,
        project: ProjectId,
        patches: Vec<SpanPatch>,
        received_at: Timestamp,
    ) -> Result<Appended, StoreError> {
        match self {
            Self::Embedded(store) => store.append(project, patches, received_at).await,
        }
    }

    /// Marks as unfinished every span that has begun and not ended, of a trace that was last heard of outside of `alive`;
    /// returns how many were not marked before. A bounded number of traces is looked at: ask again where it is not 0. What is
    /// heard of a trace afterwards, an end above all, overrules the mark.
    ///
    /// # Errors
    /// When the index or the record cannot be read, and as [`Store::append`].
    pub async fn mark_unfinished(&self, alive: RangeInclusive<Timestamp>, now: Timestamp) -> Result<usize, StoreError> {
        match self {
            Self::Embedded(store) => store.mark_unfinished(alive, now).await,
        }
    }

    /// Projects and what opens them.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        match self {
            Self::Embedded(store) => store.accounts(),
        }
    }

    /// The data of one project.
    #[must_use]
    pub fn project(&self, id: ProjectId) -> ProjectStore {
        ProjectStore { store: self.clone(), id, media: ShowMedia::Inline, member: None }
    }

    /// Changes of the lists of all projects, as they become visible.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Arc<Change>> {
        match self {
            Self::Embedded(store) => store.changes(),
        }
    }

    /// How far the lists are behind the record.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match self {
            Self::Embedded(store) => store.progress(),
        }
    }

    /// Whether patches can be kept and lists follow; the text says what is wrong.
    ///
    /// # Errors
    /// What is wrong.
    pub fn health(&self) -> Result<(), String> {
        match self {
            Self::Embedded(store) => store.health(),
        }
    }

    /// Whether something has ended that must not, so that nothing can be kept any more: end the process.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        match self {
            Self::Embedded(store) => store.has_stopped(),
        }
    }

    /// Has what lists, searches and aggregates are answered from made anew from the record. Reads by id go on;
    /// [`Store::progress`] tells how far it is.
    pub fn make_index_anew(&self) {
        match self {
            Self::Embedded(store) => store.make_index_anew(),
        }
    }

    /// What takes up the disk.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn disk_use(&self) -> Result<DiskUse, StoreError> {
        match self {
            Self::Embedded(store) => store.disk_use().await,
        }
    }

    /// What takes up the disk, as far as its files tell it: cheap enough to be asked for often.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn disk_files(&self) -> Result<DiskFiles, StoreError> {
        match self {
            Self::Embedded(store) => store.disk_files().await,
        }
    }

    /// How many erasures of all projects are not done yet.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn open_erasures(&self) -> Result<u64, StoreError> {
        match self {
            Self::Embedded(store) => store.open_erasures().await,
        }
    }

    /// Puts everything on disk and ends the work behind the store. What comes later is refused.
    ///
    /// # Errors
    /// What could not be put on disk; the record is complete all the same.
    pub async fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Embedded(store) => store.close().await,
        }
    }
}

/// The data of one project.
#[derive(Debug, Clone)]
pub struct ProjectStore {
    store: Store,
    id: ProjectId,
    media: ShowMedia,
    member: Option<String>,
}

impl ProjectStore {
    /// The same data, whose contents show their media so; without this they are shown as they came in.
    #[must_use]
    pub const fn showing(mut self, media: ShowMedia) -> Self {
        self.media = media;
        self
    }

    /// The same data; what is changed of it says that this member did so, where such names are kept.
    #[must_use]
    pub fn told_by(mut self, member: Option<String>) -> Self {
        self.member = member;
        self
    }

    /// A trace with the rows of its spans; `None` when nothing of it has come.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn trace(&self, trace: TraceId) -> Result<Option<TraceDetail>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.trace(self.id, trace).await,
        }
    }

    /// A trace with one page of its spans by their start, as the lists know it: the way to read one that is too large to be read
    /// whole.
    ///
    /// # Errors
    /// [`StoreError::IndexLags`] where a large trace is not in the lists yet; when the index cannot be read.
    pub async fn trace_page(
        &self,
        trace: TraceId,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Option<TraceDetail>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.trace_page(self.id, trace, limit, cursor).await,
        }
    }

    /// A span with its content; `None` when it has not come.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn span(&self, trace: TraceId, span: SpanId) -> Result<Option<SpanDetail>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.span(self.id, trace, span, self.media).await,
        }
    }

    /// Spans of a trace with their contents, in the order in which they are asked for; those that are not there any more are left
    /// out, and with the first span of the trace comes what is known of those that have not come themselves. Where they take more
    /// than about `budget` bytes only the first are read, one at the least: the number says how many of those that were asked for.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn whole_spans(
        &self,
        trace: TraceId,
        spans: Vec<SpanId>,
        budget: usize,
    ) -> Result<(Vec<WholeSpan>, usize), StoreError> {
        match &self.store {
            Store::Embedded(store) => store.whole_spans(self.id, trace, spans, self.media, budget).await,
        }
    }

    /// What messages said of a span, each by itself in order of arrival; `None` when nothing about it has come.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn patches(&self, trace: TraceId, span: SpanId) -> Result<Option<Vec<PatchDetail>>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.patches(self.id, trace, span, self.media).await,
        }
    }

    /// Which messages of a model call are new, and where the others had been said before in its conversation; `None` when the
    /// span has not come.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn context(&self, trace: TraceId, span: SpanId) -> Result<Option<Context>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.context(self.id, trace, span, self.media).await,
        }
    }

    /// A medium that is kept with a trace or its conversation; `None` where there is none of that name.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn medium(&self, trace: TraceId, id: MediaId) -> Result<Option<Medium>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.medium(self.id, trace, id).await,
        }
    }

    /// The piece of that number of a medium, counted from 0; `None` where it has no such piece, or has gone meanwhile.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn piece(&self, medium: &Medium, number: usize) -> Result<Option<Vec<u8>>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.piece(medium, number).await,
        }
    }

    /// A conversation with its turns; `None` when nothing of it has come.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn conversation(&self, conversation: ConversationId) -> Result<Option<Transcript>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.conversation(self.id, conversation, self.media).await,
        }
    }

    /// A conversation with the turns of one page of its traces by their start, as the lists know them: the way to read one that
    /// is too long to be read whole. User, metadata and custom data are what the traces of the page say.
    ///
    /// # Errors
    /// [`StoreError::IndexLags`] where a long conversation is not in the lists yet; when the index or the record cannot be read.
    pub async fn conversation_page(
        &self,
        conversation: ConversationId,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Option<Transcript>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.conversation_page(self.id, conversation, limit, cursor, self.media).await,
        }
    }

    /// A conversation for who compares it: with its first turns, as far as they are no more than can be read at once, and whether
    /// there are more.
    ///
    /// # Errors
    /// As [`ProjectStore::conversation_page`].
    pub async fn conversation_within(&self, conversation: ConversationId) -> Result<Option<(Transcript, bool)>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.conversation_within(self.id, conversation, self.media).await,
        }
    }

    /// A trace for who compares it: with its first spans, as far as they are no more than can be read at once, and whether there
    /// are more.
    ///
    /// # Errors
    /// As [`ProjectStore::trace_page`].
    pub async fn trace_within(&self, trace: TraceId) -> Result<Option<(TraceDetail, bool)>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.trace_within(self.id, trace).await,
        }
    }

    /// Conversations, the last active first where nothing else is asked for.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn conversations(&self, query: ListQuery) -> Result<Page<ConversationRow>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.list(self.id, ListOf::Conversations, query).await,
        }
    }

    /// Traces, newest first where nothing else is asked for.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn traces(&self, query: ListQuery) -> Result<Page<TraceRow>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.list(self.id, ListOf::Traces, query).await,
        }
    }

    /// Spans, newest first where nothing else is asked for.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn spans(&self, query: ListQuery) -> Result<Page<SpanRow>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.list(self.id, ListOf::Spans, query).await,
        }
    }

    /// The values of a field, or at a path, over a list, the most frequent first.
    ///
    /// # Errors
    /// [`StoreError::Filter`] when the list has no such values, and when the index cannot be read.
    pub async fn facets(&self, of: ListOf, key: Key, filter: Filter, limit: usize) -> Result<Facets, StoreError> {
        self.values(FacetQuery { of, key, filter, order: FacetOrder::default(), behind: None, limit }).await
    }

    /// The values of a field, or at a path, over a list, in an order.
    ///
    /// # Errors
    /// As [`ProjectStore::facets`], and when the list does not have what the values are ordered by.
    pub async fn values(&self, query: FacetQuery) -> Result<Facets, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.values(self.id, query).await,
        }
    }

    /// The paths below a root that begin so and that spans of the project have, each with the number of those spans, at most
    /// `limit` in order.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn paths(&self, root: Root, begun: String, limit: usize) -> Result<Vec<(String, u64)>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.paths(self.id, root, begun, limit).await,
        }
    }

    /// The messages that have words, each once, and where they were said.
    ///
    /// # Errors
    /// [`StoreError::Cursor`], and when the index or the record cannot be read.
    pub async fn hits(&self, query: Search) -> Result<Hits, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.hits(self.id, query).await,
        }
    }

    /// What has changed since the patch `seq`, for who knows of everything up to there: the [`Change::seq`] of the last change that
    /// it was told of. `None` where that cannot be told any more: everything is to be read again. What has not changed may be
    /// named too.
    ///
    /// # Errors
    /// When the record or the index cannot be read.
    pub async fn changes_since(&self, seq: u64) -> Result<Option<Change>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.changes_since(self.id, seq).await,
        }
    }

    /// The rows of what has changed that pass a filter, as the lists show them now; `None` where too much has changed to look it up.
    ///
    /// # Errors
    /// As a list, and when the index cannot be read.
    pub async fn changed_rows(&self, of: ListOf, change: Arc<Change>, filter: Filter) -> Result<Option<Rows>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.changed_rows(self.id, of, change, filter).await,
        }
    }

    /// Groups of a list, and what is measured in them.
    ///
    /// # Errors
    /// [`StoreError::Filter`] when the list cannot be grouped or measured like that, and when the index cannot be read.
    pub async fn aggregate(&self, query: Aggregate) -> Result<Aggregated, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.aggregate(self.id, query).await,
        }
    }

    /// Begins to erase; what is answered says which traces, and the same erasure later what was there of them. Where nothing
    /// is found the erasure is done at once.
    /// NOTE: what comes after the call is kept, also of an erased trace.
    ///
    /// # Errors
    /// [`StoreError::IndexLags`] where the traces cannot be found now, and what the record says.
    pub async fn erase(&self, asked: Asked) -> Result<Erasure, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.erase(self.id, asked, self.member.clone()).await,
        }
    }

    /// The erasures of the project, the newest first, at most `limit`; where `before` is given only older ones than the
    /// erasure of that number.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn erasures(&self, before: Option<i64>, limit: usize) -> Result<Vec<ErasureRow>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.erasures(self.id, before.unwrap_or(i64::MAX), limit).await,
        }
    }

    /// An erasure by its number; `None` where the project has none of that number.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn erasure(&self, id: i64) -> Result<Option<Erasure>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.erasure(self.id, id).await,
        }
    }

    /// Where every figure of tokens and cost of a trace is from, and what was not counted; `None` when nothing of it has come.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn explain(&self, trace: TraceId) -> Result<Option<TraceExplained>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.explain(self.id, trace).await,
        }
    }

    /// As [`ProjectStore::explain`], of every trace of a conversation; empty when nothing of it has come.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn explain_conversation(&self, conversation: ConversationId) -> Result<Vec<TraceExplained>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.explain_conversation(self.id, conversation).await,
        }
    }

    /// The judgements of a trace and of its spans; empty when nothing of it has come. Of those of a trace or conversation that are told at
    /// several places under one id, what was told last.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn scores(&self, trace: TraceId) -> Result<Vec<Scored>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.scores(self.id, trace).await,
        }
    }

    /// As [`ProjectStore::scores`], of all traces of a conversation.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn scores_of_conversation(&self, conversation: ConversationId) -> Result<Vec<Scored>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.scores_of_conversation(self.id, conversation).await,
        }
    }

    /// Every place at which a judgement under an id is told that a trace has: those in whose place others hold, and those of its
    /// conversation in other traces, included.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn told_scores(&self, trace: TraceId, id: String) -> Result<Vec<Scored>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.told_scores(self.id, trace, id).await,
        }
    }

    /// The span at which judgements of a trace are kept: its first root; `None` when nothing of it has come.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn place_of_trace(&self, trace: TraceId) -> Result<Option<(TraceId, SpanId)>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.place_of_trace(self.id, trace).await,
        }
    }

    /// The span at which judgements of a conversation are kept: the first root of its newest trace; `None` when nothing of it
    /// has come.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn place_of_conversation(&self, conversation: ConversationId) -> Result<Option<(TraceId, SpanId)>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.place_of_conversation(self.id, conversation).await,
        }
    }

    /// The project's own prices, and whether the lists show the costs that they make of all of history yet.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn prices(&self) -> Result<(Vec<Price>, bool), StoreError> {
        match &self.store {
            Store::Embedded(store) => store.prices(self.id).await,
        }
    }

    /// Sets the project's own prices in place of those before. What is read by id has the new costs at once; the lists follow in
    /// the background.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub async fn set_prices(&self, own: Vec<Price>) -> Result<(), StoreError> {
        match &self.store {
            Store::Embedded(store) => store.set_prices(self.id, own).await,
        }
    }

    /// A list that the project's people keep together.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn kept(&self, list: KeptList) -> Result<Kept, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.kept(self.id, list).await,
        }
    }

    /// Sets such a list in place of the one of the same revision; what it is then, or `None` where the one that is there has
    /// another by now.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub async fn set_kept(&self, list: KeptList, new: Kept) -> Result<Option<Kept>, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.set_kept(self.id, list, new).await,
        }
    }

    /// What is kept of the project.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn retention(&self) -> Result<Retention, StoreError> {
        match &self.store {
            Store::Embedded(store) => store.retention(self.id).await,
        }
    }

    /// Sets what is kept of the project; what is not is removed in the background.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub async fn set_retention(&self, retention: Retention) -> Result<(), StoreError> {
        match &self.store {
            Store::Embedded(store) => store.set_retention(self.id, retention).await,
        }
    }
}
