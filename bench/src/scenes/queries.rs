//! `queries` and `mixed`: what a busy page asks, of many spans; idle, and again while `chat` comes in at half speed. On the
//! way: how the rate of ingest holds, and how the server starts and rests with that many spans.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use neuraltrust_testing::Server;
use serde_json::json;

use super::{CONNECTIONS, OPEN_CONNECTIONS, Plan, UNTIL_DONE};
use crate::connection::{Answer, Connection, Target};
use crate::drive::{Run, as_answered, as_due};
use crate::feed::Feed;
use crate::figures::Figures;
use crate::random::Random;
use crate::report::{Report, Row, count};
use crate::server::{catch_up, memory, restart, target};
use crate::words::Words;
use crate::workload::{BATCH, Chat, LONG_TURNS, PHRASES, exports, hex, long_conversation, phrase, user};

/// Spans over which the rate of ingest is taken, at the beginning and at the end.
const STRETCH: usize = 100_000;
/// So many spans may take twice the time of a million.
const VERY_MANY: usize = 10_000_000;
/// Users that are asked for: the more talkative ones.
const USERS: u64 = 200;
/// Turns of the first page of a conversation: about as many as a screen shows.
const PAGE_TURNS: u64 = 20;
/// How long the server rests before its idle memory is read.
const REST: Duration = Duration::from_secs(5);

/// What a page asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query {
    Trace,
    Newest,
    Phrase,
    Percentiles,
    Conversation,
    Beginning,
}

impl Query {
    const ALL: [Self; 6] = [Self::Trace, Self::Newest, Self::Phrase, Self::Percentiles, Self::Conversation, Self::Beginning];

    fn name(self) -> String {
        match self {
            Self::Trace => "trace by id".to_owned(),
            Self::Newest => "newest 50 spans by two filters".to_owned(),
            Self::Phrase => "rare phrase".to_owned(),
            Self::Percentiles => "minute x model p50/95/99 over all".to_owned(),
            Self::Conversation => format!("conversation of {LONG_TURNS} turns"),
            Self::Beginning => format!("... its first {PAGE_TURNS} turns"),
        }
    }

    /// Milliseconds that half, and 99 of 100, of the answers may take of a million spans.
    fn target(self) -> [f64; 2] {
        match self {
            Self::Trace => [5.0, 20.0],
            Self::Newest | Self::Phrase => [10.0, 40.0],
            Self::Percentiles => [100.0, 200.0],
            Self::Conversation | Self::Beginning => [20.0, 60.0],
        }
    }
}

pub(super) fn run(plan: &Plan, idle: bool, mixed: bool, report: &mut Report) -> anyhow::Result<()> {
    let mut server = plan.server();
    let filled = fill(plan, &server, report)?;
    server.stop();
    let ready = restart(&mut server).as_secs_f64();
    let spans = count(plan.spans as f64);
    let at = format!("start until ready with {spans} spans");
    report.add(Row::new(at, "<= 1 s at 1 M", format!("{:.0} ms", ready * 1_000.0)).met(ready <= 1.0).value("seconds", ready));
    std::thread::sleep(REST);
    let resident = memory(&server)?;
    let row = Row::new(format!("memory, idle with {spans} spans"), "<= 80 MB at 1 M", format!("{resident:.0} MB"));
    report.add(row.met(resident <= 80.0).value("mb", resident));

    let asker = Asker::new(plan, target(&server)?, &filled)?;
    let leeway = if plan.spans >= VERY_MANY { 2.0 } else { 1.0 };
    if idle {
        asker.tell(plan, &format!("{spans} spans"), leeway, report)?;
    }
    if mixed {
        let per_second = filled.per_second / 2.0 / BATCH as f64;
        let feed = Feed::endless(exports(Chat::new(plan.seed + 1, STRETCH as u64), BATCH));
        let done = AtomicBool::new(false);
        let target = target(&server)?;
        let ingest = std::thread::scope(|scope| {
            let sending = scope.spawn(|| as_due(&target, &feed, OPEN_CONNECTIONS, per_second, UNTIL_DONE, &done));
            let told = asker.tell(plan, &format!("{spans} spans, ingest at half speed"), 2.0 * leeway, report);
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

/// Asks, and knows what there is to ask for.
struct Asker<'a> {
    target: Target,
    words: Words,
    traces: &'a [[u8; 16]],
    /// The long conversations that have all their turns.
    conversations: Vec<String>,
}

impl<'a> Asker<'a> {
    fn new(plan: &Plan, target: Target, filled: &'a Filled) -> anyhow::Result<Self> {
        let mut connection = Connection::open(&target)?;
        let mut conversations = Vec::new();
        for n in 0.. {
            let id = long_conversation(plan.seed, n);
            let answer = connection.get(&format!("/api/v1/conversations/{id}"))?;
            let turns = answer.json().ok().and_then(|found| Some(found["turns"].as_array()?.len()));
            if turns.is_none_or(|turns| (turns as u64) < LONG_TURNS) {
                break;
            }
            conversations.push(id);
        }
        Ok(Self { target, words: Words::new(), traces: &filled.traces, conversations })
    }

    /// Asks every query a number of times, taking turns as a page does, and adds a row for each. The targets may be missed by
    /// the factor `leeway`.
    fn tell(&self, plan: &Plan, when: &str, leeway: f64, report: &mut Report) -> anyhow::Result<()> {
        let mut connection = Connection::open(&self.target)?;
        let mut random = Random::part(plan.seed, 1 << 40);
        let mut asked = Query::ALL.map(|query| (query, Figures::default(), 0));
        for _ in 0..plan.rounds {
            for (query, times, found) in &mut asked {
                let begin = Instant::now();
                let answer = self.ask(*query, &mut connection, &mut random)?;
                times.add(begin.elapsed());
                *found += self.found(*query, &answer).with_context(|| query.name())?;
            }
        }
        for (query, times, found) in asked {
            let [half, most] = query.target().map(|milliseconds| milliseconds * leeway);
            let what = format!("{}, {when}", query.name());
            let goal = format!("p50 <= {half}, p99 <= {most} ms");
            if found == 0 {
                report.add(Row::new(what, goal, "not there yet, or too few spans"));
                continue;
            }
            let [p50, p99, max] = times.percentiles([0.5, 0.99, 1.0]);
            let row = Row::new(what, goal, format!("p50 {p50:.1}, p99 {p99:.1}, max {max:.1} ms"));
            report.add(row.met(p50 <= half && p99 <= most).value("p50_ms", p50).value("p99_ms", p99).value("max_ms", max));
        }
        Ok(())
    }

    fn ask(&self, query: Query, connection: &mut Connection, random: &mut Random) -> anyhow::Result<Answer> {
        let answer = match query {
            Query::Trace => {
                let trace: &[u8; 16] = random.one(self.traces);
                connection.get(&format!("/api/v1/traces/{}", hex(trace)))?
            }
            Query::Newest => {
                let user = user(random.rank(USERS));
                connection.get(&format!("/api/v1/spans?user_id={user}&kind=generation"))?
            }
            Query::Phrase => {
                let phrase = phrase(&self.words, random.below(PHRASES)).replace(' ', "%20");
                connection.get(&format!("/api/v1/spans?q=%22{phrase}%22"))?
            }
            Query::Percentiles => {
                let body = json!({
                    "of": "spans", "group_by": [{"time": "minute"}, {"field": "model"}],
                    "metrics": [{"percentiles": {"field": "duration_ms", "of": [50, 95, 99]}}],
                });
                connection.post("/api/v1/aggregate", "application/json", body.to_string().as_bytes())?
            }
            Query::Conversation | Query::Beginning => {
                // Among few spans there is no long conversation; then there is nothing to find.
                let id = self.conversations.get(random.below(self.conversations.len().max(1) as u64) as usize);
                let page = if query == Query::Beginning { format!("?limit={PAGE_TURNS}") } else { String::new() };
                connection.get(&format!("/api/v1/conversations/{}{page}", id.map_or("none", String::as_str)))?
            }
        };
        Ok(answer)
    }

    /// How much was found; nothing where the server, or the data, does not know the question.
    fn found(&self, query: Query, answer: &Answer) -> anyhow::Result<usize> {
        let unknown = match query {
            Query::Percentiles => [404, 405].contains(&answer.status),
            Query::Conversation | Query::Beginning => self.conversations.is_empty(),
            Query::Trace | Query::Newest | Query::Phrase => false,
        };
        if unknown {
            return Ok(0);
        }
        let found = answer.json()?;
        let list = match query {
            Query::Trace => &found["spans"],
            Query::Newest | Query::Phrase => &found["items"],
            Query::Conversation | Query::Beginning => &found["turns"],
            Query::Percentiles => return Ok(answer.body.len()),
        };
        let rows = list.as_array().map_or(0, Vec::len);
        // A rare phrase or a silent user may not occur among few spans.
        anyhow::ensure!(rows > 0 || matches!(query, Query::Newest | Query::Phrase), "found nothing");
        Ok(rows)
    }
}
