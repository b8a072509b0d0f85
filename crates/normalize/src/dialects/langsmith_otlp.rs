//! `langsmith.*`: runs that LangSmith's clients send as OpenTelemetry spans (`LANGSMITH_OTEL_ENABLED`).
//!
//! `gen_ai.prompt` and `gen_ai.completion` hold the inputs and outputs of the run as JSON text; what LangSmith keeps in
//! `extra.metadata` is spread over `langsmith.metadata.*`. Model and usage are read from there first, since the span's own
//! attributes leave out what was cached.

use neuraltrust_model::{Kind, Map, SpanPatch};
use serde_json::Value;

use super::langsmith::{kind as kind_of, read_metadata};
use super::langsmith_words::{Words, model, usage, words};
use super::{Dialect, Draft, PROJECT_NAME};
use crate::Rejection;
use crate::content::{Side, json_text};
use crate::spoken::keep_answer_id;

pub(super) const DIALECT: Dialect = Dialect { kind, read };

const RUN_TYPE: &str = "langsmith.span.kind";
const METADATA: &str = "langsmith.metadata.";

fn kind(draft: &mut Draft) -> Option<Kind> {
    // It stays: it tells the other half of this dialect whose span it is.
    let run_type = draft.peek(RUN_TYPE)?.to_lowercase();
    Some(kind_of(&run_type, draft.patch.parent_id.is_none()))
}

fn read(draft: &mut Draft) -> Result<(), Rejection> {
    if !draft.attributes.keys().any(|name| name.starts_with("langsmith.")) {
        return Ok(());
    }
    let names: Vec<String> = draft.attributes.keys().filter(|name| name.starts_with(METADATA)).cloned().collect();
    let mut metadata = Map::new();
    for name in names {
        if let Some(value) = draft.attributes.remove(&name) {
            metadata.insert(name.trim_start_matches(METADATA).to_owned(), nested(value));
        }
    }
    if let Some(Value::String(tags)) = draft.attributes.get("langsmith.span.tags") {
        let tags: Vec<Value> = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(Value::from).collect();
        draft.attributes.remove("langsmith.span.tags");
        draft.attributes.insert("tags".to_owned(), tags.into());
    }
    draft.rename("langsmith.trace.session_name", PROJECT_NAME);
    let kind = draft.kind().clone();
    let mut side = |name: &str| draft.take(name).map(json_text).filter(|value| *value != Value::Object(Map::new()));
    let (inputs, outputs) = (side("gen_ai.prompt"), side("gen_ai.completion"));
    if matches!(kind, Kind::Generation | Kind::Embedding) {
        if draft.patch.usage.is_none() {
            draft.patch.usage = usage(outputs.as_ref(), &metadata);
        }
        if draft.patch.model.is_none() {
            draft.patch.model = model(inputs.as_ref(), outputs.as_ref(), &metadata, &Map::new());
        }
    }
    for (side, value, name) in [(Side::Input, inputs, "langsmith.inputs"), (Side::Output, outputs, "langsmith.outputs")] {
        let Some(Words { content, rest }) = value.and_then(|value| words(&kind, side, value)) else { continue };
        let field = if side == Side::Input { &mut draft.patch.input } else { &mut draft.patch.output };
        if field.is_none() {
            *field = content;
        }
        if !rest.is_empty() {
            draft.attributes.insert(name.to_owned(), Value::Object(rest));
        }
    }
    keep_answer_id(&mut draft.attributes, &kind, "langsmith.outputs");
    // Read aside, so that what another vocabulary has filled stays.
    let mut told = SpanPatch::new(draft.patch.trace_id.clone(), draft.patch.span_id.clone());
    read_metadata(&mut told, metadata)?;
    let patch = &mut draft.patch;
    patch.conversation_id = patch.conversation_id.take().or(told.conversation_id);
    patch.session_id = patch.session_id.take().or(told.session_id);
    patch.provider = patch.provider.take().or(told.provider);
    told.metadata.append(&mut patch.metadata);
    patch.metadata = told.metadata;
    draft.attributes.extend(told.attributes);
    draft.merge_user(told.user);
    Ok(())
}

/// Lists and objects come as JSON text, since attributes of spans have no others.
fn nested(value: Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(['{', '[']) => json_text(Value::String(text)),
        value => value,
    }
}
