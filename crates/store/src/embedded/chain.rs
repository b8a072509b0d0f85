//! The content chain: what is said again is kept once.
//!
//! A model call sends its whole history again. Here a list of messages is a path in a tree: each message is a node named by
//! the hash of its parent's name and of itself, so that a call whose history is kept already costs its new messages only. The
//! answer hangs below the question, where the next call's history finds it. Large contents of other kinds are nodes without
//! parents.
//!
//! Media are paths too: a piece of the bytes hangs below the piece before it, and a label below the last. The label's name is
//! that of the medium, and the messages that show it are noted beside them (`shown`).
//!
//! A tree belongs to one scope, a conversation or a trace, and no node to two: with the scope its content goes.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use neuraltrust_model::{ConversationId, TraceId};

use super::coding::Kind;
use crate::ProjectId;

/// Name of a node within its scope.
pub(super) type Hash = [u8; 16];

/// Names that are remembered at the most, twice over; a name that is forgotten costs a look into the record.
const REMEMBERED: usize = 250_000;

/// The name of a node that holds something of that kind.
pub(super) fn name(parent: Option<&Hash>, kind: Kind, bytes: &[u8]) -> Hash {
    let mut name = Hash::default();
    // Each kind has names of its own, so that no medium can pass for a message.
    let mut hasher = match kind {
        Kind::Said => blake3::Hasher::new(),
        Kind::Piece => blake3::Hasher::new_derive_key("neuraltrust 2026 piece of a medium"),
        Kind::Label => blake3::Hasher::new_derive_key("neuraltrust 2026 label of a medium"),
    };
    hasher.update(parent.map_or(&[0; 16], |parent| parent)).update(bytes).finalize_xof().fill(&mut name);
    name
}

/// What the nodes of a trace belong to, as the first of its patches that brings nodes says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    Conversation(ConversationId),
    Trace(TraceId),
}

impl Scope {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Conversation(_) => "conversation",
            Self::Trace(_) => "trace",
        }
    }

    pub(super) fn id(&self) -> &str {
        match self {
            Self::Conversation(id) => id.as_str(),
            Self::Trace(id) => id.as_str(),
        }
    }

    /// A name for a node that is unique among all scopes.
    pub(super) fn global(&self, project: ProjectId, node: &Hash) -> Hash {
        let mut name = Hash::default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&project.get().to_le_bytes()).update(self.kind().as_bytes()).update(node).update(self.id().as_bytes());
        hasher.finalize_xof().fill(&mut name);
        name
    }
}

/// Nodes that are on disk. Only a memory: a node that is not here may be on disk all the same, and the writer looks whether
/// one that is here still is.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<(HashSet<Hash>, HashSet<Hash>)>);

impl Known {
    pub(super) fn contains(&self, name: &Hash) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.0.contains(name) || known.1.contains(name)
    }

    pub(super) fn extend(&self, names: impl IntoIterator<Item = Hash>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.0.extend(names);
        if known.0.len() > REMEMBERED {
            let recent = std::mem::take(&mut known.0);
            known.1 = recent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_place_and_content() {
        let said = |parent, json| name(parent, Kind::Said, json);
        let root = said(None, b"a");
        assert_eq!(root, said(None, b"a"));
        assert_ne!(root, said(None, b"b"));
        assert_ne!(said(Some(&root), b"a"), root);
        for other in [Kind::Piece, Kind::Label] {
            assert_ne!(name(None, other, b"a"), root);
        }
    }

    #[test]
    fn scopes_are_apart() {
        let node = name(None, Kind::Said, b"a");
        let (one, other) = (ProjectId(1), ProjectId(2));
        let trace = Scope::Trace(TraceId::new("x").unwrap());
        let conversation = Scope::Conversation(ConversationId::new("x").unwrap());
        assert_ne!(trace.global(one, &node), trace.global(other, &node));
        assert_ne!(trace.global(one, &node), conversation.global(one, &node));
    }

    #[test]
    fn memory_is_bounded_and_the_latest_stays() {
        let known = Known::default();
        let number = |n: usize| name(None, Kind::Said, &n.to_le_bytes());
        for n in 0..3 * REMEMBERED {
            known.extend([number(n)]);
        }
        assert!(!known.contains(&number(0)));
        assert!(known.contains(&number(3 * REMEMBERED - 1)));
        let held = known.0.lock().unwrap();
        assert!(held.0.len() + held.1.len() <= 2 * REMEMBERED + 2);
    }
}
