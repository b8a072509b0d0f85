//! What a span is.

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a span is. The names are those of the API and of the attribute `neuraltrust.kind`.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum Kind {
            $($(#[$doc])* $variant,)*
            /// A kind that this version does not know, by the name the client gave.
            Other(String),
        }

        impl Kind {
            /// Every kind that has a name of its own.
            pub const KNOWN: &[Self] = &[$(Self::$variant,)*];

            /// The name of the kind, e.g. `generation`.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }
        }

        impl From<String> for Kind {
            fn from(name: String) -> Self {
                match name.as_str() {
                    $($name => Self::$variant,)*
                    _ => Self::Other(name),
                }
            }
        }
    };
}

kinds! {
    /// A turn: what the user said and what the application answered.
    Message = "message",
    /// A call of a language model.
    Generation = "generation",
    /// A call of an embedding model.
    Embedding = "embedding",
    /// A look-up of documents.
    Retrieval = "retrieval",
    /// A decision on which way to go.
    Router = "router",
    /// An agent at work.
    Agent = "agent",
    /// A call of a tool.
    Tool = "tool",
    /// A check that lets something pass or not.
    Guardrail = "guardrail",
    /// A judgement of another span.
    Evaluation = "evaluation",
    /// A step that only groups others.
    Chain = "chain",
    /// A system prompt.
    System = "system",
    /// Something that happened at one moment.
    Event = "event",
    /// What the user thought of an answer.
    Feedback = "feedback",
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Other(name) => name,
            known => known.as_str().to_owned(),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for kind in Kind::KNOWN {
            assert_eq!(&Kind::from(kind.as_str().to_owned()), kind);
        }
        assert_eq!(Kind::from("planner".to_owned()).as_str(), "planner");
    }
}
