//! Helicone's log call at each of its paths.

use serde_json::{Value, json};

use crate::{start, wait_for};

#[test]
fn a_logged_call_is_a_generation() {
    let server = start();
    let key = format!("Bearer {}", server.key());
    let call = |words: &str| {
        json!({
            "providerRequest": {"url": "custom-model-nopath", "json": {"model": "my-model", "messages": [{"role": "user", "content": words}]}, "meta": {}},
            "providerResponse": {"json": {"choices": [{"message": {"role": "assistant", "content": "Hello"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}, "status": 200},
            "timing": {"startTime": {"seconds": 1_795_402_111, "milliseconds": 0}, "endTime": {"seconds": 1_795_402_112, "milliseconds": 500}},
        })
    };
    let headers = [
        ("authorization", key.as_str()),
        ("helicone-session-id", "s-1"),
        ("helicone-user-id", "u-1"),
        ("helicone-auth", "Bearer secret"),
    ];
    for path in ["/custom/v1/log", "/trace/custom/v1/log", "/oai/v1/log"] {
        for _ in 0..2 {
            let answer = server.post(path, &headers, call(path).to_string());
            assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok"})), "{path}");
        }
    }
    let rows = wait_for(&server, "/api/v1/spans?conversation_id=s-1", 3);
    for row in &rows {
        assert_eq!(
            (&row["kind"], &row["model"], &row["duration_ms"]),
            (&json!("generation"), &json!("my-model"), &json!(1500.0))
        );
        assert_eq!((&row["usage"]["input"], &row["usage"]["output"]), (&json!(3), &json!(2)));
    }
    let (_, conversation) = server.get("/api/v1/conversations/s-1");
    assert_eq!((&conversation["user"]["id"], conversation["turns"].as_array().unwrap().len()), (&json!("u-1"), 3));
    assert!(!conversation.to_string().contains("secret"), "no key is kept");

    let refused = server.post("/custom/v1/log", &headers, "{}");
    assert_eq!((refused.status, &refused.json()["reason"]), (400, &Value::from("malformed")));
    assert_eq!(server.post("/custom/v1/log", &[], call("x").to_string()).status, 401);
}
