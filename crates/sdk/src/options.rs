//! How a client is set up, and the same after checking.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::compression::Compression;
use crate::error::{Error, Notice};
use crate::ids;
use crate::mask::{Hook, Masking};
use crate::redact::Redact;
use crate::sampling::Sampling;
use crate::spool;
use crate::testing::Recorder;
use crate::transport::{Network, Target};

/// Where a server started with `make run` listens.
pub const DEFAULT_BASE_URL: &str = "http://127.0.0.1:6180";

/// Called with every notice, on the thread on which it arises. Must be quick; a panic in it is swallowed.
pub(crate) type OnNotice = Arc<dyn Fn(&Notice) + Send + Sync>;

/// Where what cannot be delivered waits on disk until the server is back. What is written there is what would have been
/// sent, masked and compressed; only the user who runs the application can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    /// The folder, made when it is needed. Applications and processes may share it; what waits for one address and key goes
    /// to these alone.
    pub folder: PathBuf,
    /// Most bytes that wait there for one address and key, of all processes. What does not fit waits in memory.
    pub bytes: u64,
}

impl Spool {
    /// Bytes of a spool for which nothing else was said: 256 MiB.
    pub const DEFAULT_BYTES: u64 = 256 << 20;

    /// A spool in a folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), bytes: Self::DEFAULT_BYTES }
    }

    /// A spool where the user's applications keep their state: `$XDG_STATE_HOME/neuraltrust`, else
    /// `~/.local/state/neuraltrust`; `%LOCALAPPDATA%\\neuraltrust` on Windows. `None` where there is no such folder.
    #[must_use]
    pub fn of_user() -> Option<Self> {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
        let state = if cfg!(windows) {
            folder("LOCALAPPDATA")
        } else {
            folder("XDG_STATE_HOME")
                .or_else(|| Some(std::env::home_dir().filter(|home| home.is_absolute())?.join(".local/state")))
        };
        Some(Self::new(state?.join("neuraltrust")))
    }
}

/// How a client is set up. Start from [`Options::default`].
#[derive(Clone)]
pub struct Options {
    /// Key with the scope `ingest`. Without one the client records nothing.
    pub api_key: Option<String>,
    /// Where the server is, without `/v1/traces`.
    pub base_url: String,
    /// Longest time that one request may take.
    pub timeout: Duration,
    /// Most starts and ends of steps that wait for delivery; further ones are dropped and counted.
    pub queue_spans: usize,
    /// Most bytes of content that wait for delivery, as estimated; further spans are dropped and counted.
    pub queue_bytes: usize,
    /// The share of traces that is recorded, from 0 to 1. The id of a trace decides, so that all processes that take part in it
    /// decide alike; the steps of the others are counted as `unsampled`.
    pub sample_rate: f64,
    /// Gives what is sent in the place of every input, output, piece of metadata (user and custom data included), attribute and
    /// message of an error. Called on the thread that delivers, before [`Options::redact`]. Where it says why it cannot, or
    /// panics, a mark is sent instead and counted as `mask_failed`. Ids, names, models, counts and times are sent as they are.
    pub mask: Option<Hook>,
    /// What is found by its form and replaced by a mark, in all that [`Options::mask`] is given.
    pub redact: Vec<Redact>,
    /// How long the first span of a batch waits for company. A step that ends within it costs one span.
    pub batch_delay: Duration,
    /// Where batches wait that could not be delivered at once; see [`Spool`]. Without one they wait in memory.
    pub spool: Option<Spool>,
    /// How long delivery of a batch is tried before it is dropped and counted, where there is no spool to keep it. In a spool a
    /// batch waits for as long as the server is away; one that the server fails at (500) is given up after this time too.
    pub retry_for: Duration,
    /// Longest wait before the first retry; it doubles with each further one, up to [`Options::max_backoff`].
    pub backoff: Duration,
    /// Longest wait before any retry, unless the server asks for more.
    pub max_backoff: Duration,
    /// How often it is said again of a step that has not ended that it still runs, as the attribute `neuraltrust.running_ms`. Its
    /// start is sent with the first batch; this tells a step that takes long from one whose process is gone.
    pub snapshot_every: Duration,
    /// How what is sent is made small.
    pub compression: Compression,
    /// Headers of every request, beside those of the SDK.
    pub headers: Vec<(String, String)>,
    /// The proxy to send through, `http://[USER:PASSWORD@]HOST:PORT`. Without one, those that `HTTPS_PROXY`, `HTTP_PROXY`,
    /// `ALL_PROXY` and `NO_PROXY` name; none for a server on this machine.
    pub proxy: Option<String>,
    /// A file of PEM certificates that the server's is checked with, in the place of those of public authorities.
    pub ca_file: Option<PathBuf>,
    /// `service.name` of the application.
    pub service_name: Option<String>,
    /// `telemetry.sdk.language`: the language of the application.
    pub language: String,
    /// `telemetry.sdk.version`: the version of the SDK that the application uses.
    pub sdk_version: String,
    /// Told what the operator should know. See [`Notice`].
    pub on_notice: Option<OnNotice>,
    /// Keeps spans in memory instead of sending them. See [`testing`](crate::testing).
    pub recorder: Option<Recorder>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: DEFAULT_BASE_URL.to_owned(),
            timeout: Duration::from_secs(10),
            queue_spans: 65_536,
            queue_bytes: 64 << 20,
            sample_rate: 1.0,
            mask: None,
            redact: Vec::new(),
            batch_delay: Duration::from_millis(200),
            spool: None,
            retry_for: Duration::from_secs(300),
            backoff: Duration::from_millis(250),
            max_backoff: Duration::from_secs(30),
            snapshot_every: Duration::from_secs(60),
            compression: Compression::default(),
            headers: Vec::new(),
            proxy: None,
            ca_file: None,
            service_name: None,
            language: "rust".to_owned(),
            sdk_version: env!("CARGO_PKG_VERSION").to_owned(),
            on_notice: None,
            recorder: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is a secret: a log may show that there is one, not which.
        f.debug_struct("Options")
            .field("api_key", &self.api_key.as_ref().map(|_| "..."))
            .field("base_url", &self.base_url)
            .field("timeout", &self.timeout)
            .field("queue_spans", &self.queue_spans)
            .field("queue_bytes", &self.queue_bytes)
            .field("service_name", &self.service_name)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// The share of traces that is recorded.
    pub(crate) fn sampling(&self) -> Result<Sampling, Error> {
        Sampling::new(self.sample_rate).ok_or_else(|| Error::SampleRate(self.sample_rate.to_string()))
    }

    /// What is done to every value before it is sent.
    pub(crate) fn masking(&self) -> Masking {
        Masking { hook: self.mask.clone(), redact: self.redact.clone() }
    }

    /// Where spans go, or `None` where there is no key and nothing is sent.
    pub(crate) fn target(&self) -> Result<Option<Target>, Error> {
        if let Some(recorder) = &self.recorder {
            return Ok(Some(Target::Memory(recorder.clone())));
        }
        let address = self.base_url.trim().trim_end_matches('/');
        let uri: ureq::http::Uri = address.parse().map_err(|_| Error::BaseUrl(self.base_url.clone()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
            return Err(Error::BaseUrl(self.base_url.clone()));
        }
        let Some(key) = self.api_key.as_deref().map(str::trim).filter(|key| !key.is_empty()) else { return Ok(None) };
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::ApiKey);
        }
        let host = uri.host().unwrap_or_default();
        let loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        Ok(Some(Target::Http {
            address: format!("{address}/v1/traces"),
            authorization: format!("Bearer {key}"),
            user_agent: format!("neuraltrust-{}/{}", self.language, self.sdk_version),
            compression: self.compression,
            network: Network::new(&self.headers, self.proxy.as_deref(), self.ca_file.as_deref(), loopback)?,
        }))
    }

    /// Where what waits for the target lies on disk: in a folder that is named after its address and key by a hash.
    pub(crate) fn place(&self, target: Option<&Target>) -> Option<spool::Place> {
        let (Some(spool), Some(Target::Http { address, authorization, .. })) = (&self.spool, target) else { return None };
        let root = spool.folder.join(ids::hash(&format!("{address}\n{authorization}")));
        Some(spool::Place { root, bytes: spool.bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base_url: &str, expect: Option<&str>) {
        let options = Options { api_key: Some("k".to_owned()), base_url: base_url.to_owned(), ..Options::default() };
        let address = options.target().ok().flatten().and_then(|target| match target {
            Target::Http { address, .. } => Some(address),
            Target::Memory(_) => None,
        });
        assert_eq!(address.as_deref(), expect);
    }

    #[test]
    fn addresses() {
        check("http://127.0.0.1:6180", Some("http://127.0.0.1:6180/v1/traces"));
        check(" https://traces.example/nt/ ", Some("https://traces.example/nt/v1/traces"));
        check("127.0.0.1:6180", None);
        check("ftp://example.com", None);
        check("http://", None);
        check("http://example.com/?a=b", None);
        check("", None);
    }

    #[test]
    fn keys() {
        let key = |key: &str| Options { api_key: Some(key.to_owned()), ..Options::default() }.target();
        assert!(matches!(key("nt_abc"), Ok(Some(_))));
        assert!(matches!(key("  "), Ok(None)));
        assert!(matches!(key("a\nb"), Err(Error::ApiKey)));
        let shown = format!("{:?}", Options { api_key: Some("nt_secret".to_owned()), ..Options::default() });
        assert!(!shown.contains("secret"));
    }
}
