//! What can go wrong: [`Error`] when a client is made, [`Notice`] afterwards.
//!
//! A running client never returns errors to the application that it records. It counts them, and tells of them through the
//! hook [`Options::on_notice`](crate::Options::on_notice).

/// Why no client could be made. Correct the option that the message names.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The base address is not an `http://` or `https://` address.
    #[error("base_url {0:?} is not accepted: it must be http://HOST[:PORT] or https://HOST[:PORT], with an optional path")]
    BaseUrl(String),
    /// The key cannot be written into an HTTP header.
    #[error("api_key is not accepted: it must be printable ASCII without spaces")]
    ApiKey,
    /// The share of traces to record is none.
    #[error("sample_rate {0} is not accepted: it must be from 0 (no trace) to 1 (every trace)")]
    SampleRate(String),
    /// Nothing of this name is redacted.
    #[error("redact {0:?} is not accepted: it must be api_keys, emails, cards or phones")]
    Redact(String),
    /// Nothing is compressed by a method of this name.
    #[error("compression {0:?} is not accepted: it must be gzip, or zstd where the feature of that name is on")]
    Compression(String),
    /// The size of the spool is no number.
    #[error("spool size {0:?} is not accepted: it must be a number of bytes")]
    SpoolBytes(String),
    /// A header's name or value cannot be written into a request.
    #[error("header {0:?} is not accepted: it must be NAME=VALUE in printable ASCII, and none that the SDK sets itself")]
    Header(String),
    /// The proxy's address is none.
    #[error("proxy {0:?} is not accepted: it must be http://HOST:PORT or https://HOST:PORT, with an optional USER:PASSWORD@")]
    Proxy(String),
    /// The file of certificates cannot be used.
    #[error("ca_file {path:?} cannot be used: {why}")]
    CaFile {
        /// The file that was named.
        path: std::path::PathBuf,
        /// Why not.
        why: String,
    },
}

/// What a notice is about. Each kind is told at most once a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoticeKind {
    /// No API key was given: nothing is sent.
    NoKey,
    /// The queue is full: new spans are dropped until there is room.
    QueueFull,
    /// A span is larger than the server takes: it was dropped.
    TooLarge,
    /// The server cannot be reached, or asks to wait: delivery is tried again.
    Retrying,
    /// Spans were dropped because they could not be delivered for too long, or the client closed before they were.
    Undelivered,
    /// The server refused a batch for good, e.g. because of the key: it was dropped.
    Refused,
    /// The server rejected some spans of a batch and kept the rest.
    Rejected,
    /// What waits cannot be kept on disk, because the spool is full or cannot be written or read: it waits in memory.
    Spool,
    /// The masking hook failed: a mark was sent in the place of the value.
    Masking,
    /// The client is closed already: what is recorded afterwards is dropped.
    Closed,
    /// The SDK failed: its thread could not be started, or a defect stopped it.
    Internal,
}

impl NoticeKind {
    /// Number of kinds.
    pub(crate) const COUNT: usize = Self::Internal as usize + 1;
}

/// Something that the application's operator should know.
#[derive(Debug, Clone)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// One sentence for a log.
    pub message: String,
}
