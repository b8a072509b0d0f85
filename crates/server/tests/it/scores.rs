//! Judgements through the API: made, corrected, read, found, summed and withdrawn.

use std::time::Duration;

use neuraltrust::{Client, Judged, Options, Score, TraceOptions};
use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::{make_key, send_flow, start, wait_for};

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
    wait_for(&server, "/api/v1/traces?q=scores.outcome:true", 1);
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

#[test]
fn a_judgement_told_twice_counts_once_whoever_tells_it() {
    let server = start();
    let options = || Options { api_key: Some(server.key().to_owned()), base_url: server.url().to_owned(), ..Options::default() };
    let flushed = |client: &Client| assert!(client.flush(Duration::from_secs(30)));
    let client = Client::new(options()).unwrap();
    let trace = client.trace(TraceOptions { conversation_id: Some("c".to_owned()), ..TraceOptions::default() });
    let message = trace.message("Hello");
    message.end("Hi!");
    flushed(&client);
    let step = Judged::Step { trace_id: message.trace_id(), id: message.id() };
    let judged = [step, Judged::Trace(message.trace_id()), Judged::Conversation("c".to_owned())];

    // Told by two processes, the second of which has changed its mind.
    for verdict in [1.0, 2.0] {
        let teller = Client::new(options()).unwrap();
        for judged in &judged {
            teller.score(judged, Score { id: Some("mine".to_owned()), ..Score::new("stars", verdict) });
        }
        flushed(&teller);
    }
    let known = |expect: Value| {
        let (_, read) = server.get("/api/v1/scores?conversation_id=c&name=stars");
        let values = |target: Value| {
            let of = read["items"].as_array().unwrap().iter().filter(move |kept| kept["target"] == target);
            of.map(|kept| kept["value"].clone()).collect::<Vec<_>>()
        };
        for target in [Value::Null, json!("trace"), json!("conversation")] {
            assert_eq!(values(target.clone()), std::slice::from_ref(&expect), "{target}: {read}");
        }
    };
    known(json!(2.0));

    // And by the API, which knows them by their ids.
    for target in [
        json!({ "trace_id": message.trace_id(), "span_id": message.id() }),
        json!({ "trace_id": message.trace_id() }),
        json!({ "conversation_id": "c" }),
    ] {
        let mut body = json!({ "id": "mine", "name": "stars", "value": 3 });
        body.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        assert_eq!(judge(&server, server.key(), &body).0, 200);
    }
    known(json!(3));
    let totals = |rows: &[Value]| rows[0]["scores"].as_array().unwrap().iter().find(|of| of["name"] == "stars").cloned();
    let row = wait_for(&server, "/api/v1/conversations?q=scores.stars:3", 1);
    assert_eq!(totals(&row).unwrap()["count"], 3, "{row:?}");
}
