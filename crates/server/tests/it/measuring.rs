//! Aggregates over HTTP: who is new, what is not among the most frequent, ratios, rates, and days of a zone.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::{start, wait_for};

fn aggregate(server: &Server, body: &Value) -> (u16, Value) {
    let headers = [("authorization", &*format!("Bearer {}", server.key())), ("content-type", "application/json")];
    let answer = server.post("/api/v1/aggregate", &headers, body.to_string());
    (answer.status, answer.json())
}

#[track_caller]
fn measured(server: &Server, body: &Value) -> Vec<Value> {
    let (status, answer) = aggregate(server, body);
    assert_eq!(status, 200, "{answer}");
    answer["items"].as_array().unwrap().clone()
}

/// One turn of two seconds; `at` in seconds since the epoch.
fn turn(server: &Server, user: &str, session: &str, at: i64, says: &str, answer: &str) {
    let step = json!({ "task": "message", "interaction_id": format!("{user}-{at}"), "conversation_id": format!("{user}-{session}"),
        "session_id": session, "channel_id": format!("channel-{user}"), "user": { "id": user }, "input": says, "output": answer,
        "start_timestamp": at * 1_000, "end_timestamp": (at + 2) * 1_000 });
    assert_eq!(server.post("/v1/trace", &[("token", server.key())], step.to_string()).status, 200);
}

/// 2026-10-24T22:30:00Z: half past midnight of the day that has 25 hours in Madrid.
const NIGHT: i64 = 1_792_881_000;
const HOUR: i64 = 3_600;

fn filled() -> Server {
    let server = start();
    for (user, session, at, says, answer) in [
        ("ada", "s1", NIGHT, "one two three", "four"),
        ("ada", "s1", NIGHT + 60, "five", "six seven"),
        ("bob", "s2", NIGHT + 23 * HOUR, "eight nine", "ten"),
        ("ada", "s3", NIGHT + 24 * HOUR, "eleven", "twelve"),
        ("ada", "s3", NIGHT + 25 * HOUR, "a", "b"),
        ("cyd", "s4", NIGHT + 26 * HOUR, "c", "d"),
    ] {
        turn(&server, user, session, at, says, answer);
    }
    wait_for(&server, "/api/v1/traces", 6);
    wait_for(&server, "/api/v1/conversations", 4);
    server
}

#[test]
fn values_that_have_the_most_of_a_measure_come_first_of_all() {
    let server = filled();
    let sessions = |by: Value, others: bool| {
        json!({ "group_by": [{ "field": "session_id", "top": 2, "by": by, "others": others }],
            "metrics": ["error_share", { "max": { "field": "output_words" } }, { "distinct": { "field": "user_id" } }] })
    };
    let named = |rows: &[Value]| rows.iter().map(|row| row["group"][0].clone()).collect::<Vec<_>>();
    assert_eq!(named(&measured(&server, &sessions(Value::Null, false))), ["s1", "s2"], "all have one conversation");
    let wordy = measured(&server, &sessions(json!(1), false));
    assert_eq!(named(&wordy), ["s1", "s3"]);
    assert_eq!((&wordy[0]["values"][1], &wordy[1]["values"][1]), (&json!(3.0), &json!(2.0)));
    let all = measured(&server, &sessions(json!(1), true));
    assert_eq!(named(&all), [json!("s1"), json!("s3"), json!({ "others": 2 })]);
    for by in [2, 3] {
        let (status, refused) = aggregate(&server, &sessions(json!(by), false));
        assert!(status == 400 && refused["detail"].as_str().unwrap().contains("group_by.by"), "{refused}");
    }
}

#[test]
fn turns_words_users_and_their_return_are_measured() {
    let server = filled();
    let sum = |field: &str| json!({ "sum": { "field": field } });
    let per_turn = |field: &str| json!({ "ratio": { "of": sum(field), "to": sum("turns") } });
    let whole = json!({ "metrics": [
        sum("turns"), per_turn("input_words"), per_turn("output_words"), { "avg": { "field": "turns" } }, sum("dialogue_ms"),
        { "ratio": { "of": { "distinct": { "field": "session_id" } }, "to": { "distinct": { "field": "user_id" } } } },
    ] });
    let row = &measured(&server, &whole)[0];
    assert_eq!(row["values"], json!([6.0, 9.0 / 6.0, 7.0 / 6.0, 1.5, 12_000.0, 4.0 / 3.0]), "{row}");
    let (_, page) = server.get("/api/v1/conversations?q=user:ada+session:s1");
    let ada = &page["items"][0];
    assert_eq!(
        (&ada["input_words"], &ada["output_words"], &ada["dialogue_ms"]),
        (&json!(4), &json!(3), &json!(4_000.0)),
        "{ada}"
    );
    assert_eq!(ada["duration_ms"], 62_000.0, "with the rest between its turns");
    wait_for(&server, "/api/v1/conversations?q=input_words:%3E3+dialogue_ms:%3C5s", 1);

    let by_day = json!({ "of": "traces", "group_by": [{ "time": "day", "zone": "Europe/Madrid" }], "metrics": [
        { "new": { "field": "user_id" } }, { "returning": { "field": "user_id" } }, { "distinct": { "field": "user_id" } },
        { "rate": { "of": "count", "per": "hour" } },
    ] });
    let rows = measured(&server, &by_day);
    let expect = json!([
        { "group": ["2026-10-24T22:00:00.000000000Z"], "count": 4, "values": [2.0, 0.0, 2.0, 4.0 / 25.0] },
        { "group": ["2026-10-25T23:00:00.000000000Z"], "count": 2, "values": [1.0, 1.0, 2.0, 2.0 / 24.0] },
    ]);
    assert_eq!(json!(rows), expect, "the first day has 25 hours");
    let second = json!({ "of": "traces", "filter": { "q": "-user:bob", "after": "2026-10-25T23:00:00Z", "before": "2026-10-26T23:00:00Z" },
        "metrics": [{ "new": { "field": "user_id" } }, { "returning": { "field": "user_id" } }, { "rate": { "of": "count", "per": "day" } }] });
    assert_eq!(measured(&server, &second)[0]["values"], json!([1.0, 1.0, 2.0]));
}

#[test]
fn what_is_not_among_the_most_frequent_is_one_group() {
    let server = filled();
    let by_user = json!({ "of": "traces", "group_by": [{ "field": "user_id", "top": 1, "others": true }], "metrics": [
        { "distinct": { "field": "user_id" } }, { "sum": { "field": "input_words" } }
    ] });
    let (_, answer) = aggregate(&server, &by_user);
    let expect = json!([
        { "group": ["ada"], "count": 4, "values": [1.0, 6.0] },
        { "group": [{ "others": 2 }], "count": 2, "values": [2.0, 3.0] },
    ]);
    assert_eq!((&answer["items"], &answer["truncated"], &answer["left_out"]), (&expect, &json!(false), &json!(0)));
}

#[test]
fn measures_that_cannot_be_are_named_with_what_can() {
    let server = start();
    for (body, expect) in [
        (json!({ "group_by": [{ "time": "day", "zone": "Europe/Nowhere" }] }), "Europe/Madrid"),
        (json!({ "group_by": [{ "time": "day", "zone": "UTC", "offset": "+01:00" }] }), "not both"),
        (json!({ "group_by": [{ "time": "day", "others": true }] }), "group_by"),
        (json!({ "metrics": [{ "rate": { "of": "count", "per": "minute" } }] }), "after"),
        (json!({ "metrics": [{ "rate": { "of": "error_share", "per": "minute" } }] }), "sum"),
        (json!({ "metrics": [{ "new": { "field": "modle" } }] }), "\"model\""),
        (json!({ "metrics": [{ "ratio": { "of": { "ratio": { "of": "count", "to": "count" } }, "to": "count" } }] }), "ratio"),
        (json!({ "metrics": vec![json!({ "ratio": { "of": "count", "to": "count" } }); 9] }), "16"),
    ] {
        let (status, problem) = aggregate(&server, &body);
        assert!(status == 400 && problem["detail"].as_str().unwrap().contains(expect), "{body}: {problem}");
    }
}
