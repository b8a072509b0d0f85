//! `agent`: agents whose every call sends its whole history again, 100 calls a trace.
//!
//! A message has about 600 bytes of new words. Every call asks for a tool and reads its result in the next. Some agents are
//! at work at the same time; each sends its calls in their order, a few at a time, as exporters do.

use std::collections::VecDeque;

use neuraltrust_model::attributes as names;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use super::otlp::{export, text};
use super::{Request, Route, hex};
use crate::random::Random;
use crate::words::Words;

/// Calls of one trace.
const CALLS: u64 = 100;
/// Calls of one request.
const CALLS_A_REQUEST: u64 = 10;
/// Agents at work at the same time.
const AT_WORK: u64 = 16;
const MESSAGE_BYTES: usize = 600;
/// 2026-10-01T00:00:00Z.
const BEGIN: u64 = 1_790_812_800_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// The requests of the agents of a seed, without end.
pub(crate) struct Agents {
    seed: u64,
    words: Words,
    begun: u64,
    at_work: VecDeque<Agent>,
}

impl Agents {
    pub(crate) fn new(seed: u64) -> Self {
        let at_work = (0..AT_WORK).map(|n| Agent::new(seed, n)).collect();
        Self { seed, words: Words::new(), begun: AT_WORK, at_work }
    }
}

impl Agents {
    /// Requests of a whole trace.
    pub(crate) const REQUESTS: usize = (CALLS / CALLS_A_REQUEST) as usize;
}

impl Iterator for Agents {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        let mut agent = self.at_work.pop_front()?;
        let mut ids = Vec::new();
        let mut spans = Vec::new();
        let mut text_bytes = 0;
        for _ in 0..CALLS_A_REQUEST {
            let span = agent.call(&self.words);
            text_bytes += span.attributes.iter().map(said_bytes).sum::<u64>();
            ids.push((agent.trace, agent.span));
            spans.push(span);
        }
        if agent.calls == CALLS {
            agent = Agent::new(self.seed, self.begun);
            self.begun += 1;
        }
        self.at_work.push_back(agent);
        Some(Request { route: Route::Traces, body: export(spans), ids, text_bytes })
    }
}

fn said_bytes(attribute: &opentelemetry_proto::tonic::common::v1::KeyValue) -> u64 {
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    let said = [names::INPUT_MESSAGES, names::OUTPUT_MESSAGES].contains(&attribute.key.as_str());
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) if said => text.len() as u64,
        _ => 0,
    }
}

/// One agent at work on one trace.
struct Agent {
    random: Random,
    trace: [u8; 16],
    /// Of the last call.
    span: [u8; 8],
    calls: u64,
    begin: u64,
    history: Vec<Value>,
}

impl Agent {
    fn new(seed: u64, n: u64) -> Self {
        let mut random = Random::part(seed, n);
        let trace = random.id();
        Self { random, trace, span: [0; 8], calls: 0, begin: BEGIN + n * 60 * SECOND, history: Vec::new() }
    }

    /// The next call.
    fn call(&mut self, words: &Words) -> Span {
        let mut say = |bytes: usize| words.text(&mut self.random, bytes);
        if self.history.is_empty() {
            let system = format!("You are a careful agent. {}", say(2 * MESSAGE_BYTES));
            self.history = vec![spoken("system", &system), spoken("user", &say(MESSAGE_BYTES))];
        }
        let id = format!("call_{}_{}", self.calls, hex(&self.trace[..4]));
        let answer = json!({ "role": "assistant", "parts": [
            { "type": "text", "content": say(MESSAGE_BYTES * 2 / 3) },
            { "type": "tool_call", "id": id, "name": "search", "arguments": { "query": say(MESSAGE_BYTES / 3) } },
        ]});
        let result = json!({ "role": "tool", "parts": [
            { "type": "tool_call_response", "id": id, "response": say(MESSAGE_BYTES) },
        ]});
        let input = Value::from(self.history.as_slice()).to_string();
        let output = json!([answer]).to_string();
        self.history.extend([answer, result]);
        self.span = self.random.id();
        let start = self.begin + self.calls * 3 * SECOND;
        self.calls += 1;
        Span {
            trace_id: self.trace.to_vec(),
            span_id: self.span.to_vec(),
            name: "chat".to_owned(),
            kind: 3,
            start_time_unix_nano: start,
            end_time_unix_nano: start + 2 * SECOND,
            attributes: vec![
                text(names::OPERATION_NAME, "chat"),
                text(names::PROVIDER_NAME, "openai"),
                text(names::REQUEST_MODEL, "gpt-4.1-mini"),
                text(names::CONVERSATION_ID, format!("agent-{}", hex(&self.trace[..8]))),
                text(names::INPUT_MESSAGES, input),
                text(names::OUTPUT_MESSAGES, output),
            ],
            ..Default::default()
        }
    }
}

fn spoken(role: &str, words: &str) -> Value {
    json!({ "role": role, "parts": [{ "type": "text", "content": words }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;

    #[test]
    fn every_call_sends_what_went_before() {
        let words = Words::new();
        let mut agent = Agent::new(7, 0);
        let messages = |span: &Span, n: usize| match &span.attributes[n].value.as_ref().unwrap().value {
            Some(Any::StringValue(text)) => serde_json::from_str::<Vec<Value>>(text).unwrap(),
            other => panic!("{other:?}"),
        };
        let calls: Vec<Span> = (0..10).map(|_| agent.call(&words)).collect();
        let (first, tenth) = (messages(&calls[0], 4), messages(&calls[9], 4));
        assert_eq!((first.len(), tenth.len()), (2, 20));
        assert_eq!(first, tenth[..2]);
        assert_eq!(messages(&calls[0], 5)[0], tenth[2], "an answer is in the next history");
    }

    #[test]
    fn agents_take_turns_and_each_trace_is_whole() {
        let requests: Vec<Request> = Agents::new(1).take(AT_WORK as usize * (Agents::REQUESTS + 1)).collect();
        let again: Vec<Request> = Agents::new(1).take(3).collect();
        assert_eq!(requests[..3], again);
        let of = |trace: [u8; 16]| requests.iter().filter(|request| request.ids[0].0 == trace).count();
        assert_eq!(of(requests[0].ids[0].0), Agents::REQUESTS);
        assert_ne!(requests[0].ids[0].0, requests[1].ids[0].0);
        assert_eq!(of(requests.last().unwrap().ids[0].0), 1, "a new trace begins anew");
        assert!(requests[AT_WORK as usize * (Agents::REQUESTS - 1)].body.len() > 10 * requests[0].body.len() / 3);
    }
}
