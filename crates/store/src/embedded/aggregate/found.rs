//! The groups of all segments, and what of them is shown.

use std::collections::hash_map::Entry;

use super::measures::{Measures, Shown};
use super::others::{self, OTHERS};
use super::{Codes, Counted, LOST, NONE, Numbered, Quick, Room, SegmentFound, Size};
use crate::aggregate::{Aggregate, AggregateRow, Aggregated, Group, GroupValue, MAX_GROUPS_BY, MAX_ROWS, Metric, TruncatedBy};
use crate::embedded::columns::Common;
use crate::embedded::newcomers::Newcomers;
use crate::facets::by_number;

/// The groups of all segments.
pub(in crate::embedded) struct Found {
    values: [Coded; MAX_GROUPS_BY],
    pub(super) groups: Numbered,
    pub(super) sizes: Vec<Size>,
    /// What was measured in each segment, and the numbers that its groups have here.
    pub(super) segments: Vec<(Vec<Option<u32>>, Vec<Measures>)>,
    /// For each thing that is grouped by, how many values have the code [`OTHERS`].
    pub(super) others: [u64; MAX_GROUPS_BY],
    counted: Counted,
    room: Room,
}

/// Values by their codes.
#[derive(Debug, Default)]
struct Coded {
    codes: Quick<Common, u32>,
    /// That of the code 1 first.
    values: Vec<Common>,
}

impl Coded {
    /// The code of a value; [`LOST`] where it has none yet and there is no room for it.
    fn code(&mut self, value: Common, room: &Room) -> u32 {
        match self.codes.entry(value) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) if room.take_value(2 * (size_of::<Common>() + place.key().text_bytes())) => {
                self.values.push(place.key().clone());
                *place.insert(self.values.len() as u32)
            }
            Entry::Vacant(_) => LOST,
        }
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

    /// ... the codes that have more of a measure before the others, then those that more things have, and only so many.
    fn greatest(&self, counts: &[u64], measured: &[Option<f64>], top: usize, others: bool) -> Vec<Option<u32>> {
        let count = |code: u32| counts.get(code as usize).copied().unwrap_or(0);
        let measure = |code: u32| measured.get(code as usize).copied().flatten();
        // Beside the others what has no value is a group of its own, however small.
        let mut codes: Vec<u32> = self.all().filter(|code| count(*code) > 0 && !(others && *code == NONE)).collect();
        codes.sort_unstable_by(|a, b| {
            let greatest = by_number(measure(*a), measure(*b), false);
            greatest.then_with(|| count(*b).cmp(&count(*a))).then_with(|| self.of(*a).cmp(&self.of(*b)))
        });
        codes.truncate(top);
        codes.extend((others && count(NONE) > 0).then_some(NONE));
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

impl Found {
    /// Nothing yet, in a room for all of it.
    pub(super) fn within(room: Room) -> Self {
        Self {
            values: Default::default(),
            groups: Numbered::default(),
            sizes: Vec::new(),
            segments: Vec::new(),
            others: [0; MAX_GROUPS_BY],
            counted: Counted::default(),
            room,
        }
    }

    pub(super) fn add_segment(&mut self, segment: SegmentFound) {
        let SegmentFound { values, groups, sizes, measures, counted } = segment;
        self.counted.add(counted);
        // What the codes of the segment are here.
        let mut here: [Vec<u32>; MAX_GROUPS_BY] = Default::default();
        for ((here, of_segment), all) in here.iter_mut().zip(values).zip(&mut self.values) {
            here.resize(of_segment.last().map_or(0, |(code, _)| *code as usize) + 1, LOST);
            for (code, value) in of_segment {
                here[code as usize] = all.code(value, &self.room);
            }
        }
        let numbers = groups.into_iter().zip(sizes).map(|(codes, size)| {
            let mut key = [NONE; MAX_GROUPS_BY];
            for ((key, here), code) in key.iter_mut().zip(&here).zip(codes) {
                if code != NONE {
                    *key = here.get(code as usize).copied().unwrap_or(LOST);
                }
            }
            if key.contains(&LOST) {
                self.counted.leave_out(size.count, TruncatedBy::Memory);
                return None;
            }
            self.add(key, size)
        });
        let numbers = numbers.collect();
        self.segments.push((numbers, measures));
    }

    pub(super) fn add(&mut self, codes: Codes, size: Size) -> Option<u32> {
        let Some(number) = self.groups.number(codes, false) else {
            self.counted.leave_out(size.count, TruncatedBy::Groups);
            return None;
        };
        if number as usize == self.sizes.len() {
            self.sizes.push(Size::default());
        }
        let all = &mut self.sizes[number as usize];
        all.count += size.count;
        all.last = all.last.max(size.last);
        Some(number)
    }

    /// The groups by the values of the first thing that is grouped by, without that of no value: how many things each has, and
    /// the greatest time of those.
    pub(in crate::embedded) fn by_first(self) -> impl Iterator<Item = (GroupValue, u64, i64)> {
        let [values, ..] = self.values;
        let sized = self.groups.codes.into_iter().zip(self.sizes);
        sized.filter_map(move |([code, ..], size)| Some((values.of(code)?.clone().into(), size.count, size.last)))
    }

    /// ... and what their first metric is of each.
    pub(in crate::embedded) fn by_first_measured(self, metric: &Metric) -> impl Iterator<Item = (GroupValue, Option<f64>)> {
        let Self { values: [values, ..], groups, sizes, segments, .. } = self;
        let mut all = Measures::new(metric);
        for (numbers, of_segment) in segments {
            if let Some(measures) = of_segment.into_iter().next() {
                all.absorb(measures, |n| numbers.get(n as usize).copied().flatten());
            }
        }
        let shown = all.shown();
        (0..).zip(groups.codes).zip(sizes).filter_map(move |((group, [code, ..]), size)| {
            Some((values.of(code)?.clone().into(), shown.of(metric, group, size.count).first()))
        })
    }

    /// The groups as an answer: only those values of each field that are kept, in order, and no more than asked for.
    pub(in crate::embedded) fn show(mut self, query: &Aggregate, newcomers: &Newcomers) -> Aggregated {
        self.fold_others(query);
        let groups = self.shown(query);
        let mut rows: Vec<Option<u32>> = vec![None; self.sizes.len()];
        for (row, group) in (0..).zip(&groups) {
            rows[*group as usize] = Some(row);
        }
        let mut measures: Vec<Measures> = query.metrics.iter().map(Measures::new).collect();
        for (numbers, of_segment) in std::mem::take(&mut self.segments) {
            for (all, measures) in measures.iter_mut().zip(of_segment) {
                all.absorb(measures, |n| rows.get(numbers.get(n as usize).copied().flatten()? as usize).copied().flatten());
            }
        }
        self.keep_newcomers(query, newcomers, &groups, &mut measures);
        let measures: Vec<Shown> = measures.into_iter().map(Measures::shown).collect();
        let items = (0..).zip(&groups).map(|(row, group)| self.row(query, &measures, row, *group)).collect();
        let Counted { matched, left_out, mut truncated_by } = self.counted;
        truncated_by.extend(newcomers.cut());
        let truncated_by: Vec<TruncatedBy> = truncated_by.into_iter().collect();
        Aggregated { items, matched, truncated: !truncated_by.is_empty(), truncated_by, timed_out: false, left_out }
    }

    /// Whether groups are missing, or something of what was measured in them.
    pub(in crate::embedded) fn is_cut(&self) -> bool {
        !self.counted.truncated_by.is_empty()
    }

    /// Of the values that are counted as new or returning, keeps those that are.
    fn keep_newcomers(&self, query: &Aggregate, newcomers: &Newcomers, groups: &[u32], measures: &mut [Measures]) {
        let by_time = query.group_by.iter().position(|group| matches!(group, Group::Time { .. }));
        let since = |row: u32| {
            let codes = self.groups.codes.get(*groups.get(row as usize)? as usize)?;
            match self.values.get(by_time?)?.of(*codes.get(by_time?)?)? {
                Common::Time(begin) => Some(*begin),
                _ => None,
            }
        };
        for (n, (metric, measures)) in query.metrics.iter().zip(measures).enumerate() {
            if let (Metric::New(_) | Metric::Returning(_), Measures::Distinct(marks)) = (metric, measures) {
                marks.retain(|(row, (_, hash))| newcomers.counts(n, metric, since(*row), *hash));
            }
        }
    }

    /// The numbers of the groups that are shown, in order; what is in others is counted as left out.
    fn shown(&mut self, query: &Aggregate) -> Vec<u32> {
        let places: Vec<Vec<Option<u32>>> =
            query.group_by.iter().enumerate().map(|(n, group)| self.places(n, group, query)).collect();
        // By the place of each value.
        let mut rows: Vec<(Codes, u32)> = Vec::with_capacity(self.sizes.len());
        for ((number, codes), size) in (0..).zip(&self.groups.codes).zip(&self.sizes) {
            let mut at = [0; MAX_GROUPS_BY];
            let kept = at.iter_mut().zip(codes).zip(&places).all(|((at, code), places)| {
                let place = others::place(*code).or_else(|| places.get(*code as usize).copied().flatten());
                *at = place.unwrap_or_default();
                place.is_some()
            });
            match kept {
                true => rows.push((at, number)),
                false => self.counted.leave_out(size.count, TruncatedBy::Limit),
            }
        }
        let shown = rows.len().min(query.limit.min(MAX_ROWS));
        if shown < rows.len() {
            rows.select_nth_unstable(shown);
            let behind = rows.drain(shown..).filter_map(|(_, group)| self.sizes.get(group as usize));
            self.counted.leave_out(behind.map(|size| size.count).sum(), TruncatedBy::Limit);
        }
        rows.sort_unstable();
        rows.into_iter().map(|(_, group)| group).collect()
    }

    /// For each code of a thing that is grouped by the place of its groups, where they are kept.
    pub(super) fn places(&self, n: usize, group: &Group, query: &Aggregate) -> Vec<Option<u32>> {
        let Some(values) = self.values.get(n) else { return Vec::new() };
        match group {
            Group::Field { top, others, by, .. } => {
                let mut counts = vec![0; values.values.len() + 1];
                for (codes, size) in self.groups.codes.iter().zip(&self.sizes) {
                    if let Some(count) = codes.get(n).and_then(|code| counts.get_mut(*code as usize)) {
                        *count += size.count;
                    }
                }
                let metric = by.and_then(|by| Some((by, query.metrics.get(by)?)));
                let measured = metric.map_or_else(Vec::new, |metric| self.measured(n, metric, &counts));
                values.greatest(&counts, &measured, *top, *others)
            }
            Group::Time { .. } | Group::Histogram { .. } => values.in_order(),
        }
    }

    /// What a metric is of each code of a thing that is grouped by, over all groups that have it.
    fn measured(&self, n: usize, (by, metric): (usize, &Metric), counts: &[u64]) -> Vec<Option<f64>> {
        // That of others is none of these.
        let code = |group: u32| {
            let code = self.groups.codes.get(group as usize)?.get(n).copied()?;
            ((code as usize) < counts.len()).then_some(code)
        };
        let mut all = Measures::new(metric);
        for (numbers, of_segment) in &self.segments {
            // Metrics that order are tables of one number for each group, which are few bytes.
            if let Some(measures) = of_segment.get(by) {
                all.absorb(measures.clone(), |group| code(numbers.get(group as usize).copied().flatten()?));
            }
        }
        let shown = all.shown();
        (0..).zip(counts).map(|(code, count)| shown.of(metric, code, *count).first()).collect()
    }

    fn row(&self, query: &Aggregate, measures: &[Shown], row: u32, group: u32) -> AggregateRow {
        let count = self.sizes[group as usize].count;
        let coded = self.groups.codes[group as usize].into_iter().zip(&self.values).zip(self.others);
        let value = |((code, values), others): ((u32, &Coded), u64)| match code {
            OTHERS => Some(GroupValue::Others { others }),
            code => values.of(code).cloned().map(Into::into),
        };
        AggregateRow {
            group: coded.take(query.group_by.len()).map(value).collect(),
            count,
            values: query.metrics.iter().zip(measures).map(|(metric, shown)| shown.of(metric, row, count)).collect(),
        }
    }
}
