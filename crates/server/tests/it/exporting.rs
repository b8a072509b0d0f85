//! What lists hold, written out and read in again.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use neuraltrust_testing::{Server, fixtures};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::media::{self, TRACE, image, noise};
use crate::replays::{recorded, send, shown};
use crate::{BINARY, make_key, send_flow, start, wait_for};

/// What is exported with these words.
#[track_caller]
fn export(server: &Server, query: &str) -> Vec<u8> {
    let answer = server.fetch(&format!("/api/v1/export?{query}"), &[("x-api-key", server.key())]);
    assert_eq!(answer.status, 200, "{query}: {}", String::from_utf8_lossy(&answer.body));
    answer.body
}

#[track_caller]
fn import(server: &Server, lines: impl AsRef<[u8]>) -> Value {
    let headers = [("x-api-key", server.key()), ("content-type", "application/x-ndjson")];
    let answer = server.post("/api/v1/import", &headers, lines);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// Every span of the lists with all that is known of it, but for when this server heard of it.
fn whole(server: &Server) -> BTreeMap<String, Value> {
    let mut spans = BTreeMap::new();
    for row in shown(server).1 {
        let (trace, span) = (row["trace_id"].as_str().unwrap(), row["span_id"].as_str().unwrap());
        let (status, mut detail) = server.get(&format!("/api/v1/traces/{trace}/spans/{span}?media=inline"));
        assert_eq!(status, 200, "{detail}");
        detail.as_object_mut().unwrap().remove("received_at");
        spans.insert(format!("{trace}/{span}"), detail);
    }
    spans
}

/// Every conversation of the lists, and every judgement of each, also those of steps that never came.
fn conversations(server: &Server) -> Vec<(Value, Vec<Value>)> {
    let judged = |row: Value| {
        let (status, scores) =
            server.get(&format!("/api/v1/scores?conversation_id={}", row["conversation_id"].as_str().unwrap()));
        assert_eq!(status, 200, "{scores}");
        // Steps that never came have no time to be in the order of.
        let mut scores = scores["items"].as_array().unwrap().clone();
        scores.sort_by_key(Value::to_string);
        (row, scores)
    };
    shown(server).0.into_iter().map(judged).collect()
}

/// How many steps of an export never came themselves.
fn not_come(lines: &[u8]) -> usize {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let spans = lines.flat_map(|line| {
        let mut line: Value = serde_json::from_slice(line).unwrap();
        match line.get_mut("steps") {
            Some(steps) => std::mem::take(steps.as_array_mut().unwrap()),
            None => vec![line],
        }
    });
    spans.filter(|span| span["kind"].is_null()).count()
}

/// Every folder of recorded requests.
fn folders() -> Vec<String> {
    let mut folders = Vec::new();
    for client in std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for folder in std::fs::read_dir(&client).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
            let is_recording = std::fs::read_dir(&folder).unwrap().any(|entry| {
                let path = entry.unwrap().path();
                path.extension().is_some_and(|kind| kind == "body") && path.with_extension("json").is_file()
            });
            if is_recording {
                folders.push(folder.strip_prefix(fixtures()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    folders.sort();
    folders
}

#[test]
fn what_every_client_sent_reads_back_the_same_from_another_server() {
    let one = start();
    let folders = folders();
    assert!(folders.len() > 5, "{folders:?}");
    for request in folders.iter().flat_map(|folder| recorded(folder)) {
        send(&one, &request);
    }
    media::send(&one, "0000000000000001", &json!([image("image/png", &noise(50_000))]));
    let judged = json!({ "trace_id": TRACE, "span_id": "0000000000000001", "name": "good", "value": true, "comment": "naïve" });
    let headers = [("x-api-key", one.key()), ("content-type", "application/json")];
    assert_eq!(one.post("/api/v1/scores", &headers, judged.to_string()).status, 200);
    let (expect, conversations) = (whole(&one), conversations(&one));
    assert!(expect.len() > 100, "{}", expect.len());
    assert!(expect.values().any(|span| span["scores"][0]["comment"] == "naïve"));

    for of in ["spans", "traces", "conversations"] {
        let lines = export(&one, &format!("of={of}"));
        let other = start();
        let told = import(&other, &lines);
        let all = json!(expect.len() + not_come(&lines));
        assert!(not_come(&lines) > 0, "{of}: some client judged a step that it never sent");
        assert_eq!((&told["spans"], &told["failed"]), (&all, &json!(0)), "{of}: {told}");
        let found = whole(&other);
        for (id, span) in &expect {
            assert_eq!(found.get(id), Some(span), "{of}: {id}");
        }
        assert_eq!(found.len(), expect.len(), "{of}");
        let again = import(&other, &lines);
        assert_eq!((&again["spans"], &again["known"]), (&json!(0), &all), "{of}: {again}");
        assert_eq!(self::conversations(&other), conversations, "{of}");
        assert_eq!(import(&one, &lines)["failed"], 0);
        assert_eq!(whole(&one), expect, "{of}: what the server knows by itself stays");
    }
}

fn packed(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        _ => zstd::encode_all(plain, 3).unwrap(),
    }
}

/// A step that began, as LangSmith's client says it.
fn begin(server: &Server, trace: &str) {
    let run = json!({ "post": [{ "id": trace, "trace_id": trace, "dotted_order": format!("20261123T000000000000Z{trace}"),
        "name": "agent", "run_type": "chain", "start_time": "2026-11-23T00:00:00Z", "inputs": { "q": "Hi" } }] });
    let headers = [("x-api-key", server.key()), ("content-type", "application/json")];
    assert_eq!(server.post("/runs/batch", &headers, run.to_string()).status, 202);
}

#[test]
fn judgements_ahead_of_their_step_and_steps_that_never_ended_go_along_packed_or_not() {
    const OPEN: &str = "11111111-1111-4111-8111-111111111111";
    let one = Server::start_with(BINARY, &["--unfinished-after", "1s"]);
    send_flow(&one);
    begin(&one, OPEN);
    let flow = wait_for(&one, "/api/v1/spans?q=kind:retrieval", 1).remove(0);
    let conversation = &flow["conversation_id"];
    for judged in [
        json!({ "trace_id": flow["trace_id"], "span_id": "ahead", "name": "quality", "value": 0.25, "comment": "it never came" }),
        json!({ "trace_id": OPEN, "span_id": "ahead", "name": "quality", "value": "bad" }),
        json!({ "trace_id": flow["trace_id"], "span_id": flow["span_id"], "name": "relevant", "value": true }),
        json!({ "trace_id": flow["trace_id"], "name": "quality", "value": 1 }),
        json!({ "conversation_id": conversation, "name": "outcome", "value": "resolved", "source": "evaluator" }),
    ] {
        let headers = [("x-api-key", one.key()), ("content-type", "application/json")];
        assert_eq!(one.post("/api/v1/scores", &headers, judged.to_string()).status, 200, "{judged}");
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while one.get(&format!("/api/v1/traces/{OPEN}")).1["trace"]["unfinished"] != 1 {
        assert!(Instant::now() < deadline, "the step is not marked");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (expect, conversations) = (whole(&one), conversations(&one));
    assert_eq!(conversations.iter().map(|(_, judged)| judged.len()).sum::<usize>(), 5);
    assert!(expect.values().any(|span| span["state"] == "unfinished" && span["unfinished"]["reason"] == "silence"));

    let dir = tempfile::tempdir().unwrap();
    for (of, coding) in [("spans", "gzip"), ("traces", "zstd"), ("conversations", "zstd"), ("conversations", "gzip")] {
        let lines = export(&one, &format!("of={of}"));
        assert_eq!(not_come(&lines), 2, "{of}");
        let (other, packed) = (start(), packed(coding, &lines));
        let headers = [("x-api-key", other.key()), ("content-encoding", coding)];
        let told = other.post("/api/v1/import", &headers, &packed);
        assert_eq!((told.status, &told.json()["failed"]), (200, &json!(0)), "{of}: {}", told.json());
        assert_eq!(whole(&other), expect, "{of}");
        assert_eq!(self::conversations(&other), conversations, "{of}");
        // The command line looks into the file, whatever its name, and what comes twice changes nothing.
        let file = dir.path().join(format!("{of}.{coding}"));
        std::fs::write(&file, &packed).unwrap();
        let again = Command::new(BINARY)
            .args(["import", file.to_str().unwrap(), "--json", "--url", other.url(), "--key", other.key()])
            .output()
            .unwrap();
        let told: Value = serde_json::from_slice(&again.stdout).unwrap();
        assert_eq!((&told["spans"], &told["known"]), (&json!(0), &json!(expect.len() + 2)), "{of}: {told}");
        assert_eq!(self::conversations(&other), conversations, "{of}: twice is once");
        // What is heard of its trace brings a step back that had fallen silent elsewhere.
        begin(&other, OPEN);
        wait_for(&other, "/api/v1/spans?q=running:true", 1);
        // What is cut off is told, with the line to go on from.
        let cut = other.post("/api/v1/import", &headers, &packed[..packed.len() - 5]);
        let detail = cut.json()["detail"].as_str().unwrap().to_owned();
        assert!(cut.status == 400 && detail.contains("unpacked") && detail.contains("go on with that line"), "{detail}");
        std::fs::write(&file, &packed[..packed.len() - 5]).unwrap();
        let told = Command::new(BINARY)
            .args(["import", file.to_str().unwrap(), "--url", other.url(), "--key", other.key()])
            .output()
            .unwrap();
        let wrong = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(!told.status.success() && wrong.contains("the lines before line 1 are kept"), "{wrong}");
    }
}

fn message(n: usize) -> String {
    json!({ "task": "message", "interaction_id": format!("t{n}"), "conversation_id": format!("c{}", n % 7), "input": "=1+1",
        "output": format!("say \"{n}\",\nyes") })
    .to_string()
}

#[test]
fn parts_put_behind_each_other_are_the_whole_in_every_format() {
    let server = start();
    for n in 0..230 {
        assert_eq!(server.post("/v1/trace", &[("token", server.key())], message(n)).status, 200);
    }
    for format in ["jsonl", "csv&full=true", "jsonl&full=false&of=traces", "jsonl&of=conversations"] {
        let all = export(&server, &format!("format={format}"));
        let (mut parts, mut cursor, mut rounds) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("/api/v1/export?format={format}&limit=100{cursor}");
            let answer = server.fetch(&path, &[("x-api-key", server.key())]);
            assert_eq!(answer.status, 200);
            parts.extend(answer.body);
            rounds += 1;
            let Some(next) = answer.headers.get("neuraltrust-next-cursor") else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(rounds, if format.ends_with("conversations") { 1 } else { 3 }, "{format}");
        assert!(parts == all, "{format}: {} bytes in parts, {} in all", parts.len(), all.len());
    }
    let values = String::from_utf8(export(&server, "format=csv")).unwrap();
    assert!(values.contains(",'=1+1,") && values.contains("\"say \"\"0\"\", yes\""), "{values}");
    assert!(!String::from_utf8(export(&server, "format=csv&guard=false")).unwrap().contains("'=1+1"));
    for query in ["format=parquet", "format=parquet&full=true", "format=parquet&of=traces", "format=parquet&of=conversations"] {
        let file = export(&server, query);
        assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"), "{query}");
    }
    let rows = String::from_utf8(export(&server, "full=false&q=trace_id:t1")).unwrap();
    let row: Value = serde_json::from_str(&rows).unwrap();
    assert_eq!((&row["trace_id"], row.get("attributes")), (&json!("t1"), None));
    let headers = [("x-api-key", server.key()), ("content-type", "application/json")];
    let posted = server.post("/api/v1/export", &headers, json!({ "q": "trace_id:t1", "full": false }).to_string());
    assert_eq!(String::from_utf8(posted.body).unwrap(), rows);
}

#[test]
fn what_comes_in_between_parts_is_not_told_as_missing() {
    let server = start();
    let tell = |n| assert_eq!(server.post("/v1/trace", &[("token", server.key())], message(n)).status, 200);
    let mut places = Vec::<String>::new();
    (0..6).for_each(tell);
    for n in 6..9 {
        let cursor = places.last().map(|place| format!("&cursor={place}")).unwrap_or_default();
        let part = server.fetch(&format!("/api/v1/export?limit=1{cursor}"), &[("x-api-key", server.key())]);
        assert_eq!((part.status, part.headers.get("neuraltrust-behind")), (200, None), "{n}");
        assert_eq!(part.body.iter().filter(|byte| **byte == b'\n').count(), 1);
        places.push(part.headers["neuraltrust-next-cursor"].clone());
        tell(n);
    }
    // Each says how far the record was when the first began.
    let recorded: Vec<_> = places.iter().map(|place| place.split_once('-').unwrap().1).collect();
    assert!(recorded.iter().all(|of_part| of_part == &recorded[0]), "{places:?}");
}

#[test]
fn the_manifest_comes_behind_the_rows() {
    let server = start();
    send_flow(&server);
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    let request = "GET /api/v1/export?q=-%22h%C3%A9%22 HTTP/1.1\r\nhost: here\r\nte: trailers\r\nconnection: close\r\n";
    write!(stream, "{request}x-api-key: {}\r\n\r\n", server.key()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, mut rest) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("trailer: neuraltrust-manifest"), "{head}");
    assert!(head.contains("attachment; filename=\"neuraltrust-spans-"), "{head}");
    let mut body = String::new();
    loop {
        let (size, behind) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            rest = behind;
            break;
        }
        body.push_str(&behind[..size]);
        rest = &behind[size + 2..];
    }
    let manifest: Value = serde_json::from_str(rest.trim().strip_prefix("neuraltrust-manifest: ").unwrap()).unwrap();
    assert_eq!(body.lines().count(), 5);
    let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let expect = [("rows", json!(5)), ("bytes", json!(body.len())), ("sha256", json!(hash)), ("q", json!("-\"hé\""))];
    for (name, value) in expect.iter().chain(&[("full", json!(true)), ("of", json!("spans")), ("format", json!("jsonl"))]) {
        assert_eq!(&manifest[name], value, "{name}");
    }
    assert!(manifest["done_at"].is_string() && manifest["version"].is_string(), "{manifest}");
}

#[test]
fn a_line_that_cannot_be_read_is_told_and_the_others_are_kept() {
    let one = start();
    send_flow(&one);
    wait_for(&one, "/api/v1/spans", 5);
    let lines = String::from_utf8(export(&one, "of=spans")).unwrap();
    let good: Vec<&str> = lines.lines().collect();
    let rows = String::from_utf8(export(&one, "of=traces&full=false")).unwrap();
    let body = [good[0], "{\"trace_id\":", "", rows.trim(), good[1], "[1]", good[2]].join("\n");
    let other = start();
    let told = import(&other, &body);
    assert_eq!((&told["lines"], &told["spans"], &told["failed"]), (&json!(6), &json!(3), &json!(3)), "{told}");
    let failures: Vec<(u64, &str)> = told["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| (failure["line"].as_u64().unwrap(), failure["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(failures, [(2, "malformed"), (4, "wrong_type"), (6, "wrong_type")]);
    wait_for(&other, "/api/v1/spans", 3);
    let headers = [("x-api-key", other.key())];
    assert_eq!(other.post("/api/v1/import?from_line=10", &headers, "x").json()["failures"][0]["line"], 10);
    assert_eq!(other.post("/api/v1/import?from_line=0", &headers, "x").status, 400);
    let brotli = [("x-api-key", other.key()), ("content-encoding", "br")];
    assert_eq!(other.post("/api/v1/import", &brotli, "x").status, 415);
    let reader = make_key(&other, "read");
    assert_eq!(other.post("/api/v1/import", &[("x-api-key", &reader)], good[3]).status, 403);
    let sender = make_key(&other, "ingest");
    assert_eq!(other.post("/api/v1/import", &[("x-api-key", &sender)], good[3]).json()["spans"], 1);
    assert_eq!(other.fetch("/api/v1/export", &[("x-api-key", &sender)]).status, 403);
}

#[test]
fn what_cannot_be_exported_is_told_before_it_begins() {
    let server = start();
    for (query, expect) in [
        ("of=traces&format=csv&full=true", "jsonl only"),
        ("of=users", "of"),
        ("q=modle:x", "model"),
        ("limit=0", "10000"),
        ("cursor=x", "cursor"),
        ("after=someday", "after"),
        ("fromat=csv", "fromat"),
    ] {
        let answer = server.fetch(&format!("/api/v1/export?{query}"), &[("x-api-key", server.key())]);
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(expect), "{query}: {}", answer.json());
    }
    assert!(export(&server, "").is_empty(), "nothing is nothing");
}
