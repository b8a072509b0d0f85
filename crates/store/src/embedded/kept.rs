//! Lists that the people of a project keep together, each in the record as a whole with a number that grows by every change.

use rusqlite::{OptionalExtension, params};

use super::record::Record;
use super::writer::Writer;
use crate::{Kept, KeptList, ProjectId, StoreError};

fn key(project: ProjectId, list: KeptList) -> String {
    format!("{}/{}", list.as_str(), project.0)
}

fn read(connection: &rusqlite::Connection, project: ProjectId, list: KeptList) -> rusqlite::Result<Option<String>> {
    let kept = "SELECT value FROM meta WHERE key = ?1";
    connection.prepare_cached(kept)?.query_row([key(project, list)], |row| row.get(0)).optional()
}

fn parse(text: Option<String>, list: KeptList) -> Result<Kept, StoreError> {
    text.map_or_else(|| Ok(Kept::default()), |text| serde_json::from_str(&text).map_err(StoreError::damaged(list.as_str())))
}

/// The list of a project.
pub(super) fn of(record: &Record, project: ProjectId, list: KeptList) -> Result<Kept, StoreError> {
    parse(record.read("read a kept list", |connection| read(connection, project, list))?, list)
}

/// Sets the list of a project in place of the one of the revision that it names; `None` where there is another by now.
pub(super) fn set(writer: &Writer, project: ProjectId, list: KeptList, new: Kept) -> Result<Option<Kept>, StoreError> {
    let act = "set a kept list";
    writer.step(act, move |transaction| {
        let old = parse(read(transaction, project, list).map_err(StoreError::record(act))?, list)?;
        if old.revision != new.revision {
            return Ok(None);
        }
        let new = Kept { revision: old.revision + 1, items: new.items.clone() };
        let text = serde_json::to_string(&new).map_err(StoreError::damaged(list.as_str()))?;
        let set = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        transaction.execute(set, params![key(project, list), text]).map_err(StoreError::record(act))?;
        Ok(Some(new))
    })
}
