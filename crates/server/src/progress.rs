//! How far a command is: a bar where standard error is a terminal, and a line now and then where it is not.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Between two lines where there is no terminal; a short command prints none.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Between two turns of the bar, so that one that stands still is seen to be alive.
const TICK: Duration = Duration::from_millis(200);

/// Shows on standard error how far a command is.
pub(crate) struct Progress {
    what: &'static str,
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    Lines { last: Instant },
}

impl Progress {
    /// `what` says what is done, e.g. `Checking`.
    pub(crate) fn new(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { what, shown: Shown::Lines { last: Instant::now() } };
        }
        let style = ProgressStyle::with_template("{spinner} {msg} {bar:40} {percent}% {elapsed}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(0).with_style(style).with_message(what);
        bar.enable_steady_tick(TICK);
        Self { what, shown: Shown::Bar(bar) }
    }

    /// So much is done, of so much.
    pub(crate) fn show(&mut self, done: u64, all: u64) {
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_length(all);
                bar.set_position(done);
            }
            Shown::Lines { last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                eprintln!("{}: {}%", self.what, percent(done, all));
            }
            Shown::Lines { .. } => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(self) {
        if let Shown::Bar(bar) = self.shown {
            bar.finish_and_clear();
        }
    }
}

fn percent(done: u64, all: u64) -> u128 {
    if all == 0 { 100 } else { u128::from(done.min(all)) * 100 / u128::from(all) }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_share_is_never_more_than_all() {
        for (done, all, expect) in [(0, 0, 100), (0, 7, 0), (6, 7, 85), (7, 7, 100), (8, 7, 100), (u64::MAX, u64::MAX, 100)] {
            assert_eq!(percent(done, all), expect, "{done} of {all}");
        }
    }
}
