//! What cannot be delivered waits on disk: in order, bounded, for this process or the next.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use neuraltrust::{Client, NoticeKind, Options, Spool, Stats, TraceOptions};
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::deliver::{LONG, account, listening, one_step, settled};
use crate::server::{Server, nowhere, options};

pub(crate) fn spooling(base_url: &str, folder: &Path) -> Options {
    Options { spool: Some(Spool::new(folder)), ..options(base_url) }
}

/// Waits until nothing is left on disk or in memory.
#[track_caller]
pub(crate) fn drained(client: &Client) -> Stats {
    let began = Instant::now();
    loop {
        let stats = client.stats();
        account(&stats);
        if stats.pending + stats.spooled == 0 {
            return stats;
        }
        assert!(began.elapsed() < LONG, "{stats:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Records steps with these names, each in a batch of its own.
fn events(client: &Client, names: std::ops::Range<usize>) {
    for n in names {
        client.trace(TraceOptions::default()).event(n.to_string());
        settled(client);
    }
}

/// The numbers that are the inputs of these spans.
pub(crate) fn inputs(spans: Vec<Span>) -> Vec<usize> {
    let input = |span: Span| {
        let pair = span.attributes.into_iter().find(|pair| pair.key == "neuraltrust.input")?;
        let Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text)) = pair.value?.value else {
            return None;
        };
        text.parse().ok()
    };
    spans.into_iter().filter_map(input).collect()
}

/// The files below a folder, its folders aside.
fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

/// The numbers that the requests gave: source, first, spans.
pub(crate) fn numbers(server: &Server) -> Vec<(String, u64, u64)> {
    let number = |request: &crate::server::Request| {
        let line = request.head.lines().find_map(|line| line.strip_prefix("neuraltrust-sequence: "))?;
        let field = |name: &str| {
            line.split(", ").find_map(|field| field.strip_prefix(name)).map(|text| text.trim_matches('"').to_owned())
        };
        Some((field("source=")?, field("first=")?.parse().ok()?, field("spans=")?.parse().ok()?))
    };
    server.requests().iter().filter_map(number).collect()
}

#[test]
fn when_the_server_is_back_all_of_it_comes_in_order_and_once() {
    let (folder, address) = (tempfile::tempdir().unwrap(), nowhere());
    let client = Client::new(spooling(&address, folder.path())).unwrap();
    events(&client, 0..30);
    let away = client.stats();
    assert_eq!((away.spooled, away.sent, away.dropped.total()), (30, 0, 0));
    let server = Server::at(&address, vec![(503, "", Vec::new())]);
    events(&client, 30..40);
    let stats = drained(&client);
    assert_eq!((stats.sent, stats.adopted), (40, 0));
    // The first answer was 503: that request came again.
    let came = inputs(server.all_spans());
    assert_eq!(came[0], came[1]);
    assert_eq!(came[1..], (0..40).collect::<Vec<_>>());
    drop(client);
    assert_eq!(files(folder.path()), 0, "nothing is left");
}

#[test]
fn the_numbers_have_no_gap() {
    let (folder, address) = (tempfile::tempdir().unwrap(), nowhere());
    let client = Client::new(spooling(&address, folder.path())).unwrap();
    events(&client, 0..5);
    let server = Server::at(&address, vec![]);
    drained(&client);
    (0..10).for_each(|_| one_step(&client));
    events(&client, 5..7);
    let numbers = numbers(&server);
    assert_eq!(numbers.len(), server.requests().len());
    let mut next = 1;
    for (source, first, spans) in &numbers {
        assert_eq!((source, *first), (&numbers[0].0, next));
        next += spans;
    }
    assert_eq!(next - 1, client.stats().sent);
}

#[test]
fn what_a_process_leaves_is_delivered_by_the_next_under_its_own_numbers() {
    let (folder, address) = (tempfile::tempdir().unwrap(), nowhere());
    let first = Client::new(spooling(&address, folder.path())).unwrap();
    (0..100).for_each(|_| one_step(&first));
    assert!(first.close(LONG));
    let left = first.stats();
    account(&left);
    assert_eq!((left.spooled, left.pending, left.dropped.total()), (100, 0, 0));
    released(folder.path());
    let server = Server::at(&address, vec![]);
    // It records nothing of its own: what waits is reason enough.
    let second = Client::new(spooling(&address, folder.path())).unwrap();
    let began = Instant::now();
    while second.stats().sent < 100 {
        assert!(began.elapsed() < LONG, "{:?}", second.stats());
        std::thread::sleep(Duration::from_millis(10));
    }
    let stats = drained(&second);
    assert_eq!((stats.adopted, stats.recorded, stats.sent), (100, 0, 100));
    one_step(&second);
    settled(&second);
    let ids: HashSet<Vec<u8>> = server.all_spans().into_iter().map(|span| span.span_id).collect();
    assert_eq!((ids.len(), server.all_spans().len()), (101, 101));
    let sources: HashSet<String> = numbers(&server).into_iter().map(|(source, ..)| source).collect();
    assert_eq!(sources.len(), 2);
    second.close(LONG);
    assert_eq!(files(folder.path()), 0);
}

/// Waits until the threads that wrote to the spool are gone: a client that closes does not wait for its own where the server is
/// away, and that one would deliver what is left when the server is there.
#[track_caller]
fn released(spool: &Path) {
    fn is_free(path: &Path) -> bool {
        if path.is_dir() {
            return std::fs::read_dir(path).unwrap().flatten().all(|entry| is_free(&entry.path()));
        }
        !path.ends_with("lock") || std::fs::File::open(path).is_ok_and(|lock| lock.try_lock().is_ok())
    }
    let began = Instant::now();
    while !is_free(spool) {
        assert!(began.elapsed() < LONG, "a folder of the spool stays locked");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn closing_delivers_what_is_on_disk_while_the_server_takes_it() {
    let (folder, address) = (tempfile::tempdir().unwrap(), nowhere());
    let left = Client::new(spooling(&address, folder.path())).unwrap();
    events(&left, 0..20);
    assert!(left.close(LONG));
    released(folder.path());
    let server = Server::at(&address, vec![]);
    let short = Client::new(spooling(&address, folder.path())).unwrap();
    one_step(&short);
    assert!(short.close(LONG));
    assert_eq!(server.all_spans().len(), 21);
    assert_eq!(short.stats().spooled, 0);
}

#[test]
fn a_full_spool_and_then_a_full_queue_are_counted_and_the_rest_comes() {
    let (folder, address) = (tempfile::tempdir().unwrap(), nowhere());
    let spool = Some(Spool { bytes: 4_000, ..Spool::new(folder.path()) });
    let (options, notices) = listening(Options { spool, queue_spans: 50, ..options(&address) });
    let client = Client::new(options).unwrap();
    let began = Instant::now();
    while client.stats().dropped.queue_full == 0 {
        client.trace(TraceOptions::default()).event("x".repeat(100));
        std::thread::sleep(Duration::from_millis(1));
        assert!(began.elapsed() < LONG, "{:?}", client.stats());
    }
    let full = client.stats();
    account(&full);
    assert!(full.spooled > 0 && full.pending > 0, "{full:?}");
    assert!(notices.lock().unwrap().contains(&NoticeKind::Spool));
    let server = Server::at(&address, vec![]);
    let stats = drained(&client);
    assert_eq!(stats.dropped.total(), stats.dropped.queue_full);
    assert_eq!(server.all_spans().len() as u64, stats.sent);
}

#[test]
fn a_batch_that_the_server_fails_at_does_not_hold_up_the_others_for_ever() {
    let (folder, address) = (tempfile::tempdir().unwrap(), nowhere());
    let options = Options { retry_for: Duration::from_millis(30), ..spooling(&address, folder.path()) };
    let client = Client::new(options).unwrap();
    events(&client, 0..3);
    let server = Server::at(&address, std::iter::repeat_n((500, "", Vec::new()), 8).collect());
    let stats = drained(&client);
    assert!(stats.dropped.undelivered >= 1, "{stats:?}");
    assert_eq!(stats.sent + stats.dropped.undelivered, 3);
    assert!(server.requests().len() > 3);
}

#[test]
fn a_folder_that_cannot_be_written_costs_nothing_but_the_disk() {
    let (folder, address) = (tempfile::tempdir().unwrap(), nowhere());
    let file = folder.path().join("a file");
    std::fs::write(&file, "in the way").unwrap();
    let client = Client::new(spooling(&address, &file)).unwrap();
    (0..20).for_each(|_| one_step(&client));
    assert!(!client.flush(Duration::from_millis(50)));
    assert_eq!(client.stats().spooled, 0);
    let server = Server::at(&address, vec![]);
    assert_eq!(settled(&client).sent, 20);
    assert_eq!(server.all_spans().len(), 20);
}

#[test]
fn what_waits_for_one_key_is_not_sent_with_another() {
    let (folder, address) = (tempfile::tempdir().unwrap(), nowhere());
    let left = Client::new(spooling(&address, folder.path())).unwrap();
    one_step(&left);
    left.close(LONG);
    let server = Server::at(&address, vec![]);
    let other = Options { api_key: Some("another".to_owned()), ..spooling(&address, folder.path()) };
    let other = Client::new(other).unwrap();
    one_step(&other);
    assert_eq!(settled(&other).adopted, 0);
    other.close(LONG);
    assert_eq!(server.all_spans().len(), 1);
    assert!(files(folder.path()) > 0);
}

#[test]
fn a_client_that_is_never_away_touches_no_disk() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::answering(vec![]);
    let client = Client::new(Options { spool: Some(Spool::new(folder.path())), ..server.options() }).unwrap();
    (0..100).for_each(|_| one_step(&client));
    settled(&client);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
