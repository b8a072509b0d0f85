//! What was measured: every single answer time, so that percentiles are exact.

use std::time::Duration;

/// What one connection, or all of a run together, measured.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    answers: Vec<Duration>,
    /// Bytes of the requests that were answered with 2xx.
    bytes: usize,
    errors: u64,
    /// What went wrong first.
    pub(crate) first_error: Option<String>,
    took: Duration,
}

impl Figures {
    /// A request of that many bytes was answered with 2xx after that time.
    pub(crate) fn answered(&mut self, after: Duration, bytes: usize) {
        self.answers.push(after);
        self.bytes += bytes;
    }

    /// A request was answered with something else, or not at all.
    pub(crate) fn failed(&mut self, error: String) {
        self.errors += 1;
        self.first_error.get_or_insert(error);
    }

    /// The figures of a run whose connections measured `parts`.
    pub(crate) fn together(parts: Vec<Self>, took: Duration) -> Self {
        let mut all = Self { took, ..Self::default() };
        for part in parts {
            all.answers.extend(part.answers);
            all.bytes += part.bytes;
            all.errors += part.errors;
            all.first_error = all.first_error.or(part.first_error);
        }
        all.answers.sort_unstable();
        all
    }

    /// The answer time that `share` of the answers stay within, in milliseconds (nearest rank).
    fn percentile(&self, share: f64) -> f64 {
        let rank = (self.answers.len() as f64 * share).ceil() as usize;
        self.answers.get(rank.saturating_sub(1)).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }

    /// A row of the table, where each request carried that many spans.
    pub(crate) fn row(&self, connections: usize, spans: u64) -> String {
        let seconds = self.took.as_secs_f64();
        let rate = self.answers.len() as f64 / seconds;
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| self.percentile(share));
        let megabytes = self.bytes as f64 / 1e6;
        let (requests, errors) = (self.answers.len(), self.errors);
        format!(
            "| {connections} | {rate:.0} | {:.0} | {:.1} | {p50:.2} | {p99:.2} | {max:.2} | {requests} | {megabytes:.0} | {errors} |",
            rate * spans as f64,
            megabytes / seconds,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut part = Figures::default();
        for ms in (1..=100).rev() {
            part.answered(Duration::from_millis(ms), 20_000);
        }
        part.failed("no".to_owned());
        let figures = Figures::together(vec![part, Figures::default()], Duration::from_secs(2));
        assert_eq!(figures.row(5, 10), "| 5 | 50 | 500 | 1.0 | 50.00 | 99.00 | 100.00 | 100 | 2 | 1 |");
        assert_eq!(figures.first_error.as_deref(), Some("no"));
    }
}
