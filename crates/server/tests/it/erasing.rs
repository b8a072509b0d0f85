//! Erasing with receipts, what is kept and for how long, and what takes up the disk, over HTTP.

use std::time::{Duration, Instant};

use neuraltrust_testing::{Answer, Server};
use serde_json::{Value, json};

use crate::{make_key, metric, start, wait_for};

/// One turn of a user.
fn send(server: &Server, key: &str, turn: u32, user: &str) {
    let step = json!({ "task": "message", "interaction_id": format!("i{turn}"), "trace_id": format!("t{turn}"),
        "conversation_id": format!("c{}", turn / 2), "user": { "id": user }, "input": format!("order {turn}"), "output": "Yes." });
    assert_eq!(server.post("/v1/trace", &[("token", key)], step.to_string()).status, 200);
}

pub(super) fn erase(server: &Server, key: &str, body: &Value) -> Answer {
    server.post("/api/v1/erasures", &[("x-api-key", key), ("content-type", "application/json")], body.to_string())
}

/// What the server answers to this key.
pub(super) fn get(server: &Server, key: &str, path: &str) -> (u16, Value) {
    let answer = server.fetch(path, &[("x-api-key", key)]);
    (answer.status, answer.json())
}

/// The receipt, once nothing is left.
#[track_caller]
pub(super) fn receipt(server: &Server, key: &str, id: &Value) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (status, erasure) = get(server, key, &format!("/api/v1/erasures/{id}"));
        assert_eq!(status, 200, "{erasure}");
        if !erasure["done_at"].is_null() {
            return erasure;
        }
        assert!(Instant::now() < deadline, "the erasure does not end: {erasure}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An admin key of a project of that name, which is made.
pub(super) fn other_project(server: &Server, name: &str) -> String {
    let admin = [("x-api-key", server.key()), ("content-type", "application/json")];
    assert_eq!(server.post("/api/v1/projects", &admin, json!({ "name": name }).to_string()).status, 201);
    let made = server.post(&format!("/api/v1/projects/{name}/keys"), &admin, json!({ "scope": "admin" }).to_string());
    made.json()["key"].as_str().unwrap().to_owned()
}

#[test]
fn a_user_is_erased_and_the_receipt_says_what_was_there() {
    let server = start();
    let key = server.key();
    for (turn, user) in [(0, "ada"), (1, "ada"), (2, "grace"), (3, "ada")] {
        send(&server, key, turn, user);
    }
    wait_for(&server, "/api/v1/traces", 4);
    let answer = erase(&server, key, &json!({ "user_id": "ada" }));
    let begun = answer.json();
    assert_eq!((answer.status, &begun["asked"], &begun["trace_count"]), (202, &json!({ "user_id": "ada" }), &json!(3)));

    let done = receipt(&server, key, &begun["id"]);
    assert_eq!((&done["trace_count"], &done["spans"]), (&json!(3), &json!(3)));
    assert!(done["patches"].as_u64().unwrap() >= 3 && done["bytes"].as_u64().unwrap() > 0, "{done}");
    for trace in done["traces"].as_array().unwrap() {
        assert_eq!((&trace["spans"], trace["hash"].as_str().unwrap().len()), (&json!(1), 64), "{trace}");
    }
    assert_eq!(wait_for(&server, "/api/v1/traces", 1)[0]["trace_id"], "i2", "another user's turn");
    assert_eq!(server.get("/api/v1/traces/i0").0, 404);
    assert_eq!(metric(&server, "neuraltrust_erasures_open", ""), 0.0);

    // What comes later is new.
    send(&server, key, 0, "ada");
    wait_for(&server, "/api/v1/traces?user_id=ada", 1);
    let asked = erase(&server, key, &json!({ "filter": { "q": "order", "user_id": ["ada", "nobody"] } })).json();
    assert_eq!(receipt(&server, key, &asked["id"])["asked"]["filter"]["q"], "order");
    let asked = erase(&server, key, &json!({ "conversation_id": "c1" })).json();
    assert_eq!(receipt(&server, key, &asked["id"])["trace_count"], 1);
    wait_for(&server, "/api/v1/traces", 0);

    let (_, list) = server.get("/api/v1/erasures?limit=2");
    let ids = |list: &Value| list["items"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>();
    assert_eq!(ids(&list), [3, 2], "newest first");
    assert!(list["items"][0].get("traces").is_none(), "a list does not repeat receipts");
    let (_, rest) = server.get(&format!("/api/v1/erasures?limit=2&cursor={}", list["next_cursor"].as_str().unwrap()));
    assert_eq!((ids(&rest), &rest["next_cursor"]), (vec![1], &Value::Null));
}

#[test]
fn no_more_is_erased_than_was_asked_for() {
    let server = start();
    for turn in [4, 47, 471] {
        send(&server, server.key(), turn, "ada");
    }
    wait_for(&server, "/api/v1/traces", 3);
    wait_for(&server, "/api/v1/traces?q=order+47", 2);
    for filter in [json!({ "q": "order 47" }), json!({ "filter": "order 4" })] {
        let begun = erase(&server, server.key(), &json!({ "filter": filter })).json();
        assert_eq!(receipt(&server, server.key(), &begun["id"])["trace_count"], 1, "a word is a whole word: {filter}");
    }
    assert_eq!(wait_for(&server, "/api/v1/traces", 1)[0]["trace_id"], "i471");
    for q in ["kind:message \"order 4", "-\"?!\"", "-"] {
        let answer = erase(&server, server.key(), &json!({ "filter": { "q": q } }));
        assert_eq!((answer.status, &answer.json()["reason"]), (400, &json!("bad_query")), "{q}");
    }
    wait_for(&server, "/api/v1/traces", 1);
}

#[test]
fn an_erasure_that_finds_nothing_says_so_and_is_done() {
    let server = start();
    for body in [json!({ "user_id": "nobody" }), json!({ "trace_id": "none" }), json!({ "conversation_id": "none" })] {
        let answer = erase(&server, server.key(), &body);
        let erasure = answer.json();
        assert_eq!((answer.status, &erasure["trace_count"], &erasure["traces"]), (202, &json!(0), &json!([])));
        assert_eq!(erasure["done_at"], erasure["requested_at"], "{erasure}");
    }
}

#[test]
fn a_key_erases_and_sees_its_own_project_only() {
    let server = start();
    let (key, foreign) = (server.key(), other_project(&server, "other"));
    send(&server, key, 0, "ada");
    wait_for(&server, "/api/v1/traces", 1);
    for body in [json!({ "user_id": "ada" }), json!({ "trace_id": "i0" }), json!({ "conversation_id": "c0" })] {
        assert_eq!(erase(&server, &foreign, &body).json()["trace_count"], 0, "{body}");
    }
    wait_for(&server, "/api/v1/traces", 1);
    let id = erase(&server, key, &json!({ "trace_id": "i0" })).json()["id"].clone();
    assert_eq!(get(&server, &foreign, &format!("/api/v1/erasures/{id}")).0, 404);
    assert_eq!(get(&server, &foreign, "/api/v1/erasures").1["items"].as_array().unwrap().len(), 3);
    assert_eq!(receipt(&server, key, &id)["trace_count"], 1);

    for scope in ["read", "ingest"] {
        let weak = make_key(&server, scope);
        assert_eq!(erase(&server, &weak, &json!({ "trace_id": "i0" })).status, 403);
        for path in ["/api/v1/erasures", "/api/v1/erasures/1", "/api/v1/retention", "/api/v1/disk"] {
            assert_eq!(get(&server, &weak, path).0, 403, "{path}");
        }
        assert_eq!(server.put("/api/v1/retention", &weak, &json!({ "max_age_days": 1, "max_bytes": null })).status, 403);
    }
}

#[test]
fn a_body_that_is_not_one_thing_erases_nothing() {
    let server = start();
    send(&server, server.key(), 0, "ada");
    wait_for(&server, "/api/v1/traces", 1);
    for (body, says) in [
        (json!({}), "exactly one of"),
        (json!({ "user_id": "ada", "trace_id": "i0" }), "exactly one of"),
        (json!({ "user_id": " " }), "user_id"),
        (json!({ "trace_id": "" }), "trace_id"),
        (json!({ "conversation_id": "x".repeat(200) }), "conversation_id"),
        (json!({ "session_id": "s" }), "session_id"),
        (json!({ "user_id": 7 }), "user_id"),
        (json!({ "filter": {} }), "names nothing"),
        (json!({ "filter": { "q": " ", "filter": [] } }), "names nothing"),
        (json!({ "filter": { "name": "n".repeat(300) } }), "begins alike"),
        (json!({ "filter": { "colour": "red" } }), "colour"),
        (json!({ "filter": "user_id:ada" }), "filter"),
        (json!([]), "invalid"),
    ] {
        let answer = erase(&server, server.key(), &body);
        let said = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 400 && said.contains(says), "{body}: {} {said}", answer.status);
    }
    assert_eq!(server.get("/api/v1/erasures").1["items"], json!([]));
    assert_eq!(server.get("/api/v1/erasures/7").0, 404);
    for path in ["/api/v1/erasures/x", "/api/v1/erasures/0", "/api/v1/erasures?cursor=x", "/api/v1/erasures?limit=0"] {
        assert_eq!(server.get(path).0, 400, "{path}");
    }
    wait_for(&server, "/api/v1/traces", 1);
}

#[test]
fn what_is_kept_is_set_by_project_and_nonsense_is_refused() {
    let mut server = start();
    let key = server.key().to_owned();
    let foreign = other_project(&server, "other");
    let all = json!({ "max_age_days": null, "max_bytes": null });
    assert_eq!(server.get("/api/v1/retention"), (200, all.clone()), "everything is kept until somebody says otherwise");
    let kept = json!({ "max_age_days": 90, "max_bytes": 1_u64 << 33 });
    let answer = server.put("/api/v1/retention", &key, &kept);
    assert_eq!((answer.status, answer.json()), (200, kept.clone()));
    for (body, says) in [
        (json!({ "max_age_days": 0, "max_bytes": null }), "max_age_days"),
        (json!({ "max_age_days": -1, "max_bytes": null }), "from 1 to 36500"),
        (json!({ "max_age_days": 40_000, "max_bytes": null }), "max_age_days"),
        (json!({ "max_age_days": 1.5, "max_bytes": null }), "max_age_days"),
        (json!({ "max_age_days": "90", "max_bytes": null }), "max_age_days"),
        (json!({ "max_age_days": null, "max_bytes": 0 }), "max_bytes"),
        (json!({ "max_age_days": null, "max_bytes": -5 }), "null keeps all"),
        (json!({ "max_age_days": 90 }), "max_bytes"),
        (json!({}), "max_age_days"),
        (json!({ "max_age_days": null, "max_bytes": null, "max_age": 1 }), "max_age"),
    ] {
        let answer = server.put("/api/v1/retention", &key, &body);
        let said = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 400 && said.contains(says), "{body}: {} {said}", answer.status);
    }
    assert_eq!(get(&server, &foreign, "/api/v1/retention").1, all, "another project is another's");
    server.stop();
    server.restart();
    assert_eq!(server.get("/api/v1/retention"), (200, kept));
    assert_eq!(server.put("/api/v1/retention", &key, &all).status, 200);
    assert_eq!(server.get("/api/v1/retention"), (200, all));
}

#[test]
fn the_disk_is_told_as_a_whole_and_of_the_own_project() {
    let server = start();
    let foreign = other_project(&server, "other");
    send(&server, server.key(), 0, "ada");
    wait_for(&server, "/api/v1/traces", 1);
    let (status, own) = server.get("/api/v1/disk");
    assert_eq!((status, &own["project"]["name"], &own["project"]["patches"]), (200, &json!("default"), &json!(1)));
    assert!(own["project"]["record"].as_u64().unwrap() > 0, "{own}");
    let (_, told) = get(&server, &foreign, "/api/v1/disk");
    assert_eq!((&told["project"]["name"], &told["project"]["record"]), (&json!("other"), &json!(0)));
    assert!(told["other_projects"].as_u64().unwrap() > 0 && !told.to_string().contains("default"), "{told}");
    for cause in ["record", "log", "index", "other"] {
        assert!(metric(&server, "neuraltrust_disk_bytes", &format!("cause=\"{cause}\"")) > 0.0, "{cause}");
    }
}
