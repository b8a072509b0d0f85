//! What tokens cost, by the table and by own prices, and how that is explained.

use std::time::{Duration, Instant};

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::{make_key, start, wait_for};

/// Sends one step: a call of a model with a thousand tokens in, of them 400 cached, and a hundred out.
fn send(server: &Server, trace: &str, span: &str, parent: &str, more: &[(&str, Value)]) {
    let mut attributes = vec![
        json!({ "key": "gen_ai.operation.name", "value": { "stringValue": "chat" } }),
        json!({ "key": "gen_ai.provider.name", "value": { "stringValue": "openai" } }),
        json!({ "key": "gen_ai.usage.input_tokens", "value": { "intValue": "1000" } }),
        json!({ "key": "gen_ai.usage.cache_read.input_tokens", "value": { "intValue": "400" } }),
        json!({ "key": "gen_ai.usage.output_tokens", "value": { "intValue": "100" } }),
    ];
    attributes.extend(more.iter().map(|(key, value)| json!({ "key": key, "value": value })));
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{
        "traceId": trace, "spanId": span, "parentSpanId": parent, "name": "chat",
        "startTimeUnixNano": "1795402111000000000", "endTimeUnixNano": "1795402112000000000", "attributes": attributes
    }] }] }] });
    let headers = [("authorization", &*format!("Bearer {}", server.key())), ("content-type", "application/json")];
    let answer = server.post("/v1/traces", &headers, body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.json());
}

fn model(name: &str) -> (&'static str, Value) {
    ("gen_ai.response.model", json!({ "stringValue": name }))
}

const KNOWN: &str = "0123456789abcdef0123456789abcde1";
const OWN: &str = "0123456789abcdef0123456789abcde2";

#[track_caller]
fn check(found: &Value, expect: f64) {
    let cost = found.as_f64().unwrap_or(f64::NAN);
    assert!((cost - expect).abs() < 1e-9, "{found} is not {expect}");
}

/// Waits until the lists have the costs of the prices.
fn followed(server: &Server) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while server.get("/api/v1/prices").1["followed"] != true {
        assert!(Instant::now() < deadline, "the lists do not follow the prices");
        std::thread::sleep(Duration::from_millis(50));
    }
    let behind = |status: &Value| status["indexed"].as_u64() < status["recorded"].as_u64();
    while behind(&server.get("/api/v1/status").1) {
        assert!(Instant::now() < deadline, "the lists do not follow the record");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn tokens_cost_what_the_table_says_and_own_prices_win_over_all_of_history() {
    let server = start();
    send(&server, KNOWN, "0123456789abcde1", "", &[model("gpt-4o-2024-08-06")]);
    send(&server, OWN, "0123456789abcde2", "", &[model("our-own-model")]);
    wait_for(&server, "/api/v1/traces", 2);
    // $2.50 in, $1.25 from the cache, $10 out.
    let by_table = (600.0 * 2.5 + 400.0 * 1.25 + 100.0 * 10.0) / 1e6;
    let (_, explained) = server.get(&format!("/api/v1/traces/{KNOWN}/explain"));
    check(&explained["cost"], by_table);
    let span = &explained["spans"][0];
    assert_eq!((&span["cost_source"], &span["cost_reason"]), (&json!("price_table"), &json!("model_call")));
    let parts = span["price"]["parts"].as_array().unwrap();
    let parts: Vec<_> =
        parts.iter().map(|part| (part["tokens_of"].as_str().unwrap(), part["tokens"].as_u64().unwrap())).collect();
    assert_eq!(parts, [("input", 600), ("cache_read", 400), ("output", 100)]);
    let (_, explained) = server.get(&format!("/api/v1/conversations/{OWN}/explain"));
    assert_eq!((&explained[0]["cost"], &explained[0]["without_cost"]), (&Value::Null, &json!(1)));
    assert_eq!(explained[0]["spans"][0]["no_cost"], "no_price");
    let [row] = &wait_for(&server, "/api/v1/spans?filter=cost:*", 1)[..] else { unreachable!() };
    check(&row["cost"], by_table);

    let own = json!({ "own": [{ "model": "our-*", "input": 1.0, "output": 2.0, "cache_read": 0.0 }] });
    let answer = server.put("/api/v1/prices", server.key(), &own);
    assert_eq!((answer.status, &answer.json()["own"][0]["model"]), (200, &json!("our-*")));
    let expect = (600.0 + 200.0) / 1e6;
    check(&server.get(&format!("/api/v1/traces/{OWN}")).1["trace"]["cost"], expect);
    followed(&server);
    let rows = wait_for(&server, "/api/v1/spans?filter=cost:*", 2);
    assert!(rows.iter().any(|row| row["cost_source"] == "own_price"), "{rows:?}");
    let body = json!({ "of": "conversations", "metrics": [{ "sum": { "field": "cost" } }] }).to_string();
    let headers = [("authorization", &*format!("Bearer {}", server.key())), ("content-type", "application/json")];
    let sums = server.post("/api/v1/aggregate", &headers, body).json();
    check(&sums["items"][0]["values"][0], by_table + expect);
}

#[test]
fn sound_has_a_price_of_its_own() {
    let server = start();
    let count = |name: &'static str, count: u64| (name, json!({ "intValue": count.to_string() }));
    let sound = [
        model("gpt-audio-2025-08-28"),
        count("neuraltrust.usage.input_audio_tokens", 500),
        count("neuraltrust.usage.output_audio_tokens", 80),
    ];
    send(&server, KNOWN, "0123456789abcde1", "", &sound);
    let [row] = &wait_for(&server, "/api/v1/spans?q=usage.input_audio:500+usage.output_audio:%3E79", 1)[..] else {
        unreachable!()
    };
    assert_eq!((&row["usage"]["input_audio"], &row["usage"]["output_audio"]), (&json!(500), &json!(80)));
    let (_, explained) = server.get(&format!("/api/v1/traces/{KNOWN}/explain"));
    let span = &explained["spans"][0];
    let parts = span["price"]["parts"].as_array().unwrap();
    let of = |kind: &str| parts.iter().find(|part| part["tokens_of"] == kind).unwrap();
    // $32 in and $64 out, and what was cached at the price of words, since it is not told to be sound.
    assert_eq!((&of("input_audio")["tokens"], &of("input_audio")["per_million"]), (&json!(500), &json!(32.0)), "{span}");
    assert_eq!((&of("output_audio")["tokens"], &of("output_audio")["per_million"]), (&json!(80), &json!(64.0)), "{span}");
    assert_eq!((&of("cache_read")["tokens"], &of("cache_read")["priced_as"]), (&json!(400), &json!("input")), "{span}");
    let sum: f64 = parts.iter().map(|part| part["cost"].as_f64().unwrap()).sum();
    check(&row["cost"], sum);
    let own = json!({ "own": [{ "model": "gpt-audio*", "input": 1.0, "output": 2.0, "output_audio": 3.0 }] });
    assert_eq!(server.put("/api/v1/prices", server.key(), &own).status, 200);
    let expect = (500.0 + 400.0 + 100.0 + 20.0 * 2.0 + 80.0 * 3.0) / 1e6;
    check(&server.get(&format!("/api/v1/traces/{KNOWN}")).1["trace"]["cost"], expect);
}

#[test]
fn models_are_listed_with_what_their_calls_cost_each_counted_once() {
    let server = start();
    // The second is told of twice: by a step around it, and by itself.
    send(&server, KNOWN, "0123456789abcde1", "", &[model("gpt-4o")]);
    send(&server, OWN, "0123456789abcde2", "", &[model("our-own-model")]);
    send(&server, OWN, "0123456789abcde3", "0123456789abcde2", &[model("our-own-model")]);
    wait_for(&server, "/api/v1/spans", 3);
    let rows = wait_for(&server, "/api/v1/models", 2);
    let of = |name: &str| rows.iter().find(|row| row["value"] == name).unwrap().clone();
    assert_eq!(of("gpt-4o")["total_tokens"], json!(1_100.0));
    check(&of("gpt-4o")["cost"], (600.0 * 2.5 + 400.0 * 1.25 + 100.0 * 10.0) / 1e6);
    assert_eq!((&of("our-own-model")["total_tokens"], &of("our-own-model")["cost"]), (&json!(1_100.0), &Value::Null));
    assert_eq!((&of("gpt-4o")["error_share"], &of("gpt-4o")["turns"]), (&json!(0.0), &Value::Null));
    let dearest = wait_for(&server, "/api/v1/models?sort=cost", 2);
    assert_eq!(dearest[0]["value"], "gpt-4o", "what has no cost comes last: {dearest:?}");
    assert_eq!(wait_for(&server, "/api/v1/models?sort=cost:asc", 2)[0]["value"], "gpt-4o");
    assert_eq!(wait_for(&server, "/api/v1/models?q=model:gpt*&limit=1", 1)[0]["count"], 1);
    wait_for(&server, "/api/v1/tools", 0);
    // Told of twice, and one call.
    wait_for(&server, "/api/v1/traces?q=model_calls:1+tool_calls:0", 2);
    wait_for(&server, "/api/v1/spans?q=usage_counted:true", 2);
}

#[test]
fn what_a_client_told_wins_and_nothing_is_counted_twice() {
    let server = start();
    let told = ("gen_ai.usage.cost", json!({ "doubleValue": 0.5 }));
    send(&server, KNOWN, "0123456789abcde1", "", &[model("gpt-4o"), told]);
    send(&server, KNOWN, "0123456789abcde2", "0123456789abcde1", &[model("gpt-4o")]);
    let (_, explained) = server.get(&format!("/api/v1/traces/{KNOWN}/explain"));
    check(&explained["cost"], 0.5);
    let spans = explained["spans"].as_array().unwrap();
    let of = |id: &str| spans.iter().find(|span| span["span_id"] == id).unwrap();
    assert_eq!(of("0123456789abcde1")["cost_source"], "client");
    assert_eq!(of("0123456789abcde2")["no_cost"], "counted_elsewhere");
}

#[test]
fn prices_that_cannot_be_are_refused_by_name_and_set_by_admins_only() {
    let server = start();
    for (own, expect) in [
        (json!([{ "model": "m" }]), "own[0]"),
        (json!([{ "model": "m", "input": -1 }]), "US dollars"),
        (json!([{ "model": "m", "input": 1, "output_audio": -1 }]), "US dollars"),
        (json!([{ "model": "a*b", "input": 1 }]), "own[0].model"),
        (json!([{ "model": "m", "input": 1, "price": 1 }]), "price"),
    ] {
        let answer = server.put("/api/v1/prices", server.key(), &json!({ "own": own }));
        assert_eq!(answer.status, 400);
        assert!(answer.json()["detail"].as_str().unwrap().contains(expect), "{}", answer.json());
    }
    let (status, prices) = server.get("/api/v1/prices");
    assert_eq!((status, &prices["own"], prices["table"]["prices"].as_u64() > Some(1_000)), (200, &json!([]), true));
    assert_eq!(server.get("/api/v1/traces/none/explain").0, 404);
    let reader = make_key(&server, "read");
    assert_eq!(server.put("/api/v1/prices", &reader, &json!({ "own": [] })).status, 403);
}
