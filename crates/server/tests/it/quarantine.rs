//! What could not be decoded: kept with its reason, listed, downloaded, sent in again and dropped, over HTTP and gRPC.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::erasing::other_project;
use crate::{metric, start};

const LIST: &str = "/api/v1/quarantine";

fn langfuse(server: &Server, events: &Value) -> u16 {
    let headers = [("x-api-key", server.key()), ("content-type", "application/json"), ("user-agent", "langfuse-test/1.0")];
    server.post("/api/public/ingestion", &headers, json!({ "batch": events }).to_string()).status
}

/// An event whose body is no object.
fn bad_event(n: u32) -> Value {
    json!({ "id": format!("bad{n}"), "type": "span-create", "timestamp": "2026-11-23T02:57:18Z", "body": n })
}

pub(crate) fn delete(server: &Server, key: &str, path: &str) -> u16 {
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
    agent.delete(format!("{}{path}", server.url())).header("x-api-key", key).call().unwrap().status().as_u16()
}

fn replay(server: &Server, key: &str, id: &Value) -> (u16, Value) {
    let answer = server.post(&format!("{LIST}/{id}/replay"), &[("x-api-key", key), ("content-type", "application/json")], "");
    (answer.status, answer.json())
}

#[test]
fn a_bad_item_is_listed_with_its_place_downloaded_and_dropped() {
    let server = start();
    for n in 0..3 {
        assert_eq!(langfuse(&server, &json!([bad_event(n)])), 207);
    }
    let (status, page) = server.get(&format!("{LIST}?limit=2"));
    assert_eq!((status, &page["total"]), (200, &json!(3)), "{page}");
    let newest = &page["items"][0];
    assert_eq!(
        (&newest["protocol"], &newest["client"], &newest["rejected"]),
        (&json!("langfuse"), &json!("langfuse-test/1.0"), &json!(1))
    );
    assert!(newest["reason"].is_string() && newest["message"].as_str().unwrap().contains("batch[0]"), "{newest}");
    let rest = server.get(&format!("{LIST}?limit=2&cursor={}", page["next_cursor"].as_str().unwrap())).1;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));

    let bytes = server.fetch(&format!("{LIST}/{}", newest["id"]), &[("x-api-key", server.key())]);
    assert_eq!(bytes.content_type, "application/octet-stream");
    assert_eq!(bytes.json(), json!({ "batch": [bad_event(2)] }));

    let one = format!("{LIST}/{}", newest["id"]);
    assert_eq!((delete(&server, server.key(), &one), delete(&server, server.key(), &one)), (204, 404));
    assert_eq!(server.get(LIST).1["total"], 2);
    assert_eq!(delete(&server, server.key(), LIST), 204);
    assert_eq!(server.get(LIST).1["total"], 0);
}

#[test]
fn a_replay_leaves_what_still_cannot_be_decoded() {
    let server = start();
    assert_eq!(langfuse(&server, &json!([bad_event(1)])), 207);
    let id = server.get(LIST).1["items"][0]["id"].clone();
    let (status, left) = replay(&server, server.key(), &id);
    assert_eq!((status, &left["kept"], &left["rejected"]), (200, &json!(false), &json!(1)), "{left}");
    let page = server.get(LIST).1;
    assert_eq!((&page["total"], &page["items"][0]["id"], &page["items"][0]["times"]), (&json!(1), &id, &json!(1)), "{page}");
}

#[test]
fn another_projects_key_sees_and_changes_nothing() {
    let server = start();
    let other = other_project(&server, "shop");
    assert_eq!(langfuse(&server, &json!([bad_event(1)])), 207);
    let id = server.get(LIST).1["items"][0]["id"].clone();
    let seen = server.fetch(LIST, &[("x-api-key", &other)]).json();
    assert_eq!((&seen["items"], &seen["total"]), (&json!([]), &json!(0)));
    assert_eq!(server.fetch(&format!("{LIST}/{id}"), &[("x-api-key", &other)]).status, 404);
    assert_eq!(replay(&server, &other, &id).0, 404);
    assert_eq!(delete(&server, &other, &format!("{LIST}/{id}")), 404);
    assert_eq!(delete(&server, &other, LIST), 204);
    assert_eq!(server.get(LIST).1["total"], 1);
}

#[test]
fn the_oldest_makes_room_and_a_metric_says_so() {
    let server = start();
    assert_eq!(langfuse(&server, &json!([bad_event(0)])), 207);
    let oldest = server.get(LIST).1["items"][0]["id"].clone();
    for n in 1..=1_000 {
        assert_eq!(langfuse(&server, &json!([bad_event(n)])), 207);
    }
    let page = server.get(LIST).1;
    assert_eq!((&page["total"], &page["dropped"]), (&json!(1_000), &json!(1)));
    assert_eq!(server.get(&format!("{LIST}/{oldest}")).0, 404);
    assert_eq!(metric(&server, "neuraltrust_quarantine_dropped_total", ""), 1.0);
}
