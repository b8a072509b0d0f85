//! `bench send`: sends to a server that runs already, and prints how it answered. Measures nothing else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::arguments::{SendOptions, Workload};
use crate::connection::Target;
use crate::drive::as_answered;
use crate::feed::Feed;
use crate::report::count;
use crate::workload::{Agents, Chat, exports, singles};

/// Spans of a month; more fall into the same month again.
const MONTH_STEPS: u64 = 1_000_000;

pub(crate) fn run(options: &SendOptions) -> anyhow::Result<()> {
    let target = Target::new(&options.url, &options.key)?;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let seed = options.seed.unwrap_or_else(now);
    println!("| connections | requests/s | spans/s | MB/s | p50 ms | p99 ms | max ms | requests | MB |");
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (part, &connections) in options.connections.iter().enumerate() {
        let seed = seed.wrapping_add(part as u64);
        let feed = match options.workload {
            Workload::Chat => Feed::endless(exports(Chat::new(seed, MONTH_STEPS), options.batch as usize)),
            Workload::Agent => Feed::endless(Agents::new(seed)),
            Workload::Single => Feed::endless(singles(Chat::new(seed, MONTH_STEPS))),
        };
        let run = as_answered(&target, &feed, connections, Duration::from_secs(options.seconds))?.whole()?;
        let seconds = run.took.as_secs_f64();
        let [p50, p99, max] = run.answers.percentiles([0.5, 0.99, 1.0]);
        let (requests, megabytes) = (run.answers.len(), run.body_bytes as f64 / 1e6);
        println!(
            "| {connections} | {} | {} | {:.1} | {p50:.2} | {p99:.2} | {max:.2} | {requests} | {megabytes:.0} |",
            count(requests as f64 / seconds),
            count(run.spans_per_second()),
            megabytes / seconds,
        );
    }
    Ok(())
}
