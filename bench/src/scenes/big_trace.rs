//! `big-trace`: one trace of very many spans, sent between other traffic; how it slows ingest, and how its skeleton is read.

use std::time::{Duration, Instant};

use super::{CONNECTIONS, Plan, UNTIL_DONE};
use crate::connection::Connection;
use crate::drive::{Run, as_answered};
use crate::feed::Feed;
use crate::figures::Figures;
use crate::report::{Report, Row, count};
use crate::server::{caught_up, target};
use crate::workload::{BATCH, Chat, Request, exports, hex};

/// How often the first page is read.
const READS: usize = 20;
/// Longest wait for the lists; a trace of which every message makes work for all of it would take hours.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let spans = plan.big_trace;
    let others = |spans: usize| exports(Chat::new(plan.seed, spans as u64).take(spans), BATCH);
    let (usual, usual_shown) = send(&plan.server(), Feed::new(others(2 * spans)))?;
    let usual_rate = usual.spans_per_second();

    let server = plan.server();
    let big = exports(Chat::one_trace(plan.seed + 1, spans), BATCH);
    let mixed: Vec<Request> = big.zip(others(spans)).flat_map(|(big, other)| [big, other]).collect();
    let trace = mixed[0].ids[0].0;
    let (run, shown) = send(&server, Feed::new(mixed.into_iter()))?;
    let rate = run.spans_per_second();
    let size = count(spans as f64);
    let figure = format!("{} spans/s beside {}", count(rate), count(usual_rate));
    let row = Row::new(format!("one trace of {size} spans: acknowledged"), ">= the rest", figure).ratio(rate / usual_rate);
    report.add(row.met(rate >= 0.9 * usual_rate).value("per_second", rate).value("usual_per_second", usual_rate));

    let what = format!("one trace of {size} spans: until the lists show everything");
    let row = match (shown, usual_shown) {
        (Some(shown), Some(usual)) => {
            let figure = format!("{} spans/s beside {}", count(shown), count(usual));
            Row::new(what, ">= the rest", figure).ratio(shown / usual).met(shown >= 0.9 * usual).value("per_second", shown)
        }
        _ => Row::new(what, ">= the rest", format!("not within {} s", PATIENCE.as_secs())).met(false),
    };
    report.add(row);

    let mut connection = Connection::open(&target(&server)?)?;
    let mut times = Figures::default();
    let mut page = (0, 0);
    for _ in 0..READS {
        let begin = Instant::now();
        let answer = connection.get(&format!("/api/v1/traces/{}?limit=500", hex(&trace)))?;
        times.add(begin.elapsed());
        page = (answer.json()?["spans"].as_array().map_or(0, Vec::len), answer.body.len());
    }
    let [p50, max] = times.percentiles([0.5, 1.0]);
    let figure = format!("p50 {p50:.1}, max {max:.1} ms ({} spans, {:.1} MB)", count(page.0 as f64), page.1 as f64 / 1e6);
    let row = Row::new(format!("one trace of {size} spans: first page"), "<= 50 ms, in pages", figure);
    report.add(row.met(p50 <= 50.0 && page.0 <= spans / 2).value("p50_ms", p50).value("max_ms", max));
    Ok(())
}

/// Sends, and says how many spans a second were shown in the lists, if they were in time.
fn send(server: &neuraltrust_testing::Server, feed: Feed) -> anyhow::Result<(Run, Option<f64>)> {
    let run = as_answered(&target(server)?, &feed, CONNECTIONS, UNTIL_DONE)?.whole()?;
    let shown = caught_up(server, PATIENCE)?.then(|| run.acknowledged.len() as f64 / run.began.elapsed().as_secs_f64());
    Ok((run, shown))
}
