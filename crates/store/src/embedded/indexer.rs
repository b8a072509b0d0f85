//! The one thread that follows the record and keeps the index complete.
//!
//! Everything is made from the merged spans of a trace, so that order, duplicates and late patches do not matter. Under a
//! burst it lags behind the record; it never skips. Changes are announced after the lists show them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use neuraltrust_model::{ConversationId, SpanId, TraceId};
use tokio::sync::broadcast;

use super::index::{Documents, SearchIndex};
use super::record::Record;
use super::signal::Signal;
use crate::rows::TraceRow;
use crate::summary::{conversation_row, searchable_text, trace_row};
use crate::{Change, ListOf, ProjectId, StoreError};

/// Patches looked at in one go.
const BATCH: usize = 4_000;
/// How long the first patch after a pause waits for others of its kind.
const GATHER: Duration = Duration::from_millis(40);
/// Shortest and longest pause between two commits under load; between them it is twice what the last commit took.
const COMMIT_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Most bytes of a span's text in the index; what is behind is kept, shown, and not found by its words.
pub(super) const TEXT_BYTES: usize = 256 << 10;
/// Pause after an error, before the work starts again from the last commit.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Most rows of traces kept to make rows of conversations from; all are let go when there are more.
const CACHED_ROWS: usize = 20_000;

/// What the indexer shares with the store.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) record: Arc<Record>,
    pub(super) index: SearchIndex,
    /// The last patch in the lists.
    pub(super) indexed: Arc<AtomicU64>,
    /// Raised when the record has grown, and to stop.
    pub(super) new: Arc<Signal>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) changes: broadcast::Sender<Arc<Change>>,
    /// What keeps the lists from following, while something does.
    pub(super) trouble: Arc<Mutex<Option<String>>>,
}

impl Shared {
    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Runs until told to stop; then everything recorded until then is in the index, unless that fails.
pub(super) fn run(shared: &Shared) {
    loop {
        match follow(shared) {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the lists cannot follow the record; trying again");
                shared.set_trouble(Some(format!("the lists cannot follow the record: {}", chain(&error))));
                if shared.stopping() {
                    return;
                }
                std::thread::sleep(RETRY_AFTER);
            }
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Follows the record from the last commit on, until told to stop.
fn follow(shared: &Shared) -> Result<(), StoreError> {
    let committed = shared.index.complete_to()?;
    let mut work = Work {
        documents: shared.index.writer()?,
        at: committed,
        committed,
        traces: Traces::default(),
        changed: BTreeMap::new(),
        last_commit: Instant::now(),
        pause: COMMIT_EVERY.0,
    };
    loop {
        let keys = shared.record.keys_after(work.at, BATCH)?;
        let idle = keys.len() < BATCH;
        if let Some(last) = keys.last() {
            let last = last.seq;
            let mut dirty: BTreeMap<(ProjectId, TraceId), HashSet<SpanId>> = BTreeMap::new();
            for key in keys {
                dirty.entry((key.project, key.trace_id)).or_default().insert(key.span_id);
            }
            let mut conversations = BTreeSet::new();
            for ((project, trace_id), spans) in dirty {
                match work.index_trace(&shared.record, project, trace_id.clone(), &spans, &mut conversations) {
                    // A trace that cannot be read back must not keep all others from the lists.
                    Err(error @ StoreError::Damaged { .. }) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(
                            error,
                            trace_id = trace_id.as_str(),
                            "a trace cannot be read and is left out of the lists"
                        );
                    }
                    done => done?,
                }
            }
            work.index_conversations(&shared.record, conversations)?;
            work.at = last;
        }
        let stopping = shared.stopping();
        if work.is_ahead() && (stopping || work.last_commit.elapsed() >= work.pause) {
            work.commit(shared)?;
        }
        if stopping && idle && !work.is_ahead() {
            return Ok(());
        }
        if idle && !stopping {
            let wait = if work.is_ahead() { work.pause.saturating_sub(work.last_commit.elapsed()) } else { COMMIT_EVERY.1 };
            if shared.new.wait(wait) && !shared.stopping() {
                std::thread::sleep(GATHER);
            }
        }
    }
}

/// What has been put and not committed, and what is known from before.
struct Work {
    documents: Documents,
    /// The last patch that has been looked at.
    at: u64,
    /// The last patch that the index says it is complete to.
    committed: u64,
    traces: Traces,
    changed: BTreeMap<ProjectId, (BTreeSet<ConversationId>, BTreeSet<TraceId>)>,
    last_commit: Instant,
    pause: Duration,
}

/// What is remembered of traces, so that a new step of a long conversation does not read all of it again. Only a memory:
/// what is not here is made from the record.
#[derive(Default)]
struct Traces {
    /// The rows of all traces of a conversation.
    rows: HashMap<(ProjectId, ConversationId), BTreeMap<TraceId, TraceRow>>,
    /// The conversation under which the spans of a trace are in the index.
    conversation: HashMap<(ProjectId, TraceId), ConversationId>,
    cached: usize,
}

impl Work {
    /// Whether more has been looked at than the index says, be there anything new to show or not.
    fn is_ahead(&self) -> bool {
        self.at > self.committed
    }

    /// Puts a trace and those of its spans that changed, and adds the conversations that it is or was in to `touched`.
    fn index_trace(
        &mut self,
        record: &Record,
        project: ProjectId,
        trace_id: TraceId,
        changed: &HashSet<SpanId>,
        touched: &mut BTreeSet<(ProjectId, ConversationId)>,
    ) -> Result<(), StoreError> {
        let trace = record.trace(project, &trace_id)?;
        let Some(row) = trace_row(&trace) else {
            // So far only verdicts on spans that have not come.
            self.changed.entry(project).or_default().1.insert(trace_id);
            return Ok(());
        };
        let conversation_id = &trace.conversation_id;
        let before = self.traces.conversation.insert((project, trace_id.clone()), conversation_id.clone());
        let moved = before.as_ref() != Some(conversation_id);
        for span in trace.spans.iter().filter(|span| moved || changed.contains(&span.span_id)) {
            let text = searchable_text(&trace, span, TEXT_BYTES, |said| record.fresh(said))?;
            self.documents.put_span(project, &trace.row(span), span, &text)?;
        }
        self.documents.put_trace(project, &row)?;

        let mut conversations = trace.named.clone();
        conversations.insert(trace_id.clone().into());
        conversations.extend(before);
        for id in conversations {
            let belongs = id == *conversation_id;
            let rows = self.traces.rows_of(record, project, &id)?;
            if belongs {
                rows.insert(trace_id.clone(), row.clone());
            } else {
                rows.remove(&trace_id);
            }
            touched.insert((project, id));
        }
        self.changed.entry(project).or_default().1.insert(trace_id);
        self.traces.bound();
        Ok(())
    }

    /// Puts conversations, each once for all of its traces that changed.
    fn index_conversations(&mut self, record: &Record, touched: BTreeSet<(ProjectId, ConversationId)>) -> Result<(), StoreError> {
        for (project, id) in touched {
            match conversation_row(&id, self.traces.rows_of(record, project, &id)?.values()) {
                Some(row) => self.documents.put_conversation(project, &row)?,
                None => self.documents.remove(project, ListOf::Conversations, id.as_str()),
            }
            self.changed.entry(project).or_default().0.insert(id);
            self.traces.bound();
        }
        Ok(())
    }

    /// Makes what has been put visible and durable, and announces it.
    fn commit(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let begin = Instant::now();
        self.documents.commit(self.at)?;
        shared.index.reader.reload().map_err(StoreError::index("reload"))?;
        self.committed = self.at;
        shared.indexed.store(self.at, Ordering::Release);
        shared.set_trouble(None);
        self.last_commit = Instant::now();
        self.pause = (begin.elapsed() * 2).clamp(COMMIT_EVERY.0, COMMIT_EVERY.1);
        for (project, (conversations, traces)) in std::mem::take(&mut self.changed) {
            let change = Change {
                project,
                seq: self.at,
                conversation_ids: conversations.into_iter().collect(),
                trace_ids: traces.into_iter().collect(),
            };
            // Nobody may be listening.
            let _ = shared.changes.send(Arc::new(change));
        }
        Ok(())
    }
}

impl Traces {
    /// The rows of all traces of a conversation.
    fn rows_of(
        &mut self,
        record: &Record,
        project: ProjectId,
        id: &ConversationId,
    ) -> Result<&mut BTreeMap<TraceId, TraceRow>, StoreError> {
        let key = (project, id.clone());
        if !self.rows.contains_key(&key) {
            let traces = record.conversation(project, id)?;
            let rows: BTreeMap<_, _> = traces.iter().filter_map(trace_row).map(|row| (row.trace_id.clone(), row)).collect();
            self.cached += rows.len() + 1;
            self.rows.insert(key.clone(), rows);
        }
        Ok(self.rows.entry(key).or_default())
    }

    fn bound(&mut self) {
        self.cached += 1;
        if self.cached > CACHED_ROWS {
            *self = Self::default();
        }
    }
}
