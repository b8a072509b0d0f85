//! Views of a project: kept as they are given, signed by who saved them, and no change of somebody else lost.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::erasing::{get, other_project};
use crate::members::invite;
use crate::start;

const PATH: &str = "/api/v1/views";

fn view(id: &str, name: &str, query: &str) -> Value {
    json!({ "id": id, "name": name, "search": { "q": query, "columns": "user,words,time" } })
}

fn signed(mut view: Value, by: &str) -> Value {
    view["saved_by"] = json!(by);
    view
}

fn all(revision: u64, items: &[Value]) -> Value {
    json!({ "revision": revision, "items": items })
}

fn put(server: &Server, key: &str, body: &Value) -> (u16, Value) {
    let answer = server.put(PATH, key, body);
    (answer.status, answer.json())
}

fn editor(server: &Server, name: &str) -> String {
    let (status, made) = invite(server, server.key(), "default", name, "editor");
    assert_eq!(status, 201, "{made}");
    made["key"].as_str().unwrap().to_owned()
}

#[test]
fn views_are_kept_for_all_and_a_change_on_top_of_an_old_one_is_refused() {
    let mut server = start();
    assert_eq!(server.get(PATH), (200, all(0, &[])));
    let first = all(0, &[view("a", "Failed", "has_error:true")]);
    assert_eq!(put(&server, server.key(), &first), (200, all(1, &[view("a", "Failed", "has_error:true")])));
    let (status, refused) = put(&server, server.key(), &first);
    assert_eq!((status, &refused["reason"]), (409, &json!("changed_meanwhile")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("the views"), "{refused}");
    server.stop();
    server.restart();
    assert_eq!(server.get(PATH), (200, all(1, &[view("a", "Failed", "has_error:true")])));
    assert_eq!(server.get("/api/v1/dashboards").1["revision"], 0, "they are lists of their own");

    let other = other_project(&server, "other");
    assert_eq!(get(&server, &other, PATH), (200, all(0, &[])));
}

#[test]
fn a_view_says_who_saved_it_as_it_is() {
    let server = start();
    let (ada, grace) = (editor(&server, "Ada"), editor(&server, "Grace"));
    let forged = signed(view("a", "Failed", "has_error:true"), "Grace");
    let of_ada = signed(view("a", "Failed", "has_error:true"), "Ada");
    assert_eq!(put(&server, &ada, &all(0, &[forged])), (200, all(1, std::slice::from_ref(&of_ada))));

    let added = view("b", "Dear", "cost:>1");
    let of_grace = signed(added.clone(), "Grace");
    // What is sent back as it was read stays whose it was, however it is signed.
    let untouched = view("a", "Failed", "has_error:true");
    assert_eq!(put(&server, &grace, &all(1, &[added, untouched])), (200, all(2, &[of_grace.clone(), of_ada.clone()])));

    let changed = view("a", "Failed", "has_error:true channel:web");
    let expect = all(3, &[of_grace.clone(), signed(changed.clone(), "Grace")]);
    assert_eq!(put(&server, &grace, &all(2, &[of_grace.clone(), changed])), (200, expect));

    let of_nobody = view("c", "Slow", "latency:>9s");
    let expect = all(4, &[of_grace.clone(), of_nobody.clone()]);
    assert_eq!(put(&server, server.key(), &all(3, &[of_grace, signed(of_nobody, "Ada")])), (200, expect));
}

#[test]
fn what_cannot_be_a_view_is_refused_with_its_place() {
    let server = start();
    let check = |items: &[Value], expect: &str| {
        let (status, answer) = put(&server, server.key(), &all(0, items));
        let detail = answer["detail"].as_str().unwrap();
        assert!(status == 400 && detail.contains(expect), "{status} {detail}");
    };
    check(&[view("a", " ", "x")], "items[0].name");
    check(&[view("", "Failed", "x")], "items[0].id");
    check(&[view("a", "One", "x"), view("a", "Two", "x")], "items[1].id");
    check(&[view("a", "Long", &"x".repeat(9 << 10))], "items[0].search: it has more than 8192 bytes");
    check(&[json!({ "id": "a", "name": "Failed", "search": { "q": 1 } })], "string");
    check(&[json!({ "id": "a", "name": "Failed", "search": {}, "more": 1 })], "more");
    let many: Vec<Value> = (0..201).map(|n| view(&n.to_string(), "Same", "x")).collect();
    check(&many, "there may be 200");
    assert_eq!(server.get(PATH).1["revision"], 0);
}
