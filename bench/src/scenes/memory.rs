//! `memory`: what the process holds while it takes as much as it can.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{CONNECTIONS, Plan};
use crate::drive::as_answered;
use crate::feed::Feed;
use crate::report::{Report, Row, count};
use crate::server::{Memory, memory, target};
use crate::workload::{BATCH, Chat, exports};

/// Between two readings.
const EVERY: Duration = Duration::from_millis(200);
/// Spans of a month; the run goes on over the same month.
const MONTH_STEPS: u64 = 1_000_000;
/// A growth of that many MB a minute, over the last half, counts as none.
const FLAT: f64 = 1.0;
/// What a shorter run shows is how the process warms up.
const LONG_ENOUGH: Duration = Duration::from_secs(600);

pub(super) fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let server = plan.server();
    let fresh = memory(&server)?.resident;
    report.add(Row::new("memory, first start", "", format!("{fresh:.0} MB")).value("mb", fresh));
    let binary = std::fs::metadata(&plan.binary)?.len() as f64 / 1e6;
    report.add(Row::new("size of the program", "", format!("{binary:.1} MB")).value("mb", binary));

    let feed = Feed::endless(exports(Chat::new(plan.seed, MONTH_STEPS), BATCH));
    let target = target(&server)?;
    let ended = AtomicBool::new(false);
    let (run, readings) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let run = as_answered(&target, &feed, CONNECTIONS, plan.memory);
            ended.store(true, Ordering::Relaxed);
            run
        });
        let mut readings = Vec::new();
        while !ended.load(Ordering::Relaxed) {
            readings.push(memory(&server)?);
            std::thread::sleep(EVERY);
        }
        let run = sending.join().map_err(|_| anyhow::anyhow!("the sending thread panicked"))?;
        anyhow::Ok((run?.whole()?, readings))
    })?;
    let peak = |part: fn(&Memory) -> f64| readings.iter().map(part).fold(0.0, f64::max);
    let (peak, own) = (peak(|memory| memory.resident), peak(|memory| memory.own));
    let figure = format!("peak {peak:.0} MB, {own:.0} MB without mapped files, at {} spans/s", count(run.spans_per_second()));
    let row = Row::new("memory at full ingest", "<= 700 MB", figure).met(peak <= 700.0);
    report.add(row.value("peak_mb", peak).value("own_peak_mb", own));
    let readings: Vec<f64> = readings.iter().map(|memory| memory.resident).collect();
    let growth = growth(&readings) * 60.0 / EVERY.as_secs_f64();
    let figure = format!("{growth:+.1} MB/min over the last half of {:.1} min", run.took.as_secs_f64() / 60.0);
    let row = Row::new("memory, growth", "flat over 30 min", figure).value("mb_per_minute", growth);
    report.add(if run.took >= LONG_ENOUGH { row.met(growth <= FLAT) } else { row });
    Ok(())
}

/// By how much a reading is above the one before, over the last half of them (least squares).
fn growth(readings: &[f64]) -> f64 {
    let half = &readings[readings.len() / 2..];
    let count = half.len() as f64;
    let (mean_at, mean) = ((count - 1.0) / 2.0, half.iter().sum::<f64>() / count);
    let (mut together, mut spread) = (0.0, 0.0);
    for (n, reading) in half.iter().enumerate() {
        together += (n as f64 - mean_at) * (reading - mean);
        spread += (n as f64 - mean_at).powi(2);
    }
    if spread > 0.0 { together / spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_that_of_the_last_half() {
        let readings = [900.0, 1.0, 500.0, 7.0, 10.0, 12.0, 14.0, 16.0];
        assert!((growth(&readings) - 2.0).abs() < 1e-9);
        assert_eq!(growth(&[5.0]), 0.0);
        assert_eq!(growth(&[]), 0.0);
    }
}
