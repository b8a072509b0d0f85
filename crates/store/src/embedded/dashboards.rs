//! A project's dashboards, kept in the record as a whole with a number that grows by every change.

use rusqlite::{OptionalExtension, params};

use super::record::Record;
use super::writer::Writer;
use crate::{Dashboards, ProjectId, StoreError};

fn key(project: ProjectId) -> String {
    format!("dashboards/{}", project.0)
}

fn read(connection: &rusqlite::Connection, project: ProjectId) -> rusqlite::Result<Option<String>> {
    let kept = "SELECT value FROM meta WHERE key = ?1";
    connection.prepare_cached(kept)?.query_row([key(project)], |row| row.get(0)).optional()
}

fn parse(text: Option<String>) -> Result<Dashboards, StoreError> {
    text.map_or_else(|| Ok(Dashboards::default()), |text| serde_json::from_str(&text).map_err(StoreError::damaged("dashboards")))
}

/// The dashboards of a project.
pub(super) fn of(record: &Record, project: ProjectId) -> Result<Dashboards, StoreError> {
    parse(record.read("read dashboards", |connection| read(connection, project))?)
}

/// Sets the dashboards of a project in place of those of the revision that they name; `None` where there is another by now.
pub(super) fn set(writer: &Writer, project: ProjectId, new: Dashboards) -> Result<Option<Dashboards>, StoreError> {
    let act = "set dashboards";
    writer.step(act, move |transaction| {
        let old = parse(read(transaction, project).map_err(StoreError::record(act))?)?;
        if old.revision != new.revision {
            return Ok(None);
        }
        let new = Dashboards { revision: old.revision + 1, items: new.items.clone() };
        let text = serde_json::to_string(&new).map_err(StoreError::damaged("dashboards"))?;
        let set = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        transaction.execute(set, params![key(project), text]).map_err(StoreError::record(act))?;
        Ok(Some(new))
    })
}
