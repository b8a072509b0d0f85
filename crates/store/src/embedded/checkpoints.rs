//! What is in the log of the record goes into the record itself beside the appends, so that no answer waits for it.
//!
//! SQLite would do it within every commit that finds a thousand pages in the log: write them all over the record and wait for the disk.
//! Here a thread of its own does it, with a connection of its own; it does not hold up who writes, or reads. The log begins anew where a
//! commit finds all of it done, which under lasting load no thread beside is ever in time for. So the commit that finds the log
//! long does what is left, which is little (<https://sqlite.org/wal.html>, "Avoiding Excessively Large WAL Files").

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME, ErrorCode};

use super::signal::Signal;
use crate::StoreError;

/// Pages of the log that the thread leaves alone: those that are written over and over go into the record once. About 8 MB.
const BESIDE_FROM_PAGES: i32 = 1_000;
/// Pages from which a commit does what is left. About 32 MB, which a start after a crash has to read.
const WITHIN_FROM_PAGES: i32 = 4_000;
/// Longest time that a little is left in the log.
const EVERY: Duration = Duration::from_secs(5);

/// Tells the thread of what it has to do.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    grown: Arc<Signal>,
    end: Arc<AtomicBool>,
}

impl Log {
    /// Has the connection that writes tell of each commit.
    pub(super) fn follow(&self, writing: &mut Connection) -> rusqlite::Result<()> {
        let grown = Arc::clone(&self.grown);
        let mut told = 0;
        writing.wal_hook(Some(move |wal: &mut rusqlite::hooks::Wal, pages| {
            // The log has begun anew.
            if pages < told {
                told = 0;
            }
            if pages - told >= BESIDE_FROM_PAGES {
                told = pages;
                grown.raise();
            }
            // The thread may be at it now; then a later commit does.
            if pages >= WITHIN_FROM_PAGES
                && let Err(error) = wal.checkpoint()
            {
                note(&error);
            }
            Ok(())
        }))
    }

    /// Starts the thread, with a connection of its own.
    pub(super) fn start(&self, record: &Path) -> Result<JoinHandle<()>, StoreError> {
        let failed = || StoreError::record("open the record");
        let connection = Connection::open(record).map_err(failed())?;
        // It is here that the disk is waited for.
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed())?;
        let log = self.clone();
        let run = move || {
            while !log.end.load(Ordering::Acquire) {
                if let Err(error) = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE) {
                    note(&error);
                }
                log.grown.wait(EVERY);
            }
        };
        let started = std::thread::Builder::new().name("checkpoints".to_owned()).spawn(run);
        started.map_err(|source| StoreError::DataDir { path: record.to_owned(), source })
    }

    /// Tells the thread to end.
    pub(super) fn end(&self) {
        self.end.store(true, Ordering::Release);
        self.grown.raise();
    }
}

/// What cannot go into the record stays in the log, where it is read as well, and is tried again. A disk that takes nothing any more
/// refuses the log too, and appends say so.
fn note(error: &rusqlite::Error) {
    if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) {
        tracing::warn!(%error, "the log of the record stays as it is for now");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: i32 = 4_096;

    fn write(connection: &Connection, pages: i32) {
        connection.execute("INSERT INTO page VALUES (zeroblob(?1))", [pages * PAGE]).unwrap();
    }

    fn pages(file: &Path) -> u64 {
        std::fs::metadata(file).unwrap().len() / u64::from(PAGE.cast_unsigned())
    }

    #[test]
    fn the_log_goes_into_the_record_and_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record.sqlite");
        let mut connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        let log = Log::default();
        log.follow(&mut connection).unwrap();
        let thread = log.start(&path).unwrap();
        connection.execute_batch("CREATE TABLE page (body BLOB)").unwrap();

        write(&connection, BESIDE_FROM_PAGES);
        while pages(&path) < u64::from(BESIDE_FROM_PAGES.cast_unsigned()) {
            std::thread::sleep(Duration::from_millis(5));
        }

        for _ in 0..100 {
            write(&connection, WITHIN_FROM_PAGES / 20);
        }
        let logged = pages(&dir.path().join("record.sqlite-wal"));
        assert!(logged < u64::from(2 * WITHIN_FROM_PAGES.cast_unsigned()), "{logged} pages in the log");
        log.end();
        thread.join().unwrap();
    }
}
