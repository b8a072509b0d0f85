//! Aggregates, compared with a look at every span.
//!
//! What groups and measures mean is said here a second time, as simply as can be.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use neuraltrust_model::Timestamp;

use super::queries::Fact;
use crate::{
    Aggregate, AggregateRow, Every, FacetPlace, FacetQuery, FacetsBy, Field, Filter, Group, GroupValue, Key, Measured, Metric,
    ProjectStore, RELATIVE_ERROR, TruncatedBy, Value,
};

const NANOS: i64 = 1_000_000_000;
/// A Monday's midnight.
const MONDAY: i64 = 4 * 86_400 * NANOS;

/// A value in an order: yes and no, then numbers, times and texts.
#[derive(Debug, Clone, PartialEq)]
struct Shown(GroupValue);

impl Eq for Shown {}

impl PartialOrd for Shown {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Shown {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |value: &GroupValue| match value {
            GroupValue::Flag(_) => 0,
            GroupValue::Number(_) => 1,
            GroupValue::Time(_) => 2,
            GroupValue::Text(_) => 3,
            GroupValue::Others { .. } => 4,
        };
        match (&self.0, &other.0) {
            (GroupValue::Flag(a), GroupValue::Flag(b)) => a.cmp(b),
            (GroupValue::Number(a), GroupValue::Number(b)) => a.total_cmp(b),
            (GroupValue::Time(a), GroupValue::Time(b)) => a.cmp(b),
            (GroupValue::Text(a), GroupValue::Text(b)) => a.cmp(b),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
}

fn value(value: Value) -> Shown {
    Shown(match value {
        Value::Text(text) => GroupValue::Text(text),
        Value::Number(number) => GroupValue::Number(number + 0.0),
        Value::Flag(flag) => GroupValue::Flag(flag),
        Value::Time(time) => GroupValue::Time(time),
    })
}

fn values(fact: &Fact, key: &Key) -> BTreeSet<Shown> {
    fact.values(key).into_iter().map(value).collect()
}

fn numbers(fact: &Fact, key: &Key) -> Vec<f64> {
    let number = |value| match value {
        Value::Number(number) => Some(number),
        _ => None,
    };
    fact.values(key).into_iter().filter_map(number).collect()
}

/// The groups of one thing that is grouped by that a span is in; none where it has no value.
fn groups_of(fact: &Fact, group: &Group) -> Vec<Option<Shown>> {
    let all: BTreeSet<Shown> = match group {
        Group::Field { key, .. } => values(fact, key),
        Group::Histogram { key, width } => numbers(fact, key)
            .into_iter()
            .map(|number| Shown(GroupValue::Number((number / width).floor() * width + 0.0)))
            .collect(),
        Group::Time { every: Every::Seconds(seconds), zone } => {
            // Within the minutes in which all spans start no clock is changed.
            let ahead = zone.offset_at(fact.start()) * NANOS - MONDAY;
            let length = i64::from(*seconds) * NANOS;
            let begin = (fact.start().as_nanos() + ahead).div_euclid(length) * length - ahead;
            [Shown(GroupValue::Time(Timestamp::from_nanos(begin)))].into()
        }
        Group::Time { every: Every::Month, .. } => panic!("made-up spans know nothing of months"),
    };
    if all.is_empty() { vec![None] } else { all.into_iter().map(Some).collect() }
}

/// What a group has in common: a value, or none, for each thing that is grouped by.
type GroupKey = Vec<Option<Shown>>;
type Groups<'f> = BTreeMap<GroupKey, Vec<&'f Fact>>;

/// Which values of a field are kept, in their order; what is not there is none of them.
fn order(groups: &Groups<'_>, n: usize, query: &Aggregate) -> Vec<Option<Shown>> {
    let mut members: BTreeMap<Option<Shown>, Vec<&Fact>> = BTreeMap::new();
    for (key, facts) in groups {
        members.entry(key[n].clone()).or_default().extend(facts.iter().copied());
    }
    let Group::Field { top, others, by, .. } = &query.group_by[n] else { return members.into_keys().collect() };
    let of_none = members.contains_key(&None);
    let measured = |members: &[&Fact]| by.and_then(|by| plain(&query.metrics[by], members));
    let mut sizes: Vec<(Option<Shown>, Option<f64>, usize)> = members
        .into_iter()
        .filter(|(value, _)| value.is_some() || !others)
        .map(|(value, members)| (value, measured(&members), members.len()))
        .collect();
    // Stable: of those with the same measure and size the first by value stays first.
    sizes.sort_by(|(_, a, of_a), (_, b, of_b)| {
        let greatest = match (a, b) {
            (Some(a), Some(b)) => b.total_cmp(a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        greatest.then(of_b.cmp(of_a))
    });
    sizes.truncate(*top);
    let mut kept: Vec<Option<Shown>> = sizes.into_iter().map(|(value, ..)| value).collect();
    kept.extend((*others && of_none).then_some(None));
    kept
}

/// What a metric is of spans that is one number of them.
fn plain(metric: &Metric, members: &[&Fact]) -> Option<f64> {
    let all = |of: &Key| members.iter().flat_map(|fact| numbers(fact, of)).collect::<Vec<f64>>();
    let sum = |of: &Key| all(of).into_iter().reduce(|a, b| a + b);
    match metric {
        Metric::Count => Some(members.len() as f64),
        Metric::Sum(of) => sum(of),
        Metric::Avg(of) => sum(of).map(|sum| sum / all(of).len() as f64),
        Metric::Min(of) => all(of).into_iter().reduce(f64::min),
        Metric::Max(of) => all(of).into_iter().reduce(f64::max),
        Metric::ErrorShare => {
            let failed = |fact: &&&Fact| fact.values(&Field::HasError.into()) == [Value::Flag(true)];
            Some(members.iter().filter(failed).count() as f64 / members.len() as f64)
        }
        Metric::Distinct(_) | Metric::New(_) | Metric::Returning(_) | Metric::Percentiles(..) => {
            panic!("{metric:?} is no number that others are made of")
        }
    }
}

/// The values of a field of spans come in the order that was asked for, page by page.
///
/// # Panics
/// When they do not.
pub async fn check_values(project: &ProjectStore, facts: &[Fact], query: &FacetQuery) {
    let mut members: BTreeMap<String, Vec<&Fact>> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.passes(&query.filter)) {
        for value in fact.values(&query.key) {
            let Value::Text(value) = value else { panic!("only texts are looked for: {value:?}") };
            members.entry(value).or_default().push(fact);
        }
    }
    let number = |members: &[&Fact]| match &query.order.by {
        FacetsBy::Count => Some(members.len() as f64),
        FacetsBy::LastTime => members.iter().map(|fact| fact.start().as_nanos() as f64).reduce(f64::max),
        FacetsBy::Measure(metric, only) => {
            let passing: Vec<&Fact> = members.iter().copied().filter(|fact| fact.passes(only)).collect();
            plain(metric, &passing)
        }
    };
    let mut expected: Vec<(Option<f64>, String, u64)> =
        members.into_iter().map(|(value, members)| (number(&members), value, members.len() as u64)).collect();
    expected.sort_by(|(a, value, _), (b, other, _)| query.order.compare((*a, value.as_str()), (*b, other.as_str())));
    let (mut found, mut behind) = (Vec::new(), None);
    loop {
        let page = project.values(FacetQuery { behind, ..query.clone() }).await;
        let page = page.unwrap_or_else(|error| panic!("the store refused {query:?}: {error}"));
        assert_eq!((page.total, page.truncated), (expected.len() as u64, false), "{query:?}");
        let Some(last) = page.items.last() else { break };
        behind = Some(FacetPlace { number: last.number, value: last.value.clone() });
        found.extend(page.items.into_iter().map(|row| (row.number, row.value, row.count)));
    }
    assert_eq!(found, expected, "{query:?}");
}

/// An aggregate over spans is what a look at each of them says.
///
/// # Panics
/// When it is not.
pub async fn check_aggregate(project: &ProjectStore, facts: &[Fact], query: &Aggregate) {
    let answer = project.aggregate(query.clone()).await.unwrap_or_else(|error| panic!("the store refused {query:?}: {error}"));
    let passing: Vec<&Fact> = facts.iter().filter(|fact| fact.passes(&query.filter)).collect();
    assert_eq!(answer.matched, passing.len() as u64, "{query:?}");
    let mut groups = Groups::new();
    for fact in passing {
        let mut keys: Vec<GroupKey> = vec![Vec::new()];
        for group in &query.group_by {
            let values = groups_of(fact, group);
            let with = |key: &GroupKey| {
                let key = key.clone();
                values.iter().map(move |value| key.iter().cloned().chain([value.clone()]).collect()).collect::<Vec<_>>()
            };
            keys = keys.iter().flat_map(with).collect();
        }
        for key in keys {
            groups.entry(key).or_default().push(fact);
        }
    }
    // All values that are not kept take the place of one, where that is asked for; their number is part of it.
    let orders: Vec<Vec<Option<Shown>>> = (0..query.group_by.len()).map(|n| order(&groups, n, query)).collect();
    let mut shown = Groups::new();
    let mut left_out = 0;
    for (key, facts) in &groups {
        let place = |(n, value): (usize, &Option<Shown>)| {
            let others = matches!(&query.group_by[n], Group::Field { others: true, .. });
            match orders[n].contains(value) {
                true => Some(value.clone()),
                false if others => {
                    let others: BTreeSet<_> =
                        groups.keys().map(|key| &key[n]).filter(|value| !orders[n].contains(value)).collect();
                    Some(Some(Shown(GroupValue::Others { others: others.len() as u64 })))
                }
                false => None,
            }
        };
        match key.iter().enumerate().map(place).collect::<Option<Vec<_>>>() {
            Some(key) => shown.entry(key).or_default().extend(facts.iter().copied()),
            None => left_out += facts.len() as u64,
        }
    }
    let mut rows: Vec<(Vec<usize>, GroupKey, Vec<&Fact>)> = shown
        .into_iter()
        .map(|(key, facts)| {
            let place =
                |(n, value): (usize, &Option<Shown>)| orders[n].iter().position(|known| known == value).unwrap_or(usize::MAX);
            (key.iter().enumerate().map(place).collect(), key, facts)
        })
        .collect();
    rows.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    left_out += rows.iter().skip(query.limit).map(|(.., facts)| facts.len() as u64).sum::<u64>();
    rows.truncate(query.limit);
    assert_eq!((answer.left_out, answer.truncated), (left_out, left_out > 0), "{query:?}");
    let reasons: &[TruncatedBy] = if left_out > 0 { &[TruncatedBy::Limit] } else { &[] };
    assert_eq!(answer.truncated_by, reasons, "{query:?}");
    let expected: Vec<_> =
        rows.iter().map(|(_, key, _)| key.iter().map(|value| value.clone().map(|v| v.0)).collect::<Vec<_>>()).collect();
    let found: Vec<_> = answer.items.iter().map(|row| row.group.clone()).collect();
    assert_eq!(found, expected, "{query:?}");
    for (row, (_, key, members)) in answer.items.iter().zip(rows) {
        assert_eq!(row.count, members.len() as u64, "{query:?}");
        check_row(row, &key, &members, facts, query);
    }
}

/// What was measured in a group is what a look at each of its members says.
fn check_row(row: &AggregateRow, key: &[Option<Shown>], members: &[&Fact], all: &[Fact], query: &Aggregate) {
    let distinct = |of: &Key| members.iter().flat_map(|fact| values(fact, of)).collect::<BTreeSet<_>>();
    let since = key.iter().zip(&query.group_by).find_map(|(value, group)| match (group, value) {
        (Group::Time { .. }, Some(Shown(GroupValue::Time(begin)))) => Some(*begin),
        _ => None,
    });
    let since = since.or_else(|| begins(&query.filter));
    let before = |of: &Key| -> BTreeSet<Shown> {
        let early = all.iter().filter(|fact| since.is_some_and(|since| fact.start() < since));
        early.flat_map(|fact| values(fact, of)).collect()
    };
    assert_eq!(row.values.len(), query.metrics.len());
    for (metric, measured) in query.metrics.iter().zip(&row.values) {
        let expected = match metric {
            Metric::Distinct(of) => Some(distinct(of).len() as f64),
            Metric::New(of) => Some(distinct(of).difference(&before(of)).count() as f64),
            Metric::Returning(of) => Some(distinct(of).intersection(&before(of)).count() as f64),
            Metric::Percentiles(of, percents) => {
                let mut sorted: Vec<f64> = members.iter().flat_map(|fact| numbers(fact, of)).collect();
                sorted.sort_by(f64::total_cmp);
                let Measured::Several(found) = measured else { panic!("{metric:?} are several numbers: {measured:?}") };
                assert_eq!(found.len(), percents.len());
                for (percent, found) in percents.iter().zip(found) {
                    let rank = ((percent / 100.0 * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len().max(1));
                    let exact = sorted.get(rank - 1).copied();
                    let near = |found: f64, exact: f64| (found - exact).abs() <= exact.abs() * RELATIVE_ERROR * 1.000_001;
                    let same = found.zip(exact).map_or(found.is_none() && exact.is_none(), |(found, exact)| near(found, exact));
                    assert!(same, "p{percent}: {found:?}, and {exact:?} is expected; {query:?}");
                }
                continue;
            }
            metric => plain(metric, members),
        };
        let Measured::One(measured) = measured else { panic!("{metric:?} is one number: {measured:?}") };
        let same = match (measured, expected) {
            (Some(measured), Some(expected)) => (measured - expected).abs() <= expected.abs() * 1e-9,
            (measured, expected) => *measured == expected,
        };
        assert!(same, "{metric:?} of {key:?}: {measured:?}, and {expected:?} is expected; {query:?}");
    }
}

/// The moment before which a filter lets nothing through whatever else it says.
fn begins(filter: &Filter) -> Option<Timestamp> {
    match filter {
        Filter::Time(Bound::Included(from), _) => Some(*from),
        Filter::Time(Bound::Excluded(from), _) => Some(Timestamp::from_nanos(from.as_nanos() + 1)),
        Filter::And(parts) => parts.iter().filter_map(begins).max(),
        _ => None,
    }
}
