//! The people who work on projects. A member is a key with a name: what it allows is told by the role beside it, so that a change
//! of the role holds at once, in browsers that signed in with the key too.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::keys::{end, id, named};
use super::{Accounts, Class, Hash, kept};
use crate::{Member, MemberRow, ProjectId, Role, Secret, StoreError};

/// The hashes of the keys of a project's members.
const OF_PROJECT: &str = "SELECT hash FROM member WHERE project = ?1";

/// A member as it is kept: the key's hash, the name, where to write to, the role, when the key was made, and when it was used last.
type Kept = (Hash, String, Option<String>, String, i64, Option<i64>);

pub(super) fn read_role(name: &str) -> Result<Role, StoreError> {
    Role::named(name).ok_or_else(|| StoreError::damaged("a role")(std::io::Error::other(format!("unknown role {name:?}"))))
}

/// Refuses a name that another member of the project has.
fn free(connection: &Connection, project: ProjectId, name: &str, but: Option<&Hash>) -> Result<(), StoreError> {
    let other = "SELECT count(*) > 0 FROM member WHERE project = ?1 AND name = ?2 AND hash IS NOT ?3";
    let taken: bool = connection
        .query_row(other, params![project.0, name, but], |row| row.get(0))
        .map_err(StoreError::record("look for a member"))?;
    if taken { Err(StoreError::MemberExists(name.to_owned())) } else { Ok(()) }
}

/// Refuses that the last admin is one no more.
fn keep_an_admin(connection: &Connection, project: ProjectId, hash: &Hash) -> Result<(), StoreError> {
    let last = "SELECT name FROM member WHERE hash = ?2 AND role = 'admin'
        AND NOT EXISTS (SELECT 1 FROM member WHERE project = ?1 AND role = 'admin' AND hash != ?2)";
    let found: Option<String> = connection
        .query_row(last, params![project.0, hash], |row| row.get(0))
        .optional()
        .map_err(StoreError::record("look for a member"))?;
    found.map_or(Ok(()), |name| Err(StoreError::LastAdmin(name)))
}

impl Accounts {
    /// Invites somebody to a project: makes the key that is theirs, and gives it with their id.
    ///
    /// # Errors
    /// [`StoreError::MemberExists`], and when the record cannot be written.
    pub fn invite(&self, project: ProjectId, member: &Member) -> Result<(String, Secret), StoreError> {
        let act = || StoreError::record("invite a member");
        let secret = Secret::random("nt_")?;
        let hash = self.hash(secret.reveal());
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(act())?;
        free(&transaction, project, &member.name, None)?;
        self.write(&transaction, Class::Key, &secret, project, member.role.scope(), None).map_err(act())?;
        let insert = "INSERT INTO member (hash, project, name, email, role) VALUES (?1, ?2, ?3, ?4, ?5)";
        transaction
            .execute(insert, params![hash, project.0, member.name, member.email, member.role.as_str()])
            .and_then(|_| transaction.commit())
            .map_err(act())?;
        Ok((id(&hash), secret))
    }

    /// The members of a project, by name.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn members(&self, project: ProjectId) -> Result<Vec<MemberRow>, StoreError> {
        let act = || StoreError::record("list members");
        let all = "SELECT member.hash, name, email, role, created_at, used_at
            FROM member JOIN credential ON credential.hash = member.hash LEFT JOIN key_about ON key_about.hash = member.hash
            WHERE member.project = ?1 ORDER BY name COLLATE NOCASE, name";
        let connection = self.connection();
        let mut query = connection.prepare(all).map_err(act())?;
        let rows = query
            .query_map([project.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)));
        let rows: Vec<Kept> = rows.and_then(Iterator::collect).map_err(act())?;
        let uses = self.uses();
        let row = |(hash, name, email, role, created_at, used_at): Kept| {
            let seen_at = used_at.max(uses.get(&hash).map(|(at, _)| *at));
            Ok(MemberRow { id: id(&hash), member: Member { name, email, role: read_role(&role)? }, created_at, seen_at })
        };
        rows.into_iter().map(row).collect()
    }

    /// Changes what is told of a member, and what they may do from now on; says whether the project has that member.
    ///
    /// # Errors
    /// [`StoreError::MemberExists`], [`StoreError::LastAdmin`], and when the record cannot be written.
    pub fn change_member(&self, project: ProjectId, member_id: &str, member: &Member) -> Result<bool, StoreError> {
        self.change(project, member_id, |transaction, hash| {
            free(transaction, project, &member.name, Some(hash))?;
            if member.role != Role::Admin {
                keep_an_admin(transaction, project, hash)?;
            }
            let act = || StoreError::record("change a member");
            let set = "UPDATE member SET name = ?2, email = ?3, role = ?4 WHERE hash = ?1";
            transaction.execute(set, params![hash, member.name, member.email, member.role.as_str()]).map_err(act())?;
            let set = "UPDATE credential SET scope = ?2 WHERE hash = ?1";
            transaction.execute(set, params![hash, kept(member.role.scope())]).map_err(act())?;
            Ok(())
        })
    }

    /// Removes a member: their key opens nothing any more once this returns, and their browsers are signed out. Says whether the
    /// project had that member.
    ///
    /// # Errors
    /// [`StoreError::LastAdmin`], and when the record cannot be written.
    pub fn remove_member(&self, project: ProjectId, member_id: &str) -> Result<bool, StoreError> {
        self.change(project, member_id, |transaction, hash| {
            keep_an_admin(transaction, project, hash)?;
            end(transaction, hash).map_err(StoreError::record("remove a member"))
        })
    }

    /// Changes the key of the member, in one transaction.
    fn change(
        &self,
        project: ProjectId,
        member_id: &str,
        change: impl FnOnce(&Transaction<'_>, &Hash) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        let act = || StoreError::record("change a member");
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(act())?;
        let found = named(&transaction, OF_PROJECT, project, member_id).map_err(act())?;
        if let Some(hash) = &found {
            change(&transaction, hash)?;
        }
        transaction.commit().map_err(act())?;
        // Of a member who is still there the use is noted again when they come back.
        self.forget(None);
        Ok(found.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    fn member(name: &str, role: Role) -> Member {
        Member { name: name.to_owned(), email: None, role }
    }

    fn opened() -> (tempfile::TempDir, Accounts, ProjectId) {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(dir.path()).unwrap();
        let project = accounts.project("default").unwrap();
        (dir, accounts, project)
    }

    #[test]
    fn a_member_signs_in_with_the_key_and_a_new_role_holds_at_once() {
        let (_dir, accounts, project) = opened();
        let (id, key) = accounts.invite(project, &member("Ada", Role::Editor)).unwrap();
        assert_eq!(accounts.members(project).unwrap()[0].seen_at, None);
        let session = accounts.start_session_with(key.reveal()).unwrap().unwrap();
        let may = || {
            let of = |grant: Option<crate::Grant>| grant.map(|grant| (grant.scope, grant.member));
            (of(accounts.key(key.reveal()).unwrap()), of(accounts.session(session.reveal()).unwrap()))
        };
        let ada = |scope| Some((scope, Some("Ada".to_owned())));
        assert_eq!(may(), (ada(Scope::Edit), ada(Scope::Edit)));
        assert!(accounts.change_member(project, &id, &member("Ada", Role::Viewer)).unwrap());
        assert_eq!(may(), (ada(Scope::Read), ada(Scope::Read)));
        assert!(accounts.members(project).unwrap()[0].seen_at.is_some());
        assert!(accounts.remove_member(project, &id).unwrap());
        assert_eq!(may(), (None, None));
        assert!(!accounts.remove_member(project, &id).unwrap() && accounts.members(project).unwrap().is_empty());
    }

    #[test]
    fn the_last_admin_stays_one() {
        let (_dir, accounts, project) = opened();
        let (ada, _) = accounts.invite(project, &member("Ada", Role::Admin)).unwrap();
        let (grace, _) = accounts.invite(project, &member("Grace", Role::Viewer)).unwrap();
        let last = |result: Result<bool, StoreError>| matches!(result, Err(StoreError::LastAdmin(name)) if name == "Ada");
        assert!(last(accounts.remove_member(project, &ada)));
        assert!(last(accounts.change_member(project, &ada, &member("Ada", Role::Editor))));
        assert!(accounts.change_member(project, &ada, &member("Ada", Role::Admin)).unwrap());
        assert!(accounts.change_member(project, &grace, &member("Grace", Role::Admin)).unwrap());
        assert!(accounts.remove_member(project, &ada).unwrap());
        assert!(matches!(accounts.remove_member(project, &grace), Err(StoreError::LastAdmin(_))));
    }

    #[test]
    fn members_have_names_of_their_own_and_are_no_keys_of_the_project() {
        let (dir, accounts, project) = opened();
        let other = accounts.create_project("shop").unwrap();
        let (ada, _) = accounts.invite(project, &member("Ada", Role::Admin)).unwrap();
        let (grace, _) = accounts.invite(project, &member("grace", Role::Editor)).unwrap();
        accounts.invite(other, &member("Ada", Role::Viewer)).unwrap();
        let taken = |result: Result<(), StoreError>| matches!(result, Err(StoreError::MemberExists(_)));
        assert!(taken(accounts.invite(project, &member("Ada", Role::Viewer)).map(drop)));
        assert!(taken(accounts.change_member(project, &grace, &member("Ada", Role::Editor)).map(drop)));
        assert!(accounts.keys(project).unwrap().is_empty());
        assert!(!accounts.revoke_key(project, &ada).unwrap(), "a member is removed, with what stands against it");
        assert!(!accounts.remove_member(other, &ada).unwrap(), "it is not theirs to remove");
        let counted: Vec<_> = accounts.projects().unwrap().iter().map(|row| (row.keys, row.members)).collect();
        assert_eq!(counted, [(0, 2), (0, 1)]);
        drop(accounts);
        let again = Accounts::open(dir.path()).unwrap().members(project).unwrap();
        let told: Vec<_> = again.iter().map(|row| (row.member.name.as_str(), row.member.role)).collect();
        assert_eq!(told, [("Ada", Role::Admin), ("grace", Role::Editor)]);
    }
}
