//! Ids as clients choose them: opaque, compared byte by byte, bounded in length.

use serde::{Deserialize, Serialize};

use crate::limits::MAX_ID_BYTES;

/// Why a text is not an id. Tell the client; another text is needed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("is empty; an id has 1 to {MAX_ID_BYTES} bytes")]
    Empty,
    /// The text is longer than [`MAX_ID_BYTES`].
    #[error("has {0} bytes; an id has 1 to {MAX_ID_BYTES}")]
    TooLong(usize),
    /// The text holds a control character, which no log line or address could show.
    #[error("holds the control character U+{0:04X}; an id is printable text")]
    Control(u32),
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong(text.len()));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(IdError::Control(u32::from(c))),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the text as an id.
            ///
            /// # Errors
            /// [`IdError`] when the text is empty, longer than [`MAX_ID_BYTES`] or not printable.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// The id as the client wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// One unit of work, often one turn (`interaction_id` of the neuraltrust protocol).
    TraceId
}
id! {
    /// One step (`trace_id` of the neuraltrust protocol). Unique within its trace.
    SpanId
}
id! {
    /// Everything that one user and the application said to each other in one thread.
    ConversationId
}
id! {
    /// One sitting of a user.
    SessionId
}
id! {
    /// Where the user talks: a web site, a phone line, an app.
    ChannelId
}

impl From<TraceId> for ConversationId {
    /// A trace that names no conversation is its own.
    fn from(trace: TraceId) -> Self {
        Self(trace.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bounded_printable_text() {
        assert!(TraceId::new("a/b c ü 🦊").is_ok());
        assert!(TraceId::new("x".repeat(MAX_ID_BYTES)).is_ok());
        assert_eq!(TraceId::new(""), Err(IdError::Empty));
        assert_eq!(TraceId::new("x".repeat(129)), Err(IdError::TooLong(129)));
        assert_eq!(TraceId::new("a\0b"), Err(IdError::Control(0)));
        assert!(serde_json::from_str::<TraceId>("\"\"").is_err());
    }
}
