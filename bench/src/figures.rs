//! Answer times: every single one is kept, so that percentiles are exact.

use std::time::Duration;

/// How long answers took.
#[derive(Debug, Default, Clone)]
pub(crate) struct Figures(Vec<Duration>);

impl Figures {
    /// An answer took that long.
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The answer times of all parts.
    pub(crate) fn extend(&mut self, part: Self) {
        self.0.extend(part.0);
    }

    /// The times in milliseconds that these shares of the answers stay within (nearest rank).
    pub(crate) fn percentiles<const N: usize>(&self, shares: [f64; N]) -> [f64; N] {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        shares.map(|share| {
            let rank = (sorted.len() as f64 * share).ceil() as usize;
            sorted.get(rank.saturating_sub(1)).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut all = Figures::default();
        for ms in (51..=100).rev() {
            all.add(Duration::from_millis(ms));
        }
        let mut part = Figures::default();
        (1..=50).for_each(|ms| part.add(Duration::from_millis(ms)));
        all.extend(part);
        assert_eq!(all.len(), 100);
        assert_eq!(all.percentiles([0.0, 0.5, 0.99, 1.0]), [1.0, 50.0, 99.0, 100.0]);
        assert!(Figures::default().percentiles([0.5])[0].is_nan());
    }
}
