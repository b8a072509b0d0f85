//! The one thread that follows the record and keeps the index complete.
//!
//! Everything is made from the merged spans of a trace, so that order, duplicates and late patches do not matter. Under a
//! burst it lags behind the record; it never skips. Changes are announced after the lists show them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use neuraltrust_model::{Content, ConversationId, SpanId, TraceId};
use tokio::sync::broadcast;

use super::codec;
use super::homes;
use super::index::{Documents, Put, Reach, SearchIndex};
use super::priority;
use super::record::{Record, TraceKey};
use super::signal::Signal;
use super::troubles::{Part, Troubles};
use super::writer::{Recorded, Writer};
use crate::changes::Gathered;
use crate::rows::TraceRow;
use crate::summary::{conversation_row, searchable_text, trace_row};
use crate::{Change, ListOf, ProjectId, Said, StoreError};

/// Changes that a slow listener can be behind before it is told that it missed some.
const CHANGES: usize = 1_024;
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
/// How long the store goes on indexing when it is told to stop. What is not in the index then is put at the next start.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// Most rows of traces kept to make rows of conversations from; all are let go when there are more, but those of a conversation
/// that has most of them: to read it again for each of its traces would take the time of all others.
const CACHED_ROWS: usize = 20_000;
/// Most rows kept of such a conversation.
const CACHED_ROWS_OF_ONE: usize = 500_000;

/// What the indexer shares with the store.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) record: Arc<Record>,
    pub(super) index: SearchIndex,
    /// The last patch in the lists.
    pub(super) indexed: Arc<AtomicU64>,
    /// How far the record is; its signal is raised to end, too.
    pub(super) recorded: Recorded,
    pub(super) stop: Arc<AtomicBool>,
    /// Whether the record is all that it is going to be: what keeps house has ended, which writes until then.
    pub(super) all_written: Arc<AtomicBool>,
    pub(super) changes: broadcast::Sender<Arc<Change>>,
    pub(super) troubles: Troubles,
    pub(super) writer: Writer,
    /// Raised when there is something to do that cannot wait for the next round of housekeeping.
    pub(super) housework: Arc<Signal>,
    purges: Arc<Purges>,
    /// Whether a read of the index has failed, so that its files are to be checked.
    suspected: Arc<AtomicBool>,
    /// Whether the index is asked to be made anew, whatever is in it.
    asked_anew: Arc<AtomicBool>,
}

/// How often the index was asked to be rid of all that was removed, and up to which time it is.
#[derive(Debug, Default)]
struct Purges {
    asked: AtomicU64,
    done: AtomicU64,
}

/// A trace that takes longer than this to put is not put again for each of its patches, but after a pause.
const SLOW: Duration = Duration::from_millis(50);
/// That pause is this many times as long as it took.
const SLOW_PAUSE: u32 = 3;
/// Patches that wait to be looked at from which a commit waits as long as it may.
const BACKLOG: u64 = 2 * BATCH as u64;
/// Longest wait for the index to be rid of what was removed.
const PURGE: Duration = Duration::from_secs(600);

impl Shared {
    /// What is shared about an index that is complete up to the patch `indexed`.
    pub(super) fn new(
        record: Arc<Record>,
        index: SearchIndex,
        indexed: u64,
        writer: Writer,
        recorded: Recorded,
        troubles: Troubles,
    ) -> Self {
        Self {
            record,
            index,
            indexed: Arc::new(AtomicU64::new(indexed)),
            recorded,
            stop: Arc::default(),
            all_written: Arc::default(),
            changes: broadcast::Sender::new(CHANGES),
            troubles,
            writer,
            housework: Arc::default(),
            purges: Arc::default(),
            suspected: Arc::default(),
            asked_anew: Arc::default(),
        }
    }

    /// Says that the index could not be read: its files are checked, and made anew where they are damaged.
    pub(super) fn suspect(&self) {
        self.suspected.store(true, Ordering::Release);
        self.recorded.new.raise();
    }

    /// Has the index made anew from the record. Reads by id go on, and the lists fill.
    pub(super) fn make_index_anew(&self) {
        // Who asks how far it is must not be told that it is done before it began.
        self.indexed.store(0, Ordering::Release);
        self.asked_anew.store(true, Ordering::Release);
        self.recorded.new.raise();
    }

    /// Waits until the index holds nothing any more of what was removed before.
    pub(super) fn purge(&self) -> Result<(), StoreError> {
        let asked = self.purges.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.recorded.new.raise();
        let begin = Instant::now();
        while self.purges.done.load(Ordering::Acquire) < asked {
            if self.stopping() || begin.elapsed() > PURGE {
                return Err(StoreError::IndexLags);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(super) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// Runs until told to stop; then everything recorded until then is in the index, unless that fails or takes too long.
pub(super) fn run(shared: &Shared) {
    priority::give_way();
    loop {
        let (error, damage) = match catch_unwind(AssertUnwindSafe(|| follow(shared))) {
            Ok(Ok(Ended::Stopped)) => return,
            Ok(Ok(Ended::AskedAnew)) => {
                tracing::info!("the index is made anew from the record, as it was asked for");
                begin_anew(shared);
                // What is missing then is put at the next start.
                if shared.stopping() {
                    return;
                }
                continue;
            }
            Ok(Err(error @ StoreError::Index { .. })) => (error, shared.index.damage()),
            Ok(Err(error)) => (error, None),
            // Reading a damaged file may end in a panic. Any other is a defect, which must end the process.
            Err(panic) => match shared.index.damage() {
                Some(damage) => (damaged(damage.clone()), Some(damage)),
                None => resume_unwind(panic),
            },
        };
        tracing::error!(error = &error as &dyn std::error::Error, "the lists cannot follow the record; trying again");
        shared.troubles.begin(Part::Lists, error.with_causes());
        if shared.stopping() {
            return;
        }
        match damage {
            Some(damage) => {
                tracing::error!(damage, "the index is damaged; it is made anew from the record");
                begin_anew(shared);
            }
            // A full disk, say: what is in the index is still good.
            None => std::thread::sleep(RETRY_AFTER),
        }
    }
}

/// Begins again with an empty index; reads by id go on, and the lists fill.
fn begin_anew(shared: &Shared) {
    // Nobody is to take empty lists for complete ones.
    shared.indexed.store(0, Ordering::Release);
    if let Err(error) = shared.index.empty() {
        tracing::error!(error = &error as &dyn std::error::Error, "the index cannot be made anew; trying again");
        shared.asked_anew.store(true, Ordering::Release);
        std::thread::sleep(RETRY_AFTER);
    }
}

fn damaged(what: String) -> StoreError {
    StoreError::index("read a file")(tantivy::TantivyError::DataCorruption(tantivy::error::DataCorruption::comment_only(what)))
}

/// Why the index is not followed any longer.
enum Ended {
    /// The store ends.
    Stopped,
    /// It is to be made anew.
    AskedAnew,
}

/// Follows the record from the last commit on, until told to stop.
fn follow(shared: &Shared) -> Result<Ended, StoreError> {
    let reach = shared.index.reach()?;
    let mut work = Work {
        documents: shared.index.writer()?,
        at: reach.complete,
        committed: reach.complete,
        touched: reach.touched,
        has_put: false,
        slow: HashMap::new(),
        waiting: BTreeMap::new(),
        traces: Traces::default(),
        changed: BTreeMap::new(),
        last_commit: Instant::now(),
        pause: COMMIT_EVERY.0,
    };
    let mut told_to_stop = None;
    loop {
        if shared.suspected.swap(false, Ordering::AcqRel)
            && let Some(damage) = shared.index.damage()
        {
            return Err(damaged(damage));
        }
        if shared.asked_anew.swap(false, Ordering::AcqRel) {
            work.documents.end()?;
            return Ok(Ended::AskedAnew);
        }
        // Read before the changes are: then nothing comes behind them.
        let stopping = shared.all_written.load(Ordering::Acquire);
        // ... and everything up to there is among them, or was taken away again.
        let recorded = shared.recorded.last.load(Ordering::Acquire);
        let changes = shared.record.changes_after(work.at, BATCH)?;
        let idle = changes.patches < BATCH;
        let gives_up = stopping && told_to_stop.get_or_insert_with(Instant::now).elapsed() > STOP_WITHIN;
        let to = changes.last.unwrap_or(work.at);
        work.index_changes(shared, changes.traces, to, stopping)?;
        work.at = if idle { to.max(recorded) } else { to };
        if work.is_ahead() && (stopping || work.last_commit.elapsed() >= work.pause) {
            work.commit(shared)?;
        }
        let asked = shared.purges.asked.load(Ordering::Acquire);
        if !work.is_ahead() && asked > shared.purges.done.load(Ordering::Acquire) {
            work.documents.purge(&shared.index)?;
            shared.purges.done.store(asked, Ordering::Release);
        }
        if gives_up || stopping && idle && work.waiting.is_empty() && !work.is_ahead() {
            if gives_up {
                tracing::info!(patches = recorded.saturating_sub(work.at), "the lists follow the rest at the next start");
            }
            work.documents.leave()?;
            return Ok(Ended::Stopped);
        }
        if idle && !stopping {
            let wait = if work.is_ahead() { work.pause.saturating_sub(work.last_commit.elapsed()) } else { COMMIT_EVERY.1 };
            let wait = work.next_ready().map_or(wait, |ready| wait.min(ready.saturating_duration_since(Instant::now())));
            if shared.recorded.new.wait(wait) && !shared.stopping() {
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
    /// The last patch that the index may hold something of since before.
    touched: u64,
    /// Whether something has been put since the last commit.
    has_put: bool,
    /// Traces that took long to put: when they may be put again.
    slow: HashMap<i64, Instant>,
    waiting: BTreeMap<i64, Waiting>,
    traces: Traces,
    changed: BTreeMap<ProjectId, Gathered>,
    last_commit: Instant,
    pause: Duration,
}

/// What changed of a trace that is to be put after a pause.
struct Waiting {
    /// The last patch that had been looked at before.
    from: u64,
    /// The last patch of the trace that had been put by then.
    put: u64,
    spans: BTreeSet<Option<i64>>,
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
    /// Rows among them that are kept beyond the others.
    large: usize,
}

impl Waiting {
    const fn new(from: u64, put: u64) -> Self {
        Self { from, put, spans: BTreeSet::new() }
    }
}

impl Work {
    /// Whether more has been looked at than the index says, be there anything new to show or not.
    fn is_ahead(&self) -> bool {
        self.has_put || self.complete() > self.committed
    }

    /// Up to which patch everything has been put.
    fn complete(&self) -> u64 {
        self.waiting.values().map(|waiting| waiting.from).min().map_or(self.at, |from| from.min(self.at))
    }

    /// When the next trace that waits may be put.
    fn next_ready(&self) -> Option<Instant> {
        self.waiting.keys().filter_map(|number| self.slow.get(number)).min().copied()
    }

    /// A trace that waits and may be put now.
    fn next_to_put(&self, now: Instant, stopping: bool) -> Option<i64> {
        let is_ready = |number: &i64| stopping || self.slow.get(number).is_none_or(|ready| *ready <= now);
        self.waiting.keys().copied().find(is_ready)
    }

    /// Puts what changed up to the patch `to`, and what has waited long enough.
    fn index_changes(
        &mut self,
        shared: &Shared,
        changed: BTreeMap<i64, BTreeSet<Option<i64>>>,
        to: u64,
        stopping: bool,
    ) -> Result<(), StoreError> {
        let from = self.at;
        for (number, spans) in changed {
            self.waiting.entry(number).or_insert_with(|| Waiting::new(from, from)).spans.extend(spans);
        }
        let now = Instant::now();
        let mut conversations = BTreeSet::new();
        // When one is put, others may have to be put again; those of which nothing else has changed bring in no more.
        while let Some(number) = self.next_to_put(now, stopping) {
            let Some(waiting) = self.waiting.remove(&number) else { continue };
            // A trace that is gone was taken out of the index before.
            let Some(trace) = shared.record.numbered(number)? else { continue };
            let begin = Instant::now();
            match self.index_trace(shared, &trace, &waiting, to, &mut conversations) {
                // A trace that cannot be read back must not keep all others from the lists.
                Err(error @ StoreError::Damaged { .. }) => {
                    let error = &error as &dyn std::error::Error;
                    let trace_id = trace.trace_id.as_str();
                    tracing::error!(error, trace_id, "a trace cannot be read and is left out of the lists");
                }
                done => done?,
            }
            self.has_put = true;
            match begin.elapsed() {
                took if took > SLOW => self.slow.insert(number, Instant::now() + took * SLOW_PAUSE),
                _ => self.slow.remove(&number),
            };
        }
        self.slow.retain(|number, ready| *ready > now || self.waiting.contains_key(number));
        self.index_conversations(&shared.record, conversations)
    }

    /// Puts a trace and those of its spans that changed, and adds the conversations that it is or was in to `touched`.
    fn index_trace(
        &mut self,
        shared: &Shared,
        key: &TraceKey,
        waiting: &Waiting,
        to: u64,
        touched: &mut BTreeSet<(ProjectId, ConversationId)>,
    ) -> Result<(), StoreError> {
        let record = &shared.record.at_one_moment()?;
        let (project, trace_id) = (key.project, key.trace_id.clone());
        // What came after these changes is seen with the next ones, so that no span is taken for new twice.
        let (patches, before_these) = record.patches_between(key, waiting.put.max(self.touched), to)?;
        let changed = &waiting.spans;
        let trace = record.merge(key, patches)?;
        let row = trace_row(&trace);
        let conversation_id = &trace.conversation_id;
        let before = match &row {
            Some(_) => self.traces.conversation.insert((project, trace_id.clone()), conversation_id.clone()),
            None => self.traces.conversation.remove(&(project, trace_id.clone())),
        };
        // What has moved, or changed otherwise, is put anew from its first span to its last.
        let all = before.as_ref() != Some(conversation_id) || changed.contains(&None);
        if changed.contains(&None) {
            self.documents.remove_trace(project, &trace_id);
        }
        // What a span says may change what is said of others: whether their tokens count, whether they run again.
        let affected = trace.affected(|span| all || changed.contains(&Some(codec::span_key(&span.span_id))));
        for (span, _) in trace.spans.iter().zip(affected).filter(|(_, affected)| *affected) {
            let text = searchable_text(&trace, span, TEXT_BYTES, |said| record.fresh(said))?;
            let place = if before_these.contains(&codec::span_key(&span.span_id)) { Put::Anew } else { Put::First };
            let output = match trace.output(span) {
                Some(Said::Here(Content::Json { value })) => Some(value),
                _ => None,
            };
            self.documents.put_span(project, &trace.row(span), span, &text, output, place)?;
            self.changed.entry(project).or_default().span(&trace_id, &span.span_id);
        }
        if let Some(row) = &row {
            self.documents.put_trace(project, row, if before_these.is_empty() { Put::First } else { Put::Anew })?;
        }
        // The contents follow once it is known where they belong; a mark brings the trace here again.
        if trace.named.contains(conversation_id) && record.home_of(key)?.as_ref() != Some(conversation_id) {
            homes::move_in(&shared.record, &shared.writer, key.number, conversation_id.as_str())?;
        }
        let fresh = |span: &SpanId| changed.contains(&None) || changed.contains(&Some(codec::span_key(span)));
        for number in record.traces_telling_of_the_same(key, &trace, fresh)? {
            self.waiting.entry(number).or_insert_with(|| Waiting::new(waiting.from, to));
        }
        let mut conversations = trace.named.clone();
        conversations.insert(trace_id.clone().into());
        conversations.extend(record.named_by(key)?);
        conversations.extend(before);
        for id in conversations {
            // Those that come behind are put when their turn comes, and this one is read already.
            let looked_at = to.max(self.touched);
            let wanted = |trace: &TraceKey| Ok(trace.number != key.number && record.first_patch_of(trace)? <= looked_at);
            let rows = self.traces.rows_of(record, project, &id, wanted)?;
            match &row {
                Some(row) if id == *conversation_id => rows.insert(trace_id.clone(), row.clone()),
                _ => rows.remove(&trace_id),
            };
            touched.insert((project, id));
        }
        self.changed.entry(project).or_default().traces.insert(trace_id);
        self.traces.bound();
        Ok(())
    }

    /// Puts conversations, each once for all of its traces that changed.
    fn index_conversations(&mut self, record: &Record, touched: BTreeSet<(ProjectId, ConversationId)>) -> Result<(), StoreError> {
        for (project, id) in touched {
            match conversation_row(&id, self.traces.rows_of(record, project, &id, |_| Ok(true))?.values()) {
                Some(row) => self.documents.put_conversation(project, &row)?,
                None => self.documents.remove(project, ListOf::Conversations, id.as_str()),
            }
            self.changed.entry(project).or_default().conversations.insert(id);
            self.traces.bound();
        }
        Ok(())
    }

    /// Makes what has been put visible and durable, and announces it.
    fn commit(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let begin = Instant::now();
        let complete = self.complete();
        self.documents.commit(Reach { complete, touched: self.at.max(self.touched) })?;
        shared.index.reader.reload().map_err(StoreError::index("reload"))?;
        self.committed = complete;
        self.has_put = false;
        if !shared.asked_anew.load(Ordering::Acquire) {
            shared.indexed.store(complete, Ordering::Release);
        }
        shared.troubles.end(Part::Lists);
        self.last_commit = Instant::now();
        let behind = shared.recorded.last.load(Ordering::Acquire).saturating_sub(self.at);
        // Who is behind gains most by fewer and larger segments.
        let pause = if behind > BACKLOG { COMMIT_EVERY.1 } else { begin.elapsed() * 2 };
        self.pause = pause.clamp(COMMIT_EVERY.0, COMMIT_EVERY.1);
        for (project, gathered) in std::mem::take(&mut self.changed) {
            // Nobody may be listening.
            let _ = shared.changes.send(Arc::new(gathered.change(project, complete)));
        }
        Ok(())
    }
}

impl Traces {
    /// The rows of all traces of a conversation; those that are remembered, or else of those that are `wanted`.
    fn rows_of(
        &mut self,
        record: &Record,
        project: ProjectId,
        id: &ConversationId,
        wanted: impl Fn(&TraceKey) -> Result<bool, StoreError>,
    ) -> Result<&mut BTreeMap<TraceId, TraceRow>, StoreError> {
        let key = (project, id.clone());
        if !self.rows.contains_key(&key) {
            let traces = record.conversation_of(project, id, wanted)?;
            let rows: BTreeMap<_, _> = traces.iter().filter_map(trace_row).map(|row| (row.trace_id.clone(), row)).collect();
            self.cached += rows.len() + 1;
            self.rows.insert(key.clone(), rows);
        }
        Ok(self.rows.entry(key).or_default())
    }

    fn bound(&mut self) {
        self.cached += 1;
        if self.cached <= CACHED_ROWS + self.large {
            return;
        }
        let rows = std::mem::take(&mut self.rows);
        let is_large = |rows: usize| (CACHED_ROWS / 2..CACHED_ROWS_OF_ONE).contains(&rows);
        let largest = rows.into_iter().max_by_key(|(_, rows)| rows.len()).filter(|(_, rows)| is_large(rows.len()));
        let large = largest.as_ref().map_or(0, |(_, rows)| rows.len());
        *self = Self { rows: largest.into_iter().collect(), conversation: HashMap::new(), cached: large, large };
    }
}
