//! LangSmith's clients, and what each of their requests is answered with.

use serde_json::{Value, json};

use crate::replays::{Recorded, answered, recorded, send, shown};
use crate::start;

fn request(method: &str, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Recorded {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    Recorded { method: method.to_owned(), path: path.to_owned(), headers, body: body.into() }
}

#[test]
fn the_client_may_be_configured_with_any_prefix() {
    let seen = |prefix: &str| {
        let server = start();
        for mut request in recorded("langsmith/python-multipart-zstd") {
            request.path = format!("{prefix}{}", request.path);
            let expect = if request.method == "GET" { 200 } else { 202 };
            assert_eq!(send(&server, &request), expect, "{} {}", request.method, request.path);
        }
        let (conversations, mut spans) = shown(&server);
        spans.sort_by_key(|span| span["span_id"].to_string());
        (conversations, spans)
    };
    let plain = seen("");
    assert!(plain.0.iter().any(|conversation| conversation["conversation_id"] == "conv-2f6c1d88-orders"));
    assert_eq!(seen("/api/v1"), plain);
}

#[test]
fn a_run_goes_on_and_is_judged_before_or_after_it_is_known() {
    const RUN: &str = "11111111-1111-4111-8111-111111111111";
    let server = start();
    let json = "application/json";
    let judgement = json!({"id": "f1", "run_id": RUN, "key": "tone", "score": 0.5});
    assert_eq!(send(&server, &request("POST", "/api/v1/feedback", json, judgement.to_string())), 202);
    let run = json!({"id": RUN, "trace_id": RUN, "run_type": "chain", "name": "turn", "start_time": "2026-11-23T00:00:00Z", "inputs": {"q": "Hi"}});
    assert_eq!(send(&server, &request("POST", "/api/v1/runs", json, run.to_string())), 202);
    let end = json!({"trace_id": RUN, "end_time": "2026-11-23T00:00:01Z", "outputs": {"output": "Hello"}});
    assert_eq!(send(&server, &request("PATCH", &format!("/api/v1/runs/{RUN}"), json, end.to_string())), 202);
    let (status, turn) = server.get(&format!("/api/v1/traces/{RUN}/spans/{RUN}"));
    assert_eq!((status, &turn["duration_ms"], &turn["output"]["text"]), (200, &json!(1000.0), &json!("Hello")));
    assert_eq!(turn["scores"][0]["name"], "tone");
}

#[test]
fn a_run_of_which_only_the_ids_are_told_is_there() {
    const RUN: &str = "22222222-2222-4222-8222-222222222222";
    let server = start();
    let run = json!({"id": RUN, "trace_id": RUN});
    assert_eq!(send(&server, &request("POST", "/runs", "application/json", run.to_string())), 202);
    let path = format!("/api/v1/traces/{RUN}/spans/{RUN}");
    let (status, turn) = server.get(&path);
    assert_eq!((status, &turn["kind"]), (200, &json!("message")), "{turn}");
    let more = json!({"run_type": "tool", "name": "look", "start_time": "2026-11-23T00:00:00Z"});
    assert_eq!(send(&server, &request("PATCH", &format!("/runs/{RUN}"), "application/json", more.to_string())), 202);
    let (_, turn) = server.get(&path);
    assert_eq!((&turn["kind"], &turn["name"]), (&json!("tool"), &json!("look")));
}

#[test]
fn the_bytes_of_an_attachment_are_kept() {
    let server = start();
    let picture: Vec<u8> = b"\x89PNG\r\n\x1a\n".iter().copied().chain((0..4_096_u32).map(|n| (n % 251) as u8)).collect();
    let part = |name: &str, content_type: &str, body: &[u8]| {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {content_type}\r\n\r\n");
        [head.as_bytes(), body, b"\r\n"].concat()
    };
    let run = br#"{"id": "r", "trace_id": "r", "run_type": "chain", "name": "turn", "start_time": "2026-11-23T00:00:00Z",
        "end_time": "2026-11-23T00:00:01Z"}"#;
    let form = [
        part("post.r", "application/json", run),
        part("post.r.inputs", "application/json", br#"{"question": "What is this?"}"#),
        part("attachment.r.pic", "image/png", &picture),
        b"--b--\r\n".to_vec(),
    ];
    let (status, answer) =
        answered(&server, &request("POST", "/runs/multipart", "multipart/form-data; boundary=b", form.concat()));
    assert_eq!((status, &answer["errors"]), (202, &Value::Null));
    let (_, turn) = server.get("/api/v1/traces/r/spans/r");
    let media = &turn["input"]["messages"][0]["parts"][1];
    assert_eq!((&media["mime_type"], &media["name"]), (&json!("image/png"), &json!("pic")));
    let kept = server.fetch(media["uri"].as_str().unwrap(), &[("x-api-key", server.key())]);
    assert_eq!((kept.status, kept.body == picture), (200, true));
}

#[test]
fn sessions_are_known_by_their_names() {
    let server = start();
    let run = json!({"id": "r", "trace_id": "r", "run_type": "chain", "name": "turn", "session_name": "shop", "start_time": "2026-11-23T00:00:00Z"});
    assert_eq!(send(&server, &request("POST", "/runs", "application/json", run.to_string())), 202);
    shown(&server);
    let get = |path: &str| {
        let answer = server.fetch(path, &[("x-api-key", server.key())]);
        (answer.status, answer.json())
    };
    let names = |answer: &Value| answer.as_array().unwrap().iter().map(|session| session["name"].clone()).collect::<Value>();
    let (status, listed) = get("/sessions?limit=100&offset=0");
    assert_eq!((status, names(&listed)), (200, json!(["shop", "default"])));
    let (_, asked) = get("/sessions?name=shop&limit=1&include_stats=true");
    assert_eq!((names(&asked), &asked[0]["id"]), (json!(["shop"]), &listed[0]["id"]));
    let ours = server.get("/api/v1/sessions").1;
    assert!(ours["items"].is_array(), "the server's own API has people's sessions there: {ours}");
    let theirs =
        server.fetch("/api/v1/sessions?name=shop", &[("x-api-key", server.key()), ("user-agent", "langsmith-py/0.15.0")]);
    assert_eq!((theirs.status, &theirs.json()[0]["id"]), (200, &asked[0]["id"]));
    let id = asked[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 36, "a UUID");
    assert_eq!(get(&format!("/sessions/{id}")).1["name"], "shop");
    assert_eq!(get("/sessions/00000000-0000-8000-8000-000000000000").0, 404);
    let act =
        |method: &str, path: &str, body: Value| answered(&server, &request(method, path, "application/json", body.to_string()));
    let (status, made) =
        act("POST", "/api/v1/sessions?upsert=true", json!({"name": "shop", "description": "ours", "extra": {"a": 1}}));
    assert_eq!((status, &made["id"], &made["description"], &made["extra"]["a"]), (200, &json!(id), &json!("ours"), &json!(1)));
    let (status, ended) = act("PATCH", &format!("/sessions/{id}"), json!({"end_time": "2026-11-23T00:00:00Z"}));
    assert_eq!((status, &ended["name"], &ended["end_time"]), (200, &json!("shop"), &json!("2026-11-23T00:00:00Z")));
    assert_eq!(act("POST", "/sessions", json!({})).0, 400);
    assert_eq!(act("DELETE", &format!("/sessions/{id}"), json!({})).1["reason"], "not_offered");
    // A browser gets the page, which has lists of these names.
    for path in ["/sessions", "/sessions/s"] {
        let page = server.fetch(path, &[("accept", "text/html")]);
        assert!(page.status != 401 && !page.content_type.contains("json"), "{path}: {}", page.status);
    }
}

#[test]
fn what_is_not_there_is_told_to_programs_and_not_shown_as_a_page() {
    let server = start();
    for path in ["/datasets?name=d", "/commits/-/prompt/latest", "/repos", "/settings"] {
        let answer = server.fetch(path, &[("x-api-key", server.key())]);
        assert_eq!((answer.status, &answer.json()["reason"]), (404, &json!("not_found")), "{path}");
    }
}

#[test]
fn the_files_of_a_run_that_is_told_in_two_messages_are_not_lost() {
    let server = start();
    let picture = crate::media::noise(5_000);
    let part = |name: &str, content_type: &str, body: &[u8]| {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {content_type}\r\n\r\n");
        [head.as_bytes(), body, b"\r\n"].concat()
    };
    let (begins, ends) = (
        br#"{"id": "r", "trace_id": "r", "run_type": "chain", "name": "turn", "start_time": "2026-11-23T00:00:00Z"}"#,
        br#"{"id": "r", "trace_id": "r", "end_time": "2026-11-23T00:00:01Z"}"#,
    );
    let inputs = br#"{"question": "What is this?"}"#;
    let form = [
        part("post.r", "application/json", begins),
        part("post.r.inputs", "application/json", inputs),
        part("attachment.r.pic", "image/png", &picture),
        part("patch.r", "application/json", ends),
        part("patch.r.inputs", "application/json", inputs),
        b"--b--\r\n".to_vec(),
    ];
    assert_eq!(send(&server, &request("POST", "/runs/multipart", "multipart/form-data; boundary=b", form.concat())), 202);
    let (_, page) = server.get("/api/v1/traces/r");
    let file = page["spans"].as_array().unwrap().iter().find(|span| span["name"] == "pic").unwrap();
    assert_eq!((&file["kind"], &file["parent_id"]), (&json!("event"), &json!("r")));
    let (_, file) = server.get(&format!("/api/v1/traces/r/spans/{}", file["span_id"].as_str().unwrap()));
    let kept = server.fetch(file["output"]["messages"][0]["parts"][0]["uri"].as_str().unwrap(), &[("x-api-key", server.key())]);
    assert_eq!((kept.status, kept.body == picture), (200, true));
}
