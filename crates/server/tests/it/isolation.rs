//! A key reads and changes its own project: every operation of the OpenAPI document is asked for with a foreign one.

use std::time::{Duration, Instant};

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::erasing::{erase, get, other_project, receipt};
use crate::media::{self, TRACE, image, noise, part};
use crate::{start, wait_for};

/// A word that is in everything of the project that is looked for.
const MARK: &str = "quetzalcoatlus";
const SPAN: &str = "0000000000000001";

/// Sends something of every kind that can be read, and gives the id of a medium.
fn fill(server: &Server) -> String {
    media::send(server, SPAN, &json!([image("image/png", &noise(50_000))]));
    let step = |interaction: &str| {
        json!({ "task": "message", "interaction_id": interaction, "conversation_id": MARK, "session_id": MARK, "channel_id": MARK,
            "user": { "id": MARK, "name": MARK }, "input": MARK, "output": MARK, "custom": { "key": MARK } })
    };
    assert_eq!(crate::members::invite(server, server.key(), "default", MARK, "viewer").0, 201);
    for interaction in [MARK, "erased"] {
        assert_eq!(server.post("/v1/trace", &[("token", server.key())], step(interaction).to_string()).status, 200);
    }
    let broken =
        server.post("/v1/traces", &[("x-api-key", server.key()), ("content-type", "application/json")], format!("{{{MARK}"));
    assert_eq!(broken.status, 400, "it is put into quarantine");
    wait_for(server, "/api/v1/traces", 3);
    let erased = erase(server, server.key(), &json!({ "trace_id": "erased" })).json();
    receipt(server, server.key(), &erased["id"]);
    wait_for(server, "/api/v1/traces", 2);
    let uri = part(server, SPAN, "")["uri"].as_str().unwrap().to_owned();
    uri.rsplit('/').next().unwrap().to_owned()
}

/// The path with what the project has in the place of its parameters. A parameter that is not known here is one to be added.
fn own_path(server: &Server, path: &str, medium: &str) -> String {
    let quarantined = server.get("/api/v1/quarantine").1["items"][0]["id"].to_string();
    let id = if path.contains("quarantine") { quarantined.as_str() } else { "1" };
    let known = [
        ("conversation_id", MARK),
        ("trace_id", TRACE),
        ("span_id", SPAN),
        ("media_id", medium),
        ("id", id),
        ("name", "default"),
    ];
    let filled = known.iter().fold(path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
    assert!(!filled.contains('{'), "this test does not know what to ask for at {path}");
    filled
}

#[test]
fn a_foreign_key_reads_nothing_of_a_project_at_any_path() {
    let server = start();
    let (foreign, medium) = (other_project(&server, "other"), fill(&server));
    let document = server.fetch("/api/v1/openapi.json", &[]).json();
    let mut shown = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let Some(operation) = operations.get("get") else { continue };
        // It does not end; `live` has a test of its own.
        if path.ends_with("/live") {
            continue;
        }
        let of_one = path.contains('{');
        let own = own_path(&server, path, &medium);
        let takes = |name: &str| operation["parameters"].as_array().into_iter().flatten().any(|known| known["name"] == name);
        let field = if takes("field") { "field=user_id" } else { "" };
        let mut queries = vec![field.to_owned()];
        if path.ends_with("/scores") {
            queries = vec![format!("trace_id={TRACE}"), format!("conversation_id={MARK}")];
        }
        // Both things that are compared are named, and neither is there for another.
        let compared = path.ends_with("/compare");
        if compared {
            queries = vec![format!("left_trace_id={TRACE}&right_trace_id={MARK}")];
        }
        if path.ends_with("/complete") {
            queries = vec!["q=user_id:".to_owned()];
        }
        if path.ends_with("/search") {
            queries = vec![format!("q={MARK}"), format!("q={MARK}&sort=relevance")];
        } else if takes("filter") {
            queries.extend([
                format!("q={MARK}&{field}"),
                format!("filter=user_id:*&{field}"),
                format!("conversation_id={MARK}&{field}"),
            ]);
        }
        for query in queries {
            let asked = format!("{own}?{query}");
            let ours = server.fetch(&asked, &[("x-api-key", server.key())]);
            assert_eq!(ours.status, 200, "{asked}");
            if String::from_utf8_lossy(&ours.body).contains(MARK) {
                shown.push(path.as_str());
            }
            let theirs = server.fetch(&asked, &[("x-api-key", &foreign)]);
            assert_eq!(theirs.status, if of_one || compared { 404 } else { 200 }, "{asked}");
            assert!(of_one || compared || !String::from_utf8_lossy(&theirs.body).contains(MARK), "{asked}");
            if !of_one && !compared {
                let told = theirs.json();
                assert!(!told.to_string().contains(MARK) && !told.to_string().contains("default"), "{asked}: {told}");
                // Of projects a key sees its own.
                let expect = if path.ends_with("/projects") { json!(["other"]) } else { json!([]) };
                let seen = |items: &Value| items.as_array().unwrap().iter().map(|item| item["name"].clone()).collect::<Value>();
                assert!(told.get("items").is_none_or(|items| seen(items) == expect), "{asked}: {told}");
            }
            assert_eq!(server.fetch(&asked, &[]).status, 401, "{asked} without a key");
        }
    }
    for path in [
        "conversations",
        "conversations/{conversation_id}",
        "traces",
        "spans",
        "users",
        "facets",
        "quarantine/{id}",
        "projects/{name}/members",
        "search",
        "export",
    ] {
        assert!(shown.contains(&format!("/api/v1/{path}").as_str()), "the own key finds it at {path}: {shown:?}");
    }

    for body in
        [json!({ "of": "spans", "group_by": [{ "field": "user_id" }] }), json!({ "of": "spans", "filter": { "q": MARK } })]
    {
        let headers = [("x-api-key", foreign.as_str()), ("content-type", "application/json")];
        let told: Value = server.post("/api/v1/aggregate", &headers, body.to_string()).json();
        assert_eq!(told["matched"], 0, "{told}");
    }
    let (_, theirs) = get(&server, &foreign, "/api/v1/status");
    assert_eq!(theirs["project"], "other");
}

/// What a foreign admin asks for that would change something of the project, and what is answered.
fn harm(path: &str, method: &str) -> Option<(Value, u16)> {
    Some(match (method, path) {
        ("post", "/api/v1/aggregate") => (json!({}), 200),
        ("post", "/api/v1/export") => (json!({}), 200),
        // What is imported is of the project of the key; of this line nothing is kept.
        ("post", "/api/v1/import") => (json!({ "trace_id": TRACE }), 200),
        ("post", "/api/v1/erasures") => (json!({ "conversation_id": MARK }), 202),
        ("post", "/api/v1/index/rebuild") => (json!({}), 202),
        ("put", "/api/v1/prices") => (json!({ "own": [] }), 200),
        ("put", "/api/v1/retention") => (json!({ "max_age_days": 1, "max_bytes": null }), 200),
        ("delete", "/api/v1/quarantine") => (Value::Null, 204),
        ("delete" | "post", "/api/v1/quarantine/{id}" | "/api/v1/quarantine/{id}/replay") => (Value::Null, 404),
        ("post", "/api/v1/scores") => (json!({ "trace_id": TRACE, "name": "n", "value": 1 }), 404),
        ("delete", "/api/v1/scores/{score_id}") => (Value::Null, 404),
        ("put", "/api/v1/dashboards" | "/api/v1/views") => (json!({ "revision": 0, "items": [] }), 200),
        ("post", "/api/v1/projects") => (json!({ "name": "more" }), 403),
        ("post", "/api/v1/projects/{name}/keys") => (json!({ "scope": "admin" }), 404),
        ("delete", "/api/v1/projects/{name}/keys/{key_id}") => (Value::Null, 404),
        ("post", "/api/v1/projects/{name}/members") => (json!({ "name": "n", "role": "admin" }), 404),
        ("put", "/api/v1/projects/{name}/members/{member_id}") => (json!({ "name": "n", "role": "admin" }), 404),
        ("delete", "/api/v1/projects/{name}/members/{member_id}") => (Value::Null, 404),
        // A session is that of who asks.
        (_, "/api/v1/session") => return None,
        _ => panic!("this test does not know what to ask for with {method} {path}"),
    })
}

#[test]
fn a_foreign_key_changes_nothing_of_a_project_at_any_path() {
    let server = start();
    let (foreign, medium) = (other_project(&server, "other"), fill(&server));
    let judged = json!({ "trace_id": TRACE, "name": "mine", "value": 1, "id": "mine" });
    let post = |path: &str, key: &str, body: &Value| {
        server.post(path, &[("x-api-key", key), ("content-type", "application/json")], body.to_string())
    };
    assert_eq!(post("/api/v1/scores", server.key(), &judged).status, 200);
    let shown = || {
        let read = |path: &str| server.get(path).1;
        let scores = read(&format!("/api/v1/scores?trace_id={TRACE}"))["items"].clone();
        let lists =
            ["traces", "quarantine", "erasures"].map(|list| read(&format!("/api/v1/{list}"))["items"].as_array().unwrap().len());
        let keys =
            read("/api/v1/projects/default/keys")["items"].as_array().unwrap().iter().map(|key| key["id"].clone()).collect();
        let members = read("/api/v1/projects/default/members")["items"].clone();
        (lists, scores, read("/api/v1/retention"), read("/api/v1/prices")["own"].clone(), Value::Array(keys), members)
    };
    let before = shown();
    assert_eq!((before.0, before.1.as_array().unwrap().len()), ([2, 1, 1], 1), "there is something to harm");
    let document = server.fetch("/api/v1/openapi.json", &[]).json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys().filter(|method| *method != "get") {
            let Some((body, expect)) = harm(path, method) else { continue };
            let ids = [("{key_id}", &before.4[0]), ("{member_id}", &before.5[0]["id"])];
            let path = &ids.iter().fold(path.clone(), |path, (name, id)| path.replace(name, id.as_str().unwrap()));
            let own = own_path(&server, &path.replace("{score_id}", "mine"), &medium);
            let own = if path.ends_with("{score_id}") { format!("{own}?trace_id={TRACE}") } else { own };
            let status = match method.as_str() {
                "post" => post(&own, &foreign, &body).status,
                "put" => server.put(&own, &foreign, &body).status,
                "delete" => server.delete(&own, &foreign).status,
                other => panic!("{other} {path}"),
            };
            assert_eq!(status, expect, "{method} {own}");
        }
    }
    // Lists are empty for a moment while the index is made anew.
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut after = shown();
    while after != before && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        after = shown();
    }
    assert_eq!(after, before);
}
