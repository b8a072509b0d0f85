//! Groups of documents and what is measured in them, in one walk over the columns of the index.
//!
//! Groups have numbers, and what is measured is kept in tables by their number: it is put together only for the groups that are
//! shown, of which there are few. Sizes, sums and extremes are exact. Memory is bounded: by the number of groups, by the number
//! of distinct values, and by the bytes of all tables together.

mod found;
mod grouper;
mod measures;
mod others;
mod room;
#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher as _;

use foldhash::fast::{FixedState, RandomState};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use self::found::Found;
use self::grouper::Grouper;
use self::measures::{Gauge, Measures};
pub(super) use self::room::{Memory, Room, Share, table};
use super::columns::{Common, Rows};
use super::index::TIME;
use crate::aggregate::{Group, MAX_GROUPS_BY, Metric, TruncatedBy};

/// Most groups that are counted at a time; things of further ones are only counted as left out.
const MAX_GROUPS: usize = 262_144;
/// Most different values that are told apart in one segment, over all groups.
pub(super) const MAX_DISTINCT: usize = 1_000_000;
/// Documents that are read at a time.
pub(super) const BLOCK: usize = 512;

/// What one group has in common: for each thing that is grouped by the code of a value; [`NONE`] for what has no value, and where
/// there is no such thing.
type Codes = [u32; MAX_GROUPS_BY];
/// The code of no value.
const NONE: u32 = 0;
/// The code of every value for which there was no room: nothing that has it is in a group.
const LOST: u32 = u32::MAX - 1;
/// Looked up for each document, so it hashes fast.
pub(super) type Quick<K, V> = HashMap<K, V, RandomState>;

/// The same in all segments.
pub(super) fn hash(value: &Common) -> u64 {
    FixedState::default().hash_one(value)
}

/// Collects the groups of an aggregate.
pub(super) struct Groups {
    pub(super) group_by: Vec<Group>,
    pub(super) metrics: Vec<Metric>,
    /// Whether the greatest time of each group is asked for.
    pub(super) last: bool,
    /// What all of it may take.
    pub(super) room: Room,
}

/// Groups by what they have in common, each with a number: 0 and up, in the order in which they were found.
#[derive(Debug, Default)]
struct Numbered {
    numbers: Quick<Codes, u32>,
    codes: Vec<Codes>,
}

impl Numbered {
    /// The number of a group; `None` where it is new and there is no room for it.
    fn number(&mut self, codes: Codes, full: bool) -> Option<u32> {
        match self.numbers.entry(codes) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(_) if full || self.codes.len() >= MAX_GROUPS => None,
            Entry::Vacant(place) => {
                self.codes.push(codes);
                Some(*place.insert(self.codes.len() as u32 - 1))
            }
        }
    }

    fn bytes(&self) -> usize {
        table::<(Codes, u32)>(self.numbers.capacity()) + self.codes.capacity() * size_of::<Codes>()
    }
}

/// How large a group is, and the greatest time in it by which the list is ordered.
#[derive(Debug, Clone, Copy)]
struct Size {
    count: u64,
    last: i64,
}

impl Default for Size {
    fn default() -> Self {
        Self { count: 0, last: i64::MIN }
    }
}

/// What was counted beside the groups.
#[derive(Debug, Default)]
struct Counted {
    matched: u64,
    left_out: u64,
    /// Why something is not in an answer, in the order in which that says it.
    truncated_by: BTreeSet<TruncatedBy>,
}

impl Counted {
    fn leave_out(&mut self, count: u64, by: TruncatedBy) {
        self.left_out += count;
        self.truncated_by.insert(by);
    }

    fn add(&mut self, other: Self) {
        self.matched += other.matched;
        self.left_out += other.left_out;
        self.truncated_by.extend(other.truncated_by);
    }
}

/// The groups of one segment.
pub(super) struct SegmentGroups {
    groupers: Vec<Grouper>,
    gauges: Vec<Gauge>,
    /// The times, where they are asked for.
    time: Option<Column<i64>>,
    groups: Numbered,
    sizes: Vec<Size>,
    counted: Counted,
    distinct_room: usize,
    share: Share,
    room: Room,
    /// Documents that are not read yet.
    docs: Vec<DocId>,
    /// Those that are being read, in each of their groups.
    placed: Vec<(DocId, u32)>,
    rows: Rows,
}

/// The groups of one segment, with what their codes stand for.
pub(super) struct SegmentFound {
    /// For each thing that is grouped by. A code whose value is not here is lost.
    values: Vec<Vec<(u32, Common)>>,
    groups: Vec<Codes>,
    sizes: Vec<Size>,
    measures: Vec<Measures>,
    counted: Counted,
}

impl SegmentGroups {
    /// Counts and measures the documents in hand.
    fn read(&mut self) {
        let Self { groupers, gauges, time, groups, sizes, counted, distinct_room, share, docs, placed, rows, .. } = self;
        let full = share.is_full();
        counted.matched += docs.len() as u64;
        for grouper in &mut *groupers {
            grouper.read(docs, rows, full);
        }
        placed.clear();
        let mut behind = [0; MAX_GROUPS_BY];
        for doc in &*docs {
            let mut codes: [&[(DocId, u32)]; MAX_GROUPS_BY] = [&[(0, NONE)]; MAX_GROUPS_BY];
            for ((codes, grouper), behind) in codes.iter_mut().zip(&*groupers).zip(&mut behind) {
                *codes = grouper.next(*doc, behind);
            }
            let [one, two, three] = codes;
            for (_, a) in one {
                for (_, b) in two {
                    for (_, c) in three {
                        match groups.number([*a, *b, *c], full) {
                            Some(group) => placed.push((*doc, group)),
                            None => counted.leave_out(1, if full { TruncatedBy::Memory } else { TruncatedBy::Groups }),
                        }
                    }
                }
            }
        }
        sizes.resize(groups.codes.len(), Size::default());
        for (_, group) in &*placed {
            sizes[*group as usize].count += 1;
        }
        if let Some(time) = time {
            for (doc, group) in &*placed {
                let size = &mut sizes[*group as usize];
                size.last = time.values_for_doc(*doc).fold(size.last, i64::max);
            }
        }
        for gauge in gauges {
            if !gauge.read(docs, placed, rows, distinct_room, full) {
                counted.truncated_by.insert(if full { TruncatedBy::Memory } else { TruncatedBy::Distinct });
            }
        }
        docs.clear();
        let bytes = self.bytes();
        self.share.hold(bytes);
    }

    fn bytes(&self) -> usize {
        let groupers: usize = self.groupers.iter().map(Grouper::bytes).sum();
        let gauges: usize = self.gauges.iter().map(Gauge::bytes).sum();
        self.groups.bytes() + self.sizes.capacity() * size_of::<Size>() + groupers + gauges
    }

    fn found(mut self) -> tantivy::Result<SegmentFound> {
        self.read();
        let groups = self.groups.codes;
        let values = |(n, grouper): (usize, &Grouper)| -> tantivy::Result<Vec<(u32, Common)>> {
            let mut values = grouper.values(n, &groups)?;
            values.retain(|(_, value)| self.room.take_value(size_of::<(u32, Common)>() + value.text_bytes()));
            Ok(values)
        };
        Ok(SegmentFound {
            values: self.groupers.iter().enumerate().map(values).collect::<tantivy::Result<_>>()?,
            groups,
            sizes: self.sizes,
            measures: self.gauges.into_iter().map(Gauge::measured).collect::<tantivy::Result<_>>()?,
            counted: self.counted,
        })
    }
}

impl SegmentCollector for SegmentGroups {
    type Fruit = tantivy::Result<SegmentFound>;

    fn collect(&mut self, doc: DocId, _score: Score) {
        self.docs.push(doc);
        if self.docs.len() == BLOCK {
            self.read();
        }
    }

    fn harvest(self) -> Self::Fruit {
        self.found()
    }
}

impl Collector for Groups {
    type Fruit = Found;
    type Child = SegmentGroups;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentGroups> {
        let groupers = self.group_by.iter().map(|group| Grouper::open(segment, group));
        let gauges = self.metrics.iter().map(|metric| Gauge::open(segment, metric));
        Ok(SegmentGroups {
            groupers: groupers.collect::<tantivy::Result<_>>()?,
            gauges: gauges.collect::<tantivy::Result<_>>()?,
            time: self.last.then(|| segment.fast_fields().i64(TIME)).transpose()?,
            groups: Numbered::default(),
            sizes: Vec::new(),
            counted: Counted::default(),
            distinct_room: MAX_DISTINCT,
            share: self.room.share(),
            room: self.room.clone(),
            docs: Vec::with_capacity(BLOCK),
            placed: Vec::with_capacity(BLOCK),
            rows: Rows::default(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<SegmentFound>>) -> tantivy::Result<Found> {
        let mut all = Found::within(self.room.clone());
        for segment in segments {
            all.add_segment(segment?);
        }
        Ok(all)
    }
}
