//! One delivery of one export, and what the server's answer means.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message as _;
use ureq::Agent;
use ureq::http::Response;

use crate::encode;
use crate::testing::Recorder;

/// Most bytes of an answer that are read.
const MAX_ANSWER: u64 = 64 << 10;

/// Where spans go.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Http { address: String, authorization: String, user_agent: String, loopback: bool },
    Memory(Recorder),
}

/// What became of an export.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The server has it, but for so many spans that it rejected.
    Delivered { rejected: usize, message: String },
    /// It may succeed later; not before that time where the server says one.
    Later { after: Option<Duration>, why: String },
    /// It will never succeed.
    Refused { why: String },
}

/// A target with its open connections. Belongs to one thread of one process: a connection must not be shared after a fork.
pub(crate) enum Transport {
    Http { agent: Agent, address: String, authorization: String },
    Memory(Recorder),
}

impl Transport {
    pub(crate) fn open(target: &Target, timeout: Duration) -> Self {
        match target {
            Target::Memory(recorder) => Self::Memory(recorder.clone()),
            Target::Http { address, authorization, user_agent, loopback } => {
                let mut config = Agent::config_builder()
                    .http_status_as_error(false)
                    .max_redirects(0)
                    .max_redirects_will_error(false)
                    .timeout_global(Some(timeout))
                    .user_agent(user_agent);
                if *loopback {
                    // A proxy from the environment would look for this host on its own machine.
                    config = config.proxy(None);
                }
                Self::Http { agent: config.build().new_agent(), address: address.clone(), authorization: authorization.clone() }
            }
        }
    }

    /// Sends an export, taking no longer than `timeout`.
    pub(crate) fn send(&self, parcel: &Parcel, timeout: Duration) -> Outcome {
        match (self, parcel) {
            (Self::Http { agent, address, authorization }, Parcel::Bytes(body)) => {
                let answer = agent
                    .post(address)
                    .config()
                    .timeout_global(Some(timeout))
                    .build()
                    .header("authorization", authorization)
                    .header("content-type", "application/x-protobuf")
                    .header("content-encoding", "gzip")
                    .send(body.as_slice());
                match answer {
                    Ok(answer) => read(answer),
                    Err(error) => failed(address, &error),
                }
            }
            (Self::Memory(recorder), Parcel::Export(export)) => {
                recorder.keep(export.clone());
                Outcome::Delivered { rejected: 0, message: String::new() }
            }
            (Self::Http { .. }, Parcel::Export(_)) | (Self::Memory(_), Parcel::Bytes(_)) => {
                Outcome::Refused { why: "the export was packed for another transport".to_owned() }
            }
        }
    }

    /// Makes an export ready to be sent, once for all attempts.
    pub(crate) fn pack(&self, export: ExportTraceServiceRequest) -> std::io::Result<Parcel> {
        match self {
            Self::Http { .. } => encode::body(&export).map(Parcel::Bytes),
            Self::Memory(_) => Ok(Parcel::Export(export)),
        }
    }
}

/// An export as its transport takes it.
pub(crate) enum Parcel {
    Bytes(Vec<u8>),
    Export(ExportTraceServiceRequest),
}

fn read(mut answer: Response<ureq::Body>) -> Outcome {
    let status = answer.status();
    let retry_after = answer
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .map(Duration::from_secs);
    let is_protobuf =
        answer.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-protobuf"));
    // Reading to the end also gives the connection back to the pool.
    let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().unwrap_or_default();
    if status.is_success() {
        let partial = ExportTraceServiceResponse::decode(body.as_slice()).ok().filter(|_| is_protobuf);
        let partial = partial.and_then(|answer| answer.partial_success).unwrap_or_default();
        let rejected = usize::try_from(partial.rejected_spans).unwrap_or_default();
        return Outcome::Delivered { rejected, message: partial.error_message };
    }
    let why = format!("the server answered {status}{}", said(&body, is_protobuf));
    // OTLP 1.x, "OTLP/HTTP Response", "Failures" and "Throttling": these may be tried again, all others must not.
    match status.as_u16() {
        429 | 502 | 503 | 504 => Outcome::Later { after: retry_after, why },
        _ => Outcome::Refused { why },
    }
}

/// What the server said of a failure: text, or the message of a `google.rpc.Status`.
fn said(body: &[u8], is_protobuf: bool) -> String {
    /// `google/rpc/status.proto`, the field that is shown.
    #[derive(Clone, PartialEq, prost::Message)]
    struct RpcStatus {
        #[prost(string, tag = "2")]
        message: String,
    }
    let text = match RpcStatus::decode(body) {
        Ok(status) if is_protobuf => status.message,
        _ if is_protobuf => String::new(),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    let short: String = text.trim().chars().filter(|c| !c.is_control()).take(300).collect();
    if short.is_empty() { String::new() } else { format!(": {short}") }
}

fn failed(address: &str, error: &ureq::Error) -> Outcome {
    let why = format!("{address} cannot be reached: {error}");
    match error {
        // What the address, the key or the certificate cause stays so however often it is tried.
        ureq::Error::BadUri(_)
        | ureq::Error::Http(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::Tls(_)
        | ureq::Error::Rustls(_)
        | ureq::Error::Pem(_) => Outcome::Refused { why },
        _ => Outcome::Later { after: None, why },
    }
}
