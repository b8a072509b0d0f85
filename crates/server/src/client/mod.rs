//! The command line as a client of the API: what it asks, and how people and programs are shown the answers.
//!
//! It knows nothing of the store: everything goes over HTTP with a key, to any server.

mod ask;
mod export;
mod import;
mod options;
mod search;
mod table;
mod tail;

use std::time::Duration;

use serde_json::Value;

pub(crate) use ask::run;
pub(crate) use export::verify as verify_export;
pub(crate) use options::{ClientCommand, ExportCheck};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why a server cannot be asked. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody answers at the address.
    #[error("no answer from {url}; start the server with `neuraltrust serve`, or name another with --url")]
    Unreachable { url: String, source: Box<ureq::Error> },
    /// The server refuses; the text is its own.
    #[error("the server answers {status}: {detail}")]
    Refused { status: u16, reason: String, detail: String },
    /// The answer is no JSON.
    #[error("{url} answers something that is no JSON; is it a neuraltrust server?")]
    Odd { url: String, source: serde_json::Error },
}

/// A server, and the key that opens it.
struct Api {
    agent: ureq::Agent,
    url: String,
    key: String,
}

impl Api {
    fn new(url: &str, key: String) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        Self { agent: ureq::Agent::new_with_config(config.build()), url: url.trim_end_matches('/').to_owned(), key }
    }

    fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, ClientError> {
        let request = self.agent.get(format!("{}{path}", self.url)).header("authorization", format!("Bearer {}", self.key));
        let request = query.iter().fold(request, |request, (name, value)| request.query(*name, value));
        self.answer(request.call())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("authorization", format!("Bearer {}", self.key));
        self.answer(request.header("content-type", "application/json").send(body.to_string()))
    }

    fn post_lines(&self, path: &str, lines: &[u8]) -> Result<Value, ClientError> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("authorization", format!("Bearer {}", self.key));
        self.answer(request.header("content-type", "application/x-ndjson").send(lines))
    }

    /// An answer that may take as long as it takes, once it has begun; of events, from those on behind the one with the id `since`.
    fn stream(
        &self,
        path: &str,
        query: &[(&str, String)],
        since: Option<&str>,
    ) -> Result<ureq::http::Response<ureq::Body>, ClientError> {
        let request = self.agent.get(format!("{}{path}", self.url)).header("authorization", format!("Bearer {}", self.key));
        let request = query.iter().fold(request, |request, (name, value)| request.query(*name, value));
        let request = since.into_iter().fold(request, |request, id| request.header("last-event-id", id));
        let request = request.config().timeout_global(None).timeout_recv_response(Some(PATIENCE)).build();
        let answer = request.call().map_err(|source| self.unreachable(source))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.answer(Ok(answer)).err().unwrap_or_else(refused_oddly)) }
    }

    fn unreachable(&self, source: ureq::Error) -> ClientError {
        ClientError::Unreachable { url: self.url.clone(), source: Box::new(source) }
    }

    fn answer(&self, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, ClientError> {
        let unreachable = |source| self.unreachable(source);
        let mut answer = answer.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(u64::MAX).read_to_vec().map_err(unreachable)?;
        let read = serde_json::from_slice::<Value>(&body);
        if !(200..300).contains(&status) {
            let problem = read.unwrap_or_default();
            let told = |name: &str| problem.get(name).and_then(Value::as_str).map(str::to_owned);
            let detail = told("detail").unwrap_or_else(|| "nothing more".to_owned());
            return Err(ClientError::Refused { status, reason: told("reason").unwrap_or_default(), detail });
        }
        read.map_err(|source| ClientError::Odd { url: self.url.clone(), source })
    }
}

fn refused_oddly() -> ClientError {
    ClientError::Refused { status: 0, reason: String::new(), detail: "nothing more".to_owned() }
}

/// A part of a path.
fn part(text: &str) -> String {
    let mut part = String::new();
    for byte in text.bytes() {
        // RFC 3986, section 2.3, "Unreserved Characters".
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => part.push(char::from(byte)),
            _ => part.push_str(&format!("%{byte:02X}")),
        }
    }
    part
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_part_of_a_path_is_one_part() {
        assert_eq!(super::part("a/b c?é"), "a%2Fb%20c%3F%C3%A9");
    }
}
