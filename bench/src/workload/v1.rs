//! A step as neuraltrust 1.4 sends it: `POST /v1/trace`.

use neuraltrust_model::Kind;
use serde_json::json;

use super::{Step, hex};

/// The body for a step. The protocol does not know guardrails; they are sent as what its users send them as.
pub(super) fn body(step: &Step) -> Vec<u8> {
    let task = if step.kind == Kind::Guardrail { Kind::System } else { step.kind.clone() };
    // The client sends whole seconds as milliseconds.
    let milliseconds = |nanos: u64| nanos / 1_000_000_000 * 1_000;
    let said = |words: &str| if step.kind == Kind::Retrieval { format!("[{{'chunk': '{words}'}}]") } else { words.to_owned() };
    let body = json!({
        "trace_id": hex(&step.span), "interaction_id": hex(&step.trace), "parent_id": step.parent.map(|id| hex(&id)),
        "conversation_id": step.conversation, "session_id": step.session, "channel_id": step.channel,
        "type": "traces", "task": task.as_str(), "input": step.input, "output": said(&step.output),
        "feedback_tag": null, "feedback_text": null, "latency": null,
        "start_timestamp": milliseconds(step.start), "end_timestamp": milliseconds(step.end),
        "custom": "{'key': 'value'}", "user": {"id": step.user, "name": "John Doe"},
        "metadata": {"id": "metadata_12345678", "name": "John Doe"},
    });
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Chat;
    use neuraltrust_model::Source;

    #[test]
    fn the_server_reads_what_the_step_says() {
        for step in Chat::new(1, 100).take(100) {
            let source = Source { client: None, version: None, protocol: "neuraltrust_v1".to_owned() };
            let read = neuraltrust_normalize::dialects::neuraltrust_v1::normalize(&body(&step), source).unwrap();
            let [patch] = read.as_slice() else { panic!("{} patches", read.len()) };
            assert_eq!(patch.span_id.as_str(), hex(&step.span));
            assert_eq!(patch.trace_id.as_str(), hex(&step.trace));
            assert_eq!(patch.parent_id.as_ref().map(|id| id.as_str().to_owned()), step.parent.map(|id| hex(&id)));
            assert!(serde_json::to_string(&patch.output).unwrap().contains(&step.output));
        }
    }
}
