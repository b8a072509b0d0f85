//! `crash`: the server is killed under load, again and again; what it acknowledged is there once, and it is back at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use neuraltrust_testing::Server;
use serde_json::Value;

use super::{CONNECTIONS, Plan, UNTIL_DONE};
use crate::connection::Connection;
use crate::drive::as_answered;
use crate::feed::Feed;
use crate::random::Random;
use crate::report::{Report, Row, count};
use crate::server::{catch_up, target};
use crate::workload::{Chat, Id, Request, exports, hex};

/// Spans of a request: small, so that there is always one under way.
const BATCH: usize = 64;
/// When the server is killed, after the first request.
const AFTER_MS: (u64, u64) = (500, 2_500);
/// Spans of a month.
const MONTH_STEPS: u64 = 1_000_000;
/// Longest wait for an answer after a start.
const OPEN_WITHIN: Duration = Duration::from_secs(60);

pub(super) fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let mut server = plan.server();
    let mut random = Random::part(plan.seed, 1 << 41);
    let mut requests: Box<dyn Iterator<Item = Request> + Send> = Box::new(exports(Chat::new(plan.seed, MONTH_STEPS), BATCH));
    let mut acknowledged = BTreeSet::new();
    let mut ready = Vec::new();
    let mut open = Vec::new();
    for _ in 0..plan.kills {
        let after = Duration::from_millis(random.within(AFTER_MS.0, AFTER_MS.1));
        let waiting: Vec<Request> = requests.by_ref().take(40 * after.as_millis() as usize / BATCH).collect();
        let (taken, left) = load_and_kill(&mut server, waiting, after)?;
        acknowledged.extend(taken);
        let begin = Instant::now();
        server.restart();
        ready.push(begin.elapsed().as_secs_f64());
        // Clients send again what was not acknowledged, and the server may have it or not.
        let mut left = left.into_iter();
        if let Some(first) = left.next() {
            send_when_open(&server, &first)?;
            open.push(begin.elapsed().as_secs_f64());
            acknowledged.extend(first.ids);
        }
        requests = Box::new(left.chain(requests));
    }
    // The rest of what was begun.
    let rest: Vec<Request> = requests.take(100).collect();
    let run = as_answered(&target(&server)?, &Feed::new(rest.into_iter()), CONNECTIONS, UNTIL_DONE)?.whole()?;
    acknowledged.extend(run.acknowledged);

    let most = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    let (ready, open) = (most(&ready), most(&open));
    let figure = format!("ready after {:.0} ms at most, first request kept after {:.0} ms", ready * 1_000.0, open * 1_000.0);
    let row = Row::new(format!("start after kill -9 under load, {} times", plan.kills), "<= 5 s, ingest open at once", figure);
    report.add(row.met(ready <= 5.0 && open <= 5.0).value("ready_seconds", ready).value("open_seconds", open));

    catch_up(&server)?;
    let (lost, twice) = account(&server, &acknowledged)?;
    let figure = format!("{lost} lost, {twice} counted twice of {} acknowledged", count(acknowledged.len() as f64));
    let row = Row::new(format!("kill -9 under load, {} times", plan.kills), "0 lost, 0 counted twice", figure);
    report.add(row.met(lost == 0 && twice == 0).value("lost", lost as f64).value("twice", twice as f64));
    Ok(())
}

/// Sends until the server is killed: what it acknowledged, and the requests that are still to be sent.
fn load_and_kill(server: &mut Server, waiting: Vec<Request>, after: Duration) -> anyhow::Result<(Vec<Id>, Vec<Request>)> {
    let target = target(server)?;
    let feed = Feed::new(waiting.into_iter());
    let run = std::thread::scope(|scope| {
        let sending = scope.spawn(|| as_answered(&target, &feed, CONNECTIONS, UNTIL_DONE));
        std::thread::sleep(after);
        server.kill();
        sending.join().map_err(|_| anyhow::anyhow!("the sending thread panicked"))?
    })?;
    let mut left: Vec<Request> = run.failed.into_iter().map(|(request, _)| request).collect();
    anyhow::ensure!(!left.is_empty(), "the server was killed when everything had been sent; it was not under load");
    left.extend(std::iter::from_fn(|| feed.next()));
    Ok((run.acknowledged, left))
}

/// Sends a request as soon as it is taken.
fn send_when_open(server: &Server, request: &Request) -> anyhow::Result<()> {
    let deadline = Instant::now() + OPEN_WITHIN;
    loop {
        match Connection::open(&target(server)?)?.send(request) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// How many of the acknowledged spans are not there by id or in the list, and how many are there more than once.
fn account(server: &Server, acknowledged: &BTreeSet<Id>) -> anyhow::Result<(usize, usize)> {
    let mut connection = Connection::open(&target(server)?)?;
    let mut traces = BTreeMap::<[u8; 16], Vec<[u8; 8]>>::new();
    for (trace, span) in acknowledged {
        traces.entry(*trace).or_default().push(*span);
    }
    let (mut lost, mut twice) = (BTreeSet::new(), BTreeSet::new());
    let mut check = |name: String, times: u64| match times {
        0 => drop(lost.insert(name)),
        1 => {}
        _ => drop(twice.insert(name)),
    };
    for (trace, spans) in traces {
        let answer = connection.get(&format!("/api/v1/traces/{}", hex(&trace)))?;
        let found = if answer.status == 404 { Value::Null } else { answer.json()? };
        let there = counts(&found["spans"])?;
        for span in spans {
            let name = format!("{}/{}", hex(&trace), hex(&span));
            check(name.clone(), there.get(&name).copied().unwrap_or(0));
        }
        // What is counted must be what is shown.
        if found["trace"]["spans"].as_u64().is_some_and(|counted| counted > there.len() as u64) {
            check(hex(&trace), 2);
        }
    }
    let mut listed = BTreeMap::<String, u64>::new();
    let mut cursor = String::new();
    loop {
        let page = connection.get(&format!("/api/v1/spans?limit=1000{cursor}"))?.json()?;
        for (name, times) in counts(&page["items"])? {
            *listed.entry(name).or_default() += times;
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    for (trace, span) in acknowledged {
        let name = format!("{}/{}", hex(trace), hex(span));
        check(name.clone(), listed.get(&name).copied().unwrap_or(0));
    }
    Ok((lost.len(), twice.len()))
}

/// How often each span is in an array of rows.
fn counts(rows: &Value) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for row in rows.as_array().into_iter().flatten() {
        let (Some(trace), Some(span)) = (row["trace_id"].as_str(), row["span_id"].as_str()) else {
            anyhow::bail!("a row without its ids: {row}");
        };
        *counts.entry(format!("{trace}/{span}")).or_default() += 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_there_twice_is_seen() {
        let row = |span: &str| json!({"trace_id": "a", "span_id": span});
        let found = counts(&json!([row("1"), row("2"), row("1")])).unwrap();
        assert_eq!(found, BTreeMap::from([("a/1".to_owned(), 2), ("a/2".to_owned(), 1)]));
        assert!(counts(&json!([{"trace_id": "a"}])).is_err());
        assert!(counts(&Value::Null).unwrap().is_empty());
    }
}
