//! The one thread that delivers: takes batches from the queue until the client is closed.
//!
//! It keeps a batch until the server took it, refused it, or the time for retries is over. Every entry that it took is
//! settled exactly once.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::client::Shared;
use crate::encode;
use crate::error::NoticeKind;
use crate::mask::{self, Masker};
use crate::queue::Waited;
use crate::span::Entry;
use crate::stats::{Counts, add};
use crate::transport::{Outcome, Parcel, Transport};

/// Longest wait between two attempts, unless the server asks for more.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
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
    let worker = Worker {
        shared,
        transport: Transport::open(target, shared.config.timeout),
        resource: encode::resource(shared.config.service_name.as_deref(), &shared.config.language, &shared.config.sdk_version),
    };
    while let Some(batch) = shared.queue.next_batch() {
        worker.deliver(batch);
    }
}

struct Worker<'a> {
    shared: &'a Shared,
    transport: Transport,
    resource: Resource,
}

/// The end of all attempts on a batch.
enum End {
    Delivered { rejected: usize, message: String },
    Refused { why: String },
    GivenUp { why: String },
}

impl Worker<'_> {
    fn deliver(&self, batch: Vec<Entry>) {
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
        let end = match self.transport.pack(export) {
            Ok(parcel) => self.attempt(&parcel),
            Err(error) => End::Refused { why: format!("the batch cannot be compressed: {error}") },
        };
        if matches!(end, End::Delivered { .. }) {
            for entry in &entries {
                entry.core.described.store(true, Relaxed);
            }
        }
        let queue = &self.shared.queue;
        let merged = |counts: &Counts| add(&counts.merged, taken - spans);
        // Told before it is settled: who waits in `flush` finds the notice when it returns.
        match end {
            End::Delivered { rejected, message } => {
                let rejected = rejected.min(spans);
                if rejected > 0 {
                    self.shared.notify(NoticeKind::Rejected, || {
                        format!("the server rejected {rejected} of {}: {message}", counted(spans))
                    });
                }
                queue.settle(|counts| {
                    merged(counts);
                    add(&counts.sent, spans - rejected);
                    add(&counts.rejected, rejected);
                });
            }
            End::Refused { why } => {
                self.shared.notify(NoticeKind::Refused, || format!("dropped {}: {why}", counted(spans)));
                queue.settle(|counts| {
                    merged(counts);
                    add(&counts.dropped.refused, spans);
                });
            }
            End::GivenUp { why } => {
                self.shared
                    .notify(NoticeKind::Undelivered, || format!("dropped {} that could not be delivered: {why}", counted(spans)));
                queue.settle(|counts| {
                    merged(counts);
                    add(&counts.dropped.undelivered, spans);
                });
                if queue.closing().is_some() {
                    queue.abandon();
                }
            }
        }
    }

    fn attempt(&self, parcel: &Parcel) -> End {
        let config = &self.shared.config;
        let give_up = Instant::now() + config.retry_for;
        let mut attempts = 0_u32;
        let mut attempts_closing = 0_u32;
        loop {
            let timeout = match self.shared.queue.closing() {
                None => config.timeout,
                Some(deadline) => {
                    attempts_closing += 1;
                    config.timeout.min(deadline.saturating_duration_since(Instant::now())).max(Duration::from_millis(100))
                }
            };
            let (after, why) = match self.transport.send(parcel, timeout) {
                Outcome::Delivered { rejected, message } => return End::Delivered { rejected, message },
                Outcome::Refused { why } => return End::Refused { why },
                Outcome::Later { after, why } => (after.map(|after| after.min(MAX_RETRY_AFTER)), why),
            };
            if attempts_closing >= CLOSING_ATTEMPTS {
                return End::GivenUp { why };
            }
            let wait = after.unwrap_or_else(|| backoff(config.backoff, attempts));
            let now = Instant::now();
            if now + wait > give_up {
                return End::GivenUp { why };
            }
            self.shared.notify(NoticeKind::Retrying, || format!("{why}; delivery is tried again"));
            if let Waited::Closing(deadline) = self.shared.queue.pause(wait) {
                let left = (now + wait).saturating_duration_since(Instant::now());
                let left = if after.is_some() { left } else { left.min(CLOSING_BACKOFF) };
                if Instant::now() + left >= deadline {
                    return End::GivenUp { why };
                }
                std::thread::sleep(left);
            }
            attempts += 1;
            self.shared.queue.retried();
        }
    }
}

fn counted(spans: usize) -> String {
    format!("{spans} {}", if spans == 1 { "span" } else { "spans" })
}

/// Anything between half of the wait and the whole, so that many clients do not come back at once.
fn backoff(first: Duration, attempts: u32) -> Duration {
    let most = first.saturating_mul(1 << attempts.min(16)).min(MAX_BACKOFF);
    let random = RandomState::new().build_hasher().finish() % 512;
    most.mul_f64(0.5 + random as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        let first = Duration::from_millis(250);
        for attempts in [0, 1, 5, 40, u32::MAX] {
            let most = first.saturating_mul(1 << attempts.min(16)).min(MAX_BACKOFF);
            for _ in 0..50 {
                let wait = backoff(first, attempts);
                assert!(wait >= most / 2 && wait <= most, "{wait:?} after {attempts} attempts");
            }
        }
    }
}
