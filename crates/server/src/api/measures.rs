//! What is measured in groups: what the store measures, and what is worked out of that.

use neuraltrust_model::Timestamp;
use neuraltrust_store::{AggregateRow, Aggregated, Group, GroupValue, Key, ListOf, Measured, Metric};
use serde::Deserialize;
use utoipa::ToSchema;

use super::params::bad;
use crate::error::ApiError;

/// Most percentiles of one measure.
const MAX_PERCENTILES: usize = 10;
const NANOS_PER_SECOND: f64 = 1e9;

/// What is measured.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MetricBody {
    /// Number of things; every row says it anyway.
    Count,
    /// The part of the things that failed, from 0 to 1.
    ErrorShare,
    /// Number of different values.
    Distinct(Measure),
    /// Number of different values that the list had not had before the stretch of time of the group, or where no time is grouped by,
    /// before `after` of the filter: new users, say. What else the filter says does not matter for what had been before.
    New(Measure),
    /// Number of different values that the list had had before: users who came back.
    Returning(Measure),
    /// Sum of the values.
    Sum(Measure),
    /// Mean of the values.
    Avg(Measure),
    /// Least value.
    Min(Measure),
    /// Greatest value.
    Max(Measure),
    /// Values that so many percent do not exceed.
    Percentiles(Percentiles),
    /// One measure divided by another: words per turn, sessions per user.
    #[schema(no_recursion)]
    Ratio(Box<Ratio>),
    /// A count or sum over the time of the group: what has passed, within the filter, of the stretch that is grouped by; else from
    /// `after` to `before` of the filter.
    #[schema(no_recursion)]
    Rate(Box<Rate>),
}

/// What a measure is of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Measure {
    /// A field or path.
    field: String,
}

/// Which percentiles of what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Percentiles {
    /// A field or path with numbers.
    field: String,
    /// Percentages from 0 to 100, up to 10.
    of: Vec<f64>,
}

/// One number divided by another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ratio {
    /// What is divided.
    of: MetricBody,
    /// What by; where that is 0 there is no ratio.
    to: MetricBody,
}

/// How much there is in a time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rate {
    /// `count`, `distinct`, `new`, `returning` or `sum`.
    of: MetricBody,
    /// The time.
    per: Per,
}

/// A length of time.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Per {
    /// One second.
    Second,
    /// 60 seconds.
    Minute,
    /// 3,600 seconds.
    Hour,
    /// 86,400 seconds.
    Day,
}

impl Per {
    const fn seconds(self) -> f64 {
        match self {
            Self::Second => 1.0,
            Self::Minute => 60.0,
            Self::Hour => 3_600.0,
            Self::Day => 86_400.0,
        }
    }
}

/// What one measure of the answer is made of: places among what the store measures.
#[derive(Debug, Clone, Copy)]
enum Made {
    As(usize),
    Ratio(usize, usize),
    Rate(usize, Per),
}

/// The measures of an answer.
#[derive(Debug, Default)]
pub(super) struct Measures {
    /// What the store measures.
    pub(super) metrics: Vec<Metric>,
    made: Vec<Made>,
}

/// The time that an aggregate is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) after: Option<Timestamp>,
    pub(super) before: Option<Timestamp>,
    pub(super) now: Timestamp,
}

impl Measures {
    /// The measures that are asked for.
    pub(super) fn read(of: ListOf, bodies: Vec<MetricBody>) -> Result<Self, ApiError> {
        let mut measures = Self::default();
        for body in bodies {
            let made = match body {
                MetricBody::Ratio(ratio) => {
                    let Ratio { of: part, to } = *ratio;
                    Made::Ratio(measures.one("metrics.ratio.of", of, part)?, measures.one("metrics.ratio.to", of, to)?)
                }
                MetricBody::Rate(rate) => {
                    let at = measures.one("metrics.rate.of", of, rate.of)?;
                    if !matches!(
                        measures.metrics.get(at),
                        Some(Metric::Count | Metric::Distinct(_) | Metric::New(_) | Metric::Returning(_) | Metric::Sum(_))
                    ) {
                        return Err(bad("metrics.rate.of: give count, distinct, new, returning or sum"));
                    }
                    Made::Rate(at, rate.per)
                }
                body => Made::As(measures.add(metric(of, body)?)),
            };
            measures.made.push(made);
        }
        Ok(measures)
    }

    /// The place of the store's metric that the measure at a place of the answer is, where values can be ordered by that.
    pub(super) fn ordering(&self, place: usize) -> Result<usize, ApiError> {
        let ordering = match self.made.get(place) {
            Some(Made::As(at)) => Some(*at).filter(|at| self.metrics.get(*at).is_some_and(Metric::orders)),
            _ => None,
        };
        ordering.ok_or_else(|| {
            bad(format!(
                "group_by.by: {place} is not the place, from 0 on, of a count, error_share, sum, avg, min or max among the metrics"
            ))
        })
    }

    /// Whether something is divided by time.
    pub(super) fn has_rates(&self) -> bool {
        self.made.iter().any(|made| matches!(made, Made::Rate(..)))
    }

    fn add(&mut self, metric: Metric) -> usize {
        self.metrics.push(metric);
        self.metrics.len() - 1
    }

    fn one(&mut self, name: &str, of: ListOf, body: MetricBody) -> Result<usize, ApiError> {
        match body {
            MetricBody::Ratio(_) | MetricBody::Rate(_) | MetricBody::Percentiles(_) => {
                Err(bad(format!("{name}: give a measure that is one number, and no ratio or rate")))
            }
            body => Ok(self.add(metric(of, body)?)),
        }
    }

    /// What was asked for, of what the store has measured.
    pub(super) fn make(&self, mut found: Aggregated, group_by: &[Group], window: Window) -> Aggregated {
        for row in &mut found.items {
            let time = || passed(row, group_by, window);
            row.values = self.made.iter().map(|made| made.of(&row.values, time)).collect();
        }
        found
    }
}

impl Made {
    fn of(self, measured: &[Measured], seconds: impl Fn() -> Option<f64>) -> Measured {
        let one = |at: usize| match measured.get(at) {
            Some(Measured::One(number)) => *number,
            _ => None,
        };
        let divided = |part: Option<f64>, whole: Option<f64>| Some(part? / whole.filter(|whole| *whole > 0.0)?);
        match self {
            Self::As(at) => measured.get(at).cloned().unwrap_or(Measured::One(None)),
            Self::Ratio(part, whole) => Measured::One(divided(one(part), one(whole))),
            Self::Rate(at, per) => Measured::One(divided(one(at), seconds().map(|seconds| seconds / per.seconds()))),
        }
    }
}

/// Seconds of the stretch of time of a group, as far as they are within the window and have passed.
fn passed(row: &AggregateRow, group_by: &[Group], Window { after, before, now }: Window) -> Option<f64> {
    let stretch = group_by.iter().zip(&row.group).find_map(|(group, value)| match value {
        Some(GroupValue::Time(begin)) => Some((*begin, group.ends(*begin)?)),
        _ => None,
    });
    let (begin, end) = match stretch {
        Some((begin, end)) => (after.map_or(begin, |after| after.max(begin)), before.map_or(end, |before| before.min(end))),
        None => (after?, before?),
    };
    let end = if (begin..end).contains(&now) { now } else { end };
    let nanos = end.as_nanos().checked_sub(begin.as_nanos()).filter(|nanos| *nanos > 0)?;
    Some(nanos as f64 / NANOS_PER_SECOND)
}

fn metric(of: ListOf, body: MetricBody) -> Result<Metric, ApiError> {
    let key = |field: &str| Key::named(of, field).map_err(|error| bad(format!("metrics.field: {error}")));
    Ok(match body {
        MetricBody::Count => Metric::Count,
        MetricBody::ErrorShare => Metric::ErrorShare,
        MetricBody::Distinct(measure) => Metric::Distinct(key(&measure.field)?),
        MetricBody::New(measure) => Metric::New(key(&measure.field)?),
        MetricBody::Returning(measure) => Metric::Returning(key(&measure.field)?),
        MetricBody::Sum(measure) => Metric::Sum(key(&measure.field)?),
        MetricBody::Avg(measure) => Metric::Avg(key(&measure.field)?),
        MetricBody::Min(measure) => Metric::Min(key(&measure.field)?),
        MetricBody::Max(measure) => Metric::Max(key(&measure.field)?),
        MetricBody::Percentiles(Percentiles { field, of: percents }) => {
            let fit = percents.iter().all(|percent| (0.0..=100.0).contains(percent));
            if !fit || !(1..=MAX_PERCENTILES).contains(&percents.len()) {
                return Err(bad(format!("metrics.percentiles.of: give 1 to {MAX_PERCENTILES} numbers from 0 to 100")));
            }
            Metric::Percentiles(key(&field)?, percents)
        }
        MetricBody::Ratio(_) | MetricBody::Rate(_) => {
            return Err(bad("metrics: a ratio or rate is of measures that are neither"));
        }
    })
}

#[cfg(test)]
mod tests {
    use neuraltrust_store::{Every, Zone};
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn made(body: serde_json::Value, row: &AggregateRow, group_by: &[Group], window: Window) -> Vec<Measured> {
        let bodies = serde_json::from_value(body).unwrap();
        let measures = Measures::read(ListOf::Conversations, bodies).unwrap();
        let found = Aggregated {
            items: vec![row.clone()],
            matched: 6,
            truncated: false,
            truncated_by: Vec::new(),
            timed_out: false,
            left_out: 0,
        };
        measures.make(found, group_by, window).items.remove(0).values
    }

    #[test]
    fn ratios_and_rates_are_worked_out_of_what_was_measured() {
        let minute = Group::Time { every: Every::Seconds(60), zone: Zone::UTC };
        let one = |number| Measured::One(Some(number));
        let row =
            AggregateRow { group: vec![Some(GroupValue::Time(at(60)))], count: 6, values: vec![one(6.0), one(3.0), one(6.0)] };
        let body = json!([{ "ratio": { "of": "count", "to": { "sum": { "field": "turns" } } } }, { "rate": { "of": "count", "per": "second" } }]);
        let window = Window { after: None, before: None, now: at(10_000) };
        let of = |window| made(body.clone(), &row, std::slice::from_ref(&minute), window);
        assert_eq!(of(window), [one(2.0), one(0.1)]);
        assert_eq!(of(Window { after: Some(at(90)), ..window }), [one(2.0), one(0.2)], "within the filter");
        assert_eq!(of(Window { now: at(80), ..window }), [one(2.0), one(0.3)], "what has passed of it");
        let all = AggregateRow { group: Vec::new(), count: 6, values: vec![one(6.0), one(0.0), one(6.0)] };
        let whole = Window { after: Some(at(0)), before: Some(at(12)), now: at(100) };
        assert_eq!(made(body.clone(), &all, &[], whole), [Measured::One(None), one(0.5)]);
        assert_eq!(made(body, &all, &[], window)[1], Measured::One(None));
    }

    #[test]
    fn values_are_ordered_by_a_measure_of_the_answer() {
        let body = json!([
            { "ratio": { "of": "count", "to": { "sum": { "field": "turns" } } } }, { "max": { "field": "cost" } },
            { "distinct": { "field": "user_id" } }
        ]);
        let measures = Measures::read(ListOf::Conversations, serde_json::from_value(body).unwrap()).unwrap();
        let at = measures.ordering(1).unwrap();
        assert!(matches!(&measures.metrics[at], Metric::Max(_)), "{:?}", measures.metrics);
        for (place, what) in [(0, "a ratio"), (2, "different values"), (3, "nothing")] {
            assert!(measures.ordering(place).is_err_and(|error| error.detail.contains("sum")), "{what}");
        }
    }

    #[test]
    fn what_cannot_be_divided_is_told() {
        let read = |body| Measures::read(ListOf::Spans, serde_json::from_value(json!([body])).unwrap()).unwrap_err().detail;
        assert!(read(json!({ "rate": { "of": { "avg": { "field": "cost" } }, "per": "hour" } })).contains("sum"));
        let rate = json!({ "rate": { "of": "count", "per": "hour" } });
        assert!(read(json!({ "ratio": { "of": rate, "to": "count" } })).contains("metrics.ratio.of"));
    }
}
