//! `langfuse.*`: what Langfuse's SDKs from 3 on put on their spans, and what its words mean wherever they stand.
//!
//! Facts of the wire, from recorded traffic (`fixtures/langfuse*`): `langfuse.observation.input` and `.output` are JSON text, or
//! text that is not quoted; metadata is flattened one level, each value as JSON text; what concerns the trace (user, session,
//! tags, metadata) is on every span, its input and output on the root. Their session is our conversation.

use neuraltrust_model::{Kind, Map, Status, StatusCode, Usage, UsageSource, User, attributes as names};
use serde_json::Value;

use super::{Dialect, Draft};
use crate::Rejection;
use crate::api_usage::{api_usage, part};
use crate::content::{Side, json_text};
use crate::spoken::{Said, keep_answer_id, said};

pub(super) const DIALECT: Dialect = Dialect { kind, read };

/// Everything of Langfuse's own begins like this.
const OWN: &str = "langfuse.";
const TYPE: &str = "langfuse.observation.type";
const APP_ROOT: &str = "langfuse.internal.is_app_root";
const TRACE_NAME: &str = "langfuse.trace.name";
const COMPLETION_START: &str = "langfuse.observation.completion_start_time";
/// Where an application's tags stand, from whichever client they come.
pub(super) const TAGS: &str = "tags";

/// The names that the attributes have here, for what comes over the ingestion API as well.
pub(super) const LEVEL: &str = "langfuse.observation.level";
pub(super) const MODEL_PARAMETERS: &str = "langfuse.observation.model.parameters";
pub(super) const USAGE_DETAILS: &str = "langfuse.observation.usage_details";
pub(super) const COST_DETAILS: &str = "langfuse.observation.cost_details";
pub(super) const INPUT: &str = "langfuse.observation.input";
pub(super) const OUTPUT: &str = "langfuse.observation.output";

fn kind(draft: &mut Draft) -> Option<Kind> {
    let is_root = draft.patch.parent_id.is_none() || is_app_root(draft);
    let named = match draft.take_text(TYPE) {
        Some(name) => observation_kind(&name),
        None if is_app_root(draft) => Kind::Chain,
        None => return None,
    };
    // What an application does for one request is a turn, unless it says that it is something else.
    Some(if is_root && named == Kind::Chain { Kind::Message } else { named })
}

fn is_app_root(draft: &Draft) -> bool {
    matches!(draft.attributes.get(APP_ROOT), Some(Value::Bool(true)))
}

/// The kind of an observation by its type, in any case.
pub(super) fn observation_kind(name: &str) -> Kind {
    match name.to_ascii_lowercase().as_str() {
        "span" | "chain" => Kind::Chain,
        "generation" => Kind::Generation,
        "embedding" => Kind::Embedding,
        "retriever" => Kind::Retrieval,
        "agent" => Kind::Agent,
        "tool" => Kind::Tool,
        "guardrail" => Kind::Guardrail,
        "evaluator" => Kind::Evaluation,
        "event" => Kind::Event,
        other => Kind::Other(other.to_owned()),
    }
}

fn read(draft: &mut Draft) -> Result<(), Rejection> {
    if !draft.attributes.keys().any(|name| name.starts_with(OWN)) {
        return Ok(());
    }
    who(draft)?;
    words(draft);
    if draft.patch.model.is_none() {
        draft.patch.model = draft.take_text("langfuse.observation.model.name");
    }
    if let Some(details) = take_map(draft, USAGE_DETAILS)
        && draft.patch.usage.is_none()
    {
        draft.patch.usage = usage(&details);
        keep_beyond(&mut draft.attributes, USAGE_DETAILS, details, draft.patch.usage.is_some());
    }
    if let Some(details) = take_map(draft, COST_DETAILS)
        && draft.patch.cost.is_none()
    {
        draft.patch.cost = cost(&details);
        keep_beyond(&mut draft.attributes, COST_DETAILS, details, draft.patch.cost.is_some());
    }
    let level = draft.peek(LEVEL).map(str::to_owned);
    let message = draft.take_text("langfuse.observation.status_message");
    if let Some(told) = status(level.as_deref(), message) {
        let known = draft.patch.status.get_or_insert_with(|| told.clone());
        if known.code != StatusCode::Error {
            known.code = told.code;
        }
        known.message = told.message.or_else(|| known.message.take());
    }
    metadata(draft, "langfuse.trace.metadata");
    metadata(draft, "langfuse.observation.metadata");
    for name in [MODEL_PARAMETERS, COMPLETION_START] {
        if let Some(value) = draft.attributes.get_mut(name) {
            *value = json_text(value.take());
        }
    }
    if let Some(tags) = draft.take("langfuse.trace.tags") {
        draft.attributes.insert(TAGS.to_owned(), json_text(tags));
    }
    if *draft.kind() == Kind::Message
        && let Some(name) = draft.take_text(TRACE_NAME)
        && let Some(own) = draft.patch.name.replace(name)
    {
        draft.attributes.insert("langfuse.observation.name".to_owned(), own.into());
    }
    Ok(())
}

/// Who is talking, and in which conversation: their session, unless the span names a conversation as such.
fn who(draft: &mut Draft) -> Result<(), Rejection> {
    if draft.patch.conversation_id.is_none() && !draft.attributes.contains_key(names::CONVERSATION_ID) {
        let ours = draft.take_id(names::SESSION_ID)?;
        let legacy = draft.take_id("langfuse.session.id")?;
        draft.patch.conversation_id = ours.or(legacy);
    }
    let id = draft.take_text(names::USER_ID).or_else(|| draft.take_text("langfuse.user.id"));
    draft.merge_user(Some(User { id, ..User::default() }));
    Ok(())
}

/// Input and output of the observation; of a turn those of the trace, where the application has set them. An agent at the root
/// speaks for the turn.
fn words(draft: &mut Draft) {
    let is_root = draft.patch.parent_id.is_none() || is_app_root(draft);
    let kind = if is_root && *draft.kind() == Kind::Agent { Kind::Message } else { draft.kind().clone() };
    for (side, own, of_trace) in [(Side::Input, INPUT, "langfuse.trace.input"), (Side::Output, OUTPUT, "langfuse.trace.output")] {
        let filled = if side == Side::Input { draft.patch.input.is_some() } else { draft.patch.output.is_some() };
        let place = if kind == Kind::Message && draft.attributes.contains_key(of_trace) { of_trace } else { own };
        if filled {
            continue;
        }
        let Some(value) = draft.take(place) else { continue };
        let Some(Said { content, rest }) = said(&kind, side, container(value)) else { continue };
        if side == Side::Input {
            draft.patch.input = Some(content);
        } else {
            draft.patch.output = Some(content);
        }
        if let Some(rest) = rest {
            draft.attributes.insert(place.to_owned(), rest);
        }
    }
    keep_answer_id(&mut draft.attributes, &kind, OUTPUT);
}

/// The structure that JSON text stands for. Text that stands for a number or a word is text: nothing quotes it.
fn container(value: Value) -> Value {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => json_text(Value::String(text)),
        value => value,
    }
}

/// An attribute that is an object, as such or as JSON text; what is none stays.
fn take_map(draft: &mut Draft, name: &str) -> Option<Map> {
    match draft.attributes.remove(name).map(json_text) {
        Some(Value::Object(map)) => Some(map),
        Some(other) => {
            draft.attributes.insert(name.to_owned(), other);
            None
        }
        None => None,
    }
}

/// Metadata, flattened one level or as a whole.
fn metadata(draft: &mut Draft, name: &str) {
    let prefix = format!("{name}.");
    let flat: Vec<String> = draft.attributes.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
    for key in flat {
        if let (Some(value), Some(own)) = (draft.attributes.remove(&key), key.strip_prefix(&prefix)) {
            draft.patch.metadata.insert(own.to_owned(), json_text(value));
        }
    }
    match draft.take(name).map(json_text) {
        Some(Value::Object(map)) => draft.patch.metadata.extend(map),
        Some(other) => drop(draft.patch.metadata.insert("metadata".to_owned(), other)),
        None => {}
    }
}

/// How an observation ended: only the level `ERROR` says that it failed; a message alone says something, but not how.
pub(super) fn status(level: Option<&str>, message: Option<String>) -> Option<Status> {
    let code = if level == Some("ERROR") { StatusCode::Error } else { StatusCode::Unset };
    (code == StatusCode::Error || message.is_some()).then_some(Status { code, message })
}

/// Tokens of `usageDetails`: those of a model API as they are, else Langfuse's own, in which every count is a part of its own
/// (`input` is without `input_cached_tokens`), and the input is the sum of all whose name says input. Its integrations for
/// OpenAI on JavaScript count cached tokens twice; there `total` is the sum of the two plain counts, which tells.
pub(super) fn usage(details: &Map) -> Option<Usage> {
    if let Some(usage) = api_usage(details) {
        return Some(usage);
    }
    let count = |name: &str| details.get(name).and_then(Value::as_u64);
    let sum = |is: &dyn Fn(&str) -> bool| {
        let counts = details.iter().filter(|(name, _)| is(name)).filter_map(|(_, count)| count.as_u64());
        counts.reduce(u64::saturating_add)
    };
    let is_cached = |name: &str| name.contains("cache");
    let is_written = |name: &str| is_cached(name) && (name.contains("creation") || name.contains("write"));
    let is_sound = |name: &str| name.contains("audio");
    let is_picture = |name: &str| name.contains("image");
    let is_input = |name: &str| name.contains("input") || is_cached(name);
    let part = |is: &dyn Fn(&str) -> bool| part(sum(is));
    let (input, output) = (count("input"), count("output"));
    let plain_sum = input.unwrap_or(0).saturating_add(output.unwrap_or(0));
    let parts_are_inside = plain_sum > 0 && count("total") == Some(plain_sum);
    let usage = Usage {
        input: if parts_are_inside { input } else { sum(&|name| name.contains("input") || is_cached(name)) },
        output: if parts_are_inside { output } else { sum(&|name| name.contains("output") || name.contains("reasoning")) },
        cache_read: sum(&|name| is_cached(name) && !is_written(name)),
        cache_write: sum(&is_written),
        reasoning: sum(&|name| name.contains("reasoning")),
        input_audio: part(&|name| is_sound(name) && is_input(name)),
        input_image: part(&|name| is_picture(name) && is_input(name)),
        cache_read_audio: part(&|name| is_sound(name) && is_cached(name)),
        cache_read_image: part(&|name| is_picture(name) && is_cached(name)),
        cache_write_1h: part(&|name| is_written(name) && name.contains("1h")),
        output_audio: part(&|name| is_sound(name) && name.contains("output")),
        output_image: part(&|name| is_picture(name) && name.contains("output")),
        source: Some(UsageSource::Framework),
    };
    (!usage.is_empty()).then_some(usage)
}

/// US dollars of `costDetails`: the total, else the sum of the parts.
pub(super) fn cost(details: &Map) -> Option<f64> {
    let amount = |value: &Value| value.as_f64().filter(|amount| amount.is_finite() && *amount >= 0.0);
    let parts = || details.values().filter_map(amount).reduce(|sum, part| sum + part);
    details.get("total").and_then(amount).or_else(parts)
}

/// Keeps counts that our fields do not hold.
fn keep_beyond(attributes: &mut Map, name: &str, details: Map, understood: bool) {
    let plain =
        ["input", "output", "total", "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens"];
    if !understood || details.keys().any(|key| !plain.contains(&key.as_str())) {
        attributes.insert(name.to_owned(), Value::Object(details));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(details: Value, expect: [Option<u64>; 5]) {
        let usage = usage(details.as_object().unwrap()).unwrap_or_default();
        let told = [usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning];
        assert_eq!(told, expect, "{details}");
    }

    #[test]
    fn parts_that_are_counted_apart_or_inside() {
        // langfuse 5.0.4, a generation by hand.
        let apart = json!({"input": 120, "output": 7, "cache_read_input_tokens": 64, "total": 191});
        check(apart, [Some(184), Some(7), Some(64), None, None]);
        // langfuse 3.39.2 for JavaScript, its integration for OpenAI.
        let inside = json!({"input": 149, "output": 13, "total": 162, "input_cached_tokens": 64, "output_reasoning_tokens": 4});
        check(inside, [Some(149), Some(13), Some(64), None, Some(4)]);
        // langfuse 2.60.10, the same for Python.
        let openai = json!({"prompt_tokens": 149, "completion_tokens": 13, "total_tokens": 162, "prompt_tokens_details": {"cached_tokens": 64}});
        check(openai, [Some(149), Some(13), Some(64), None, None]);
        check(json!({"input": 33}), [Some(33), None, None, None, None]);
        check(json!({"input": "many"}), [None; 5]);
    }

    #[test]
    fn sound_is_a_part_of_what_was_counted() {
        let details = json!({"input": 20, "input_audio_tokens": 80, "output": 5, "output_audio_tokens": 45, "total": 150});
        let usage = usage(details.as_object().unwrap()).unwrap();
        assert_eq!((usage.input, usage.input_audio), (Some(100), Some(80)));
        assert_eq!((usage.output, usage.output_audio), (Some(50), Some(45)));
    }

    #[test]
    fn costs() {
        let of = |details: Value| cost(details.as_object().unwrap());
        assert_eq!(of(json!({"input": 0.25, "output": 0.5, "total": 1.0})), Some(1.0));
        assert_eq!(of(json!({"input": 0.25, "output": 0.5})), Some(0.75));
        assert_eq!(of(json!({"total": -1.0})), None);
    }
}
