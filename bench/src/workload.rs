//! The requests that are sent: steps of many small conversations, every one with ids of its own.
//!
//! The text varies in length as chats do (60 to 1,500 bytes). Ids are counted, not drawn, so that a run never sends the same
//! step twice.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::{Value, json};

use crate::agent::Agent;

/// Steps of a turn; the first is the turn itself and the parent of the others.
const STEPS: [&str; 6] = ["message", "router", "retrieval", "generation", "agent", "tool"];
const TURNS: u64 = 4;
const SENTENCES: [&str; 6] = [
    "Where is my order, it should have been here on Friday. ",
    "The parcel is in the terminal and arrives tomorrow between ten and two. ",
    "You can send anything back within thirty days of delivery. ",
    "Please measure your inside leg without shoes and multiply by 0.66. ",
    "Guten Tag, mein E-Bike zeigt den Fehler E21 an. ",
    "ありがとうございます。納期はどのくらいですか？ ",
];

/// The requests of one connection.
pub(crate) struct Workload {
    host: String,
    key: String,
    /// Of this run and connection.
    scope: u64,
    count: u64,
    agent: Agent,
}

/// Where a step belongs.
struct Step {
    task: &'static str,
    conversation: String,
    trace: [u8; 16],
    span: [u8; 8],
    parent: Option<[u8; 8]>,
    input: String,
    output: String,
    nanos: u64,
}

impl Workload {
    /// The requests of the connection number `connection` to that server.
    pub(crate) fn new(host: &str, key: &str, connection: u64) -> Self {
        // Runs that follow each other on one server must not repeat ids either.
        let scope = now().wrapping_add(connection << 40);
        Self { host: host.to_owned(), key: key.to_owned(), scope, count: 0, agent: Agent::new(scope) }
    }

    fn step(&mut self) -> Step {
        let count = self.count;
        self.count += 1;
        let steps = STEPS.len() as u64;
        let turn = count / steps;
        let span = |count: u64| (self.scope ^ (count + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_be_bytes();
        let mut trace = [0; 16];
        trace[..8].copy_from_slice(&self.scope.to_be_bytes());
        trace[8..].copy_from_slice(&(turn + 1).to_be_bytes());
        Step {
            task: STEPS[(count % steps) as usize],
            conversation: format!("bench-{:x}-{}", self.scope, turn / TURNS),
            trace,
            span: span(count),
            parent: (!count.is_multiple_of(steps)).then(|| span(turn * steps)),
            input: words(count, 1 + count % 4),
            output: words(count + 3, 1 + count % 17),
            nanos: now(),
        }
    }

    /// One step as neuraltrust 1.4 sends it.
    pub(crate) fn trace(&mut self) -> Vec<u8> {
        let step = self.step();
        let milliseconds = step.nanos / 1_000_000_000 * 1000;
        let output = if step.task == "retrieval" { format!("[{{'chunk': '{}'}}]", step.output) } else { step.output };
        let body = json!({
            "trace_id": hex(&step.span), "interaction_id": hex(&step.trace), "parent_id": step.parent.map(|id| hex(&id)),
            "conversation_id": step.conversation, "session_id": step.conversation, "channel_id": "web",
            "type": "traces", "task": step.task, "input": step.input, "output": output,
            "feedback_tag": null, "feedback_text": null, "latency": null,
            "start_timestamp": milliseconds, "end_timestamp": milliseconds,
            "custom": "{'key': 'value'}", "user": {"id": format!("user_{}", step.nanos % 997), "name": "John Doe"},
            "metadata": {"id": "metadata_12345678", "name": "John Doe"},
        });
        self.request("/v1/trace", "token", "", "application/json", body.to_string().as_bytes())
    }

    /// Steps as an OTLP export.
    pub(crate) fn otlp(&mut self, batch: u32) -> Vec<u8> {
        let spans = (0..batch).map(|_| otlp_span(self.step())).collect();
        self.export(spans)
    }

    /// Calls of an agent as an OTLP export.
    pub(crate) fn agent(&mut self, batch: u32) -> Vec<u8> {
        let spans = (0..batch).map(|_| self.agent.span(now())).collect();
        self.export(spans)
    }

    fn export(&self, spans: Vec<Span>) -> Vec<u8> {
        let scope_spans = vec![ScopeSpans { spans, ..Default::default() }];
        let export = ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..Default::default() }] };
        self.request("/v1/traces", "authorization", "Bearer ", "application/x-protobuf", &export.encode_to_vec())
    }

    fn request(&self, path: &str, header: &str, scheme: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
        let Self { host, key, .. } = self;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\n{header}: {scheme}{key}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }
}

fn otlp_span(step: Step) -> Span {
    let text = |name: &str, value: String| KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(Any::StringValue(value)) }),
        ..Default::default()
    };
    Span {
        trace_id: step.trace.to_vec(),
        span_id: step.span.to_vec(),
        parent_span_id: step.parent.map(|id| id.to_vec()).unwrap_or_default(),
        name: step.task.to_owned(),
        start_time_unix_nano: step.nanos - 1_000_000,
        end_time_unix_nano: step.nanos,
        attributes: vec![
            text("neuraltrust.kind", step.task.to_owned()),
            text("gen_ai.conversation.id", step.conversation),
            text("user.id", format!("user_{}", step.nanos % 997)),
            text("neuraltrust.input", step.input),
            text("neuraltrust.output", step.output),
        ],
        ..Default::default()
    }
}

fn words(from: u64, sentences: u64) -> String {
    (from..from + sentences).map(|n| SENTENCES[(n % SENTENCES.len() as u64) as usize]).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

fn hex(bytes: &[u8]) -> Value {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_step_has_its_own_id_and_a_parent_in_its_turn() {
        let mut workload = Workload::new("localhost", "nt_x", 1);
        let mut seen = BTreeSet::new();
        for _ in 0..600 {
            let request = String::from_utf8(workload.trace()).unwrap();
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("token: nt_x") && head.ends_with(&format!("content-length: {}", body.len())));
            let body: Value = serde_json::from_str(body).unwrap();
            let id = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            assert_eq!(body["parent_id"].is_null(), body["task"] == "message");
            assert!(body["parent_id"].is_null() || seen.contains(&(id("interaction_id"), id("parent_id"))));
            assert!(seen.insert((id("interaction_id"), id("trace_id"))));
        }
    }
}
