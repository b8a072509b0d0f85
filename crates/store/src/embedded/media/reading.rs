//! Media as the record holds them, read piece by piece.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::chain::Hash;
use super::super::coding::Kind;
use super::super::record::{Record, TraceKey};
use super::Label;
use crate::StoreError;
use crate::media::{MediaId, Medium};

impl Record {
    /// The medium of that name in the scope of a trace.
    pub(in super::super) fn medium(&self, trace: &TraceKey, id: MediaId) -> Result<Option<Medium>, StoreError> {
        let found = self.read("read a medium", |connection| path(connection, trace.scope(), id))?;
        let Some((label, pieces)) = found else { return Ok(None) };
        let Some(Label { mime_type, bytes }) = self.label(&label)? else { return Ok(None) };
        if bytes.div_ceil(Medium::PIECE_BYTES as u64) != pieces.len() as u64 {
            return Err(incomplete(id));
        }
        let pieces = pieces.into_iter().map(|(_, name)| name).collect();
        Ok(Some(Medium { id, mime_type, bytes, trace: trace.number, pieces }))
    }

    /// A piece of a medium of a trace, wherever the contents of the trace are now.
    pub(in super::super) fn piece(&self, trace: i64, name: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        let body: Option<Vec<u8>> = self.read("read a piece of a medium", |connection| {
            connection
                .prepare_cached(
                    "SELECT body FROM trace CROSS JOIN node ON node.scope = ifnull(trace.home, -trace.id)
                     WHERE trace.id = ?1 AND node.hash = ?2",
                )?
                .query_row(params![trace, name], |row| row.get(0))
                .optional()
        })?;
        body.map(|body| Ok(self.plain(&body)?.into_owned())).transpose()
    }

    /// All bytes of a medium.
    pub(super) fn bytes_of(&self, scope: i64, id: MediaId) -> Result<Vec<u8>, StoreError> {
        let bodies: Option<Vec<Vec<u8>>> = self.read("read a medium", |connection| {
            let Some((_, pieces)) = path(connection, scope, id)? else { return Ok(None) };
            let mut body = connection.prepare_cached("SELECT body FROM node WHERE id = ?1")?;
            pieces.iter().map(|(number, _)| body.query_row([number], |row| row.get(0))).collect::<Result<_, _>>().map(Some)
        })?;
        let mut bytes = Vec::new();
        for body in bodies.ok_or_else(|| incomplete(id))? {
            bytes.extend_from_slice(&self.plain(&body)?);
        }
        Ok(bytes)
    }

    fn label(&self, body: &[u8]) -> Result<Option<Label>, StoreError> {
        match Kind::of(body) {
            Kind::Label => serde_json::from_slice(&self.plain(body)?).map(Some).map_err(StoreError::damaged("a label")),
            // A message or a piece has a name too, but is no medium.
            Kind::Said | Kind::Piece => Ok(None),
        }
    }
}

/// The body of a medium's label, and the numbers and names of its pieces, first to last.
type Path = (Vec<u8>, Vec<(i64, Hash)>);

fn path(connection: &Connection, scope: i64, id: MediaId) -> rusqlite::Result<Option<Path>> {
    let label: Option<(Option<i64>, Vec<u8>)> = connection
        .prepare_cached("SELECT parent, body FROM node WHERE scope = ?1 AND hash = ?2")?
        .query_row(params![scope, id.hash()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((mut at, body)) = label else { return Ok(None) };
    let mut above = connection.prepare_cached("SELECT parent, hash FROM node WHERE id = ?1")?;
    let mut pieces = Vec::new();
    while let Some(number) = at {
        let Some((parent, name)) = above.query_row([number], |row| Ok((row.get(0)?, row.get(1)?))).optional()? else { break };
        pieces.push((number, name));
        at = parent;
    }
    pieces.reverse();
    Ok(Some((body, pieces)))
}

fn incomplete(id: MediaId) -> StoreError {
    StoreError::damaged("a medium")(std::io::Error::other(format!("not all of {id} is there")))
}
