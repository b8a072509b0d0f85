//! Groups of documents and what is measured in them, in one walk over the columns of the index.
//!
//! Sizes, sums and extremes are exact. Memory is bounded: by the number of groups, by the number of distinct values, and a
//! sketch of percentiles has no more ranges than numbers.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash as _, Hasher as _};

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
/// What one group has in common; `None` for what has no value.
type GroupKey = Vec<Option<Common>>;

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
    Distinct(HashSet<Mark>),
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
            Metric::Distinct(_) => Self::Distinct(HashSet::new()),
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
    /// Texts of the first column have the codes from 1 on; codes of other values begin behind them. 0 is no value.
    texts: u32,
    codes: HashMap<Mark, u32>,
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
        Ok(Self { by, columns, texts, codes: HashMap::new(), marks: Vec::new() })
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
            codes.push(0);
        }
    }

    /// What each of the codes stands for.
    fn common(&self, codes: impl Iterator<Item = u32> + Clone) -> tantivy::Result<HashMap<u32, Common>> {
        let mut common = HashMap::new();
        if let Some(first) = self.columns.first().filter(|_| self.texts > 0) {
            let ords = codes.clone().filter(|code| (1..=self.texts).contains(code)).map(|code| u64::from(code) - 1);
            common.extend(first.common(ords)?.into_iter().map(|(ord, text)| (ord as u32 + 1, text)));
        }
        let codes: HashSet<u32> = codes.collect();
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
    at: HashMap<[u32; MAX_GROUPS_BY], usize>,
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

/// The groups of one segment, or of all.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) buckets: HashMap<GroupKey, Bucket>,
    counted: Counted,
}

impl SegmentGroups {
    fn measure(&mut self, doc: DocId, key: [u32; MAX_GROUPS_BY]) {
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

    fn found(mut self) -> tantivy::Result<Found> {
        self.make_values_common()?;
        let mut common = Vec::new();
        for (n, grouper) in self.groupers.iter().enumerate() {
            common.push(grouper.common(self.at.keys().filter_map(|key| key.get(n).copied()))?);
        }
        let mut buckets: Vec<Option<Bucket>> = self.buckets.into_iter().map(Some).collect();
        let named = self.at.into_iter().filter_map(|(codes, n)| {
            let key = common.iter().zip(codes).map(|(common, code)| common.get(&code).cloned()).collect();
            Some((key, buckets.get_mut(n)?.take()?))
        });
        let mut found = Found { counted: self.counted, ..Found::default() };
        named.for_each(|(key, bucket)| found.add(key, bucket));
        Ok(found)
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

fn hash(value: &Common) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl SegmentCollector for SegmentGroups {
    type Fruit = tantivy::Result<Found>;

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
            at: HashMap::new(),
            buckets: Vec::new(),
            distinct_room: MAX_DISTINCT,
            counted: Counted::default(),
            codes: std::array::from_fn(|_| vec![0]),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<Found>>) -> tantivy::Result<Found> {
        let mut all = Found::default();
        for segment in segments {
            let Found { buckets, counted } = segment?;
            all.counted.matched += counted.matched;
            all.counted.left_out += counted.left_out;
            all.counted.truncated |= counted.truncated;
            buckets.into_iter().for_each(|(key, bucket)| all.add(key, bucket));
        }
        Ok(all)
    }
}

impl Found {
    fn add(&mut self, key: GroupKey, bucket: Bucket) {
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

    /// The groups as an answer: only the most frequent values of each field, in order, and no more than asked for.
    pub(super) fn show(self, query: &Aggregate) -> Aggregated {
        let Self { buckets, mut counted } = self;
        // For each field the place of each value among those that are kept.
        let mut places: Vec<Option<HashMap<Option<Common>, usize>>> = Vec::new();
        for (n, group) in query.group_by.iter().enumerate() {
            places.push(match group {
                Group::Field { top, .. } => Some(most_frequent(&buckets, n, *top)),
                Group::Time { .. } | Group::Histogram { .. } => None,
            });
        }
        let mut rows = BTreeMap::new();
        for (key, bucket) in buckets {
            let kept = |(value, places): (&Option<Common>, &Option<HashMap<Option<Common>, usize>>)| match places {
                Some(places) => places.get(value).copied(),
                None => Some(0),
            };
            match key.iter().zip(&places).map(kept).collect::<Option<Vec<usize>>>() {
                // By place and then by value: one of the two is the same for all of a kind.
                Some(at) => {
                    let order: Vec<(usize, Option<Common>)> = at.into_iter().zip(key.iter().cloned()).collect();
                    rows.insert(order, (key, bucket));
                }
                None => counted.left_out += bucket.count,
            }
        }
        let limit = query.limit.min(MAX_ROWS);
        counted.left_out += rows.values().skip(limit).map(|(_, bucket)| bucket.count).sum::<u64>();
        let show = |(key, bucket): (GroupKey, Bucket)| AggregateRow {
            group: key.into_iter().map(|value| value.map(Into::into)).collect(),
            count: bucket.count,
            values: query
                .metrics
                .iter()
                .zip(bucket.measures)
                .map(|(metric, measure)| measure.show(metric, bucket.count))
                .collect(),
        };
        let items = rows.into_values().take(limit).map(show).collect();
        let Counted { matched, left_out, truncated } = counted;
        Aggregated { items, matched, truncated: truncated || left_out > 0, left_out }
    }
}

/// The values that most things have, each with its place among them.
fn most_frequent(buckets: &HashMap<GroupKey, Bucket>, n: usize, top: usize) -> HashMap<Option<Common>, usize> {
    let mut counts: HashMap<&Option<Common>, u64> = HashMap::new();
    for (key, bucket) in buckets {
        if let Some(value) = key.get(n) {
            *counts.entry(value).or_default() += bucket.count;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by(|(a, count_a), (b, count_b)| count_b.cmp(count_a).then_with(|| a.cmp(b)));
    counts.into_iter().take(top).enumerate().map(|(place, (value, _))| (value.clone(), place)).collect()
}
