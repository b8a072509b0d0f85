//! Which values of a group a list had not had before: new users, say, and those that came back.

use std::collections::HashMap;
use std::ops::Bound;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::query::Query;
use tantivy::{DocId, Score, Searcher, SegmentOrdinal, SegmentReader};

use super::aggregate::{BLOCK, MAX_DISTINCT, Quick, hash};
use super::columns::{self, Rows, Values};
use super::index::TIME;
use crate::aggregate::{Aggregate, Metric};
use crate::fields::Key;
use crate::{Filter, StoreError};

/// When values first were in a list.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    /// For each metric that asks for it, by the hashes of the values.
    first: Vec<Option<HashMap<u64, i64>>>,
    /// The moment before which the filter lets nothing through.
    begins: Option<i64>,
}

impl Newcomers {
    /// Looks for what the metrics of a query ask for in the whole list, which is `everything`.
    pub(super) fn look(searcher: &Searcher, everything: &dyn Query, query: &Aggregate) -> Result<Self, StoreError> {
        let first = |metric: &Metric| match metric {
            Metric::New(key) | Metric::Returning(key) => {
                searcher.search(everything, &FirstTimes(key)).map(Some).map_err(StoreError::index("look for newcomers"))
            }
            _ => Ok(None),
        };
        Ok(Self { first: query.metrics.iter().map(first).collect::<Result<_, _>>()?, begins: begins(&query.filter) })
    }

    /// Whether there may be values that are not known.
    pub(super) fn is_cut(&self) -> bool {
        self.first.iter().flatten().any(|first| first.len() >= MAX_DISTINCT)
    }

    /// Whether a metric counts a value in a group whose stretch of time begins at `since`; without one, the time of the filter does.
    pub(super) fn counts(&self, n: usize, metric: &Metric, since: Option<i64>, hash: u64) -> bool {
        let Some(Some(first)) = self.first.get(n) else { return true };
        let is_new = since.or(self.begins).is_none_or(|since| first.get(&hash).is_none_or(|first| *first >= since));
        is_new == matches!(metric, Metric::New(_))
    }
}

/// The moment before which a filter lets nothing through, in nanoseconds since the epoch.
fn begins(filter: &Filter) -> Option<i64> {
    match filter {
        Filter::Time(Bound::Included(from), _) => Some(from.as_nanos()),
        Filter::Time(Bound::Excluded(after), _) => Some(after.as_nanos().saturating_add(1)),
        Filter::And(parts) => parts.iter().filter_map(begins).max(),
        _ => None,
    }
}

/// Collects for each value of a key, known by its hash, the first time that it had.
struct FirstTimes<'a>(&'a Key);

struct SegmentTimes {
    columns: Vec<Values>,
    time: Column<i64>,
    /// By the column and the mark of the value there.
    first: Quick<(u8, u64), i64>,
    docs: Vec<DocId>,
    rows: Rows,
}

fn note<K: std::hash::Hash + Eq, S: std::hash::BuildHasher>(first: &mut HashMap<K, i64, S>, key: K, time: i64) {
    let room = first.len() < MAX_DISTINCT;
    match first.get_mut(&key) {
        Some(known) => *known = time.min(*known),
        None if room => drop(first.insert(key, time)),
        None => {}
    }
}

impl Collector for FirstTimes<'_> {
    type Fruit = HashMap<u64, i64>;
    type Child = SegmentTimes;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentTimes> {
        let time = segment.fast_fields().i64(TIME)?;
        let columns = columns::open(segment, self.0)?;
        Ok(SegmentTimes { columns, time, first: Quick::default(), docs: Vec::with_capacity(BLOCK), rows: Rows::default() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<Vec<(u64, i64)>>>) -> tantivy::Result<Self::Fruit> {
        let mut first = HashMap::new();
        for (hash, time) in segments.into_iter().collect::<tantivy::Result<Vec<_>>>()?.into_iter().flatten() {
            note(&mut first, hash, time);
        }
        Ok(first)
    }
}

impl SegmentTimes {
    fn read(&mut self) {
        let Self { columns, time, first, docs, rows } = self;
        for (n, values) in (0..).zip(columns.iter()) {
            values.marks(docs, rows, |doc, mark| {
                if let Some(time) = time.first(doc) {
                    note(first, (n, mark), time);
                }
            });
        }
        docs.clear();
    }
}

impl SegmentCollector for SegmentTimes {
    type Fruit = tantivy::Result<Vec<(u64, i64)>>;

    fn collect(&mut self, doc: DocId, _score: Score) {
        self.docs.push(doc);
        if self.docs.len() == BLOCK {
            self.read();
        }
    }

    fn harvest(mut self) -> Self::Fruit {
        self.read();
        let mut all = Vec::with_capacity(self.first.len());
        for (n, values) in (0..).zip(&self.columns) {
            let marks = self.first.keys().filter(|(of, _)| *of == n).map(|(_, mark)| *mark).collect();
            let common = values.common(marks)?.into_iter();
            all.extend(common.filter_map(|(mark, value)| Some((hash(&value), *self.first.get(&(n, mark))?))));
        }
        Ok(all)
    }
}
