//! The record as SQLite sees it: its pages and indexes, and rows that name rows of other tables.

use rusqlite::Connection;

use super::{RESTORE, Report};
use crate::StoreError;

/// SQLite's own check of its pages and indexes.
pub(super) fn pages(connection: &Connection, report: &mut Report) -> Result<(), StoreError> {
    let act = "check the pages";
    let mut check = connection.prepare("PRAGMA integrity_check(100)").map_err(StoreError::record(act))?;
    let lines = check.query_map([], |row| row.get::<_, String>(0)).map_err(StoreError::record(act))?;
    for line in lines {
        match line {
            Ok(line) if line == "ok" => {}
            Ok(line) => report.wrong(|| format!("a page of the record is damaged: {line}; {RESTORE}")),
            Err(error) => report.wrong(|| format!("the pages of the record cannot be read: {error}; {RESTORE}")),
        }
    }
    Ok(())
}

/// What is wrong with the rows that a query finds, which answers a text that names each.
const ROWS: &[(&str, &str)] = &[
    (
        "SELECT trace_id FROM trace WHERE NOT EXISTS (SELECT 1 FROM patch WHERE trace = trace.id)",
        "is a trace of which nothing was told; that costs nothing but the row, and is a defect to report",
    ),
    (
        "SELECT trace_id FROM trace WHERE NOT EXISTS (SELECT 1 FROM project WHERE id = trace.project)",
        "is a trace of a project that is not there; restore a backup",
    ),
    (
        "SELECT dictionary.id FROM dictionary WHERE NOT EXISTS (SELECT 1 FROM project WHERE id = dictionary.project)",
        "is a dictionary of a project that is not there; restore a backup",
    ),
    (
        "SELECT DISTINCT dictionary FROM learnt JOIN dictionary ON dictionary.id = dictionary
         WHERE leaving = 0 AND NOT EXISTS (SELECT 1 FROM trace WHERE id = learnt.trace)",
        "is a dictionary that learnt from a trace which is there no more; erase any trace that it learnt from, and it goes too",
    ),
    (
        "SELECT scope FROM (SELECT DISTINCT scope FROM node WHERE scope > 0)
         WHERE NOT EXISTS (SELECT 1 FROM conversation WHERE id = scope)",
        "is the scope of contents and no conversation; restore a backup",
    ),
    (
        "SELECT scope FROM (SELECT DISTINCT scope FROM node WHERE scope <= 0)
         WHERE NOT EXISTS (SELECT 1 FROM trace WHERE id = -scope)",
        "is the scope of contents and no trace; restore a backup",
    ),
    (
        "SELECT id FROM erasure WHERE done_at IS NOT NULL
         AND EXISTS (SELECT 1 FROM erased WHERE erasure = erasure.id AND hash IS NULL)",
        "is an erasure with a receipt that does not say what was there; restore a backup",
    ),
    (
        "SELECT erasure.id FROM erasure JOIN erased ON erased.erasure = erasure.id
         WHERE done_at IS NOT NULL AND EXISTS
         (SELECT 1 FROM patch WHERE patch.trace = erased.trace AND seq <= up_to AND length(body) > 0)",
        "is an erasure with a receipt, and something of its traces is there; erase them again",
    ),
];

/// Rows that name others which are not there, or say what cannot be.
pub(super) fn rows(connection: &Connection, report: &mut Report) -> Result<(), StoreError> {
    let act = "check the rows";
    let mut keys = connection.prepare("PRAGMA foreign_key_check").map_err(StoreError::record(act))?;
    let broken = keys
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(2)?)))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(StoreError::record(act))?;
    for (table, names) in broken {
        report.wrong(|| format!("a row of the table {table} names a {names} that is not there; {RESTORE}"));
    }
    for (sql, wrong) in ROWS {
        let mut query = connection.prepare(sql).map_err(StoreError::record(act))?;
        let mut found = query.query([]).map_err(StoreError::record(act))?;
        while let Some(row) = found.next().map_err(StoreError::record(act))? {
            let name: rusqlite::types::Value = row.get(0).map_err(StoreError::record(act))?;
            report.wrong(|| match name {
                rusqlite::types::Value::Integer(number) => format!("{number} {wrong}"),
                rusqlite::types::Value::Text(text) => format!("{text:?} {wrong}"),
                other => format!("{other:?} {wrong}"),
            });
        }
    }
    Ok(())
}
