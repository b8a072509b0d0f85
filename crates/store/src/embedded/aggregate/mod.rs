//! Groups of documents and what is measured in them, in one walk over the columns of the index.
//!
//! Sizes, sums and extremes are exact. Memory is bounded: by the number of groups, by the number of distinct values, and a
//! sketch of percentiles has no more ranges than numbers.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;

use foldhash::fast::{FixedState, RandomState};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::columns::{self, Common, Values};
use super::index::TIME;
use super::sketch::Sketch;
use super::stretch::Stretches;
use crate::aggregate::{Aggregate, AggregateRow, Aggregated, Group, MAX_GROUPS_BY, MAX_ROWS, Measured, Metric};
use crate::fields::{Field, Key};

/// Most groups that are counted at a time; things of further ones are only counted as left out.
const MAX_GROUPS: usize = 65_536;
/// Most different values that are told apart in one segment, over all groups.
const MAX_DISTINCT: usize = 1_000_000;

/// A value within a segment: the number of its column and its mark there.
type Mark = (u8, u64);
/// What one group has in common: for each thing that is grouped by the code of a value; [`NONE`] for what has no value, and where
/// there is no such thing.
type Codes = [u32; MAX_GROUPS_BY];
/// The code of no value.
const NONE: u32 = 0;
/// Looked up for each document, so it hashes fast.
type Quick<K, V> = HashMap<K, V, RandomState>;

/// Collects the groups of an aggregate.
pub(super) struct Groups {
    pub(super) group_by: Vec<Group>,
    pub(super) metrics: Vec<Metric>,
}

/// What is known of one group.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) count: u64,
    /// The greatest time by which the list is ordered.
    pub(super) last: i64,
    measures: Vec<Measure>,
}

#[derive(Debug)]
enum Measure {
    /// Every group is counted.
    Size,
    Distinct(HashSet<Mark, RandomState>),
    Sum {
        sum: f64,
        count: u64,
    },
    Least(Option<f64>),
    Greatest(Option<f64>),
    Sketch(Sketch),
    Failed(u64),
}

impl Measure {
    fn new(metric: &Metric) -> Self {
        match metric {
            Metric::Count => Self::Size,
            Metric::Distinct(_) => Self::Distinct(HashSet::default()),
            Metric::Sum(_) | Metric::Avg(_) => Self::Sum { sum: 0.0, count: 0 },
            Metric::Min(_) => Self::Least(None),
            Metric::Max(_) => Self::Greatest(None),
            Metric::Percentiles(..) => Self::Sketch(Sketch::default()),
            Metric::ErrorShare => Self::Failed(0),
        }
    }

    fn add(&mut self, number: f64) {
        match self {
            Self::Sum { sum, count } => {
                *sum += number;
                *count += 1;
            }
            Self::Least(least) => *least = Some(least.map_or(number, |least| least.min(number))),
            Self::Greatest(greatest) => *greatest = Some(greatest.map_or(number, |greatest| greatest.max(number))),
            Self::Sketch(sketch) => sketch.add(number),
            Self::Size | Self::Distinct(_) | Self::Failed(_) => {}
        }
    }

    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Distinct(marks), Self::Distinct(others)) => marks.extend(others),
            (Self::Sum { sum, count }, Self::Sum { sum: more, count: others }) => {
                *sum += more;
                *count += others;
            }
            (Self::Sketch(sketch), Self::Sketch(other)) => sketch.merge(&other),
            (Self::Failed(failed), Self::Failed(others)) => *failed += others,
            (extreme, Self::Least(Some(number)) | Self::Greatest(Some(number))) => extreme.add(number),
            // Measures of one metric are of one kind.
            _ => {}
        }
    }

    fn show(self, metric: &Metric, size: u64) -> Measured {
        let share = |part: f64, whole: u64| (whole > 0).then(|| part / whole as f64);
        match (self, metric) {
            (Self::Sketch(sketch), Metric::Percentiles(_, of)) => {
                Measured::Several(of.iter().map(|percent| sketch.percentile(*percent)).collect())
            }
            (Self::Size, _) => Measured::One(Some(size as f64)),
            (Self::Distinct(marks), _) => Measured::One(Some(marks.len() as f64)),
            (Self::Sum { sum, count }, Metric::Avg(_)) => Measured::One(share(sum, count)),
            (Self::Sum { sum, count }, _) => Measured::One((count > 0).then_some(sum)),
            (Self::Least(extreme) | Self::Greatest(extreme), _) => Measured::One(extreme),
            (Self::Failed(failed), _) => Measured::One(share(failed as f64, size)),
            (Self::Sketch(_), _) => Measured::Several(Vec::new()),
        }
    }
}

/// What puts documents of a segment into groups.
struct Grouper {
    by: By,
    columns: Vec<Values>,
    /// Texts of the first column have the codes from 1 on; codes of other values begin behind them.
    texts: u32,
    codes: Quick<Mark, u32>,
    marks: Vec<Mark>,
}

enum By {
    Value,
    Time(Stretches),
    Width(f64),
}

impl Grouper {
    fn open(segment: &SegmentReader, group: &Group) -> tantivy::Result<Self> {
        let (by, columns) = match group {
            Group::Field { key, .. } => (By::Value, columns::open(segment, key)?),
            Group::Time { every, utc_offset } => {
                let time = segment.fast_fields().i64(TIME)?;
                (By::Time(Stretches::new(*every, *utc_offset)), vec![Values::Time(time)])
            }
            Group::Histogram { key, width } => (By::Width(*width), columns::open(segment, key)?),
        };
        let texts = columns.first().map_or(0, Values::texts);
        Ok(Self { by, columns, texts, codes: Quick::default(), marks: Vec::new() })
    }

    /// The codes of the groups that a document is in.
    fn codes(&mut self, doc: DocId, codes: &mut Vec<u32>) {
        let Self { by, columns, texts, codes: known, marks } = self;
        let mut code = |mark: Mark| {
            *known.entry(mark).or_insert_with(|| {
                marks.push(mark);
                *texts + marks.len() as u32
            })
        };
        codes.clear();
        for (n, values) in (0..).zip(columns.iter()) {
            match by {
                By::Value if n == 0 && *texts > 0 => values.marks(doc, |ord| codes.push(ord as u32 + 1)),
                By::Value => values.marks(doc, |mark| codes.push(code((n, mark)))),
                By::Time(stretches) => values.marks(doc, |time| {
                    let begin = stretches.begin(time.cast_signed());
                    codes.push(code((0, begin.cast_unsigned())));
                }),
                By::Width(width) => values.numbers(doc, |number| {
                    let range = ((number / *width).floor() as i64).cast_unsigned();
                    codes.push(code((0, range)));
                }),
            }
        }
        // Two numbers of one document may be in one range.
        if codes.len() > 1 {
            codes.sort_unstable();
            codes.dedup();
        } else if codes.is_empty() {
            codes.push(NONE);
        }
    }

    /// What each of the codes stands for.
    fn common(&self, codes: &HashSet<u32, RandomState>) -> tantivy::Result<Quick<u32, Common>> {
        let mut common = Quick::default();
        if let Some(first) = self.columns.first().filter(|_| self.texts > 0) {
            let ords = codes.iter().filter(|code| (1..=self.texts).contains(code)).map(|code| u64::from(*code) - 1);
            common.extend(first.common(ords)?.into_iter().map(|(ord, text)| (ord as u32 + 1, text)));
        }
        for (code, (n, mark)) in (self.texts + 1..).zip(&self.marks).filter(|(code, _)| codes.contains(code)) {
            let value = match &self.by {
                By::Time(_) => Some(Common::Time(mark.cast_signed())),
                By::Width(width) => Some(Common::number(mark.cast_signed() as f64 * width)),
                By::Value => match self.columns.get(usize::from(*n)) {
                    Some(column) => column.common([*mark])?.remove(mark),
                    None => None,
                },
            };
            common.extend(value.map(|value| (code, value)));
        }
        Ok(common)
    }
}

/// The groups of one segment.
pub(super) struct SegmentGroups {
    groupers: Vec<Grouper>,
    /// The columns of each metric.
    gauges: Vec<(Metric, Vec<Values>)>,
    time: Column<i64>,
    at: Quick<Codes, usize>,
    buckets: Vec<Bucket>,
    distinct_room: usize,
    counted: Counted,
    /// The codes of the document in hand, for each grouper.
    codes: [Vec<u32>; MAX_GROUPS_BY],
}

/// What was counted beside the groups.
#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    matched: u64,
    left_out: u64,
    truncated: bool,
}

/// The groups of one segment, with what their codes stand for.
pub(super) struct SegmentFound {
    values: Vec<Quick<u32, Common>>,
    at: Quick<Codes, usize>,
    buckets: Vec<Bucket>,
    counted: Counted,
}

/// The groups of all segments.
#[derive(Debug, Default)]
pub(super) struct Found {
    values: [Coded; MAX_GROUPS_BY],
    buckets: Quick<Codes, Bucket>,
    counted: Counted,
}

/// Values by their codes.
#[derive(Debug, Default)]
struct Coded {
    codes: Quick<Common, u32>,
    /// That of the code 1 first.
    values: Vec<Common>,
}

impl Coded {
    fn code(&mut self, value: Common) -> u32 {
        *self.codes.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            self.values.len() as u32
        })
    }

    /// The value of a code; `None` for [`NONE`].
    fn of(&self, code: u32) -> Option<&Common> {
        self.values.get((code as usize).checked_sub(1)?)
    }

    /// All codes that there are.
    fn all(&self) -> impl Iterator<Item = u32> + use<> {
        NONE..=self.values.len() as u32
    }

    /// For each code its place among those that are kept, in the order of their values.
    fn in_order(&self) -> Vec<Option<u32>> {
        let mut codes: Vec<u32> = self.all().collect();
        codes.sort_unstable_by_key(|code| self.of(*code));
        self.places(codes)
    }

    /// ... the codes that most things have before the others, and only so many.
    fn most_frequent(&self, counts: &[u64], top: usize) -> Vec<Option<u32>> {
        let count = |code: u32| counts.get(code as usize).copied().unwrap_or(0);
        let mut codes: Vec<u32> = self.all().filter(|code| count(*code) > 0).collect();
        codes.sort_unstable_by(|a, b| count(*b).cmp(&count(*a)).then_with(|| self.of(*a).cmp(&self.of(*b))));
        codes.truncate(top);
        self.places(codes)
    }

    fn places(&self, codes: Vec<u32>) -> Vec<Option<u32>> {
        let mut places = vec![None; self.values.len() + 1];
        for (place, code) in (0..).zip(codes) {
            if let Some(at) = places.get_mut(code as usize) {
                *at = Some(place);
            }
        }
        places
    }
}

impl SegmentGroups {
    fn measure(&mut self, doc: DocId, key: Codes) {
        let room = self.buckets.len() < MAX_GROUPS;
        let n = match self.at.entry(key) {
            Entry::Occupied(at) => *at.get(),
            Entry::Vacant(at) if room => {
                let measures = self.gauges.iter().map(|(metric, _)| Measure::new(metric)).collect();
                self.buckets.push(Bucket { count: 0, last: i64::MIN, measures });
                *at.insert(self.buckets.len() - 1)
            }
            Entry::Vacant(_) => {
                self.counted.left_out += 1;
                return;
            }
        };
        let Some(bucket) = self.buckets.get_mut(n) else { return };
        bucket.count += 1;
        bucket.last = self.time.values_for_doc(doc).fold(bucket.last, i64::max);
        for (measure, (_, columns)) in bucket.measures.iter_mut().zip(&self.gauges) {
            for (n, values) in (0..).zip(columns) {
                match &mut *measure {
                    Measure::Distinct(marks) => values.marks(doc, |mark| {
                        if self.distinct_room == 0 {
                            self.counted.truncated |= !marks.contains(&(n, mark));
                        } else if marks.insert((n, mark)) {
                            self.distinct_room -= 1;
                        }
                    }),
                    Measure::Failed(failed) => values.marks(doc, |flag| *failed += flag),
                    measure => values.numbers(doc, |number| measure.add(number)),
                }
            }
        }
    }

    fn found(mut self) -> tantivy::Result<SegmentFound> {
        self.make_values_common()?;
        let mut values = Vec::with_capacity(self.groupers.len());
        for (n, grouper) in self.groupers.iter().enumerate() {
            values.push(grouper.common(&self.at.keys().filter_map(|codes| codes.get(n).copied()).collect())?);
        }
        Ok(SegmentFound { values, at: self.at, buckets: self.buckets, counted: self.counted })
    }

    /// Marks of distinct values are those of the segment; from here on they are hashes of the values.
    fn make_values_common(&mut self) -> tantivy::Result<()> {
        for (m, (_, columns)) in self.gauges.iter().enumerate() {
            let sets = || self.buckets.iter().filter_map(|bucket| bucket.measures.get(m));
            let mut hashes: HashMap<Mark, u64> = HashMap::new();
            for (n, values) in (0..).zip(columns) {
                let marks = sets().filter_map(|measure| match measure {
                    Measure::Distinct(marks) => Some(marks.iter().filter(move |(of, _)| *of == n).map(|(_, mark)| *mark)),
                    _ => None,
                });
                hashes.extend(values.common(marks.flatten())?.into_iter().map(|(mark, value)| ((n, mark), hash(&value))));
            }
            for measure in self.buckets.iter_mut().filter_map(|bucket| bucket.measures.get_mut(m)) {
                if let Measure::Distinct(marks) = measure {
                    *marks = marks.iter().filter_map(|mark| hashes.get(mark)).map(|hash| (0, *hash)).collect();
                }
            }
        }
        Ok(())
    }
}

/// The same in all segments.
fn hash(value: &Common) -> u64 {
    FixedState::default().hash_one(value)
}

impl SegmentCollector for SegmentGroups {
    type Fruit = tantivy::Result<SegmentFound>;

    fn collect(&mut self, doc: DocId, _score: Score) {
        self.counted.matched += 1;
        let mut codes = std::mem::take(&mut self.codes);
        for (grouper, codes) in self.groupers.iter_mut().zip(&mut codes) {
            grouper.codes(doc, codes);
        }
        let [one, two, three] = &codes;
        for a in one {
            for b in two {
                for c in three {
                    self.measure(doc, [*a, *b, *c]);
                }
            }
        }
        self.codes = codes;
    }

    fn harvest(self) -> Self::Fruit {
        self.found()
    }
}

impl Collector for Groups {
    type Fruit = Found;
    type Child = SegmentGroups;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentGroups> {
        let gauge = |metric: &Metric| {
            let failed = Key::Field(Field::HasError);
            let key = metric.key().or((*metric == Metric::ErrorShare).then_some(&failed));
            let columns = key.map(|key| columns::open(segment, key)).transpose()?;
            Ok((metric.clone(), columns.unwrap_or_default()))
        };
        Ok(SegmentGroups {
            groupers: self.group_by.iter().map(|group| Grouper::open(segment, group)).collect::<tantivy::Result<_>>()?,
            gauges: self.metrics.iter().map(gauge).collect::<tantivy::Result<_>>()?,
            time: segment.fast_fields().i64(TIME)?,
            at: Quick::default(),
            buckets: Vec::new(),
            distinct_room: MAX_DISTINCT,
            counted: Counted::default(),
            codes: std::array::from_fn(|_| vec![0]),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<SegmentFound>>) -> tantivy::Result<Found> {
        let mut all = Found::default();
        for segment in segments {
            all.add_segment(segment?);
        }
        Ok(all)
    }
}

impl Found {
    fn add_segment(&mut self, segment: SegmentFound) {
        let SegmentFound { values, at, buckets, counted } = segment;
        self.counted.matched += counted.matched;
        self.counted.left_out += counted.left_out;
        self.counted.truncated |= counted.truncated;
        // What the codes of the segment are here.
        let mut here: [Quick<u32, u32>; MAX_GROUPS_BY] = Default::default();
        for ((here, of_segment), all) in here.iter_mut().zip(values).zip(&mut self.values) {
            *here = of_segment.into_iter().map(|(code, value)| (code, all.code(value))).collect();
        }
        let mut buckets: Vec<Option<Bucket>> = buckets.into_iter().map(Some).collect();
        for (codes, n) in at {
            let Some(bucket) = buckets.get_mut(n).and_then(Option::take) else { continue };
            let mut key = [NONE; MAX_GROUPS_BY];
            for ((key, here), code) in key.iter_mut().zip(&here).zip(codes) {
                *key = here.get(&code).copied().unwrap_or(NONE);
            }
            self.add(key, bucket);
        }
    }

    fn add(&mut self, key: Codes, bucket: Bucket) {
        let room = self.buckets.len() < MAX_GROUPS;
        match self.buckets.entry(key) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.count += bucket.count;
                known.last = known.last.max(bucket.last);
                for (measure, other) in known.measures.iter_mut().zip(bucket.measures) {
                    measure.merge(other);
                }
            }
            Entry::Vacant(place) if room => {
                place.insert(bucket);
            }
            Entry::Vacant(_) => self.counted.left_out += bucket.count,
        }
    }

    /// The groups by the values of the first thing that is grouped by, without that of no value.
    pub(super) fn by_first(self) -> impl Iterator<Item = (Common, Bucket)> {
        let [values, ..] = self.values;
        self.buckets.into_iter().filter_map(move |([code, ..], bucket)| Some((values.of(code)?.clone(), bucket)))
    }

    /// The groups as an answer: only the most frequent values of each field, in order, and no more than asked for.
    pub(super) fn show(mut self, query: &Aggregate) -> Aggregated {
        let places: Vec<Vec<Option<u32>>> = query.group_by.iter().enumerate().map(|(n, group)| self.places(n, group)).collect();
        // By the place of each value.
        let mut rows: Vec<(Codes, Codes)> = Vec::with_capacity(self.buckets.len());
        for (key, bucket) in &self.buckets {
            let mut at = [0; MAX_GROUPS_BY];
            let kept = at.iter_mut().zip(key).zip(&places).all(|((at, code), places)| {
                let place = places.get(*code as usize).copied().flatten();
                *at = place.unwrap_or_default();
                place.is_some()
            });
            match kept {
                true => rows.push((at, *key)),
                false => self.counted.left_out += bucket.count,
            }
        }
        rows.sort_unstable();
        let shown = rows.len().min(query.limit.min(MAX_ROWS));
        let behind = rows.split_off(shown);
        self.counted.left_out +=
            behind.iter().filter_map(|(_, key)| self.buckets.get(key)).map(|bucket| bucket.count).sum::<u64>();
        let items = rows.into_iter().filter_map(|(_, key)| self.row(query, key)).collect();
        let Counted { matched, left_out, truncated } = self.counted;
        Aggregated { items, matched, truncated: truncated || left_out > 0, left_out }
    }

    /// For each code of a thing that is grouped by the place of its groups, where they are kept.
    fn places(&self, n: usize, group: &Group) -> Vec<Option<u32>> {
        let Some(values) = self.values.get(n) else { return Vec::new() };
        match group {
            Group::Field { top, .. } => {
                let mut counts = vec![0; values.values.len() + 1];
                for (key, bucket) in &self.buckets {
                    if let Some(count) = key.get(n).and_then(|code| counts.get_mut(*code as usize)) {
                        *count += bucket.count;
                    }
                }
                values.most_frequent(&counts, *top)
            }
            Group::Time { .. } | Group::Histogram { .. } => values.in_order(),
        }
    }

    fn row(&mut self, query: &Aggregate, key: Codes) -> Option<AggregateRow> {
        let bucket = self.buckets.remove(&key)?;
        let values = key.iter().zip(&self.values).take(query.group_by.len());
        Some(AggregateRow {
            group: values.map(|(code, values)| values.of(*code).cloned().map(Into::into)).collect(),
            count: bucket.count,
            values: query
                .metrics
                .iter()
                .zip(bucket.measures)
                .map(|(metric, measure)| measure.show(metric, bucket.count))
                .collect(),
        })
    }
}
