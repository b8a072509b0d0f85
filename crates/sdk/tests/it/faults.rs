//! Servers and networks that fail in every way: whatever was made is delivered in the end, or counted.

use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;

use neuraltrust::{Client, Error, Options, TraceOptions};

use crate::deliver::{LONG, account, one_step, settled};
use crate::server::{Answer, Server, options};

/// Sends one step to a server that first answers so, and checks that it came in the end.
#[track_caller]
fn check(answers: Vec<Answer>) {
    let failures = answers.len() as u64;
    let server = Server::answering(answers);
    let client = server.client();
    one_step(&client);
    let stats = settled(&client);
    assert_eq!((stats.sent, stats.dropped.total(), stats.retries), (1, 0, failures));
}

#[test]
fn answers_of_every_failure() {
    check([500, 501, 502, 503, 504, 599, 429, 408].map(|status| (status, "", b"no".to_vec())).to_vec());
}

#[test]
fn answers_that_are_none() {
    check(vec![
        (0, "", b"\x00\x01garbage\r\n\r\n".to_vec()),
        (0, "", Vec::new()),
        (0, "", b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        (0, "", b"HTTP/1.1 503 X\r\ncontent-length: 1000\r\n\r\nonly a beginning".to_vec()),
        (200, "content-type: text/html\r\n", b"<html>sign in to this network</html>".to_vec()),
    ]);
}

#[test]
fn a_connection_that_is_cut_in_the_middle_of_a_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::new(options(&address)).unwrap();
    let trace = client.trace(TraceOptions::default());
    // A text that does not become small, so that the request is longer than what is read of it.
    let mut number = 1_u64;
    let text: String = std::iter::repeat_with(|| {
        number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        format!("{number:x}")
    })
    .take(20_000)
    .collect();
    drop(trace.event(text.clone()));
    for cut in [1, 300, 60_000] {
        let (mut connection, _) = listener.accept().unwrap();
        let mut read = vec![0; cut];
        connection.read_exact(&mut read).unwrap();
        assert!(b"POST /v1/traces".starts_with(&read[..1]));
    }
    let server = Server::listening(listener, vec![]);
    let stats = settled(&client);
    assert_eq!((stats.sent, stats.dropped.total(), stats.retries), (1, 0, 3));
    assert!(format!("{:?}", server.all_spans()).contains(&text), "the whole came in the end");
}

#[test]
fn an_answer_that_is_cut_after_its_head_is_an_answer() {
    let server = Server::answering(vec![(0, "", b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\ncut".to_vec())]);
    let client = server.client();
    one_step(&client);
    // Its status says that the spans were taken: they are not sent again.
    assert_eq!(settled(&client).sent, 1);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_server_that_never_answers_holds_nobody() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let client = Client::new(Options { timeout: Duration::from_millis(50), ..options(&address) }).unwrap();
    (0..100).for_each(|_| one_step(&client));
    assert!(!client.flush(Duration::from_millis(200)));
    assert!(client.close(LONG), "closing gives it up");
    let stats = client.stats();
    account(&stats);
    assert_eq!((stats.dropped.undelivered, stats.pending), (100, 0));
}

#[test]
fn a_hundred_threads_lose_nothing() {
    let server = Server::answering(vec![(500, "", Vec::new()), (0, "", Vec::new()), (429, "", Vec::new())]);
    let client = server.client();
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| (0..100).for_each(|_| one_step(&client)));
        }
    });
    let stats = settled(&client);
    assert_eq!((stats.recorded, stats.dropped.total()), (20_000, 0));
}

#[test]
fn twenty_thousand_steps_and_the_end() {
    let server = Server::answering(vec![]);
    let client = server.client();
    let trace = client.trace(TraceOptions::default());
    (0..20_000).for_each(|n| drop(trace.event(n)));
    assert!(client.close(LONG));
    let stats = client.stats();
    account(&stats);
    assert_eq!((stats.sent, stats.dropped.total()), (20_000, 0));
    assert_eq!(server.all_spans().len(), 20_000);
}

#[test]
fn headers_of_the_application_are_sent_and_wrong_settings_named() {
    let server = Server::answering(vec![]);
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let client = Client::new(Options { headers: header("X-Tenant", "Blue 7"), ..server.options() }).unwrap();
    one_step(&client);
    settled(&client);
    assert!(server.requests()[0].head.contains("x-tenant: blue 7\r\n"), "{}", server.requests()[0].head);

    for (name, value) in [("authorization", "mine"), ("a b", "c"), ("x", "line\nbreak")] {
        let wrong = Client::new(Options { headers: header(name, value), ..server.options() });
        assert!(matches!(wrong, Err(Error::Header(named)) if named == name));
    }
    let wrong = Client::new(Options { proxy: Some("not a proxy".to_owned()), ..server.options() });
    assert!(matches!(wrong, Err(Error::Proxy(_))));
    let wrong = Client::new(Options { ca_file: Some("no/such/file.pem".into()), ..server.options() });
    assert!(matches!(wrong, Err(Error::CaFile { .. })));
}

#[test]
fn a_proxy_is_asked_for_the_server() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let through = format!("http://{}", proxy.local_addr().unwrap());
    let client = Client::new(Options { proxy: Some(through), ..options("http://traces.example:6180") }).unwrap();
    one_step(&client);
    let (mut asked, _) = proxy.accept().unwrap();
    let mut line = [0; 7];
    asked.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"CONNECT");
    drop((asked, proxy));
    assert!(client.close(LONG));
    account(&client.stats());
}

#[test]
fn times_that_nobody_waits_for_overflow_nothing() {
    let server = Server::answering(vec![(500, "", Vec::new())]);
    for longest in [Duration::MAX, Duration::ZERO] {
        let options =
            Options { retry_for: longest, max_backoff: Duration::from_millis(5), snapshot_every: longest, ..server.options() };
        let client = Client::new(options).unwrap();
        let open = client.trace(TraceOptions::default()).message("Hello");
        one_step(&client);
        assert!(client.flush(Duration::MAX));
        open.end("Hi!");
        assert!(client.close(Duration::MAX));
        account(&client.stats());
    }
    let lazy = Client::new(Options { batch_delay: Duration::MAX, timeout: Duration::MAX, ..server.options() }).unwrap();
    one_step(&lazy);
    assert!(lazy.close(Duration::MAX));
    assert_eq!(lazy.stats().sent, 1);
}
