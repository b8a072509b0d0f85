//! Recorded traffic of real clients, sent again: as it was, twice, in reverse order, and cut into single items. However it comes,
//! it gives the same spans.

use std::collections::BTreeMap;
use std::fs;

use neuraltrust_testing::{Server, fixtures};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message as _;
use serde_json::{Value, json};

use crate::start;

/// A recorded request; its key is replaced by the server's.
#[derive(Clone)]
pub(super) struct Recorded {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

pub(super) fn recorded(folder: &str) -> Vec<Recorded> {
    let folder = fixtures().join(folder);
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    names.sort();
    let read = |path: &std::path::PathBuf| {
        let request: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kept = ["content-type", "content-encoding", "user-agent"];
        let headers = request["headers"].as_array().unwrap().iter().map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1])));
        let mut recorded = Recorded {
            method: text(&request["method"]),
            path: text(&request["path"]),
            headers: headers.filter(|(name, _)| kept.contains(&name.as_str())).collect(),
            body: fs::read(path.with_file_name(text(&request["body_file"]))).unwrap(),
        };
        if recorded.method == "gRPC" {
            // The same message over HTTP; otlp.rs has it over gRPC.
            (recorded.method, recorded.path) = ("POST".to_owned(), "/v1/traces".to_owned());
            recorded.headers.push(("content-type".to_owned(), "application/x-protobuf".to_owned()));
        }
        recorded
    };
    names.iter().map(read).collect()
}

pub(super) fn send(server: &Server, request: &Recorded) -> u16 {
    answered(server, request).0
}

/// The status and the JSON that a request is answered with.
pub(super) fn answered(server: &Server, request: &Recorded) -> (u16, Value) {
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
    let mut builder = ureq::http::Request::builder()
        .method(request.method.as_str())
        .uri(format!("{}{}", server.url(), request.path))
        .header("x-api-key", server.key());
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let mut answer = match request.body.is_empty() {
        true => agent.run(builder.body(()).unwrap()),
        false => agent.run(builder.body(request.body.clone()).unwrap()),
    }
    .unwrap();
    (answer.status().as_u16(), serde_json::from_slice(&answer.body_mut().read_to_vec().unwrap()).unwrap_or_default())
}

/// Everything that the lists show once they have caught up, but for when the server heard of it.
pub(super) fn shown(server: &Server) -> (Vec<Value>, Vec<Value>) {
    loop {
        let (_, status) = server.get("/api/v1/status");
        if status["indexed"] == status["recorded"] {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let rows = |list: &str| {
        let mut rows = server.get(&format!("/api/v1/{list}?limit=1000")).1["items"].as_array().unwrap().clone();
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            row.remove("heard_at");
        }
        rows
    };
    (rows("conversations"), rows("spans"))
}

/// Whether a request is answered as its client expects, or as what is not there yet.
fn expected(request: &Recorded, status: u16) -> bool {
    let later = ["/v1/evaluation-set", "/v1/knowledge-base", "/v1/testset"].iter().any(|path| request.path.starts_with(path));
    if later { status == 501 } else { (200..300).contains(&status) }
}

#[track_caller]
fn check(folder: &str, generations: usize) {
    let server = start();
    let requests = recorded(folder);
    assert!(!requests.is_empty());
    for request in &requests {
        let status = send(&server, request);
        assert!(expected(request, status), "{folder}: {} {} is answered with {status}", request.method, request.path);
    }
    let once = shown(&server);
    let whole = spans(&server, &once.1);
    let calls: Vec<&Value> = once.1.iter().filter(|span| span["kind"] == "generation").collect();
    assert!(calls.len() >= generations, "{folder}: {} generations of {} spans", calls.len(), once.1.len());
    // neuraltrust up to 1.4 has no place for it.
    assert!(generations == 0 || calls.iter().any(|call| call["model"].is_string()), "{folder}: no call names its model");
    for request in &requests {
        send(&server, request);
    }
    let twice = shown(&server);
    same(folder, "a retry", &whole, &spans(&server, &twice.1));
    assert_eq!(twice.0, once.0, "{folder}: a retry changes no conversation");

    let reversed = requests.iter().rev().cloned().collect();
    let cut: Vec<Recorded> = requests.iter().flat_map(cut).collect();
    for (how, requests) in [("the reverse order", reversed), ("cutting into items", cut)] {
        let server = start();
        for request in &requests {
            let status = send(&server, request);
            assert!(expected(request, status), "{folder}: {how}: {} is answered with {status}", request.path);
        }
        same(folder, how, &whole, &spans(&server, &shown(&server).1));
    }
}

/// Whole spans by trace and span, but for when the server heard of them: that is when the test ran.
fn spans(server: &Server, rows: &[Value]) -> BTreeMap<(String, String), Value> {
    let read = |row: &Value| {
        let (trace, span) = (row["trace_id"].as_str().unwrap(), row["span_id"].as_str().unwrap());
        let (status, mut whole) = server.get(&format!("/api/v1/traces/{trace}/spans/{span}?media=inline"));
        assert_eq!(status, 200, "{whole}");
        let fields = whole.as_object_mut().unwrap();
        fields.remove("received_at");
        fields.remove("heard_at");
        ((trace.to_owned(), span.to_owned()), whole)
    };
    rows.iter().map(read).collect()
}

/// Fails with every field that differs, and not with two walls of JSON.
#[track_caller]
fn same(folder: &str, how: &str, expected: &BTreeMap<(String, String), Value>, found: &BTreeMap<(String, String), Value>) {
    let short = |value: &Value| value.to_string().chars().take(400).collect::<String>();
    let mut differs = Vec::new();
    for id in expected.keys().chain(found.keys().filter(|id| !expected.contains_key(*id))) {
        let (Some(one), Some(other)) = (expected.get(id), found.get(id)) else {
            differs.push(format!("{id:?}: is there {}", if found.contains_key(id) { "only then" } else { "no more" }));
            continue;
        };
        let names =
            one.as_object().unwrap().keys().chain(other.as_object().unwrap().keys().filter(|name| one.get(*name).is_none()));
        for name in names.filter(|name| one.get(*name) != other.get(*name)) {
            differs.push(format!("{id:?}: {name}: {} and then {}", short(&one[name]), short(&other[name])));
        }
    }
    assert!(differs.is_empty(), "{folder}: {how} changes the spans:\n{}", differs.join("\n"));
}

/// The request as one request for each of its items, where it is a batch; otherwise as it is.
fn cut(request: &Recorded) -> Vec<Recorded> {
    let header = |wanted: &str| request.headers.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
    let plain = match header("content-encoding") {
        "gzip" => {
            let mut plain = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(request.body.as_slice()), &mut plain).unwrap();
            plain
        }
        "zstd" => zstd::decode_all(request.body.as_slice()).unwrap(),
        _ => request.body.clone(),
    };
    let is_protobuf = header("content-type").starts_with("application/x-protobuf");
    let bodies = match request.path.split('?').next().unwrap_or_default() {
        path if path.ends_with("/v1/traces") && is_protobuf => each_span(&plain),
        path if path.ends_with("/v1/traces") => each_json_span(&plain),
        path if path.ends_with("/api/public/ingestion") => each_of(&plain, &["batch"]),
        path if path.ends_with("/runs/batch") => each_of(&plain, &["post", "patch"]),
        path if path.ends_with("/traces/batch") => each_of(&plain, &["traces"]),
        path if path.ends_with("/spans/batch") => each_of(&plain, &["spans"]),
        path if path.ends_with("/feedback-scores") => each_of(&plain, &["scores"]),
        _ => Vec::new(),
    };
    if bodies.is_empty() {
        return vec![request.clone()];
    }
    let mut head = request.clone();
    head.headers.retain(|(name, _)| name != "content-encoding");
    bodies.into_iter().map(|body| Recorded { body, ..head.clone() }).collect()
}

fn each_span(body: &[u8]) -> Vec<Vec<u8>> {
    let export = ExportTraceServiceRequest::decode(body).unwrap();
    let mut bodies = Vec::new();
    for mut of_resource in export.resource_spans {
        for mut of_scope in std::mem::take(&mut of_resource.scope_spans) {
            for span in std::mem::take(&mut of_scope.spans) {
                let scope_spans = vec![ScopeSpans { spans: vec![span], ..of_scope.clone() }];
                let resource_spans = vec![ResourceSpans { scope_spans, ..of_resource.clone() }];
                bodies.push(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
            }
        }
    }
    bodies
}

fn each_json_span(body: &[u8]) -> Vec<Vec<u8>> {
    let Ok(export) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let mut bodies = Vec::new();
    for of_resource in list(&export, "resourceSpans") {
        for of_scope in list(&of_resource, "scopeSpans") {
            for span in list(&of_scope, "spans") {
                let (mut of_resource, mut of_scope) = (of_resource.clone(), of_scope.clone());
                of_scope["spans"] = json!([span]);
                of_resource["scopeSpans"] = json!([of_scope]);
                bodies.push(json!({ "resourceSpans": [of_resource] }).to_string().into_bytes());
            }
        }
    }
    bodies
}

/// A body for each item of the lists of those names; everything beside them stays.
fn each_of(body: &[u8], lists: &[&str]) -> Vec<Vec<u8>> {
    let Ok(Value::Object(batch)) = serde_json::from_slice(body) else { return Vec::new() };
    let mut beside = batch.clone();
    lists.iter().for_each(|list| drop(beside.remove(*list)));
    let mut bodies = Vec::new();
    for list in lists {
        for item in batch.get(*list).and_then(Value::as_array).into_iter().flatten() {
            let mut one = beside.clone();
            one.insert((*list).to_owned(), json!([item]));
            bodies.push(Value::Object(one).to_string().into_bytes());
        }
    }
    bodies
}

macro_rules! replays {
    ($($name:ident: $folder:literal, $generations:literal;)*) => {
        /// The recordings that are replayed.
        const REPLAYED: &[&str] = &[$($folder),*];
        $(
            #[test]
            fn $name() {
                check($folder, $generations);
            }
        )*
    };
}

#[test]
fn every_recording_is_replayed() {
    let folders = |of: &std::path::Path| -> Vec<_> {
        let entries = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect()
    };
    let root = fixtures();
    let recordings = folders(&root).into_iter().flat_map(|client| folders(&client));
    let mut found: Vec<String> =
        recordings.map(|folder| folder.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect();
    found.sort();
    let mut replayed = REPLAYED.to_vec();
    replayed.sort_unstable();
    assert_eq!(replayed, found);
}

replays! {
    langfuse_2: "langfuse/2.60.10", 1;
    langfuse_5: "langfuse/5.0.4", 1;
    langfuse_js_3: "langfuse-js/3.39.2", 1;
    langsmith_js: "langsmith-js/0.12.0", 6;
    langsmith_multipart: "langsmith/python-multipart-zstd", 1;
    langsmith_batch: "langsmith/python-runs-batch", 1;
    mlflow_otlp: "mlflow/otlp", 1;
    mlflow_rest: "mlflow/rest", 1;
    neuraltrust_1_1: "neuraltrust/1.1.9", 0;
    neuraltrust_1_4: "neuraltrust/1.4.0", 0;
    neuraltrust_1_4_exact: "neuraltrust/1.4.0-exact", 0;
    neuraltrust_1_5: "neuraltrust/1.5.0-agents", 1;
    neuraltrust_export: "neuraltrust/export-2", 0;
    openinference_agents: "openinference/openai-agents-phoenix-grpc", 21;
    openinference_openai: "openinference/openai-phoenix", 1;
    opentelemetry_json: "opentelemetry/http-json-latest", 1;
    opentelemetry_gzip: "opentelemetry/http-protobuf-gzip-latest", 1;
    opentelemetry_legacy: "opentelemetry/http-protobuf-legacy-events", 1;
    opik: "opik/2.2.122", 1;
    otel_js: "otel-js/official-http-json", 1;
    pydantic_ai: "pydantic-ai/logfire-otlp", 1;
    traceloop_old: "traceloop/python-0.40.14", 1;
    traceloop_new: "traceloop/python-0.62.4", 1;
    vercel_ai: "vercel-ai-sdk/otlp-json", 1;
}
