//! Log records: what they say of their spans.

use neuraltrust_model::{Content, Kind, ScoreSource};
use neuraltrust_normalize::otlp_logs::normalize_json;
use neuraltrust_normalize::{Normalized, Reason};
use serde_json::{Value, json};

fn value(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let pairs: Vec<Value> = map.iter().map(|(key, item)| json!({"key": key, "value": self::value(item)})).collect();
            json!({"kvlistValue": {"values": pairs}})
        }
        Value::Number(number) => json!({"doubleValue": number}),
        text => json!({"stringValue": text}),
    }
}

fn record(name: &str, body: &Value, attributes: &Value) -> Value {
    let mut record = json!({
        "traceId": "01".repeat(16), "spanId": "02".repeat(8), "timeUnixNano": "1795402111000000000", "eventName": name,
        "severityText": "INFO", "attributes": value(attributes)["kvlistValue"]["values"],
    });
    if !body.is_null() {
        record["body"] = value(body);
    }
    record
}

fn export(records: &[Value]) -> Normalized {
    normalize_json(json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string().as_bytes()).unwrap()
}

#[test]
fn each_record_becomes_what_it_says() {
    let normalized = export(&[
        record("gen_ai.user.message", &json!({"content": "Hi"}), &json!({"gen_ai.system": "openai"})),
        record("gen_ai.user.message", &json!({"content": "Hi"}), &json!({"gen_ai.system": "openai"})),
        record("gen_ai.choice", &json!({"index": 0, "finish_reason": "stop", "message": {"content": "Hello"}}), &json!({})),
        record(
            "gen_ai.evaluation.result",
            &json!(null),
            &json!({"gen_ai.evaluation.name": "relevance",
            "gen_ai.evaluation.score.value": 0.8, "gen_ai.evaluation.score.label": "good", "gen_ai.evaluation.explanation": "to the point"}),
        ),
        record("", &json!("plain words"), &json!({"code": "x"})),
        record(
            "gen_ai.client.inference.operation.details",
            &json!(null),
            &json!({"gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m", "gen_ai.output.messages": "[{\"role\":\"assistant\",\"parts\":[]}]"}),
        ),
    ]);
    assert_eq!(normalized.rejected, []);
    assert_eq!(normalized.patches.len(), 1, "one patch for each span");
    let patch = &normalized.patches[0];
    let said: Vec<_> = patch.fragments.iter().map(|fragment| fragment.message.role.as_str()).collect();
    assert_eq!(said, ["user", "user", "assistant"], "the same words twice at one time are two messages");
    assert_ne!(patch.fragments[0].id, patch.fragments[1].id);
    let score = &patch.scores[0];
    assert_eq!((score.name.as_str(), &score.value, score.source), ("relevance", &json!(0.8), ScoreSource::Evaluator));
    assert_eq!(score.comment.as_deref(), Some("good: to the point"));
    let event = &patch.events[0];
    assert_eq!(
        (event.name.as_str(), &event.attributes["body"], &event.attributes["severity"]),
        ("log", &json!("plain words"), &json!("INFO"))
    );
    assert_eq!((patch.kind.as_ref(), patch.model.as_deref()), (Some(&Kind::Generation), Some("m")));
    assert!(matches!(patch.output, Some(Content::Messages { .. })));
    assert_eq!(patch.start, None, "a record says nothing of when its span started");
}

#[test]
fn a_record_without_a_span_costs_only_itself() {
    let without = |field: &str| {
        let mut record = record("x", &json!("y"), &json!({}));
        record[field] = json!("");
        record
    };
    let normalized = export(&[without("spanId"), record("x", &json!("y"), &json!({})), without("traceId"), json!({}), json!(3)]);
    assert_eq!(normalized.patches.len(), 1);
    let reasons: Vec<_> = normalized.rejected.iter().map(|rejection| (rejection.at.as_str(), rejection.reason)).collect();
    assert_eq!(
        reasons,
        [
            ("logRecords[0].spanId", Reason::MissingId),
            ("logRecords[2].spanId", Reason::MissingId),
            ("logRecords[3].spanId", Reason::MissingId),
            ("logRecords[4].item", Reason::WrongType),
        ]
    );
    assert!(normalized.rejected[0].message.contains("names no span"));
}
