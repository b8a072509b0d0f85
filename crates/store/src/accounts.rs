//! Projects, who works on them, and what opens them: API keys, sign-in tokens, browser sessions.
//!
//! A secret is 32 random bytes, or a key that the operator chose. Only its hash, keyed with a secret of the store, is kept.

use std::fmt;

use crate::StoreError;

/// Number of a project in its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId(pub(crate) i64);

impl ProjectId {
    /// Name of the project that every store has from its beginning.
    pub const DEFAULT_NAME: &str = "default";

    /// The number, for logs and metrics.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// What a key allows: `edit` reading too, and `admin` everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Sending spans.
    Ingest,
    /// Reading.
    Read,
    /// Reading, judging, and changing what all see (dashboards, views): what the key of a member who is an [editor](Role::Editor)
    /// allows, and no other key.
    Edit,
    /// Everything, keys included; with a key of the default project, other projects and their keys as well.
    Admin,
}

impl Scope {
    /// Those of keys that are nobody's in particular.
    pub const OF_KEYS: [Self; 3] = [Self::Ingest, Self::Read, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Admin => "admin",
        }
    }

    /// The scope of a key that is nobody's in particular, by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::OF_KEYS.into_iter().find(|scope| scope.as_str() == name)
    }

    /// Whether a key of this scope may do what asks for the other.
    #[must_use]
    pub fn allows(self, asked: Self) -> bool {
        self == asked || self == Self::Admin || (self == Self::Edit && asked == Self::Read)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a secret opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The project.
    pub project: ProjectId,
    /// Its name.
    pub project_name: String,
    /// What is allowed there.
    pub scope: Scope,
    /// The name of the member whose key it is; `None` for a key that is nobody's in particular.
    pub member: Option<String>,
}

impl Grant {
    /// Who that is, for the log: the member, or any holder of a key of the project.
    #[must_use]
    pub fn who(&self) -> &str {
        self.member.as_deref().unwrap_or(&self.project_name)
    }
}

/// A project, and how many keys it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    /// Its name.
    pub name: String,
    /// When it was made, in seconds since the epoch.
    pub created_at: i64,
    /// Its keys, without those of members.
    pub keys: u64,
    /// Its members.
    pub members: u64,
}

/// What is known of a key. The key itself nobody knows but its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Names it, and tells nothing of it.
    pub id: String,
    /// How it begins; `None` for one that was made by an older program and not used since.
    pub begin: Option<String>,
    /// What it allows.
    pub scope: Scope,
    /// When it was made, in seconds since the epoch.
    pub created_at: i64,
    /// When it was used last, to a few seconds, in seconds since the epoch.
    pub used_at: Option<i64>,
}

/// What a member of a project may do there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reading.
    Viewer,
    /// Judging, and changing dashboards and views too.
    Editor,
    /// Everything, keys, members and erasure included.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// What the key of a member in that role allows.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::Viewer => Scope::Read,
            Self::Editor => Scope::Edit,
            Self::Admin => Scope::Admin,
        }
    }
}

/// A person who works on a project, as an administrator tells of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Their name, unlike those of the other members of the project.
    pub name: String,
    /// Where to write to them.
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
}

/// A member of a project, and what is known of their key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// Names the member, and tells nothing of the key.
    pub id: String,
    /// Who that is.
    pub member: Member,
    /// When the member was invited, in seconds since the epoch.
    pub created_at: i64,
    /// When the member was seen last, to a few seconds, in seconds since the epoch.
    pub seen_at: Option<i64>,
}

/// A secret in clear, on its way to the one who will hold it. It is shown once and never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new random secret behind the prefix, e.g. `nt_`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the system has no randomness to give.
    pub fn random(prefix: &str) -> Result<Self, StoreError> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(StoreError::damaged("random bytes of the system"))?;
        Ok(Self(format!("{prefix}{}", blake3::Hash::from_bytes(bytes).to_hex())))
    }

    /// A secret that the operator chose.
    #[must_use]
    pub fn chosen(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret in clear.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
