//! The keys of projects as they are shown and revoked: never the keys themselves, which nobody keeps.
//!
//! When a key was used is noted in memory by whoever looks a key up, who must not wait for a disk, and written by
//! [`Accounts::keep_uses`] from time to time.

use std::collections::HashMap;

use rusqlite::{Connection, TransactionBehavior, params};

use super::{Accounts, Class, Hash, now, read_scope};
use crate::{KeyRow, ProjectId, ProjectRow, StoreError};

/// Characters of a key that are shown, and the part of a shorter key that may be.
const SHOWN: (usize, usize) = (11, 4);
/// Bytes of its hash that name a key.
const NAMED: usize = 8;

/// A key as it is kept: its hash, its begin, its scope, when it was made, and when it was used last.
type Kept = (Vec<u8>, Option<String>, String, i64, Option<i64>);
/// When keys were used since that was last written, with the begin of each.
pub(super) type Uses = HashMap<Hash, (i64, String)>;

/// The begin of a key, by which its holder knows it again.
pub(super) fn begin(key: &str) -> String {
    key.chars().take(SHOWN.0.min(key.chars().count() / SHOWN.1)).collect()
}

pub(super) fn id(hash: &[u8]) -> String {
    hash.iter().take(NAMED).map(|byte| format!("{byte:02x}")).collect()
}

/// The keys of a project that are nobody's in particular.
const OF_PROJECT: &str = "credential WHERE project = ?1 AND class = 'key' AND hash NOT IN (SELECT hash FROM member)";

/// Of hashes of keys of a project the one that is [named](id) so.
pub(super) fn named(connection: &Connection, hashes: &str, project: ProjectId, name: &str) -> rusqlite::Result<Option<Hash>> {
    let mut query = connection.prepare(hashes)?;
    let hashes: Vec<Hash> = query.query_map([project.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(hashes.into_iter().find(|hash| id(hash) == name))
}

/// Ends a key, and the sessions that it started.
pub(super) fn end(connection: &Connection, hash: &Hash) -> rusqlite::Result<()> {
    let sessions = "DELETE FROM credential WHERE hash IN (SELECT session FROM started_by WHERE key = ?1)";
    connection.execute(sessions, params![hash])?;
    connection.execute("DELETE FROM credential WHERE hash = ?1 AND class = ?2", params![hash, Class::Key.as_str()])?;
    Ok(())
}

impl Accounts {
    /// Notes that a key that begins so was used.
    pub(super) fn used(&self, hash: Hash, begin: String) {
        self.uses().insert(hash, (now(), begin));
    }

    /// Every project, the oldest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn projects(&self) -> Result<Vec<ProjectRow>, StoreError> {
        let all = "SELECT name, created_at,
                (SELECT count(*) FROM credential WHERE project = project.id AND class = 'key'),
                (SELECT count(*) FROM member WHERE project = project.id)
            FROM project ORDER BY id";
        let connection = self.connection();
        let mut query = connection.prepare(all).map_err(StoreError::record("list projects"))?;
        query
            .query_map([], |row| {
                let (all, members): (i64, i64) = (row.get(2)?, row.get(3)?);
                let (keys, members) = ((all - members).cast_unsigned(), members.cast_unsigned());
                Ok(ProjectRow { name: row.get(0)?, created_at: row.get(1)?, keys, members })
            })
            .and_then(Iterator::collect)
            .map_err(StoreError::record("list projects"))
    }

    /// The keys of a project that are nobody's in particular, the newest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn keys(&self, project: ProjectId) -> Result<Vec<KeyRow>, StoreError> {
        let of_project = format!(
            "SELECT kept.hash, begin, scope, created_at, used_at
             FROM (SELECT * FROM {OF_PROJECT}) AS kept LEFT JOIN key_about ON key_about.hash = kept.hash
             ORDER BY created_at DESC, kept.hash"
        );
        let connection = self.connection();
        let mut query = connection.prepare(&of_project).map_err(StoreError::record("list keys"))?;
        let rows = query.query_map([project.0], |row| {
            let (hash, scope): (Vec<u8>, String) = (row.get(0)?, row.get(2)?);
            Ok((hash, row.get(1)?, scope, row.get(3)?, row.get(4)?))
        });
        let rows: Vec<Kept> = rows.and_then(Iterator::collect).map_err(StoreError::record("list keys"))?;
        let uses = self.uses();
        let row = |(hash, begin, scope, created_at, used_at): Kept| {
            let used = <Hash>::try_from(hash.as_slice()).ok().and_then(|hash| uses.get(&hash));
            Ok(KeyRow {
                id: id(&hash),
                begin: begin.or_else(|| used.map(|(_, begin)| begin.clone())),
                scope: read_scope(&scope)?,
                created_at,
                used_at: used_at.max(used.map(|(at, _)| *at)),
            })
        };
        rows.into_iter().map(row).collect()
    }

    /// Revokes a key of a project, and ends the sessions that it started; says whether the project had it. It opens nothing any
    /// more once this returns. Those of members are not revoked but [removed](Accounts::remove_member).
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn revoke_key(&self, project: ProjectId, key: &str) -> Result<bool, StoreError> {
        let act = || StoreError::record("revoke a key");
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(act())?;
        let found = named(&transaction, &format!("SELECT hash FROM {OF_PROJECT}"), project, key).map_err(act())?;
        if let Some(hash) = &found {
            end(&transaction, hash).map_err(act())?;
        }
        transaction.commit().map_err(act())?;
        self.forget(found.as_ref());
        Ok(found.is_some())
    }

    /// Forgets what was remembered of credentials, and the uses of a key that has ended.
    ///
    /// NOTE: whoever calls this holds the connection, so that nobody remembers meanwhile what they read before.
    pub(super) fn forget(&self, ended: Option<&Hash>) {
        self.recent().clear();
        self.uses().retain(|hash, _| Some(hash) != ended);
    }

    /// Writes when keys were used.
    ///
    /// # Errors
    /// When the record cannot be written; the uses are then kept for the next time.
    pub fn keep_uses(&self) -> Result<(), StoreError> {
        let uses = std::mem::take(&mut *self.uses());
        if uses.is_empty() {
            return Ok(());
        }
        let written = self.write_uses(&uses);
        if written.is_err() {
            let mut newer = self.uses();
            for (hash, used) in uses {
                newer.entry(hash).or_insert(used);
            }
        }
        written.map_err(StoreError::record("keep when keys were used"))
    }

    fn write_uses(&self, uses: &Uses) -> rusqlite::Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        for (hash, (at, begin)) in uses {
            // A key may have been revoked since.
            transaction.execute(
                "INSERT INTO key_about (hash, begin, used_at) SELECT hash, ?2, ?3 FROM credential WHERE hash = ?1
                 ON CONFLICT (hash) DO UPDATE SET used_at = max(ifnull(used_at, 0), excluded.used_at)",
                params![hash, begin, at],
            )?;
        }
        transaction.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scope, Secret};

    #[test]
    fn a_key_is_known_by_its_begin_and_never_by_more_than_a_part_of_it() {
        assert_eq!(begin("nt_0123456789abcdef0123456789abcdef0123456789abcdef"), "nt_01234567");
        assert_eq!(begin("chosen-by-me"), "cho");
        assert_eq!(begin("abc"), "");
    }

    #[test]
    fn keys_are_listed_by_project_and_stop_at_once_when_they_are_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(dir.path()).unwrap();
        let (ours, theirs) = (accounts.project("default").unwrap(), accounts.create_project("shop").unwrap());
        let key = accounts.create_key(ours, Scope::Admin).unwrap();
        accounts.keep_key(&Secret::chosen("theirs-and-long-enough"), theirs, Scope::Read).unwrap();
        let [row] = &accounts.keys(ours).unwrap()[..] else { panic!("one key") };
        assert_eq!((row.begin.as_deref(), row.scope, row.used_at), (Some(&key.reveal()[..11]), Scope::Admin, None));
        let session = accounts.start_session_with(key.reveal()).unwrap().unwrap();
        assert!(accounts.key(key.reveal()).unwrap().is_some() && accounts.session(session.reveal()).unwrap().is_some());
        assert!(accounts.keys(ours).unwrap()[0].used_at.is_some(), "told before it is written");

        assert!(!accounts.revoke_key(theirs, &row.id).unwrap(), "it is not theirs to revoke");
        assert!(accounts.key(key.reveal()).unwrap().is_some());
        assert!(accounts.revoke_key(ours, &row.id).unwrap());
        assert_eq!(accounts.key(key.reveal()).unwrap(), None, "also where it was found a moment ago");
        assert_eq!(accounts.session(session.reveal()).unwrap(), None, "nor does the browser stay signed in");
        assert_eq!(accounts.start_session_with(key.reveal()).unwrap(), None);
        assert!(!accounts.revoke_key(ours, &row.id).unwrap());
        let projects = accounts.projects().unwrap();
        let told: Vec<_> = projects.iter().map(|project| (project.name.as_str(), project.keys)).collect();
        assert_eq!(told, [("default", 0), ("shop", 1)]);
    }

    #[test]
    fn when_a_key_was_used_outlives_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(dir.path()).unwrap();
        let project = accounts.project("default").unwrap();
        let key = accounts.create_key(project, Scope::Ingest).unwrap();
        accounts.key(key.reveal()).unwrap();
        accounts.keep_uses().unwrap();
        let used = accounts.keys(project).unwrap()[0].used_at;
        drop(accounts);
        let again = Accounts::open(dir.path()).unwrap();
        assert_eq!(again.keys(project).unwrap()[0].used_at, used);
        assert!(used.is_some());
    }
}
