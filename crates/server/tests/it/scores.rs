//! Judgements through the API: made, corrected, read, found, summed and withdrawn.

use std::time::{Duration, Instant};

use neuraltrust::{Client, Judged, Options, Score, TraceOptions};
use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::{make_key, metric, send_flow, start, wait_for};

fn judge(server: &Server, key: &str, body: &Value) -> (u16, Value) {
    let headers = [("authorization", &*format!("Bearer {key}")), ("content-type", "application/json")];
    let answer = server.post("/api/v1/scores", &headers, body.to_string());
    (answer.status, answer.json())
}

#[test]
fn a_judgement_is_made_corrected_found_and_withdrawn() {
    let server = start();
    send_flow(&server);
    let span = wait_for(&server, "/api/v1/spans?kind=retrieval", 1).remove(0);
    let (trace_id, span_id) = (span["trace_id"].as_str().unwrap(), span["span_id"].as_str().unwrap());
    let body =
        json!({ "trace_id": trace_id, "span_id": span_id, "id": "s1", "name": "relevance", "value": 0.25, "comment": "off" });
    let (status, made) = judge(&server, server.key(), &body);
    assert_eq!((status, &made["value"], &made["source"], &made["span_id"]), (200, &json!(0.25), &json!("api"), &span["span_id"]));
    assert!(made["time"].is_string() && made["target"].is_null(), "{made}");
    let corrected =
        json!({ "trace_id": trace_id, "span_id": span_id, "id": "s1", "name": "relevance", "value": 0.75, "source": "user" });
    assert_eq!(judge(&server, server.key(), &corrected).1["value"], json!(0.75));
    let (_, read) = server.get(&format!("/api/v1/scores?trace_id={trace_id}&name=relevance"));
    assert_eq!((read["items"].as_array().unwrap().len(), &read["items"][0]["source"]), (1, &json!("user")));
    wait_for(&server, "/api/v1/spans?q=scores.relevance:%3E0.5", 1);
    wait_for(&server, "/api/v1/conversations?q=scores.relevance:%3E0.5", 1);
    wait_for(&server, "/api/v1/spans?q=score:relevance+scores.relevance:%3C0.5", 0);
    let headers = [("authorization", &*format!("Bearer {}", server.key())), ("content-type", "application/json")];
    let mean = json!({ "of": "spans", "metrics": [{ "avg": { "field": "scores.relevance" } }] }).to_string();
    let answer = server.post("/api/v1/aggregate", &headers, mean).json();
    assert_eq!(answer["items"][0]["values"], json!([0.75]));

    let path = format!("/api/v1/scores/s1?trace_id={trace_id}");
    assert_eq!(crate::quarantine::delete(&server, server.key(), &path), 204);
    assert_eq!(crate::quarantine::delete(&server, server.key(), &path), 404);
    assert_eq!(server.get(&format!("/api/v1/scores?trace_id={trace_id}&name=relevance")).1["items"], json!([]));
    wait_for(&server, "/api/v1/spans?q=has:scores.relevance", 0);
    assert_eq!(judge(&server, server.key(), &body).0, 200, "what is said again holds again");
    wait_for(&server, "/api/v1/spans?q=has:scores.relevance", 1);
}

#[test]
fn traces_and_conversations_are_judged_with_any_verdict() {
    let server = start();
    send_flow(&server);
    let row = wait_for(&server, "/api/v1/traces", 1).remove(0);
    for (target, verdict) in [
        (json!({ "trace_id": row["trace_id"] }), json!(true)),
        (json!({ "conversation_id": row["conversation_id"] }), json!("resolved")),
        (json!({ "conversation_id": row["conversation_id"] }), json!(4)),
    ] {
        let mut body = json!({ "name": "outcome", "value": verdict, "source": "evaluator" });
        body.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        let (status, made) = judge(&server, server.key(), &body);
        assert_eq!((status, &made["value"]), (200, &verdict), "{made}");
        let of = if target["trace_id"].is_string() { "trace" } else { "conversation" };
        assert_eq!(made["target"], of);
    }
    let id = row["conversation_id"].as_str().unwrap();
    let (_, read) = server.get(&format!("/api/v1/scores?conversation_id={id}&name=outcome"));
    assert_eq!(read["items"].as_array().unwrap().len(), 3, "{read}");
    let rows = wait_for(&server, "/api/v1/conversations?q=scores.outcome:resolved", 1);
    let totals = rows[0]["scores"].as_array().unwrap().iter().find(|totals| totals["name"] == "outcome").unwrap().clone();
    assert_eq!((&totals["count"], &totals["mean"]), (&json!(3), &json!(4.0)), "{totals}");
    assert_eq!(rows[0]["verdicts"]["outcome"], json!(["resolved", 4]), "on the conversation itself");
    // The judgement of the trace, and of a step of it, is none of the conversation.
    let span = wait_for(&server, "/api/v1/spans", 5).remove(0);
    let step = json!({ "trace_id": span["trace_id"], "span_id": span["span_id"], "name": "outcome", "value": 1 });
    assert_eq!(judge(&server, server.key(), &step).0, 200);
    wait_for(&server, "/api/v1/spans?q=scores.outcome:1", 1);
    let trace = wait_for(&server, "/api/v1/traces?q=scores.outcome:true", 1).remove(0);
    let totals = trace["scores"].as_array().unwrap().iter().find(|totals| totals["name"] == "outcome").unwrap();
    assert_eq!(totals["count"], 2, "of the trace and of its step: {trace}");
    assert_eq!(trace["conversation_verdicts"]["outcome"], json!(["resolved", 4]), "{trace}");
    wait_for(&server, "/api/v1/conversations?q=scores.outcome:true", 1);
    for (of, expect) in [("conversations", json!(4.0)), ("spans", json!(1.0)), ("traces", Value::Null)] {
        let body = json!({ "of": of, "metrics": [{ "avg": { "field": "scores.outcome" } }] }).to_string();
        let headers = [("x-api-key", server.key()), ("content-type", "application/json")];
        let measured = server.post("/api/v1/aggregate", &headers, body).json();
        assert_eq!(measured["items"][0]["values"][0], expect, "{of}: {measured}");
    }
}

#[test]
fn what_cannot_be_judged_is_refused_and_readers_do_not_judge() {
    let server = start();
    for (body, status, expect) in [
        (json!({ "name": "n", "value": 1 }), 400, "trace_id and span_id"),
        (json!({ "span_id": "s", "name": "n", "value": 1 }), 400, "trace_id and span_id"),
        (json!({ "trace_id": "t", "name": "n", "value": 1 }), 404, "no trace"),
        (json!({ "conversation_id": "c", "name": "n", "value": 1 }), 404, "no conversation"),
        (json!({ "trace_id": "t", "span_id": "s", "name": " ", "value": 1 }), 400, "name"),
        (json!({ "trace_id": "t", "span_id": "s", "name": "n", "value": [1] }), 400, "value"),
        (json!({ "trace_id": "t", "span_id": "s", "name": "n", "value": "" }), 400, "value"),
        (json!({ "trace_id": "t", "span_id": "s", "name": "n", "value": 1, "valeu": 1 }), 400, "valeu"),
        (json!({ "trace_id": "t", "span_id": "s", "name": "n", "value": 1, "source": "me" }), 400, "evaluator"),
    ] {
        let (found, problem) = judge(&server, server.key(), &body);
        assert_eq!(found, status, "{body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(expect), "{body}: {problem}");
    }
    assert_eq!(server.get("/api/v1/scores").0, 400);
    let ahead = json!({ "trace_id": "t", "span_id": "s", "name": "n", "value": 1 });
    assert_eq!(judge(&server, &make_key(&server, "ingest"), &ahead).0, 200, "a span that has not come yet");
    assert_eq!(judge(&server, &make_key(&server, "read"), &ahead).0, 403);
}

/// A client of our SDK in a process of its own, as far as the server can tell.
fn client(server: &Server) -> Client {
    let options = Options { api_key: Some(server.key().to_owned()), base_url: server.url().to_owned(), ..Options::default() };
    Client::new(options).unwrap()
}

/// A conversation of one message, and what of it is judged: as the SDK names it, and as the API does.
fn talked(server: &Server) -> [(Judged, Value); 3] {
    let client = client(server);
    let trace = client.trace(TraceOptions { conversation_id: Some("c".to_owned()), ..TraceOptions::default() });
    let message = trace.message("Hello");
    message.end("Hi!");
    assert!(client.flush(Duration::from_secs(30)));
    let (trace_id, id) = (message.trace_id(), message.id());
    [
        (Judged::Step { trace_id: trace_id.clone(), id: id.clone() }, json!({ "trace_id": trace_id, "span_id": id })),
        (Judged::Trace(trace_id.clone()), json!({ "trace_id": trace_id })),
        (Judged::Conversation("c".to_owned()), json!({ "conversation_id": "c" })),
    ]
}

/// Judges all of it under one id, as a process does that sends it by the SDK.
fn tell_by_sdk(server: &Server, judged: &[(Judged, Value)], verdict: f64) {
    let teller = client(server);
    for (judged, _) in judged {
        teller.score(judged, Score { id: Some("mine".to_owned()), ..Score::new("stars", verdict) });
    }
    assert!(teller.flush(Duration::from_secs(30)));
}

fn tell_by_api(server: &Server, judged: &[(Judged, Value)], verdict: i64) {
    for (_, target) in judged {
        let mut body = json!({ "id": "mine", "name": "stars", "value": verdict });
        body.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        assert_eq!(judge(server, server.key(), &body).0, 200);
    }
}

/// The judgements of the conversation and of all in it that go by a target.
fn kept(server: &Server, target: &Value) -> Vec<Value> {
    let (_, read) = server.get("/api/v1/scores?conversation_id=c&name=stars");
    read["items"].as_array().unwrap().iter().filter(|kept| kept["target"] == *target).cloned().collect()
}

/// Each is known once, with this verdict, and counted once.
#[track_caller]
fn known_once(server: &Server, verdict: &Value) {
    for target in [Value::Null, json!("trace"), json!("conversation")] {
        let kept = kept(server, &target);
        assert!(matches!(&kept[..], [only] if only["value"] == *verdict), "{target}: {kept:?}");
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while metric(server, "neuraltrust_index_lag", "") > 0.0 {
        assert!(Instant::now() < deadline, "the lists do not follow");
        std::thread::sleep(Duration::from_millis(20));
    }
    let rows = wait_for(server, &format!("/api/v1/conversations?q=scores.stars:{verdict}"), 1);
    let totals = rows[0]["scores"].as_array().unwrap().iter().find(|of| of["name"] == "stars").unwrap();
    assert_eq!((&totals["count"], &totals["numbers"]), (&json!(3), &json!(3)), "{rows:?}");
}

#[test]
fn a_judgement_told_twice_counts_once_whoever_tells_it() {
    let server = start();
    let judged = talked(&server);
    // Told by two processes, the second of which has changed its mind.
    tell_by_sdk(&server, &judged, 1.0);
    tell_by_sdk(&server, &judged, 2.0);
    known_once(&server, &json!(2.0));
    // And by the API, which knows them by their ids.
    tell_by_api(&server, &judged, 3);
    known_once(&server, &json!(3));
    // One id judges three things, each of which can be withdrawn alone.
    let trace = judged[1].1["trace_id"].as_str().unwrap();
    let withdraw = |which: &str| {
        let path = format!("/api/v1/scores/mine?trace_id={trace}&{which}");
        crate::quarantine::delete(&server, server.key(), &path)
    };
    assert_eq!(withdraw("target=session"), 400);
    assert_eq!(withdraw("target=span&span_id=another"), 404);
    assert_eq!(withdraw("target=trace"), 204);
    let left = [Value::Null, json!("trace"), json!("conversation")].map(|target| kept(&server, &target).len());
    assert_eq!(left, [1, 0, 1]);
}

#[test]
fn a_judgement_that_the_api_told_first_is_the_one_that_an_sdk_tells() {
    let server = start();
    let judged = talked(&server);
    tell_by_api(&server, &judged, 1);
    known_once(&server, &json!(1));
    tell_by_sdk(&server, &judged, 2.0);
    known_once(&server, &json!(2.0));
    tell_by_api(&server, &judged, 3);
    known_once(&server, &json!(3));
    // Of a conversation that was judged in two traces nothing is left when it is withdrawn in one.
    let conversation = json!("conversation");
    let at = kept(&server, &conversation).remove(0);
    let path = format!("/api/v1/scores/mine?trace_id={}", at["trace_id"].as_str().unwrap());
    assert_eq!(crate::quarantine::delete(&server, server.key(), &path), 204);
    assert!(kept(&server, &conversation).is_empty());
}
