//! Recorded payloads of real clients and what they become.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod neuraltrust_v1;
mod otlp;

use std::path::PathBuf;

use neuraltrust_model::SpanPatch;
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
