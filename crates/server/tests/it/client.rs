//! The command line as a client of the API.

use std::process::{Command, Output};

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::{BINARY, send_flow, start, wait_for};

fn run(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).env("NEURALTRUST_BASE_URL", server.url()).env("NEURALTRUST_API_KEY", server.key());
    command.output().unwrap()
}

/// What a command prints that must succeed.
#[track_caller]
fn prints(server: &Server, arguments: &[&str]) -> String {
    let output = run(server, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json_of(server: &Server, arguments: &[&str]) -> Value {
    serde_json::from_str(&prints(server, &[arguments, &["--json"]].concat())).unwrap()
}

#[test]
fn what_is_kept_is_searched_shown_measured_judged_and_erased() {
    let server = start();
    send_flow(&server);
    let spans = wait_for(&server, "/api/v1/spans", 5);
    let table = prints(&server, &["search", "kind:retrieval", "--of", "spans"]);
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(table.starts_with("start_time") && table.contains("retrieval"), "{table}");
    let messages = json_of(&server, &["search", "\"how are you\"", "--sort", "relevance"]);
    let hello = &messages["items"][0];
    assert!(hello["snippet"].as_str().unwrap().contains("how are you") && hello["also_count"].as_u64() > Some(0), "{messages}");
    let table = prints(&server, &["search", "how are you"]);
    assert!(table.starts_with("start_time") && table.contains("snippet") && table.contains("  also  "), "{table}");
    let conversations = prints(&server, &["search", "kind:retrieval"]);
    assert!(
        conversations.starts_with("last_time") && conversations.contains("conversation_12345678"),
        "no words: {conversations}"
    );
    let conversations = prints(&server, &["search", "turns:>0 hello"]);
    assert!(conversations.starts_with("last_time"), "what only conversations have: {conversations}");
    let refused = run(&server, &["search", "kind:retrieval", "--of", "messages"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("give words"));
    let found = json_of(&server, &["search", "", "--of", "spans", "--sort", "time:asc", "--limit", "2"]);
    assert_eq!((found["items"].as_array().unwrap().len(), &found["total"]), (2, &json!(5)));
    let shown = prints(&server, &["show", "conversation_12345678"]);
    assert!(shown.contains("user: Hello, how are you?") && shown.contains("answer: I am fine, thank you!"), "{shown}");
    let trace = spans[0]["trace_id"].as_str().unwrap();
    assert_eq!(prints(&server, &["show", trace, "--trace"]).lines().count(), 6);
    let stats = prints(&server, &["stats", "--of", "spans", "--by", "kind"]);
    assert!(stats.lines().count() == 6 && stats.contains("retrieval"), "{stats}");
    assert_eq!(json_of(&server, &["stats"])["matched"], 1);
    let tailed = prints(&server, &["tail", "kind:router", "--rows", "1"]);
    assert!(tailed.starts_with("start_time") && tailed.contains("router"), "{tailed}");
    let tailed = json_of(&server, &["tail", "kind:router", "--rows", "1"]);
    assert_eq!(tailed["kind"], "router");

    let kept = json_of(&server, &["score", "helpful", "true", "--conversation", "conversation_12345678"]);
    assert_eq!((&kept["value"], &kept["target"]), (&json!(true), &json!("conversation")));
    wait_for(&server, "/api/v1/conversations?q=scores.helpful:true", 1);
    let erased = prints(&server, &["erase", "--user", "user_12345678"]);
    assert!(erased.contains("Erased 1 traces with 5 spans"), "{erased}");
    wait_for(&server, "/api/v1/spans", 0);

    let refused = run(&server, &["search", "modle:x"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && told.contains("400") && told.contains("model"), "{told}");
    assert!(prints(&server, &["completions", "bash"]).contains("verify-export"));
}

#[test]
fn an_export_is_whole_goes_on_where_it_was_broken_off_and_is_checked() {
    let server = start();
    for n in 0..1_200 {
        let step = json!({ "task": "message", "interaction_id": format!("t{n}"), "conversation_id": format!("c{}", n % 7), "input": format!("word,{n}"), "output": "yes" });
        assert_eq!(server.post("/v1/trace", &[("token", server.key())], step.to_string()).status, 200);
    }
    wait_for_total(&server, 1_200);
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (whole, broken) = (path("whole.jsonl"), path("broken.jsonl"));
    assert!(prints(&server, &["export", "--out", &whole]).contains("1200 rows"));
    assert!(prints(&server, &["verify-export", &whole]).contains("1200 spans"));
    let ids = |path: &str| -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap();
        let row = |line: &str| serde_json::from_str::<Value>(line).unwrap()["span_id"].to_string();
        text.lines().map(row).collect()
    };
    let written = ids(&whole);
    assert_eq!(written.iter().collect::<std::collections::BTreeSet<_>>().len(), 1_200);

    // One that was broken off within its second page: the manifest is that of the first.
    let manifest: Value = serde_json::from_slice(&std::fs::read(format!("{whole}.manifest.json")).unwrap()).unwrap();
    let text = std::fs::read(&whole).unwrap();
    let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect::<Vec<_>>();
    let cursor = server.get("/api/v1/spans?sort=time:asc&limit=1000").1["next_cursor"].clone();
    let mut half = manifest;
    half["done_at"] = Value::Null;
    half["rows"] = json!(1_000);
    half["bytes"] = json!(ends[999]);
    half["cursor"] = cursor;
    std::fs::write(format!("{broken}.manifest.json"), half.to_string()).unwrap();
    std::fs::write(&broken, &text[..ends[1_100] - 3]).unwrap();
    let told = run(&server, &["verify-export", &broken]);
    assert!(!told.status.success() && String::from_utf8_lossy(&told.stderr).contains("broken off"));
    prints(&server, &["export", "--out", &broken]);
    assert_eq!(ids(&broken), written);
    prints(&server, &["verify-export", &broken]);

    let other = run(&server, &["export", "kind:tool", "--out", &whole]);
    assert!(!other.status.success() && String::from_utf8_lossy(&other.stderr).contains("something else"));
    let mut changed = text;
    changed[10] ^= 1;
    std::fs::write(&whole, changed).unwrap();
    let told = run(&server, &["verify-export", &whole]);
    assert!(!told.status.success() && String::from_utf8_lossy(&told.stderr).contains("SHA-256"));
}

#[test]
fn rows_are_written_as_values_and_wholes_as_json() {
    let server = start();
    send_flow(&server);
    wait_for(&server, "/api/v1/spans", 5);
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (values, full) = (path("spans.csv"), path("conversations.jsonl"));
    prints(&server, &["export", "--format", "csv", "--out", &values]);
    let text = std::fs::read_to_string(&values).unwrap();
    assert!(text.starts_with("trace_id,span_id,parent_id,"), "{text}");
    assert_eq!(text.matches("\r\n").count(), 6);
    assert!(text.contains("\"Hello, how are you?\""), "{text}");
    prints(&server, &["export", "--of", "conversations", "--full", "--out", &full]);
    let row: Value = serde_json::from_str(&std::fs::read_to_string(&full).unwrap()).unwrap();
    let steps = row["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["input"]["text"] == "Hello, how are you?"), "{row}");
    let columns = path("spans.parquet");
    assert!(prints(&server, &["export", "--format", "parquet", "--full", "--out", &columns]).contains("5 rows"));
    assert!(prints(&server, &["verify-export", &columns]).contains("5 spans"));
    let refused = run(&server, &["export", "--of", "traces", "--full", "--format", "csv", "--out", &path("x.csv")]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("jsonl"));
}

#[test]
fn what_was_exported_is_imported_and_bad_lines_are_told() {
    let (one, other) = (start(), start());
    send_flow(&one);
    wait_for(&one, "/api/v1/spans", 5);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("all.jsonl").to_str().unwrap().to_owned();
    assert_eq!(json_of(&one, &["export", "--out", &file])["rows"], 5);
    assert_eq!(json_of(&one, &["verify-export", &file])["rows"], 5);
    assert!(prints(&other, &["import", &file]).contains("Kept 5 spans of 5 lines"));
    wait_for(&other, "/api/v1/spans", 5);
    assert!(prints(&other, &["import", &file, "--from-line", "4"]).contains("Kept 0 spans of 2 lines; 2 were there already"));
    let text = std::fs::read_to_string(&file).unwrap();
    let broken = dir.path().join("broken.jsonl");
    std::fs::write(&broken, text.replacen("{", "[", 1)).unwrap();
    let told = run(&other, &["import", broken.to_str().unwrap()]);
    let (said, wrong) = (String::from_utf8_lossy(&told.stdout).into_owned(), String::from_utf8_lossy(&told.stderr).into_owned());
    assert!(!told.status.success() && said.contains("4 were there already") && wrong.contains("line 1:"), "{said}{wrong}");
}

/// Waits until the list of spans has so many.
fn wait_for_total(server: &Server, total: u64) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while server.get("/api/v1/spans?limit=1").1["total"] != total {
        assert!(std::time::Instant::now() < deadline, "the list does not follow");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
