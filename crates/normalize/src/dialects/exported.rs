//! Lines of a server's own export (`GET /api/v1/export?full=true` as JSON lines): a span with everything that is known of it, or
//! a conversation or trace with its `steps`.
//!
//! What a line says holds as of when the server that wrote it had first heard of the span, so that what another server knows of
//! the same span by itself stays, and a line that comes twice says what it said once. What that server worked out (costs by
//! prices, who counts) is left to the one that reads it; that a span was not taken to be running any more is told on.

use neuraltrust_model::limits::FOLDED_ATTRIBUTES;
use neuraltrust_model::{
    Content, ConversationId, Event, Kind, Link, Score, Source, SpanId, SpanPatch, Status, StatusCode, TraceId, Unfinished, Usage,
    User, Warning,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fields::{Fields, json_body, within_depth, wrong_type};
use crate::otlp::fold;
use crate::values::few_enough_spans;
use crate::{Normalized, Reason, Rejection};

/// Deepest nesting of a span: contents of other clients are kept to less, and a line must stay below the 128 levels that can be
/// read.
const MAX_SPAN_DEPTH: usize = 110;
/// The warning that a span has of itself, whoever sends it.
const OF_ITSELF: &str = "end_before_start";

/// What a line says of its spans. A span that cannot be read is rejected alone.
///
/// # Errors
/// A [`Rejection`] when the line is none of an export with contents.
pub fn line(text: &[u8]) -> Result<Normalized, Rejection> {
    let Value::Object(mut fields) = json_body(text)? else {
        return Err(Rejection::new(Reason::WrongType, "line", "is no JSON object; accepted is a line of an export"));
    };
    let mut normalized = Normalized::default();
    match fields.remove("steps") {
        Some(Value::Array(steps)) => {
            few_enough_spans("steps", steps.len())?;
            for (n, span) in steps.into_iter().enumerate() {
                match span_of(span) {
                    Ok(patch) => normalized.patches.push(patch),
                    Err(rejection) => {
                        let at = format!("steps[{n}].{}", rejection.at);
                        normalized.rejected.push(Rejection { at, ..rejection });
                    }
                }
            }
        }
        Some(other) => return Err(wrong_type("steps", &other, "an array of spans")),
        // The row of a conversation or trace has totals of its spans.
        None if fields.contains_key("turns") => return Err(rows_only()),
        None => normalized.patches.push(span_of(Value::Object(fields))?),
    }
    Ok(normalized)
}

fn rows_only() -> Rejection {
    Rejection::new(Reason::WrongType, "line", "is a row without contents; export the lines with `full=true` (`--full`)")
}

/// A field that is a part of the model, as the API shows it.
fn part<T: DeserializeOwned>(fields: &mut Fields, name: &str) -> Result<Option<T>, Rejection> {
    let Some(value) = fields.value(name) else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(|error| Rejection::new(Reason::WrongType, name, error.to_string()))
}

fn needed<T>(field: Option<T>, name: &str) -> Result<T, Rejection> {
    field.ok_or_else(|| Rejection::new(Reason::MissingId, name, "is missing; it names the span"))
}

fn span_of(span: Value) -> Result<SpanPatch, Rejection> {
    if !within_depth(&span, MAX_SPAN_DEPTH) {
        let message = format!("is nested deeper than {MAX_SPAN_DEPTH} levels");
        return Err(Rejection::new(Reason::TooDeep, "span", message));
    }
    let Value::Object(map) = span else { return Err(wrong_type("span", &span, "an object")) };
    let mut fields = Fields(map);
    let trace_id: TraceId = needed(fields.id("trace_id")?, "trace_id")?;
    let span_id: SpanId = needed(fields.id("span_id")?, "span_id")?;
    // Rows have neither.
    if !fields.0.contains_key("attributes") && !fields.0.contains_key("received_at") {
        return Err(rows_only());
    }
    let mut patch = SpanPatch::new(trace_id, span_id);
    // A trace that names no conversation is shown as its own.
    let conversation: Option<ConversationId> = fields.id("conversation_id")?;
    patch.conversation_id = conversation.filter(|conversation| conversation.as_str() != patch.trace_id.as_str());
    patch.told = fields.time("received_at")?;
    patch.parent_id = fields.id("parent_id")?;
    patch.session_id = fields.id("session_id")?;
    patch.channel_id = fields.id("channel_id")?;
    patch.kind = fields.text("kind")?.map(Kind::from);
    patch.name = fields.text("name")?;
    let (code, message) = (part::<StatusCode>(&mut fields, "status")?, fields.text("status_message")?);
    patch.status = code.map(|code| Status { code, message });
    patch.start = fields.time("start_time")?;
    patch.end = fields.time("end_time")?;
    patch.unfinished = part::<Unfinished>(&mut fields, "unfinished")?;
    patch.copied = true;
    patch.user = part::<User>(&mut fields, "user")?;
    patch.model = fields.text("model")?;
    patch.provider = fields.text("provider")?;
    patch.usage = part::<Usage>(&mut fields, "usage")?;
    // What a price made of tokens is worked out anew.
    let told = fields.text("cost_source")?.is_none_or(|source| source == "client");
    patch.cost = part::<f64>(&mut fields, "cost")?.filter(|_| told);
    patch.input = part::<Content>(&mut fields, "input")?;
    patch.output = part::<Content>(&mut fields, "output")?;
    patch.attributes = fields.object("attributes")?.unwrap_or_default();
    patch.metadata = fields.object("metadata")?.unwrap_or_default();
    patch.custom = fields.value("custom");
    patch.events = part::<Vec<Event>>(&mut fields, "events")?.unwrap_or_default();
    patch.links = part::<Vec<Link>>(&mut fields, "links")?.unwrap_or_default();
    patch.scores = part::<Vec<Score>>(&mut fields, "scores")?.unwrap_or_default();
    patch.source = part::<Source>(&mut fields, "source")?;
    patch.warnings = part::<Vec<Warning>>(&mut fields, "warnings")?.unwrap_or_default();
    patch.warnings.retain(|warning| warning.code != OF_ITSELF);
    bounded(&mut patch);
    Ok(patch)
}

/// Keeps attributes and metadata within the limits; those of a server's own export are, but for what several messages together
/// brought in. What had been folded before stays.
fn bounded(patch: &mut SpanPatch) {
    let SpanPatch { attributes, metadata, warnings, .. } = patch;
    for map in [attributes, metadata] {
        let before = map.remove(FOLDED_ATTRIBUTES);
        fold(map, warnings);
        match (before, map.get_mut(FOLDED_ATTRIBUTES)) {
            (Some(Value::Object(before)), Some(Value::Object(folded))) => folded.extend(before),
            (Some(before), _) => drop(map.insert(FOLDED_ATTRIBUTES.to_owned(), before)),
            (None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use neuraltrust_model::{Map, Span, Timestamp};
    use serde_json::json;

    use super::*;

    fn span() -> Value {
        json!({
            "trace_id": "t", "span_id": "s", "parent_id": null, "conversation_id": "c", "kind": "generation", "name": "chat",
            "status": "error", "status_message": "timeout", "start_time": "2026-11-29T10:00:00.000000001Z",
            "end_time": "2026-11-29T09:00:00Z", "user": { "id": "u", "plan": "pro" }, "usage": { "input": 3, "output": null,
            "cache_read": null, "cache_write": null, "reasoning": null }, "cost": 0.5, "cost_source": "client",
            "input": { "type": "text", "text": "hi" }, "output": null, "attributes": { "a": 1 }, "metadata": {}, "custom": null,
            "events": [], "links": [], "scores": [], "source": null, "received_at": "2026-11-29T10:00:02Z",
            "warnings": [{ "code": "end_before_start", "message": "m" }, { "code": "other", "message": "m" }],
        })
    }

    fn read(value: &Value) -> Result<Normalized, Rejection> {
        line(value.to_string().as_bytes())
    }

    #[test]
    fn a_span_is_read_as_it_is_shown() {
        let [patch] = <[SpanPatch; 1]>::try_from(read(&span()).unwrap().patches).unwrap();
        let span = Span::new(patch.clone(), Timestamp::from_nanos(0));
        assert_eq!(span.warnings.iter().map(|warning| warning.code.as_str()).collect::<Vec<_>>(), ["other", OF_ITSELF]);
        assert_eq!(span.status.message.as_deref(), Some("timeout"));
        assert_eq!(patch.user.unwrap().extra["plan"], "pro");
        assert_eq!((patch.cost, patch.conversation_id.unwrap().as_str()), (Some(0.5), "c"));
        assert_eq!(patch.told, Some(Timestamp::try_from("2026-11-29T10:00:02Z".to_owned()).unwrap()));
        assert_eq!(patch.input, Some(Content::text("hi")));
    }

    #[test]
    fn what_never_came_and_what_never_ended_are_told_as_they_are() {
        let mut judged = span();
        for name in ["kind", "name", "start_time", "end_time", "usage", "cost", "input"] {
            judged[name] = Value::Null;
        }
        judged["scores"] = json!([{ "id": "s", "name": "good", "value": true, "comment": null, "source": "user", "time": null }]);
        let patch = read(&judged).unwrap().patches.remove(0);
        assert!(patch.copied && patch.scores[0].value == true, "{patch:?}");
        assert!(!Span::new(patch, Timestamp::from_nanos(0)).is_known(), "only something about it is known");
        let mut open = span();
        open["end_time"] = Value::Null;
        open["unfinished"] = json!({ "reason": "silence", "since": "2026-11-29T10:30:00Z" });
        let patch = read(&open).unwrap().patches.remove(0);
        assert_eq!(patch.unfinished.unwrap().since, Timestamp::try_from("2026-11-29T10:30:00Z".to_owned()).unwrap());
        open["unfinished"] = json!("yes");
        assert_eq!(read(&open).unwrap_err().at, "unfinished");
    }

    #[test]
    fn what_the_server_worked_out_is_not_told() {
        let mut priced = span();
        priced["cost_source"] = json!("price_table");
        priced["conversation_id"] = json!("t");
        let patch = read(&priced).unwrap().patches.remove(0);
        assert_eq!((patch.cost, patch.conversation_id), (None, None));
    }

    #[test]
    fn one_span_of_several_that_cannot_be_read_is_rejected_alone() {
        let mut bad = span();
        bad["usage"] = json!("many");
        let normalized = read(&json!({ "conversation_id": "c", "turns": 1, "spans": 3, "steps": [span(), bad, 7] })).unwrap();
        assert_eq!(normalized.patches.len(), 1);
        let at: Vec<&str> = normalized.rejected.iter().map(|rejection| rejection.at.as_str()).collect();
        assert_eq!(at, ["steps[1].usage", "steps[2].span"]);
    }

    #[track_caller]
    fn refused(text: &str, expect: &str) {
        let told = line(text.as_bytes()).unwrap_err().to_string();
        assert!(told.contains(expect), "{told}");
    }

    #[test]
    fn what_is_no_line_of_an_export_is_told_what_is() {
        refused("", "is empty");
        refused("[1]", "JSON object");
        refused("{\"trace_id\":\"t\"}", "span_id");
        refused("{\"span_id\":\"s\"}", "trace_id");
        refused("{\"trace_id\":\"t\",\"span_id\":\"s\",\"name\":\"n\"}", "full=true");
        refused("{\"conversation_id\":\"c\",\"turns\":1,\"spans\":5}", "full=true");
        let deep = format!("{}1{}", "[".repeat(112), "]".repeat(112));
        refused(&format!("{{\"trace_id\":\"t\",\"span_id\":\"s\",\"attributes\":{{}},\"custom\":{deep}}}"), "nested deeper");
    }

    #[test]
    fn names_of_attributes_are_bounded() {
        let mut many = span();
        many["metadata"] = (0..2_000).map(|n| (n.to_string(), Value::from(n))).collect::<Map>().into();
        let patch = read(&many).unwrap().patches.remove(0);
        assert!(patch.metadata.len() <= 1_025 && patch.warnings.iter().any(|warning| warning.code == "attributes_folded"));
    }
}
