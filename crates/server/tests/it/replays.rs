//! Recorded traffic of real clients, sent again as it was: each request is taken, and sending it twice changes nothing.

use std::fs;

use neuraltrust_testing::{Server, fixtures};
use serde_json::Value;

use crate::start;

/// A recorded request; its key is replaced by the server's.
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
        Recorded {
            method: text(&request["method"]),
            path: text(&request["path"]),
            headers: headers.filter(|(name, _)| kept.contains(&name.as_str())).collect(),
            body: fs::read(path.with_file_name(text(&request["body_file"]))).unwrap(),
        }
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

#[track_caller]
fn check(folder: &str, generations: usize) {
    let server = start();
    let requests = recorded(folder);
    assert!(!requests.is_empty());
    for request in &requests {
        let status = send(&server, request);
        assert!((200..300).contains(&status), "{folder}: {} {} is answered with {status}", request.method, request.path);
    }
    let once = shown(&server);
    let calls: Vec<&Value> = once.1.iter().filter(|span| span["kind"] == "generation").collect();
    assert!(calls.len() >= generations, "{folder}: {} generations of {} spans", calls.len(), once.1.len());
    assert!(calls.iter().any(|call| call["model"].is_string()), "{folder}: no call names its model");
    for request in &requests {
        send(&server, request);
    }
    let twice = shown(&server);
    assert_eq!(twice.1.len(), once.1.len(), "{folder}: a retry makes no new spans");
    assert_eq!(twice.0.len(), once.0.len(), "{folder}: a retry makes no new conversations");
}

macro_rules! replays {
    ($($name:ident: $folder:literal, $generations:literal;)*) => {$(
        #[test]
        fn $name() {
            check($folder, $generations);
        }
    )*};
}

replays! {
    langfuse_2: "langfuse/2.60.10", 1;
    langfuse_5: "langfuse/5.0.4", 1;
    langfuse_js_3: "langfuse-js/3.39.2", 1;
    langsmith_multipart: "langsmith/python-multipart-zstd", 1;
    langsmith_batch: "langsmith/python-runs-batch", 1;
    mlflow_otlp: "mlflow/otlp", 1;
    neuraltrust_1_5: "neuraltrust/1.5.0-agents", 1;
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
