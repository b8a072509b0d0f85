//! Dashboards of a project: kept as they are given, checked, and no change of somebody else lost.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::{make_key, start};

fn chart(aggregate: &Value) -> Value {
    json!({ "title": "Cost by model", "shown_as": "bars", "aggregate": aggregate })
}

fn one(revision: u64, charts: &[Value]) -> Value {
    json!({ "revision": revision, "items": [{ "id": "a", "name": "Costs", "charts": charts }] })
}

fn put(server: &Server, body: &Value) -> (u16, Value) {
    let answer = server.put("/api/v1/dashboards", server.key(), body);
    (answer.status, answer.json())
}

#[test]
fn dashboards_are_kept_and_a_change_on_top_of_an_old_one_is_refused() {
    let mut server = start();
    assert_eq!(server.get("/api/v1/dashboards"), (200, json!({ "revision": 0, "items": [] })));
    let by_model = json!({ "of": "spans", "group_by": [{ "field": "model" }], "metrics": [{ "sum": { "field": "cost" } }],
        "filter": { "q": "kind:generation" } });
    let first = one(0, &[chart(&by_model)]);
    assert_eq!(put(&server, &first), (200, one(1, &[chart(&by_model)])));
    let (status, refused) = put(&server, &first);
    assert_eq!((status, &refused["reason"]), (409, &json!("changed_meanwhile")), "{refused}");
    server.stop();
    server.restart();
    assert_eq!(server.get("/api/v1/dashboards"), (200, one(1, &[chart(&by_model)])));
    assert_eq!(put(&server, &one(1, &[])).0, 200);

    let reader = make_key(&server, "read");
    assert_eq!(server.fetch("/api/v1/dashboards", &[("x-api-key", &reader)]).status, 200);
    assert_eq!(server.put("/api/v1/dashboards", &reader, &one(2, &[])).status, 403);
}

#[test]
fn what_cannot_be_aggregated_is_refused_with_its_place() {
    let server = start();
    let check = |body: Value, expect: &str| {
        let (status, answer) = put(&server, &body);
        let detail = answer["detail"].as_str().unwrap();
        assert!(status == 400 && detail.contains(expect), "{status} {detail}");
    };
    check(one(0, &[chart(&json!({ "metrics": [{ "sum": { "field": "nonsense" } }] }))]), "nonsense");
    check(one(0, &[chart(&json!({ "filter": { "q": "modle:x" } }))]), "modle");
    check(one(0, &[chart(&json!({ "unknown": 1 }))]), "items[0].charts[0].aggregate");
    check(json!({ "revision": 0, "items": [{ "id": "a", "name": " ", "charts": [] }] }), "items[0].name");
    let twice = json!({ "id": "a", "name": "Costs", "charts": [] });
    check(json!({ "revision": 0, "items": [twice, twice] }), "items[1].id");
    check(one(0, &vec![chart(&json!({})); 31]), "there may be 30");
    assert_eq!(server.get("/api/v1/dashboards").1["revision"], 0);
}
