//! The parts of contents: each is what its name says, hangs below one of its scope, was brought by a patch and is said by one.

use std::collections::HashSet;

use rusqlite::Connection;

use super::super::{chain, coding::Kind, record::Record, sweep};
use super::{RESTORE, Report, Steps};
use crate::StoreError;

/// Every part of a content is named by its parent and itself.
pub(super) fn parts(
    connection: &Connection,
    record: &Record,
    report: &mut Report,
    steps: &mut Steps<impl FnMut(u64, u64)>,
) -> Result<(), StoreError> {
    let act = "read the contents";
    let mut query = connection
        .prepare(
            "SELECT node.id, node.hash, node.body, node.parent, above.hash FROM node
             LEFT JOIN node AS above ON above.id = node.parent AND above.scope = node.scope",
        )
        .map_err(StoreError::record(act))?;
    let mut rows = query.query([]).map_err(StoreError::record(act))?;
    while let Some(row) = rows.next().map_err(StoreError::record(act))? {
        let read = || -> rusqlite::Result<_> {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, chain::Hash>(1)?,
                row.get::<_, Vec<u8>>(2)?,
                row.get::<_, Option<i64>>(3)?,
                row.get(4)?,
            ))
        };
        let (id, hash, body, parent, above): (_, _, _, _, Option<chain::Hash>) = read().map_err(StoreError::record(act))?;
        report.nodes += 1;
        steps.step(1);
        if parent.is_some() && above.is_none() {
            report.wrong(|| format!("the part {id} of a content hangs below one that is not there; {RESTORE}"));
            continue;
        }
        match record.plain(&body) {
            Ok(bytes) if chain::name(above.as_ref(), Kind::of(&body), &bytes) == hash => {}
            Ok(_) => report.wrong(|| format!("the part {id} of a content is not what its name says; {RESTORE}")),
            Err(error) => {
                report.wrong(|| format!("the part {id} of a content cannot be read: {}; {RESTORE}", error.with_causes()));
            }
        }
    }
    Ok(())
}

/// Every part of a content is said by a patch of its scope, and was brought by one. Scopes that are still to be swept are left
/// out: the server takes away what nothing says there.
pub(super) fn scopes(
    connection: &Connection,
    record: &Record,
    report: &mut Report,
    steps: &mut Steps<impl FnMut(u64, u64)>,
) -> Result<(), StoreError> {
    let act = "read the scopes";
    let numbers = |sql: &str| -> Result<Vec<(i64, u64)>, StoreError> {
        let read = || -> rusqlite::Result<_> {
            let mut query = connection.prepare(sql)?;
            query.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?.collect()
        };
        read().map_err(StoreError::record(act))
    };
    let marked = numbers("SELECT span, count(*) FROM patch WHERE length(body) = 0 GROUP BY span")?;
    let marked: HashSet<i64> = marked.into_iter().map(|(scope, _)| scope).collect();
    for (scope, nodes) in numbers("SELECT scope, count(*) FROM node GROUP BY scope")? {
        steps.step(nodes);
        if marked.contains(&scope) {
            continue;
        }
        let found = match sweep::look(record, scope) {
            // A patch or a part that cannot be read is told of by itself.
            Err(StoreError::Damaged { .. }) => continue,
            found => found?,
        };
        let of = match scope {
            1.. => format!("the conversation number {scope}"),
            _ => format!("the trace number {}", -scope),
        };
        for number in found.gone() {
            report.wrong(|| {
                format!("the part {number} of a content of {of} is said by nothing; erase a trace of it, and the part goes too")
            });
        }
        for number in found.without_bringer() {
            report.wrong(|| {
                format!(
                    "the part {number} of a content of {of} was brought by a message that is not there, so its words are not \
                     found; erase a trace of it, and the part is passed on"
                )
            });
        }
    }
    Ok(())
}
