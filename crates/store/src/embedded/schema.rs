//! The tables of the record, and its format.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};

use super::answers;
use crate::{ProjectId, Secret, StoreError};

/// Format of the record. A record of another format is refused.
const FORMAT: u32 = 3;
/// How long a connection waits for another's write to end.
pub(super) const BUSY: Duration = Duration::from_secs(10);
/// Bytes of a page: three bodies of the usual size fill one of 4 KiB badly.
const PAGE_BYTES: u32 = 8_192;

/// `trace` gives each trace a number, so that patches and nodes name it in few bytes and lie in order of arrival.
/// `trace.home` is the conversation whose scope its nodes are in; where it is null they are in a scope of its own.
/// `patch.seq` only grows, also after deletions (AUTOINCREMENT): the index says by it up to where it is complete. A patch
/// whose body is empty is a mark: something about its trace changed that the index must follow; its `span` is a scope that is to
/// be swept, or 0.
/// `membership` lists every trace that ever named a conversation; which conversation a trace belongs to is told by its merged
/// spans, so a row here is a candidate, not a fact.
/// `node` holds contents (see `chain`): a node is named by `hash` within its `scope` (number of a conversation, or minus the
/// number of a trace), hangs below `parent`, and was brought by the patch `seq`.
/// `shown` lists the media that a node shows, by their names in its scope (see `media`).
/// `erasure` is what was asked to be erased, of what had come up to the patch `up_to`, which is -1 until all of its traces are
/// written down; `erased` its traces, each with what was there, which is its receipt.
/// `answer` lists the spans that ever named an answer of a model ([`answers`](super::answers)), for what came since there is such a
/// table: it is made where it is missing.
/// `dictionary` is what bodies of a project have in common, `learnt` from which traces. One that is `leaving` codes no new body.
const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE project (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    max_age_seconds INTEGER,
    max_bytes INTEGER
) STRICT;
CREATE TABLE credential (
    hash BLOB PRIMARY KEY,
    class TEXT NOT NULL CHECK (class IN ('key', 'sign_in', 'session')),
    project INTEGER NOT NULL REFERENCES project (id),
    scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE conversation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL,
    conversation_id TEXT NOT NULL,
    UNIQUE (project, conversation_id)
) STRICT;
CREATE TABLE trace (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    home INTEGER REFERENCES conversation (id),
    UNIQUE (project, trace_id)
) STRICT;
CREATE INDEX trace_by_arrival ON trace (project);
CREATE INDEX trace_by_home ON trace (home) WHERE home IS NOT NULL;
CREATE TABLE membership (
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    trace INTEGER NOT NULL REFERENCES trace (id),
    PRIMARY KEY (conversation, trace)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_by_trace ON membership (trace);
CREATE TABLE patch (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    trace INTEGER NOT NULL,
    span INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX patch_by_span ON patch (trace, span, digest);
CREATE INDEX patch_that_marks ON patch (trace) WHERE length(body) = 0;
CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    hash BLOB NOT NULL,
    parent INTEGER,
    seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (scope, hash)
) STRICT;
CREATE TABLE shown (
    node INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    medium BLOB NOT NULL,
    PRIMARY KEY (node, medium)
) STRICT, WITHOUT ROWID;
CREATE TABLE dictionary (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    leaving INTEGER NOT NULL DEFAULT 0,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX dictionary_by_project ON dictionary (project);
CREATE TABLE erasure (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL,
    asked TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    up_to INTEGER NOT NULL,
    done_at INTEGER
) STRICT;
CREATE TABLE erased (
    erasure INTEGER NOT NULL REFERENCES erasure (id),
    trace INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    spans INTEGER,
    patches INTEGER,
    bytes INTEGER,
    hash TEXT,
    PRIMARY KEY (erasure, trace)
) STRICT, WITHOUT ROWID;
CREATE TABLE learnt (
    trace INTEGER NOT NULL,
    dictionary INTEGER NOT NULL REFERENCES dictionary (id),
    PRIMARY KEY (trace, dictionary)
) STRICT, WITHOUT ROWID;
";

/// Tables that came after the format: a program that does not know them leaves them alone, so that it is still the same.
/// `key_about` has how a key begins and when it was used last; `started_by` which key a session was started with. `member` says whose a
/// key is: what it allows is told by the role, and the scope beside the key is the greatest of those that older programs know.
/// `erasure_by` has which member asked for an erasure.
const ADDED: &str = "
CREATE TABLE IF NOT EXISTS key_about (
    hash BLOB PRIMARY KEY REFERENCES credential (hash) ON DELETE CASCADE,
    begin TEXT NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS started_by (
    session BLOB PRIMARY KEY REFERENCES credential (hash) ON DELETE CASCADE,
    key BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS started_by_key ON started_by (key);
CREATE TABLE IF NOT EXISTS member (
    hash BLOB PRIMARY KEY REFERENCES credential (hash) ON DELETE CASCADE,
    project INTEGER NOT NULL REFERENCES project (id),
    name TEXT NOT NULL,
    email TEXT,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    UNIQUE (project, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasure_by (
    erasure INTEGER PRIMARY KEY REFERENCES erasure (id) ON DELETE CASCADE,
    name TEXT NOT NULL
) STRICT;
";

/// A connection that writes; makes the record where there is none.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    let failed = || StoreError::record("open the record");
    let mut connection = Connection::open(path).map_err(failed())?;
    connection.busy_timeout(BUSY).map_err(failed())?;
    // Takes effect where the record is made.
    connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(failed())?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(failed())?;
    // What is deleted is overwritten: nothing that was erased stays in a free page.
    connection.pragma_update(None, "secure_delete", true).map_err(failed())?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed())?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed())?;
    connection.pragma_update(None, "foreign_keys", true).map_err(failed())?;
    keep_plans(&connection).map_err(failed())?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed())?;
    let exists: bool = transaction
        .query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'meta'", [], |row| row.get(0))
        .map_err(failed())?;
    if exists {
        check_format(&transaction)?;
    } else {
        transaction.execute_batch(SCHEMA).map_err(StoreError::record("make the record"))?;
        let hash_key = Secret::random("")?;
        transaction
            .execute(
                "INSERT INTO meta (key, value) VALUES ('format', ?1), ('credential_hash_key', ?2)",
                params![FORMAT.to_string(), hash_key.reveal()],
            )
            .and_then(|_| {
                let made = "INSERT INTO project (name, created_at) VALUES (?1, unixepoch())";
                transaction.execute(made, [ProjectId::DEFAULT_NAME])
            })
            .map_err(StoreError::record("make the record"))?;
    }
    for added in [answers::TABLE, ADDED] {
        transaction.execute_batch(added).map_err(StoreError::record("make a table of the record"))?;
    }
    transaction.commit().map_err(failed())?;
    Ok(connection)
}

/// Has a statement keep the plan that it was prepared with. Else SQLite prepares anew, for each run with other values, those that
/// might profit from a partial index (<https://sqlite.org/qpsg.html>): an eighth of the time of whoever reads traces.
pub(super) fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// The format of a record, where it is the one that is known here.
pub(super) fn check_format(connection: &Connection) -> Result<u32, StoreError> {
    let found: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = 'format'", [], |row| row.get(0))
        .optional()
        .map_err(StoreError::record("read the format"))?;
    known_format(found.as_deref())
}

/// The format that is known here, where that is what was found.
pub(super) fn known_format(found: Option<&str>) -> Result<u32, StoreError> {
    if found == Some(&FORMAT.to_string()) {
        return Ok(FORMAT);
    }
    Err(StoreError::Format { found: found.unwrap_or("unknown").to_owned(), known: FORMAT })
}
