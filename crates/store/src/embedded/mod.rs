//! The embedded store: SQLite is the record, Tantivy the index.
//!
//! A data directory holds `lock`, `record.sqlite` (with its `-wal` and `-shm`) and `index/`. One process at a time serves it.

mod accounts;
mod aggregate;
mod backup;
mod chain;
mod clauses;
mod codec;
mod columns;
mod facts;
mod highlight;
mod index;
mod indexer;
mod lists;
mod lock;
mod quarantine;
mod record;
mod signal;
mod sketch;
mod steady;
mod stretch;
mod text;
mod verify;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use neuraltrust_model::{ConversationId, SpanId, SpanPatch, Timestamp, TraceId};
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;

pub use accounts::Accounts;
pub use backup::{BackedUp, Manifest, backup, restore};
pub use quarantine::{NewQuarantined, Quarantine, QuarantineTotals, Quarantined};
pub use verify::{Report, verify};

use crate::{
    Aggregate, Aggregated, Appended, Change, FacetRow, Filter, Key, ListOf, ListQuery, Page, Progress, ProjectId, SpanDetail,
    StoreError, TraceDetail, Transcript, summary,
};
use chain::Known;
use index::SearchIndex;
use indexer::Shared;
use lock::DirLock;
use record::Record;
use writer::{Writer, Written};

const RECORD: &str = "record.sqlite";
const INDEX: &str = "index";
/// Changes that a slow listener can be behind before it is told that it missed some.
const CHANGES: usize = 1_024;

/// SQLite and Tantivy in this process, on one data directory.
#[derive(Debug)]
pub struct EmbeddedStore {
    accounts: Accounts,
    record: Arc<Record>,
    writer: Mutex<Option<Writer>>,
    known: Known,
    recorded: Arc<AtomicU64>,
    shared: Shared,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Given back last.
    _lock: DirLock,
}

impl EmbeddedStore {
    /// Opens the data directory, which is made where it is missing, and starts the work behind the store.
    ///
    /// # Errors
    /// [`StoreError::DataDir`], [`StoreError::Locked`], [`StoreError::Format`] and what the record says.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let lock = DirLock::take(data_dir)?;
        let connection = record::open_for_writing(&data_dir.join(RECORD))?;
        let accounts = Accounts::open(data_dir)?;
        let record = Arc::new(Record::new(data_dir.join(RECORD)));
        let index = SearchIndex::open(&data_dir.join(INDEX))?;
        let recorded = Arc::new(AtomicU64::new(record.last_seq()?));
        let indexed = index.complete_to()?;
        let shared = Shared {
            record: Arc::clone(&record),
            index,
            indexed: Arc::new(AtomicU64::new(indexed)),
            new: Arc::default(),
            stop: Arc::new(AtomicBool::new(false)),
            changes: broadcast::Sender::new(CHANGES),
            trouble: Arc::default(),
        };
        let no_thread = |source| StoreError::DataDir { path: data_dir.to_owned(), source };
        let (writer, writing) = Writer::start(connection, Arc::clone(&recorded), Arc::clone(&shared.new)).map_err(no_thread)?;
        let indexing = {
            let shared = shared.clone();
            std::thread::Builder::new().name("indexer".to_owned()).spawn(move || indexer::run(&shared)).map_err(no_thread)?
        };
        Ok(Self {
            accounts,
            record,
            writer: Mutex::new(Some(writer)),
            known: Known::default(),
            recorded,
            shared,
            threads: Mutex::new(vec![writing, indexing]),
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
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Stopped)?;
        let mut known = Some(&self.known);
        loop {
            let batch = codec::encode(project, &mut patches, known)?;
            let written = match batch.patches.is_empty() {
                true => Written::Kept { new: 0, duplicates: 0 },
                false => writer.append(project, received_at, batch.patches).await?,
            };
            match written {
                Written::Kept { new, duplicates } => {
                    self.known.extend(batch.brought);
                    return Ok(Appended { new, duplicates, refused: batch.refused });
                }
                // What was left out is there no more: once more, with everything.
                Written::Stale => known = None,
            }
        }
    }

    pub(crate) async fn trace(&self, project: ProjectId, trace: TraceId) -> Result<Option<TraceDetail>, StoreError> {
        let record = Arc::clone(&self.record);
        aside(move || Ok(summary::trace_detail(&record.trace(project, &trace)?))).await
    }

    pub(crate) async fn span(&self, project: ProjectId, trace: TraceId, span: SpanId) -> Result<Option<SpanDetail>, StoreError> {
        let record = Arc::clone(&self.record);
        aside(move || summary::span_detail(record.trace(project, &trace)?, &span, |said| record.content(said))).await
    }

    pub(crate) async fn conversation(&self, project: ProjectId, id: ConversationId) -> Result<Option<Transcript>, StoreError> {
        let record = Arc::clone(&self.record);
        aside(move || summary::transcript(&id, &record.conversation(project, &id)?, |said| record.content(said))).await
    }

    pub(crate) async fn list<T: DeserializeOwned + Send + 'static>(
        &self,
        project: ProjectId,
        list: ListOf,
        query: ListQuery,
    ) -> Result<Page<T>, StoreError> {
        let (index, record) = (self.shared.index.clone(), Arc::clone(&self.record));
        aside(move || lists::list(&index, &record, project, list, &query)).await
    }

    pub(crate) async fn facets(
        &self,
        project: ProjectId,
        list: ListOf,
        key: Key,
        filter: Filter,
        limit: usize,
    ) -> Result<Vec<FacetRow>, StoreError> {
        let index = self.shared.index.clone();
        aside(move || lists::facets(&index, project, list, &key, &filter, limit)).await
    }

    pub(crate) async fn aggregate(&self, project: ProjectId, query: Aggregate) -> Result<Aggregated, StoreError> {
        let index = self.shared.index.clone();
        aside(move || lists::aggregate(&index, project, &query)).await
    }

    pub(crate) fn changes(&self) -> broadcast::Receiver<Arc<Change>> {
        self.shared.changes.subscribe()
    }

    pub(crate) fn progress(&self) -> Progress {
        // In this order, so that a list is never ahead of the record.
        let indexed = self.shared.indexed.load(Ordering::Acquire);
        Progress { recorded: self.recorded.load(Ordering::Acquire), indexed }
    }

    pub(crate) fn health(&self) -> Result<(), String> {
        let ended = self.threads.lock().unwrap_or_else(PoisonError::into_inner).iter().any(JoinHandle::is_finished);
        if ended {
            return Err(StoreError::Stopped.to_string());
        }
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }

    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        // Without senders the writer ends after what it has been given; only then the indexer is told to catch up and end.
        drop(self.writer.lock().unwrap_or_else(PoisonError::into_inner).take());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let (stop, new) = (Arc::clone(&self.shared.stop), Arc::clone(&self.shared.new));
        aside(move || {
            for thread in threads {
                if thread.join().is_err() {
                    return Err(StoreError::Stopped);
                }
                stop.store(true, Ordering::Release);
                new.raise();
            }
            Ok(())
        })
        .await
    }
}

impl Drop for EmbeddedStore {
    /// A store that is dropped without `close` lets its threads end by themselves; the next opening catches up.
    fn drop(&mut self) {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.shared.stop.store(true, Ordering::Release);
        self.shared.new.raise();
        for thread in std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner)) {
            // NOTE: the lock of the directory is given back after this, so that no two writers are ever on one index.
            let _ = thread.join();
        }
    }
}

/// Runs a read on a thread that may wait for the disk.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Stopped)?
}
