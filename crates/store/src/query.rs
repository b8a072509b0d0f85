//! What can be asked of a project: plain data, the same for every backend.

use std::ops::Bound;

use neuraltrust_model::Timestamp;

use crate::fields::{Field, Key, Value};
use crate::{Highlight, StoreError};

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
    /// Every list.
    pub const ALL: [Self; 3] = [Self::Conversations, Self::Traces, Self::Spans];

    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Traces => "traces",
            Self::Spans => "spans",
        }
    }

    /// The list of that name in the API.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.as_str() == name)
    }

    /// The fields that it can be filtered by and counted over.
    #[must_use]
    pub fn fields(self) -> Vec<Field> {
        Field::ALL.iter().copied().filter(|field| field.lists().contains(&self)).collect()
    }
}

/// What things of a list must have in common.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Everything given holds; given nothing, everything is in the list.
    And(Vec<Self>),
    /// Something given holds; given nothing, nothing is in the list.
    Or(Vec<Self>),
    /// What is given does not hold.
    Not(Box<Self>),
    /// One value of the field passes the test.
    Is(Key, Test),
    /// The time by which the list is ordered lies between the two.
    Time(Bound<Timestamp>, Bound<Timestamp>),
    /// Words that follow each other in the text of a span. A conversation or trace has them when one of its spans has.
    ///
    /// What stands beside each other in one [`Filter::And`] must be in the text of one span.
    Words(Words),
    /// One span of a trace or conversation passes; of spans the span itself.
    Step(Box<Self>),
}

impl Default for Filter {
    fn default() -> Self {
        Self::And(Vec::new())
    }
}

/// What the value of a field must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// One of these.
    OneOf(Vec<Value>),
    /// A text that begins like this.
    Prefix(String),
    /// Between the two; texts are compared by their bytes.
    Range(Bound<Value>, Bound<Value>),
    /// Anything.
    Exists,
}

/// Words that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The words; what is between them does not matter.
    pub text: String,
    /// Whether the last one may be only begun.
    pub begun: bool,
}

impl Filter {
    /// A field has that value.
    #[must_use]
    pub fn equals(field: Field, value: impl Into<String>) -> Self {
        Self::Is(field.into(), Test::OneOf(vec![Value::Text(value.into())]))
    }

    /// The time by which the list is ordered is not before `after` and is before `before`, where they are given.
    #[must_use]
    pub fn between(after: Option<Timestamp>, before: Option<Timestamp>) -> Self {
        Self::Time(after.map_or(Bound::Unbounded, Bound::Included), before.map_or(Bound::Unbounded, Bound::Excluded))
    }
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
    /// For each row where the words are that were asked for; `None` where they are not in its text. Empty when no words
    /// were asked for.
    pub highlights: Vec<Option<Highlight>>,
    /// Where this page ended; `None` when it is the last.
    pub next_cursor: Option<Cursor>,
    /// Number of all rows of the list, on its first page; `None` on those behind a cursor.
    pub total: Option<u64>,
    /// Whether a condition on steps or words was met by more than is looked at, so that rows may be missing.
    pub truncated: bool,
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

impl serde::Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
