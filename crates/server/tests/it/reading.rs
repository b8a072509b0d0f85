//! The seed's flow as neuraltrust 1.4.0 sends it, read back through every list and by id.

use serde_json::{Value, json};

use crate::{send_flow, start, wait_for};

#[test]
fn the_flow_is_one_conversation_with_its_steps_in_place() {
    let server = start();
    send_flow(&server);
    let conversation = &wait_for(&server, "/api/v1/conversations", 1)[0];
    assert_eq!(conversation["conversation_id"], "conversation_12345678");
    assert_eq!(conversation["user"], json!({ "id": "user_12345678", "name": "John Doe" }));
    assert_eq!((&conversation["turns"], &conversation["spans"]), (&json!(1), &json!(5)));

    let (status, page) = server.get("/api/v1/conversations/conversation_12345678");
    assert_eq!(status, 200);
    assert_eq!(page["custom"], json!({ "key": "value" }));
    assert_eq!(page["turns"][0]["input"], json!({ "type": "text", "text": "Hello, how are you?" }));
    assert_eq!(page["turns"][0]["output"], json!({ "type": "text", "text": "I am fine, thank you!" }));

    let spans = page["turns"][0]["spans"].as_array().unwrap();
    let of = |kind: &str| spans.iter().filter(|span| span["kind"] == kind).collect::<Vec<_>>();
    let id = |kind: &str| {
        assert_eq!(of(kind).len(), 1, "one {kind}");
        of(kind)[0]["span_id"].clone()
    };
    let parent = |kind: &str| of(kind)[0]["parent_id"].clone();
    assert_eq!(parent("message"), Value::Null);
    assert_eq!((parent("generation"), parent("router")), (id("message"), id("message")));
    assert_eq!((parent("retrieval"), parent("agent")), (id("router"), id("retrieval")));
    assert_eq!(spans.len(), 5);

    let trace = spans[0]["trace_id"].as_str().unwrap();
    let (_, retrieval) = server.get(&format!("/api/v1/traces/{trace}/spans/{}", id("retrieval").as_str().unwrap()));
    assert_eq!(retrieval["output"]["type"], "documents");
    assert_eq!(retrieval["output"]["documents"][0]["content"], "Hello, how are you?");
    assert_eq!(retrieval["source"]["protocol"], "neuraltrust_v1");
    let (_, detail) = server.get(&format!("/api/v1/traces/{trace}"));
    assert_eq!(detail["spans"].as_array().unwrap().len(), 5);
}

#[test]
fn lists_are_narrowed_and_counted_and_mistakes_are_named() {
    let server = start();
    send_flow(&server);
    wait_for(&server, "/api/v1/conversations", 1);
    wait_for(&server, "/api/v1/conversations?user_id=user_12345678&channel_id=channel_12345678", 1);
    wait_for(&server, "/api/v1/conversations?user_id=somebody", 0);
    wait_for(&server, "/api/v1/conversations?q=thank+yo", 1);
    wait_for(&server, "/api/v1/conversations?q=absent", 0);
    wait_for(&server, "/api/v1/traces?session_id=session_12345678", 1);
    wait_for(&server, "/api/v1/spans?kind=retrieval", 1);
    wait_for(&server, "/api/v1/spans?after=2100-01-01T00:00:00Z", 0);
    for list in ["users", "sessions", "channels"] {
        assert_eq!(wait_for(&server, &format!("/api/v1/{list}"), 1)[0]["count"], 1);
    }
    let user = wait_for(&server, "/api/v1/users?sort=tokens", 1).remove(0);
    assert_eq!((&user["error_share"], &user["turns"], user["duration_ms_p95"].is_number()), (&json!(0.0), &json!(1.0), true));
    assert_eq!(wait_for(&server, "/api/v1/facets?of=spans&field=kind", 5)[0]["count"], 1);

    let (_, first) = server.get("/api/v1/spans?limit=3");
    let next = first["next_cursor"].as_str().unwrap();
    let (_, rest) = server.get(&format!("/api/v1/spans?limit=3&cursor={next}"));
    assert_eq!((first["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (3, 2));
    assert_eq!(rest["next_cursor"], Value::Null);

    for (path, expect) in [
        ("/api/v1/spans?limt=3", "limt"),
        ("/api/v1/spans?limit=0", "1 to 1000"),
        ("/api/v1/spans?cursor=x", "cursor"),
        ("/api/v1/spans?after=someday", "RFC 3339"),
        ("/api/v1/conversations?kind=tool", "user_id"),
        ("/api/v1/facets?of=things&field=kind", "conversations, traces, spans"),
        ("/api/v1/facets?of=spans&field=size", "provider"),
    ] {
        let (status, problem) = server.get(path);
        assert_eq!(status, 400, "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(expect), "{path}: {problem}");
    }
    for path in ["/api/v1/conversations/none", "/api/v1/traces/none", "/api/v1/traces/a/spans/b", "/api/v1/none"] {
        let (status, problem) = server.get(path);
        assert_eq!((status, &problem["reason"]), (404, &json!("not_found")), "{path}");
    }
}

#[test]
fn a_conversation_is_read_in_pages() {
    let server = start();
    for turn in 0..5 {
        let step = json!({ "task": "message", "interaction_id": format!("i{turn}"), "trace_id": format!("t{turn}"),
            "conversation_id": "c", "input": format!("order {turn}"), "output": "Yes." });
        assert_eq!(server.post("/v1/trace", &[("token", server.key())], step.to_string()).status, 200);
    }
    wait_for(&server, "/api/v1/traces", 5);
    let (_, whole) = server.get("/api/v1/conversations/c");
    let said = |page: &Value| page["turns"].as_array().unwrap().iter().map(|turn| turn["input"].clone()).collect::<Vec<_>>();
    let (mut turns, mut next) = (Vec::new(), String::new());
    loop {
        let (status, page) = server.get(&format!("/api/v1/conversations/c?limit=2{next}"));
        assert_eq!((status, &page["conversation"]), (200, &whole["conversation"]));
        turns.extend(said(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!((turns.len(), turns), (5, said(&whole)));
    for (path, expect) in [("limit=0", "1 to 1000"), ("cursor=x", "cursor"), ("limt=1", "limt")] {
        let (status, problem) = server.get(&format!("/api/v1/conversations/c?{path}"));
        assert_eq!(status, 400, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(expect), "{problem}");
    }
    assert_eq!(server.get("/api/v1/conversations/none?limit=2").0, 404);
}

#[test]
fn projects_have_their_own_keys_and_see_only_themselves() {
    let server = start();
    let admin = ("authorization", format!("Bearer {}", server.key()));
    let post = |path: &str, body: Value| {
        let answer = server.post(path, &[(admin.0, &admin.1), ("content-type", "application/json")], body.to_string());
        (answer.status, answer.json())
    };
    assert_eq!(post("/api/v1/projects", json!({ "name": "shop" })).0, 201);
    assert_eq!(post("/api/v1/projects", json!({ "name": "shop" })).0, 409);
    assert_eq!(post("/api/v1/projects", json!({ "name": "a shop" })).0, 400);
    assert_eq!(post("/api/v1/projects/none/keys", json!({ "scope": "read" })).0, 404);
    assert_eq!(post("/api/v1/projects/shop/keys", json!({ "scope": "root" })).0, 400);
    let (status, made) = post("/api/v1/projects/shop/keys", json!({ "scope": "read" }));
    assert_eq!(status, 201);
    send_flow(&server);
    wait_for(&server, "/api/v1/conversations", 1);
    let key = made["key"].as_str().unwrap();
    let seen = server.fetch("/api/v1/conversations", &[("x-api-key", key)]);
    assert_eq!(seen.json()["items"], json!([]));
    assert_eq!(server.fetch("/api/v1/conversations/conversation_12345678", &[("x-api-key", key)]).status, 404);
    let forbidden =
        server.post("/api/v1/projects", &[("x-api-key", key), ("content-type", "application/json")], "{\"name\":\"x\"}");
    assert_eq!(forbidden.status, 403);
}

#[test]
fn users_come_by_pages_in_any_order_and_others_come_in_meanwhile() {
    let server = start();
    let send = |user: &str, at: u64| {
        let step = json!({ "task": "message", "interaction_id": format!("of {user}"), "conversation_id": format!("by {user}"), "input": "hi",
            "user": { "id": user }, "start_timestamp": 1_795_402_000_000_u64 + at, "end_timestamp": 1_795_402_000_005_u64 + at });
        assert_eq!(server.post("/v1/trace", &[("token", server.key())], step.to_string()).status, 200);
    };
    for n in 0..25 {
        send(&format!("user {n:02}"), 1_000 + n);
    }
    wait_for(&server, "/api/v1/conversations?limit=100", 25);
    for (sort, newest_first) in [("time", true), ("time:asc", false)] {
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let (status, page) = server.get(&format!("/api/v1/users?limit=10&sort={sort}{next}"));
            assert_eq!((status, &page["truncated"], page["total"].as_u64() >= Some(25)), (200, &json!(false), true), "{page}");
            seen.extend(page["items"].as_array().unwrap().iter().map(|row| row["value"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            next = format!("&cursor={cursor}");
            // It comes before what has been read.
            let late = format!("late {sort} {}", seen.len());
            send(&late, if newest_first { 5_000 } else { 0 });
            wait_for(&server, &format!("/api/v1/users?q=user:%22{}%22", late.replace(' ', "+")), 1);
        }
        assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), seen.len(), "each once");
        seen.retain(|user| user.starts_with("user"));
        let mut expect: Vec<String> = (0..25).map(|n| format!("user {n:02}")).collect();
        if newest_first {
            expect.reverse();
        }
        assert_eq!(seen, expect, "{sort}");
    }
    for bad in ["sort=cost&cursor=time.desc..", "cursor=x", "sort=name"] {
        assert_eq!(server.get(&format!("/api/v1/users?{bad}")).0, 400, "{bad}");
    }
}
