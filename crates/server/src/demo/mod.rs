//! `neuraltrust demo`: a week of conversations of a shop's assistant, so that a newcomer sees a full page at once.
//!
//! They go through the public ingest endpoint like anyone's, with a key. The content is data in `content/`; nothing here
//! is random or reads a clock, so the same moment always gives the same conversations.

mod chance;
mod play;
mod price;
mod script;
mod stage;
mod wire;

use std::time::Duration;

use neuraltrust_model::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;

pub(crate) use stage::DemoConversation;
pub(crate) use wire::request;

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) conversations: usize,
    pub(crate) spans: usize,
}

/// Why the demo could not be sent. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// Nobody answers at the address.
    #[error("no answer from {url}; start the server with `neuraltrust serve`, or name another with --url")]
    Unreachable { url: String, source: Box<ureq::Error> },
    /// The server does not know the key.
    #[error(
        "{url} does not accept the key; give the one that the server printed at its first start with --key or in \
         NEURALTRUST_API_KEY, or make one with `neuraltrust key create --project default --scope ingest`"
    )]
    Unauthorized { url: String },
    /// The key is known and may not send.
    #[error("the key may not send conversations; give one of scope ingest or admin")]
    Forbidden,
    /// The server answers something else.
    #[error("{url} answered {status}: {body}; is it a neuraltrust server that has room on its disk?")]
    Refused { url: String, status: u16, body: String },
    /// The server kept some of the spans only.
    #[error("{url} refused {count} spans: {message}; use the `neuraltrust demo` of the server's own version")]
    Partial { url: String, count: i64, message: String },
}

/// The conversations of the demo, as if it were `now`. The ids depend on `now`: what is sent twice is there twice.
pub(crate) fn conversations(now: Timestamp) -> Vec<DemoConversation> {
    let library = script::Library::embedded();
    let played = library.scripts.iter().enumerate().map(|(number, script)| play::play(&library, script, number, now));
    played.collect()
}

/// Sends the conversations to the server at `url`.
///
/// # Errors
/// [`DemoError`]; what was sent before it is kept.
pub(crate) fn send(url: &str, key: &str, now: Timestamp) -> Result<Sent, DemoError> {
    let url = format!("{}/v1/traces", url.trim_end_matches('/'));
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30)));
    let agent = ureq::Agent::new_with_config(config.build());
    let mut sent = Sent { conversations: 0, spans: 0 };
    for conversation in conversations(now) {
        post(&agent, &url, key, &request(&conversation).encode_to_vec())?;
        sent.conversations += 1;
        sent.spans += conversation.spans.len();
    }
    Ok(sent)
}

fn post(agent: &ureq::Agent, url: &str, key: &str, body: &[u8]) -> Result<(), DemoError> {
    let unreachable = |source: ureq::Error| DemoError::Unreachable { url: url.to_owned(), source: Box::new(source) };
    let mut response = agent
        .post(url)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/x-protobuf")
        .send(body)
        .map_err(unreachable)?;
    let status = response.status().as_u16();
    match status {
        200..300 => {}
        401 => return Err(DemoError::Unauthorized { url: url.to_owned() }),
        403 => return Err(DemoError::Forbidden),
        _ => {
            let body = response.body_mut().read_to_string().map_err(unreachable)?;
            return Err(DemoError::Refused { url: url.to_owned(), status, body: body.chars().take(400).collect() });
        }
    }
    let body = response.body_mut().read_to_vec().map_err(unreachable)?;
    let answer = ExportTraceServiceResponse::decode(body.as_slice()).unwrap_or_default();
    match answer.partial_success.filter(|partial| partial.rejected_spans > 0) {
        None => Ok(()),
        Some(partial) => {
            Err(DemoError::Partial { url: url.to_owned(), count: partial.rejected_spans, message: partial.error_message })
        }
    }
}

#[cfg(test)]
mod tests;
