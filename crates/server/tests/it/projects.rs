//! Projects and keys as administrators see them: listed by how they begin, revoked at once, and nobody else's business.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::start;

/// An admin key of a new project.
fn make_project(server: &Server, name: &str) -> String {
    let admin = bearer(server.key());
    let made = server.post("/api/v1/projects", &headers(&admin), json!({ "name": name }).to_string());
    assert_eq!(made.status, 201, "{}", made.json());
    make_key(server, server.key(), name, "admin")
}

fn make_key(server: &Server, admin: &str, project: &str, scope: &str) -> String {
    let (admin, path) = (bearer(admin), format!("/api/v1/projects/{project}/keys"));
    let made = server.post(&path, &headers(&admin), json!({ "scope": scope }).to_string());
    assert_eq!(made.status, 201, "{}", made.json());
    made.json()["key"].as_str().unwrap().to_owned()
}

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

fn headers(bearer: &str) -> [(&str, &str); 2] {
    [("authorization", bearer), ("content-type", "application/json")]
}

fn get(server: &Server, key: &str, path: &str) -> (u16, Value) {
    let answer = server.fetch(path, &[("x-api-key", key)]);
    (answer.status, answer.json())
}

fn keys(server: &Server, admin: &str, project: &str) -> Vec<Value> {
    let (status, answer) = get(server, admin, &format!("/api/v1/projects/{project}/keys"));
    assert_eq!(status, 200, "{answer}");
    answer["items"].as_array().unwrap().clone()
}

fn revoke(server: &Server, admin: &str, project: &str, id: &str) -> u16 {
    server.delete(&format!("/api/v1/projects/{project}/keys/{id}"), admin).status
}

/// The id of a key in the list of its project.
fn id_of(server: &Server, admin: &str, project: &str, key: &str) -> String {
    let listed = keys(server, admin, project);
    let row = listed.iter().find(|row| key.starts_with(row["begin"].as_str().unwrap())).unwrap();
    row["id"].as_str().unwrap().to_owned()
}

#[test]
fn keys_are_listed_by_their_begin_with_their_last_use() {
    let server = start();
    let reader = make_key(&server, server.key(), "default", "read");
    let row = |key: &str| {
        let listed = keys(&server, server.key(), "default");
        listed.into_iter().find(|row| key.starts_with(row["begin"].as_str().unwrap())).unwrap()
    };
    let unused = row(&reader);
    assert_eq!((&unused["scope"], &unused["used_at"]), (&json!("read"), &Value::Null), "{unused}");
    assert_eq!(unused["begin"].as_str().unwrap().len(), 11, "no more of it is told");
    assert_eq!(get(&server, &reader, "/api/v1/conversations").0, 200);
    assert!(row(&reader)["used_at"].is_string());
    let all = get(&server, server.key(), "/api/v1/projects/default/keys").1.to_string();
    assert!(!all.contains(&reader) && !all.contains(server.key()), "{all}");
}

#[test]
fn a_revoked_key_stops_at_once_and_signs_out_who_signed_in_with_it() {
    let server = start();
    let key = make_key(&server, server.key(), "default", "read");
    let body = json!({ "key": key }).to_string();
    let signed_in = server.post("/api/v1/session", &[("content-type", "application/json")], body);
    assert_eq!(signed_in.status, 200);
    let cookie = signed_in.headers["set-cookie"].split(';').next().unwrap().to_owned();
    let session = || server.fetch("/api/v1/session", &[("cookie", &cookie)]).status;
    assert_eq!((get(&server, &key, "/api/v1/conversations").0, session()), (200, 200));
    let id = id_of(&server, server.key(), "default", &key);
    assert_eq!(revoke(&server, server.key(), "default", &id), 204);
    assert_eq!((get(&server, &key, "/api/v1/conversations").0, session()), (401, 401));
    assert_eq!(revoke(&server, server.key(), "default", &id), 404);
    assert_eq!(get(&server, server.key(), "/api/v1/conversations").0, 200, "other keys go on");
}

#[test]
fn a_key_of_another_project_neither_sees_nor_revokes_nor_makes_any() {
    let server = start();
    let (shop, other) = (make_project(&server, "shop"), make_project(&server, "other"));
    let id = id_of(&server, &shop, "shop", &shop);
    for (admin, project, id) in [(&other, "shop", &id), (&other, "default", &id), (&other, "nowhere", &id)] {
        let path = format!("/api/v1/projects/{project}/keys");
        assert_eq!(get(&server, admin, &path).0, 404, "{project}");
        let bearer = bearer(admin);
        assert_eq!(server.post(&path, &headers(&bearer), "{\"scope\":\"admin\"}").status, 404, "{project}");
        assert_eq!(revoke(&server, admin, project, id), 404, "{project}");
    }
    assert_eq!(revoke(&server, &other, "other", &id), 404, "an id of another project's key names nothing");
    let bearer = bearer(&other);
    assert_eq!(server.post("/api/v1/projects", &headers(&bearer), "{\"name\":\"more\"}").status, 403);
    let names = |key: &str| {
        let (_, answer) = get(&server, key, "/api/v1/projects");
        answer["items"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&other), names(server.key())),
        (vec!["other".to_owned()], ["default", "shop", "other"].map(str::to_owned).to_vec())
    );
    assert_eq!(get(&server, &shop, "/api/v1/conversations").0, 200, "the key is still there");
    // Who may only read or send sees no keys, of their own project neither.
    for scope in ["read", "ingest"] {
        let key = make_key(&server, &shop, "shop", scope);
        assert_eq!(get(&server, &key, "/api/v1/projects/shop/keys").0, 403, "{scope}");
        assert_eq!(revoke(&server, &key, "shop", &id), 403, "{scope}");
    }
    // The operator's key cares for all.
    assert_eq!(revoke(&server, server.key(), "shop", &id), 204);
    assert_eq!(get(&server, &shop, "/api/v1/conversations").0, 401);
}
