//! One delivery of one export, and what the server's answer means.

use std::path::Path;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message as _;
use ureq::http::{HeaderName, HeaderValue, Response};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy};

use crate::compression::{self, Compression};
use crate::error::Error;
use crate::testing::Recorder;

/// Most bytes of an answer that are read.
const MAX_ANSWER: u64 = 64 << 10;

/// Where spans go.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Http { address: String, authorization: String, user_agent: String, compression: Compression, network: Network },
    Memory(Recorder),
}

/// What lies between the application and the server, beside the address.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    headers: Vec<(HeaderName, HeaderValue)>,
    proxy: Route,
    roots: Option<RootCerts>,
}

/// How requests leave.
#[derive(Debug, Clone)]
enum Route {
    /// Through the proxy that the environment names, if any.
    Environment,
    Direct,
    Through(Proxy),
}

/// Which spans an export holds, among all that its source numbered: a gap in the numbers is a loss that the server sees.
#[derive(Debug, Clone)]
pub(crate) struct Sequence {
    /// The process, and the client in it.
    pub(crate) source: String,
    /// Number of the first span; the first of all is 1.
    pub(crate) first: u64,
    pub(crate) spans: u32,
    /// Starts and ends of steps that the source had dropped before they got a number.
    pub(crate) lost: u64,
}

/// Name of the header that carries a [`Sequence`].
const SEQUENCE: &str = "neuraltrust-sequence";
/// Headers that are the SDK's own.
const OWN: [&str; 8] =
    ["authorization", "connection", "content-encoding", "content-length", "content-type", "host", "transfer-encoding", SEQUENCE];

impl Network {
    /// Checks what the options say.
    pub(crate) fn new(
        headers: &[(String, String)],
        proxy: Option<&str>,
        ca_file: Option<&Path>,
        loopback: bool,
    ) -> Result<Self, Error> {
        let header = |(name, value): &(String, String)| {
            let known = name.parse::<HeaderName>().ok().filter(|name| !OWN.contains(&name.as_str()));
            known.zip(HeaderValue::from_str(value).ok()).ok_or_else(|| Error::Header(name.clone()))
        };
        let proxy = match proxy.map(str::trim).filter(|proxy| !proxy.is_empty()) {
            Some(proxy) => Route::Through(Proxy::new(proxy).map_err(|_| Error::Proxy(proxy.to_owned()))?),
            // A proxy from the environment would look for this host on its own machine.
            None if loopback => Route::Direct,
            None => Route::Environment,
        };
        Ok(Self { headers: headers.iter().map(header).collect::<Result<_, _>>()?, proxy, roots: ca_file.map(roots).transpose()? })
    }
}

/// The certificates of a file.
fn roots(path: &Path) -> Result<RootCerts, Error> {
    let wrong = |why: String| Error::CaFile { path: path.to_owned(), why };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(error.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(wrong("it holds no PEM certificate".to_owned())) } else { Ok(RootCerts::new_with_certs(&found)) }
}

/// What became of an export.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The server has it, but for so many spans that it rejected.
    Delivered { rejected: usize, message: String },
    /// It may succeed later; not before that time where the server says one. `faulty` where it may be this export that the
    /// server fails at.
    Later { after: Option<Duration>, faulty: bool, why: String },
    /// It will never succeed.
    Refused { why: String },
}

/// A target with its open connections. Belongs to one thread of one process: a connection must not be shared after a fork.
pub(crate) enum Transport {
    Http {
        agent: Agent,
        address: String,
        authorization: String,
        headers: Vec<(HeaderName, HeaderValue)>,
        compression: Compression,
    },
    Memory(Recorder),
}

impl Transport {
    pub(crate) fn open(target: &Target, timeout: Duration) -> Self {
        match target {
            Target::Memory(recorder) => Self::Memory(recorder.clone()),
            Target::Http { address, authorization, user_agent, compression, network } => {
                let mut config = Agent::config_builder()
                    .http_status_as_error(false)
                    .max_redirects(0)
                    .max_redirects_will_error(false)
                    .timeout_global(Some(timeout))
                    .user_agent(user_agent);
                match &network.proxy {
                    Route::Environment => {}
                    Route::Direct => config = config.proxy(None),
                    Route::Through(proxy) => config = config.proxy(Some(proxy.clone())),
                }
                if let Some(roots) = &network.roots {
                    config = config.tls_config(TlsConfig::builder().root_certs(roots.clone()).build());
                }
                let (address, authorization, headers) = (address.clone(), authorization.clone(), network.headers.clone());
                let (agent, compression) = (config.build().new_agent(), *compression);
                Self::Http { agent, address, authorization, headers, compression }
            }
        }
    }

    /// Sends an export, taking no longer than `timeout`.
    pub(crate) fn send(&self, parcel: &Parcel, sequence: &Sequence, timeout: Duration) -> Outcome {
        match (self, parcel) {
            (Self::Http { agent, address, authorization, headers, .. }, Parcel::Bytes(body)) => {
                let request = agent.post(address).config().timeout_global(Some(timeout)).build();
                let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
                let Sequence { source, first, spans, lost } = sequence;
                let answer = request
                    .header(SEQUENCE, format!("source=\"{source}\", first={first}, spans={spans}, lost={lost}"))
                    .header("authorization", authorization)
                    .header("content-type", "application/x-protobuf")
                    .header("content-encoding", compression::encoding(body))
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
            Self::Http { compression, .. } => compression.pack(&export.encode_to_vec()).map(Parcel::Bytes),
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
    let header = |name: &str| answer.headers().get(name)?.to_str().ok().map(str::trim);
    let retry_after = header("retry-after").and_then(|after| wait(after, header("date"), SystemTime::now()));
    let is_protobuf =
        answer.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-protobuf"));
    // Reading to the end also gives the connection back to the pool.
    let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().unwrap_or_default();
    let is_page = answer.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if status.is_success() && is_page {
        // A network's own sign-in page, or another server in the place of ours: nobody has taken the spans.
        return Outcome::Later {
            after: retry_after,
            faulty: false,
            why: format!("a web page answered {status} in the place of the server"),
        };
    }
    if status.is_success() {
        let partial = ExportTraceServiceResponse::decode(body.as_slice()).ok().filter(|_| is_protobuf);
        let partial = partial.and_then(|answer| answer.partial_success).unwrap_or_default();
        let rejected = usize::try_from(partial.rejected_spans).unwrap_or_default();
        return Outcome::Delivered { rejected, message: partial.error_message };
    }
    let why = format!("the server answered {status}{}", said(&body, is_protobuf));
    // OTLP 1.x, "OTLP/HTTP Response", "Failures" and "Throttling", names 429, 502, 503 and 504. Any other failure of the
    // server's own may be over as soon, and a step that is told twice is kept once.
    match status.as_u16() {
        408 | 429 | 502..=504 => Outcome::Later { after: retry_after, faulty: false, why },
        500..=599 => Outcome::Later { after: retry_after, faulty: true, why },
        _ => Outcome::Refused { why },
    }
}

/// How long `Retry-After` says to wait (RFC 9110, section 10.2.3): seconds, or until a moment of the server's clock, which its `date`
/// tells. `None` where it says neither.
fn wait(after: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(after).ok()?;
    let now = date.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(now);
    Some(until.duration_since(now).unwrap_or_default())
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
        // What the address or the key cause stays so however often it is tried. A certificate may be mended.
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl => Outcome::Refused { why },
        _ => Outcome::Later { after: None, faulty: false, why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_come_back() {
        const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        let now = httpdate::parse_http_date(NOW).unwrap();
        #[track_caller]
        fn check(after: &str, date: Option<&str>, now: SystemTime, expect: Option<u64>) {
            assert_eq!(wait(after, date, now), expect.map(Duration::from_secs), "{after}");
        }
        check("120", None, now, Some(120));
        check("Sun, 06 Nov 1994 08:50:37 GMT", None, now, Some(60));
        // The two obsolete forms that a recipient has to accept.
        check("Sunday, 06-Nov-94 08:50:37 GMT", None, now, Some(60));
        check("Sun Nov  6 08:50:37 1994", None, now, Some(60));
        // A moment that is over, and a clock of ours that is an hour off.
        check("Sun, 06 Nov 1994 08:00:00 GMT", None, now, Some(0));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(NOW), now - Duration::from_secs(3_600), Some(60));
        for wrong in ["", "-1", "1.5", "soon", "Sun, 36 Nov 1994 08:49:37 GMT"] {
            check(wrong, None, now, None);
        }
    }
}
