//! What can be counted and measured over a list, in groups: plain data, the same for every backend.

use neuraltrust_model::Timestamp;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::fields::{FieldType, FilterError, Key};
use crate::query::{Filter, ListOf};
use crate::stretches::{Stretches, Zone};

/// Most fields, times and numbers that one aggregate is grouped by.
pub const MAX_GROUPS_BY: usize = 3;
/// Most measures of one aggregate.
pub const MAX_METRICS: usize = 16;
/// Most rows of an answer.
pub const MAX_ROWS: usize = 10_000;

/// How far a percentile may be from the value that it stands for, relative to that value.
pub const RELATIVE_ERROR: f64 = 0.01;

/// Measures over the groups of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The list.
    pub of: ListOf,
    /// Which of its things are measured.
    pub filter: Filter,
    /// What they are grouped by; all are one group when nothing is given. At most [`MAX_GROUPS_BY`].
    pub group_by: Vec<Group>,
    /// What is measured in each group beside its size. At most [`MAX_METRICS`].
    pub metrics: Vec<Metric>,
    /// Most rows of the answer, up to [`MAX_ROWS`].
    pub limit: usize,
}

/// What things are grouped by. A thing with several values is in several groups, one without a value in a group of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Group {
    /// The values of a field or at a path; of all values those that have the most.
    Field {
        /// The field or path.
        key: Key,
        /// Number of values that are kept, of all that there are.
        top: usize,
        /// Whether all others are a group of their own, beside that of no value, rather than left out.
        others: bool,
        /// The metric, by its place among those of the aggregate, of which the values are kept that have the most, in that order; without
        /// one it is the values that most things have. One that [orders](Metric::orders).
        by: Option<usize>,
    },
    /// Stretches of the time by which the list is ordered.
    Time {
        /// How long each is.
        every: Every,
        /// The clocks by which days and months begin at midnight.
        zone: Zone,
    },
    /// Ranges of numbers, each from a multiple of the width up to the next.
    Histogram {
        /// The field or path.
        key: Key,
        /// The width of a range, greater than 0.
        width: f64,
    },
}

/// The length of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// So many seconds, counted from a Monday's midnight; at least 1.
    Seconds(u32),
    /// A month of the calendar.
    Month,
}

/// What is measured in a group.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// The size of the group.
    Count,
    /// Number of different values.
    Distinct(Key),
    /// ... of those that the list had not had before the group's stretch of time, or where none is grouped by, before the time that
    /// the filter begins with; whatever else the filter says.
    New(Key),
    /// ... of those that it had had before.
    Returning(Key),
    /// The sum of all values.
    Sum(Key),
    /// The mean of all values.
    Avg(Key),
    /// The least value.
    Min(Key),
    /// The greatest value.
    Max(Key),
    /// The values that so many percent do not exceed (nearest rank), within [`RELATIVE_ERROR`].
    Percentiles(Key, Vec<f64>),
    /// The part of the things that failed, from 0 to 1.
    ErrorShare,
}

/// A value that the things of a group have in common.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum GroupValue {
    /// A text.
    Text(String),
    /// A number; of a histogram where its range begins.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Where a stretch of time begins.
    Time(Timestamp),
    /// All values that are not among those that are kept.
    Others {
        /// How many they are.
        others: u64,
    },
}

impl PartialSchema for GroupValue {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(Object::with_type(Type::String))
            .item(Object::with_type(Type::Number))
            .item(Object::with_type(Type::Boolean))
            .item(ObjectBuilder::new().property("others", Object::with_type(Type::Integer)).required("others"))
            .description(Some(
                "A text, the beginning of a stretch of time (RFC 3339), a number, true or false; an object for all values that are \
                 not kept, with their number.",
            ))
            .into()
    }
}

impl ToSchema for GroupValue {}

/// What was measured in a group.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Measured {
    /// One number; null where nothing of the group has a value.
    One(Option<f64>),
    /// A number for each percentile, in the order asked for.
    Several(Vec<Option<f64>>),
}

/// One group and what was measured in it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AggregateRow {
    /// A value for each thing grouped by, in the order asked for; null for those without a value.
    pub group: Vec<Option<GroupValue>>,
    /// Number of things in the group.
    pub count: u64,
    /// What was measured, in the order asked for.
    pub values: Vec<Measured>,
}

/// Why there is less in an answer than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TruncatedBy {
    /// Values behind those that `top` lets through, or rows behind `limit`.
    Limit,
    /// More groups than are counted at a time (262,144).
    Groups,
    /// More different values than are told apart (1,000,000).
    Distinct,
    /// The memory that one aggregate may take (about 256 MiB), or all that run at a time together (1 GiB): what was known by then was
    /// measured to the end; groups and values that would have been new were left out.
    Memory,
    /// A condition on steps or words that was met by more than is looked at.
    Conditions,
}

/// The groups of an aggregate.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Aggregated {
    /// The groups: of values of a field those first that have the most things, or the most of `by`; times and numbers ascending.
    pub items: Vec<AggregateRow>,
    /// Number of things that the filter let through.
    pub matched: u64,
    /// Whether there are groups that are not in the answer, distinct values that were not counted, or a condition on steps or
    /// words that was met by more than is looked at.
    pub truncated: bool,
    /// Why it is truncated; empty where it is not.
    pub truncated_by: Vec<TruncatedBy>,
    /// Whether the time that a read may take was over before everything was measured.
    pub timed_out: bool,
    /// Number of things in groups that are not in the answer.
    pub left_out: u64,
}

impl Group {
    /// Where a stretch of time ends that begins at a moment; `None` where nothing is grouped by time.
    #[must_use]
    pub fn ends(&self, begin: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Time { every, zone } => Some(Stretches::new(*every, zone.clone()).end(begin)),
            Self::Field { .. } | Self::Histogram { .. } => None,
        }
    }
}

impl Measured {
    /// The number, or the first of several.
    #[must_use]
    pub fn first(&self) -> Option<f64> {
        match self {
            Self::One(number) => *number,
            Self::Several(numbers) => numbers.first().copied().flatten(),
        }
    }
}

impl Metric {
    /// What it is measured on, where that is a field or path.
    #[must_use]
    pub const fn key(&self) -> Option<&Key> {
        match self {
            Self::Distinct(key) | Self::New(key) | Self::Returning(key) => Some(key),
            Self::Sum(key) | Self::Avg(key) | Self::Min(key) | Self::Max(key) => Some(key),
            Self::Percentiles(key, _) => Some(key),
            Self::Count | Self::ErrorShare => None,
        }
    }

    /// Whether values can be ordered by it: it is one number of each group, and those of several groups are put together from these.
    #[must_use]
    pub const fn orders(&self) -> bool {
        match self {
            Self::Count | Self::ErrorShare | Self::Sum(_) | Self::Avg(_) | Self::Min(_) | Self::Max(_) => true,
            Self::Distinct(_) | Self::New(_) | Self::Returning(_) | Self::Percentiles(..) => false,
        }
    }

    /// Whether a list has what is measured.
    ///
    /// # Errors
    /// [`FilterError`] that names the field and what is accepted.
    pub fn check(&self, of: ListOf) -> Result<(), FilterError> {
        match self {
            Self::Distinct(key) | Self::New(key) | Self::Returning(key) => check_grouped(key, of),
            metric => metric.key().map_or(Ok(()), |key| check_number(key, of)),
        }
    }
}

impl Aggregate {
    /// Whether the list has what is asked for, and it can be grouped and measured like that.
    ///
    /// # Errors
    /// [`FilterError`] that names the field and what is accepted.
    pub fn check(&self) -> Result<(), FilterError> {
        for group in &self.group_by {
            match group {
                Group::Field { key, by, .. } => {
                    check_grouped(key, self.of)?;
                    if by.is_some_and(|by| !self.metrics.get(by).is_some_and(Metric::orders)) {
                        let problem = "is ordered by a count, error_share, sum, avg, min or max that is measured".to_owned();
                        return Err(FilterError::Unfit { key: key.to_string(), problem });
                    }
                }
                Group::Histogram { key, .. } => check_number(key, self.of)?,
                Group::Time { .. } => {}
            }
        }
        for metric in &self.metrics {
            metric.check(self.of)?;
        }
        Ok(())
    }
}

/// Whether things of the list can be grouped by the key.
pub(crate) fn check_grouped(key: &Key, of: ListOf) -> Result<(), FilterError> {
    match key.clone().checked(of)? {
        Key::Field(field) if !field.is_grouped() => Err(FilterError::Unfit {
            key: key.to_string(),
            problem: "is different in nearly every row; rows are found by it, not grouped".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn check_number(key: &Key, of: ListOf) -> Result<(), FilterError> {
    match key.clone().checked(of)? {
        Key::Field(field) if !field.of_type().is_number() => {
            let numbers: Vec<&str> =
                of.fields().into_iter().filter(|field| field.of_type().is_number()).map(|field| field.as_str()).collect();
            let problem = format!("has no numbers; {} have: {}", of.as_str(), numbers.join(", "));
            Err(FilterError::Unfit { key: key.to_string(), problem })
        }
        _ => Ok(()),
    }
}

/// Whether the values of a key are durations, which a backend may keep in another unit than milliseconds.
pub(crate) fn is_millis(key: &Key) -> bool {
    matches!(key, Key::Field(field) if field.of_type() == FieldType::Millis)
}
