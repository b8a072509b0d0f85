//! One module per protocol: authenticate, decompress, decode, and answer in the protocol's own way.

mod body;
mod helicone;
mod langfuse;
mod langfuse_media;
mod langsmith;
mod langsmith_sessions;
mod logfire;
mod mlflow;
mod neuraltrust_batch;
mod neuraltrust_v1;
mod opik;
mod opik_attachments;
mod otlp_grpc;
mod otlp_http;
mod phoenix;
mod refused;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::routing::{any, post};
use neuraltrust_model::{Source, SpanPatch};
use neuraltrust_normalize::Rejection;
use neuraltrust_normalize::dialects::mlflow_rest::EXPERIMENT;
use neuraltrust_normalize::dialects::{COMET_WORKSPACE, PROJECT_NAME};
use neuraltrust_store::{Grant, Scope};
use serde_json::{Value, json};

use crate::auth;
use crate::error::ApiError;
use crate::http::App;

pub(crate) use langsmith_sessions::before_ours;
pub(crate) use otlp_grpc::services as otlp_grpc;

/// Everything that takes spans over HTTP.
pub(crate) fn routes() -> Router<App> {
    let later = any(neuraltrust_v1::not_there_yet);
    otlp_routes()
        .merge(langfuse::routes())
        .merge(opik::routes())
        .merge(helicone::routes())
        .merge(mlflow::routes())
        .merge(langsmith::routes())
        .merge(phoenix::routes())
        .merge(logfire::routes())
        .route("/v1/trace", post(neuraltrust_v1::trace))
        .route("/v1/traces/batch", post(neuraltrust_batch::batch))
        .route("/v1/evaluation-set", later.clone())
        .route("/v1/evaluation-set/{*rest}", later.clone())
        .route("/v1/knowledge-base", later.clone())
        .route("/v1/knowledge-base/{*rest}", later.clone())
        .route("/v1/testset", later.clone())
        .route("/v1/testset/{*rest}", later)
}

/// The headers by which clients name a project or an experiment next to spans in OTLP, and the attributes that keep them.
const NAMED_BY_HEADER: [(&str, &str); 5] = [
    ("x-project-name", PROJECT_NAME),
    ("langsmith-project", PROJECT_NAME),
    ("projectname", PROJECT_NAME),
    ("comet-workspace", COMET_WORKSPACE),
    ("x-mlflow-experiment-id", EXPERIMENT),
];

/// Keeps on every span what the headers of its request say of its project; what a span says itself stays.
fn name_project(headers: &HeaderMap, patches: &mut [SpanPatch]) {
    for (header, attribute) in NAMED_BY_HEADER {
        let named = headers.get(header).and_then(|value| value.to_str().ok());
        let Some(named) = named.filter(|named| (1..=MAX_PROJECT_NAME).contains(&named.len())) else { continue };
        // What only adds to a span, e.g. a score, says nothing of its project.
        for patch in patches.iter_mut().filter(|patch| patch.kind.is_some()) {
            patch.attributes.entry(attribute).or_insert_with(|| named.into());
        }
    }
}

/// Longest name of a project in bytes.
const MAX_PROJECT_NAME: usize = 512;

/// Most reasons that an answer tells; the metrics count all of them.
const TOLD_REASONS: usize = 20;

/// What of a request is not kept, for answers in JSON.
fn told(rejected: &[Rejection]) -> Value {
    let reason =
        |rejection: &Rejection| json!({ "at": rejection.at, "reason": rejection.reason.as_str(), "message": rejection.message });
    rejected.iter().take(TOLD_REASONS).map(reason).collect()
}

/// What is taken at the port that OpenTelemetry exporters use by default.
pub(crate) fn otlp_routes() -> Router<App> {
    otlp_under("")
}

/// The same under a prefix, for exporters whose address is that of another product: they may send all three.
fn otlp_under(prefix: &str) -> Router<App> {
    Router::new()
        .route(&format!("{prefix}/v1/traces"), post(otlp_http::traces))
        .route(&format!("{prefix}/v1/logs"), post(otlp_http::logs))
        .route(&format!("{prefix}/v1/metrics"), post(otlp_http::metrics))
}

/// Longest path that an answer repeats, in characters.
const SHOWN_PATH: usize = 200;

/// The answer to what a client may ask of the product that it is made for, and not of this server.
fn not_offered(app: &App, headers: &HeaderMap, status: StatusCode, uri: &Uri) -> ApiError {
    if let Err(error) = may_send(app, headers) {
        return error;
    }
    let path: String = uri.path().chars().take(SHOWN_PATH).collect();
    let detail = format!(
        "{path} is not offered here: this server keeps what applications trace and how that is judged, and /docs says how to read it"
    );
    ApiError::new(status, "not_offered", detail)
}

/// The address under which a client reaches this server, by what its request says.
fn address(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    format!("{}://{}", text("x-forwarded-proto").unwrap_or("http"), text("host").unwrap_or("localhost"))
}

/// A text as it may stand in an address (RFC 3986, section 2.3, "Unreserved Characters").
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// The id of something that goes by its name alone, for clients that take nothing but a UUID (RFC 9562, version 8: made here).
fn uuid_of(name: &str) -> String {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("00000000-0000-8000-8000-{:012x}", hash & 0xffff_ffff_ffff)
}

/// What the key of a request opens, when it may send.
fn may_send(app: &App, headers: &HeaderMap) -> Result<Grant, ApiError> {
    auth::require_key(app.store.accounts(), headers, Scope::Ingest)
}

/// Who sent a message, by its `User-Agent`: `name/version` and perhaps more.
fn source(headers: &HeaderMap, protocol: &str) -> Source {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let product = agent.and_then(|text| text.split_whitespace().next()).filter(|product| product.len() <= 128);
    let (client, version) = match product.and_then(|product| product.split_once('/')) {
        Some((client, version)) => (Some(client), Some(version)),
        None => (product, None),
    };
    Source { client: client.map(str::to_owned), version: version.map(str::to_owned), protocol: protocol.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use neuraltrust_model::Kind;

    #[test]
    fn a_project_is_named_by_header_where_the_span_does_not() {
        let span = |kind| {
            let mut patch = SpanPatch::new("t".to_owned().try_into().unwrap(), "s".to_owned().try_into().unwrap());
            patch.kind = kind;
            patch
        };
        let mut patches = vec![span(Some(Kind::Chain)), span(Some(Kind::Chain)), span(None)];
        patches[1].attributes.insert(PROJECT_NAME.to_owned(), "own".into());
        let headers = [("x-project-name", "shop"), ("x-mlflow-experiment-id", "7"), ("comet-workspace", "")];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        name_project(&HeaderMap::from_iter(headers), &mut patches);
        let named: Vec<Value> = patches.into_iter().map(|patch| patch.attributes.into()).collect();
        let experiment = "mlflow.experiment_id";
        assert_eq!(
            named,
            [json!({PROJECT_NAME: "shop", experiment: "7"}), json!({PROJECT_NAME: "own", experiment: "7"}), json!({})]
        );
    }

    #[test]
    fn a_client_is_named_by_its_user_agent() {
        let named = |agent: Option<&'static str>| {
            let headers = agent.map(|agent| (header::USER_AGENT, HeaderValue::from_static(agent)));
            let source = source(&HeaderMap::from_iter(headers), "p");
            (source.client.unwrap_or_default(), source.version.unwrap_or_default())
        };
        assert_eq!(named(Some("python-httpx/0.27.2")), ("python-httpx".to_owned(), "0.27.2".to_owned()));
        assert_eq!(named(Some("curl")), ("curl".to_owned(), String::new()));
        assert_eq!(named(Some("")), Default::default());
        assert_eq!(named(None), Default::default());
    }
}
