//! What is sent: steps made from a seed, and the requests that carry them.
//!
//! Requests are made before the clock starts (see [`Feed`](crate::feed::Feed)); sending them costs no more than copying.

mod agent;
mod chat;
mod json;
mod otlp;
mod v1;

use std::time::Instant;

use neuraltrust_model::Kind;

pub(crate) use agent::Agents;
pub(crate) use chat::{Chat, LONG_TURNS, PHRASES, long_conversation, phrase, user};
pub(crate) use json::{as_langfuse, as_langsmith, as_otlp_json};

/// Spans of a request of `chat`.
pub(crate) const BATCH: usize = 512;

/// The id of a trace and of a span in it.
pub(crate) type Id = ([u8; 16], [u8; 8]);

/// A step of a turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) trace: [u8; 16],
    pub(crate) span: [u8; 8],
    pub(crate) parent: Option<[u8; 8]>,
    pub(crate) conversation: String,
    pub(crate) session: String,
    pub(crate) channel: &'static str,
    pub(crate) user: String,
    pub(crate) kind: Kind,
    /// Of the generations.
    pub(crate) model: Option<&'static str>,
    /// Nanoseconds since the epoch.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) input: String,
    pub(crate) output: String,
}

impl Step {
    /// Bytes of what was said.
    pub(crate) fn text_bytes(&self) -> u64 {
        (self.input.len() + self.output.len()) as u64
    }
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// `POST /v1/trace`: one step, as neuraltrust 1.4 sends it.
    Trace,
    /// `POST /v1/traces`: an export in protobuf.
    Traces,
}

/// A request that is ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) route: Route,
    pub(crate) body: Vec<u8>,
    /// The spans in it.
    pub(crate) ids: Vec<Id>,
    /// Bytes of what was said in them.
    pub(crate) text_bytes: u64,
}

/// Steps as exports of `batch` spans.
pub(crate) fn exports(steps: impl Iterator<Item = Step>, batch: usize) -> impl Iterator<Item = Request> {
    let mut steps = steps.peekable();
    std::iter::from_fn(move || {
        steps.peek()?;
        let (mut ids, mut spans, mut text_bytes) = (Vec::with_capacity(batch), Vec::with_capacity(batch), 0);
        for step in steps.by_ref().take(batch) {
            ids.push((step.trace, step.span));
            text_bytes += step.text_bytes();
            spans.push(otlp::span(step));
        }
        Some(Request { route: Route::Traces, body: otlp::export(spans), ids, text_bytes })
    })
}

/// Steps one by one, as neuraltrust 1.4 sends them.
pub(crate) fn singles(steps: impl Iterator<Item = Step>) -> impl Iterator<Item = Request> {
    steps.map(|step| Request {
        route: Route::Trace,
        body: v1::body(&step),
        ids: vec![(step.trace, step.span)],
        text_bytes: step.text_bytes(),
    })
}

/// Spans of `chat` that one thread makes in a second: what it costs where requests are made while they are sent.
pub(crate) fn made_per_second(seed: u64) -> f64 {
    const SPANS: usize = 10 * BATCH;
    let steps = Chat::new(seed, SPANS as u64).take(SPANS);
    let begin = Instant::now();
    let bytes: usize = exports(steps, BATCH).map(|request| request.body.len()).sum();
    std::hint::black_box(bytes);
    SPANS as f64 / begin.elapsed().as_secs_f64()
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_carry_every_step_once_and_are_made_from_the_seed() {
        let steps: Vec<Step> = Chat::new(1, 1_000).take(1_100).collect();
        let ids: Vec<Id> = steps.iter().map(|step| (step.trace, step.span)).collect();
        let text_bytes: u64 = steps.iter().map(Step::text_bytes).sum();
        let batches: Vec<Request> = exports(steps.clone().into_iter(), BATCH).collect();
        assert_eq!(batches.iter().map(|request| request.ids.len()).collect::<Vec<_>>(), [512, 512, 76]);
        assert_eq!(batches, exports(Chat::new(1, 1_000).take(1_100), BATCH).collect::<Vec<_>>());
        for requests in [batches, singles(steps.into_iter()).collect()] {
            assert_eq!(requests.iter().flat_map(|request| request.ids.clone()).collect::<Vec<_>>(), ids);
            assert_eq!(requests.iter().map(|request| request.text_bytes).sum::<u64>(), text_bytes);
        }
    }
}
