//! The record: every patch that was ever acknowledged, in SQLite.
//!
//! NOTE: a patch is in the record before `append` returns (WAL, `synchronous=FULL`), and rows of `patch` are never changed.
//! Everything else (index, summaries) is made from here.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use neuraltrust_model::{Content, ConversationId, SpanId, Timestamp, TraceId};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{self, Beside};
use crate::said::{Apart, Form, Said};
use crate::summary::{Arrived, TraceSpans};
use crate::{ProjectId, Secret, StoreError};

/// Format of the record. A record of another format is refused.
const FORMAT: u32 = 2;
/// How long a connection waits for another's write to end.
pub(super) const BUSY: Duration = Duration::from_secs(10);
/// Page cache of a connection that reads, in KiB (negative is SQLite's sign for KiB).
const READ_CACHE_KIB: i32 = -4_096;
/// Connections kept for the next reader.
const IDLE_READERS: usize = 8;

/// `patch.seq` only grows, also after deletions (AUTOINCREMENT): the index says by it up to where it is complete.
/// `membership` lists every trace that ever named a conversation; which conversation a trace belongs to is told by its merged
/// spans, so a row here is a candidate, not a fact.
/// `node` holds contents (see `chain`): a node is named by `hash` within its `scope`, and hangs below `parent`. `home` says
/// which scope the nodes of a trace are in.
const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL) STRICT;
CREATE TABLE credential (
    hash BLOB PRIMARY KEY,
    class TEXT NOT NULL CHECK (class IN ('key', 'sign_in', 'session')),
    project INTEGER NOT NULL REFERENCES project (id),
    scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE patch (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    scope INTEGER REFERENCES scope (id),
    input_fresh INTEGER NOT NULL,
    output_fresh INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX patch_by_span ON patch (project, trace_id, span_id, digest);
CREATE TABLE scope (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('conversation', 'trace')),
    name TEXT NOT NULL,
    UNIQUE (project, kind, name)
) STRICT;
CREATE TABLE home (
    project INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    scope INTEGER NOT NULL REFERENCES scope (id),
    PRIMARY KEY (project, trace_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    hash BLOB NOT NULL,
    parent INTEGER,
    body BLOB NOT NULL,
    UNIQUE (scope, hash)
) STRICT;
CREATE TABLE membership (
    project INTEGER NOT NULL,
    conversation_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    PRIMARY KEY (project, conversation_id, trace_id)
) STRICT, WITHOUT ROWID;
";

/// A patch as the indexer first sees it: only what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PatchKey {
    pub(super) seq: u64,
    pub(super) project: ProjectId,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
}

/// The record, open for reading.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// A connection that writes; makes the record where there is none.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    let failed = || StoreError::record("open the record");
    let mut connection = Connection::open(path).map_err(failed())?;
    connection.busy_timeout(BUSY).map_err(failed())?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed())?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed())?;
    connection.pragma_update(None, "foreign_keys", true).map_err(failed())?;
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
    transaction.commit().map_err(failed())?;
    Ok(connection)
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

impl Record {
    /// The record at `path`, which [`open_for_writing`] has made.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    /// Runs a read on a connection of its own.
    fn read<T>(&self, act: &'static str, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match idle().pop() {
            Some(connection) => connection,
            None => self.connect().map_err(StoreError::record("open the record"))?,
        };
        let answer = query(&connection).map_err(StoreError::record(act));
        let mut idle = idle();
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        answer
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", READ_CACHE_KIB)?;
        Ok(connection)
    }

    /// The number of the last patch.
    pub(super) fn last_seq(&self) -> Result<u64, StoreError> {
        let seq: i64 = self.read("find the last patch", |connection| {
            connection.prepare_cached("SELECT ifnull(max(seq), 0) FROM patch")?.query_row([], |row| row.get(0))
        })?;
        Ok(seq.cast_unsigned())
    }

    /// What the next patches after `seq` are about, at most `limit`.
    pub(super) fn keys_after(&self, seq: u64, limit: usize) -> Result<Vec<PatchKey>, StoreError> {
        let rows: Vec<(i64, i64, String, String)> = self.read("read new patches", |connection| {
            connection
                .prepare_cached("SELECT seq, project, trace_id, span_id FROM patch WHERE seq > ?1 ORDER BY seq LIMIT ?2")?
                .query_map(params![seq.cast_signed(), limit as i64], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect()
        })?;
        rows.into_iter()
            .map(|(seq, project, trace_id, span_id)| {
                Ok(PatchKey {
                    seq: seq.cast_unsigned(),
                    project: ProjectId(project),
                    trace_id: TraceId::new(trace_id).map_err(StoreError::damaged("a trace id"))?,
                    span_id: SpanId::new(span_id).map_err(StoreError::damaged("a span id"))?,
                })
            })
            .collect()
    }

    /// The patches of a trace in order of arrival. Their contents are read where they are needed.
    pub(super) fn patches(&self, project: ProjectId, trace: &TraceId) -> Result<Vec<Arrived>, StoreError> {
        let rows: Vec<(i64, Beside, Vec<u8>)> = self.read("read a trace", |connection| {
            connection
                .prepare_cached(
                    "SELECT received_at, scope, input_fresh, output_fresh, body FROM patch
                     WHERE project = ?1 AND trace_id = ?2 ORDER BY seq",
                )?
                .query_map(params![project.0, trace.as_str()], |row| {
                    Ok((row.get(0)?, Beside { scope: row.get(1)?, fresh: [row.get(2)?, row.get(3)?] }, row.get(4)?))
                })?
                .collect()
        })?;
        let arrived = |(received_at, beside, body): &(i64, Beside, Vec<u8>)| {
            let (patch, [input, output]) = codec::decode(body, *beside)?;
            Ok(Arrived { received_at: Timestamp::from_nanos(*received_at), patch, input, output })
        };
        rows.iter().map(arrived).collect()
    }

    /// A content, all of it.
    pub(super) fn content(&self, said: Said) -> Result<Content, StoreError> {
        match said {
            Said::Here(content) => Ok(content),
            Said::Apart(apart) => self.apart(&apart, u32::MAX),
        }
    }

    /// What a content brought in that nothing before had brought; `None` where that is nothing.
    pub(super) fn fresh(&self, said: &Said) -> Result<Option<Content>, StoreError> {
        match said {
            Said::Here(content) => Ok(Some(content.clone())),
            Said::Apart(apart) if apart.fresh == 0 => Ok(None),
            Said::Apart(apart) => self.apart(apart, apart.fresh).map(Some),
        }
    }

    /// The last parts of a content that is kept apart, as many as are asked for.
    fn apart(&self, apart: &Apart, most: u32) -> Result<Content, StoreError> {
        let len = match apart.form {
            Form::Messages(len) => len.min(most),
            Form::Whole => 1,
        };
        let bodies: Vec<Vec<u8>> = self.read("read a content", |connection| {
            connection
                .prepare_cached(
                    "WITH RECURSIVE path (parent, body, n) AS (
                         SELECT parent, body, 1 FROM node WHERE scope = ?1 AND hash = ?2
                         UNION ALL
                         SELECT node.parent, node.body, n + 1 FROM path JOIN node ON node.id = path.parent WHERE n < ?3
                     )
                     SELECT body FROM path ORDER BY n DESC",
                )?
                .query_map(params![apart.scope, apart.head, len], |row| row.get(0))?
                .collect()
        })?;
        if bodies.len() != len as usize {
            let found = format!("{} of its {len} parts are there", bodies.len());
            return Err(StoreError::damaged("a content")(std::io::Error::other(found)));
        }
        match (apart.form, bodies.as_slice()) {
            (Form::Whole, [body]) => codec::whole(body),
            (_, bodies) => {
                Ok(Content::Messages { messages: bodies.iter().map(|body| codec::message(body)).collect::<Result<_, _>>()? })
            }
        }
    }

    /// The merged spans of a trace.
    pub(super) fn trace(&self, project: ProjectId, trace: &TraceId) -> Result<TraceSpans, StoreError> {
        Ok(TraceSpans::merge(trace, self.patches(project, trace)?))
    }

    /// The merged spans of every trace that belongs to the conversation.
    pub(super) fn conversation(&self, project: ProjectId, conversation: &ConversationId) -> Result<Vec<TraceSpans>, StoreError> {
        let mut traces = Vec::new();
        for trace in self.candidates(project, conversation)? {
            let trace = match self.trace(project, &trace) {
                // The rest of the conversation can be read all the same.
                Err(error @ StoreError::Damaged { .. }) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        trace_id = trace.as_str(),
                        "a trace cannot be read and is left out of its conversation"
                    );
                    continue;
                }
                read => read?,
            };
            if trace.conversation_id == *conversation && !trace.spans.is_empty() {
                traces.push(trace);
            }
        }
        Ok(traces)
    }

    /// Every trace that may belong to the conversation: those that ever named it, and the one of that name.
    pub(super) fn candidates(&self, project: ProjectId, conversation: &ConversationId) -> Result<Vec<TraceId>, StoreError> {
        let rows: Vec<String> = self.read("read a conversation", |connection| {
            connection
                .prepare_cached("SELECT trace_id FROM membership WHERE project = ?1 AND conversation_id = ?2 UNION SELECT ?2")?
                .query_map(params![project.0, conversation.as_str()], |row| row.get(0))?
                .collect()
        })?;
        rows.into_iter().map(|id| TraceId::new(id).map_err(StoreError::damaged("a trace id"))).collect()
    }
}
