//! Percentiles of many numbers in little memory: a count for each of many narrow ranges, each wider than the one before by
//! the same factor, as in DDSketch (<https://arxiv.org/abs/1908.10693>, section 2).

use crate::aggregate::RELATIVE_ERROR;

/// Numbers nearer to zero than this count as zero.
const LEAST: f64 = 1e-9;

/// The numbers seen, by range.
#[derive(Debug, Clone, Default)]
pub(super) struct Sketch {
    /// Ranges and how many numbers are in each, from the lowest on. Range 0 is zero, negative ranges mirror positive ones.
    ranges: Vec<(i32, u64)>,
    count: u64,
}

fn factor() -> f64 {
    (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR)
}

/// The power of the factor at the upper end of the range of a positive number.
fn power(number: f64) -> i32 {
    (number.ln() / factor().ln()).ceil() as i32
}

fn range_of(number: f64) -> i32 {
    if number.abs() < LEAST {
        return 0;
    }
    let range = power(number.abs()) - power(LEAST) + 1;
    if number < 0.0 { -range } else { range }
}

/// The number that is within the relative error of every number of a range.
fn middle(range: i32) -> f64 {
    if range == 0 {
        return 0.0;
    }
    let upper = factor().powi(range.abs() + power(LEAST) - 1);
    f64::from(range.signum()) * 2.0 * upper / (factor() + 1.0)
}

impl Sketch {
    /// Takes in a number.
    pub(super) fn add(&mut self, number: f64) {
        self.add_to(range_of(number), 1);
    }

    fn add_to(&mut self, range: i32, count: u64) {
        self.count += count;
        match self.ranges.binary_search_by_key(&range, |(range, _)| *range) {
            Ok(at) => self.ranges[at].1 += count,
            Err(at) => self.ranges.insert(at, (range, count)),
        }
    }

    /// Takes in all that another has seen.
    pub(super) fn merge(&mut self, other: &Self) {
        for (range, count) in &other.ranges {
            self.add_to(*range, *count);
        }
    }

    /// The number that so many percent of the numbers do not exceed (nearest rank); `None` where there are none.
    pub(super) fn percentile(&self, percent: f64) -> Option<f64> {
        let rank = ((percent / 100.0 * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut below = 0;
        for (range, count) in &self.ranges {
            below += count;
            if below >= rank {
                return Some(middle(*range));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Sketch::default().percentile(50.0), None);
    }

    proptest! {
        #[test]
        fn percentiles_are_within_the_error(
            numbers in proptest::collection::vec(prop_oneof![-1e6..1e6_f64, 0.0..1e-3_f64, Just(0.0), 1e3..1e12_f64], 1..300),
            percent in 0.0..=100.0_f64,
            cut in 0..300_usize,
        ) {
            let (mut one, mut other) = (Sketch::default(), Sketch::default());
            for (n, number) in numbers.iter().enumerate() {
                if n < cut { one.add(*number) } else { other.add(*number) }
            }
            one.merge(&other);
            let mut sorted = numbers;
            sorted.sort_by(f64::total_cmp);
            let rank = ((percent / 100.0 * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
            let exact = sorted[rank - 1];
            let found = one.percentile(percent).unwrap();
            prop_assert!((found - exact).abs() <= exact.abs() * RELATIVE_ERROR * 1.000_001 + LEAST, "{found} for {exact}");
        }
    }
}
