//! Which values of a field a list has, in an order: plain data, the same for every backend.

use std::cmp::Ordering;

use crate::aggregate::Metric;
use crate::fields::Key;
use crate::query::{Filter, ListOf};

/// Values of a field, or at a path, over a list.
#[derive(Debug, Clone, PartialEq)]
pub struct FacetQuery {
    /// The list.
    pub of: ListOf,
    /// The field or path.
    pub key: Key,
    /// Which of the list's things are looked at.
    pub filter: Filter,
    /// What comes first, of all values.
    pub order: FacetOrder,
    /// Only values behind this place.
    pub behind: Option<FacetPlace>,
    /// How many values at the most.
    pub limit: usize,
}

/// The order of values. What has no number comes last in both directions; what has the same is in the order of the values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FacetOrder {
    /// What they are ordered by.
    pub by: FacetsBy,
    /// Whether the least, or the oldest, is the first.
    pub ascending: bool,
}

/// What values are ordered by.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum FacetsBy {
    /// How many things have them.
    #[default]
    Count,
    /// When one of these last happened.
    LastTime,
    /// What a metric is of those that pass another filter as well; the first number of one that is several.
    Measure(Metric, Filter),
}

/// A place among values: the number that they are ordered by, and the value. A value whose number changes meanwhile may be met twice
/// or not at all; others stay where they are.
#[derive(Debug, Clone, PartialEq)]
pub struct FacetPlace {
    /// The number.
    pub number: Option<f64>,
    /// The value.
    pub value: String,
}

impl FacetOrder {
    /// Which of two values comes first, each with its number.
    #[must_use]
    pub fn compare(&self, (a, value): (Option<f64>, &str), (b, other): (Option<f64>, &str)) -> Ordering {
        by_number(a, b, self.ascending).then_with(|| value.cmp(other))
    }
}

/// Which of two numbers comes first; none comes last in both directions.
pub(crate) fn by_number(a: Option<f64>, b: Option<f64>, ascending: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if ascending => a.total_cmp(&b),
        (Some(a), Some(b)) => b.total_cmp(&a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_number_comes_last_in_both_directions() {
        let values = [(Some(1.0), "a"), (None, "é"), (Some(-0.5), ""), (Some(1.0), "c"), (None, "d")];
        for (ascending, expect) in [(false, ["a", "c", "", "d", "é"]), (true, ["", "a", "c", "d", "é"])] {
            let order = FacetOrder { by: FacetsBy::Count, ascending };
            let mut sorted = values;
            sorted.sort_by(|a, b| order.compare(*a, *b));
            assert_eq!(sorted.map(|(_, value)| value), expect);
        }
    }
}
