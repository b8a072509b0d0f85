//! Percentiles of many numbers in little memory: a count for each of many narrow ranges, each wider than the one before by
//! the same factor, as in DDSketch (<https://arxiv.org/abs/1908.10693>, section 2).

use std::sync::LazyLock;

use crate::aggregate::RELATIVE_ERROR;

/// Numbers nearer to zero than this count as zero.
const LEAST: f64 = 1e-9;

/// Numbers that are kept one by one before they are counted by range, at the least; then as many as there are ranges.
const UNCOUNTED: usize = 1 << 14;

/// The numbers seen of each of many groups, by range: one table for all groups, since most have few numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Sketches {
    /// Places of numbers that are not counted yet.
    uncounted: Vec<Place>,
    /// How many numbers are at a place, in order.
    counted: Vec<(Place, u64)>,
}

/// A group, and a range of numbers in it: in the order of both.
type Place = u64;

fn place(group: u32, range: i32) -> Place {
    u64::from(group) << 32 | u64::from(range.cast_unsigned() ^ 1 << 31)
}

fn group_of(place: Place) -> u32 {
    (place >> 32) as u32
}

fn range_at(place: Place) -> i32 {
    (place as u32 ^ 1 << 31).cast_signed()
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
        let at = place(group, range_of(number));
        if full {
            if !self.uncounted.is_empty() {
                self.count();
                self.uncounted.shrink_to_fit();
            }
            let known = self.counted.binary_search_by_key(&at, |(place, _)| *place).ok();
            let known = known.and_then(|n| self.counted.get_mut(n));
            return known.map(|(_, count)| *count += 1).is_some();
        }
        self.uncounted.push(at);
        if self.uncounted.len() >= UNCOUNTED.max(self.counted.len()) {
            self.count();
        }
        true
    }

    pub(super) fn bytes(&self) -> usize {
        self.uncounted.capacity() * size_of::<Place>() + self.counted.capacity() * size_of::<(Place, u64)>()
    }

    /// Takes in what others have seen, of the groups that have a number here.
    pub(super) fn absorb(&mut self, others: Self, group: impl Fn(u32) -> Option<u32>) {
        let here = |at: Place| Some(place(group(group_of(at))?, range_at(at)));
        self.uncounted.extend(others.uncounted.into_iter().filter_map(here));
        self.counted.extend(others.counted.into_iter().filter_map(|(at, count)| Some((here(at)?, count))));
    }

    /// What there is to read of them.
    pub(super) fn counted(mut self) -> Counted {
        self.count();
        Counted(self.counted)
    }

    /// Counts what is not counted yet.
    fn count(&mut self) {
        self.counted.extend(self.uncounted.drain(..).map(|place| (place, 1)));
        self.counted.sort_unstable_by_key(|(place, _)| *place);
        self.counted.dedup_by(|(next, more), (place, count)| {
            let same = next == place;
            if same {
                *count += *more;
            }
            same
        });
        self.counted.shrink_to(2 * self.counted.len());
    }
}

/// How many numbers each group has in each range.
#[derive(Debug)]
pub(super) struct Counted(Vec<(Place, u64)>);

impl Counted {
    /// The numbers that so many percent of a group's numbers do not exceed (nearest rank); `None` where it has none.
    pub(super) fn percentiles(&self, group: u32, percents: &[f64]) -> Vec<Option<f64>> {
        let from = self.0.partition_point(|(place, _)| group_of(*place) < group);
        let of_group = self.0.get(from..).unwrap_or_default();
        let of_group = of_group.get(..of_group.partition_point(|(place, _)| group_of(*place) == group)).unwrap_or_default();
        let all: u64 = of_group.iter().map(|(_, count)| count).sum();
        let at = |percent: &f64| {
            let rank = ((percent / 100.0 * all as f64).ceil() as u64).clamp(1, all.max(1));
            let mut below = 0;
            let found = of_group.iter().find(|(_, count)| {
                below += count;
                below >= rank
            });
            found.map(|(place, _)| middle(range_at(*place)))
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
        assert_eq!(counted.0.iter().map(|(_, count)| count).sum::<u64>(), 41_000);
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
