//! Codes bodies anew that are coded with a dictionary that is to leave, and then lets it go.

use rusqlite::{OptionalExtension, params};

use super::coding::{self, DictionaryId, HEADER_BYTES};
use super::record::Record;
use super::writer::Writer;
use crate::{ProjectId, StoreError};

/// Rows that are looked at in one go.
const LOOKED_AT: usize = 4_000;
/// Bodies that are written in one step.
const STEP_BODIES: usize = 200;
/// ... and bytes of them before the last, since appends wait meanwhile.
const STEP_BYTES: usize = 4 << 20;

/// Where bodies are.
#[derive(Clone, Copy)]
enum Table {
    Patch,
    Node,
}

impl Table {
    const fn select(self) -> &'static str {
        match self {
            // A mark has no body.
            Self::Patch => "SELECT seq, substr(body, 1, ?3) FROM patch WHERE seq > ?1 AND length(body) > 0 ORDER BY seq LIMIT ?2",
            Self::Node => "SELECT id, substr(body, 1, ?3) FROM node WHERE id > ?1 ORDER BY id LIMIT ?2",
        }
    }

    const fn body(self) -> &'static str {
        match self {
            Self::Patch => "SELECT body FROM patch WHERE seq = ?1",
            Self::Node => "SELECT body FROM node WHERE id = ?1",
        }
    }

    const fn update(self) -> &'static str {
        match self {
            Self::Patch => "UPDATE patch SET body = ?2 WHERE seq = ?1 AND body = ?3",
            Self::Node => "UPDATE node SET body = ?2 WHERE id = ?1 AND body = ?3",
        }
    }
}

/// The dictionaries that are to leave, with their projects.
pub(super) fn leaving(record: &Record) -> Result<Vec<(DictionaryId, ProjectId)>, StoreError> {
    record.read("find dictionaries", |connection| {
        let mut query = connection.prepare_cached("SELECT id, project FROM dictionary WHERE leaving = 1")?;
        query.query_map([], |row| Ok((row.get(0)?, ProjectId(row.get(1)?))))?.collect()
    })
}

/// Lets go every dictionary that is to leave. Appends go between the steps; one that is cut off is begun anew.
pub(super) fn let_go(record: &Record, writer: &Writer) -> Result<(), StoreError> {
    for (dictionary, project) in leaving(record)? {
        record.dictionaries().forget();
        recode(record, writer, Table::Patch, dictionary, project, 0)?;
        let mut at = 0;
        loop {
            at = recode(record, writer, Table::Node, dictionary, project, at)?;
            if drop_unless_used(writer, dictionary, at)? {
                break;
            }
        }
        record.dictionaries().forget();
    }
    Ok(())
}

/// Drops a dictionary, unless a node behind the node `at` is coded with it: one may have been copied while others were coded
/// anew.
fn drop_unless_used(writer: &Writer, dictionary: DictionaryId, at: i64) -> Result<bool, StoreError> {
    let act = "let a dictionary go";
    writer.step(act, move |transaction| {
        let failed = || StoreError::record(act);
        let mut behind = transaction.prepare("SELECT substr(body, 1, ?2) FROM node WHERE id > ?1").map_err(failed())?;
        let mut headers = behind.query(params![at, HEADER_BYTES as i64]).map_err(failed())?;
        while let Some(row) = headers.next().map_err(failed())? {
            if coding::dictionary_of(&row.get::<_, Vec<u8>>(0).map_err(failed())?) == Some(dictionary) {
                return Ok(false);
            }
        }
        transaction
            .execute("DELETE FROM learnt WHERE dictionary = ?1", [dictionary])
            .and_then(|_| transaction.execute("DELETE FROM dictionary WHERE id = ?1", [dictionary]))
            .map_err(failed())?;
        Ok(true)
    })
}

/// Codes anew what is behind the row `at` and coded with a dictionary, and says where that ended.
/// NOTE: nothing new is coded with a dictionary that is leaving, since the writer refuses it.
fn recode(
    record: &Record,
    writer: &Writer,
    table: Table,
    from: DictionaryId,
    project: ProjectId,
    mut at: i64,
) -> Result<i64, StoreError> {
    let act = "code bodies anew";
    loop {
        // A node whose number is free may be made anew behind `at` only, as long as none is moved within these steps.
        let _alone = matches!(table, Table::Node).then(|| record.scopes());
        let headers: Vec<(i64, Vec<u8>)> = record.read(act, |connection| {
            connection
                .prepare_cached(table.select())?
                .query_map(params![at, LOOKED_AT as i64, HEADER_BYTES as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        let Some((last, _)) = headers.last() else { return Ok(at) };
        at = *last;
        let coded_so: Vec<i64> =
            headers.iter().filter(|(_, header)| coding::dictionary_of(header) == Some(from)).map(|(number, _)| *number).collect();
        let mut left = coded_so.into_iter().peekable();
        while left.peek().is_some() {
            let (mut bodies, mut bytes) = (Vec::new(), 0);
            let current = record.dictionaries().current(record, project)?;
            while bodies.len() < STEP_BODIES && bytes < STEP_BYTES {
                let Some(number) = left.next() else { break };
                let body: Option<Vec<u8>> = record.read(act, |connection| {
                    connection.prepare_cached(table.body())?.query_row([number], |row| row.get(0)).optional()
                })?;
                if let Some(body) = body {
                    let anew = coding::compress(&record.plain(&body)?, current.as_deref())?;
                    bytes += anew.len() + body.len();
                    bodies.push((number, anew, body));
                }
            }
            writer.step(act, move |transaction| {
                let mut update = transaction.prepare_cached(table.update()).map_err(StoreError::record(act))?;
                for (number, anew, before) in &bodies {
                    update.execute(params![number, anew, before]).map_err(StoreError::record(act))?;
                }
                Ok(())
            })?;
        }
    }
}
