//! Phoenix's clients beside their spans: annotations and notes, whenever they come.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::media::{TRACE, send as send_span};
use crate::replays::{Recorded, answered, shown};
use crate::start;

const SPAN: &str = "0000000000000001";

fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let (method, path) = ("POST".to_owned(), path.to_owned());
    answered(server, &Recorded { method, path, headers, body: body.to_string().into_bytes() })
}

#[test]
fn annotations_come_before_and_after_what_they_are_about() {
    for backwards in [false, true] {
        let server = start();
        let span = || send_span(&server, SPAN, &json!([{"role": "user", "content": "Hi"}]));
        if !backwards {
            span();
        }
        let result = json!({"label": "good", "score": 0.9, "explanation": "kind"});
        let tone = json!({"data": [{"span_id": SPAN, "name": "tone", "annotator_kind": "HUMAN", "result": result}]});
        let (status, answer) = post(&server, "/v1/span_annotations?sync=true", &tone);
        assert_eq!((status, answer), (200, json!({"data": [{"id": format!("{SPAN}:tone")}]})));
        let whole = json!({"data": [{"trace_id": TRACE, "name": "done", "annotator_kind": "LLM", "result": {"label": "yes"}}]});
        assert_eq!(post(&server, "/v1/trace_annotations", &whole).0, 200);
        let session = json!({"data": [{"session_id": "c", "name": "happy", "annotator_kind": "CODE", "result": {"score": 1}}]});
        assert_eq!(post(&server, "/v1/session_annotations", &session).0, 200);
        let note = json!({"data": {"span_id": SPAN, "note": "look here"}});
        let (status, answer) = post(&server, "/v1/span_notes", &note);
        assert!(status == 200 && answer["data"]["id"].as_str().unwrap().starts_with(&format!("{SPAN}:note:")), "{answer}");
        if backwards {
            span();
        }
        shown(&server);
        let (status, span) = server.get(&format!("/api/v1/traces/{TRACE}/spans/{SPAN}"));
        assert_eq!(status, 200);
        let mut scores: Vec<_> =
            span["scores"].as_array().unwrap().iter().map(|score| (&score["name"], &score["value"], &score["comment"])).collect();
        scores.sort_by_key(|(name, ..)| name.to_string());
        assert_eq!(
            scores,
            [(&json!("note"), &json!(null), &json!("look here")), (&json!("tone"), &json!(0.9), &json!("good: kind"))],
            "backwards: {backwards}"
        );
        let (_, of_trace) = server.get(&format!("/api/v1/scores?trace_id={TRACE}&name=done"));
        assert_eq!((&of_trace["items"][0]["target"], &of_trace["items"][0]["value"]), (&json!("trace"), &json!("yes")));
        let (_, of_all) = server.get("/api/v1/scores?conversation_id=c&name=happy");
        assert_eq!((&of_all["items"][0]["source"], &of_all["items"][0]["value"]), (&json!("evaluator"), &json!(1)));
    }
}

#[test]
fn what_clients_ask_and_what_is_refused() {
    let server = start();
    let version = server.fetch("/arize_phoenix_version", &[]);
    assert_eq!(String::from_utf8(version.body).unwrap().split('.').count(), 3, "three numbers");
    let good = json!({"span_id": SPAN, "name": "tone", "result": {"score": 1}});
    let (status, answer) = post(&server, "/v1/span_annotations", &json!({"data": [{"name": "tone"}, good]}));
    assert_eq!(status, 422);
    assert!(answer["detail"].as_str().unwrap().contains("data[0].span_id"), "{answer}");
    send_span(&server, SPAN, &json!([{"role": "user", "content": "Hi"}]));
    assert_eq!(
        server.get(&format!("/api/v1/traces/{TRACE}/spans/{SPAN}")).1["scores"][0]["name"],
        "tone",
        "the good one is kept"
    );
    assert_eq!(post(&server, "/v1/span_notes", &json!({"data": {"note": "x"}})).0, 400);
    assert_eq!(server.post("/v1/span_annotations", &[], "{}").status, 401);
    let (status, answer) = post(&server, "/v1/datasets/upload", &json!({}));
    assert_eq!((status, &answer["reason"]), (404, &json!("not_found")));
}
