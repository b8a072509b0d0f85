//! Counts of what became of every span. Nothing is lost without being counted here.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What became of the starts and ends of steps that the application recorded, since the client (or its process, after a
/// fork) started: `recorded + adopted == merged + sent + rejected + dropped.total() + pending + spooled`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Starts and ends that the application recorded.
    pub recorded: u64,
    /// Those that travelled together with another one of the same step.
    pub merged: u64,
    /// Spans that the server took.
    pub sent: u64,
    /// Spans that the server rejected one by one, keeping the rest of their batch.
    pub rejected: u64,
    /// Spans that were dropped, by reason.
    pub dropped: Dropped,
    /// Starts and ends that still wait for delivery in memory.
    pub pending: u64,
    /// Spans that wait on disk. They are delivered when the server is back, by this process or by a later one.
    pub spooled: u64,
    /// Spans that processes which ended had left on disk, and that this one took over.
    pub adopted: u64,
    /// Requests that were repeated.
    pub retries: u64,
    /// Values on which the masking hook failed: a mark was sent instead.
    pub mask_failed: u64,
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Spans that were dropped, by reason.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Dropped { $($(#[$doc])* pub $name: u64,)* }

        impl Dropped {
            /// Spans that were dropped for any reason.
            #[must_use]
            pub fn total(&self) -> u64 {
                0 $(+ self.$name)*
            }

            /// The counts by their names.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }

        #[derive(Debug, Default)]
        pub(crate) struct DroppedCounts { $(pub(crate) $name: AtomicU64,)* }

        impl DroppedCounts {
            fn read(&self) -> Dropped {
                Dropped { $($name: self.$name.load(Relaxed),)* }
            }
        }
    };
}

counts! {
    /// There is no API key.
    disabled,
    /// The trace is not among the share that is recorded.
    unsampled,
    /// The queue was full.
    queue_full,
    /// The span is larger than the server takes.
    too_large,
    /// The server refused the batch for good.
    refused,
    /// Delivery failed for too long, or the client closed before it succeeded.
    undelivered,
    /// What waited on disk could not be read again.
    damaged,
    /// The client was closed already.
    closed,
    /// A defect of the SDK.
    internal,
}

/// The counts behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) recorded: AtomicU64,
    pub(crate) merged: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) spooled: AtomicU64,
    pub(crate) adopted: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) mask_failed: AtomicU64,
    pub(crate) dropped: DroppedCounts,
}

impl Counts {
    pub(crate) fn read(&self, pending: u64) -> Stats {
        Stats {
            recorded: self.recorded.load(Relaxed),
            merged: self.merged.load(Relaxed),
            sent: self.sent.load(Relaxed),
            rejected: self.rejected.load(Relaxed),
            dropped: self.dropped.read(),
            pending,
            spooled: self.spooled.load(Relaxed),
            adopted: self.adopted.load(Relaxed),
            retries: self.retries.load(Relaxed),
            mask_failed: self.mask_failed.load(Relaxed),
        }
    }
}

/// What the process has lost of what never got a number: the server's ledger cannot see it as a gap.
pub(crate) fn lost_unnumbered(counts: &Counts) -> u64 {
    let dropped = &counts.dropped;
    [&dropped.queue_full, &dropped.too_large, &dropped.closed].iter().map(|count| count.load(Relaxed)).sum()
}

/// Takes from a count.
pub(crate) fn take(count: &AtomicU64, n: usize) {
    count.fetch_sub(n as u64, Relaxed);
}

/// Adds to a count.
pub(crate) fn add(count: &AtomicU64, n: usize) {
    count.fetch_add(n as u64, Relaxed);
}
