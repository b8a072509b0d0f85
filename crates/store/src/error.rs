//! What can go wrong in a store.

use std::path::PathBuf;

use crate::FilterError;

/// What can go wrong in a store, by what the caller should do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be used. Refuse to start and show the message.
    #[error("use the data directory {path}")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another server holds the data directory. Refuse to start.
    #[error("the data directory {path} is in use by another neuraltrust process; stop it, or choose another --data-dir")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The record was written by another version. Refuse to start.
    #[error(
        "the data directory has format {found}, this version reads format {known}; use the version of neuraltrust that wrote it"
    )]
    Format {
        /// The format found.
        found: String,
        /// The format that this version reads.
        known: u32,
    },
    /// The disk is full. Tell the client to come back later; reads go on.
    #[error("the disk is full")]
    Full,
    /// The patches were not written; the reason is shared with everyone whose patches were to be written with them. Tell the
    /// client to come back later.
    #[error("write patches")]
    NotWritten(#[source] std::sync::Arc<StoreError>),
    /// A writer thread has stopped. Restart the server; what was acknowledged is on disk.
    #[error("the store has stopped; see the log for the reason, and restart the server")]
    Stopped,
    /// The record answered with an error. Log it; the client may try again.
    #[error("{act} in the record")]
    Record {
        /// What was being done.
        act: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The index answered with an error. Log it; reads by id go on.
    #[error("{act} in the index")]
    Index {
        /// What was being done.
        act: &'static str,
        /// What Tantivy said.
        source: tantivy::TantivyError,
    },
    /// The index does not follow the record. Tell the client to come back later.
    #[error("the index lags behind the record")]
    IndexLags,
    /// Something else holds it up. It is tried again.
    #[error("{act}: something else holds it up; it is tried again")]
    Busy {
        /// What was being done.
        act: &'static str,
    },
    /// What is to be erased is told by the beginning of something long, so that others would be erased too. Tell the client.
    #[error(
        "the query asks for a value of more than {text} bytes, or for a word of more than {word}, of which \
         the lists know the beginning only: what begins alike would be erased too; ask for the conversation, the trace or the user"
    )]
    TooLong {
        /// Most bytes of a value that is compared as a whole.
        text: usize,
        /// Most bytes of a word.
        word: usize,
    },
    /// A stored value cannot be read back. Log it.
    #[error("read back {what}")]
    Damaged {
        /// What was read.
        what: &'static str,
        /// Why it cannot be read.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The cursor was not made by this store. Tell the client.
    #[error("the cursor is not one of this list; start again without it")]
    Cursor,
    /// The list cannot be filtered, counted or grouped like that. Tell the client.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A condition on steps or words is met by more than is looked at, where that would let wrong rows through or leave some
    /// unerased. Tell the client.
    #[error(
        "the query is too broad: what it says of steps or words, behind \"-\" or NOT or of what is to be erased, is true of more \
         than is looked at; narrow it down, with a stretch of time as in -step:(status:error after:-1d), or with whole words"
    )]
    TooBroad,
    /// A read took as long as it may. Tell the client.
    #[error("this takes longer than the {} seconds that a read may take; ask for less, by pages, a narrower query or a stretch of time", .0.as_secs())]
    TimedOut(std::time::Duration),
    /// A project's name is not one. Tell the client.
    #[error("{0:?} is not a project name; use 1 to 64 letters, digits, '-', '_' or '.'")]
    ProjectName(String),
    /// A project of that name exists. Tell the client.
    #[error("a project {0:?} exists already")]
    ProjectExists(String),
    /// No project has that name. Tell the client.
    #[error("there is no project {0:?}")]
    NoProject(String),
    /// A member of that name exists. Tell the client.
    #[error("the project has a member {0:?} already; names tell members apart, so give another one")]
    MemberExists(String),
    /// Nobody could care for the project and its members any more. Tell the client.
    #[error("{0:?} is the last admin among the members of the project; make another member an admin first")]
    LastAdmin(String),
}

impl StoreError {
    /// Whether the disk is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full => true,
            Self::NotWritten(reason) => reason.is_full(),
            _ => false,
        }
    }

    /// The message, and those of its causes.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let causes = std::iter::successors(Some(self as &dyn std::error::Error), |error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }

    /// Names the act that a record error interrupted; a full disk is told apart.
    pub(crate) fn record(act: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            _ => Self::Record { act, source },
        }
    }

    /// Names the act that an index error interrupted.
    pub(crate) fn index(act: &'static str) -> impl FnOnce(tantivy::TantivyError) -> Self {
        move |source| Self::Index { act, source }
    }

    /// Names what could not be read back.
    pub(crate) fn damaged<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Damaged { what, source: Box::new(source) }
    }
}
