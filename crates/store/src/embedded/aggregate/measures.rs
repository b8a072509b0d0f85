//! What is measured in groups: for each metric one table of all groups, since there may be many and most are never shown.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use tantivy::{DocId, SegmentReader};

use super::grouper::Mark;
use super::{hash, table};
use crate::aggregate::{Measured, Metric};
use crate::embedded::columns::{self, Rows, Values};
use crate::embedded::sketch::{Counted, Sketches};
use crate::fields::{Field, Key};

/// The measures of a metric, by the number of the group.
#[derive(Clone)]
pub(super) enum Measures {
    /// Every group is counted.
    Size,
    Distinct(HashSet<(u32, Mark), RandomState>),
    /// Sums, and of how many numbers.
    Sum(Vec<(f64, u64)>),
    Least(Vec<Option<f64>>),
    Greatest(Vec<Option<f64>>),
    Sketches(Sketches),
    Failed(Vec<u64>),
}

fn at<T: Default + Clone>(table: &mut Vec<T>, group: u32) -> &mut T {
    let group = group as usize;
    if group >= table.len() {
        table.resize(group + 1, T::default());
    }
    &mut table[group]
}

fn least(known: &mut Option<f64>, number: f64) {
    *known = Some(known.map_or(number, |known| known.min(number)));
}

fn greatest(known: &mut Option<f64>, number: f64) {
    *known = Some(known.map_or(number, |known| known.max(number)));
}

impl Measures {
    pub(super) fn new(metric: &Metric) -> Self {
        match metric {
            Metric::Count => Self::Size,
            Metric::Distinct(_) | Metric::New(_) | Metric::Returning(_) => Self::Distinct(HashSet::default()),
            Metric::Sum(_) | Metric::Avg(_) => Self::Sum(Vec::new()),
            Metric::Min(_) => Self::Least(Vec::new()),
            Metric::Max(_) => Self::Greatest(Vec::new()),
            Metric::Percentiles(..) => Self::Sketches(Sketches::default()),
            Metric::ErrorShare => Self::Failed(Vec::new()),
        }
    }

    /// Takes in others, of the groups that have a number here.
    pub(super) fn absorb(&mut self, others: Self, group: impl Fn(u32) -> Option<u32>) {
        fn each<T>(others: Vec<T>, group: impl Fn(u32) -> Option<u32>) -> impl Iterator<Item = (u32, T)> {
            (0..).zip(others).filter_map(move |(n, other)| Some((group(n)?, other)))
        }
        match (self, others) {
            (Self::Distinct(marks), Self::Distinct(others)) => {
                marks.extend(others.into_iter().filter_map(|(n, mark)| Some((group(n)?, mark))));
            }
            (Self::Sum(sums), Self::Sum(others)) => each(others, group).for_each(|(group, (more, numbers))| {
                let (sum, count) = at(sums, group);
                *sum += more;
                *count += numbers;
            }),
            (Self::Least(numbers), Self::Least(others)) => {
                each(others, group).for_each(|(group, other)| {
                    if let Some(other) = other {
                        least(at(numbers, group), other)
                    }
                });
            }
            (Self::Greatest(numbers), Self::Greatest(others)) => {
                each(others, group).for_each(|(group, other)| {
                    if let Some(other) = other {
                        greatest(at(numbers, group), other)
                    }
                });
            }
            (Self::Sketches(sketches), Self::Sketches(others)) => sketches.absorb(others, group),
            (Self::Failed(failed), Self::Failed(others)) => {
                each(others, group).for_each(|(group, others)| *at(failed, group) += others);
            }
            // Measures of one metric are of one kind.
            _ => {}
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Size => 0,
            Self::Distinct(marks) => table::<(u32, Mark)>(marks.capacity()),
            Self::Sum(sums) => sums.capacity() * size_of::<(f64, u64)>(),
            Self::Least(numbers) | Self::Greatest(numbers) => numbers.capacity() * size_of::<Option<f64>>(),
            Self::Sketches(sketches) => sketches.bytes(),
            Self::Failed(failed) => failed.capacity() * size_of::<u64>(),
        }
    }

    /// What there is to show of them.
    pub(super) fn shown(self) -> Shown {
        match self {
            Self::Size => Shown::Size,
            Self::Distinct(marks) => {
                let mut counts = Vec::new();
                marks.into_iter().for_each(|(group, _)| *at(&mut counts, group) += 1);
                Shown::Counts(counts)
            }
            Self::Sum(sums) => Shown::Sums(sums),
            Self::Least(numbers) | Self::Greatest(numbers) => Shown::Numbers(numbers),
            Self::Sketches(sketches) => Shown::Ranges(sketches.counted()),
            Self::Failed(failed) => Shown::Counts(failed),
        }
    }
}

/// Measures of which nothing is missing, by the number of the group.
pub(super) enum Shown {
    Size,
    Counts(Vec<u64>),
    Sums(Vec<(f64, u64)>),
    Numbers(Vec<Option<f64>>),
    Ranges(Counted),
}

impl Shown {
    /// What a metric is in a group of this size.
    pub(super) fn of(&self, metric: &Metric, group: u32, size: u64) -> Measured {
        let share = |part: f64, whole: u64| (whole > 0).then(|| part / whole as f64);
        let n = group as usize;
        Measured::One(match (self, metric) {
            (Self::Ranges(ranges), Metric::Percentiles(_, percents)) => {
                return Measured::Several(ranges.percentiles(group, percents));
            }
            (Self::Size | Self::Ranges(_), _) => Some(size as f64),
            (Self::Counts(counts), metric) => {
                let count = counts.get(n).copied().unwrap_or(0) as f64;
                if *metric == Metric::ErrorShare { share(count, size) } else { Some(count) }
            }
            (Self::Sums(sums), metric) => {
                let (sum, count) = sums.get(n).copied().unwrap_or_default();
                if matches!(metric, Metric::Avg(_)) { share(sum, count) } else { (count > 0).then_some(sum) }
            }
            (Self::Numbers(numbers), _) => numbers.get(n).copied().flatten(),
        })
    }
}

/// What measures the documents of a segment for one metric.
pub(super) struct Gauge {
    columns: Vec<Values>,
    measures: Measures,
}

impl Gauge {
    pub(super) fn open(segment: &SegmentReader, metric: &Metric) -> tantivy::Result<Self> {
        let failed = Key::Field(Field::HasError);
        let key = metric.key().or((*metric == Metric::ErrorShare).then_some(&failed));
        let columns = key.map(|key| columns::open(segment, key)).transpose()?.unwrap_or_default();
        Ok(Self { columns, measures: Measures::new(metric) })
    }

    pub(super) fn bytes(&self) -> usize {
        self.measures.bytes()
    }

    /// Measures documents, which ascend, each in its groups. Returns whether there was room for all different values: for `room` more
    /// of them, and where it is `full` for no more at all.
    pub(super) fn read(
        &mut self,
        docs: &[DocId],
        groups: &[(DocId, u32)],
        rows: &mut Rows,
        room: &mut usize,
        full: bool,
    ) -> bool {
        let mut all = true;
        for (n, values) in (0..).zip(&self.columns) {
            let mut groups = groups;
            // Documents come in the same order on both sides.
            let mut groups_of = move |doc: DocId| {
                let before = groups.iter().position(|(of, _)| *of >= doc).unwrap_or(groups.len());
                groups = groups.get(before..).unwrap_or_default();
                groups.iter().take_while(move |(of, _)| *of == doc).map(|(_, group)| *group)
            };
            match &mut self.measures {
                Measures::Size => {}
                Measures::Distinct(marks) => values.marks(docs, rows, |doc, mark| {
                    for group in groups_of(doc) {
                        if full || *room == 0 {
                            all &= marks.contains(&(group, (n, mark)));
                        } else if marks.insert((group, (n, mark))) {
                            *room -= 1;
                        }
                    }
                }),
                Measures::Failed(failed) => values.marks(docs, rows, |doc, flag| {
                    groups_of(doc).for_each(|group| *at(failed, group) += flag);
                }),
                Measures::Sum(sums) => values.numbers(docs, rows, |doc, number| {
                    for group in groups_of(doc) {
                        let (sum, count) = at(sums, group);
                        *sum += number;
                        *count += 1;
                    }
                }),
                Measures::Least(numbers) => values.numbers(docs, rows, |doc, number| {
                    groups_of(doc).for_each(|group| least(at(numbers, group), number));
                }),
                Measures::Greatest(numbers) => values.numbers(docs, rows, |doc, number| {
                    groups_of(doc).for_each(|group| greatest(at(numbers, group), number));
                }),
                Measures::Sketches(sketches) => values.numbers(docs, rows, |doc, number| {
                    groups_of(doc).for_each(|group| all &= sketches.add(group, number, full));
                }),
            }
        }
        all
    }

    /// What was measured, the same in all segments: marks of different values are hashes of the values from here on.
    pub(super) fn measured(self) -> tantivy::Result<Measures> {
        let Measures::Distinct(marks) = self.measures else { return Ok(self.measures) };
        let mut hashes = Vec::with_capacity(self.columns.len());
        for (n, values) in (0..).zip(&self.columns) {
            let of_column = marks.iter().filter(|(_, (of, _))| *of == n).map(|(_, (_, mark))| *mark).collect();
            hashes.push(values.each(of_column, |value| hash(&value))?);
        }
        let hashed = |(group, (n, mark)): (u32, Mark)| {
            let of_column = hashes.get(usize::from(n))?;
            let (_, hash) = of_column.get(of_column.binary_search_by_key(&mark, |(mark, _)| *mark).ok()?)?;
            Some((group, (0, *hash)))
        };
        Ok(Measures::Distinct(marks.into_iter().filter_map(hashed).collect()))
    }
}
