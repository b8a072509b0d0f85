//! Sends requests over a number of keep-alive connections, each with a thread of its own, and keeps what it took.
//!
//! `as_answered` is a closed loop: a connection sends its next request when the last is answered, which finds the highest rate.
//! `as_due` is an open loop: requests are due at a fixed rate whatever the server does, and an answer time counts from the
//! moment its request was due, so that a queue in front of a slow server shows.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::connection::{Connection, Target};
use crate::feed::Feed;
use crate::figures::Figures;
use crate::workload::{Id, Request};

/// What was sent, and how it was answered.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) began: Instant,
    pub(crate) took: Duration,
    pub(crate) answers: Figures,
    /// The spans that the server acknowledged.
    pub(crate) acknowledged: Vec<Id>,
    /// Bytes of what they say.
    pub(crate) text_bytes: u64,
    /// Bytes of the requests that carried them.
    pub(crate) body_bytes: u64,
    /// The requests that were not answered as they should be.
    pub(crate) failed: Vec<(Request, anyhow::Error)>,
}

impl Run {
    fn begin() -> Self {
        Self {
            began: Instant::now(),
            took: Duration::ZERO,
            answers: Figures::default(),
            acknowledged: Vec::new(),
            text_bytes: 0,
            body_bytes: 0,
            failed: Vec::new(),
        }
    }

    /// This run, if every request was answered as it should be: figures of others do not count.
    pub(crate) fn whole(self) -> anyhow::Result<Self> {
        match self.failed.into_iter().next() {
            Some((request, error)) => Err(error.context(format!("send a request of {} spans", request.ids.len()))),
            None => Ok(Self { failed: Vec::new(), ..self }),
        }
    }

    /// Spans acknowledged in a second.
    pub(crate) fn spans_per_second(&self) -> f64 {
        self.acknowledged.len() as f64 / self.took.as_secs_f64()
    }

    fn send(&mut self, connection: &mut Connection, request: Request, due: Instant) -> bool {
        match connection.send(&request) {
            Ok(()) => {
                self.answers.add(due.elapsed());
                self.text_bytes += request.text_bytes;
                self.body_bytes += request.body.len() as u64;
                self.acknowledged.extend(request.ids);
                true
            }
            Err(error) => {
                self.failed.push((request, error));
                false
            }
        }
    }

    fn add(&mut self, part: Self) {
        self.answers.extend(part.answers);
        self.acknowledged.extend(part.acknowledged);
        self.text_bytes += part.text_bytes;
        self.body_bytes += part.body_bytes;
        self.failed.extend(part.failed);
    }
}

/// Sends what the feed holds as fast as it is answered, until it is empty or `longest` is over. Ends at the first failure.
pub(crate) fn as_answered(target: &Target, feed: &Feed, connections: usize, longest: Duration) -> anyhow::Result<Run> {
    let failed = AtomicBool::new(false);
    run(target, connections, |part, connection, began| {
        while began.elapsed() < longest && !failed.load(Ordering::Relaxed) {
            let Some(request) = feed.next() else { return };
            if !part.send(connection, request, Instant::now()) {
                failed.store(true, Ordering::Relaxed);
            }
        }
    })
}

/// Sends `per_second` requests a second, until the feed is empty, `longest` is over or `stop` is set. Ends at the first failure.
pub(crate) fn as_due(
    target: &Target,
    feed: &Feed,
    connections: usize,
    per_second: f64,
    longest: Duration,
    stop: &AtomicBool,
) -> anyhow::Result<Run> {
    let sent = AtomicU32::new(0);
    run(target, connections, |part, connection, began| {
        while !stop.load(Ordering::Relaxed) {
            let due = Duration::from_secs_f64(f64::from(sent.fetch_add(1, Ordering::Relaxed)) / per_second);
            if due > longest {
                return;
            }
            let Some(request) = feed.next() else { return };
            std::thread::sleep((began + due).saturating_duration_since(Instant::now()));
            if !part.send(connection, request, began + due) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    })
}

/// Opens the connections before the clock starts, and lets each work in a thread of its own.
fn run(target: &Target, connections: usize, work: impl Fn(&mut Run, &mut Connection, Instant) + Sync) -> anyhow::Result<Run> {
    let opened: Vec<Connection> =
        (0..connections).map(|_| Connection::open(target)).collect::<Result<_, _>>().context("connect to the server")?;
    let mut all = Run::begin();
    let began = all.began;
    let work = &work;
    let parts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = opened
            .into_iter()
            .map(|mut connection| {
                scope.spawn(move || {
                    let mut part = Run::begin();
                    work(&mut part, &mut connection, began);
                    part
                })
            })
            .collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    all.took = began.elapsed();
    for part in parts {
        all.add(part.map_err(|_| anyhow::anyhow!("a sending thread panicked"))?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::discard::Discard;
    use crate::workload::{Chat, Route, exports};

    fn requests() -> Vec<Request> {
        exports(Chat::new(1, 500).take(500), 10).collect()
    }

    #[test]
    fn every_request_is_sent_once_by_either_loop() {
        let server = Discard::start().unwrap();
        let all: Vec<Id> = requests().iter().flat_map(|request| request.ids.clone()).collect();
        let feed = || Feed::new(requests().into_iter());
        let never = AtomicBool::new(false);
        let closed = as_answered(&server.target, &feed(), 3, Duration::MAX).unwrap();
        let open = as_due(&server.target, &feed(), 3, 1_000.0, Duration::MAX, &never).unwrap();
        for run in [closed, open] {
            let mut run = run.whole().unwrap();
            run.acknowledged.sort_unstable();
            let mut all = all.clone();
            all.sort_unstable();
            assert_eq!((run.acknowledged, run.answers.len()), (all, 50));
            assert_eq!(run.text_bytes, requests().iter().map(|request| request.text_bytes).sum::<u64>());
            assert_eq!(run.body_bytes, requests().iter().map(|request| request.body.len() as u64).sum::<u64>());
        }
    }

    #[test]
    fn a_failure_ends_the_run_and_nothing_of_it_is_forgotten() {
        let server = Discard::start().unwrap();
        let mut requests = requests();
        let bad = Request { route: Route::Traces, body: b"no".to_vec(), ids: requests[20].ids.clone(), text_bytes: 1 };
        requests[20] = bad.clone();
        let feed = Feed::new(requests.clone().into_iter());
        let run = as_answered(&server.target, &feed, 1, Duration::MAX).unwrap();
        assert_eq!(run.failed.iter().map(|(request, _)| request).collect::<Vec<_>>(), [&bad]);
        assert_eq!(run.acknowledged.len(), 200);
        assert_eq!(std::iter::from_fn(|| feed.next()).collect::<Vec<_>>(), requests[21..]);
        assert!(format!("{:#}", run.whole().unwrap_err()).contains("status 400"));
    }
}
