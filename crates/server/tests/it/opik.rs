//! Opik's client, and what each of its requests is answered with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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

/// Uploads a file as the client does: asks for an address, and puts the bytes there.
fn attach(server: &Server, entity_type: &str, entity_id: &str, name: &str, bytes: &[u8]) -> u16 {
    let base = format!("{}/opik/api/", server.url());
    let asked = json!({"file_name": name, "num_of_file_parts": 1, "mime_type": "image/png", "project_name": "shop",
        "entity_type": entity_type, "entity_id": entity_id, "path": STANDARD.encode(&base)});
    let (status, answer) = answered(server, &request("POST", "/opik/api/v1/private/attachment/upload-start", &asked));
    assert_eq!((status, &answer["upload_id"]), (200, &json!("BEMinIO")), "{answer}");
    let url = answer["pre_sign_urls"][0].as_str().unwrap();
    assert!(url.starts_with(&format!("{base}v1/private/attachment/upload?")), "{url}");
    let path = url.strip_prefix(server.url()).unwrap().to_owned();
    let upload = Recorded { method: "PUT".to_owned(), path, headers: Vec::new(), body: bytes.to_vec() };
    send(server, &upload)
}

#[test]
fn attachments_are_media_of_their_trace_whenever_they_come() {
    const TRACE: &str = "01a20658-8267-73ad-9528-20908f8f54ed";
    const SPAN: &str = "01a20658-8268-7028-b0c9-b8464b341082";
    let picture = crate::media::noise(300_000);
    let seen = |backwards: bool| {
        let server = start();
        let trace = json!({"id": TRACE, "name": "turn", "start_time": "2026-11-23T02:59:54Z", "input": {"q": "What is this?"},
            "thread_id": "c", "end_time": "2026-11-23T02:59:56Z", "output": {"output": "A parcel."}});
        let span = json!({"id": SPAN, "trace_id": TRACE, "name": "look", "type": "tool", "start_time": "2026-11-23T02:59:54Z"});
        let acts: [&dyn Fn() -> u16; 4] = [
            &|| send(&server, &request("POST", "/api/v1/private/traces", &trace)),
            &|| send(&server, &request("POST", "/api/v1/private/spans", &span)),
            &|| attach(&server, "trace", TRACE, "parcel & label.png", &picture),
            &|| attach(&server, "span", SPAN, "detail.png", &picture[..5_000]),
        ];
        let order: Vec<usize> = if backwards { vec![3, 2, 1, 0, 3] } else { vec![0, 1, 2, 3] };
        order.into_iter().for_each(|n| assert!((200..300).contains(&acts[n]()), "{n}"));
        shown(&server);
        let (_, page) = server.get(&format!("/api/v1/traces/{TRACE}"));
        let files: Vec<&Value> = page["spans"].as_array().unwrap().iter().filter(|span| span["kind"] == "event").collect();
        assert_eq!(files.len(), 2, "{page}");
        let of = |name: &str| {
            let row = files.iter().find(|span| span["name"] == name).unwrap();
            let (_, file) = server.get(&format!("/api/v1/traces/{TRACE}/spans/{}", row["span_id"].as_str().unwrap()));
            let part = file["output"]["messages"][0]["parts"][0].clone();
            let kept = server.fetch(part["uri"].as_str().unwrap(), &[("x-api-key", server.key())]);
            assert_eq!((kept.status, kept.content_type.as_str()), (200, "image/png"));
            (row["parent_id"].clone(), file["attributes"]["project_name"].clone(), kept.body)
        };
        assert!(of("parcel & label.png") == (json!(TRACE), json!("shop"), picture.clone()));
        assert!(of("detail.png") == (json!(SPAN), json!("shop"), picture[..5_000].to_vec()));
        let (_, conversation) = server.get("/api/v1/conversations/c");
        let turns = conversation["turns"].as_array().unwrap();
        assert_eq!((turns.len(), &turns[0]["output"]["text"]), (1, &json!("A parcel.")));
        assert_eq!(server.get("/api/v1/traces").1["items"].as_array().unwrap().len(), 1, "no other trace is shown");
    };
    seen(false);
    seen(true);
}

#[test]
fn what_is_not_offered_is_said_in_the_clients_form() {
    let server = start();
    let (status, answer) = answered(&server, &request("PUT", "/api/v1/private/datasets", &json!({"name": "d"})));
    assert_eq!((status, &answer["code"], &answer["reason"]), (501, &json!(501), &json!("not_offered")));
    assert!(answer["message"].as_str().unwrap().starts_with("/api/v1/private/datasets is not offered here"), "{answer}");
    let (status, answer) = answered(&server, &request("POST", "/api/v1/private/spans", &json!({"id": "s"})));
    assert_eq!((status, &answer["code"]), (400, &json!(400)));
    assert!(answer["message"].as_str().unwrap().starts_with("trace_id"), "{answer}");
    assert_eq!(server.fetch("/api/v1/private/datasets", &[]).status, 401);
    assert_eq!(attach(&server, "trace", "t", "empty", b""), 204);
    let bad = request("POST", "/api/v1/private/attachment/upload-start", &json!({"file_name": "a"}));
    assert_eq!(send(&server, &bad), 400);
    let complete = request("POST", "/api/v1/private/attachment/upload-complete", &json!({}));
    assert_eq!(send(&server, &complete), 204);
}
