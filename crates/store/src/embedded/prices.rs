//! A project's own prices, kept in the record, and how the index follows when prices change.
//!
//! Costs in the index are worked out when a trace is put there. When prices change, every trace of the project is marked, a few
//! at a time, so that the index puts it anew; how far that is stands in the record and goes on after a stop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::record::Record;
use super::sweep;
use super::writer::Writer;
use crate::prices::{Price, Prices, price_table};
use crate::{ProjectId, StoreError};

/// Traces that are marked in one step.
const TRACES_AT_A_TIME: usize = 256;
/// The version of the table that the index was made with.
const TABLE: &str = "price_table";

fn own_key(project: ProjectId) -> String {
    format!("prices/{}", project.0)
}

/// Names the last trace of a project that was marked; it is there until all are.
fn marked_key(project: i64) -> String {
    format!("prices_marked/{project}")
}

/// The prices of projects that were read; they are forgotten when they change.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<ProjectId, Arc<Prices>>>);

impl Known {
    /// The prices of a project.
    pub(super) fn of(&self, record: &Record, project: ProjectId) -> Result<Arc<Prices>, StoreError> {
        // Held while the record is read, so that what was read before a change is not remembered after it.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prices) = known.get(&project) {
            return Ok(Arc::clone(prices));
        }
        let own = record.read("read prices", |connection| read(connection, &own_key(project)))?;
        let own: Option<Vec<Price>> =
            own.map(|text| serde_json::from_str(&text)).transpose().map_err(StoreError::damaged("prices"))?;
        let prices = Arc::new(Prices::new(own.unwrap_or_default()));
        known.insert(project, Arc::clone(&prices));
        Ok(prices)
    }
}

/// Sets the own prices of a project, and begins to bring the index up to them.
pub(super) fn set(record: &Record, writer: &Writer, project: ProjectId, own: &[Price]) -> Result<(), StoreError> {
    let act = "set prices";
    let text = serde_json::to_string(own).map_err(StoreError::damaged("prices"))?;
    // NOTE: held until the old prices are forgotten, so that whatever is put because of a mark is put with the new ones.
    let mut known = record.prices().0.lock().unwrap_or_else(PoisonError::into_inner);
    writer.step(act, move |transaction| {
        write(transaction, &own_key(project), &text)?;
        write(transaction, &marked_key(project.0), "0")
    })?;
    known.remove(&project);
    Ok(())
}

/// Where the index was made with another table than that of this program, begins to bring it up to this one.
pub(super) fn follow_table(writer: &Writer) -> Result<(), StoreError> {
    let act = "follow the price table";
    writer.step(act, move |transaction| {
        let version = format!("{} {}", price_table().source, price_table().version);
        if read(transaction, TABLE).map_err(StoreError::record(act))? == Some(version.clone()) {
            return Ok(());
        }
        let projects: Vec<i64> = transaction
            .prepare("SELECT DISTINCT project FROM trace")
            .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
            .map_err(StoreError::record(act))?;
        for project in projects {
            write(transaction, &marked_key(project), "0")?;
        }
        write(transaction, TABLE, &version)
    })
}

/// The projects whose costs in the index are not those of their prices yet.
pub(super) fn behind(record: &Record) -> Result<Vec<ProjectId>, StoreError> {
    record.read("find what prices have changed", |connection| {
        connection
            .prepare_cached("SELECT CAST(substr(key, 15) AS INTEGER) FROM meta WHERE key LIKE 'prices_marked/%'")?
            .query_map([], |row| row.get(0).map(ProjectId))?
            .collect()
    })
}

/// Marks the next few traces of a project; says whether there may be more.
pub(super) fn mark_some(writer: &Writer, project: ProjectId) -> Result<bool, StoreError> {
    let act = "follow prices";
    writer.step(act, move |transaction| {
        let key = marked_key(project.0);
        let after: Option<i64> = read(transaction, &key).map_err(StoreError::record(act))?.and_then(|text| text.parse().ok());
        let Some(after) = after else { return Ok(false) };
        let marked = mark_behind(transaction, project, after).map_err(StoreError::record(act))?;
        match marked {
            Some(last) => write(transaction, &key, &last.to_string())?,
            None => {
                transaction.execute("DELETE FROM meta WHERE key = ?1", [&key]).map_err(StoreError::record(act))?;
            }
        }
        Ok(marked.is_some())
    })
}

/// Marks the next traces behind the trace `after`; the last of them, or `None` where there is none.
fn mark_behind(transaction: &Transaction<'_>, project: ProjectId, after: i64) -> rusqlite::Result<Option<i64>> {
    let traces: Vec<i64> = transaction
        .prepare_cached("SELECT id FROM trace WHERE project = ?1 AND id > ?2 ORDER BY id LIMIT ?3")?
        .query_map(params![project.0, after, TRACES_AT_A_TIME as i64], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for trace in &traces {
        sweep::mark_scope(transaction, *trace, sweep::SWEPT)?;
    }
    Ok(traces.last().copied())
}

fn read(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?.query_row([key], |row| row.get(0)).optional()
}

fn write(transaction: &Transaction<'_>, key: &str, value: &str) -> Result<(), StoreError> {
    let set = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    transaction.execute(set, params![key, value]).map_err(StoreError::record("set prices"))?;
    Ok(())
}
