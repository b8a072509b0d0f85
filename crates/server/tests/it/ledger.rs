//! The token ledger and the words of turns, over the recorded traffic of real clients.

use std::collections::BTreeMap;

use neuraltrust_testing::Server;
use serde_json::Value;

use crate::replays::{recorded, send, shown};
use crate::{BINARY, metric, start, wait_for};

/// A server that has heard a recording, and the spans that it shows.
fn replayed(folder: &str) -> (Server, Vec<Value>) {
    let server = start();
    for request in recorded(folder) {
        send(&server, &request);
    }
    let (_, spans) = shown(&server);
    (server, spans)
}

/// How often spans of a kind that report tokens have each reason, and the tokens that are counted in all.
#[track_caller]
fn check(folder: &str, expect: &[(&str, &str, usize)], tokens: u64) {
    let (server, spans) = replayed(folder);
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for span in spans.iter().filter(|span| !span["usage"].is_null()) {
        let reason = span["usage_reason"].as_str().unwrap();
        assert_eq!(span["usage_counted"], matches!(reason, "model_call" | "only_report"));
        *reasons.entry((span["kind"].as_str().unwrap(), reason)).or_default() += 1;
    }
    let reasons: Vec<_> = reasons.into_iter().map(|((kind, reason), count)| (kind, reason, count)).collect();
    assert_eq!(reasons, expect, "{folder}");
    let (_, traces) = server.get("/api/v1/traces?limit=1000");
    let total = |trace: &Value| trace["total_tokens"].as_u64().unwrap_or_default();
    assert_eq!(traces["items"].as_array().unwrap().iter().map(total).sum::<u64>(), tokens, "{folder}");
}

#[test]
fn a_clients_own_span_within_an_instrumentations_is_the_same_call() {
    check(
        "openinference/openai-phoenix",
        &[
            ("embedding", "model_call", 1),
            ("generation", "model_call", 11),
            // The client of Anthropic tells of a stream by a root of its own, in a trace of its own.
            ("generation", "same_call_in_another_trace", 1),
            ("generation", "same_call_reported_twice", 2),
        ],
        49_568,
    );
}

#[test]
fn an_agent_that_repeats_its_calls_is_not_added() {
    check("pydantic-ai/logfire-otlp", &[("agent", "repeats_children", 8), ("generation", "model_call", 10)], 49_998);
}

#[test]
fn a_framework_around_its_own_calls_is_not_added() {
    check(
        "vercel-ai-sdk/otlp-json",
        &[
            ("agent", "repeats_children", 6),
            ("chain", "repeats_children", 2),
            ("embedding", "model_call", 1),
            ("generation", "model_call", 9),
        ],
        49_372,
    );
}

#[test]
fn a_langchain_run_counts_its_calls() {
    let (server, spans) = replayed("langsmith/python-multipart-zstd");
    let sum = |spans: &[&Value]| {
        spans
            .iter()
            .map(|span| span["usage"]["input"].as_u64().unwrap_or(0) + span["usage"]["output"].as_u64().unwrap_or(0))
            .sum::<u64>()
    };
    let calls: Vec<&Value> = spans.iter().filter(|span| span["kind"] == "generation" || span["kind"] == "embedding").collect();
    assert!(sum(&calls) > 0);
    let (_, traces) = server.get("/api/v1/traces?limit=1000");
    let total: u64 = traces["items"].as_array().unwrap().iter().filter_map(|trace| trace["total_tokens"].as_u64()).sum();
    assert_eq!(total, sum(&calls));
}

#[test]
fn each_call_of_a_client_for_javascript_counts() {
    check("langsmith-js/0.12.0", &[("generation", "model_call", 6)], 49_254);
}

/// The words of each trace, by its name.
fn words(folder: &str) -> Vec<(String, Value, Value)> {
    let (server, _) = replayed(folder);
    let (_, traces) = server.get("/api/v1/traces?limit=1000");
    let words = |trace: &Value| {
        (trace["name"].as_str().unwrap_or_default().to_owned(), trace["first_words"].clone(), trace["last_words"].clone())
    };
    traces["items"].as_array().unwrap().iter().map(words).collect()
}

#[test]
fn roots_that_say_nothing_have_the_words_of_their_steps() {
    for (folder, root, turns) in [
        ("opentelemetry/http-json-latest", "invoke_agent", 4),
        ("pydantic-ai/logfire-otlp", "chat turn", 4),
        ("vercel-ai-sdk/otlp-json", "chat turn", 4),
    ] {
        let turns_of: Vec<_> = words(folder).into_iter().filter(|(name, ..)| name.starts_with(root)).collect();
        assert_eq!(turns_of.len(), turns, "{folder}");
        for (name, first, last) in &turns_of {
            assert!(first.is_string() && last.is_string(), "{folder}: {name}: {first} {last}");
        }
        assert!(turns_of.iter().any(|(_, first, _)| first.as_str().unwrap().contains("Hello, how are you?")), "{folder}");
    }
}

/// A step that began, as LangSmith's client says it.
fn begin(server: &Server, trace: &str) {
    let run = serde_json::json!({ "post": [{ "id": trace, "trace_id": trace, "dotted_order": format!("20261123T000000000000Z{trace}"),
        "name": "agent", "run_type": "chain", "start_time": "2026-11-23T00:00:00Z", "inputs": { "q": "Hi" } }] });
    let answer =
        server.post("/runs/batch", &[("x-api-key", server.key()), ("content-type", "application/json")], run.to_string());
    assert_eq!(answer.status, 202);
}

#[test]
fn a_step_that_falls_silent_is_unfinished_and_stays_so_over_kill_9() {
    const TRACE: &str = "11111111-1111-4111-8111-111111111111";
    let mut server = Server::start_with(BINARY, &["--unfinished-after", "1s"]);
    begin(&server, TRACE);
    wait_for(&server, "/api/v1/traces", 1);
    let path = format!("/api/v1/traces/{TRACE}");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while server.get(&path).1["trace"]["unfinished"] != 1 {
        assert!(std::time::Instant::now() < deadline, "the step is not marked");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let (_, detail) = server.get(&path);
    let step = &detail["spans"][0];
    assert_eq!((&step["state"], &step["running"]), (&"unfinished".into(), &false.into()));
    assert_eq!(step["unfinished"]["reason"], "silence");
    assert_eq!(detail["trace"]["running"], false);
    assert!(metric(&server, "neuraltrust_unfinished_total", "") >= 1.0);
    server.kill();
    server.restart();
    assert_eq!(server.get(&path).1["spans"], detail["spans"]);
}
