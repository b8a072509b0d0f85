//! The bare record: rows with ids, times and text, and two indexes, appended in transactions as durable as the server's.

use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, params};

use crate::workload::{BATCH, Step};

const SCHEMA: &str = "
    CREATE TABLE step (
        trace BLOB NOT NULL, span BLOB NOT NULL, parent BLOB, conversation TEXT NOT NULL,
        start INTEGER NOT NULL, \"end\" INTEGER NOT NULL, body TEXT NOT NULL
    );
    CREATE INDEX step_by_trace ON step (trace);
    CREATE INDEX step_by_start ON step (start);";

/// Rows a second.
pub(crate) fn rows_per_second(directory: &Path, steps: &[Step]) -> anyhow::Result<f64> {
    let mut connection = Connection::open(directory.join("limit.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(SCHEMA)?;
    // The text is put together before the clock starts.
    let bodies: Vec<String> = steps.iter().map(|step| [step.input.as_str(), &step.output].concat()).collect();
    let begin = Instant::now();
    for (steps, bodies) in steps.chunks(BATCH).zip(bodies.chunks(BATCH)) {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO step VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
            for (step, body) in steps.iter().zip(bodies) {
                let (start, end) = (step.start as i64, step.end as i64);
                insert.execute(params![step.trace, step.span, step.parent, step.conversation, start, end, body])?;
            }
        }
        transaction.commit()?;
    }
    Ok(steps.len() as f64 / begin.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Chat;

    #[test]
    fn every_step_is_a_row() {
        let directory = tempfile::tempdir().unwrap();
        let steps: Vec<Step> = Chat::new(1, 600).take(600).collect();
        assert!(rows_per_second(directory.path(), &steps).unwrap() > 0.0);
        let connection = Connection::open(directory.path().join("limit.db")).unwrap();
        let (rows, bytes): (i64, i64) = connection
            .query_row("SELECT count(*), sum(length(body)) FROM step", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!((rows, bytes), (600, steps.iter().map(|step| step.text_bytes() as i64).sum()));
    }
}
