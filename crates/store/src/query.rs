//! What can be asked of a project: plain data, the same for every backend.

use neuraltrust_model::Timestamp;

use crate::StoreError;

/// Which things a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListOf {
    /// Conversations, by their last activity.
    Conversations,
    /// Traces, by their start.
    Traces,
    /// Spans, by their start.
    Spans,
}

impl ListOf {
    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Traces => "traces",
            Self::Spans => "spans",
        }
    }

    /// The fields that it can be filtered by and counted over.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Conversations => {
                &[Field::ConversationId, Field::SessionId, Field::ChannelId, Field::UserId, Field::Status, Field::Model]
            }
            Self::Traces => &[
                Field::ConversationId,
                Field::TraceId,
                Field::SessionId,
                Field::ChannelId,
                Field::UserId,
                Field::Name,
                Field::Status,
                Field::Model,
            ],
            Self::Spans => &Field::ALL,
        }
    }
}

/// A field that lists can be filtered by and counted over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The conversation.
    ConversationId,
    /// The trace.
    TraceId,
    /// The session of the user.
    SessionId,
    /// Where the user talks.
    ChannelId,
    /// The application's id of the user.
    UserId,
    /// What a span is.
    Kind,
    /// What a span is called.
    Name,
    /// `ok`, `error` or `unset`; a conversation or trace has `error` when one of its spans has.
    Status,
    /// The model that answered.
    Model,
    /// Who served the model.
    Provider,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 10] = [
        Self::ConversationId,
        Self::TraceId,
        Self::SessionId,
        Self::ChannelId,
        Self::UserId,
        Self::Kind,
        Self::Name,
        Self::Status,
        Self::Model,
        Self::Provider,
    ];

    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConversationId => "conversation_id",
            Self::TraceId => "trace_id",
            Self::SessionId => "session_id",
            Self::ChannelId => "channel_id",
            Self::UserId => "user_id",
            Self::Kind => "kind",
            Self::Name => "name",
            Self::Status => "status",
            Self::Model => "model",
            Self::Provider => "provider",
        }
    }

    /// The field of that name in the API.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }
}

/// What things of a list must have in common. Everything given must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Fields and the values they must have.
    pub equals: Vec<(Field, String)>,
    /// Words that must all occur in the text, the last one perhaps only begun.
    pub text: Option<String>,
    /// Not before this moment.
    pub after: Option<Timestamp>,
    /// Before this moment.
    pub before: Option<Timestamp>,
}

/// A list to read, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Which of the things.
    pub filter: Filter,
    /// How many at the most.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where this page ended; `None` when it is the last.
    pub next_cursor: Option<Cursor>,
}

/// A place in a list: behind the row of that time and that tie-breaker. Stable while rows come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) time: i64,
    pub(crate) tie: u64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}.{:x}", self.time, self.tie)
    }
}

impl std::str::FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (time, tie) = text.split_once('.').ok_or(StoreError::Cursor)?;
        let read = |text: &str| u64::from_str_radix(text, 16).map_err(|_| StoreError::Cursor);
        Ok(Self { time: read(time)?.cast_signed(), tie: read(tie)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip() {
        for cursor in [Cursor { time: -5, tie: u64::MAX }, Cursor { time: i64::MAX, tie: 0 }] {
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for bad in ["", "x", "1.", "1.g", "1.2.3"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
