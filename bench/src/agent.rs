//! The calls of agents: every call of a trace sends its whole history again.
//!
//! A message has about 600 bytes of words drawn from a vocabulary of which few are frequent (Zipf), so that it compresses as
//! text does. Calls take turns in asking for a tool and reading its result.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

/// Calls of one trace.
const CALLS: u64 = 100;
const MESSAGE_BYTES: usize = 600;
const VOCABULARY: u64 = 20_000;

/// The calls of one connection.
pub(crate) struct Agent {
    random: u64,
    scope: u64,
    call: u64,
    history: Vec<Value>,
}

impl Agent {
    pub(crate) fn new(scope: u64) -> Self {
        Self { random: scope | 1, scope, call: 0, history: Vec::new() }
    }

    /// The next call.
    pub(crate) fn span(&mut self, nanos: u64) -> Span {
        let (trace, call) = (self.call / CALLS, self.call % CALLS);
        if call == 0 {
            let system = format!("You are a careful agent. {}", self.words(2 * MESSAGE_BYTES));
            let question = self.words(MESSAGE_BYTES);
            self.history = vec![spoken("system", &system), spoken("user", &question)];
        }
        let id = format!("call_{}_{}", self.call, self.scope);
        let arguments = json!({ "query": self.words(MESSAGE_BYTES / 3) });
        let answer = json!({ "role": "assistant", "parts": [
            { "type": "text", "content": self.words(MESSAGE_BYTES / 2) },
            { "type": "tool_call", "id": id, "name": "search", "arguments": arguments },
        ]});
        let input = Value::Array(self.history.clone()).to_string();
        let output = Value::Array(vec![answer.clone()]).to_string();
        let result = json!({ "role": "tool", "parts": [
            { "type": "tool_call_response", "id": id, "response": self.words(MESSAGE_BYTES) },
        ]});
        self.history.extend([answer, result]);
        self.call += 1;
        let mut trace_id = self.scope.to_be_bytes().to_vec();
        trace_id.extend((trace + 1).to_be_bytes());
        let span_id = (self.scope ^ self.call.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_be_bytes().to_vec();
        Span {
            trace_id,
            span_id,
            name: "chat".to_owned(),
            start_time_unix_nano: nanos - 1_000_000,
            end_time_unix_nano: nanos,
            attributes: vec![
                text("gen_ai.operation.name", "chat".to_owned()),
                text("gen_ai.request.model", "gpt-4.1-mini".to_owned()),
                text("gen_ai.conversation.id", format!("agent-{:x}-{trace}", self.scope)),
                text("gen_ai.input.messages", input),
                text("gen_ai.output.messages", output),
            ],
            ..Default::default()
        }
    }

    /// About that many bytes of words.
    fn words(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 16);
        while text.len() < bytes {
            // xorshift64*: good enough to choose words.
            self.random ^= self.random >> 12;
            self.random ^= self.random << 25;
            self.random ^= self.random >> 27;
            let drawn = self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
            // The word of rank r is drawn about 1/r as often as the first.
            let share = drawn as f64 / (1_u64 << 53) as f64;
            let rank = (VOCABULARY as f64).powf(share) as u64;
            text.push_str(&word(rank));
            text.push(' ');
        }
        text
    }
}

fn spoken(role: &str, words: &str) -> Value {
    json!({ "role": role, "parts": [{ "type": "text", "content": words }] })
}

/// The word of a rank: frequent ones are short.
fn word(rank: u64) -> String {
    const SYLLABLES: [&str; 16] =
        ["ka", "to", "mi", "re", "lo", "sen", "var", "di", "nu", "pel", "os", "tri", "ba", "gem", "fu", "xi"];
    let mut rest = rank;
    let mut word = String::new();
    loop {
        word.push_str(SYLLABLES[(rest % 16) as usize]);
        rest /= 16;
        if rest == 0 {
            return word;
        }
    }
}

fn text(name: &str, value: String) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(Any::StringValue(value)) }), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_sends_what_went_before() {
        let mut agent = Agent::new(7);
        let history = |span: &Span| match &span.attributes[3].value.as_ref().unwrap().value {
            Some(Any::StringValue(text)) => serde_json::from_str::<Vec<Value>>(text).unwrap(),
            other => panic!("{other:?}"),
        };
        let calls: Vec<Span> = (0..=CALLS).map(|_| agent.span(2_000_000)).collect();
        let (first, tenth) = (history(&calls[0]), history(&calls[9]));
        assert_eq!((first.len(), tenth.len()), (2, 20));
        assert_eq!(first, tenth[..2]);
        assert_eq!(history(&calls[CALLS as usize]).len(), 2, "a new trace begins anew");
        assert_ne!(calls[0].trace_id, calls[CALLS as usize].trace_id);
    }
}
