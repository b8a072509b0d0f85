//! Which values of a group a list had not had before: new users, say, and those that came back.

use std::collections::HashMap;
use std::ops::Bound;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::query::Query;
use tantivy::{DocId, Score, Searcher, SegmentOrdinal, SegmentReader};

use super::aggregate::{BLOCK, MAX_DISTINCT, Quick, Room, Share, hash, table};
use super::columns::{self, Rows, Values};
use super::index::TIME;
use crate::aggregate::{Aggregate, Metric, TruncatedBy};
use crate::fields::Key;
use crate::{Filter, StoreError};

/// When values first were in a list.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    /// For each metric that asks for it.
    first: Vec<Option<First>>,
    /// The moment before which the filter lets nothing through.
    begins: Option<i64>,
}

/// When the values of a key first were in a list, by their hashes.
#[derive(Debug, Default)]
struct First {
    times: HashMap<u64, i64>,
    /// Why there are values that are not here.
    cut: Option<TruncatedBy>,
}

impl Newcomers {
    /// Looks for what the metrics of a query ask for in the whole list, which is `everything`, in the room that is left of it.
    pub(super) fn look(searcher: &Searcher, everything: &dyn Query, query: &Aggregate, room: &Room) -> Result<Self, StoreError> {
        let first = |metric: &Metric| match metric {
            Metric::New(key) | Metric::Returning(key) => {
                let times = FirstTimes { key, room };
                searcher.search(everything, &times).map(Some).map_err(StoreError::index("look for newcomers"))
            }
            _ => Ok(None),
        };
        Ok(Self { first: query.metrics.iter().map(first).collect::<Result<_, _>>()?, begins: begins(&query.filter) })
    }

    /// Why there may be values that are not known.
    pub(super) fn cut(&self) -> Vec<TruncatedBy> {
        self.first.iter().flatten().filter_map(|first| first.cut).collect()
    }

    /// Whether a metric counts a value in a group whose stretch of time begins at `since`; without one, the time of the filter does.
    pub(super) fn counts(&self, n: usize, metric: &Metric, since: Option<i64>, hash: u64) -> bool {
        let Some(Some(first)) = self.first.get(n) else { return true };
        let is_new = since.or(self.begins).is_none_or(|since| first.times.get(&hash).is_none_or(|first| *first >= since));
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
struct FirstTimes<'a> {
    key: &'a Key,
    room: &'a Room,
}

struct SegmentTimes {
    columns: Vec<Values>,
    time: Column<i64>,
    /// By the column and the mark of the value there.
    first: Quick<(u8, u64), i64>,
    cut: Option<TruncatedBy>,
    share: Share,
    docs: Vec<DocId>,
    rows: Rows,
}

/// The first times of a segment by the hashes of the values, and why there are not all of them.
type SegmentFirst = (Vec<(u64, i64)>, Option<TruncatedBy>);

/// Notes the time of a value where it is the first; says why where there is no room for it.
fn note<K: std::hash::Hash + Eq, S: std::hash::BuildHasher>(
    first: &mut HashMap<K, i64, S>,
    key: K,
    time: i64,
    full: bool,
) -> Option<TruncatedBy> {
    let many = first.len() >= MAX_DISTINCT;
    match first.get_mut(&key) {
        Some(known) => *known = time.min(*known),
        None if full => return Some(TruncatedBy::Memory),
        None if many => return Some(TruncatedBy::Distinct),
        None => drop(first.insert(key, time)),
    }
    None
}

impl Collector for FirstTimes<'_> {
    type Fruit = First;
    type Child = SegmentTimes;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentTimes> {
        Ok(SegmentTimes {
            columns: columns::open(segment, self.key)?,
            time: segment.fast_fields().i64(TIME)?,
            first: Quick::default(),
            cut: None,
            share: self.room.share(),
            docs: Vec::with_capacity(BLOCK),
            rows: Rows::default(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<SegmentFirst>>) -> tantivy::Result<First> {
        let mut all = First::default();
        for segment in segments {
            let (times, cut) = segment?;
            all.cut = all.cut.or(cut);
            for (hash, time) in times {
                all.cut = note(&mut all.times, hash, time, false).or(all.cut);
            }
        }
        Ok(all)
    }
}

impl SegmentTimes {
    fn read(&mut self) {
        let Self { columns, time, first, cut, share, docs, rows } = self;
        for (n, values) in (0..).zip(columns.iter()) {
            values.marks(docs, rows, |doc, mark| {
                if let Some(time) = time.first(doc) {
                    *cut = note(first, (n, mark), time, share.is_full()).or(*cut);
                }
            });
        }
        docs.clear();
        // Each goes on as a hash beside its time.
        share.hold(table::<((u8, u64), i64)>(first.capacity()) + first.len() * size_of::<(u64, i64)>());
    }
}

impl SegmentCollector for SegmentTimes {
    type Fruit = tantivy::Result<SegmentFirst>;

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
            let hashes = values.each(marks, |value| hash(&value))?.into_iter();
            all.extend(hashes.filter_map(|(mark, hash)| Some((hash, *self.first.get(&(n, mark))?))));
        }
        Ok((all, self.cut))
    }
}
