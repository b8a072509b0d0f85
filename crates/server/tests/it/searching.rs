//! Searches for words: each message once, with where else it was said.

use neuraltrust_testing::Server;
use serde_json::{Value, json};

use crate::{start, wait_for};

fn send(server: &Server, body: &Value) {
    assert_eq!(server.post("/v1/trace", &[("token", server.key())], body.to_string()).status, 200);
}

/// A step that starts so many seconds after others.
fn step(conversation: &str, turn: &str, task: &str, at: i64, input: &Value, output: &Value) -> Value {
    json!({ "task": task, "interaction_id": turn, "trace_id": format!("{turn}-{task}"), "conversation_id": conversation,
        "input": input, "output": output, "start_timestamp": (1_795_402_111 + at) * 1_000, "end_timestamp": (1_795_402_112 + at) * 1_000 })
}

/// Two turns of a conversation whose second call sends the first again, and another conversation in which the same is asked.
fn fill(server: &Server) {
    let long = "Our refund policy: thirty days. ".repeat(200);
    let message = |role: &str, text: &str| json!({ "role": role, "content": text });
    let asked = message("user", "What is the refund policy?");
    let first = json!([asked]);
    let second = json!([asked, message("assistant", &long), message("user", "Thanks a lot, umbrella!")]);
    for body in [
        step("c1", "t1", "message", 0, &json!("What is the refund policy?"), &json!(long)),
        step("c1", "t1", "router", 1, &json!("What is the refund policy?"), &json!("shop")),
        step("c1", "t1", "generation", 2, &first, &json!([message("assistant", &long)])),
        step("c1", "t2", "generation", 12, &second, &json!("You are welcome.")),
        step("c2", "t3", "message", 20, &json!("What is the refund policy?"), &json!("Policy? Refund refund refund.")),
    ] {
        send(server, &body);
    }
    wait_for(server, "/api/v1/spans", 5);
}

fn items(server: &Server, query: &str) -> Vec<Value> {
    let (status, answer) = server.get(&format!("/api/v1/search?{query}"));
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["timed_out"], &answer["truncated"]), (&json!(false), &json!(false)), "{answer}");
    answer["items"].as_array().unwrap().clone()
}

#[test]
fn a_message_is_found_once_with_where_else_it_was_said() {
    let server = start();
    fill(&server);
    let found = items(&server, "q=%22the+refund+policy%22");
    assert_eq!(found.len(), 1, "{found:?}");
    let hit = &found[0];
    assert_eq!(
        (&hit["snippet"], &hit["conversation_id"], &hit["part"]),
        (&json!("What is the refund policy?"), &json!("c2"), &json!("input"))
    );
    let also: Vec<(&str, &str)> = hit["also"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| (place["trace_id"].as_str().unwrap(), place["kind"].as_str().unwrap()))
        .collect();
    for kind in ["message", "router", "generation"] {
        assert!(also.contains(&("t1", kind)), "{kind} of the other conversation said it too: {also:?}");
    }
    assert_eq!(hit["also_count"], also.len());
    let marked: Vec<u16> = hit["snippet"].as_str().unwrap().encode_utf16().collect();
    let range = |n: usize| usize::try_from(hit["ranges"][0][n].as_u64().unwrap()).unwrap();
    assert_eq!(String::from_utf16(&marked[range(0)..range(1)]).unwrap(), "the refund policy");

    let kept_apart = items(&server, "q=%22thirty+days%22");
    assert_eq!(kept_apart.len(), 1, "{kept_apart:?}");
    assert_eq!(
        (&kept_apart[0]["trace_id"], &kept_apart[0]["kind"]),
        (&json!("t1"), &json!("message")),
        "where it was said first"
    );
    let sent_again = kept_apart[0]["also"].as_array().unwrap();
    assert!(
        sent_again.iter().any(|place| place["trace_id"] == "t2" && place["part"] == "input"),
        "by a later call: {sent_again:?}"
    );

    let best = items(&server, "q=refund&sort=relevance");
    assert!(best.len() >= 3 && best.iter().any(|hit| hit["snippet"] == "Policy? Refund refund refund."), "{best:?}");
    assert!(best[0]["snippet"].as_str().unwrap().contains("thirty"), "said most often");
    assert_eq!(items(&server, "q=refund+kind:router").len(), 1);
    assert_eq!(items(&server, "q=umbrella")[0]["role"], "user");
    assert_eq!(items(&server, "q=absent"), Vec::<Value>::new());
}

#[test]
fn pages_follow_each_other_and_what_is_no_search_is_told() {
    let server = start();
    for n in 0..120 {
        send(&server, &step("c", &format!("t{n}"), "message", n, &json!(format!("umbrella number{n}")), &json!("yes")));
    }
    wait_for(&server, "/api/v1/spans?limit=1000", 120);
    let (mut said, mut next) = (Vec::new(), String::new());
    loop {
        let (status, page) = server.get(&format!("/api/v1/search?q=umbrella&limit=7{next}"));
        assert_eq!(status, 200, "{page}");
        said.extend(page["items"].as_array().unwrap().iter().map(|hit| hit["snippet"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(said, (0..120).rev().map(|n| format!("umbrella number{n}")).collect::<Vec<_>>());
    for (query, expect) in [
        ("", "give words"),
        ("q=kind:tool", "give words"),
        ("q=-umbrella", "give words"),
        ("q=umbrella&sort=cost", "relevance"),
        ("q=umbrella&sort=relevance&cursor=time.1.1", "one page"),
        ("q=modle:x", "model"),
    ] {
        let (status, problem) = server.get(&format!("/api/v1/search?{query}"));
        assert!(status == 400 && problem["detail"].as_str().unwrap().contains(expect), "{query}: {problem}");
    }
}

#[test]
fn every_message_is_on_one_page_whatever_their_size_and_knows_where_else_it_was_said() {
    let server = start();
    for n in 0..6 {
        let (trace, answer) = (format!("t{n}"), json!(format!("Umbrella number{n}.")));
        send(
            &server,
            &step(&format!("c{n}"), &trace, "message", n, &json!("Which umbrella policy holds for all of us?"), &answer),
        );
    }
    wait_for(&server, "/api/v1/spans?limit=1000", 6);
    for limit in [1, 2, 3, 50] {
        let (mut said, mut next) = (Vec::new(), String::new());
        loop {
            let (status, page) = server.get(&format!("/api/v1/search?q=umbrella&limit={limit}{next}"));
            assert_eq!(status, 200, "{page}");
            for hit in page["items"].as_array().unwrap() {
                let text = hit["snippet"].as_str().unwrap().to_owned();
                assert_eq!(hit["also_count"], if text.starts_with("Which") { 5 } else { 0 }, "{limit}: {hit}");
                said.push(text);
            }
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        said.sort();
        let mut expect: Vec<String> = (0..6).map(|n| format!("Umbrella number{n}.")).collect();
        expect.push("Which umbrella policy holds for all of us?".to_owned());
        assert_eq!(said, expect, "{limit}");
    }
}
