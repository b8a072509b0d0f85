//! The embedded store: SQLite is the record, Tantivy the index.
//!
//! A data directory holds `lock`, `record.sqlite` (with its `-wal` and `-shm`) and `index/`. One process at a time serves it.

mod accounts;
mod aggregate;
mod answers;
mod backup;
mod budget;
mod chain;
mod checkpoints;
mod clauses;
mod codec;
mod coding;
mod columns;
mod context;
mod dictionaries;
mod disk;
mod erasing;
mod erasures;
mod facts;
mod highlight;
mod hits;
mod homes;
mod index;
mod indexer;
mod keeper;
mod kept;
mod lists;
mod lock;
mod media;
mod newcomers;
mod news;
mod order;
mod paths;
mod prices;
mod priority;
mod quarantine;
mod recoding;
mod record;
mod removal;
mod retention;
mod schema;
mod scores;
mod signal;
mod silence;
mod sketch;
mod steady;
mod sweep;
mod text;
mod troubles;
mod verify;
mod whole;
mod within;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use neuraltrust_model::{ConversationId, SpanId, SpanPatch, Timestamp, TraceId};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, broadcast};

pub use accounts::Accounts;
pub use backup::{BackedUp, Manifest, backup, restore};
pub use disk::{DiskFiles, DiskUse, ProjectDiskUse};
pub use erasing::Asked;
pub use erasures::{ErasedTrace, Erasure, ErasureRow};
pub use quarantine::{NewQuarantined, Quarantine, QuarantineTotals, Quarantined};
pub use retention::Retention;
pub use verify::{Report, verify};

use crate::{
    Aggregate, Aggregated, Appended, Change, Cursor, FacetQuery, Facets, Field, Filter, Hits, Kept, KeptList, ListOf, ListQuery,
    MediaId, Medium, Order, Page, Price, Progress, ProjectId, Rows, Search, ShowMedia, SpanDetail, StoreError, TraceDetail,
    summary, summary::TraceExplained,
};
use budget::{Budget, READ_WITHIN};
use chain::Known;
use checkpoints::Log;
use codec::{Aids, Coders};
use index::SearchIndex;
use indexer::Shared;
use keeper::Keeper;
use lock::DirLock;
use media::Show;
use record::Record;
use troubles::Troubles;
use whole::weight;
use writer::{Recorded, Writer, Written};

const RECORD: &str = "record.sqlite";
const INDEX: &str = "index";
/// A trace with more messages, or a conversation with more traces, than this is not read whole to show a part of it.
const READ_WHOLE: usize = 2_000;

/// Most reads of the index at a time; others wait.
const SEARCHES_AT_A_TIME: usize = 32;

/// SQLite and Tantivy in this process, on one data directory.
#[derive(Debug)]
pub struct EmbeddedStore {
    accounts: Accounts,
    record: Arc<Record>,
    data_dir: PathBuf,
    known: Known,
    coders: Coders,
    shared: Shared,
    /// Room for those who read the index.
    searches: Semaphore,
    /// Taken when the store ends.
    threads: Mutex<Option<Threads>>,
    /// Given back last.
    _lock: DirLock,
}

/// The threads behind the store.
#[derive(Debug)]
struct Threads {
    writing: JoinHandle<()>,
    indexing: JoinHandle<()>,
    keeping: JoinHandle<()>,
    checkpointing: JoinHandle<()>,
    log: Log,
}

impl Threads {
    /// The name of one that has ended though it was not told to.
    fn ended(&self) -> Option<&str> {
        [&self.writing, &self.indexing, &self.keeping, &self.checkpointing]
            .into_iter()
            .find(|thread| thread.is_finished())
            .map(|thread| thread.thread().name().unwrap_or("a thread"))
    }

    /// Puts what was appended on disk and into the index, and ends.
    fn end(self, shared: &Shared) -> Result<(), StoreError> {
        // What is queued is written before this is.
        let written = shared.writer.step("end", |_| Ok(()));
        shared.stop.store(true, Ordering::Release);
        shared.housework.raise();
        let kept = self.keeping.join();
        shared.all_written.store(true, Ordering::Release);
        shared.recorded.new.raise();
        let indexed = self.indexing.join();
        shared.writer.end();
        let wrote = self.writing.join();
        self.log.end();
        let emptied = self.checkpointing.join();
        if kept.is_err() || indexed.is_err() || wrote.is_err() || emptied.is_err() {
            return Err(StoreError::Stopped);
        }
        written
    }
}

impl EmbeddedStore {
    /// Opens the data directory, which is made where it is missing, and starts the work behind the store.
    ///
    /// # Errors
    /// [`StoreError::DataDir`], [`StoreError::Locked`], [`StoreError::Format`] and what the record says.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let lock = DirLock::take(data_dir)?;
        let mut connection = schema::open_for_writing(&data_dir.join(RECORD))?;
        erasures::forget_unfinished(&connection)?;
        let log = Log::default();
        log.follow(&mut connection).map_err(StoreError::record("follow the log of the record"))?;
        let accounts = Accounts::open(data_dir)?;
        let record = Arc::new(Record::new(data_dir.join(RECORD)));
        let index = SearchIndex::open(&data_dir.join(INDEX))?;
        let recorded = Recorded::default();
        recorded.last.store(record.last_seq()?, Ordering::Release);
        if index.reach()?.complete > record.last_seq()? {
            tracing::warn!("the index is of another record; it is made anew from this one");
            index.empty()?;
        }
        let indexed = index.reach()?.complete;
        let troubles = Troubles::default();
        let no_thread = |source| StoreError::DataDir { path: data_dir.to_owned(), source };
        let coders = Coders::start().map_err(|error| no_thread(std::io::Error::other(error)))?;
        let (writer, writing) = Writer::start(connection, recorded.clone(), troubles.clone()).map_err(no_thread)?;
        prices::follow_table(&writer)?;
        let shared = Shared::new(Arc::clone(&record), index, indexed, writer, recorded, troubles);
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let for_indexer = shared.clone();
        let indexing = thread("indexer").spawn(move || indexer::run(&for_indexer)).map_err(no_thread)?;
        let checkpointing = log.start(&data_dir.join(RECORD))?;
        let keeper = Keeper { data_dir: data_dir.to_owned(), shared: shared.clone() };
        let keeping = thread("keeper").spawn(move || keeper.run()).map_err(no_thread)?;
        Ok(Self {
            accounts,
            record,
            data_dir: data_dir.to_owned(),
            known: Known::default(),
            coders,
            shared,
            searches: Semaphore::new(SEARCHES_AT_A_TIME),
            threads: Mutex::new(Some(Threads { writing, indexing, keeping, checkpointing, log })),
            _lock: lock,
        })
    }

    /// Makes the index of a data directory anew from its record, while no server runs on it. Calls `progress` now and then.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`], and when the index cannot be written.
    pub async fn reindex(data_dir: &Path, mut progress: impl FnMut(Progress)) -> Result<(), StoreError> {
        {
            let _lock = DirLock::take(data_dir)?;
            SearchIndex::remove(&data_dir.join(INDEX))?;
        }
        let store = Self::open(data_dir)?;
        loop {
            let now = store.progress();
            progress(now);
            if now.indexed >= now.recorded {
                return store.close().await;
            }
            if let Err(trouble) = store.health() {
                return Err(StoreError::damaged("the record")(std::io::Error::other(trouble)));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Projects and what opens them.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub(crate) async fn append(
        &self,
        project: ProjectId,
        mut patches: Vec<SpanPatch>,
        received_at: Timestamp,
    ) -> Result<Appended, StoreError> {
        if self.shared.stopping() {
            return Err(StoreError::Stopped);
        }
        let mut known = Some(&self.known);
        loop {
            let dictionary = self.record.dictionaries().current(&self.record, project)?;
            let aids = Aids { known, dictionary: dictionary.as_deref() };
            let mut batch = self.coders.encode(project, &mut patches, aids)?;
            let (brought, refused) = (std::mem::take(&mut batch.brought), std::mem::take(&mut batch.refused));
            let written = match batch.patches.is_empty() {
                true => Written::Kept { new: 0, duplicates: 0 },
                false => self.shared.writer.append(project, received_at, batch).await?,
            };
            match written {
                Written::Kept { new, duplicates } => {
                    self.known.extend(brought);
                    return Ok(Appended { new, duplicates, refused });
                }
                // What was left out, or coded with, is there no more: once more, with everything.
                Written::Stale => {
                    known = None;
                    self.record.dictionaries().forget();
                }
            }
        }
    }

    pub(crate) async fn trace(&self, project: ProjectId, trace: TraceId) -> Result<Option<TraceDetail>, StoreError> {
        self.read(move |record| Ok(summary::trace_detail(&record.trace(project, &trace)?))).await
    }

    pub(crate) async fn trace_page(
        &self,
        project: ProjectId,
        trace: TraceId,
        limit: usize,
        cursor: Option<Cursor>,
    ) -> Result<Option<TraceDetail>, StoreError> {
        let record = Arc::clone(&self.record);
        self.search(move |index, budget| {
            let of_it = (Field::TraceId, trace.as_str());
            if let Some(row) = lists::one(index, &record, project, ListOf::Traces, of_it, budget)? {
                let filter = Filter::equals(of_it.0, of_it.1);
                let spans = ListQuery { filter, limit, cursor, order: Order::OLDEST_FIRST };
                let page = lists::list(index, &record, project, ListOf::Spans, &spans, budget)?;
                return Ok(Some(TraceDetail { trace: row, spans: page.items, next_cursor: page.next_cursor }));
            }
            // What has just come is not in the lists yet.
            let record = record.within(budget)?;
            match record.find(project, &trace)? {
                None => Ok(None),
                Some(key) if record.has_more_patches(&key, READ_WHOLE)? => Err(StoreError::IndexLags),
                Some(_) => Ok(summary::trace_detail(&record.trace(project, &trace)?)),
            }
        })
        .await
    }

    pub(crate) async fn span(
        &self,
        project: ProjectId,
        trace: TraceId,
        span: SpanId,
        media: ShowMedia,
    ) -> Result<Option<SpanDetail>, StoreError> {
        self.read(move |record| {
            let Some(trace) = record.find(project, &trace)? else { return Ok(None) };
            let spans = match record.has_more_patches(&trace, READ_WHOLE)? {
                false => record.merge(&trace, record.patches(&trace, None)?)?,
                true => record.span(&trace, &span)?,
            };
            summary::span_detail(&spans, &span, |said| record.content(said, Show::of(media, &trace.trace_id)))
        })
        .await
    }

    pub(crate) async fn medium(&self, project: ProjectId, trace: TraceId, id: MediaId) -> Result<Option<Medium>, StoreError> {
        self.read(move |record| match record.find(project, &trace)? {
            Some(trace) => record.medium(&trace, id),
            None => Ok(None),
        })
        .await
    }

    /// Reads the record as it is at one moment, for as long as a read may take and somebody waits for it.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Record) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (record, budget) = (Arc::clone(&self.record), Budget::within(READ_WITHIN));
        let _waiting = budget.waiting();
        aside(move || read(&record.within(&budget)?)).await
    }

    pub(crate) async fn piece(&self, medium: &Medium, number: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(name) = medium.pieces.get(number).copied() else { return Ok(None) };
        let (record, trace) = (Arc::clone(&self.record), medium.trace);
        aside(move || record.piece(trace, &name)).await
    }

    pub(crate) async fn list<T: DeserializeOwned + Send + 'static>(
        &self,
        project: ProjectId,
        list: ListOf,
        query: ListQuery,
    ) -> Result<Page<T>, StoreError> {
        let record = Arc::clone(&self.record);
        self.search(move |index, budget| lists::list(index, &record, project, list, &query, budget)).await
    }

    pub(crate) async fn values(&self, project: ProjectId, query: FacetQuery) -> Result<Facets, StoreError> {
        self.search(move |index, budget| lists::values_of(index, project, &query, budget)).await
    }

    pub(crate) async fn aggregate(&self, project: ProjectId, query: Aggregate) -> Result<Aggregated, StoreError> {
        self.search(move |index, budget| lists::aggregate(index, project, &query, budget)).await
    }

    pub(crate) async fn hits(&self, project: ProjectId, query: Search) -> Result<Hits, StoreError> {
        let record = Arc::clone(&self.record);
        self.search(move |index, budget| hits::search(index, &record.within(budget)?, project, &query, budget)).await
    }

    pub(crate) async fn changes_since(&self, project: ProjectId, seq: u64) -> Result<Option<Change>, StoreError> {
        let (record, indexed) = (Arc::clone(&self.record), self.progress().indexed);
        self.search(move |index, budget| news::since(index, &record.within(budget)?, project, seq, indexed, budget)).await
    }

    pub(crate) async fn changed_rows(
        &self,
        project: ProjectId,
        of: ListOf,
        change: Arc<Change>,
        filter: Filter,
    ) -> Result<Option<Rows>, StoreError> {
        self.search(move |index, budget| news::rows(index, project, of, &change, &filter, budget)).await
    }

    /// Reads the index, for as long as a read may take and somebody waits for it, with few others at a time: what one of them may
    /// hold in memory is bounded. Where that fails, a panic of its reader included, its files are checked.
    async fn search<T: Send + 'static>(
        &self,
        read: impl FnOnce(&SearchIndex, &Budget) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _room = self.searches.acquire().await.map_err(|_| StoreError::Stopped)?;
        let (index, budget) = (self.shared.index.clone(), Budget::within(READ_WITHIN));
        let _waiting = budget.waiting();
        let answer = aside(move || read(&index, &budget)).await;
        match answer {
            Err(StoreError::Index { .. } | StoreError::Damaged { .. }) => self.shared.suspect(),
            // A panic: no store that has stopped is read.
            Err(StoreError::Stopped) => {
                self.shared.suspect();
                return Err(StoreError::IndexLags);
            }
            _ => {}
        }
        answer
    }

    pub(crate) fn changes(&self) -> broadcast::Receiver<Arc<Change>> {
        self.shared.changes.subscribe()
    }

    pub(crate) fn progress(&self) -> Progress {
        // In this order, so that a list is never ahead of the record.
        let indexed = self.shared.indexed.load(Ordering::Acquire);
        Progress { recorded: self.shared.recorded.last.load(Ordering::Acquire), indexed }
    }

    pub(crate) fn health(&self) -> Result<(), String> {
        match self.threads.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Threads::ended) {
            None => return Err(StoreError::Stopped.to_string()),
            Some(Some(thread)) => return Err(format!("{}: {thread} has ended", StoreError::Stopped)),
            Some(None) => {}
        }
        self.shared.troubles.tell()
    }

    pub(crate) fn make_index_anew(&self) {
        self.shared.make_index_anew();
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(|threads| threads.ended().is_some())
    }

    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        let Some(threads) = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let shared = self.shared.clone();
        aside(move || threads.end(&shared)).await
    }

    pub(crate) async fn erase(&self, project: ProjectId, asked: Asked, by: Option<String>) -> Result<Erasure, StoreError> {
        let (record, shared) = (Arc::clone(&self.record), self.shared.clone());
        let erasure = aside(move || {
            let traces = asked.traces(&shared, project)?;
            let id = erasures::ask(&shared.writer, project, (&asked.told(), by), &traces, keeper::now())?;
            shared.housework.raise();
            erasures::find(&record, project, id)?.ok_or(StoreError::Stopped)
        });
        erasure.await
    }

    pub(crate) async fn erasures(&self, project: ProjectId, before: i64, limit: usize) -> Result<Vec<ErasureRow>, StoreError> {
        self.read(move |record| erasures::list(record, project, before, limit)).await
    }

    pub(crate) async fn erasure(&self, project: ProjectId, id: i64) -> Result<Option<Erasure>, StoreError> {
        self.read(move |record| erasures::find(record, project, id)).await
    }

    pub(crate) async fn open_erasures(&self) -> Result<u64, StoreError> {
        self.read(erasures::count_open).await
    }

    pub(crate) async fn explain(&self, project: ProjectId, trace: TraceId) -> Result<Option<TraceExplained>, StoreError> {
        self.read(move |record| Ok(summary::explain(&record.trace(project, &trace)?))).await
    }

    pub(crate) async fn explain_conversation(
        &self,
        project: ProjectId,
        id: ConversationId,
    ) -> Result<Vec<TraceExplained>, StoreError> {
        self.read(move |record| Ok(record.conversation(project, &id)?.iter().filter_map(summary::explain).collect())).await
    }

    pub(crate) async fn prices(&self, project: ProjectId) -> Result<(Vec<Price>, bool), StoreError> {
        let record = Arc::clone(&self.record);
        aside(move || {
            let own = record.prices().of(&record, project)?.own().to_vec();
            Ok((own, !prices::behind(&record)?.contains(&project)))
        })
        .await
    }

    pub(crate) async fn set_prices(&self, project: ProjectId, own: Vec<Price>) -> Result<(), StoreError> {
        let (record, shared) = (Arc::clone(&self.record), self.shared.clone());
        aside(move || {
            prices::set(&record, &shared.writer, project, &own)?;
            shared.housework.raise();
            Ok(())
        })
        .await
    }

    pub(crate) async fn kept(&self, project: ProjectId, list: KeptList) -> Result<Kept, StoreError> {
        let record = Arc::clone(&self.record);
        aside(move || kept::of(&record, project, list)).await
    }

    pub(crate) async fn set_kept(&self, project: ProjectId, list: KeptList, new: Kept) -> Result<Option<Kept>, StoreError> {
        let shared = self.shared.clone();
        aside(move || kept::set(&shared.writer, project, list, new)).await
    }

    pub(crate) async fn retention(&self, project: ProjectId) -> Result<Retention, StoreError> {
        self.read(move |record| retention::of(record, project)).await
    }

    pub(crate) async fn set_retention(&self, project: ProjectId, retention: Retention) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        aside(move || {
            retention::set(&shared.writer, project, retention)?;
            shared.housework.raise();
            Ok(())
        })
        .await
    }

    pub(crate) async fn disk_use(&self) -> Result<DiskUse, StoreError> {
        let (record, shared, data_dir) = (Arc::clone(&self.record), self.shared.clone(), self.data_dir.clone());
        aside(move || disk::measure(&data_dir, &record, &shared.index)).await
    }

    pub(crate) async fn disk_files(&self) -> Result<DiskFiles, StoreError> {
        let (record, data_dir) = (Arc::clone(&self.record), self.data_dir.clone());
        aside(move || disk::files(&data_dir, &record)).await
    }

    /// Lets the record have no more pages than it has, as a full disk would, or as many as it likes.
    ///
    /// # Errors
    /// What the record says.
    #[cfg(feature = "conformance")]
    pub async fn fill_disk(&self, full: bool) -> Result<(), StoreError> {
        let writer = self.shared.writer.clone();
        // SQLite takes a number below the present one for the present one; the other is its greatest.
        let pages = if full { 1_u32 } else { u32::MAX - 1 };
        let act = "limit the record";
        aside(move || {
            writer.outside(move |connection| {
                connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).map_err(StoreError::record(act))
            })
        })
        .await
    }
}

impl Drop for EmbeddedStore {
    /// NOTE: the lock of the directory is given back after this, so that no two writers are ever on one index.
    fn drop(&mut self) {
        if let Some(threads) = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Nobody is there to be told; the next opening completes what is missing.
            let _ = threads.end(&self.shared);
        }
    }
}

/// Runs a read on a thread that may wait for the disk.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Stopped)?
}
