//! The client: owns the queue and its thread, anew in every process.
//!
//! After a fork the child has the parent's memory but not its thread, and the parent's locks in whatever state they were. So
//! all that has a lock belongs to one process: a child begins with an empty queue of its own, which the mark of the process selects
//! without taking any lock. What waited in the parent's queue is delivered by the parent alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use neuraltrust_model::limits::MAX_SPAN_BYTES;

use crate::error::{Error, Notice, NoticeKind};
use crate::forks;
use crate::ids::TraceId;
use crate::mask::Masking;
use crate::options::{OnNotice, Options};
use crate::queue::{Full, Limits, Queue, Taken};
use crate::sampling::Sampling;
use crate::span::Entry;
use crate::spool;
use crate::stats::{Stats, add};
use crate::trace::{Trace, TraceOptions};
use crate::transport::Target;
use crate::worker;

/// How long dropping the last handle of a client waits for delivery.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);
/// Nobody has to know more often than this that a step still runs.
const SHORTEST_SNAPSHOT: Duration = Duration::from_millis(1);
/// Longer than anybody waits: times beyond it are as if they were it, so that none overflows.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Each kind of notice is told at most once in this time.
const NOTICE_EVERY: Duration = Duration::from_secs(60);

/// Records traces. Clones are the same client; when the last of them and of its traces is dropped, what waits is delivered
/// first, for up to five seconds.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    process: Process,
}

/// The client in one process.
#[derive(Debug)]
struct Process {
    mark: u64,
    shared: Arc<Shared>,
    /// The client in a process that was forked from this one; set in that process only.
    forked: OnceLock<Box<Process>>,
}

/// What stays as the options said.
pub(crate) struct Config {
    pub(crate) target: Option<Target>,
    pub(crate) spool: Option<spool::Place>,
    pub(crate) sampling: Sampling,
    pub(crate) masking: Masking,
    pub(crate) timeout: Duration,
    pub(crate) retry_for: Duration,
    pub(crate) backoff: Duration,
    pub(crate) max_backoff: Duration,
    pub(crate) snapshot_every: Duration,
    pub(crate) service_name: Option<String>,
    pub(crate) language: String,
    pub(crate) sdk_version: String,
    limits: Limits,
    on_notice: Option<OnNotice>,
}

/// What the application's threads and the worker share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Arc<Config>,
    pub(crate) queue: Queue,
    /// Names the client in this process to the server, which keeps account of what it numbers.
    pub(crate) source: String,
    /// How many spans have got a number.
    pub(crate) numbered: AtomicU64,
    notices: Notices,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("timeout", &self.timeout).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Client {
    /// Sets up a client. No connection is made and no thread started before there is something to send.
    ///
    /// # Errors
    /// [`Error`] when an option cannot be used. A missing key is no error: such a client records nothing.
    pub fn new(options: Options) -> Result<Self, Error> {
        let target = options.target()?;
        let config = Config {
            sampling: options.sampling()?,
            masking: options.masking(),
            spool: options.place(target.as_ref()),
            target,
            timeout: options.timeout.min(FOREVER),
            retry_for: options.retry_for.min(FOREVER),
            backoff: options.backoff.min(FOREVER),
            max_backoff: options.max_backoff.min(FOREVER),
            snapshot_every: options.snapshot_every.clamp(SHORTEST_SNAPSHOT, FOREVER),
            limits: Limits { entries: options.queue_spans, bytes: options.queue_bytes, delay: options.batch_delay.min(FOREVER) },
            service_name: options.service_name,
            language: options.language,
            sdk_version: options.sdk_version,
            on_notice: options.on_notice,
        };
        let shared = Shared::new(Arc::new(config));
        if shared.config.target.is_none() {
            shared.notify(NoticeKind::NoKey, || "no API key was given: nothing is recorded".to_owned());
        }
        let client = Self { inner: Arc::new(Inner { process: Process::new(shared) }) };
        if client.shared().config.spool.as_ref().is_some_and(spool::Place::is_used) {
            client.shared().ensure_worker(true);
        }
        Ok(client)
    }

    /// Sets up a client from the environment; see [`Options::from_env`].
    ///
    /// # Errors
    /// See [`Client::new`].
    pub fn from_env() -> Result<Self, Error> {
        Self::new(Options::from_env()?)
    }

    /// Starts a trace. It is shown as soon as it has a step.
    #[must_use]
    pub fn trace(&self, options: TraceOptions) -> Trace {
        Trace::new(self.clone(), options)
    }

    /// Waits until all that was recorded before is delivered, kept on disk, or dropped and counted. False when the time is over
    /// first.
    pub fn flush(&self, timeout: Duration) -> bool {
        let shared = self.shared();
        shared.ensure_worker(false);
        shared.queue.flush(timeout.min(FOREVER))
    }

    /// Records nothing more, and waits like [`Client::flush`]. A server that cannot be reached is given up earlier; what is on
    /// disk then is delivered by the next process.
    pub fn close(&self, timeout: Duration) -> bool {
        self.shared().close(timeout.min(FOREVER))
    }

    /// Whether nothing of it waits, in memory or on disk, and this is its last handle: dropping it waits for nothing then.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let stats = self.stats();
        Arc::strong_count(&self.inner) == 1 && stats.pending + stats.spooled == 0
    }

    /// What became of all that was recorded in this process.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared().queue.stats()
    }

    /// Queues what is said of a step.
    pub(crate) fn push(&self, entry: Entry) {
        let shared = self.shared();
        if shared.config.target.is_none() {
            shared.queue.count(|counts| add(&counts.dropped.disabled, 1));
            return;
        }
        if !entry.core.context.sampled {
            shared.queue.count(|counts| add(&counts.dropped.unsampled, 1));
            return;
        }
        if entry.size > MAX_SPAN_BYTES {
            let size = entry.size;
            shared.queue.count(|counts| add(&counts.dropped.too_large, 1));
            shared.notify(NoticeKind::TooLarge, || {
                format!("a span of {size} bytes was dropped: a span has up to {MAX_SPAN_BYTES}")
            });
            return;
        }
        match shared.queue.push(entry) {
            Ok(Taken { nobody_delivers: false }) => {}
            Ok(Taken { nobody_delivers: true }) => shared.start_worker(),
            Err(Full::Closed) => {
                shared.notify(NoticeKind::Closed, || "the client is closed: what is recorded afterwards is dropped".to_owned());
            }
            Err(Full::Queue) => {
                shared
                    .notify(NoticeKind::QueueFull, || "the queue is full: new spans are dropped until there is room".to_owned());
            }
        }
    }

    /// Which traces are recorded.
    pub(crate) fn sampling(&self) -> Sampling {
        self.shared().config.sampling
    }

    fn shared(&self) -> &Arc<Shared> {
        self.inner.process.current()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.process.current().close(DROP_TIMEOUT);
    }
}

impl Process {
    fn new(shared: Shared) -> Self {
        Self { mark: forks::mark(), shared: Arc::new(shared), forked: OnceLock::new() }
    }

    /// The client in the running process.
    fn current(&self) -> &Arc<Shared> {
        let mark = forks::mark();
        let mut process = self;
        while process.mark != mark {
            let config = &process.shared.config;
            process = process.forked.get_or_init(|| Box::new(Self::new(Shared::new(Arc::clone(config)))));
        }
        &process.shared
    }
}

impl Shared {
    fn new(config: Arc<Config>) -> Self {
        Self {
            queue: Queue::new(config.limits),
            config,
            source: TraceId::random().text().into_owned(),
            numbered: AtomicU64::new(0),
            notices: Notices::default(),
        }
    }

    /// Starts the thread that delivers, where there is work, in the queue or elsewhere, and it does not run.
    fn ensure_worker(self: &Arc<Self>, elsewhere: bool) {
        if self.queue.claim_worker(elsewhere) {
            self.start_worker();
        }
    }

    /// Starts the thread that delivers, for whoever has claimed it.
    fn start_worker(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let started = std::thread::Builder::new().name("neuraltrust".to_owned()).spawn(move || worker::run(&shared));
        if let Err(error) = started {
            self.queue.worker_gone();
            self.notify(NoticeKind::Internal, || format!("the thread that delivers cannot be started: {error}"));
        }
    }

    fn close(self: &Arc<Self>, timeout: Duration) -> bool {
        self.ensure_worker(false);
        self.queue.close(timeout)
    }

    /// Tells the application's operator, unless the same was told within the last minute.
    pub(crate) fn notify(&self, kind: NoticeKind, message: impl FnOnce() -> String) {
        if let Some(on_notice) = &self.config.on_notice
            && self.notices.is_due(kind)
        {
            let notice = Notice { kind, message: message() };
            // The hook is the application's code, and this may be its thread: its panic stays here.
            let _panicked = catch_unwind(AssertUnwindSafe(|| on_notice(&notice)));
        }
    }
}

/// When each kind of notice was last told.
#[derive(Debug)]
struct Notices {
    since: Instant,
    /// Milliseconds since then, plus one; 0 for never.
    told: [AtomicU64; NoticeKind::COUNT],
}

impl Default for Notices {
    fn default() -> Self {
        Self { since: Instant::now(), told: Default::default() }
    }
}

impl Notices {
    fn is_due(&self, kind: NoticeKind) -> bool {
        let now = self.since.elapsed().as_millis() as u64 + 1;
        let told = &self.told[kind as usize];
        let last = told.load(Relaxed);
        let due = last == 0 || now - last.min(now) >= NOTICE_EVERY.as_millis() as u64;
        due && told.compare_exchange(last, now, Relaxed, Relaxed).is_ok()
    }
}
