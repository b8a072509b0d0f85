//! Langfuse's clients, and what each of their requests is answered with.

use base64::Engine as _;
use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::replays::{Recorded, answered, recorded, send, shown};
use crate::start;

fn post(path: &str, body: &Value) -> Recorded {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Recorded { method: "POST".to_owned(), path: path.to_owned(), headers, body: body.to_string().into_bytes() }
}

fn basic(server: &Server) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("pk-lf-any:{}", server.key())))
}

#[test]
fn each_event_of_a_batch_is_answered_for() {
    let server = start();
    for request in recorded("langfuse/2.60.10") {
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        let (status, answer) = answered(&server, &request);
        let ids: Vec<Value> =
            sent["batch"].as_array().unwrap().iter().map(|event| json!({"id": event["id"], "status": 201})).collect();
        assert_eq!((status, answer), (207, json!({"successes": ids, "errors": []})));
    }
    let request = post(
        "/api/public/ingestion",
        &json!({"batch": [
            {"id": "good", "type": "trace-create", "timestamp": "2026-11-23T02:57:18Z", "body": {"id": "t", "input": "Hi", "output": "Hello"}},
            {"id": "bad", "type": "span-create", "timestamp": "2026-11-23T02:57:18Z", "body": {"traceId": "t"}},
        ]}),
    );
    let (status, answer) = answered(&server, &request);
    assert_eq!((status, &answer["successes"]), (207, &json!([{"id": "good", "status": 201}])));
    let error = &answer["errors"][0];
    assert_eq!((&error["id"], &error["status"], &error["error"]), (&json!("bad"), &json!(400), &json!("missing_id")));
    assert!(error["message"].as_str().unwrap().contains("batch[1].body.id"), "{error}");
    let (status, turn) = server.get("/api/v1/traces/t/spans/t");
    assert_eq!((status, &turn["input"]["text"], &turn["output"]["text"]), (200, &json!("Hi"), &json!("Hello")));
    assert_eq!(answered(&server, &post("/api/public/ingestion", &json!({"batch": 7}))).0, 400);
}

#[test]
fn scores_come_alone_or_in_an_array() {
    let server = start();
    let requests = recorded("langfuse/5.0.4");
    assert_eq!(send(&server, &requests[0]), 200);
    let (status, answer) = answered(&server, &requests[1]);
    assert_eq!((status, answer["successes"].as_array().unwrap().len(), &answer["errors"]), (207, 9, &json!([])));
    let alone = json!({"id": "s1", "traceId": "748f7ce263923b59d6ac5dee4c819369", "name": "late", "value": 1});
    assert_eq!(answered(&server, &post("/api/public/scores", &alone)), (200, json!({"id": "s1"})));
    assert_eq!(answered(&server, &post("/api/public/scores", &json!({"name": "of nothing", "value": 1}))).0, 400);
    let (_, conversation) = server.get("/api/v1/conversations/sess-9b1e07aa");
    let scores: Vec<&str> =
        conversation["turns"][0]["scores"].as_array().unwrap().iter().map(|score| score["name"].as_str().unwrap()).collect();
    assert_eq!(scores, ["quality", "user-feedback", "late"]);
}

#[test]
fn any_order_and_any_pieces_show_the_same() {
    let seen = |server: &Server| {
        let (conversations, mut spans) = shown(server);
        spans.sort_by_key(|span| span["span_id"].to_string());
        (conversations, spans)
    };
    let whole = start();
    let requests = recorded("langfuse/2.60.10");
    requests.iter().for_each(|request| assert_eq!(send(&whole, request), 207));
    let pieces = start();
    for request in requests.iter().rev() {
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        for event in sent["batch"].as_array().unwrap().iter().rev() {
            assert_eq!(
                send(&pieces, &post("/api/public/ingestion", &json!({"batch": [event], "metadata": sent["metadata"]}))),
                207
            );
        }
    }
    assert_eq!(seen(&pieces), seen(&whole));
}

#[test]
fn what_clients_ask_before_they_send() {
    let server = start();
    let key = basic(&server);
    let projects = server.fetch("/api/public/projects", &[("authorization", &key)]);
    assert_eq!((projects.status, &projects.json()["data"][0]["name"]), (200, &json!("default")));
    assert_eq!(server.fetch("/api/public/projects", &[("authorization", "Basic cGs6c2s=")]).status, 401);
    assert_eq!(server.fetch("/api/public/health", &[]).json()["status"], "OK");
}

#[test]
fn a_file_is_a_medium_of_its_trace() {
    let server = start();
    let key = basic(&server);
    let bytes = crate::media::noise(70_000);
    let file = json!({"traceId": "t", "observationId": "o", "contentType": "image/png", "contentLength": bytes.len(), "field": "input",
        "sha256Hash": "ab+/cdefghijklmnopqrstuvwxyz0123456789ABCDEFG="});
    let asked = server.post("/api/public/media", &[("authorization", &key)], file.to_string());
    assert_eq!((asked.status, &asked.json()["mediaId"]), (201, &json!("ab-_cdefghijklmnopqrst")));
    let url = asked.json()["uploadUrl"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(server.url()).unwrap().to_owned();
    let put = |path: &str| {
        let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
        agent.put(format!("{}{path}", server.url())).header("content-type", "image/png").send(&bytes).unwrap().status().as_u16()
    };
    assert_eq!((put(&path), put(&path)), (200, 200), "without a key, and once more");
    assert_eq!(put("/api/public/media/ab-_cdefghijklmnopqrst?upload=guessed"), 403);
    assert_eq!(put(&path.replace("ab-_", "ab--")), 403, "the secret is for one file");
    let done = Recorded {
        method: "PATCH".to_owned(),
        ..post("/api/public/media/ab-_cdefghijklmnopqrst", &json!({"uploadHttpStatus": 200}))
    };
    assert_eq!(send(&server, &done), 204);
    let observation = json!({"id": "o", "traceId": "t", "name": "look", "input": "@@@langfuseMedia:type=image/png|id=ab-_cdefghijklmnopqrst|source=bytes@@@"});
    let batch = json!({"batch": [
        {"id": "1", "type": "trace-create", "timestamp": "2026-11-23T02:57:18Z", "body": {"id": "t", "input": "Hi", "output": "Hello"}},
        {"id": "2", "type": "span-create", "timestamp": "2026-11-23T02:57:18Z", "body": observation},
    ]});
    assert_eq!(send(&server, &post("/api/public/ingestion", &batch)), 207);
    let (_, page) = server.get("/api/v1/traces/t");
    let files: Vec<&Value> = page["spans"].as_array().unwrap().iter().filter(|span| span["kind"] == "event").collect();
    assert_eq!((files.len(), &files[0]["parent_id"]), (1, &json!("o")), "{page}");
    let (_, step) = server.get(&format!("/api/v1/traces/t/spans/{}", files[0]["span_id"].as_str().unwrap()));
    assert_eq!(step["attributes"]["langfuse.media.id"], "ab-_cdefghijklmnopqrst");
    let kept = server.fetch(step["output"]["messages"][0]["parts"][0]["uri"].as_str().unwrap(), &[("x-api-key", server.key())]);
    assert_eq!((kept.status, kept.content_type.as_str(), kept.body == bytes), (200, "image/png", true));
    assert_eq!(server.post("/api/public/media", &[("authorization", &key)], "{}").status, 400);
}
