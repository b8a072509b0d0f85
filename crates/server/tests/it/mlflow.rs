//! MLflow's tracking client, and what each of its requests is answered with.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::replays::{Recorded, answered, recorded, send, shown};
use crate::start;

fn request(method: &str, path: &str, body: &Value) -> Recorded {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Recorded { method: method.to_owned(), path: path.to_owned(), headers, body }
}

#[test]
fn every_request_in_every_order() {
    let mut requests = recorded("mlflow/rest");
    let seen = |requests: &[Recorded]| {
        let server = start();
        for request in requests {
            assert_eq!(send(&server, request), 200, "{} {}", request.method, request.path);
        }
        let (conversations, mut spans) = shown(&server);
        spans.sort_by_key(|span| span["span_id"].to_string());
        let mut ids: Vec<_> =
            spans.iter().map(|span| (span["span_id"].clone(), span["kind"].clone(), span["name"].clone())).collect();
        ids.sort_by_key(|id| format!("{id:?}"));
        (server, conversations, ids)
    };
    let (server, conversations, spans) = seen(&requests);
    requests.reverse();
    let (_, backwards, spans_backwards) = seen(&requests);
    assert_eq!(spans_backwards, spans);
    assert_eq!(backwards.len(), conversations.len());
    check_conversation(&server);
}

#[track_caller]
fn check_conversation(server: &Server) {
    let (_, page) = server.get("/api/v1/conversations/conv-2f6c1d88-orders");
    assert_eq!(page["conversation"]["user"]["id"], "user-4711");
    let turns = page["turns"].as_array().unwrap();
    assert_eq!(turns.len(), 4);
    for turn in turns {
        assert!(!turn["input"].is_null() && !turn["output"].is_null(), "{turn}");
    }
    assert!(turns[0]["input"].to_string().contains("Hello, how are you?"));
    // What the fake model of the recording reported to the calls of these four turns, an embedding among them.
    assert_eq!(page["conversation"]["total_tokens"], 64 + 114 + 378 + 260 + 33);
}

#[test]
fn the_questions_and_the_calls_of_mlflow_2() {
    let server = start();
    let get = |path: &str| server.fetch(path, &[("x-api-key", server.key())]);
    assert_eq!(String::from_utf8(get("/version").body).unwrap(), "3.6.0");
    let experiment = get("/api/2.0/mlflow/experiments/get-by-name?experiment_name=shop").json();
    assert_eq!(experiment["experiment"]["experiment_id"], "shop");
    assert_eq!(get("/api/2.0/mlflow/experiments/get?experiment_id=0").json()["experiment"]["name"], "Default");
    let (_, made) = answered(&server, &request("POST", "/api/2.0/mlflow/experiments/create", &json!({"name": "a b"})));
    assert_eq!(made["experiment_id"], "a-b");

    let begins = json!({"experiment_id": "shop", "timestamp_ms": 1795402869145_i64, "request_metadata": [], "tags": [{"key": "thread_id", "value": "c1"}]});
    let (status, begun) = answered(&server, &request("POST", "/api/2.0/mlflow/traces", &begins));
    let id = begun["trace_info"]["request_id"].as_str().unwrap().to_owned();
    assert_eq!((status, id.len()), (200, 35));
    let location = begun["trace_info"]["tags"].as_array().unwrap().last().unwrap()["value"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("mlflow-artifacts:/shop/traces/{id}/artifacts"));
    let ends = json!({"request_id": id, "timestamp_ms": 1795402869345_i64, "status": "OK", "request_metadata": [], "tags": []});
    let path = format!("/api/2.0/mlflow/traces/{id}");
    assert_eq!(answered(&server, &request("PATCH", &path, &ends)).1["trace_info"]["status"], "OK");
    let file = json!({"spans": [{"name": "root", "context": {"span_id": "0x00000000000000aa"}, "start_time": 1795402869145000000_i64,
        "end_time": 1795402869345000000_i64, "attributes": {"mlflow.spanType": "\"CHAIN\"", "mlflow.spanInputs": "{\"q\": \"Hi?\"}", "mlflow.spanOutputs": "\"Hello\""}},
        {"name": "bad"}]});
    let path = format!("/api/2.0/mlflow-artifacts/artifacts/shop/traces/{id}/artifacts/traces.json");
    let (status, answer) = answered(&server, &request("PUT", &path, &file));
    assert_eq!((status, &answer["errors"][0]["at"]), (200, &json!("spans[1].span_id")));
    let judged = json!({"assessment": {"assessment_name": "tone", "trace_id": id, "feedback": {"value": 1}}});
    let (_, answer) = answered(&server, &request("POST", &format!("/api/3.0/mlflow/traces/{id}/assessments"), &judged));
    assert!(answer["assessment"]["assessment_id"].as_str().unwrap().starts_with("a-"));
    let trace = id.trim_start_matches("tr-");
    let (_, turn) = server.get(&format!("/api/v1/traces/{trace}/spans/{id}"));
    assert_eq!(
        (&turn["kind"], &turn["conversation_id"], &turn["scores"][0]["name"]),
        (&json!("message"), &json!("c1"), &json!("tone"))
    );
    let (_, page) = server.get("/api/v1/conversations/c1");
    assert_eq!((&page["turns"][0]["input"]["text"], &page["turns"][0]["output"]["text"]), (&json!("Hi?"), &json!("Hello")));
    let other = "/api/2.0/mlflow-artifacts/artifacts/shop/model.pkl";
    assert_eq!(answered(&server, &request("PUT", other, &json!({}))).0, 501);
    assert_eq!(server.fetch("/api/2.0/mlflow/experiments/get-by-name?experiment_name=shop", &[]).status, 401);
}

#[test]
fn assessments_are_changed_and_withdrawn_and_tags_taken_away() {
    const ID: &str = "tr-91c29bb283381082ba275a335def90d9";
    let server = start();
    let info = json!({"trace": {"trace_info": {"trace_id": ID, "request_time": "2026-11-23T02:59:54Z", "execution_duration": "1s", "state": "OK",
        "tags": {"team": "a", "mlflow.traceName": "turn"}}}});
    assert_eq!(answered(&server, &request("POST", "/api/3.0/mlflow/traces", &info)).0, 200);
    let turn = || server.get(&format!("/api/v1/traces/{}/spans/{ID}", &ID[3..])).1;
    let at = |path: &str| format!("/api/3.0/mlflow/traces/{ID}/{path}");
    let act = |method: &str, path: &str, body: Value| answered(&server, &request(method, &at(path), &body));

    let said = json!({"assessment": {"assessment_name": "tone", "trace_id": ID, "source": {"source_type": "HUMAN", "source_id": "u"},
        "feedback": {"value": 0.5}, "rationale": "so so"}});
    let own_id = act("POST", "assessments", said).1["assessment"]["assessment_id"].as_str().unwrap().to_owned();
    let one = format!("assessments/{own_id}");
    let (status, changed) = act("PATCH", &one, json!({"assessment": {"feedback": {"value": 0.9}}, "update_mask": "feedback"}));
    assert_eq!((status, &changed["assessment"]["feedback"]["value"]), (200, &json!(0.9)));
    let (status, read) = act("GET", &one, Value::Null);
    let read = &read["assessment"];
    assert_eq!((status, &read["feedback"]["value"], &read["rationale"]), (200, &json!(0.9), &json!("so so")));
    assert_eq!((&read["assessment_name"], &read["source"]["source_type"]), (&json!("tone"), &json!("HUMAN")));
    let scores = turn()["scores"].as_array().unwrap().clone();
    assert_eq!((scores.len(), &scores[0]["value"], &scores[0]["comment"]), (1, &json!(0.9), &json!("so so")));
    assert_eq!(act("DELETE", &one, json!({})).0, 200);
    assert_eq!(turn()["scores"], json!([]));
    let (status, answer) = act("GET", &one, Value::Null);
    assert_eq!((status, &answer["error_code"]), (404, &json!("RESOURCE_DOES_NOT_EXIST")));

    assert_eq!(turn()["metadata"]["team"], "a");
    assert_eq!(act("DELETE", "tags", json!({"key": "team"})).0, 200);
    assert_eq!(turn()["metadata"]["team"], Value::Null);
    assert_eq!(act("PATCH", "tags", json!({"key": "team", "value": "b"})).0, 200);
    assert_eq!(turn()["metadata"]["team"], "b");
    assert_eq!(act("DELETE", "tags?key=team", Value::Null).0, 200);
    assert_eq!(turn()["metadata"]["team"], Value::Null);
}

#[test]
fn what_is_not_offered_is_said_in_the_clients_form() {
    let server = start();
    for (path, body) in [("/api/2.0/mlflow/runs/create", json!({})), ("/api/3.0/mlflow/traces/search", json!({"locations": []}))]
    {
        let (status, answer) = answered(&server, &request("POST", path, &body));
        assert_eq!((status, &answer["error_code"]), (404, &json!("ENDPOINT_NOT_FOUND")), "{path}");
        assert!(answer["message"].as_str().unwrap().starts_with(path), "{answer}");
    }
    let (status, answer) = answered(&server, &request("POST", "/api/3.0/mlflow/traces", &json!({})));
    assert_eq!((status, &answer["error_code"]), (400, &json!("INVALID_PARAMETER_VALUE")));
    let refused = server.fetch("/api/2.0/mlflow/experiments/get?experiment_id=0", &[]);
    assert_eq!((refused.status, &refused.json()["error_code"]), (401, &json!("UNAUTHENTICATED")));
}
