//! `_native.Client`, and its notices on their way to Python's `logging`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use neuraltrust::{Compression, Notice, NoticeKind, Options, Redact, Spool};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error;
use crate::mask::{self, Mask};
use crate::testing::Recorder;

/// Notices wait here until a call of the application picks them up: the thread that delivers must not run Python code.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    any: AtomicBool,
    list: Mutex<Vec<(NoticeKind, String)>>,
}

impl Notices {
    fn keep(&self, notice: &Notice) {
        // Python tells of a missing key itself, in the words of its own options.
        if notice.kind == NoticeKind::NoKey {
            return;
        }
        // After a fork the lock may be held by a thread that is gone: then the notice is not worth waiting for.
        if let Ok(mut list) = self.list.try_lock() {
            list.push((notice.kind, notice.message.clone()));
            self.any.store(true, Relaxed);
        }
    }

    /// Logs what waits. A logger that fails is the application's, and recording goes on.
    pub(crate) fn log(&self, py: Python<'_>) -> PyResult<()> {
        // Every step asks: a look costs less than taking.
        if !self.any.load(Relaxed) || !self.any.swap(false, Relaxed) {
            return Ok(());
        }
        let list = self.list.try_lock().map(|mut list| std::mem::take(&mut *list)).unwrap_or_default();
        for (kind, message) in list {
            if kind == NoticeKind::Closed {
                // Whoever calls now is the one to say so of.
                let told = py.import("neuraltrust._misuse").and_then(|misuse| misuse.call_method1("warn", ("%s", message)));
                swallow(py, told.map(drop))?;
                continue;
            }
            let level = match kind {
                NoticeKind::Refused | NoticeKind::Undelivered | NoticeKind::Internal => "error",
                _ => "warning",
            };
            let logged = py
                .import("logging")
                .and_then(|logging| logging.call_method1("getLogger", ("neuraltrust",)))
                .and_then(|logger| logger.call_method1(level, ("%s", message)));
            swallow(py, logged.map(drop))?;
        }
        Ok(())
    }
}

/// Keeps an error from the application; what is no error, as an interrupt from the keyboard, goes through.
fn swallow(py: Python<'_>, result: PyResult<()>) -> PyResult<()> {
    result.or_else(|error| if error.is_instance_of::<PyException>(py) { Ok(()) } else { Err(error) })
}

/// Delivers what its traces record.
#[pyclass(frozen, module = "neuraltrust._native")]
pub(crate) struct Client {
    pub(crate) client: neuraltrust::Client,
    pub(crate) notices: Arc<Notices>,
    mask: Option<Arc<Mask>>,
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (api_key, base_url, timeout, service_name, sample_rate, mask, redact, spool, spool_bytes, headers, proxy, ca_file, compression, recorder))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn new(
        py: Python<'_>,
        api_key: Option<String>,
        base_url: String,
        timeout: f64,
        service_name: Option<String>,
        sample_rate: f64,
        mask: Option<Py<PyAny>>,
        redact: Vec<String>,
        spool: String,
        spool_bytes: Option<u64>,
        headers: Vec<(String, String)>,
        proxy: Option<String>,
        ca_file: Option<PathBuf>,
        compression: Option<&str>,
        recorder: Option<&Recorder>,
    ) -> PyResult<Self> {
        let redact: Result<Vec<Redact>, _> = redact.iter().map(|name| name.parse()).collect();
        let compression = compression.map_or(Ok(Compression::default()), str::parse);
        let mask = mask.map(|hook| Arc::new(Mask::new(hook)));
        let notices = Arc::new(Notices::default());
        let kept = Arc::clone(&notices);
        let spool = match spool.trim() {
            "off" => None,
            "" => Spool::of_user(),
            folder => Some(Spool::new(folder)),
        };
        let spool = spool.map(|spool| Spool { bytes: spool_bytes.unwrap_or(spool.bytes), ..spool });
        let options = Options {
            spool,
            compression: compression.map_err(|error| error::option(&error))?,
            headers,
            proxy,
            ca_file,
            api_key,
            base_url,
            timeout: seconds(timeout),
            service_name,
            sample_rate,
            mask: mask.as_ref().map(mask::hook),
            redact: redact.map_err(|error| error::option(&error))?,
            language: "python".to_owned(),
            sdk_version: env!("CARGO_PKG_VERSION").to_owned(),
            recorder: recorder.map(|recorder| recorder.kept.clone()),
            on_notice: Some(Arc::new(move |notice| kept.keep(notice))),
            ..Options::default()
        };
        let client = neuraltrust::Client::new(options).map_err(|error| error::option(&error))?;
        notices.log(py)?;
        Ok(Self { client, notices, mask })
    }

    /// Waits until all is delivered or dropped; false when the time is over first.
    fn flush(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let done = wait(py, timeout, |slice| self.client.flush(slice))?;
        self.notices.log(py)?;
        Ok(done)
    }

    /// Flushes, and records nothing more.
    fn close(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let done = py.detach(|| self.client.close(seconds(timeout)));
        if let Some(mask) = &self.mask {
            mask.close();
        }
        self.notices.log(py)?;
        Ok(done)
    }

    /// Whether nothing of it waits and nothing else holds it.
    fn _is_idle(&self) -> bool {
        self.client.is_idle()
    }

    /// What became of all that was recorded.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.client.stats();
        let all = PyDict::new(py);
        for (name, count) in [
            ("recorded", stats.recorded),
            ("merged", stats.merged),
            ("sent", stats.sent),
            ("rejected", stats.rejected),
            ("pending", stats.pending),
            ("spooled", stats.spooled),
            ("adopted", stats.adopted),
            ("retries", stats.retries),
            ("mask_failed", stats.mask_failed),
            ("dropped", stats.dropped.total()),
        ] {
            all.set_item(name, count)?;
        }
        for (name, count) in stats.dropped.named() {
            all.set_item(format!("dropped_{name}"), count)?;
        }
        Ok(all)
    }
}

/// Waits in slices, without the interpreter's lock, so that an interrupt from the keyboard need not wait for the end.
fn wait(py: Python<'_>, timeout: f64, step: impl Fn(Duration) -> bool + Sync) -> PyResult<bool> {
    const SLICE: Duration = Duration::from_millis(250);
    let until = Instant::now() + seconds(timeout);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if py.detach(|| step(left.min(SLICE))) {
            return Ok(true);
        }
        if left <= SLICE {
            return Ok(false);
        }
        py.check_signals()?;
    }
}

/// Python's seconds; what is no time is no wait, and forever is a year.
fn seconds(seconds: f64) -> Duration {
    const YEAR: f64 = 31_536_000.0;
    if seconds.is_nan() { Duration::ZERO } else { Duration::from_secs_f64(seconds.clamp(0.0, YEAR)) }
}
