//! The one thread that delivers: takes batches from the queue until the client is closed.
//!
//! A batch that the server does not take at once goes to the spool, and those behind it too, so that they are delivered in
//! their order when the server is back. Where there is no spool, or no room in it, the batch is held in memory and none is
//! taken from the queue meanwhile. Every entry that was taken is settled exactly once: sent, rejected, kept on disk or dropped.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::client::Shared;
use crate::encode;
use crate::error::NoticeKind;
use crate::mask::{self, Masker};
use crate::queue::Next;
use crate::running::Running;
use crate::span::{Core, Entry};
use crate::spool::{Frame, Spool};
use crate::stats::{Counts, add, take};
use crate::transport::{Outcome, Parcel, Sequence, Transport};

/// Longest wait that a server can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);
/// A closing client waits less: the application's exit must not hang on a server that is not there.
const CLOSING_BACKOFF: Duration = Duration::from_millis(300);
/// Attempts on a server that cannot be reached while the client closes.
const CLOSING_ATTEMPTS: u32 = 3;

/// Delivers until the client is closed and the queue is empty.
pub(crate) fn run(shared: &Arc<Shared>) {
    // Also when a defect unwinds the thread: the batch in hand is counted, and the next push starts a new thread.
    struct Gone<'a>(&'a Shared);
    impl Drop for Gone<'_> {
        fn drop(&mut self) {
            self.0.queue.worker_gone();
        }
    }
    let _gone = Gone(shared);
    let Some(target) = &shared.config.target else { return };
    let config = &shared.config;
    let mut worker = Worker {
        shared,
        transport: Transport::open(target, config.timeout),
        resource: encode::resource(config.service_name.as_deref(), &config.language, &config.sdk_version),
        spool: config.spool.clone().map(|place| Spool::new(place, &shared.source)),
        running: Running::new(config.snapshot_every),
        held: None,
        failures: 0,
        asked_to_wait: false,
        due: Instant::now(),
        faulty_since: None,
    };
    loop {
        worker.search();
        worker.say_what_runs();
        match shared.queue.next(worker.held.is_none(), worker.due()) {
            Next::Batch(batch) => {
                worker.take(batch);
                if worker.due <= Instant::now() {
                    worker.attempt();
                }
            }
            Next::Due => {
                if worker.due <= Instant::now() {
                    worker.attempt();
                }
            }
            Next::Closing => {
                if !worker.finish() {
                    break;
                }
            }
        }
    }
    if let Some(spool) = worker.spool {
        spool.leave();
    }
}

struct Worker<'a> {
    shared: &'a Shared,
    transport: Transport,
    resource: Resource,
    spool: Option<Spool>,
    /// Steps that were sent open.
    running: Running,
    /// The batch in hand.
    held: Option<Held>,
    /// Attempts that failed since the last one that did not.
    failures: u32,
    /// Whether it was the server that said when to come back.
    asked_to_wait: bool,
    /// When the next attempt is due.
    due: Instant,
    /// Since when the server has failed at what is due.
    faulty_since: Option<Instant>,
}

/// A batch that is neither delivered nor on disk.
struct Held {
    parcel: Parcel,
    sequence: Sequence,
    /// Entries that became part of another one's span.
    merged: usize,
    /// The steps, of which the server knows the start once this is delivered.
    cores: Vec<Arc<Core>>,
    since: Instant,
}

impl Worker<'_> {
    /// When there is something to do beside new batches.
    fn due(&self) -> Option<Instant> {
        let waits = self.held.is_some() || self.spool.as_ref().is_some_and(|spool| !spool.is_empty());
        waits.then_some(self.due).into_iter().chain(self.spool.as_ref().map(Spool::search_at)).chain(self.running.due()).min()
    }

    /// Takes over what ended processes left on disk.
    fn search(&mut self) {
        let found = self.spool.as_mut().map_or(0, |spool| spool.search(Instant::now()));
        if found > 0 {
            self.shared.queue.recount(|counts| {
                add(&counts.adopted, found);
                add(&counts.spooled, found);
            });
        }
    }

    /// Puts it into the queue that steps still run, as if the application had said so.
    fn say_what_runs(&mut self) {
        for entry in self.running.snapshots(Instant::now()) {
            if self.shared.queue.closing().is_none() {
                // A queue that is full counts what it drops.
                let _ = self.shared.queue.push(entry);
            }
        }
    }

    /// Makes a batch ready to be sent; behind what waits on disk, it goes there.
    fn take(&mut self, batch: Vec<Entry>) {
        let taken = batch.len();
        let entries = encode::merge(batch);
        let spans = entries.len();
        let masker = Masker::new(&self.shared.config.masking);
        let export = encode::export(&self.resource, &entries, &masker);
        let (failed, why) = masker.into_failures();
        if failed > 0 {
            self.shared.queue.mask_failed(failed);
            self.shared.notify(NoticeKind::Masking, || {
                format!("the masking hook failed: {why}; {:?} was sent in the place of the value", mask::FAILED)
            });
        }
        let merged = taken - spans;
        let parcel = match self.transport.pack(export) {
            Ok(parcel) => parcel,
            Err(error) => {
                self.shared.notify(NoticeKind::Refused, || format!("a batch was dropped, it cannot be compressed: {error}"));
                self.shared.queue.settle(|counts| {
                    add(&counts.merged, merged);
                    add(&counts.dropped.refused, spans);
                });
                return;
            }
        };
        let sequence = Sequence {
            source: self.shared.source.clone(),
            first: self.shared.numbered.fetch_add(spans as u64, Relaxed) + 1,
            spans: u32::try_from(spans).unwrap_or(u32::MAX),
            lost: self.shared.queue.lost_unnumbered(),
        };
        let cores: Vec<Arc<Core>> = entries.into_iter().map(|entry| entry.core).collect();
        cores.iter().for_each(|core| self.running.add(core));
        self.held = Some(Held { parcel, sequence, merged, cores, since: Instant::now() });
        if self.failures > 0 || self.spool.as_ref().is_some_and(Spool::holds_own) {
            self.keep();
        }
    }

    /// Puts the batch in hand on disk. Where that fails it stays in hand.
    fn keep(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        let Some(held) = self.held.take() else { return };
        let Held { parcel: Parcel::Bytes(body), sequence, merged, cores, since } = held else {
            self.held = Some(held);
            return;
        };
        let frame = Frame { first: sequence.first, lost: sequence.lost, spans: sequence.spans, body };
        match spool.keep(&frame) {
            Ok(()) => self.shared.queue.settle(|counts| {
                add(&counts.merged, merged);
                add(&counts.spooled, cores.len());
            }),
            Err(error) => {
                self.shared.notify(NoticeKind::Spool, || format!("the spool takes no more: {error}; spans wait in memory"));
                self.held = Some(Held { parcel: Parcel::Bytes(frame.body), sequence, merged, cores, since });
            }
        }
    }

    /// Sends what is due: what is on disk of this process, the batch in hand, then what others left. Whether it went well.
    fn attempt(&mut self) -> bool {
        let own = self.spool.as_ref().is_some_and(Spool::holds_own);
        match self.held.take() {
            Some(held) if !own => {
                let outcome = self.send(&held.parcel, &held.sequence);
                self.settle_held(held, outcome)
            }
            held => {
                self.held = held;
                self.attempt_stored()
            }
        }
    }

    fn settle_held(&mut self, held: Held, outcome: Outcome) -> bool {
        let spans = held.cores.len();
        // Told before it is settled: who waits in `flush` finds the notice when it returns.
        match outcome {
            Outcome::Delivered { rejected, message } => {
                let rejected = self.delivered(spans, rejected, &message);
                for core in &held.cores {
                    core.described.store(true, Relaxed);
                }
                self.shared.queue.settle(|counts| {
                    add(&counts.merged, held.merged);
                    add(&counts.sent, spans - rejected);
                    add(&counts.rejected, rejected);
                });
                true
            }
            Outcome::Refused { why } => {
                self.refused(spans, &why);
                self.shared.queue.settle(|counts| {
                    add(&counts.merged, held.merged);
                    add(&counts.dropped.refused, spans);
                });
                true
            }
            Outcome::Later { after, faulty, why } => {
                self.later(after, faulty);
                let over = self.due > held.since + self.shared.config.retry_for;
                self.held = Some(held);
                if over && self.spool.is_none() {
                    self.give_up(&why);
                } else {
                    self.shared.notify(NoticeKind::Retrying, || format!("{why}; delivery is tried again"));
                    self.keep();
                }
                false
            }
        }
    }

    fn attempt_stored(&mut self) -> bool {
        let Some(spool) = &mut self.spool else { return true };
        let (source, frame) = match spool.front() {
            Ok(Some(front)) => front,
            Ok(None) => return true,
            Err(lost) => {
                self.shared.notify(NoticeKind::Spool, || format!("{} on disk cannot be read again and are lost", counted(lost)));
                self.shared.queue.recount(|counts| {
                    take(&counts.spooled, lost);
                    add(&counts.dropped.damaged, lost);
                });
                return true;
            }
        };
        let spans = frame.spans as usize;
        let sequence = Sequence { source, first: frame.first, spans: frame.spans, lost: frame.lost };
        let outcome = self.send(&Parcel::Bytes(frame.body), &sequence);
        let settled = |worker: &mut Self, count: &dyn Fn(&Counts)| {
            if let Some(spool) = &mut worker.spool {
                spool.settle_front();
            }
            worker.shared.queue.recount(|counts| {
                take(&counts.spooled, spans);
                count(counts);
            });
            true
        };
        match outcome {
            Outcome::Delivered { rejected, message } => {
                let rejected = self.delivered(spans, rejected, &message);
                settled(self, &|counts| {
                    add(&counts.sent, spans - rejected);
                    add(&counts.rejected, rejected);
                })
            }
            Outcome::Refused { why } => {
                self.refused(spans, &why);
                settled(self, &|counts| add(&counts.dropped.refused, spans))
            }
            Outcome::Later { after, faulty, why } => {
                self.later(after, faulty);
                if self.faulty_since.is_some_and(|since| since.elapsed() > self.shared.config.retry_for) {
                    // It must not hold up all others for ever.
                    self.answered();
                    self.notify_undelivered(spans, &why);
                    return settled(self, &|counts| add(&counts.dropped.undelivered, spans));
                }
                self.shared.notify(NoticeKind::Retrying, || format!("{why}; delivery is tried again"));
                false
            }
        }
    }

    /// One request. A closing client gives it no more time than it has.
    fn send(&self, parcel: &Parcel, sequence: &Sequence) -> Outcome {
        if self.failures > 0 {
            self.shared.queue.retried();
        }
        let timeout = self.shared.config.timeout;
        let timeout = match self.shared.queue.closing() {
            None => timeout,
            Some(deadline) => timeout.min(deadline.saturating_duration_since(Instant::now())).max(Duration::from_millis(100)),
        };
        self.transport.send(parcel, sequence, timeout)
    }

    /// The server answered. Gives how many spans it rejected.
    fn delivered(&mut self, spans: usize, rejected: usize, message: &str) -> usize {
        self.answered();
        let rejected = rejected.min(spans);
        if rejected > 0 {
            self.shared
                .notify(NoticeKind::Rejected, || format!("the server rejected {rejected} of {}: {message}", counted(spans)));
        }
        rejected
    }

    fn refused(&mut self, spans: usize, why: &str) {
        self.answered();
        self.shared.notify(NoticeKind::Refused, || format!("dropped {}: {why}", counted(spans)));
    }

    fn answered(&mut self) {
        self.failures = 0;
        self.asked_to_wait = false;
        self.faulty_since = None;
        self.due = Instant::now();
        self.shared.queue.set_away(false);
    }

    fn later(&mut self, after: Option<Duration>, faulty: bool) {
        if faulty {
            self.faulty_since.get_or_insert_with(Instant::now);
        }
        let wait = after.map(|after| after.min(MAX_RETRY_AFTER));
        self.asked_to_wait = wait.is_some();
        let config = &self.shared.config;
        self.due = Instant::now() + wait.unwrap_or_else(|| backoff(config.backoff, config.max_backoff, self.failures));
        self.failures += 1;
        self.shared.queue.set_away(true);
    }

    fn notify_undelivered(&self, spans: usize, why: &str) {
        self.shared.notify(NoticeKind::Undelivered, || format!("dropped {} that could not be delivered: {why}", counted(spans)));
    }

    /// Drops the batch in hand.
    fn give_up(&mut self, why: &str) {
        let Some(held) = self.held.take() else { return };
        let spans = held.cores.len();
        self.notify_undelivered(spans, why);
        self.shared.queue.settle(|counts| {
            add(&counts.merged, held.merged);
            add(&counts.dropped.undelivered, spans);
        });
    }

    /// The client closes: delivers what it can. Whether the queue is to be asked for more.
    fn finish(&mut self) -> bool {
        let in_hand = self.held.is_some();
        let mut failed = 0;
        loop {
            if self.held.is_none() {
                // What is on disk waits for the next process, where the server is away.
                let done = self.failures > 0 || self.spool.as_ref().is_none_or(Spool::is_empty);
                if in_hand || done {
                    return in_hand;
                }
            }
            let Some(deadline) = self.shared.queue.closing() else { return false };
            let now = Instant::now();
            let wait = self.due.saturating_duration_since(now);
            let wait = if self.asked_to_wait { wait } else { wait.min(CLOSING_BACKOFF) };
            if failed >= CLOSING_ATTEMPTS || now + wait >= deadline {
                self.give_up("the client closes and the server does not take it");
                self.shared.queue.abandon();
                return false;
            }
            std::thread::sleep(wait);
            if !self.attempt() {
                failed += 1;
            }
        }
    }
}

fn counted(spans: usize) -> String {
    format!("{spans} {}", if spans == 1 { "span" } else { "spans" })
}

/// Anything between half of the wait and the whole, so that many clients do not come back at once.
fn backoff(first: Duration, longest: Duration, attempts: u32) -> Duration {
    let most = first.saturating_mul(1 << attempts.min(16)).min(longest);
    let random = RandomState::new().build_hasher().finish() % 512;
    most.mul_f64(0.5 + random as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        let (first, longest) = (Duration::from_millis(250), Duration::from_secs(30));
        for attempts in [0, 1, 5, 40, u32::MAX] {
            let most = first.saturating_mul(1 << attempts.min(16)).min(longest);
            for _ in 0..50 {
                let wait = backoff(first, longest, attempts);
                assert!(wait >= most / 2 && wait <= most, "{wait:?} after {attempts} attempts");
            }
        }
    }
}
