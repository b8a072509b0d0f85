//! The server goes away for what is a minute with the settings that applications have, and comes back.
//!
//! A first wait of 250 ms that doubles reaches its bound of 30 s with the seventh attempt, half a minute into an outage, and the last
//! attempts of the minute wait for as long as they ever do. With waits a thousandth as long the same states are passed through in a
//! tenth of a second; so are the bounds of the spool and of the queue, which here hold a few kilobytes.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use neuraltrust::{Client, NoticeKind, Options, Spool, TraceOptions};

use crate::deliver::{LONG, account, listening, settled};
use crate::server::{Server, options};
use crate::spool::{drained, inputs, numbers, spooling};

/// Attempts after which the wait has been at its bound for some.
const BEYOND: u64 = 12;

/// Records events whose inputs are these numbers, with words that do not become small.
fn events(client: &Client, numbers: std::ops::Range<usize>) {
    for n in numbers {
        let mut word = n as u64 + 1;
        let words = std::iter::repeat_with(|| {
            word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            format!("{word:x}")
        });
        let trace = client.trace(TraceOptions { session_id: Some(words.take(7).collect()), ..TraceOptions::default() });
        trace.event(n.to_string());
    }
}

#[track_caller]
fn wait(client: &Client, mut until: impl FnMut() -> bool) {
    let began = Instant::now();
    while !until() {
        assert!(began.elapsed() < LONG, "{:?}", client.stats());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_minute_without_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::answering(vec![]);
    let address = server.options().base_url;
    let (options, notices) = listening(Options {
        spool: Some(Spool { bytes: 20_000, ..Spool::new(folder.path()) }),
        queue_spans: 100,
        backoff: Duration::from_micros(250),
        max_backoff: Duration::from_millis(30),
        ..spooling(&address, folder.path())
    });
    let client = Client::new(options).unwrap();
    events(&client, 0..50);
    assert_eq!(settled(&client).sent, 50);
    let before = server.stop();

    // It is away: first the disk fills, then memory, and then what is new is lost, and said to be.
    let mut made = 50;
    let lost = || client.stats().dropped.queue_full;
    wait(&client, || {
        events(&client, made..made + 1);
        made += 1;
        let stats = client.stats();
        account(&stats);
        lost() >= 20
    });
    let full = client.stats();
    assert!(full.spooled > 0 && full.pending > 0, "{full:?}");
    assert_eq!((full.sent, full.dropped.total()), (50, lost()));
    // The waits have grown to their bound, and it goes on trying.
    wait(&client, || client.stats().retries >= BEYOND);
    for kind in [NoticeKind::Retrying, NoticeKind::Spool, NoticeKind::QueueFull] {
        assert_eq!(notices.lock().unwrap().iter().filter(|told| **told == kind).count(), 1, "{kind:?} is told, and once");
    }

    // It is back: all that was not lost comes, in the order in which it was made, and once.
    let server = Server::at(&address, vec![]);
    let stats = drained(&client);
    assert_eq!((stats.recorded, stats.sent + stats.dropped.queue_full), (made as u64, made as u64));
    assert_eq!(stats.dropped.total(), stats.dropped.queue_full);
    events(&client, made..made + 1);
    let stats = settled(&client);
    let came = [inputs(before), inputs(server.all_spans())].concat();
    assert!(came.is_sorted_by(|one, next| one < next), "{came:?}");
    assert_eq!(came.len() as u64, stats.sent);
    assert_eq!(came[..50], (0..50).collect::<Vec<_>>());
    assert_eq!(came.last(), Some(&made));

    // The server is told how many are missing without a number, and finds no gap in the numbers.
    let last = server.requests().last().unwrap().head.clone();
    assert!(last.contains(&format!("lost={}\r\n", stats.dropped.queue_full)), "{last}");
    let mut next = 51;
    for (_, first, spans) in numbers(&server) {
        assert_eq!(first, next);
        next += spans;
    }
    assert_eq!(next - 1, stats.sent);
}

#[test]
fn a_server_that_answers_slowly_gets_all_of_it_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::slow(listener, vec![], Duration::from_millis(30));
    let client = Client::new(options(&address)).unwrap();
    for n in 0..20 {
        events(&client, n * 50..(n + 1) * 50);
        std::thread::sleep(Duration::from_millis(5));
    }
    let stats = settled(&client);
    assert_eq!((stats.sent, stats.dropped.total(), stats.retries), (1_000, 0, 0));
    assert_eq!(inputs(server.all_spans()), (0..1_000).collect::<Vec<_>>());
}

#[test]
fn what_is_recorded_after_the_end_is_counted_and_told() {
    let server = Server::answering(vec![]);
    let (options, notices) = listening(server.options());
    let client = Client::new(options).unwrap();
    events(&client, 0..1);
    assert!(client.close(LONG));
    events(&client, 1..3);
    let stats = client.stats();
    account(&stats);
    assert_eq!((stats.sent, stats.dropped.closed), (1, 2));
    assert_eq!(*notices.lock().unwrap(), [NoticeKind::Closed]);
}
