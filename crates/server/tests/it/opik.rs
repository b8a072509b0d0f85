//! Opik's client, and what each of its requests is answered with.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::replays::{Recorded, answered, recorded, send, shown};
use crate::start;

fn request(method: &str, path: &str, body: &Value) -> Recorded {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Recorded { method: method.to_owned(), path: path.to_owned(), headers, body: body.to_string().into_bytes() }
}

#[test]
fn every_request_in_every_order() {
    let seen = |server: &Server| {
        let (mut conversations, mut spans) = shown(server);
        spans.sort_by_key(|span| span["span_id"].to_string());
        conversations.sort_by_key(|conversation| conversation["conversation_id"].to_string());
        (conversations, spans)
    };
    let mut requests = recorded("opik/2.2.122");
    let forwards = start();
    for request in &requests {
        let expect = if request.method == "GET" { 200 } else { 204 };
        assert_eq!(send(&forwards, request), expect, "{} {}", request.method, request.path);
    }
    requests.reverse();
    let backwards = start();
    requests.iter().chain(&requests).for_each(|request| assert!(send(&backwards, request) < 300));
    assert_eq!(seen(&backwards), seen(&forwards));
    for server in [forwards, backwards] {
        let path = "/api/v1/traces/01a20658-8267-73ad-9528-20908f8f54ed/spans/01a20658-8268-7028-b0c9-b8464b341082";
        let (status, span) = server.get(path);
        assert_eq!((status, &span["scores"][0]["name"]), (200, &json!("tone")), "a score finds its span, whichever comes first");
    }
}

#[test]
fn the_client_may_be_configured_with_any_prefix() {
    let server = start();
    for prefix in ["", "/api", "/opik/api"] {
        assert_eq!(server.fetch(&format!("{prefix}/is-alive/ping"), &[]).status, 200);
        let id = format!("trace{}", prefix.len());
        let path = |rest: &str| format!("{prefix}/v1/private/{rest}");
        let trace = json!({"id": id, "name": "turn", "start_time": "2026-11-23T02:59:54Z", "input": {"q": "Hi"}});
        assert_eq!(send(&server, &request("POST", &path("traces"), &trace)), 201);
        let span = json!({"id": "s", "trace_id": id, "name": "step", "type": "tool", "start_time": "2026-11-23T02:59:54Z"});
        assert_eq!(send(&server, &request("POST", &path("spans"), &span)), 201);
        let end = json!({"end_time": "2026-11-23T02:59:55Z", "trace_id": id, "output": {"output": "Hello"}});
        assert_eq!(send(&server, &request("PATCH", &path(&format!("traces/{id}")), &end)), 204);
        assert_eq!(send(&server, &request("PATCH", &path("spans/s"), &end)), 204);
        let score = json!({"name": "quality", "value": 1, "source": "sdk"});
        assert_eq!(send(&server, &request("PUT", &path(&format!("traces/{id}/feedback-scores")), &score)), 204);
        let (_, turn) = server.get(&format!("/api/v1/traces/{id}/spans/{id}"));
        assert_eq!((&turn["input"]["text"], &turn["output"]["text"]), (&json!("Hi"), &json!("Hello")));
        assert_eq!((&turn["duration_ms"], &turn["scores"][0]["value"]), (&json!(1000.0), &json!(1)));
    }
    let bare = [("authorization", server.key())];
    assert_eq!(server.fetch("/api/v1/private/projects", &bare).status, 200);
    assert_eq!(server.post("/api/v1/private/auth", &bare, "{}").status, 204);
    assert_eq!(server.fetch("/api/v1/private/auth/workspace", &bare).json()["workspaceName"], "default");
    assert_eq!(server.post("/api/v1/private/traces/batch", &[("authorization", "wrong")], "{}").status, 401);
}

#[test]
fn a_score_finds_its_span_after_the_server_was_started_again() {
    let mut server = start();
    let span = json!({"id": "s", "trace_id": "t", "name": "step", "type": "tool", "start_time": "2026-11-23T02:59:54Z"});
    assert_eq!(send(&server, &request("POST", "/api/v1/private/spans", &span)), 201);
    shown(&server);
    server.restart();
    let score = json!({"name": "quality", "value": 1, "source": "sdk"});
    assert_eq!(send(&server, &request("PUT", "/api/v1/private/spans/s/feedback-scores", &score)), 204);
    assert_eq!(server.get("/api/v1/traces/t/spans/s").1["scores"][0]["name"], "quality");
}

#[test]
fn a_bad_item_is_told_and_the_rest_is_kept() {
    let server = start();
    let batch = json!({"spans": [{"id": "good", "trace_id": "t", "start_time": "2026-11-23T02:59:54Z"}, {"id": "bad"}]});
    let (status, answer) = answered(&server, &request("POST", "/api/v1/private/spans/batch", &batch));
    assert_eq!((status, answer["errors"].as_array().unwrap().len()), (400, 1));
    assert!(answer["errors"][0].as_str().unwrap().starts_with("spans[1].trace_id"), "{answer}");
    assert_eq!(server.get("/api/v1/traces/t/spans/good").0, 200);
    assert_eq!(send(&server, &request("POST", "/api/v1/private/spans/batch", &json!({"spans": 7}))), 400);
}
