//! MLflow's REST calls: what its tracking client says of whole traces, the spans that it uploads, and assessments.
//!
//! Format: <https://mlflow.org/docs/latest/api_reference/rest-api.html>, and recorded traffic (`fixtures/mlflow/rest`). The client of
//! today tells a trace when it has ended, and sends its spans twice, as OTLP and as a file; the client of 2.x tells a trace when it
//! begins and again when it ends, and sends the file alone. All may come in any order.
//!
//! A trace of MLflow is a span of kind message here, which has the trace's id as MLflow writes it (`tr-` and the id of the
//! trace), and is the parent of the root ([`mlflow`](super::mlflow)). Its words are those of the root: what the call repeats of
//! them is cut.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use neuraltrust_model::{
    Event, Kind, Map, Score, ScoreSource, ScoreTarget, Source, SpanId, SpanPatch, Status, StatusCode, Timestamp, TraceId, User,
};
use serde_json::Value;

use super::mlflow::{CONVERSATION, REQUEST_ID, trace_of};
use super::prompts;
use crate::any_value::hex;
use crate::fields::{Fields, id, json_body, wrong_type};
use crate::items::object;
use crate::values::few_enough_spans;
use crate::{Normalized, Reason, Rejection, otlp};

/// Attribute: the experiment in which a trace is.
pub const EXPERIMENT: &str = "mlflow.experiment_id";
/// Metadata that repeats what the spans say, cut.
const REPEATED: [&str; 4] = ["mlflow.traceInputs", "mlflow.traceOutputs", "mlflow.trace.sizeStats", "mlflow.trace.sizeBytes"];

/// `POST /api/3.0/mlflow/traces`: `{"trace": {"trace_info": {..}}}`, a trace that has ended.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no such trace.
pub fn trace(body: &[u8], source: &Source) -> Result<Vec<SpanPatch>, Rejection> {
    let mut body = Fields(object("body", json_body(body)?)?);
    let mut trace = Fields(body.object("trace")?.ok_or_else(|| missing("trace", "an object with the field trace_info"))?);
    let info = trace.object("trace_info")?.ok_or_else(|| missing("trace.trace_info", "an object"))?;
    let mut fields = Fields(info);
    let request = fields.text("trace_id")?.ok_or_else(|| missing("trace_id", "text"))?;
    told(&request, fields, source)
}

/// `POST /api/2.0/mlflow/traces` and `PATCH /api/2.0/mlflow/traces/{request}`: a trace that has begun, or ended.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no such message.
pub fn change(request: &str, ends: bool, body: &[u8], source: &Source) -> Result<Vec<SpanPatch>, Rejection> {
    let mut map = object("body", json_body(body)?)?;
    if ends && let Some(end) = map.remove("timestamp_ms") {
        map.insert("end_ms".to_owned(), end);
    }
    told(request, Fields(map), source)
}

/// `PATCH .../mlflow/traces/{request}/tags`: `{"key": .., "value": ..}`.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no tag.
pub fn tag(request: &str, body: &[u8], now: Timestamp, source: &Source) -> Result<Vec<SpanPatch>, Rejection> {
    let mut fields = Fields(object("body", json_body(body)?)?);
    let key = fields.text("key")?.ok_or_else(|| missing("key", "text"))?;
    let tags = Map::from_iter([(key, fields.value("value").unwrap_or_default())]);
    let mut patches = told(request, Fields(Map::from_iter([("tags".to_owned(), Value::Object(tags))])), source)?;
    // The same tag said again, after it was another or none, is said anew.
    patches.iter_mut().for_each(|patch| patch.told = Some(now));
    Ok(patches)
}

/// The file `traces.json` of a trace: `{"spans": [..]}`, as MLflow 2 and 3 write it. A span that cannot be read is rejected alone.
///
/// # Errors
/// A [`Rejection`] when the body is no such file.
pub fn spans(request: &str, body: &[u8], source: &Source) -> Result<Normalized, Rejection> {
    let mut fields = Fields(object("body", json_body(body)?)?);
    let list = match fields.value("spans") {
        Some(Value::Array(list)) => few_enough_spans("spans", list.len()).map(|()| list)?,
        Some(other) => return Err(wrong_type("spans", &other, "an array")),
        None => Vec::new(),
    };
    let mut normalized = Normalized::default();
    let mut index = 0;
    for span in list {
        normalized.add("spans", &mut index, read_span(request, span, source));
    }
    Ok(normalized)
}

/// `POST .../mlflow/traces/{request}/assessments`: feedback is a score, an expectation an attribute, of the trace or of one of
/// its spans.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no assessment.
pub fn assessment(request: &str, body: &[u8]) -> Result<Vec<SpanPatch>, Rejection> {
    let mut fields = Fields(object("body", json_body(body)?)?);
    let assessment = fields.object("assessment")?.ok_or_else(|| missing("assessment", "an object"))?;
    Ok(vec![assessed(request, Fields(assessment))?])
}

/// `DELETE .../mlflow/traces/{request}/tags`: `{"key": ..}`. What came before stays in the record; the tag is null from now on.
///
/// # Errors
/// A [`Rejection`] that names the field when the body names no tag.
pub fn untag(request: &str, body: &[u8], now: Timestamp, source: &Source) -> Result<Vec<SpanPatch>, Rejection> {
    let mut fields = Fields(object("body", json_body(body)?)?);
    let key = fields.text("key")?.ok_or_else(|| missing("key", "text"))?;
    let mut patch = of_trace(request)?;
    patch.kind = Some(Kind::Message);
    patch.source = Some(source.clone());
    patch.told = Some(now);
    let of = if key.starts_with("mlflow.") { &mut patch.attributes } else { &mut patch.metadata };
    of.insert(key, Value::Null);
    Ok(vec![patch])
}

/// `PATCH .../mlflow/traces/{request}/assessments/{id}`: feedback as it was, and what is said of it now.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no assessment.
pub fn reassessed(mut score: Score, body: &[u8], now: Timestamp) -> Result<Score, Rejection> {
    let mut fields = Fields(object("body", json_body(body)?)?);
    let mut said = Fields(fields.object("assessment")?.ok_or_else(|| missing("assessment", "an object"))?);
    if let Some(name) = said.text("assessment_name")?.filter(|name| !name.is_empty()) {
        score.name = name;
    }
    if let Some(feedback) = said.object("feedback")? {
        score.value = Fields(feedback).value("value").unwrap_or_default();
    }
    if let Some(rationale) = said.text("rationale")? {
        score.comment = Some(rationale);
    }
    score.time = Some(now);
    Ok(score)
}

/// The trace of that name.
///
/// # Errors
/// A [`Rejection`] where the name is none.
pub fn trace_id(request: &str) -> Result<TraceId, Rejection> {
    id("trace_id", trace_of(request).to_owned())
}

/// The id of an assessment, which is the same whenever the same is said.
#[must_use]
pub fn assessment_id(request: &str, name: &str, said: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in [request, name, said] {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    format!("a-{}", &hasher.finalize().to_hex()[..32])
}

fn missing(name: &str, accepted: &str) -> Rejection {
    Rejection::new(Reason::MissingId, name, format!("is missing; it is {accepted}"))
}

/// The span that stands for a trace.
fn of_trace(request: &str) -> Result<SpanPatch, Rejection> {
    Ok(SpanPatch::new(trace_id(request)?, id("trace_id", request.to_owned())?))
}

/// What is said of a whole trace.
fn told(request: &str, mut fields: Fields, source: &Source) -> Result<Vec<SpanPatch>, Rejection> {
    let mut patch = of_trace(request)?;
    patch.kind = Some(Kind::Message);
    patch.source = Some(source.clone());
    patch.start = match fields.time("request_time")? {
        Some(time) => Some(time),
        None => fields.time("timestamp_ms")?,
    };
    patch.end = fields.time("end_ms")?.or_else(|| lasted(&mut fields).and_then(|nanos| later(patch.start?, nanos)));
    let state = fields.text("state")?.or(fields.text("status")?);
    patch.status = match state.as_deref() {
        Some("OK") => Some(Status { code: StatusCode::Ok, message: None }),
        Some("ERROR") => Some(Status { code: StatusCode::Error, message: None }),
        _ => None,
    };
    let mut metadata = pairs("trace_metadata", &mut fields)?;
    metadata.extend(pairs("request_metadata", &mut fields)?);
    metadata.retain(|name, _| !REPEATED.contains(&name.as_str()));
    let mut tags = pairs("tags", &mut fields)?;
    patch.name = text(tags.remove("mlflow.traceName"));
    who(&mut patch, &mut tags, &mut metadata)?;
    for (name, value) in tags.into_iter().chain(metadata) {
        let into = if name.starts_with("mlflow.") { &mut patch.attributes } else { &mut patch.metadata };
        into.insert(name, value);
    }
    let experiment = fields.text("experiment_id")?.or_else(|| {
        let location = fields.value("trace_location")?;
        location.pointer("/mlflow_experiment/experiment_id")?.as_str().map(str::to_owned)
    });
    for (name, value) in [(EXPERIMENT, experiment), ("mlflow.client_request_id", fields.text("client_request_id")?)] {
        if let Some(value) = value {
            patch.attributes.insert(name.to_owned(), value.into());
        }
    }
    prompts::name(&mut patch.attributes, &patch.metadata);
    let mut patches = vec![patch];
    if let Some(Value::Array(assessments)) = fields.value("assessments") {
        for assessment in assessments {
            patches.push(assessed(request, Fields(object("assessments", assessment)?))?);
        }
    }
    for patch in &mut patches {
        otlp::fold(&mut patch.attributes, &mut patch.warnings);
    }
    Ok(patches)
}

/// Who talks, in which conversation: tags that name one, else the session.
fn who(patch: &mut SpanPatch, tags: &mut Map, metadata: &mut Map) -> Result<(), Rejection> {
    let mut take = |name: &str| text(tags.remove(name)).or_else(|| text(metadata.remove(name)));
    let user = User { id: take("mlflow.trace.user"), ..User::default() };
    patch.user = Some(user).filter(|user| !user.is_empty());
    for name in CONVERSATION {
        if patch.conversation_id.is_none()
            && let Some(conversation) = take(name)
        {
            patch.conversation_id = Some(id(name, conversation)?);
        }
    }
    if let Some(session) = take("mlflow.trace.session") {
        patch.session_id = Some(id("mlflow.trace.session", session)?);
    }
    Ok(())
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// An object, or the list of `{"key": .., "value": ..}` that MLflow 2 writes.
fn pairs(name: &str, fields: &mut Fields) -> Result<Map, Rejection> {
    match fields.value(name) {
        None => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(Value::Array(list)) => {
            let pair = |mut pair: Value| Some((pair.get("key")?.as_str()?.to_owned(), pair.get_mut("value")?.take()));
            Ok(list.into_iter().filter_map(pair).collect())
        }
        Some(other) => Err(wrong_type(name, &other, "an object or an array of {key, value}")),
    }
}

/// How long a trace took, in nanoseconds: `"0.146s"` (protobuf's `Duration` in JSON), or milliseconds.
fn lasted(fields: &mut Fields) -> Option<i64> {
    let seconds = match fields.value("execution_duration") {
        Some(Value::String(text)) => text.strip_suffix('s')?.parse::<f64>().ok()?,
        _ => fields.value("execution_duration_ms").or(fields.value("execution_time_ms"))?.as_f64()? / 1e3,
    };
    // A hundred years, so that the number of nanoseconds is one.
    (0.0..3.2e9).contains(&seconds).then(|| (seconds * 1e9).round() as i64)
}

fn later(start: Timestamp, nanos: i64) -> Option<Timestamp> {
    start.as_nanos().checked_add(nanos).map(Timestamp::from_nanos)
}

fn assessed(request: &str, mut fields: Fields) -> Result<SpanPatch, Rejection> {
    let mut patch = of_trace(request)?;
    if let Some(span) = fields.text("span_id")?.filter(|span| !span.is_empty()) {
        patch.span_id = id("span_id", span_id("span_id", &span)?)?;
    }
    let name = fields
        .text("assessment_name")?
        .or(fields.text("name")?)
        .ok_or_else(|| missing("assessment_name", "the name of what is judged, as text"))?;
    let time = fields.time("create_time")?;
    if let Some(expectation) = fields.object("expectation")? {
        let mut expectation = Fields(expectation);
        let value = expectation.value("value").or_else(|| expectation.object("serialized_value").ok()??.remove("value"));
        patch.attributes.insert(format!("mlflow.expectation.{name}"), value.unwrap_or_default());
        return Ok(patch);
    }
    let mut feedback = Fields(fields.object("feedback")?.ok_or_else(|| missing("feedback", "an object with the field value"))?);
    let value = feedback.value("value").unwrap_or_default();
    let source = fields.object("source")?.unwrap_or_default();
    let from = |name: &str| source.get(name).and_then(Value::as_str).unwrap_or_default();
    let own_id = fields.text("assessment_id")?.filter(|own| !own.is_empty());
    patch.scores.push(Score {
        id: own_id.unwrap_or_else(|| assessment_id(request, &name, &format!("{} {value}", from("source_id")))),
        name,
        value,
        comment: fields.text("rationale")?,
        source: match from("source_type") {
            "HUMAN" => ScoreSource::User,
            "LLM_JUDGE" | "AI_JUDGE" => ScoreSource::Evaluator,
            _ => ScoreSource::Api,
        },
        time,
        target: ScoreTarget::Span,
        withdrawn: false,
        author: None,
    });
    Ok(patch)
}

/// The id of a span: 8 bytes in base 64 as MLflow 3 writes its file, or in base 16, with `0x` before it where MLflow 2 writes it.
fn span_id(at: &str, text: &str) -> Result<String, Rejection> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(digits.to_ascii_lowercase());
    }
    match STANDARD.decode(text) {
        Ok(bytes) if bytes.len() == 8 => Ok(hex(&bytes)),
        _ => Err(Rejection::new(Reason::BadId, at, "is neither 8 bytes in base 64 nor 16 digits")),
    }
}

fn read_span(request: &str, span: Value, source: &Source) -> Result<Vec<SpanPatch>, Rejection> {
    let mut fields = Fields(object("span", span)?);
    let mut context = Fields(fields.object("context")?.unwrap_or_default());
    let own = fields.text("span_id")?.or(context.text("span_id")?).ok_or_else(|| missing("span_id", "text"))?;
    let parent = fields.text("parent_span_id")?.or(fields.text("parent_id")?).filter(|parent| !parent.is_empty());
    let mut patch = of_trace(request)?;
    patch.parent_id = Some(match parent {
        Some(parent) => id("parent_span_id", span_id("parent_span_id", &parent)?)?,
        None => patch.span_id,
    });
    patch.span_id = id::<SpanId>("span_id", span_id("span_id", &own)?)?;
    patch.source = Some(source.clone());
    patch.name = fields.text("name")?.filter(|name| !name.is_empty());
    for (field, names) in
        [(&mut patch.start, ["start_time_unix_nano", "start_time"]), (&mut patch.end, ["end_time_unix_nano", "end_time"])]
    {
        for name in names {
            *field = field.or(fields.time(name)?);
        }
    }
    let mut status = Fields(fields.object("status")?.unwrap_or_default());
    let code = status.text("code")?.or(fields.text("status_code")?).unwrap_or_default();
    let code = match code.trim_start_matches("STATUS_CODE_") {
        "OK" => Some(StatusCode::Ok),
        "ERROR" => Some(StatusCode::Error),
        _ => None,
    };
    let message = status.text("message")?.or(fields.text("status_message")?).filter(|message| !message.is_empty());
    patch.status = code.map(|code| Status { code, message });
    if let Some(Value::Array(events)) = fields.value("events") {
        for (n, event) in events.into_iter().enumerate() {
            let mut event = Fields(object(&format!("events[{n}]"), event)?);
            let time = match event.time("time_unix_nano")? {
                Some(time) => Some(time),
                None => event.time("timestamp")?,
            };
            patch.events.push(Event {
                name: event.text("name")?.unwrap_or_default(),
                time,
                attributes: event.object("attributes")?.unwrap_or_default(),
            });
        }
    }
    let mut attributes = fields.object("attributes")?.unwrap_or_default();
    // The dialect reads an attribute as JSON text where this one is, as it always is in the file.
    attributes.entry(REQUEST_ID).or_insert_with(|| Value::String(format!("\"{request}\"")));
    otlp::understood(patch, attributes)
}
