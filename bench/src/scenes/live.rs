//! `live`: what a thousand listeners cost an ingest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use neuraltrust_testing::Server;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{CONNECTIONS, Plan, UNTIL_DONE};
use crate::connection::Target;
use crate::drive::as_answered;
use crate::feed::Feed;
use crate::report::{Report, Row, count};
use crate::server::{catch_up, target};
use crate::workload::{BATCH, Chat, exports};

/// Those who listen.
const LISTENERS: u64 = 1_000;
/// What they follow, in turn: the names of all that changes, and rows that pass a query.
const FOLLOWED: [&str; 2] = ["", "?of=spans&q=kind:generation+status:error"];
/// Longest wait for the first word of a stream.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let alone = ingest(plan, &plan.server())?;
    let server = plan.server();
    let listeners = Listeners::join(target(&server)?)?;
    let beside = ingest(plan, &server)?;
    let bytes = listeners.bytes.load(Ordering::Relaxed);
    let figure = format!("{} spans/s beside {} without; {:.1} MB were told", count(beside), count(alone), bytes as f64 / 1e6);
    let what = format!("ingest until the lists show it, {} listeners at `/live`", count(LISTENERS as f64));
    let row = Row::new(what, ">= 0.8 of that without", figure).ratio(beside / alone).met(beside >= 0.8 * alone);
    report.add(row.value("per_second", beside).value("alone_per_second", alone).value("told_bytes", bytes as f64));
    Ok(())
}

/// Spans that are acknowledged and in the lists, in a second.
fn ingest(plan: &Plan, server: &Server) -> anyhow::Result<f64> {
    let feed = Feed::new(exports(Chat::new(plan.seed, plan.chat_spans as u64).take(plan.chat_spans), BATCH));
    let run = as_answered(&target(server)?, &feed, CONNECTIONS, UNTIL_DONE)?.whole()?;
    catch_up(server)?;
    Ok(run.acknowledged.len() as f64 / run.began.elapsed().as_secs_f64())
}

/// Connections that read what changes, on one thread. They end with this.
struct Listeners {
    bytes: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Listeners {
    /// Connects all of them, and waits until each has been told something.
    fn join(target: Target) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let bytes = Arc::new(AtomicU64::new(0));
        runtime.block_on(async {
            for n in 0..LISTENERS {
                let followed = FOLLOWED[(n % FOLLOWED.len() as u64) as usize];
                let stream = TcpStream::connect(target.address).await.context("connect a listener")?;
                let head =
                    format!("GET /api/v1/live{followed} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\n\r\n", target.key);
                stream.writable().await?;
                anyhow::ensure!(stream.try_write(head.as_bytes())? == head.len(), "the request of a listener does not fit");
                let first = timeout(PATIENCE, read(&stream)).await.context("a listener is told nothing")??;
                anyhow::ensure!(first > 0, "the server hung up on a listener");
                let bytes = Arc::clone(&bytes);
                tokio::spawn(async move {
                    while let Ok(read) = read(&stream).await
                        && read > 0
                    {
                        bytes.fetch_add(read as u64, Ordering::Relaxed);
                    }
                });
            }
            anyhow::Ok(())
        })?;
        Ok(Self { bytes, _runtime: runtime })
    }
}

/// Reads some; 0 where the stream has ended.
async fn read(stream: &TcpStream) -> std::io::Result<usize> {
    let mut some = [0; 16 << 10];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut some) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}
