//! neuraltrust up to 1.4: `POST /v1/trace`, one JSON object per step.
//!
//! Facts of the wire, from recorded traffic (`fixtures/neuraltrust/`): `interaction_id` names the turn (our trace),
//! `trace_id` the step (our span; absent before 1.3), `parent_id` another step. `custom` is always `str(dict)`, `input` and
//! `output` are `str(obj)`: Python text, with `"None"` for nothing. Times are whole seconds times 1000, and microseconds from
//! callers that follow the client's own documentation. There is no status, no model and no usage.

use neuraltrust_model::limits::MAX_DEPTH;
use neuraltrust_model::{Content, Kind, Map, Source, SpanId, SpanPatch, Timestamp, TraceId, Warning, attributes};
use serde_json::Value;

use crate::content::{Side, content};
use crate::fields::{Fields, id, json_body, too_deep, within_depth, wrong_type};
use crate::{Reason, Rejection, feedback, python_literal, user};

/// The tasks of the protocol; every other one is refused.
const TASKS: [Kind; 9] = [
    Kind::Message,
    Kind::Generation,
    Kind::Router,
    Kind::Retrieval,
    Kind::Agent,
    Kind::Tool,
    Kind::System,
    Kind::Event,
    Kind::Feedback,
];

/// What one `POST /v1/trace` says: the step, and for feedback also the verdict on its parent.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is not such an object.
pub fn normalize(body: &[u8], source: Source) -> Result<Vec<SpanPatch>, Rejection> {
    let value: Value = json_body(body)?;
    if !within_depth(&value, MAX_DEPTH) {
        return Err(too_deep("body"));
    }
    let Value::Object(map) = value else {
        return Err(wrong_type("body", &value, "one JSON object: one step of a conversation"));
    };
    let mut fields = Fields(map);

    let kind = task(&mut fields)?;
    let trace_id: TraceId = fields.id("interaction_id")?.ok_or_else(|| missing("interaction_id", "the id of the turn"))?;
    let span_id: SpanId = match fields.id("trace_id")? {
        Some(span_id) => span_id,
        // Clients before 1.3 do not name their steps. A name made of the content lets a step sent twice count once.
        None => id("trace_id", format!("nt-{}", &blake3::hash(body).to_hex()[..29]))?,
    };

    let mut patch = SpanPatch::new(trace_id, span_id);
    patch.parent_id = fields.id("parent_id")?;
    patch.conversation_id = fields.id("conversation_id")?;
    patch.session_id = fields.id("session_id")?;
    patch.channel_id = fields.id("channel_id")?;
    patch.name = Some(fields.text("name")?.unwrap_or_else(|| kind.to_string()));
    patch.user = fields.object("user")?.and_then(user::user);
    patch.metadata = fields.object("metadata")?.unwrap_or_default();
    patch.metadata.retain(|_, value| !value.is_null());
    patch.custom = fields.value("custom").and_then(custom);
    patch.input = fields.value("input").and_then(|value| said(&kind, Side::Input, value));
    patch.output = fields.value("output").and_then(|value| said(&kind, Side::Output, value));
    times(&mut patch, &mut fields)?;
    let tag = fields.text("feedback_tag")?;
    let text = fields.text("feedback_text")?;
    patch.source = Some(source);
    // `type` is always "traces" and says nothing.
    fields.0.remove("type");
    fields.0.retain(|_, value| !value.is_null());
    patch.attributes.extend(fields.0);

    let is_feedback = kind == Kind::Feedback;
    patch.kind = Some(kind);
    if !is_feedback {
        keep(&mut patch.attributes, attributes::FEEDBACK_TAG, tag);
        keep(&mut patch.attributes, attributes::FEEDBACK_TEXT, text);
        return Ok(vec![patch]);
    }
    if patch.input.is_none() {
        // What the user wrote is what went in.
        patch.input = text.clone().filter(|text| !text.is_empty()).map(Content::text);
    }
    keep(&mut patch.attributes, attributes::FEEDBACK_TAG, tag.clone());
    let verdict = feedback::score(&mut patch, tag, text);
    Ok(std::iter::once(patch).chain(verdict).collect())
}

fn keep(attributes: &mut Map, name: &str, text: Option<String>) {
    if let Some(text) = text {
        attributes.insert(name.to_owned(), Value::String(text));
    }
}

fn missing(name: &str, meaning: &str) -> Rejection {
    Rejection::new(Reason::MissingId, name, format!("is missing; it is {meaning} and must be text"))
}

fn task(fields: &mut Fields) -> Result<Kind, Rejection> {
    let accepted = || TASKS.map(|kind| kind.to_string()).join(", ");
    let Some(name) = fields.text("task")? else {
        return Err(Rejection::new(Reason::UnknownTask, "task", format!("is missing; accepted are {}", accepted())));
    };
    TASKS.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        Rejection::new(Reason::UnknownTask, "task", format!("{shown:?} is not a task; accepted are {}", accepted()))
    })
}

/// `str(dict)`, or JSON from callers that speak the protocol on their own.
fn custom(value: Value) -> Option<Value> {
    match value {
        Value::String(text) => match python_literal::parse(&text) {
            Some(Value::Null) => None,
            Some(value) => Some(value),
            None => Some(crate::content::json_text(Value::String(text))),
        },
        value => Some(value),
    }
}

/// An input or output: text, unless it is the Python text of something structured.
fn said(kind: &Kind, side: Side, value: Value) -> Option<Content> {
    let value = match value {
        // `str(None)`: the caller gave no output.
        Value::String(text) if text == "None" => return None,
        Value::String(text) => python_literal::parse_container(&text).unwrap_or(Value::String(text)),
        value => value,
    };
    content(kind, side, value)
}

/// The client's clock shows whole seconds, so a step that began and ended in the same one has no length of its own; where
/// the caller measured the latency, that is the better answer.
fn times(patch: &mut SpanPatch, fields: &mut Fields) -> Result<(), Rejection> {
    patch.start = fields.time("start_timestamp")?;
    patch.end = fields.time("end_timestamp")?;
    let latency = match fields.value("latency") {
        None => None,
        Some(Value::Number(number)) => number.as_f64(),
        Some(other) => return Err(wrong_type("latency", &other, "a number of milliseconds or null")),
    };
    let Some(millis) = latency else { return Ok(()) };
    patch.attributes.insert(attributes::LATENCY_MS.to_owned(), millis.into());
    if !(0.0..=MAX_LATENCY_MS).contains(&millis) {
        patch
            .warnings
            .push(Warning::new("latency_ignored", format!("a latency of {millis} ms cannot be; it is kept as an attribute")));
    } else if let Some(start) = patch.start
        && patch.end.is_none_or(|end| end == start)
    {
        patch.end = Some(Timestamp::from_nanos(start.as_nanos().saturating_add((millis * 1e6) as i64)));
    }
    Ok(())
}

/// A year: no step takes longer.
const MAX_LATENCY_MS: f64 = 365.0 * 86_400_000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source() -> Source {
        Source { client: None, version: None, protocol: "neuraltrust_v1".to_owned() }
    }

    fn patches(value: &Value) -> Result<Vec<SpanPatch>, Rejection> {
        normalize(value.to_string().as_bytes(), source())
    }

    #[track_caller]
    fn refused(value: Value, reason: Reason, at: &str) {
        let rejection = patches(&value).unwrap_err();
        assert_eq!((rejection.reason, rejection.at.as_str()), (reason, at), "{rejection}");
    }

    #[test]
    fn bad_steps_are_refused_by_field() {
        let step = |field: &str, value: Value| {
            let mut step = json!({"task": "tool", "interaction_id": "i", "trace_id": "t"});
            step[field] = value;
            step
        };
        refused(json!([]), Reason::WrongType, "body");
        refused(json!({}), Reason::UnknownTask, "task");
        refused(step("task", json!("dance")), Reason::UnknownTask, "task");
        refused(step("task", json!(3)), Reason::WrongType, "task");
        refused(step("interaction_id", json!(null)), Reason::MissingId, "interaction_id");
        refused(step("interaction_id", json!("x".repeat(10_000))), Reason::BadId, "interaction_id");
        refused(step("trace_id", json!(5)), Reason::WrongType, "trace_id");
        refused(step("user", json!("bob")), Reason::WrongType, "user");
        refused(step("start_timestamp", json!(-1)), Reason::BadTime, "start_timestamp");
        refused(step("end_timestamp", json!(1e300)), Reason::BadTime, "end_timestamp");
        refused(step("latency", json!("fast")), Reason::WrongType, "latency");
        assert_eq!(normalize(b"", source()).unwrap_err().reason, Reason::Malformed);
        assert_eq!(normalize(b"{\"task\": \"\xff\"}", source()).unwrap_err().reason, Reason::Malformed);
        let deep = format!("{{\"metadata\": {}1{}}}", "[".repeat(100), "]".repeat(100));
        assert_eq!(normalize(deep.as_bytes(), source()).unwrap_err().reason, Reason::TooDeep);
    }

    #[test]
    fn a_latency_fills_in_for_a_clock_of_whole_seconds() {
        let step = |end: Value, latency: Value| {
            let step = json!({"task": "tool", "interaction_id": "i", "start_timestamp": 1_795_402_111_000_i64,
                "end_timestamp": end, "latency": latency});
            let patch = patches(&step).unwrap().remove(0);
            patch.start.unwrap().millis_until(patch.end.unwrap())
        };
        assert_eq!(step(json!(1_795_402_111_000_i64), json!(412)), Some(412.0));
        assert_eq!(step(json!(null), json!(0.5)), Some(0.5));
        assert_eq!(step(json!(1_795_402_113_000_i64), json!(412)), Some(2000.0));
    }

    #[test]
    fn a_step_without_an_id_gets_the_same_one_each_time() {
        let step = json!({"task": "event", "interaction_id": "i", "input": "click"});
        assert_eq!(patches(&step).unwrap(), patches(&step).unwrap());
    }

    #[test]
    fn feedback_without_parent_stays_on_itself() {
        let feedback = json!({"task": "feedback", "interaction_id": "i", "trace_id": "f", "feedback_tag": "positive"});
        let patches = patches(&feedback).unwrap();
        assert_eq!(patches.len(), 1);
        assert_eq!(patches[0].scores[0].value, json!("positive"));
    }
}
