//! The bounded queue between the application's threads and the one that delivers.
//!
//! Pushing never waits for the network: the lock is held for a few instructions only, and a full queue drops the newest. Counts change
//! together with the queue under its lock, so that they always add up. While steps come, the thread that delivers looks by itself every
//! while: waking it would cost the application's thread more than all the rest.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::span::Entry;
use crate::stats::{Counts, Stats, add, lost_unnumbered};

/// Most entries of one batch.
pub(crate) const BATCH_ENTRIES: usize = 512;
/// Most bytes of one batch, unless a single entry is larger.
pub(crate) const BATCH_BYTES: usize = 4 << 20;

/// How long after the last entry the thread that delivers goes on looking before it sleeps until it is woken.
const LOOKS_FOR: Duration = Duration::from_secs(10);

/// Where batches wait for less than this, the thread sleeps until it is woken instead.
const SHORTEST_LOOK: Duration = Duration::from_millis(20);

/// What the queue holds at most, and how long the first entry of a batch waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
    pub(crate) delay: Duration,
}

/// Why an entry was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Queue,
    Closed,
}

/// An entry was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Whether the caller must start the thread that delivers; it is the only one that is told so.
    pub(crate) nobody_delivers: bool,
}

/// What the thread that delivers is to do.
#[derive(Debug)]
pub(crate) enum Next {
    /// Take this batch.
    Batch(Vec<Entry>),
    /// What it waited for is due.
    Due,
    /// The client closes, and there is no batch to take.
    Closing,
}

#[derive(Debug, Default)]
struct State {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// When the oldest entry came, or did where there is none.
    since: Option<Instant>,
    /// Entries ever taken in, and those of them that were delivered or dropped.
    pushed: u64,
    settled: u64,
    in_flight: usize,
    flushers: usize,
    closing: Option<Instant>,
    worker: bool,
    /// Whether the worker sleeps until it is woken.
    asleep: bool,
    /// Whether the last attempt found no server.
    away: bool,
}

#[derive(Debug)]
pub(crate) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    /// Tells the worker.
    work: Condvar,
    /// Tells those who wait in `flush` and `close`.
    settled: Condvar,
    counts: Counts,
}

impl Queue {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), work: Condvar::new(), settled: Condvar::new(), counts: Counts::default() }
    }

    /// A panic elsewhere never makes the queue unusable: its state is whole after every statement.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an entry, or counts it as dropped.
    pub(crate) fn push(&self, entry: Entry) -> Result<Taken, Full> {
        let size = entry.size;
        let mut state = self.lock();
        add(&self.counts.recorded, 1);
        if state.closing.is_some() {
            add(&self.counts.dropped.closed, 1);
            return Err(Full::Closed);
        }
        if state.entries.len() >= self.limits.entries || state.bytes.saturating_add(size) > self.limits.bytes {
            add(&self.counts.dropped.queue_full, 1);
            return Err(Full::Queue);
        }
        let full_before = state.has_batch();
        state.entries.push_back(entry);
        state.bytes += size;
        state.pushed += 1;
        if state.entries.len() == 1 {
            state.since = Some(Instant::now());
        }
        let nobody_delivers = !std::mem::replace(&mut state.worker, true);
        if std::mem::take(&mut state.asleep) || (state.has_batch() && !full_before) {
            drop(state);
            self.work.notify_one();
        }
        Ok(Taken { nobody_delivers })
    }

    /// Counts an entry that is not even queued.
    pub(crate) fn count(&self, count: impl FnOnce(&Counts)) {
        let _state = self.lock();
        add(&self.counts.recorded, 1);
        count(&self.counts);
    }

    /// Waits for the next batch, where the thread that delivers `takes` one, or until `due`, where it waits for something.
    pub(crate) fn next(&self, takes: bool, due: Option<Instant>) -> Next {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let ready = if takes { state.ready_at(now, self.limits.delay) } else { None };
            if ready.is_some_and(|ready| ready <= now) {
                return Next::Batch(state.take_batch());
            }
            if state.closing.is_some() {
                return Next::Closing;
            }
            if due.is_some_and(|due| due <= now) {
                return Next::Due;
            }
            let delay = self.limits.delay;
            let waits = takes && state.entries.is_empty();
            let recent = state.since.is_some_and(|last| now.duration_since(last) < LOOKS_FOR);
            let look = (waits && recent && delay >= SHORTEST_LOOK).then(|| now + delay);
            state.asleep = waits && look.is_none();
            state = match [ready, due, look].into_iter().flatten().min() {
                Some(until) => self.work.wait_timeout(state, until - now).unwrap_or_else(PoisonError::into_inner).0,
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            state.asleep = false;
        }
    }

    /// Changes counts of spans that are not in the queue, all at once.
    pub(crate) fn recount(&self, count: impl FnOnce(&Counts)) {
        let _state = self.lock();
        count(&self.counts);
    }

    /// Whether there is a server, as the last attempt found.
    pub(crate) fn set_away(&self, away: bool) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.away, away) != away {
            drop(state);
            self.settled.notify_all();
        }
    }

    /// What was lost of what never got a number.
    pub(crate) fn lost_unnumbered(&self) -> u64 {
        lost_unnumbered(&self.counts)
    }

    /// Tells what became of the batch.
    pub(crate) fn settle(&self, count: impl FnOnce(&Counts)) {
        let mut state = self.lock();
        count(&self.counts);
        state.settled += state.in_flight as u64;
        state.in_flight = 0;
        drop(state);
        self.settled.notify_all();
    }

    /// Drops all that waits, since the client closes and the server is not there.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        let n = state.entries.len();
        add(&self.counts.dropped.undelivered, n);
        state.entries.clear();
        state.bytes = 0;
        state.settled += n as u64;
        drop(state);
        self.settled.notify_all();
    }

    /// Until when the closing client waits.
    pub(crate) fn closing(&self) -> Option<Instant> {
        self.lock().closing
    }

    /// Waits until all that was pushed before is delivered, kept on disk or dropped. False when the time is over first.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let mut state = self.lock();
        let target = state.pushed;
        state.flushers += 1;
        self.work.notify_one();
        let (mut state, _) = self
            .settled
            .wait_timeout_while(state, timeout, |state| state.settled < target)
            .unwrap_or_else(PoisonError::into_inner);
        state.flushers -= 1;
        state.settled >= target
    }

    /// Takes no more entries, and waits like `flush`; then for the worker too, which delivers what is on disk, unless the server
    /// is away.
    pub(crate) fn close(&self, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        self.lock().closing.get_or_insert(until);
        let flushed = self.flush(timeout);
        let left = until.saturating_duration_since(Instant::now());
        drop(self.settled.wait_timeout_while(self.lock(), left, |state| state.worker && !state.away));
        flushed
    }

    /// Whether the caller must start the worker: there is work, in the queue or elsewhere, and nobody does it.
    pub(crate) fn claim_worker(&self, elsewhere: bool) -> bool {
        let mut state = self.lock();
        !state.worker && (elsewhere || !state.entries.is_empty()) && {
            state.worker = true;
            true
        }
    }

    /// The worker has ended or could not be started; what it had in hand is lost.
    pub(crate) fn worker_gone(&self) {
        let mut state = self.lock();
        state.worker = false;
        let lost = std::mem::take(&mut state.in_flight);
        add(&self.counts.dropped.internal, lost);
        state.settled += lost as u64;
        drop(state);
        self.settled.notify_all();
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.lock();
        self.counts.read(state.pushed - state.settled)
    }

    pub(crate) fn mask_failed(&self, values: usize) {
        add(&self.counts.mask_failed, values);
    }

    pub(crate) fn retried(&self) {
        add(&self.counts.retries, 1);
    }
}

impl State {
    fn has_batch(&self) -> bool {
        self.entries.len() >= BATCH_ENTRIES || self.bytes >= BATCH_BYTES
    }

    /// When there is a batch to take; `None` while there is nothing.
    fn ready_at(&self, now: Instant, delay: Duration) -> Option<Instant> {
        if self.entries.is_empty() {
            return None;
        }
        let at_once = self.has_batch() || self.flushers > 0 || self.closing.is_some();
        Some(if at_once { now } else { self.since.unwrap_or(now) + delay })
    }

    fn take_batch(&mut self) -> Vec<Entry> {
        let batch: Vec<Entry> = if self.entries.len() <= BATCH_ENTRIES && self.bytes <= BATCH_BYTES {
            // The usual case keeps no thread of the application waiting: nothing is copied.
            self.bytes = 0;
            let room = VecDeque::with_capacity(self.entries.len());
            std::mem::replace(&mut self.entries, room).into()
        } else {
            let mut bytes = 0;
            let fits = |entry: &&Entry| {
                bytes += entry.size;
                bytes <= BATCH_BYTES
            };
            let n = self.entries.iter().take(BATCH_ENTRIES).take_while(fits).count().max(1);
            let batch: Vec<Entry> = self.entries.drain(..n).collect();
            self.bytes -= batch.iter().map(|entry| entry.size).sum::<usize>();
            batch
        };
        self.in_flight = batch.len();
        batch
    }
}
