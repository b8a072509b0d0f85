//! Members of a project: invited, seen, given another role and removed; what they do names them, and each role has its bounds.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::erasing::{erase, get, other_project};
use crate::{make_key, send_flow, start, wait_for};

fn path(project: &str) -> String {
    format!("/api/v1/projects/{project}/members")
}

/// Invites somebody; gives the status and the answer.
pub(super) fn invite(server: &Server, admin: &str, project: &str, name: &str, role: &str) -> (u16, Value) {
    let headers = [("x-api-key", admin), ("content-type", "application/json")];
    let answer = server.post(&path(project), &headers, json!({ "name": name, "role": role }).to_string());
    (answer.status, answer.json())
}

/// The id and the key of somebody who is invited to the first project.
fn joined(server: &Server, name: &str, role: &str) -> (String, String) {
    let (status, made) = invite(server, server.key(), "default", name, role);
    assert_eq!(status, 201, "{made}");
    (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
}

fn members(server: &Server) -> Vec<Value> {
    let (status, answer) = get(server, server.key(), &path("default"));
    assert_eq!(status, 200, "{answer}");
    answer["items"].as_array().unwrap().clone()
}

fn change(server: &Server, id: &str, name: &str, role: &str) -> (u16, Value) {
    let body = json!({ "name": name, "email": "ada@example.com", "role": role });
    let answer = server.put(&format!("{}/{id}", path("default")), server.key(), &body);
    (answer.status, if answer.status == 204 { Value::Null } else { answer.json() })
}

fn remove(server: &Server, id: &str) -> u16 {
    server.delete(&format!("{}/{id}", path("default")), server.key()).status
}

fn post(server: &Server, key: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = server.post(path, &[("x-api-key", key), ("content-type", "application/json")], body.to_string());
    (answer.status, answer.json())
}

#[test]
fn a_member_is_listed_with_a_role_that_can_be_changed_and_is_gone_when_removed() {
    let mut server = start();
    let (id, key) = joined(&server, "Ada", "viewer");
    joined(&server, "Grace", "admin");
    let [ada, grace] = &members(&server)[..] else { panic!("two members") };
    assert_eq!(
        (&ada["name"], &ada["role"], &ada["email"], &ada["seen_at"]),
        (&json!("Ada"), &json!("viewer"), &Value::Null, &Value::Null)
    );
    assert_eq!((&ada["id"], &grace["name"]), (&json!(id), &json!("Grace")));
    assert!(ada["created_at"].is_string());

    let signed_in = server.post("/api/v1/session", &[("content-type", "application/json")], json!({ "key": key }).to_string());
    let session = signed_in.json();
    assert_eq!((&session["member"], &session["scope"]), (&json!("Ada"), &json!("read")));
    let cookie = signed_in.headers["set-cookie"].split(';').next().unwrap().to_owned();
    let scope = || {
        let answer = server.fetch("/api/v1/session", &[("cookie", &cookie)]);
        (answer.status, answer.json()["scope"].clone())
    };
    assert_eq!(scope(), (200, json!("read")));
    assert_eq!(change(&server, &id, "Ada L.", "editor").0, 204);
    assert_eq!(scope(), (200, json!("edit")), "in the browser too, at once");
    server.stop();
    server.restart();
    let ada = members(&server).remove(0);
    assert_eq!((&ada["name"], &ada["role"], &ada["email"]), (&json!("Ada L."), &json!("editor"), &json!("ada@example.com")));
    assert!(ada["seen_at"].is_string(), "{ada}");

    assert_eq!(remove(&server, &id), 204);
    assert_eq!((remove(&server, &id), change(&server, &id, "Ada", "viewer").0), (404, 404));
    assert_eq!(get(&server, &key, "/api/v1/conversations").0, 401);
    assert_eq!(server.fetch("/api/v1/session", &[("cookie", &cookie)]).status, 401, "the browser is signed out");
    assert_eq!(members(&server).len(), 1);
}

#[test]
fn the_last_admin_stays_and_names_tell_members_apart() {
    let server = start();
    let (ada, _) = joined(&server, "Ada", "admin");
    let (grace, _) = joined(&server, "Grace", "viewer");
    assert_eq!(remove(&server, &ada), 409);
    let (status, problem) = change(&server, &ada, "Ada", "editor");
    assert_eq!((status, &problem["reason"]), (409, &json!("last_admin")), "{problem}");
    assert_eq!(change(&server, &grace, "Ada", "viewer").1["reason"], "exists");
    assert_eq!(invite(&server, server.key(), "default", "Ada", "viewer").0, 409);
    assert_eq!(change(&server, &grace, "Grace", "admin").0, 204);
    assert_eq!(remove(&server, &ada), 204);
    for (name, role, expect) in [(" ", "viewer", "name"), ("Alan", "owner", "viewer, editor, admin")] {
        let (status, problem) = invite(&server, server.key(), "default", name, role);
        assert!(status == 400 && problem["detail"].as_str().unwrap().contains(expect), "{problem}");
    }
}

#[test]
fn each_role_has_its_bounds() {
    let server = start();
    send_flow(&server);
    let trace = wait_for(&server, "/api/v1/traces", 1).remove(0)["trace_id"].clone();
    let keys = ["viewer", "editor", "admin"].map(|role| joined(&server, role, role).1);
    let each = |expect: [u16; 3], what: &str, ask: &dyn Fn(&str) -> u16| {
        assert_eq!([ask(&keys[0]), ask(&keys[1]), ask(&keys[2])], expect, "{what}");
    };
    each([200; 3], "reading", &|key| get(&server, key, "/api/v1/conversations").0);
    let score = json!({ "trace_id": trace, "name": "outcome", "value": 1 });
    each([403, 200, 200], "judging", &|key| post(&server, key, "/api/v1/scores", &score).0);
    for list in ["dashboards", "views"] {
        let path = format!("/api/v1/{list}");
        let revision = || get(&server, server.key(), &path).1["revision"].clone();
        each([403, 200, 200], list, &|key| server.put(&path, key, &json!({ "revision": revision(), "items": [] })).status);
    }
    each([403, 403, 200], "sending", &|key| server.post("/v1/trace", &[("token", key)], send_body()).status);
    each([403, 403, 200], "importing", &|key| {
        post(&server, key, "/api/v1/import", &json!({ "trace_id": "t", "span_id": "s" })).0
    });
    each([403, 403, 200], "prices", &|key| server.put("/api/v1/prices", key, &json!({ "own": [] })).status);
    each([403, 403, 200], "members", &|key| get(&server, key, &path("default")).0);
    each([403, 403, 201], "keys", &|key| post(&server, key, "/api/v1/projects/default/keys", &json!({ "scope": "read" })).0);
    each([403, 403, 202], "erasing", &|key| erase(&server, key, &json!({ "trace_id": "nowhere" })).status);
}

fn send_body() -> String {
    json!({ "task": "message", "interaction_id": "i", "trace_id": "s", "conversation_id": "c", "input": "in", "output": "out" })
        .to_string()
}

#[test]
fn what_a_member_judges_and_erases_names_them() {
    let server = start();
    send_flow(&server);
    let trace = wait_for(&server, "/api/v1/traces", 1).remove(0)["trace_id"].clone();
    let (_, key) = joined(&server, "Ada", "admin");
    let judge =
        |key: &str| post(&server, key, "/api/v1/scores", &json!({ "trace_id": trace, "id": "s", "name": "n", "value": 1 })).1;
    assert_eq!(judge(&key)["author"], "Ada");
    assert_eq!(judge(server.key())["author"], Value::Null, "whose judgement it is now, nobody knows");
    assert_eq!(judge(&make_key(&server, "ingest"))["author"], Value::Null);

    let begun = erase(&server, &key, &json!({ "trace_id": trace })).json();
    assert_eq!(begun["asked_by"], "Ada", "{begun}");
    erase(&server, server.key(), &json!({ "trace_id": "nowhere" }));
    let (_, listed) = get(&server, server.key(), "/api/v1/erasures");
    let by: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|row| &row["asked_by"]).collect();
    assert_eq!(by, [&Value::Null, &json!("Ada")]);
}

#[test]
fn an_admin_of_another_project_has_no_say() {
    let server = start();
    let (id, _) = joined(&server, "Ada", "viewer");
    let other = other_project(&server, "other");
    assert_eq!(get(&server, &other, &path("default")).0, 404);
    assert_eq!(invite(&server, &other, "default", "Eve", "admin").0, 404);
    for project in ["default", "other"] {
        let at = format!("{}/{id}", path(project));
        assert_eq!(server.delete(&at, &other).status, 404, "{project}");
        assert_eq!(server.put(&at, &other, &json!({ "name": "Eve", "role": "admin" })).status, 404, "{project}");
    }
    let (status, made) = invite(&server, server.key(), "other", "Ada", "admin");
    assert_eq!(status, 201, "the operator cares for every project: {made}");
    let (_, seen) = get(&server, made["key"].as_str().unwrap(), &path("other"));
    assert_eq!(seen["items"][0]["name"], "Ada");
}
