//! Langfuse's ingestion API: `POST /api/public/ingestion` with events of traces, observations and scores, and
//! `POST /api/public/scores`. Clients up to 2 (Python) and 3 (JavaScript) send everything this way, later ones their scores.
//!
//! Format: <https://api.reference.langfuse.com/#tag/ingestion>, and recorded traffic (`fixtures/langfuse*`).
//!
//! **A trace is a span.** There a trace has a name, a user, an input and an output of its own, and observations hang on it. Here it
//! becomes a span of kind message whose id is the id of the trace, and the parent of the observations that have none: so what
//! only the trace says is the turn, with both its sides. Clients tell a trace again and again and never when it ended: it
//! lasts from the earliest to the latest moment that anything in it tells, and it is there as soon as anything of it is.
//!
//! **A score on a session** has no span to stand at. It becomes a span of kind evaluation in a trace of its own, one for each
//! session, in the conversation that the session is.

use std::collections::BTreeMap;

use neuraltrust_model::{
    ConversationId, Kind, Map, Score, ScoreSource, SessionId, Source, SpanId, SpanPatch, Timestamp, TraceId, User,
};
use serde_json::Value;

use super::langfuse::{self, COST_DETAILS, INPUT, LEVEL, MODEL_PARAMETERS, OUTPUT, TAGS, USAGE_DETAILS};
use super::prompts;
use crate::content::Side;
use crate::fields::{Fields, id, json_body, wrong_type};
use crate::items::{Itemized, object};
use crate::spoken::{Said, keep_answer_id, said};
use crate::values::few_enough_spans;
use crate::{Reason, Rejection};

/// What a batch of events says. Each event is answered for by its id; one that cannot be kept costs only itself.
///
/// # Errors
/// A [`Rejection`] when the body is no batch at all.
pub fn normalize(body: &[u8], source: Source) -> Result<Itemized, Rejection> {
    let Value::Object(mut envelope) = json_body(body)? else {
        return Err(Rejection::new(Reason::WrongType, "body", "is no object; accepted is {\"batch\": [..]}"));
    };
    let events = match envelope.remove("batch") {
        Some(Value::Array(events)) => events,
        Some(other) => return Err(wrong_type("batch", &other, "an array of events")),
        None => return Err(Rejection::new(Reason::Malformed, "batch", "is missing; it is an array of events")),
    };
    few_enough_spans("batch", events.len())?;
    let source = named_by(envelope.get("metadata"), source);
    let mut normalized = Itemized::default();
    let mut extents = BTreeMap::new();
    for (n, value) in events.into_iter().enumerate() {
        let own_id = value.get("id").and_then(Value::as_str).map_or_else(|| n.to_string(), str::to_owned);
        let outcome = event(value, &source, &mut extents).map_err(|mut rejection| {
            rejection.at = format!("batch[{n}].{}", rejection.at);
            rejection
        });
        normalized.push(own_id, outcome);
    }
    normalized.patches.extend(extents.into_values());
    Ok(normalized)
}

/// What scores say that are sent as such: one, or several in an array.
///
/// # Errors
/// A [`Rejection`] when the body is neither an object nor an array.
pub fn scores(body: &[u8], source: &Source) -> Result<Itemized, Rejection> {
    let values = match json_body(body)? {
        Value::Array(values) => values,
        value @ Value::Object(_) => vec![value],
        other => return Err(wrong_type("body", &other, "a score or an array of scores")),
    };
    few_enough_spans("body", values.len())?;
    let mut normalized = Itemized::default();
    for (n, value) in values.into_iter().enumerate() {
        let own_id = value.get("id").and_then(Value::as_str).map(str::to_owned);
        let fallback = format!("score-{}", digest(&value.to_string()));
        let id = own_id.unwrap_or(fallback);
        let outcome = object("score", value).and_then(|map| score(&id, Fields(map), None, source)).map_err(|mut rejection| {
            rejection.at = format!("[{n}].{}", rejection.at);
            rejection
        });
        normalized.push(id, outcome.map(|patch| vec![patch]));
    }
    Ok(normalized)
}

/// The client as the batch names it, which says more than its HTTP library.
fn named_by(metadata: Option<&Value>, source: Source) -> Source {
    let text = |name: &str| metadata?.get(name)?.as_str().filter(|text| !text.is_empty() && text.len() <= 128);
    match text("sdk_name") {
        Some(name) => Source {
            client: Some(if name.starts_with("langfuse") { name.to_owned() } else { format!("langfuse-{name}") }),
            version: text("sdk_version").map(str::to_owned),
            protocol: source.protocol,
        },
        None => source,
    }
}

/// From when to when something goes on in each trace of a batch, as what it says of the span that is the trace.
type Extents = BTreeMap<TraceId, SpanPatch>;

fn event(value: Value, source: &Source, extents: &mut Extents) -> Result<Vec<SpanPatch>, Rejection> {
    let mut event = Fields(object("event", value)?);
    let Some(name) = event.text("type")? else {
        return Err(Rejection::new(Reason::UnknownTask, "type", "is missing; it is the type of the event, such as trace-create"));
    };
    let told = event.time("timestamp")?;
    let event_id = event.text("id")?.unwrap_or_default();
    let mut body = Fields(object("body", event.0.remove("body").unwrap_or_default())?);
    if name == "sdk-log" {
        // What the client writes about itself, and of no span.
        return Ok(Vec::new());
    }
    let rename = |mut rejection: Rejection| {
        rejection.at = format!("body.{}", rejection.at);
        rejection
    };
    match name.split_once('-') {
        Some(("trace", "create")) => trace(&event_id, body, told, source).map(|patch| vec![patch]),
        Some(("score", "create")) => {
            let id = body.0.get("id").and_then(Value::as_str).map_or_else(|| event_id.clone(), str::to_owned);
            score(&id, body, told, source).map(|patch| vec![patch])
        }
        Some((of, verb @ ("create" | "update"))) => {
            let of = if of == "observation" { body.text("type").map_err(rename)?.unwrap_or_default() } else { of.to_owned() };
            observation(&of, verb == "create", body, told, source, extents).map(|patch| vec![patch])
        }
        _ => {
            let shown: String = name.chars().take(80).collect();
            let accepted = "trace-create, score-create, sdk-log, and -create and -update of span, generation, event, observation";
            return Err(Rejection::new(Reason::UnknownTask, "type", format!("{shown:?} is no event; accepted are {accepted}")));
        }
    }
    .map_err(rename)
}

/// The span that a trace is.
fn of_trace(trace_id: TraceId) -> Result<SpanPatch, Rejection> {
    let span_id = own_span(&trace_id)?;
    Ok(SpanPatch { kind: Some(Kind::Message), ..SpanPatch::new(trace_id, span_id) })
}

fn own_span(trace_id: &TraceId) -> Result<SpanId, Rejection> {
    id("traceId", trace_id.as_str().to_owned())
}

fn trace(event_id: &str, mut body: Fields, told: Option<Timestamp>, source: &Source) -> Result<SpanPatch, Rejection> {
    let trace_id = match body.id("id")? {
        Some(own) => own,
        None => id("id", event_id.to_owned())?,
    };
    let mut patch = of_trace(trace_id)?;
    patch.told = told;
    patch.name = body.text("name")?;
    patch.conversation_id = body.id("sessionId")?;
    patch.user = user(body.text("userId")?);
    let moment = body.time("timestamp")?.or(told);
    patch.start = body.time("start_time")?.or(moment);
    words(&mut patch, &mut body);
    // An answer is there at the moment at which it is told, at the latest.
    patch.end = body.time("end_time")?.or(moment.filter(|_| patch.output.is_some()));
    finish(patch, body, source)
}

fn user(id: Option<String>) -> Option<User> {
    id.filter(|id| !id.is_empty()).map(|id| User { id: Some(id), ..User::default() })
}

fn observation(
    of: &str,
    creates: bool,
    mut body: Fields,
    told: Option<Timestamp>,
    source: &Source,
    extents: &mut Extents,
) -> Result<SpanPatch, Rejection> {
    let Some(span_id) = body.id::<SpanId>("id")? else {
        return Err(Rejection::new(Reason::MissingId, "id", "is missing; it is the id of the observation and must be text"));
    };
    // An observation of no trace is a trace of its own.
    let trace_id: Option<TraceId> = body.id("traceId")?;
    let in_trace = trace_id.is_some();
    let trace_id = trace_id.map_or_else(|| id("id", span_id.as_str().to_owned()), Ok)?;
    let mut patch = SpanPatch::new(trace_id.clone(), span_id);
    // Clocks of milliseconds show one time for a creation and its first change, which comes after it.
    let after = i64::from(!creates);
    patch.told = told.map(|told| Timestamp::from_nanos(told.as_nanos().saturating_add(after)));
    patch.parent_id = body.id("parentObservationId")?;
    if patch.parent_id.is_none() && creates && in_trace {
        patch.parent_id = Some(own_span(&trace_id)?);
    }
    let kind = langfuse::observation_kind(if of.is_empty() { "span" } else { of });
    patch.name = body.text("name")?;
    patch.start = body.time("startTime")?;
    patch.end = body.time("endTime")?;
    if kind == Kind::Event {
        patch.end = patch.end.or(patch.start);
    }
    patch.kind = Some(kind);
    patch.model = body.text("model")?.filter(|model| !model.is_empty());
    words(&mut patch, &mut body);
    if patch.kind == Some(Kind::Chain) && matches!(patch.output, Some(neuraltrust_model::Content::Documents { .. })) {
        // These clients have no type for a look-up; what it found tells.
        patch.kind = Some(Kind::Retrieval);
    }
    counts(&mut patch, &mut body)?;
    let level = body.text("level")?;
    patch.status = langfuse::status(level.as_deref(), body.text("statusMessage")?);
    if let Some(level) = level {
        patch.attributes.insert(LEVEL.to_owned(), level.into());
    }
    if in_trace {
        let mut extent = of_trace(trace_id.clone())?;
        (extent.start, extent.end) = (patch.start, patch.end);
        match extents.get_mut(&trace_id) {
            Some(known) => known.apply(extent),
            None => drop(extents.insert(trace_id, extent)),
        }
    }
    finish(patch, body, source)
}

/// Input and output; what is no part of what is said goes to the attributes.
fn words(patch: &mut SpanPatch, body: &mut Fields) {
    let kind = patch.kind.clone().unwrap_or(Kind::Chain);
    for (side, name, place) in [(Side::Input, "input", INPUT), (Side::Output, "output", OUTPUT)] {
        let Some(Said { content, rest }) = body.value(name).and_then(|value| said(&kind, side, value)) else { continue };
        let field = if side == Side::Input { &mut patch.input } else { &mut patch.output };
        *field = Some(content);
        if let Some(rest) = rest {
            patch.attributes.insert(place.to_owned(), rest);
        }
    }
    keep_answer_id(&mut patch.attributes, &kind, OUTPUT);
}

/// Tokens and cost: `usageDetails` and `costDetails`, else the `usage` of older clients.
fn counts(patch: &mut SpanPatch, body: &mut Fields) -> Result<(), Rejection> {
    let usage = body.object("usage")?;
    let details = body.object("usageDetails")?;
    let costs = body.object("costDetails")?;
    patch.usage = details.as_ref().and_then(langfuse::usage);
    patch.cost = costs.as_ref().and_then(langfuse::cost);
    if let Some(usage) = usage {
        let in_tokens = usage.get("unit").and_then(Value::as_str).is_none_or(|unit| unit == "TOKENS");
        if patch.usage.is_none() && in_tokens {
            patch.usage = langfuse::usage(&renamed(&usage, &["promptTokens", "completionTokens", "totalTokens"]));
        }
        if patch.cost.is_none() {
            patch.cost = langfuse::cost(&renamed(&usage, &["inputCost", "outputCost", "totalCost"]));
        }
        if !in_tokens {
            patch.attributes.insert("langfuse.observation.usage".to_owned(), Value::Object(usage));
        }
    }
    for (name, details) in [(USAGE_DETAILS, details), (COST_DETAILS, costs)] {
        if let Some(details) = details {
            patch.attributes.insert(name.to_owned(), Value::Object(details));
        }
    }
    Ok(())
}

/// The counts of input, output and total under these names, or, for tokens, under their plain ones.
fn renamed(usage: &Map, from: &[&str; 3]) -> Map {
    let plain = |name: &&str| usage.get(*name).filter(|_| from[0].ends_with("Tokens"));
    let to = ["input", "output", "total"];
    from.iter()
        .zip(to)
        .filter_map(|(old, new)| Some((new.to_owned(), usage.get(*old).or_else(|| plain(&new))?.clone())))
        .filter(|(_, count)| !count.is_null())
        .collect()
}

/// Metadata, and every other field under the name that it has in the other protocol.
fn finish(mut patch: SpanPatch, mut body: Fields, source: &Source) -> Result<SpanPatch, Rejection> {
    match body.value("metadata") {
        Some(Value::Object(map)) => patch.metadata = map,
        Some(other) => drop(patch.metadata.insert("metadata".to_owned(), other)),
        None => {}
    }
    patch.metadata.retain(|_, value| !value.is_null());
    body.0.retain(|_, value| !value.is_null());
    for (name, value) in body.0 {
        let name = match name.as_str() {
            "tags" => TAGS,
            "modelParameters" => MODEL_PARAMETERS,
            "completionStartTime" => "langfuse.observation.completion_start_time",
            "promptName" => "langfuse.observation.prompt.name",
            "promptVersion" => "langfuse.observation.prompt.version",
            "environment" => "langfuse.environment",
            "release" => "langfuse.release",
            "version" => "langfuse.version",
            "public" => "langfuse.trace.public",
            "traceName" => "langfuse.trace.name",
            other => other,
        }
        .to_owned();
        patch.attributes.insert(name, value);
    }
    prompts::name(&mut patch.attributes, &patch.metadata);
    patch.source = Some(source.clone());
    Ok(patch)
}

/// A score at what it is about: an observation, a trace, or a session.
fn score(score_id: &str, mut body: Fields, told: Option<Timestamp>, source: &Source) -> Result<SpanPatch, Rejection> {
    let trace_id: Option<TraceId> = body.id("traceId")?;
    let session_id: Option<SessionId> = body.id("sessionId")?;
    let observation_id: Option<SpanId> = body.id("observationId")?;
    let Some(name) = body.text("name")? else {
        return Err(Rejection::new(Reason::WrongType, "name", "is missing; it is what is judged and must be text"));
    };
    let is_boolean = body.0.get("dataType").and_then(Value::as_str) == Some("BOOLEAN");
    let value = match (body.value("value"), body.value("stringValue")) {
        (Some(Value::Number(number)), _) if is_boolean => Value::Bool(number.as_f64() != Some(0.0)),
        (Some(value @ (Value::Number(_) | Value::String(_) | Value::Bool(_))), _) => value,
        (None, Some(value @ Value::String(_))) => value,
        (Some(other), _) => return Err(wrong_type("value", &other, "a number, text or a boolean")),
        (None, _) => return Err(Rejection::new(Reason::WrongType, "value", "is missing; it is a number, text or a boolean")),
    };
    let by = match body.text("source")?.as_deref() {
        Some("ANNOTATION") => ScoreSource::User,
        Some("EVAL") => ScoreSource::Evaluator,
        _ => ScoreSource::Api,
    };
    let time = body.time("timestamp")?.or(told);
    let score = Score { comment: body.text("comment")?, time, ..Score::new(score_id, name.clone(), value, by) };
    let mut patch = match (trace_id, session_id) {
        (Some(trace_id), _) => {
            let span_id = observation_id.map_or_else(|| own_span(&trace_id), Ok)?;
            SpanPatch::new(trace_id, span_id)
        }
        (None, Some(session_id)) => {
            let conversation_id: ConversationId = id("sessionId", session_id.as_str().to_owned())?;
            let trace_id: TraceId = id("sessionId", format!("session-{}", digest(session_id.as_str())))?;
            let span_id: SpanId = id("id", format!("score-{}", digest(score_id)))?;
            SpanPatch {
                kind: Some(Kind::Evaluation),
                name: Some(name),
                start: time,
                end: time,
                conversation_id: Some(conversation_id),
                source: Some(source.clone()),
                ..SpanPatch::new(trace_id, span_id)
            }
        }
        (None, None) => {
            let message = "is missing, and so is sessionId; a score is about one of them";
            return Err(Rejection::new(Reason::MissingId, "traceId", message));
        }
    };
    patch.scores.push(score);
    Ok(patch)
}

/// A short name made of a text, the same each time.
fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}
