//! Recorded payloads of real clients and what they become.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod exports;
mod helicone;
mod langfuse;
mod langsmith;
mod logs;
mod mlflow;
mod neuraltrust_batch;
mod neuraltrust_v1;
mod openinference;
mod opentelemetry;
mod opik;
mod otlp;
mod pydantic_ai;
mod traceloop;
mod vercel_ai;
mod vocabularies;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use neuraltrust_model::{SpanPatch, Timestamp};
use proptest::prelude::*;
use serde_json::Value;

/// Where the recordings of a client lie.
fn fixtures(client: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(client)
}

/// Patches as JSON for a snapshot; long texts are cut so that the snapshot stays readable.
fn readable(patches: &[SpanPatch]) -> Value {
    fn cut(value: &mut Value) {
        match value {
            Value::String(text) if text.chars().count() > 200 => {
                *text = format!("{}… ({} bytes)", text.chars().take(60).collect::<String>(), text.len());
            }
            Value::Array(items) => items.iter_mut().for_each(cut),
            Value::Object(map) => map.values_mut().for_each(cut),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(patches).unwrap();
    cut(&mut value);
    value
}

/// A recorded request: its path, and its body as it was sent.
fn requests(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<_> = fs::read_dir(fixtures(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    names.sort();
    let read = |path: PathBuf| {
        let request: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        (request["path"].as_str().unwrap().to_owned(), fs::read(path.with_extension("body")).unwrap())
    };
    names.into_iter().map(read).collect()
}

/// The body of a recorded request in clear.
fn plain(body: &[u8]) -> Vec<u8> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return body.to_vec();
    }
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body), &mut plain).unwrap();
    plain
}

/// The spans that patches make, by trace and span, as the store makes them.
fn merged(mut patches: Vec<SpanPatch>) -> BTreeMap<(String, String), SpanPatch> {
    patches.sort_by_key(|patch| patch.told.unwrap_or(Timestamp::from_nanos(i64::MAX)));
    let mut spans: BTreeMap<(String, String), SpanPatch> = BTreeMap::new();
    for patch in patches {
        let key = (patch.trace_id.as_str().to_owned(), patch.span_id.as_str().to_owned());
        match spans.get_mut(&key) {
            Some(span) => span.apply(patch),
            None => drop(spans.insert(key, patch)),
        }
    }
    spans
}

/// The one span of that name, the last where there are several.
#[track_caller]
fn named<'a>(spans: &'a BTreeMap<(String, String), SpanPatch>, name: &str) -> &'a SpanPatch {
    let found = spans.values().filter(|span| span.name.as_deref() == Some(name)).max_by_key(|span| span.start);
    found.unwrap_or_else(|| panic!("no span is called {name:?}"))
}

/// Any JSON, often with the field names that a protocol knows.
fn any_json(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(names).prop_map(Value::from),
        Just(Value::from("2026-11-23T02:57:18.193902Z")),
        Just(Value::from("{\"messages\": [{\"role\": \"user\"}]}")),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        let name = prop_oneof![4 => prop::sample::select(names).prop_map(str::to_owned), 1 => "\\PC{0,8}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}
