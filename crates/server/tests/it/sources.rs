//! The ledger of losses, as SDKs number what they send; and that what is delivered twice counts once.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use neuraltrust::{Client, Options, TraceOptions};
use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::erasing::other_project;
use crate::{metric, start, wait_for};

const LONG: Duration = Duration::from_secs(30);

fn options(server: &Server, base_url: &str) -> Options {
    Options {
        api_key: Some(server.key().to_owned()),
        base_url: base_url.to_owned(),
        batch_delay: Duration::from_millis(10),
        backoff: Duration::from_millis(10),
        ..Options::default()
    }
}

/// Sends a span as a source that numbers it so.
fn numbered(server: &Server, key: &str, source: &str, first: u64, spans: u64) -> u16 {
    let sequence = format!("source=\"{source}\", first={first}, spans={spans}, lost=2");
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("neuraltrust-sequence", &sequence)];
    let span = json!({
        "traceId": format!("{first:032x}"), "spanId": format!("{first:016x}"), "name": "s",
        "startTimeUnixNano": "1764000000000000000", "endTimeUnixNano": "1764000001000000000",
    });
    server.post("/v1/traces", &headers, json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string()).status
}

fn sources(server: &Server) -> Value {
    let (status, body) = server.get("/api/v1/sources");
    assert_eq!(status, 200, "{body}");
    body
}

#[test]
fn an_sdk_that_loses_nothing_has_no_gap() {
    let server = start();
    let client = Client::new(options(&server, server.url())).unwrap();
    for n in 0..30 {
        client.trace(TraceOptions::default()).message(n).end("done");
        assert!(client.flush(LONG));
    }
    let known = sources(&server);
    assert_eq!((&known["total"], &known["losses"]), (&json!(1), &json!({"missing": 0, "awaited": 0, "dropped": 0})));
    assert_eq!(known["items"][0]["received"], client.stats().sent);
}

#[test]
fn gaps_are_told_filled_kept_and_another_projects_are_not_shown() {
    let mut server = start();
    let key = server.key().to_owned();
    for (first, spans) in [(1, 2), (6, 1), (20, 1)] {
        assert_eq!(numbered(&server, &key, "a", first, spans), 200);
    }
    let other = other_project(&server, "shop");
    assert_eq!(numbered(&server, &other, "b", 9, 1), 200);
    let known = sources(&server);
    let source = &known["items"][0];
    assert_eq!((&known["total"], &source["gaps"]), (&json!(1), &json!([[3, 5], [7, 19]])), "{known}");
    assert_eq!((&source["received"], &source["awaited"], &source["missing"]), (&json!(4), &json!(16), &json!(0)));
    assert_eq!(metric(&server, "neuraltrust_client_dropped", ""), 4.0);
    let theirs = server.fetch("/api/v1/sources", &[("x-api-key", &other)]).json();
    assert_eq!((&theirs["total"], &theirs["items"][0]["source"]), (&json!(1), &json!("b")));

    assert_eq!(numbered(&server, &key, "a", 7, 13), 200);
    server.stop();
    server.restart();
    let known = sources(&server);
    assert_eq!(known["items"][0]["gaps"], json!([[3, 5]]), "{known}");
}

#[test]
fn a_request_that_is_refused_has_not_come() {
    let server = start();
    assert_eq!(numbered(&server, "no key", "a", 1, 1), 401);
    assert_eq!(numbered(&server, server.key(), "a", 2, 1), 200);
    assert_eq!(sources(&server)["items"][0]["gaps"], json!([[1, 1]]));
}

/// Hands the first request on and cuts the connection before its answer; then hands everything on.
fn losing_the_first_answer(to: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let to = to.trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for (n, client) in listener.incoming().flatten().enumerate() {
            let server = TcpStream::connect(&to).unwrap();
            let (mut from, mut into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || {
                // Ends when either side does.
                drop(std::io::copy(&mut from, &mut into));
            });
            let (mut from, mut into) = (server, client);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = from.read(&mut buffer) {
                    if n == 0 {
                        drop(into.shutdown(std::net::Shutdown::Both));
                        return;
                    }
                    if buffer.get(..read).is_none_or(|bytes| into.write_all(bytes).is_err()) {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn what_is_delivered_twice_counts_once() {
    let server = start();
    let client = Client::new(options(&server, &losing_the_first_answer(server.url()))).unwrap();
    let trace = client.trace(TraceOptions::default());
    let message = trace.message("Hello");
    message.generation("Hello").end("Hi!");
    message.end("Hi!");
    assert!(client.flush(LONG));
    let stats = client.stats();
    assert_eq!((stats.retries, stats.sent, stats.dropped.total()), (1, 2, 0), "{stats:?}");
    wait_for(&server, "/api/v1/spans", 2);
    assert_eq!(metric(&server, "neuraltrust_duplicates_total", ""), 2.0, "the server had it already");
    let known = sources(&server);
    assert_eq!((&known["items"][0]["received"], &known["losses"]["awaited"]), (&json!(2), &json!(0)), "{known}");
}
