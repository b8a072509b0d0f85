//! Delivery: batches, retries, refusals, dead servers, full queues; and that every span is accounted for.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use neuraltrust::testing::Recorder;
use neuraltrust::{Client, Compression, Error, NoticeKind, Options, Stats, TraceOptions};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;

use crate::server::{Server, nowhere, options};

/// Far longer than anything here takes, so that only a defect reaches it.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// All that was made is somewhere.
#[track_caller]
pub(crate) fn account(stats: &Stats) {
    let known = stats.merged + stats.sent + stats.rejected + stats.dropped.total() + stats.pending + stats.spooled;
    assert_eq!(stats.recorded + stats.adopted, known, "{stats:?}");
}

/// Flushes, and checks that nothing was lost without being counted.
#[track_caller]
pub(crate) fn settled(client: &Client) -> Stats {
    assert!(client.flush(LONG), "{:?}", client.stats());
    let stats = client.stats();
    assert_eq!(stats.pending, 0);
    account(&stats);
    stats
}

pub(crate) fn one_step(client: &Client) {
    client.trace(TraceOptions::default()).message("Hello").end("Hi!");
}

/// Options that keep the kinds of notices, in order.
pub(crate) fn listening(options: Options) -> (Options, Arc<Mutex<Vec<NoticeKind>>>) {
    let kinds: Arc<Mutex<Vec<NoticeKind>>> = Arc::default();
    let kept = Arc::clone(&kinds);
    let on_notice: Arc<dyn Fn(&neuraltrust::Notice) + Send + Sync> =
        Arc::new(move |notice| kept.lock().unwrap().push(notice.kind));
    (Options { on_notice: Some(on_notice), ..options }, kinds)
}

#[test]
fn a_short_step_is_one_span_in_one_request() {
    let server = Server::answering(vec![]);
    let client = server.client();
    one_step(&client);
    let stats = settled(&client);
    assert_eq!((stats.recorded, stats.merged, stats.sent, stats.retries), (2, 1, 1, 0));
    let head = &server.requests()[0].head;
    for line in [
        "post /v1/traces http/1.1",
        "authorization: bearer test-key",
        "content-type: application/x-protobuf",
        "content-encoding: zstd",
    ] {
        assert!(head.contains(line), "{head}");
    }
    assert_eq!(server.spans(0).len(), 1);
}

#[test]
fn a_long_step_is_sent_open_and_then_ended_without_saying_all_again() {
    let server = Server::answering(vec![]);
    let client = server.client();
    let trace = client.trace(TraceOptions {
        custom: Some("mine".into()),
        conversation_id: Some("c".to_owned()),
        ..TraceOptions::default()
    });
    let message = trace.message("Hello");
    settled(&client);
    assert_eq!(server.spans(0)[0].end_time_unix_nano, 0);
    message.end("Hi!");
    settled(&client);
    let (open, ended) = (server.spans(0).remove(0), server.spans(1).remove(0));
    assert_eq!((&open.span_id, open.start_time_unix_nano), (&ended.span_id, ended.start_time_unix_nano));
    assert!(ended.end_time_unix_nano >= ended.start_time_unix_nano);
    let said =
        |span: &opentelemetry_proto::tonic::trace::v1::Span, name: &str| span.attributes.iter().any(|pair| pair.key == name);
    for (name, first, then) in [
        ("neuraltrust.kind", true, true),
        ("gen_ai.conversation.id", true, true),
        ("neuraltrust.input", true, false),
        ("neuraltrust.custom", true, false),
        ("neuraltrust.output", false, true),
    ] {
        assert_eq!((said(&open, name), said(&ended, name)), (first, then), "{name}");
    }
}

#[test]
fn it_is_said_again_that_a_step_runs_until_it_ends_or_is_forgotten() {
    let recorder = Recorder::default();
    let options = Options { snapshot_every: Duration::from_millis(20), ..recorder.options() };
    let client = Client::new(Options { batch_delay: Duration::from_millis(1), ..options }).unwrap();
    let trace = client.trace(TraceOptions::default());
    let (message, forgotten) = (trace.message("Hello"), trace.tool("forgotten"));
    settled(&client);
    drop(forgotten);
    let running = |spans: &[neuraltrust::testing::RecordedSpan], name: &str| {
        spans.iter().filter(|span| span.otlp.name == name && span.attribute("neuraltrust.running_ms").is_some()).count()
    };
    let began = Instant::now();
    while running(&recorder.spans(&client), "message") < 3 {
        assert!(began.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(5));
    }
    let spans = recorder.spans(&client);
    assert!(spans.iter().all(neuraltrust::testing::RecordedSpan::is_open));
    let said: Vec<u64> = spans.iter().filter_map(|span| span.attribute("neuraltrust.running_ms")?.as_u64()).collect();
    assert!(said.is_sorted() && spans.iter().filter(|span| span.attribute("neuraltrust.input").is_some()).count() == 2);
    message.end("Hi!");
    settled(&client);
    let ended = recorder.spans(&client).len();
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(recorder.spans(&client).len(), ended, "nothing more is said of what has ended");
    assert!(running(&spans, "tool") <= 1);
    settled(&client);
}

#[test]
fn steps_after_a_rest_are_delivered_without_being_asked_for() {
    // With the longer delay the thread looks by itself after the first step, with the shorter one it is woken for each.
    for delay in [Duration::from_millis(30), Duration::from_millis(1)] {
        let server = Server::answering(vec![]);
        let client = Client::new(Options { batch_delay: delay, ..server.options() }).unwrap();
        let trace = client.trace(TraceOptions::default());
        for made in 1..=4 {
            drop(trace.event(made));
            let began = Instant::now();
            while server.all_spans().len() < made {
                assert!(began.elapsed() < LONG);
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(2 * delay);
        }
        assert_eq!(settled(&client).sent, 4);
    }
}

#[test]
fn what_is_sent_is_as_small_as_was_asked() {
    for (compression, name) in [(Compression::Zstd, "zstd"), (Compression::Gzip, "gzip")] {
        assert_eq!(name.parse::<Compression>().unwrap(), compression);
        let server = Server::answering(vec![]);
        let client = Client::new(Options { compression, ..server.options() }).unwrap();
        one_step(&client);
        settled(&client);
        // The server of the tests takes a request only if it can decode it.
        assert!(server.requests()[0].head.contains(&format!("content-encoding: {name}\r\n")));
        assert_eq!(server.all_spans().len(), 1);
    }
    assert!(matches!("lzma".parse::<Compression>(), Err(Error::Compression(name)) if name == "lzma"));
}

#[test]
fn busy_servers_are_asked_again_when_they_say() {
    let busy = || (503, "retry-after: 1\r\n", Vec::new());
    let server = Server::answering(vec![busy(), (429, "", Vec::new()), (500, "", Vec::new()), (408, "", Vec::new())]);
    let client = server.client();
    let began = Instant::now();
    one_step(&client);
    let stats = settled(&client);
    assert_eq!((stats.sent, stats.retries), (1, 4));
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn refusals_are_not_repeated() {
    for status in [400, 401, 403, 413, 301] {
        let server = Server::answering(vec![(status, "", b"bad batch".to_vec())]);
        let (options, notices) = listening(server.options());
        let client = Client::new(options).unwrap();
        one_step(&client);
        let stats = settled(&client);
        assert_eq!((stats.dropped.refused, stats.sent, stats.retries), (1, 0, 0), "{status}");
        assert_eq!(*notices.lock().unwrap(), [NoticeKind::Refused]);
        one_step(&client);
        assert_eq!(settled(&client).sent, 1);
    }
}

#[test]
fn what_a_refusal_left_unsaid_is_said_at_the_end() {
    let server = Server::answering(vec![(400, "", Vec::new())]);
    let client = server.client();
    let message = client.trace(TraceOptions::default()).message("Hello");
    settled(&client);
    message.end("Hi!");
    settled(&client);
    assert!(server.spans(1)[0].attributes.iter().any(|pair| pair.key == "neuraltrust.input"));
}

#[test]
fn rejected_spans_are_counted() {
    let answer = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess { rejected_spans: 2, error_message: "spans[1]: too deep".to_owned() }),
    };
    let server = Server::answering(vec![(200, "content-type: application/x-protobuf\r\n", answer.encode_to_vec())]);
    let (options, notices) = listening(server.options());
    let client = Client::new(options).unwrap();
    for _ in 0..3 {
        client.trace(TraceOptions::default()).event("e");
    }
    let stats = settled(&client);
    assert_eq!((stats.sent, stats.rejected), (1, 2));
    assert_eq!(*notices.lock().unwrap(), [NoticeKind::Rejected]);
}

#[test]
fn a_dead_server_never_blocks() {
    let (options, notices) = listening(options(&nowhere()));
    let client = Client::new(options).unwrap();
    let began = Instant::now();
    for _ in 0..1_000 {
        one_step(&client);
    }
    assert!(!client.flush(Duration::from_millis(50)));
    assert!(client.stats().pending > 0);
    assert!(client.close(LONG), "closing gives a dead server up");
    assert!(began.elapsed() < LONG);
    let stats = client.stats();
    assert_eq!((stats.sent, stats.pending), (0, 0));
    assert_eq!(stats.recorded, stats.merged + stats.dropped.undelivered);
    assert_eq!(*notices.lock().unwrap(), [NoticeKind::Retrying, NoticeKind::Undelivered]);
    one_step(&client);
    assert_eq!(client.stats().dropped.closed, 2);
}

#[test]
fn retries_end() {
    let client = Client::new(Options { retry_for: Duration::from_millis(60), ..options(&nowhere()) }).unwrap();
    one_step(&client);
    let stats = settled(&client);
    assert_eq!(stats.dropped.undelivered, 1);
    assert!(stats.retries > 0);
}

#[test]
fn a_full_queue_drops_the_newest_and_counts_it() {
    for small in [Options { queue_spans: 10, ..options(&nowhere()) }, Options { queue_bytes: 4_000, ..options(&nowhere()) }] {
        let (options, notices) = listening(small);
        let client = Client::new(options).unwrap();
        for _ in 0..2_000 {
            one_step(&client);
        }
        assert!(client.stats().dropped.queue_full > 0);
        assert_eq!(notices.lock().unwrap().iter().filter(|kind| **kind == NoticeKind::QueueFull).count(), 1);
        assert!(client.close(LONG));
        let stats = client.stats();
        assert_eq!(stats.recorded, stats.merged + stats.dropped.total(), "{stats:?}");
    }
}

#[test]
fn many_threads_many_batches_nothing_lost() {
    let server = Server::answering(vec![]);
    let client = server.client();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| one_step(&client)));
        }
    });
    let stats = settled(&client);
    assert_eq!((stats.recorded, stats.dropped.total()), (4_000, 0));
    let sent: usize = (0..server.requests().len()).map(|n| server.spans(n).len()).sum();
    assert_eq!(sent as u64, stats.sent);
    assert!((0..server.requests().len()).all(|n| server.spans(n).len() <= 512));
}

#[test]
fn large_batches_are_cut_by_their_bytes() {
    let server = Server::answering(vec![]);
    let client = server.client();
    for _ in 0..10 {
        client.trace(TraceOptions::default()).event("x".repeat(1 << 20));
    }
    let stats = settled(&client);
    assert_eq!((stats.sent, stats.dropped.too_large), (10, 0));
    assert!(server.requests().len() >= 3);
}

#[test]
fn what_is_too_large_is_cut_and_says_so_and_a_step_of_many_such_is_dropped() {
    let recorder = Recorder::default();
    let client = Client::new(recorder.options()).unwrap();
    let large = || "x".repeat(40 << 20);
    client.trace(TraceOptions::default()).message(large()).end(large());
    let attributes = (0..5).map(|n| (format!("a{n}"), large().into())).collect();
    let step = neuraltrust::StepOptions { attributes, ..Default::default() };
    client.trace(TraceOptions::default()).send(neuraltrust::Kind::Event, neuraltrust::Sent { step, ..Default::default() });
    let spans = recorder.spans(&client);
    let stats = settled(&client);
    assert_eq!((stats.dropped.total(), stats.dropped.too_large), (1, 1));
    for name in ["neuraltrust.input", "neuraltrust.output"] {
        let text = spans.iter().find_map(|span| span.attribute(name)).unwrap();
        let text = text.as_str().unwrap();
        assert!(text.ends_with(" of 41943040 bytes]") && text.len() < 9 << 20);
    }
}

#[test]
fn without_a_key_nothing_is_recorded() {
    let (options, notices) = listening(Options { api_key: None, ..options(&nowhere()) });
    let client = Client::new(options).unwrap();
    one_step(&client);
    assert_eq!(settled(&client).dropped.disabled, 2);
    assert_eq!(*notices.lock().unwrap(), [NoticeKind::NoKey]);
}

#[test]
fn a_share_of_the_traces_is_recorded_whole() {
    let server = Server::answering(vec![]);
    let client = Client::new(Options { sample_rate: 0.5, ..server.options() }).unwrap();
    for n in 0..200 {
        let trace = client.trace(TraceOptions { trace_id: Some(format!("trace {n}")), ..TraceOptions::default() });
        let message = trace.message("Hello");
        message.event("e");
        message.end("Hi!");
    }
    let stats = settled(&client);
    assert_eq!(stats.recorded, 600);
    assert!((50..150).contains(&(stats.dropped.unsampled / 3)), "{stats:?}");
    assert_eq!(stats.dropped.unsampled % 3, 0, "no trace is recorded in part");
    assert_eq!(stats.dropped.total(), stats.dropped.unsampled);
    let wrong = Client::new(Options { sample_rate: 2.0, ..server.options() });
    assert!(matches!(wrong, Err(neuraltrust::Error::SampleRate(_))));
}

#[test]
fn dropping_the_client_delivers() {
    let server = Server::answering(vec![]);
    let client = Client::new(Options { batch_delay: LONG, ..server.options() }).unwrap();
    one_step(&client);
    drop(client);
    assert_eq!(server.spans(0).len(), 1);
}

#[test]
fn a_panicking_hook_does_not_reach_the_application() {
    let on_notice: Arc<dyn Fn(&neuraltrust::Notice) + Send + Sync> = Arc::new(|_| panic!("the application's own defect"));
    let recorder = Recorder::default();
    let client = Client::new(Options { on_notice: Some(on_notice), queue_spans: 0, ..recorder.options() }).unwrap();
    one_step(&client);
    assert_eq!(settled(&client).dropped.queue_full, 2);
}
