//! `queries` and `mixed`: what a busy page asks, and each endpoint that reads, of many spans; idle, and again while `chat` comes
//! in at half speed. On the way: how the rate of ingest holds, and how the server starts and rests with that many spans.

mod known;
mod questions;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use neuraltrust_testing::Server;

use self::known::Known;
use self::questions::{Question, of_a_page, of_each_endpoint};
use super::{CONNECTIONS, OPEN_CONNECTIONS, Plan, UNTIL_DONE};
use crate::connection::{Connection, Target};
use crate::drive::{Run, as_answered, as_due};
use crate::feed::Feed;
use crate::figures::Figures;
use crate::random::Random;
use crate::report::{Report, Row, count};
use crate::server::{catch_up, memory, restart, target};
use crate::workload::{BATCH, Chat, exports};

/// Spans over which the rate of ingest is taken, at the beginning and at the end.
const STRETCH: usize = 100_000;
/// So many spans may take twice the time of a million.
const VERY_MANY: usize = 10_000_000;
/// How long the server rests before its idle memory is read.
const REST: Duration = Duration::from_secs(5);

pub(super) fn run(plan: &Plan, idle: bool, mixed: bool, report: &mut Report) -> anyhow::Result<()> {
    let mut server = plan.server();
    let filled = fill(plan, &server, report)?;
    server.stop();
    let ready = restart(&mut server).as_secs_f64();
    let spans = count(plan.spans as f64);
    let at = format!("start until ready with {spans} spans");
    report.add(Row::new(at, "<= 1 s at 1 M", format!("{:.0} ms", ready * 1_000.0)).met(ready <= 1.0).value("seconds", ready));
    std::thread::sleep(REST);
    let resident = memory(&server)?.resident;
    let row = Row::new(format!("memory, idle with {spans} spans"), "<= 80 MB at 1 M", format!("{resident:.0} MB"));
    report.add(row.met(resident <= 80.0).value("mb", resident));

    let target = target(&server)?;
    let known = Known::ask(plan.seed, &target, filled.traces)?;
    let asker = Asker { plan, target: target.clone(), known };
    let leeway = if plan.spans >= VERY_MANY { 2.0 } else { 1.0 };
    if idle {
        asker.tell(&format!("{spans} spans"), leeway, &of_each_endpoint(), report)?;
    }
    if mixed {
        let per_second = filled.per_second / 2.0 / BATCH as f64;
        let feed = Feed::endless(exports(Chat::new(plan.seed + 1, STRETCH as u64), BATCH));
        let done = AtomicBool::new(false);
        let endpoints: Vec<_> = of_each_endpoint().into_iter().filter(|question| !question.waits).collect();
        let ingest = std::thread::scope(|scope| {
            let sending = scope.spawn(|| as_due(&target, &feed, OPEN_CONNECTIONS, per_second, UNTIL_DONE, &done));
            let told = asker.tell(&format!("{spans} spans, ingest at half speed"), 2.0 * leeway, &endpoints, report);
            done.store(true, Ordering::Relaxed);
            let sent = sending.join().map_err(|_| anyhow::anyhow!("the sending thread panicked"))?;
            told.and(sent?.whole())
        })?;
        let [p50, p99, max] = ingest.answers.percentiles([0.5, 0.99, 1.0]);
        let figure = format!("{} spans/s; p50 {p50:.1}, p99 {p99:.1}, max {max:.1} ms", count(ingest.spans_per_second()));
        report.add(Row::new("`mixed`: ingest beside the queries", "", figure).value("p50_ms", p50).value("p99_ms", p99));
    }
    Ok(())
}

/// What was sent.
struct Filled {
    traces: Vec<[u8; 16]>,
    /// Spans acknowledged in a second, over the last stretch.
    per_second: f64,
}

/// Sends the spans and waits until the lists show them.
fn fill(plan: &Plan, server: &Server, report: &mut Report) -> anyhow::Result<Filled> {
    let target = target(server)?;
    let mut steps = Chat::new(plan.seed, plan.spans as u64);
    let mut left = plan.spans;
    let mut send = |spans: usize| -> anyhow::Result<Run> {
        // What is sent goes on where the last stretch ended, so that no id comes twice.
        let stretch: Vec<_> = steps.by_ref().take(spans).collect();
        let feed = Feed::new(exports(stretch.into_iter(), BATCH));
        as_answered(&target, &feed, CONNECTIONS, UNTIL_DONE)?.whole()
    };
    let mut runs = Vec::new();
    while left > 0 {
        let spans = left.min(STRETCH);
        runs.push(send(spans)?);
        left -= spans;
    }
    catch_up(server)?;
    let (first, last) = (runs.first().map_or(0.0, Run::spans_per_second), runs.last().map_or(0.0, Run::spans_per_second));
    if runs.len() > 1 {
        let figure = format!("{} spans/s beside {} at first", count(last), count(first));
        let what = format!("ingest at {} spans", count(plan.spans as f64));
        let row = Row::new(what, ">= 0.8 of the rate at 100 k, at 10 M", figure).ratio(last / first).met(last >= 0.8 * first);
        report.add(row.value("per_second", last).value("first_per_second", first));
    }
    let traces: BTreeSet<[u8; 16]> = runs.iter().flat_map(|run| run.acknowledged.iter().map(|(trace, _)| *trace)).collect();
    Ok(Filled { traces: traces.into_iter().collect(), per_second: last })
}

/// Asks.
struct Asker<'a> {
    plan: &'a Plan,
    target: Target,
    known: Known,
}

impl Asker<'_> {
    /// Asks what a page asks, and less often of endpoints.
    fn tell(&self, when: &str, leeway: f64, endpoints: &[Question], report: &mut Report) -> anyhow::Result<()> {
        self.tell_of(&of_a_page(), self.plan.rounds, when, leeway, report)?;
        self.tell_of(endpoints, self.plan.rounds / 5, when, leeway, report)
    }

    /// Asks every question a number of times, taking turns as a page does, and adds a row for each. The limits may be missed by
    /// the factor `leeway`.
    fn tell_of(&self, questions: &[Question], rounds: u64, when: &str, leeway: f64, report: &mut Report) -> anyhow::Result<()> {
        let mut connection = Connection::open(&self.target)?;
        let mut random = Random::part(self.plan.seed, 1 << 40);
        let mut asked: Vec<_> = questions.iter().map(|question| (question, Figures::default())).collect();
        for _ in 0..rounds {
            for (question, times) in &mut asked {
                let begin = Instant::now();
                let answer = question.ask(&self.known, &mut connection, &mut random)?;
                let took = begin.elapsed();
                if let Some(answer) = answer {
                    question.check(&answer).with_context(|| question.name.clone())?;
                    times.add(took);
                }
            }
        }
        for (question, times) in asked {
            let [half, most] = question.limits.map(|milliseconds| milliseconds * leeway);
            let what = format!("{}, {when}", question.name);
            let goal = format!("p50 <= {half}, p99 <= {most} ms");
            if times.len() == 0 {
                report.add(Row::new(what, goal, "too few spans"));
                continue;
            }
            let [p50, p99, max] = times.percentiles([0.5, 0.99, 1.0]);
            let row = Row::new(what, goal, format!("p50 {p50:.1}, p99 {p99:.1}, max {max:.1} ms"));
            report.add(row.met(p50 <= half && p99 <= most).value("p50_ms", p50).value("p99_ms", p99).value("max_ms", max));
        }
        Ok(())
    }
}
