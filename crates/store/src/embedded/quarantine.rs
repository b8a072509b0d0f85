//! What clients sent and the server could not decode: kept beside the record, bounded, for a later look or a replay.
//!
//! A file of its own, so that large bodies never hold up the record's writer; losing it loses nothing that was acknowledged.
//! NOTE: bounded for each project in count and in bytes. The oldest makes room, and how many did is counted.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use neuraltrust_model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::{ProjectId, StoreError};

/// The file in the data directory.
pub(super) const FILE: &str = "quarantine.sqlite";
/// Most requests kept of a project.
const MAX_ITEMS: u64 = 1_000;
/// Most bytes of bodies kept of a project.
const MAX_BYTES: u64 = 128 << 20;
/// How long to wait for another process (`sqlite3` in someone's hand).
const BUSY: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL,
    digest BLOB NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    times INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    client TEXT,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    headers TEXT NOT NULL,
    rejected INTEGER NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS quarantine_by_digest ON quarantine (project, digest);
CREATE TABLE IF NOT EXISTS quarantine_dropped (project INTEGER PRIMARY KEY, items INTEGER NOT NULL) STRICT;
";
const COLUMNS: &str = "id, first_at, last_at, times, protocol, client, method, path, rejected, reason, message, bytes";

/// A request of which something could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Quarantined {
    /// Its number; larger is newer.
    pub id: u64,
    /// When it first came.
    #[schema(value_type = String, format = DateTime)]
    pub first_time: Timestamp,
    /// When the same bytes last came.
    #[schema(value_type = String, format = DateTime)]
    pub last_time: Timestamp,
    /// How often they came.
    pub times: u64,
    /// The protocol, by the name of the metrics.
    pub protocol: String,
    /// Who sent it, by its `User-Agent`.
    pub client: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// How many of its items could not be decoded; the rest of it is kept where the protocol answers for each item.
    pub rejected: u64,
    /// The stable name of what is wrong with the first of them.
    pub reason: String,
    /// Where each of the first of them stands, and what is wrong with it.
    pub message: String,
    /// Size of the body as it came.
    pub bytes: u64,
}

/// A request on its way into the quarantine.
#[derive(Debug, Clone)]
pub struct NewQuarantined {
    /// When it came.
    pub time: Timestamp,
    /// See [`Quarantined::protocol`].
    pub protocol: String,
    /// See [`Quarantined::client`].
    pub client: Option<String>,
    /// See [`Quarantined::method`].
    pub method: String,
    /// See [`Quarantined::path`].
    pub path: String,
    /// The headers that decoding depends on, as a JSON object; never a key.
    pub headers: String,
    /// See [`Quarantined::rejected`].
    pub rejected: u64,
    /// See [`Quarantined::reason`].
    pub reason: String,
    /// See [`Quarantined::message`].
    pub message: String,
}

/// What is kept of a project, and what had to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuarantineTotals {
    /// Requests kept.
    pub items: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Requests dropped to make room, ever.
    pub dropped: u64,
}

/// The quarantine of all projects. Calls block; they belong on a thread that may.
#[derive(Debug)]
pub struct Quarantine {
    connection: Mutex<Connection>,
}

impl Quarantine {
    /// Opens the quarantine of a data directory, which exists; makes the file where there is none.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let failed = || StoreError::record("open the quarantine");
        let connection = Connection::open(data_dir.join(FILE)).map_err(failed())?;
        connection.busy_timeout(BUSY).map_err(failed())?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(failed())?;
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed())?;
        connection.execute_batch(SCHEMA).map_err(failed())?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Keeps a request; the same bytes at the same path count up one that is there. Returns how many others were dropped for it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, project: ProjectId, new: &NewQuarantined, body: &[u8]) -> Result<u64, StoreError> {
        let failed = || StoreError::record("keep a request in quarantine");
        let digest = blake3::Hasher::new().update(new.path.as_bytes()).update(&[0]).update(body).finalize();
        let mut connection = self.connection();
        let transaction = connection.transaction().map_err(failed())?;
        transaction
            .execute(
                "INSERT INTO quarantine (project, digest, first_at, last_at, times, protocol, client, method, path, headers, rejected,
                     reason, message, bytes, body)
                 VALUES (?1, ?2, ?3, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                 ON CONFLICT (project, digest) DO UPDATE SET last_at = max(last_at, excluded.last_at), times = times + 1,
                     rejected = excluded.rejected, reason = excluded.reason, message = excluded.message",
                params![
                    project.0,
                    digest.as_bytes(),
                    new.time.as_nanos(),
                    new.protocol,
                    new.client,
                    new.method,
                    new.path,
                    new.headers,
                    new.rejected as i64,
                    new.reason,
                    new.message,
                    body.len() as i64,
                    body,
                ],
            )
            .map_err(failed())?;
        let mut dropped = 0;
        loop {
            let QuarantineTotals { items, bytes, .. } = totals(&transaction, project)?;
            if items <= 1 || (items <= MAX_ITEMS && bytes <= MAX_BYTES) {
                break;
            }
            let oldest = "DELETE FROM quarantine WHERE id = (SELECT min(id) FROM quarantine WHERE project = ?1)";
            dropped += transaction.execute(oldest, [project.0]).map_err(failed())? as u64;
        }
        if dropped > 0 {
            let count = "INSERT INTO quarantine_dropped (project, items) VALUES (?1, ?2)
                         ON CONFLICT (project) DO UPDATE SET items = items + excluded.items";
            transaction.execute(count, params![project.0, dropped as i64]).map_err(failed())?;
        }
        transaction.commit().map_err(failed())?;
        Ok(dropped)
    }

    /// The newest requests of a project that are older than the one of number `before`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self, project: ProjectId, before: Option<u64>, limit: usize) -> Result<Vec<Quarantined>, StoreError> {
        let before = before.and_then(|id| i64::try_from(id).ok()).unwrap_or(i64::MAX);
        let query = format!("SELECT {COLUMNS} FROM quarantine WHERE project = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
        self.connection()
            .prepare_cached(&query)
            .and_then(|mut query| query.query_map(params![project.0, before, limit as i64], read)?.collect())
            .map_err(StoreError::record("list the quarantine"))
    }

    /// A request with the headers that it is decoded by (a JSON object) and its body; `None` when the project has none of that number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, project: ProjectId, id: u64) -> Result<Option<(Quarantined, String, Vec<u8>)>, StoreError> {
        let Ok(id) = i64::try_from(id) else { return Ok(None) };
        let query = format!("SELECT {COLUMNS}, headers, body FROM quarantine WHERE project = ?1 AND id = ?2");
        self.connection()
            .query_row(&query, params![project.0, id], |row| Ok((read(row)?, row.get("headers")?, row.get("body")?)))
            .optional()
            .map_err(StoreError::record("read a request in quarantine"))
    }

    /// Drops a request; whether the project had one of that number.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remove(&self, project: ProjectId, id: u64) -> Result<bool, StoreError> {
        let Ok(id) = i64::try_from(id) else { return Ok(false) };
        self.connection()
            .execute("DELETE FROM quarantine WHERE project = ?1 AND id = ?2", params![project.0, id])
            .map(|removed| removed > 0)
            .map_err(StoreError::record("drop a request in quarantine"))
    }

    /// Drops all requests of a project; how many made room for others before stays counted.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn clear(&self, project: ProjectId) -> Result<(), StoreError> {
        self.connection()
            .execute("DELETE FROM quarantine WHERE project = ?1", [project.0])
            .map(drop)
            .map_err(StoreError::record("drop the requests in quarantine"))
    }

    /// What is kept of a project.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn totals(&self, project: ProjectId) -> Result<QuarantineTotals, StoreError> {
        totals(&self.connection(), project)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn totals(connection: &Connection, project: ProjectId) -> Result<QuarantineTotals, StoreError> {
    let count = |row: &Row<'_>, n: usize| row.get::<_, i64>(n).map(i64::unsigned_abs);
    connection
        .query_row(
            "SELECT count(*), ifnull(sum(bytes), 0), ifnull((SELECT items FROM quarantine_dropped WHERE project = ?1), 0)
             FROM quarantine WHERE project = ?1",
            [project.0],
            |row| Ok(QuarantineTotals { items: count(row, 0)?, bytes: count(row, 1)?, dropped: count(row, 2)? }),
        )
        .map_err(StoreError::record("count the quarantine"))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Quarantined> {
    let count = |name: &str| row.get::<_, i64>(name).map(i64::unsigned_abs);
    let time = |name: &str| row.get(name).map(Timestamp::from_nanos);
    Ok(Quarantined {
        id: count("id")?,
        first_time: time("first_at")?,
        last_time: time("last_at")?,
        times: count("times")?,
        protocol: row.get("protocol")?,
        client: row.get("client")?,
        method: row.get("method")?,
        path: row.get("path")?,
        rejected: count("rejected")?,
        reason: row.get("reason")?,
        message: row.get("message")?,
        bytes: count("bytes")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ProjectId = ProjectId(1);
    const B: ProjectId = ProjectId(2);

    fn open() -> (tempfile::TempDir, Quarantine) {
        let dir = tempfile::tempdir().unwrap();
        let quarantine = Quarantine::open(dir.path()).unwrap();
        (dir, quarantine)
    }

    fn new(second: i64) -> NewQuarantined {
        NewQuarantined {
            time: Timestamp::from_nanos(second * 1_000_000_000),
            protocol: "langsmith".to_owned(),
            client: Some("langsmith-py/0.15.0".to_owned()),
            method: "POST".to_owned(),
            path: "/runs/batch".to_owned(),
            headers: "{}".to_owned(),
            rejected: 1,
            reason: "bad_id".to_owned(),
            message: "post[0].id: is empty".to_owned(),
        }
    }

    #[test]
    fn a_project_sees_its_own_newest_first() {
        let (_dir, quarantine) = open();
        for n in 0..5_u8 {
            quarantine.keep(A, &new(n.into()), &[n]).unwrap();
        }
        quarantine.keep(B, &new(9), b"other").unwrap();
        let page = quarantine.list(A, None, 2).unwrap();
        assert_eq!(page.iter().map(|item| item.bytes).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(quarantine.get(A, page[0].id).unwrap().unwrap().2, [4]);
        let rest = quarantine.list(A, Some(page[1].id), 10).unwrap();
        assert_eq!(rest.len(), 3);
        assert_eq!(quarantine.get(B, page[0].id).unwrap(), None);
        assert!(!quarantine.remove(B, page[0].id).unwrap());
        assert!(quarantine.remove(A, page[0].id).unwrap());
        assert_eq!(quarantine.totals(A).unwrap(), QuarantineTotals { items: 4, bytes: 4, dropped: 0 });
    }

    #[test]
    fn the_same_bytes_count_up() {
        let (_dir, quarantine) = open();
        for second in [3, 7] {
            quarantine.keep(A, &new(second), b"bad").unwrap();
        }
        let items = quarantine.list(A, None, 10).unwrap();
        assert_eq!((items.len(), items[0].times), (1, 2));
        assert!(items[0].first_time < items[0].last_time);
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let (_dir, quarantine) = open();
        let large = |n: u8| vec![n; (MAX_BYTES / 2) as usize];
        quarantine.keep(A, &new(0), b"small and old").unwrap();
        quarantine.keep(B, &new(0), b"of another project").unwrap();
        assert_eq!(quarantine.keep(A, &new(1), &large(1)).unwrap(), 0);
        assert_eq!(quarantine.keep(A, &new(2), &large(2)).unwrap(), 1);
        assert_eq!(quarantine.keep(A, &new(3), &large(3)).unwrap(), 1);
        let totals = quarantine.totals(A).unwrap();
        assert_eq!((totals.items, totals.bytes, totals.dropped), (2, MAX_BYTES, 2));
        quarantine.clear(A).unwrap();
        assert_eq!(quarantine.totals(A).unwrap(), QuarantineTotals { items: 0, bytes: 0, dropped: 2 });
        assert_eq!(quarantine.totals(B).unwrap().items, 1);
    }
}
