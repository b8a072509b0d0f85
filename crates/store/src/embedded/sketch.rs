//! Percentiles of many numbers in little memory: a count for each of many narrow ranges, each wider than the one before by
//! the same factor, as in DDSketch (<https://arxiv.org/abs/1908.10693>, section 2).

use std::sync::LazyLock;

use rayon::iter::{IndexedParallelIterator as _, IntoParallelRefMutIterator as _, ParallelIterator as _};

use crate::aggregate::RELATIVE_ERROR;

/// Numbers nearer to zero than this count as zero.
const LEAST: f64 = 1e-9;

/// Numbers of a group that are kept one by one before they are counted by range, at the least; then as many as there are ranges.
const UNCOUNTED: usize = 64;

/// The numbers seen of each of many groups, by range.
#[derive(Debug, Clone, Default)]
pub(super) struct Sketches {
    groups: Vec<Ranges>,
    /// How many pairs the ranges of all groups have room for.
    room: usize,
}

/// How many numbers are in each range; a number that is not counted yet stands beside those that are.
type Ranges = Vec<(i32, u32)>;

/// Counts what is not counted yet: each range once, in their order.
fn count(ranges: &mut Ranges) {
    ranges.sort_unstable_by_key(|(range, _)| *range);
    ranges.dedup_by(|(next, more), (range, count)| {
        let same = next == range;
        if same {
            *count = count.saturating_add(*more);
        }
        same
    });
}

/// Each range is wider by this than the one before.
const FACTOR: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);
/// The logarithm of the factor, and the power of it at the upper end of the range of the least number.
static SCALE: LazyLock<(f64, i32)> = LazyLock::new(|| {
    let ln = FACTOR.ln();
    (ln, power(LEAST, ln))
});

/// The power of the factor at the upper end of the range of a positive number.
fn power(number: f64, ln: f64) -> i32 {
    (number.ln() / ln).ceil() as i32
}

fn range_of(number: f64) -> i32 {
    if number.abs() < LEAST {
        return 0;
    }
    let (ln, least) = *SCALE;
    let range = power(number.abs(), ln) - least + 1;
    if number < 0.0 { -range } else { range }
}

/// The number that is within the relative error of every number of a range.
fn middle(range: i32) -> f64 {
    if range == 0 {
        return 0.0;
    }
    let (_, least) = *SCALE;
    let upper = FACTOR.powi(range.abs() + least - 1);
    f64::from(range.signum()) * 2.0 * upper / (FACTOR + 1.0)
}

impl Sketches {
    /// Takes in a number of a group; where it is `full`, only one in a range that has one. Returns whether it did.
    pub(super) fn add(&mut self, group: u32, number: f64, full: bool) -> bool {
        let range = range_of(number);
        if full {
            let of_group = self.groups.get_mut(group as usize);
            let known = of_group.and_then(|ranges| ranges.iter_mut().find(|(of, _)| *of == range));
            return known.map(|(_, count)| *count = count.saturating_add(1)).is_some();
        }
        let ranges = self.of(group);
        let room = ranges.capacity();
        if ranges.len() == room {
            if room >= UNCOUNTED {
                count(ranges);
            }
            // Else there is room for as many again.
            if 2 * ranges.len() > room {
                ranges.reserve_exact(room.max(4));
            }
        }
        ranges.push((range, 1));
        let more = ranges.capacity() - room;
        self.room += more;
        true
    }

    fn of(&mut self, group: u32) -> &mut Ranges {
        let group = group as usize;
        if group >= self.groups.len() {
            self.groups.resize(group + 1, Ranges::new());
        }
        &mut self.groups[group]
    }

    pub(super) fn bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Ranges>() + self.room * size_of::<(i32, u32)>()
    }

    /// Takes in what others have seen, of the groups that have a number here.
    pub(super) fn absorb(&mut self, others: Self, group: impl Fn(u32) -> Option<u32>) {
        for (n, others) in (0..).zip(others.groups) {
            let Some(group) = group(n) else { continue };
            let ranges = self.of(group);
            let room = ranges.capacity();
            match ranges.is_empty() {
                true => *ranges = others,
                false => ranges.extend(others),
            }
            let now = ranges.capacity();
            self.room = self.room - room + now;
        }
    }

    /// What there is to read of them.
    pub(super) fn counted(mut self) -> Counted {
        // Groups have few numbers each, and are many.
        self.groups.par_iter_mut().with_min_len(256).for_each(count);
        Counted(self.groups)
    }
}

/// How many numbers each group has in each range, in the order of the ranges.
#[derive(Debug)]
pub(super) struct Counted(Vec<Ranges>);

impl Counted {
    /// The numbers that so many percent of a group's numbers do not exceed (nearest rank); `None` where it has none.
    pub(super) fn percentiles(&self, group: u32, percents: &[f64]) -> Vec<Option<f64>> {
        let of_group = self.0.get(group as usize).map_or(&[][..], Vec::as_slice);
        let all: u64 = of_group.iter().map(|(_, count)| u64::from(*count)).sum();
        let at = |percent: &f64| {
            let rank = ((percent / 100.0 * all as f64).ceil() as u64).clamp(1, all.max(1));
            let mut below = 0;
            let found = of_group.iter().find(|(_, count)| {
                below += u64::from(*count);
                below >= rank
            });
            found.map(|(range, _)| middle(*range))
        };
        percents.iter().map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Sketches::default().counted().percentiles(0, &[50.0, 99.0]), [None, None]);
    }

    #[test]
    fn where_it_is_full_only_known_ranges_are_counted() {
        let mut sketches = Sketches::default();
        assert!((1..=40_000).all(|number| sketches.add(number % 3, f64::from(number % 50), false)));
        let before = sketches.bytes();
        assert!((1..=1_000).all(|number| sketches.add(number % 3, f64::from(number % 50), true)));
        assert!(!sketches.add(0, 1e9, true) && !sketches.add(9, 1.0, true));
        assert!(sketches.bytes() <= before);
        let counted = sketches.counted();
        assert_eq!(counted.0.iter().flatten().map(|(_, count)| count).sum::<u32>(), 41_000);
        assert_eq!(counted.percentiles(9, &[50.0]), [None]);
    }

    proptest! {
        #[test]
        fn percentiles_are_within_the_error(
            numbers in proptest::collection::vec(
                (0..3_u32, prop_oneof![-1e6..1e6_f64, 0.0..1e-3_f64, Just(0.0), 1e3..1e12_f64]), 1..300),
            percent in 0.0..=100.0_f64,
            cuts in proptest::collection::vec(0..300_usize, 0..4),
        ) {
            // Groups have other numbers in the parts than in the whole, and the last is left out.
            let mut all = Sketches::default();
            let mut part = Sketches::default();
            for (n, (group, number)) in numbers.iter().enumerate() {
                if cuts.contains(&n) {
                    all.absorb(std::mem::take(&mut part), |group| (group < 2).then_some(7 - group));
                }
                prop_assert!(part.add(*group, *number, false));
            }
            all.absorb(part, |group| (group < 2).then_some(7 - group));
            let all = all.counted();
            for group in 0..2 {
                let mut sorted: Vec<f64> = numbers.iter().filter(|(of, _)| *of == group).map(|(_, number)| *number).collect();
                sorted.sort_by(f64::total_cmp);
                let found = all.percentiles(7 - group, &[percent])[0];
                let rank = ((percent / 100.0 * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len().max(1));
                let Some(exact) = sorted.get(rank - 1) else {
                    prop_assert_eq!(found, None);
                    continue;
                };
                let found = found.unwrap();
                prop_assert!((found - exact).abs() <= exact.abs() * RELATIVE_ERROR * 1.000_001 + LEAST, "{found} for {exact}");
            }
            prop_assert_eq!(all.percentiles(5, &[percent])[0], None);
        }
    }
}
