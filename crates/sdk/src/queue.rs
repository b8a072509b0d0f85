//! The bounded queue between the application's threads and the one that delivers.
//!
//! Pushing never waits for the network: the lock is held for a few instructions only, and a full queue drops the newest. Counts change
//! together with the queue under its lock, so that they always add up.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::span::Entry;
use crate::stats::{Counts, Stats, add};

/// Most entries of one batch.
pub(crate) const BATCH_ENTRIES: usize = 512;
/// Most bytes of one batch, unless a single entry is larger.
pub(crate) const BATCH_BYTES: usize = 4 << 20;

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

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// The time is over.
    Elapsed,
    /// The client closes and waits until then.
    Closing(Instant),
}

#[derive(Debug, Default)]
struct State {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// When the oldest entry came.
    since: Option<Instant>,
    /// Entries ever taken in, and those of them that were delivered or dropped.
    pushed: u64,
    settled: u64,
    in_flight: usize,
    flushers: usize,
    closing: Option<Instant>,
    worker: bool,
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
    pub(crate) fn push(&self, entry: Entry) -> Result<(), Full> {
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
        let first = state.entries.len() == 1;
        if first {
            state.since = Some(Instant::now());
        }
        // The worker sleeps through the entries in between: waking it costs more than pushing.
        if first || (state.has_batch() && !full_before) {
            drop(state);
            self.work.notify_one();
        }
        Ok(())
    }

    /// Counts an entry that is not even queued.
    pub(crate) fn count(&self, count: impl FnOnce(&Counts)) {
        let _state = self.lock();
        add(&self.counts.recorded, 1);
        count(&self.counts);
    }

    /// Waits for the next batch. `None` once the queue is closed and empty.
    pub(crate) fn next_batch(&self) -> Option<Vec<Entry>> {
        let mut state = self.lock();
        loop {
            if !state.entries.is_empty() {
                let due = state.since.unwrap_or_else(Instant::now) + self.limits.delay;
                let left = due.saturating_duration_since(Instant::now());
                if left.is_zero() || state.has_batch() || state.flushers > 0 || state.closing.is_some() {
                    return Some(state.take_batch());
                }
                state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            } else if state.closing.is_some() {
                return None;
            } else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
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

    /// Waits; shorter when the client closes.
    pub(crate) fn pause(&self, time: Duration) -> Waited {
        let until = Instant::now() + time;
        let mut state = self.lock();
        loop {
            if let Some(deadline) = state.closing {
                return Waited::Closing(deadline);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Waited::Elapsed;
            }
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Until when the closing client waits.
    pub(crate) fn closing(&self) -> Option<Instant> {
        self.lock().closing
    }

    /// Waits until all that was pushed before is delivered or dropped. False when the time is over first.
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

    /// Takes no more entries, and waits like `flush`.
    pub(crate) fn close(&self, timeout: Duration) -> bool {
        self.lock().closing.get_or_insert_with(|| Instant::now() + timeout);
        self.flush(timeout)
    }

    /// Whether the caller must start the worker: there is work and nobody does it.
    pub(crate) fn claim_worker(&self) -> bool {
        let mut state = self.lock();
        !state.worker && !state.entries.is_empty() && {
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

    fn take_batch(&mut self) -> Vec<Entry> {
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += entry.size;
            bytes <= BATCH_BYTES
        };
        let n = self.entries.iter().take(BATCH_ENTRIES).take_while(fits).count().max(1);
        let batch: Vec<Entry> = self.entries.drain(..n).collect();
        self.bytes -= batch.iter().map(|entry| entry.size).sum::<usize>();
        self.in_flight = batch.len();
        batch
    }
}
