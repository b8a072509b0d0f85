//! The context of a model call: which of its messages are new, and where the others had been said before.

use std::collections::HashMap;

use neuraltrust_model::{Message, SpanId, TraceId};
use serde::Serialize;
use utoipa::ToSchema;

/// What went into a model call and what came out of it, as messages.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) input: Vec<Message>,
    pub(crate) output: Vec<Message>,
}

/// The messages of a model call, and where they had been said before.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Context {
    /// The messages that went in, in order; none where what went in is no list of messages.
    pub messages: Vec<ContextMessage>,
    /// Number of those that nobody had said before in the conversation.
    pub new: usize,
    /// The earlier call whose messages this one repeats from the begin on for longest; null where there is none. A provider's
    /// cache of prompts ends where the repetition does.
    pub continues: Option<Continues>,
    /// Whether the conversation has more earlier calls than were looked at, so that a message taken to be new may not be, and one
    /// that is not may have been said before the place that is told.
    pub truncated: bool,
}

/// A message that went into a call.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ContextMessage {
    /// The message.
    pub message: Message,
    /// Whether nobody had said it before in the conversation.
    pub new: bool,
    /// Where it had been said first; null where it is new.
    pub first: Option<SaidAt>,
}

/// Where a message was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SaidAt {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Whether it went in or came out.
    pub side: Side,
    /// Its place among the messages of that side, from 0 on.
    pub index: usize,
}

/// A side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What went in.
    Input,
    /// What came out.
    Output,
}

/// An earlier call that this one goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Continues {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Number of messages from the begin on that are those of the earlier call and of its answer.
    pub messages: usize,
}

/// The same name for the same message, whoever says it.
fn name(message: &Message) -> blake3::Hash {
    // What cannot be written as JSON cannot have come in.
    blake3::hash(&serde_json::to_vec(message).unwrap_or_default())
}

/// What earlier calls of a conversation have of the messages of one: heard call by call, so that no two of them are in memory.
pub(crate) struct Earlier {
    input: Vec<Message>,
    names: Vec<blake3::Hash>,
    first: HashMap<blake3::Hash, Option<SaidAt>>,
    continues: Option<Continues>,
}

impl Earlier {
    /// Of the messages that went into a call.
    pub(crate) fn new(input: Vec<Message>) -> Self {
        let names: Vec<blake3::Hash> = input.iter().map(name).collect();
        Self { input, first: names.iter().map(|name| (*name, None)).collect(), names, continues: None }
    }

    /// The call before all that were heard of so far.
    pub(crate) fn hear(&mut self, call: &Call) {
        let sides = [(Side::Output, &call.output), (Side::Input, &call.input)];
        // The first of a call that says a message is the last that is looked at.
        for (side, messages) in sides {
            for (index, message) in messages.iter().enumerate().rev() {
                if let Some(first) = self.first.get_mut(&name(message)) {
                    let (trace_id, span_id) = (call.trace_id.clone(), call.span_id.clone());
                    *first = Some(SaidAt { trace_id, span_id, side, index });
                }
            }
        }
        let said = call.input.iter().chain(&call.output);
        let repeated = said.zip(&self.names).take_while(|(message, known)| name(message) == **known).count();
        // Of those that are repeated for as long the last one is it.
        if repeated > 0 && self.continues.as_ref().is_none_or(|best| repeated > best.messages) {
            let (trace_id, span_id) = (call.trace_id.clone(), call.span_id.clone());
            self.continues = Some(Continues { trace_id, span_id, messages: repeated });
        }
    }

    /// The context of the call.
    pub(crate) fn context(self, truncated: bool) -> Context {
        let Self { input, names, first, continues } = self;
        let message = |(message, name): (Message, &blake3::Hash)| {
            let first = first.get(name).cloned().flatten();
            ContextMessage { message, new: first.is_none(), first }
        };
        let messages: Vec<ContextMessage> = input.into_iter().zip(&names).map(message).collect();
        Context { new: messages.iter().filter(|message| message.new).count(), messages, continues, truncated }
    }
}

#[cfg(test)]
mod tests {
    use neuraltrust_model::{Map, Part};

    use super::*;

    fn said(texts: &[&str]) -> Vec<Message> {
        let message = |text: &&str| Message {
            role: "user".to_owned(),
            parts: vec![Part::Text { text: (*text).to_owned() }],
            extra: Map::new(),
        };
        texts.iter().map(message).collect()
    }

    fn call(n: u32, input: &[&str], output: &[&str]) -> Call {
        let (trace_id, span_id) = (TraceId::new("t").unwrap(), SpanId::new(format!("s{n}")).unwrap());
        Call { trace_id, span_id, input: said(input), output: said(output) }
    }

    fn context(this: Call, earlier: &[Call]) -> Context {
        let mut heard = Earlier::new(this.input);
        earlier.iter().rev().for_each(|call| heard.hear(call));
        heard.context(false)
    }

    #[test]
    fn a_message_is_new_once_and_then_known_by_where_it_was_said_first() {
        let earlier =
            [call(0, &["system", "a"], &["b"]), call(1, &["other"], &["x"]), call(2, &["system", "a", "b", "c"], &["d"])];
        let context = context(call(3, &["system", "a", "b", "x", "e"], &[]), &earlier);
        let first: Vec<_> = context
            .messages
            .iter()
            .map(|message| message.first.as_ref().map(|at| (at.span_id.as_str(), at.side, at.index)))
            .collect();
        assert_eq!(
            first,
            [
                Some(("s0", Side::Input, 0)),
                Some(("s0", Side::Input, 1)),
                Some(("s0", Side::Output, 0)),
                Some(("s1", Side::Output, 0)),
                None
            ]
        );
        assert_eq!(context.new, 1);
        let continues = context.continues.unwrap();
        assert_eq!((continues.span_id.as_str(), continues.messages), ("s2", 3), "the last of those that are repeated as long");
    }

    #[test]
    fn the_first_call_is_all_new() {
        let context = context(call(0, &["a", "a"], &[]), &[]);
        assert_eq!((context.new, context.continues), (2, None));
    }
}
