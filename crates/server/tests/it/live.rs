//! What changes, as server-sent events: by filter, resumed, and by many.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use neuraltrust_testing::Server;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::erasing::{erase, other_project, receipt};
use crate::{make_key, metric, send_flow, start, wait_for};

const PATIENCE: Duration = Duration::from_secs(60);

/// An event as a browser takes it; the last id stays where an event has none.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    name: String,
    id: String,
    data: Value,
}

/// Listens until the receiver is dropped and something comes.
fn listen(server: &Server, query: &str, key: &str, last: Option<&str>) -> Receiver<Heard> {
    let agent = ureq::Agent::new_with_defaults();
    let mut request = agent.get(format!("{}/api/v1/live{query}", server.url())).header("authorization", format!("Bearer {key}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let stream = request.call().unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let (told, heard) = channel();
    std::thread::spawn(move || {
        let (mut name, mut id, mut data) = (String::new(), String::new(), String::new());
        for line in BufReader::new(stream.into_body().into_reader()).lines().map_while(Result::ok) {
            match line.split_once(": ").or_else(|| line.split_once(':')) {
                Some(("event", text)) => text.clone_into(&mut name),
                Some(("id", text)) => text.clone_into(&mut id),
                Some(("data", text)) => text.clone_into(&mut data),
                None if line.is_empty() && !data.is_empty() => {
                    let heard = Heard { name: name.clone(), id: id.clone(), data: serde_json::from_str(&data).unwrap() };
                    data.clear();
                    if told.send(heard).is_err() {
                        return;
                    }
                }
                _ => {}
            }
        }
    });
    heard
}

#[track_caller]
fn next(heard: &Receiver<Heard>, name: &str) -> Heard {
    let event = heard.recv_timeout(PATIENCE).unwrap();
    assert_eq!(event.name, name, "{event:?}");
    event
}

/// Reads rows until the one with this value at the path has come.
#[track_caller]
fn row_with(heard: &Receiver<Heard>, path: &str, value: &Value) -> (Heard, Value) {
    loop {
        let event = next(heard, "change");
        let row = event.data["items"].as_array().unwrap().iter().find(|row| row.pointer(path) == Some(value)).cloned();
        if let Some(row) = row {
            return (event, row);
        }
    }
}

fn send(server: &Server, id: &str, task: &str, input: &str) {
    let step = json!({ "task": task, "interaction_id": id, "trace_id": format!("{id}-{task}"), "conversation_id": "c",
        "input": input, "output": "yes" });
    assert_eq!(server.post("/v1/trace", &[("token", server.key())], step.to_string()).status, 200);
}

#[test]
fn rows_that_pass_a_query_are_sent_as_they_change() {
    let server = start();
    let spans = listen(&server, "?of=spans&q=kind:tool+umbrella", server.key(), None);
    let conversations = listen(&server, "?q=step:(kind:tool)&filter=turns:%3E0", server.key(), None);
    let names = listen(&server, "", server.key(), None);
    let foreign = listen(&server, "?of=spans", &other_project(&server, "other"), None);
    for heard in [&spans, &conversations, &names, &foreign] {
        next(heard, "ready");
    }
    send(&server, "one", "message", "umbrella");
    let named = next(&names, "change");
    assert!(named.data["conversation_ids"].as_array().unwrap().contains(&json!("c")), "{named:?}");
    send(&server, "one", "tool", "rain");
    send(&server, "one", "router", "umbrella");
    send(&server, "two", "tool", "an umbrella");
    let (event, row) = row_with(&spans, "/kind", &json!("tool"));
    assert_eq!((&row["input_preview"], &event.data["of"]), (&json!("an umbrella"), &json!("spans")), "{row}");
    assert_eq!(event.data["items"].as_array().unwrap().len(), 1);
    let (_, row) = row_with(&conversations, "/turns", &json!(2));
    assert_eq!(row["conversation_id"], "c");
    assert!(foreign.try_recv().is_err(), "another project hears nothing");
    assert_eq!(metric(&server, "neuraltrust_live_listeners", ""), 4.0);
}

#[test]
fn who_was_away_is_told_what_was_missed_also_after_a_restart() {
    let mut server = start();
    let heard = listen(&server, "?of=spans&q=kind:message", server.key(), None);
    next(&heard, "ready");
    send(&server, "one", "message", "first");
    let (seen, _) = row_with(&heard, "/input_preview", &json!("first"));
    drop(heard);
    send(&server, "two", "message", "second");
    send(&server, "two", "tool", "not asked for");
    wait_for(&server, "/api/v1/spans", 3);
    server.restart();
    wait_for(&server, "/api/v1/spans", 3);

    let heard = listen(&server, "?of=spans&q=kind:message", server.key(), Some(&seen.id));
    assert_eq!(next(&heard, "ready").id, seen.id, "nothing is known yet of what was missed");
    let missed = next(&heard, "change");
    let said: Vec<&Value> = missed.data["items"].as_array().unwrap().iter().map(|row| &row["input_preview"]).collect();
    assert!(
        said.contains(&&json!("second")) && missed.data["items"].as_array().unwrap().iter().all(|row| row["kind"] == "message")
    );
    let names = listen(&server, "", server.key(), Some(&seen.id));
    next(&names, "ready");
    assert!(next(&names, "change").data["trace_ids"].as_array().unwrap().contains(&json!("two")));

    let up_to_date = listen(&server, "", server.key(), Some(&missed.id));
    let number = |heard: &Heard| heard.id.parse::<u64>().unwrap();
    assert!(number(&next(&up_to_date, "ready")) >= number(&missed), "the numbers go on");
    for of_another in ["999999999", "what?"] {
        let heard = listen(&server, "", server.key(), Some(of_another));
        next(&heard, "ready");
        next(&heard, "lagged");
    }
    let erased = erase(&server, server.key(), &json!({ "trace_id": "two" })).json();
    receipt(&server, server.key(), &erased["id"]);
    let heard = listen(&server, "", server.key(), Some(&missed.id));
    next(&heard, "ready");
    next(&heard, "lagged");
}

#[test]
fn what_cannot_be_followed_is_told() {
    let server = start();
    let read = |query: &str| {
        let answer = server.fetch(&format!("/api/v1/live{query}"), &[("x-api-key", server.key())]);
        (answer.status, answer.json())
    };
    let (status, problem) = read("?q=modle:x");
    assert_eq!((status, &problem["reason"]), (400, &json!("bad_query")));
    for (query, expect) in [("?of=things", "conversations"), ("?limit=3", "limit"), ("?of=spans&sort=cost", "sort")] {
        let (status, problem) = read(query);
        assert!(status == 400 && problem["detail"].as_str().unwrap().contains(expect), "{problem}");
    }
    assert_eq!(server.fetch("/api/v1/live", &[]).status, 401);
    let ingest = make_key(&server, "ingest");
    assert_eq!(server.fetch("/api/v1/live", &[("x-api-key", &ingest)]).status, 403);
    let many: Vec<_> = (0..256).map(|n| listen(&server, &format!("?q=word{n}"), server.key(), None)).collect();
    many.iter().for_each(|heard| drop(next(heard, "ready")));
    let (status, problem) = read("?q=onemore");
    assert_eq!((status, &problem["reason"]), (503, &json!("too_many_listeners")), "{problem}");
    listen(&server, "?q=word7", server.key(), None).recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_thousand_listeners_hear_and_one_that_does_not_read_holds_up_nobody() {
    // The system may let a process have 1,024 files open.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let server = start();
    let address = server.url().strip_prefix("http://").unwrap().to_owned();
    let connect = || {
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!("GET /api/v1/live HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", server.key());
        stream.write_all(head.as_bytes()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let read_until = |stream: &mut TcpStream, wanted: &str| {
        let (mut all, mut some) = (String::new(), [0; 4_096]);
        while !all.contains(wanted) {
            let read = stream.read(&mut some).unwrap();
            assert!(read > 0, "the stream ends: {all}");
            all.push_str(&String::from_utf8_lossy(&some[..read]));
        }
    };
    let mut listeners: Vec<TcpStream> = (0..1_000).map(|_| connect()).collect();
    for stream in &mut listeners {
        read_until(stream, "event: ready");
    }
    let idle = connect();
    send_flow(&server);
    for stream in &mut listeners {
        read_until(stream, "conversation_12345678");
    }
    assert_eq!(metric(&server, "neuraltrust_live_listeners", ""), 1_001.0);
    drop((idle, listeners));
    let gone = std::time::Instant::now() + PATIENCE;
    while metric(&server, "neuraltrust_live_listeners", "") > 0.0 {
        assert!(std::time::Instant::now() < gone, "places are given back");
        send(&server, "more", "message", &format!("{gone:?}"));
        std::thread::sleep(Duration::from_millis(50));
    }
}
