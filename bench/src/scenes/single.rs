//! `single`: one `POST /v1/trace` for each step, beside a server that decodes and throws away.

use super::Plan;
use crate::connection::Target;
use crate::drive::{Run, as_answered};
use crate::feed::Feed;
use crate::limits::discard::Discard;
use crate::report::{Report, Row, count};
use crate::server::target;
use crate::workload::{Chat, singles};

/// Connections at once; each number is a run of its own.
const CONNECTIONS: [usize; 3] = [5, 50, 500];
/// The number that the target is about.
const TARGET: usize = 50;
/// More steps a second than any server takes on two cores.
const MOST_STEPS: usize = 40_000;

pub(super) fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let discard = Discard::start()?;
    let server = plan.server();
    for (part, connections) in CONNECTIONS.into_iter().enumerate() {
        let limit = send(plan, &discard.target, part, connections)?.spans_per_second();
        let run = send(plan, &target(&server)?, part, connections)?;
        let rate = run.spans_per_second();
        let [p50, p99, max] = run.answers.percentiles([0.5, 0.99, 1.0]);
        let figure = format!("{} requests/s beside {}; p50 {p50:.1}, p99 {p99:.1}, max {max:.1} ms", count(rate), count(limit),);
        let goal = if connections == TARGET { ">= 0.5 of the server that throws away" } else { "" };
        let row = Row::new(format!("`single`: {connections} connections"), goal, figure).ratio(rate / limit);
        let row = if connections == TARGET { row.met(rate >= 0.5 * limit) } else { row };
        report.add(row.value("per_second", rate).value("limit_per_second", limit).value("p50_ms", p50).value("p99_ms", p99));
    }
    Ok(())
}

fn send(plan: &Plan, target: &Target, part: usize, connections: usize) -> anyhow::Result<Run> {
    let most = MOST_STEPS * plan.single.as_secs() as usize;
    let feed = Feed::new(singles(Chat::new(plan.seed + part as u64, most as u64).take(most)));
    as_answered(target, &feed, connections, plan.single)?.whole()
}
