//! One target for each decoder. A target fails by a panic.

use std::io::Read as _;

use neuraltrust_model::{Score, ScoreSource, Source, SpanPatch, Timestamp};
use neuraltrust_normalize::dialects::langsmith::{self, Act, Part};
use neuraltrust_normalize::dialects::opik::{self, Of, Sender};
use neuraltrust_normalize::dialects::phoenix::On;
use neuraltrust_normalize::dialects::{
    exported as exports, helicone, langfuse_ingestion, mlflow_rest, neuraltrust_batch, neuraltrust_v1, phoenix as phoenix_rest,
};
use neuraltrust_normalize::{multipart, otlp, otlp_logs, values};
use serde_json::{Value, json};

/// One decoder.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is that of its file in `fuzz/fuzz_targets/`.
    pub name: &'static str,
    /// Decodes the input.
    pub run: fn(&[u8]),
    /// Whether a recorded request of that path and media type is an input.
    pub takes: fn(path: &str, content_type: &str) -> bool,
}

/// Every decoder.
pub const TARGETS: &[Target] = &[
    Target {
        name: "otlp_protobuf",
        run: otlp_protobuf,
        takes: |path, kind| path.ends_with("/v1/traces") && kind.ends_with("protobuf"),
    },
    Target { name: "otlp_json", run: otlp_json, takes: |path, kind| path.ends_with("/v1/traces") && kind.ends_with("json") },
    Target {
        name: "logs_protobuf",
        run: logs_protobuf,
        takes: |path, kind| path.ends_with("/v1/logs") && kind.ends_with("protobuf"),
    },
    Target { name: "logs_json", run: logs_json, takes: |path, kind| path.ends_with("/v1/logs") && kind.ends_with("json") },
    Target {
        name: "langsmith_batch",
        run: langsmith_batch,
        takes: |path, _| path.ends_with("/runs/batch") || path.ends_with("/feedback"),
    },
    Target { name: "langsmith_parts", run: langsmith_parts, takes: |path, _| path.ends_with("/runs/multipart") },
    Target { name: "langsmith_form", run: langsmith_form, takes: |path, _| path.ends_with("/runs/multipart") },
    Target { name: "langfuse", run: langfuse, takes: |path, _| path.ends_with("/ingestion") },
    Target { name: "opik", run: opik, takes: |path, kind| path.contains("/v1/private/") && kind.ends_with("json") },
    Target { name: "helicone", run: helicone, takes: |path, _| path.contains("/runs") || path.ends_with("/ingestion") },
    Target { name: "mlflow", run: mlflow, takes: |path, _| path.contains("/mlflow/") || path.ends_with("traces.json") },
    Target { name: "phoenix", run: phoenix, takes: |path, _| path.ends_with("_annotations") || path.ends_with("_notes") },
    Target { name: "neuraltrust_v1", run: neuraltrust_v1, takes: |path, _| path.ends_with("/v1/trace") },
    Target { name: "neuraltrust_batch", run: neuraltrust_batch, takes: |path, _| path.ends_with("/v1/traces/batch") },
    Target { name: "exported", run: exported, takes: |path, _| path.ends_with("/v1/import") },
    Target { name: "python_literal", run: python_literal, takes: |path, _| path.ends_with("/v1/trace") },
    Target { name: "values", run: values, takes: |_, kind| kind.ends_with("json") },
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

fn source() -> Source {
    Source { client: None, version: None, protocol: "fuzz".to_owned() }
}

/// What is kept can be written and read back, however deep it is.
fn kept(patches: &[SpanPatch]) {
    for patch in patches {
        let text = serde_json::to_string(patch).unwrap_or_else(|error| panic!("a patch cannot be written: {error}"));
        let _: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("a patch cannot be read back: {error}"));
    }
}

fn otlp_protobuf(input: &[u8]) {
    kept(&otlp::normalize_protobuf(input).unwrap_or_default().patches);
}

fn otlp_json(input: &[u8]) {
    kept(&otlp::normalize_json(input).map(|normalized| normalized.patches).unwrap_or_default());
}

fn logs_protobuf(input: &[u8]) {
    kept(&otlp_logs::normalize_protobuf(input).unwrap_or_default().patches);
}

fn logs_json(input: &[u8]) {
    kept(&otlp_logs::normalize_json(input).map(|normalized| normalized.patches).unwrap_or_default());
}

fn langsmith_batch(input: &[u8]) {
    let runs = [
        langsmith::batch(input, &source()),
        langsmith::run(Act::Patch, Some("a run"), input, &source()),
        langsmith::feedback(input),
    ];
    runs.into_iter().flatten().for_each(|runs| kept(&runs.normalized.patches));
}

/// Parts without the form around them: lines in turn name a part and are its body.
fn langsmith_parts(input: &[u8]) {
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    let parts = lines.chunks(2).filter_map(|pair| {
        let [name, body] = pair else { return None };
        let name = std::str::from_utf8(name).ok()?;
        // A form holds the name within its header; alone it is the whole line.
        let name = name.split('"').nth(1).unwrap_or(name);
        Some(Part { name, content_type: "application/json", body })
    });
    let runs = langsmith::multipart(&parts.collect::<Vec<_>>(), &source());
    kept(&runs.unwrap_or_default().normalized.patches);
}

/// Most bytes of a part that a form is given back, so that many of them take no time.
const MAX_PART_BYTES: usize = 1 << 20;

/// A form as it comes, with parts that are compressed each on its own.
fn langsmith_form(input: &[u8]) {
    let named = format!("multipart/form-data; boundary=\"{}\"", first_boundary(input));
    let Ok(boundary) = multipart::boundary(&named) else { return };
    let decompress = |coding: &str, bytes: &[u8], most: usize| {
        let most = most.min(MAX_PART_BYTES) as u64;
        let mut plain = Vec::new();
        let read = match coding {
            "gzip" => flate2::read::MultiGzDecoder::new(bytes).take(most).read_to_end(&mut plain),
            "zstd" => zstd::Decoder::new(bytes).and_then(|decoder| decoder.take(most).read_to_end(&mut plain)),
            other => return Err(format!("{other} is no coding")),
        };
        read.map(|_| plain).map_err(|error| error.to_string())
    };
    kept(&langsmith::form(input, &boundary, &source(), decompress).unwrap_or_default().normalized.patches);
}

/// The boundary with which a form opens.
pub(crate) fn first_boundary(form: &[u8]) -> &str {
    let line = form.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
    std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("--")).unwrap_or("b")
}

fn langfuse(input: &[u8]) {
    let batches = [langfuse_ingestion::normalize(input, source()), langfuse_ingestion::scores(input, &source())];
    batches.into_iter().flatten().for_each(|batch| kept(&batch.patches));
}

fn opik(input: &[u8]) {
    let sender = Sender { source: source(), workspace: None };
    let batches = [opik::batch(Of::Traces, input, &sender), opik::batch(Of::Spans, input, &sender), opik::scores(input, &sender)];
    batches.into_iter().flatten().for_each(|batch| kept(&batch.patches));
    let id = "01a20658-8521-7926-b61b-0e245ec78291";
    kept(&opik::update(Of::Spans, id, input, &sender).unwrap_or_default());
}

fn helicone(input: &[u8]) {
    kept(&helicone::normalize(input, Vec::new(), source()).unwrap_or_default());
}

fn mlflow(input: &[u8]) {
    let (id, source) = ("tr-91c29bb283381082ba275a335def90d9", source());
    let told = [
        mlflow_rest::trace(input, &source),
        mlflow_rest::change(id, true, input, &source),
        mlflow_rest::tag(id, input, Timestamp::from_nanos(0), &source),
        mlflow_rest::untag(id, input, Timestamp::from_nanos(0), &source),
        mlflow_rest::assessment(id, input),
    ];
    told.into_iter().flatten().for_each(|patches| kept(&patches));
    let score = Score::new("a", "tone", Value::Null, ScoreSource::Api);
    let _ = mlflow_rest::reassessed(score, input, Timestamp::from_nanos(0));
    kept(&mlflow_rest::spans(id, input, &source).unwrap_or_default().patches);
}

fn phoenix(input: &[u8]) {
    for on in [On::Span, On::Trace, On::Session] {
        kept(&phoenix_rest::annotations(on, input, &source()).unwrap_or_default().patches);
        kept(&phoenix_rest::note(on, input, &source()).map(|patch| vec![patch]).unwrap_or_default());
    }
}

fn neuraltrust_v1(input: &[u8]) {
    kept(&neuraltrust_v1::normalize(input, source()).unwrap_or_default());
}

fn neuraltrust_batch(input: &[u8]) {
    let _ = neuraltrust_batch::normalize(input);
}

/// What is decoded never holds more values than are counted before.
fn values(input: &[u8]) {
    fn held(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(held).sum::<usize>(),
            Value::Object(map) => 1 + map.values().map(held).sum::<usize>(),
            Value::String(text) => serde_json::from_str(text).map_or(1, |value: Value| held(&value)),
            _ => 1,
        }
    }
    let held = serde_json::from_slice(input).map_or(0, |value| held(&value));
    for counted in [values::in_json(input), values::in_json_exactly(input)] {
        assert!(counted + 1 >= held, "{held} values, and {counted} are counted");
    }
}

fn exported(input: &[u8]) {
    input.split(|byte| *byte == b'\n').for_each(|line| kept(&exports::line(line).unwrap_or_default().patches));
}

/// The text of a step, which may be a literal of Python.
fn python_literal(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let step =
        json!({ "task": "retrieval", "interaction_id": "i", "trace_id": "t", "input": text, "output": text, "metadata": text });
    neuraltrust_v1(step.to_string().as_bytes());
}
