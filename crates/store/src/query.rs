//! What can be asked of a project: plain data, the same for every backend.

use std::ops::Bound;

use neuraltrust_model::Timestamp;

use crate::fields::{Field, FilterError, Key, Value};
use crate::{Highlight, Pattern, StoreError};

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
    /// A text like this.
    Like(Pattern),
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

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum OrderBy {
    /// The time that the list is about: of conversations their last activity, of others their start.
    #[default]
    Time,
    /// How long it took.
    Duration,
    /// Tokens in and out together.
    Tokens,
    /// US dollars.
    Cost,
    /// Number of spans that failed.
    Errors,
    /// Number of turns.
    Turns,
}

impl OrderBy {
    /// Everything that lists can be ordered by.
    pub const ALL: [Self; 6] = [Self::Time, Self::Duration, Self::Tokens, Self::Cost, Self::Errors, Self::Turns];

    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Errors => "errors",
            Self::Turns => "turns",
        }
    }

    /// The field that it is; `None` for the time that the list is about.
    #[must_use]
    pub const fn field(self) -> Option<Field> {
        match self {
            Self::Time => None,
            Self::Duration => Some(Field::DurationMs),
            Self::Tokens => Some(Field::UsageTotal),
            Self::Cost => Some(Field::Cost),
            Self::Errors => Some(Field::Errors),
            Self::Turns => Some(Field::Turns),
        }
    }

    /// Whether things of the list have it.
    #[must_use]
    pub fn is_of(self, list: ListOf) -> bool {
        self.field().is_none_or(|field| field.lists().contains(&list))
    }
}

/// The order of a list. What has no value comes last in both directions; what has the same is told apart by a tie-breaker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// What it is ordered by.
    pub by: OrderBy,
    /// Whether the least, or the oldest, is the first.
    pub ascending: bool,
}

impl Order {
    /// By time, what was first before what came later.
    pub(crate) const OLDEST_FIRST: Self = Self { by: OrderBy::Time, ascending: true };

    /// The order of that name in the API, such as `cost` or `cost:asc`, where things of the list have it.
    ///
    /// # Errors
    /// [`FilterError::NotOrdered`] with what is accepted.
    pub fn named(list: ListOf, name: &str) -> Result<Self, FilterError> {
        let (by, ascending) = match name.split_once(':') {
            None => (name, Some(false)),
            Some((by, direction)) => (by, ["desc", "asc"].iter().position(|known| *known == direction).map(|at| at == 1)),
        };
        let by = OrderBy::ALL.into_iter().find(|known| known.as_str() == by && known.is_of(list));
        match (by, ascending) {
            (Some(by), Some(ascending)) => Ok(Self { by, ascending }),
            _ => Err(FilterError::NotOrdered { list: list.as_str(), given: name.to_owned(), accepted: Self::accepted(list) }),
        }
    }

    /// The order, where things of the list have it.
    ///
    /// # Errors
    /// [`FilterError::NotOrdered`] with what is accepted.
    pub fn checked(self, list: ListOf) -> Result<Self, FilterError> {
        Self::named(list, self.by.as_str()).map(|_| self)
    }

    fn accepted(list: ListOf) -> String {
        let names: Vec<&str> = OrderBy::ALL.into_iter().filter(|by| by.is_of(list)).map(OrderBy::as_str).collect();
        names.join(", ")
    }
}

/// A list to read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListQuery {
    /// Which of the things.
    pub filter: Filter,
    /// How many at the most; one at the least.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
    /// What comes first; the newest without more.
    pub order: Order,
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
    /// Whether the time that a read may take was over before everything was looked at, so that rows may be missing.
    pub timed_out: bool,
}

/// A place in a list: behind the thing with that value and that tie-breaker. Stable while others come in; what changes its own
/// value meanwhile may be met twice or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) by: OrderBy,
    /// The value as a number that orders values as they are ordered; `None` for the things that have none.
    pub(crate) at: Option<u64>,
    pub(crate) tie: u64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.", self.by.as_str())?;
        if let Some(at) = self.at {
            write!(f, "{at:x}")?;
        }
        write!(f, ".{:x}", self.tie)
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
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(StoreError::Cursor);
        let (by, at, tie) = (part()?, part()?, part()?);
        let read = |text: &str| u64::from_str_radix(text, 16).map_err(|_| StoreError::Cursor);
        let by = OrderBy::ALL.into_iter().find(|known| known.as_str() == by).ok_or(StoreError::Cursor)?;
        Ok(Self { by, at: (!at.is_empty()).then(|| read(at)).transpose()?, tie: read(tie)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip() {
        for (by, at) in [(OrderBy::Time, Some(0)), (OrderBy::Cost, Some(u64::MAX)), (OrderBy::Duration, None)] {
            let cursor = Cursor { by, at, tie: u64::MAX };
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for bad in ["", "x", "1.", "time.1", "time.g.1", "time.1.", "1.2.3", "time.1.2.3"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_order_is_named_and_what_is_none_is_told_what_is() {
        let cheapest = Order { by: OrderBy::Cost, ascending: true };
        assert_eq!(Order::named(ListOf::Spans, "cost:asc"), Ok(cheapest));
        assert_eq!(Order::named(ListOf::Traces, "errors"), Ok(Order { by: OrderBy::Errors, ascending: false }));
        for bad in ["errors", "cost:up", "costs", ""] {
            let told = Order::named(ListOf::Spans, bad).unwrap_err().to_string();
            assert!(told.contains("time, duration, tokens, cost") && !told.contains("turns"), "{told}");
        }
    }
}
