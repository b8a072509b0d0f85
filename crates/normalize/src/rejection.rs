//! Why something a client sent cannot be kept.

/// The classes of rejection; a label of the metric that counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Not JSON, or not the protobuf message that the path takes.
    Malformed,
    /// A field has a type that it cannot have.
    WrongType,
    /// An id that the protocol requires is not there.
    MissingId,
    /// An id is empty, too long or not printable.
    BadId,
    /// A time that no clock shows.
    BadTime,
    /// A task that the protocol does not have.
    UnknownTask,
    /// Nested deeper than the limit.
    TooDeep,
    /// Larger than the limit.
    TooLarge,
    /// More of them than the limit.
    TooMany,
}

impl Reason {
    /// The stable name of the class.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongType => "wrong_type",
            Self::MissingId => "missing_id",
            Self::BadId => "bad_id",
            Self::BadTime => "bad_time",
            Self::UnknownTask => "unknown_task",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
        }
    }
}

/// Why something a client sent cannot be kept. Tell the client: the same bytes sent again will be refused again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct Rejection {
    /// The class.
    pub reason: Reason,
    /// Where in the payload, e.g. `start_timestamp` or `spans[3].trace_id`.
    pub at: String,
    /// What was wrong and what is accepted.
    pub message: String,
}

impl Rejection {
    /// A rejection of what stands at `at`.
    #[must_use]
    pub fn new(reason: Reason, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason, at: at.into(), message: message.into() }
    }
}
