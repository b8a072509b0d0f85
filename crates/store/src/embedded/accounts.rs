//! Projects, keys, members, sign-in links and browser sessions in the record.
//!
//! Opened beside a running server too (`neuraltrust key create`): SQLite keeps the two apart.

mod keys;
mod members;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{RECORD, schema};
use crate::{Grant, ProjectId, Scope, Secret, StoreError};

/// How long a sign-in link works.
const SIGN_IN_LASTS: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a browser stays signed in.
const SESSION_LASTS: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a key that was found is not looked up again.
const REMEMBER: Duration = Duration::from_secs(5);
/// Longest name of a project.
const MAX_PROJECT_NAME: usize = 64;

/// What a credential is for; one cannot stand in for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Key,
    SignIn,
    Session,
}

impl Class {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::SignIn => "sign_in",
            Self::Session => "session",
        }
    }
}

type Hash = [u8; 32];

/// What a credential of a class opens; and of a key, or of the key that a session was started with, whose it is.
const FIND: &str = "SELECT project.id, project.name, credential.scope, member.hash, ifnull(begin, ''), member.name, member.role
    FROM credential JOIN project ON project.id = credential.project
    LEFT JOIN started_by ON started_by.session = credential.hash
    LEFT JOIN member ON member.hash = ifnull(started_by.key, credential.hash)
    LEFT JOIN key_about ON key_about.hash = member.hash
    WHERE credential.hash = ?1 AND class = ?2 AND ifnull(expires_at, ?3 + 1) > ?3";

/// A scope as it stands beside a credential: what an editor may do is told by the role, since programs of before there were members
/// know no such scope.
fn kept(scope: Scope) -> &'static str {
    if scope == Scope::Edit { Scope::Read.as_str() } else { scope.as_str() }
}

/// A credential as it is kept.
struct Found {
    project: ProjectId,
    project_name: String,
    scope: String,
    member: Option<MemberKey>,
}

/// The key of a member as it is kept.
struct MemberKey {
    hash: Hash,
    begin: String,
    name: String,
    role: String,
}

impl Found {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let member = match row.get(3)? {
            Some(hash) => Some(MemberKey { hash, begin: row.get(4)?, name: row.get(5)?, role: row.get(6)? }),
            None => None,
        };
        Ok(Self { project: ProjectId(row.get(0)?), project_name: row.get(1)?, scope: row.get(2)?, member })
    }
}

/// Projects and what opens them.
#[derive(Debug)]
pub struct Accounts {
    connection: Mutex<Connection>,
    hash_key: Hash,
    /// Keys and sessions that were found a moment ago. Only what exists is remembered, so that guesses cost no memory.
    recent: Mutex<HashMap<(Class, Hash), (Instant, Grant)>>,
    /// When keys were used, as far as that is not written yet.
    uses: Mutex<keys::Uses>,
}

impl Accounts {
    /// Opens the accounts of a data directory; makes the record where there is none.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(data_dir).map_err(|source| StoreError::DataDir { path: data_dir.to_owned(), source })?;
        let connection = schema::open_for_writing(&data_dir.join(RECORD))?;
        let text: String = connection
            .query_row("SELECT value FROM meta WHERE key = 'credential_hash_key'", [], |row| row.get(0))
            .map_err(StoreError::record("read the hash key"))?;
        let hash_key = *blake3::Hash::from_hex(text).map_err(StoreError::damaged("the hash key"))?.as_bytes();
        Ok(Self { connection: Mutex::new(connection), hash_key, recent: Mutex::default(), uses: Mutex::default() })
    }

    /// Whether there is any key yet.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn has_keys(&self) -> Result<bool, StoreError> {
        self.connection()
            .query_row("SELECT count(*) > 0 FROM credential WHERE class = 'key'", [], |row| row.get(0))
            .map_err(StoreError::record("look for keys"))
    }

    /// Makes a project.
    ///
    /// # Errors
    /// [`StoreError::ProjectName`] and [`StoreError::ProjectExists`].
    pub fn create_project(&self, name: &str) -> Result<ProjectId, StoreError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > MAX_PROJECT_NAME || !name.chars().all(allowed) {
            return Err(StoreError::ProjectName(name.chars().take(MAX_PROJECT_NAME).collect()));
        }
        let connection = self.connection();
        let made = connection
            .execute("INSERT OR IGNORE INTO project (name, created_at) VALUES (?1, ?2)", params![name, now()])
            .map_err(StoreError::record("make a project"))?;
        if made == 0 {
            return Err(StoreError::ProjectExists(name.to_owned()));
        }
        Ok(ProjectId(connection.last_insert_rowid()))
    }

    /// The project of that name.
    ///
    /// # Errors
    /// [`StoreError::NoProject`].
    pub fn project(&self, name: &str) -> Result<ProjectId, StoreError> {
        self.connection()
            .query_row("SELECT id FROM project WHERE name = ?1", [name], |row| row.get(0).map(ProjectId))
            .optional()
            .map_err(StoreError::record("look for a project"))?
            .ok_or_else(|| StoreError::NoProject(name.chars().take(MAX_PROJECT_NAME).collect()))
    }

    /// Makes a key of a project.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn create_key(&self, project: ProjectId, scope: Scope) -> Result<Secret, StoreError> {
        let secret = Secret::random("nt_")?;
        self.keep(Class::Key, &secret, project, scope, None)?;
        Ok(secret)
    }

    /// Makes a key that the operator chose.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn keep_key(&self, secret: &Secret, project: ProjectId, scope: Scope) -> Result<(), StoreError> {
        self.keep(Class::Key, secret, project, scope, None)
    }

    /// What a key opens; `None` when there is no such key.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn key(&self, key: &str) -> Result<Option<Grant>, StoreError> {
        self.find(Class::Key, key)
    }

    /// Makes the secret of a link that signs a browser in, once.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn create_sign_in(&self, project: ProjectId, scope: Scope) -> Result<Secret, StoreError> {
        let secret = Secret::random("")?;
        self.keep(Class::SignIn, &secret, project, scope, Some(SIGN_IN_LASTS))?;
        Ok(secret)
    }

    /// Signs a browser in by the secret of a link, which then works no more; `None` when it does not work.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn sign_in(&self, secret: &str) -> Result<Option<Secret>, StoreError> {
        let found = self
            .connection()
            .query_row(
                "DELETE FROM credential WHERE hash = ?1 AND class = ?2 RETURNING project, scope, expires_at",
                params![self.hash(secret), Class::SignIn.as_str()],
                |row| Ok((ProjectId(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, Option<i64>>(2)?)),
            )
            .optional()
            .map_err(StoreError::record("sign in"))?;
        match found {
            Some((project, scope, expires_at)) if expires_at.is_none_or(|expires_at| expires_at > now()) => {
                self.start_session(project, read_scope(&scope)?).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Signs a browser in.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn start_session(&self, project: ProjectId, scope: Scope) -> Result<Secret, StoreError> {
        let secret = Secret::random("")?;
        self.connection()
            .execute("DELETE FROM credential WHERE expires_at < ?1", [now()])
            .map_err(StoreError::record("forget old sessions"))?;
        self.keep(Class::Session, &secret, project, scope, Some(SESSION_LASTS))?;
        Ok(secret)
    }

    /// Signs a browser in with a key, until the key is revoked; `None` when there is no such key.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn start_session_with(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        let Some(grant) = self.key(key)? else { return Ok(None) };
        let session = self.start_session(grant.project, grant.scope)?;
        let started = "INSERT INTO started_by (session, key) VALUES (?1, ?2)";
        let there: bool = {
            let connection = self.connection();
            connection
                .execute(started, params![self.hash(session.reveal()), self.hash(key)])
                .and_then(|_| {
                    let key = [self.hash(key)];
                    connection.query_row("SELECT count(*) > 0 FROM credential WHERE hash = ?1", key, |row| row.get(0))
                })
                .map_err(StoreError::record("sign in"))?
        };
        if !there {
            // It was revoked meanwhile, before whoever did so could know of this session.
            self.end_session(session.reveal())?;
            return Ok(None);
        }
        Ok(Some(session))
    }

    /// What a browser's session opens; `None` when there is no such session.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn session(&self, secret: &str) -> Result<Option<Grant>, StoreError> {
        self.find(Class::Session, secret)
    }

    /// Signs a browser out.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn end_session(&self, secret: &str) -> Result<(), StoreError> {
        let hash = self.hash(secret);
        self.recent().remove(&(Class::Session, hash));
        self.connection()
            .execute("DELETE FROM credential WHERE hash = ?1 AND class = ?2", params![hash, Class::Session.as_str()])
            .map_err(StoreError::record("sign out"))?;
        Ok(())
    }

    /// How long a session lasts.
    #[must_use]
    pub const fn session_lasts() -> Duration {
        SESSION_LASTS
    }

    fn keep(
        &self,
        class: Class,
        secret: &Secret,
        project: ProjectId,
        scope: Scope,
        lasts: Option<Duration>,
    ) -> Result<(), StoreError> {
        self.write(&self.connection(), class, secret, project, scope, lasts).map_err(StoreError::record("keep a credential"))
    }

    /// Writes a credential down, within a transaction too.
    fn write(
        &self,
        connection: &Connection,
        class: Class,
        secret: &Secret,
        project: ProjectId,
        scope: Scope,
        lasts: Option<Duration>,
    ) -> rusqlite::Result<()> {
        let expires_at = lasts.map(|lasts| now() + lasts.as_secs() as i64);
        let hash = self.hash(secret.reveal());
        connection.execute(
            "INSERT OR REPLACE INTO credential (hash, class, project, scope, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![hash, class.as_str(), project.0, kept(scope), now(), expires_at],
        )?;
        if class == Class::Key {
            let about = "INSERT OR REPLACE INTO key_about (hash, begin) VALUES (?1, ?2)";
            connection.execute(about, params![hash, keys::begin(secret.reveal())])?;
        }
        Ok(())
    }

    fn find(&self, class: Class, secret: &str) -> Result<Option<Grant>, StoreError> {
        let id = (class, self.hash(secret));
        if let Some((since, grant)) = self.recent().get(&id)
            && since.elapsed() < REMEMBER
        {
            return Ok(Some(grant.clone()));
        }
        // NOTE: held until what was found is remembered, so that a key that is revoked meanwhile is not.
        let connection = self.connection();
        let found = connection
            .prepare_cached(FIND)
            .and_then(|mut query| query.query_row(params![id.1, class.as_str(), now()], Found::read).optional())
            .map_err(StoreError::record("look for a credential"))?;
        let Some(Found { project, project_name, scope, member }) = found else {
            self.recent().remove(&id);
            return Ok(None);
        };
        let mut grant = Grant { project, project_name, scope: read_scope(&scope)?, member: None };
        if class == Class::Key {
            self.used(id.1, keys::begin(secret));
        }
        if let Some(MemberKey { hash, begin, name, role }) = member {
            grant = Grant { scope: members::read_role(&role)?.scope(), member: Some(name), ..grant };
            // A browser that they signed in with their key shows that they are there as well.
            self.used(hash, begin);
        }
        self.recent().insert(id, (Instant::now(), grant.clone()));
        Ok(Some(grant))
    }

    /// Secrets have 256 random bits, so that a fast keyed hash is enough; one that an operator chose is as good as they made it.
    fn hash(&self, secret: &str) -> Hash {
        *blake3::keyed_hash(&self.hash_key, secret.as_bytes()).as_bytes()
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uses(&self) -> MutexGuard<'_, keys::Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> MutexGuard<'_, HashMap<(Class, Hash), (Instant, Grant)>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_scope(name: &str) -> Result<Scope, StoreError> {
    Scope::named(name).ok_or_else(|| StoreError::damaged("a scope")(std::io::Error::other(format!("unknown scope {name:?}"))))
}

/// Seconds since the epoch.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_opens_what_it_is_for() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(dir.path()).unwrap();
        let project = accounts.project(ProjectId::DEFAULT_NAME).unwrap();
        assert!(!accounts.has_keys().unwrap());
        let key = accounts.create_key(project, Scope::Ingest).unwrap();
        let grant = Grant { project, project_name: "default".to_owned(), scope: Scope::Ingest, member: None };
        assert_eq!(accounts.key(key.reveal()).unwrap(), Some(grant.clone()));
        assert_eq!(accounts.session(key.reveal()).unwrap(), None);
        assert_eq!(accounts.key("nt_no").unwrap(), None);

        let link = accounts.create_sign_in(project, Scope::Admin).unwrap();
        assert_eq!(accounts.key(link.reveal()).unwrap(), None);
        let session = accounts.sign_in(link.reveal()).unwrap().unwrap();
        assert_eq!(accounts.sign_in(link.reveal()).unwrap(), None, "a link works once");
        assert_eq!(accounts.session(session.reveal()).unwrap().unwrap().scope, Scope::Admin);
        accounts.end_session(session.reveal()).unwrap();
        assert_eq!(accounts.session(session.reveal()).unwrap(), None);

        drop(accounts);
        let accounts = Accounts::open(dir.path()).unwrap();
        assert_eq!(accounts.key(key.reveal()).unwrap(), Some(grant));
        assert!(std::fs::read(dir.path().join(RECORD)).unwrap().windows(20).all(|bytes| bytes != &key.reveal().as_bytes()[..20]));
    }

    #[test]
    fn projects_have_plain_and_unique_names() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(dir.path()).unwrap();
        let id = accounts.create_project("support-bot_2.eu").unwrap();
        assert_eq!(accounts.project("support-bot_2.eu").unwrap(), id);
        assert!(matches!(accounts.create_project("support-bot_2.eu"), Err(StoreError::ProjectExists(_))));
        assert!(matches!(accounts.project("other"), Err(StoreError::NoProject(_))));
        for bad in ["", "a b", "ü", "../x", &"x".repeat(65)] {
            assert!(matches!(accounts.create_project(bad), Err(StoreError::ProjectName(_))), "{bad}");
        }
    }
}
