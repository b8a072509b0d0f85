//! Filters, searches, facets and aggregates over HTTP, and what is said of those that cannot be.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::{send_flow, start, wait_for};

fn aggregate(server: &Server, body: &Value) -> (u16, Value) {
    let headers = [("authorization", &*format!("Bearer {}", server.key())), ("content-type", "application/json")];
    let answer = server.post("/api/v1/aggregate", &headers, body.to_string());
    (answer.status, answer.json())
}

#[test]
fn lists_are_narrowed_by_any_field_path_and_phrase() {
    let server = start();
    send_flow(&server);
    wait_for(&server, "/api/v1/spans", 5);
    for (query, rows) in [
        ("filter=kind:retrieval", 1),
        ("filter=kind:retrieval|router", 2),
        ("filter=-kind:retrieval", 4),
        ("filter=kind:gen*", 1),
        ("filter=kind:%22gen*%22", 0),
        ("filter=parent_id:*", 4),
        ("filter=parent_id:*&filter=-kind:retrieval&kind=router", 1),
        ("filter=start_time:%3E2000-01-01T00:00:00Z", 5),
        ("filter=duration_ms:%3C0", 0),
        ("filter=has_error:false", 5),
        ("filter=custom.key:absent", 0),
        ("filter=protocol:neuraltrust_v1&filter=client:*", 5),
        ("q=%22how+are%22&filter=kind:message", 1),
        ("q=%22are+how%22", 0),
        ("q=hell*+-absent&filter=kind:message", 1),
        ("q=hello+-how", 0),
    ] {
        wait_for(&server, &format!("/api/v1/spans?{query}"), rows);
    }
    let (_, with_custom) = server.get("/api/v1/spans?filter=custom.key:value");
    assert!(!with_custom["items"].as_array().unwrap().is_empty());
    wait_for(&server, "/api/v1/conversations?filter=turns:1&filter=spans:%3E=5&filter=channel_id:channel_*", 1);
    wait_for(&server, "/api/v1/conversations?filter=errors:%3E0", 0);
    wait_for(&server, "/api/v1/facets?of=spans&field=kind&filter=kind:r*", 2);
    wait_for(&server, "/api/v1/facets?of=spans&field=custom.key", 1);
    wait_for(&server, "/api/v1/users?q=absent", 0);
}

#[test]
fn a_query_is_the_same_language_everywhere() {
    let server = start();
    send_flow(&server);
    wait_for(&server, "/api/v1/spans", 5);
    for (query, rows) in [
        ("spans?q=kind:(retrieval+OR+router)+latency:%3E=0ms", 2),
        ("spans?q=kind:retrieval+OR+(kind:router+absent)", 1),
        ("spans?q=NOT+kind:retrieval+after:-100w+has:parent_id", 3),
        ("conversations?q=kind:retrieval+metadata.absent:*", 0),
        ("conversations?q=kind:retrieval+custom.key:value", 1),
        ("conversations?q=step:(kind:retrieval+parent_id:*)", 1),
        ("conversations?q=-kind:retrieval", 0),
        ("traces?q=kind:gen*+before:now", 1),
    ] {
        wait_for(&server, &format!("/api/v1/{query}"), rows);
    }
    let (status, problem) = server.get("/api/v1/spans?q=hello+modle:x");
    assert_eq!((status, &problem["reason"]), (400, &json!("bad_query")));
    let query = &problem["query"];
    assert_eq!((&query["at"], &query["found"], &query["nearest"]), (&json!(6), &json!("modle:"), &json!("model")), "{problem}");
    assert!(query["accepted"].as_array().unwrap().contains(&json!("latency")));
}

#[test]
fn lists_are_ordered_and_their_pages_follow_each_other() {
    let server = start();
    send_flow(&server);
    let newest: Vec<Value> = wait_for(&server, "/api/v1/spans", 5).into_iter().map(|row| row["span_id"].clone()).collect();
    let mut oldest = Vec::new();
    let mut path = "/api/v1/spans?sort=time:asc&limit=2".to_owned();
    loop {
        let (status, page) = server.get(&path);
        assert_eq!(status, 200, "{page}");
        oldest.extend(page["items"].as_array().unwrap().iter().map(|row| row["span_id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/spans?sort=time:asc&limit=2&cursor={cursor}");
    }
    oldest.reverse();
    assert_eq!(oldest, newest);
    let slowest = wait_for(&server, "/api/v1/spans?sort=duration", 5);
    assert!(slowest.is_sorted_by(|a, b| a["duration_ms"].as_f64() >= b["duration_ms"].as_f64()), "{slowest:?}");
    let (_, page) = server.get("/api/v1/spans?sort=cost&limit=1");
    let other = format!("/api/v1/spans?sort=tokens&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(server.get(&other).0, 400, "a cursor of another order");
}

#[test]
fn a_search_shows_where_its_words_are() {
    let server = start();
    send_flow(&server);
    wait_for(&server, "/api/v1/conversations", 1);
    let (_, page) = server.get("/api/v1/conversations?q=%22thank+you%22+fine");
    let highlight = &page["highlights"][0];
    assert!(highlight["trace_id"].is_string() && highlight["span_id"].is_string(), "{page}");
    let snippet: Vec<u16> = highlight["snippet"].as_str().unwrap().encode_utf16().collect();
    let marked = highlight["ranges"].as_array().unwrap().iter().map(|range| {
        let end = |n: usize| usize::try_from(range[n].as_u64().unwrap()).unwrap();
        String::from_utf16(&snippet[end(0)..end(1)]).unwrap()
    });
    let marked: Vec<String> = marked.collect();
    assert!(marked.contains(&"fine".to_owned()) && marked.contains(&"thank you".to_owned()), "{page}");
    assert_eq!(server.get("/api/v1/conversations").1["highlights"], Value::Null, "no words, no highlights");
}

#[test]
fn a_query_is_completed_with_what_there_is() {
    let server = start();
    send_flow(&server);
    wait_for(&server, "/api/v1/spans", 5);
    let check = |query: &str, from: u64, expect: &Value| {
        let (status, answer) = server.get(&format!("/api/v1/complete?{query}"));
        assert_eq!((status, answer["from"].as_u64()), (200, Some(from)), "{query}: {answer}");
        let texts: Vec<_> = answer["items"].as_array().unwrap().iter().map(|item| item["text"].clone()).collect();
        assert_eq!(Value::Array(texts), *expect, "{query}: {answer}");
        answer
    };
    check("of=spans&q=mod", 0, &json!(["model:"]));
    check("of=spans&q=hello+lat", 6, &json!(["latency:"]));
    check("of=spans&q=has:prov", 4, &json!(["provider"]));
    check("q=turn", 0, &json!(["turns:"]));
    let kinds = check("of=spans&q=kind:r", 5, &json!(["retrieval", "router"]));
    assert_eq!((&kinds["items"][0]["kind"], &kinds["items"][0]["count"]), (&json!("value"), &json!(1)));
    check("q=kind:re", 5, &json!(["retrieval"]));
    check("of=spans&q=has:kind+-kind:rou", 15, &json!(["router"]));
    check("of=spans&q=kind:r+name:nosuch&at=6", 5, &json!([]));
    let paths = check("of=spans&q=custom.k", 0, &json!(["custom.key:"]));
    assert!(paths["items"][0]["count"].as_u64() >= Some(1), "{paths}");
    check("of=spans&q=custom.key:", 11, &json!(["value"]));
    check("of=spans&q=running:", 8, &json!(["true", "false"]));
    check("of=spans&q=tokens:%3E", 7, &json!([]));
    assert_eq!(server.get("/api/v1/complete?of=things").0, 400);
    assert_eq!(server.get("/api/v1/complete?at=x").0, 400);
}

#[test]
fn groups_are_counted_and_measured() {
    let server = start();
    send_flow(&server);
    wait_for(&server, "/api/v1/spans", 5);
    let (status, answer) =
        aggregate(&server, &json!({ "of": "spans", "group_by": [{ "field": "kind", "top": 2 }], "metrics": ["count"] }));
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["matched"], &answer["truncated"], &answer["left_out"]), (&json!(5), &json!(true), &json!(3)));
    assert_eq!(answer["truncated_by"], json!(["limit"]));
    assert_eq!(answer["items"][0], json!({ "group": ["agent"], "count": 1, "values": [1.0] }));

    let body = json!({
        "of": "spans",
        "filter": { "kind": ["message", "generation"], "filter": "start_time:*", "q": "hello" },
        "group_by": [{ "time": "day", "offset": "+05:30" }, { "field": "status" }, { "histogram": "usage.total", "width": 10 }],
        "metrics": [
            { "percentiles": { "field": "duration_ms", "of": [50, 99] } }, { "distinct": { "field": "user_id" } }, "error_share",
        ],
    });
    let (status, answer) = aggregate(&server, &body);
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["truncated"], &answer["percentile_error"]), (&json!(false), &json!(0.01)));
    let row = &answer["items"][0];
    assert!(row["group"][0].as_str().unwrap().ends_with("18:30:00.000000000Z"), "a day begins at midnight of its clocks: {row}");
    assert_eq!((row["values"][0].as_array().unwrap().len(), &row["values"][2]), (2, &json!(0.0)));
    let start = row["group"][0].as_str().unwrap();
    let today = json!({ "of": "spans", "filter": { "after": start, "before": "2100-01-01T00:00:00Z" }, "previous": true });
    let (status, answer) = aggregate(&server, &today);
    assert_eq!((status, &answer["matched"], &answer["previous"]["matched"]), (200, &json!(5), &json!(0)), "{answer}");
    let before = json!({ "of": "spans", "filter": { "after": "2100-01-01T00:00:00Z", "before": "2180-01-01T00:00:00Z" }, "previous": true });
    let (_, answer) = aggregate(&server, &before);
    assert_eq!((&answer["matched"], &answer["previous"]["matched"]), (&json!(0), &json!(5)), "the time before is as long");
    let (_, all) = aggregate(&server, &json!({}));
    assert_eq!(all["items"], json!([{ "group": [], "count": 1, "values": [] }]), "conversations, all in one group");
}

#[test]
fn what_cannot_be_asked_is_named_with_what_can() {
    let server = start();
    for (query, expect) in [
        ("spans?filter=modle:x", "\"model\""),
        ("spans?q=model:", "a value is missing"),
        ("spans?filter=duration_ms:%3Efast", "milliseconds"),
        ("spans?filter=metadata.n:%3Efast", "a number"),
        ("spans?filter=start_time:%3Esoon", "RFC 3339"),
        ("spans?filter=running:maybe", "true or false"),
        ("spans?filter=cost:1*", "a number"),
        ("spans?filter=turns:1", "parent_id"),
        ("spans?q=(kind:tool", "never closed"),
        ("conversations?filter=step:tool", "in parentheses"),
        ("conversations?kind=tool", "user_id"),
        ("traces?limit=1&limit=2", "twice"),
        ("spans?sort=turns", "time, duration, tokens, cost"),
        ("traces?sort=cost:up", "turns"),
        ("models?sort=turns", "count, time, duration, tokens, cost, errors"),
        ("users?sort=name", "errors, turns"),
        ("facets?of=spans&field=kind&sort=cost", "the most frequent first"),
        ("facets?of=spans", "\"field\""),
        ("facets?of=spans&field=span_id", "span_id"),
        ("facets?of=spans&field=kind&limt=1", "limt"),
    ] {
        let (status, problem) = server.get(&format!("/api/v1/{query}"));
        assert_eq!(status, 400, "{query}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(expect), "{query}: {problem}");
    }
    let by = |group: Value| json!({ "of": "spans", "group_by": [group] });
    let of = |metric: Value| json!({ "of": "spans", "metrics": [metric] });
    for (body, expect) in [
        (json!({ "of": "things" }), "conversations, traces, spans"),
        (json!({ "off": "spans" }), "off"),
        (json!({ "of": "spans", "limit": 0 }), "1 to 10000"),
        (json!({ "of": "spans", "filter": { "modle": "x" } }), "\"model\""),
        (json!({ "of": "spans", "filter": { "cost": { "over": 1 } } }), "cost"),
        (json!({ "of": "spans", "filter": { "after": "soon" } }), "after"),
        (by(json!({ "field": "kind", "time": "day" })), "one in each"),
        (by(json!({ "field": "kind", "top": 5_000 })), "1 to 1000"),
        (by(json!({ "time": "fortnight" })), "second, minute, hour, day, week, month"),
        (by(json!({ "time": "month", "every": 2 })), "one by one"),
        (by(json!({ "time": "day", "offset": "2" })), "+02:00"),
        (by(json!({ "histogram": "cost", "width": 0 })), "width"),
        (by(json!({ "histogram": "model", "width": 1 })), "usage.total"),
        (of(json!({ "sum": { "field": "model" } })), "usage.total"),
        (of(json!({ "percentiles": { "field": "cost", "of": [101] } })), "0 to 100"),
        (of(json!("median")), "percentiles"),
        (json!({ "previous": true }), "`after`"),
        (
            json!({ "previous": true, "filter": { "after": "2026-01-02T00:00:00Z", "before": "2026-01-01T00:00:00Z" } }),
            "not before",
        ),
        (json!({ "group_by": [{ "time": "day" }, { "time": "day" }, { "time": "day" }, { "time": "day" }] }), "3"),
    ] {
        let (status, problem) = aggregate(&server, &body);
        assert_eq!(status, 400, "{body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(expect), "{body}: {problem}");
    }
}
