//! Which spans tell of the same answer of a model, by its id: one call may be told of in several traces.
//!
//! A row is a candidate, not a fact, as in `membership`: what the merged spans say decides.

use std::collections::BTreeSet;

use rusqlite::{Connection, Transaction, params};

use crate::ProjectId;

/// NOTE: made where it is missing, also in a record that was made without it.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS answer (
    project INTEGER NOT NULL,
    name INTEGER NOT NULL,
    trace INTEGER NOT NULL REFERENCES trace (id) ON DELETE CASCADE,
    span INTEGER NOT NULL,
    PRIMARY KEY (project, name, trace, span)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answer_by_trace ON answer (trace);
";

/// Spans of an answer that are looked at, the first of them: an id that comes again and again is no answer's, and must not cost
/// more the more often it came.
const SPANS: i64 = 16;

/// A span that names an answer: the number of its trace, and its key.
pub(super) type Teller = (i64, i64);

/// Whether there is such a table; a record that was made without it may be looked at without being opened for writing.
pub(super) fn are_kept(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'answer'")?.exists([])
}

/// Notes that a span names an answer.
pub(super) fn add(transaction: &Transaction<'_>, project: ProjectId, name: i64, trace: i64, span: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO answer (project, name, trace, span) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![project.0, name, trace, span])?;
    Ok(())
}

/// The first spans that name an answer.
pub(super) fn tellers(connection: &Connection, project: ProjectId, name: i64) -> rusqlite::Result<Vec<Teller>> {
    connection
        .prepare_cached("SELECT trace, span FROM answer WHERE project = ?1 AND name = ?2 ORDER BY trace, span LIMIT ?3")?
        .query_map(params![project.0, name, SPANS], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// A trace of which something was taken away; forgets what it named where nothing of it is left. The other traces that name an
/// answer that it named: their calls may count now.
pub(super) fn leave(transaction: &Transaction<'_>, trace: i64) -> rusqlite::Result<BTreeSet<i64>> {
    let names: Vec<(i64, i64)> = transaction
        .prepare_cached("SELECT DISTINCT project, name FROM answer WHERE trace = ?1")?
        .query_map([trace], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut others = BTreeSet::new();
    for (project, name) in names {
        others.extend(tellers(transaction, ProjectId(project), name)?.into_iter().map(|(other, _)| other));
    }
    others.remove(&trace);
    if !transaction.prepare_cached("SELECT 1 FROM patch WHERE trace = ?1 AND length(body) > 0 LIMIT 1")?.exists([trace])? {
        transaction.prepare_cached("DELETE FROM answer WHERE trace = ?1")?.execute([trace])?;
    }
    Ok(others)
}
