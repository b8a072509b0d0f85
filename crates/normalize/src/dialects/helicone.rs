//! Helicone's log call: `POST /custom/v1/log` with one request to a model, a tool or a store of vectors, and its answer.
//!
//! Format: <https://docs.helicone.ai/getting-started/integration-method/custom> (`HeliconeAsyncLogRequest`): `providerRequest {url, json,
//! meta}`, `providerResponse {json, textBody, status, headers}`, `timing {startTime, endTime}` of seconds and milliseconds. What
//! Helicone calls a session is our conversation; `Helicone-*` names stand in `meta` or in the headers of the call.

use neuraltrust_model::{Content, Kind, Map, Source, SpanPatch, Status, StatusCode, Timestamp, TraceId, User};
use serde_json::Value;

use crate::api_usage::api_usage;
use crate::content::{Side, document};
use crate::fields::{Fields, bad_time, id, json_body, wrong_type};
use crate::items::object;
use crate::spoken::{Said, keep_answer_id, said};
use crate::{Reason, Rejection, otlp};

/// What one log call says. `headers` are those of the call that begin with `helicone-`.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no log call.
pub fn normalize(body: &[u8], headers: Vec<(String, String)>, source: Source) -> Result<Vec<SpanPatch>, Rejection> {
    let mut call = Fields(object("body", json_body(body)?)?);
    let Some(request) = call.object("providerRequest")? else {
        return Err(Rejection::new(Reason::Malformed, "providerRequest", "is missing; it is an object with json and meta"));
    };
    let mut request = Fields(request);
    let mut response = Fields(call.object("providerResponse")?.unwrap_or_default());
    let mut about = About::new(headers, request.object("meta")?.unwrap_or_default());

    let trace_id: TraceId = match about.take("helicone-request-id") {
        Some(text) => id("meta.Helicone-Request-Id", text)?,
        // A name made of the content lets a call logged twice count once.
        None => id("body", format!("helicone-{}", &blake3::hash(body).to_hex()[..32]))?,
    };
    let mut patch = SpanPatch::new(trace_id.clone(), id("meta.Helicone-Request-Id", trace_id.as_str().to_owned())?);
    patch.source = Some(source);
    patch.conversation_id = about.take("helicone-session-id").map(|text| id("meta.Helicone-Session-Id", text)).transpose()?;
    patch.user = about.take("helicone-user-id").map(|id| User { id: Some(id), ..User::default() });
    if let Some(mut timing) = call.object("timing")?.map(Fields) {
        patch.start = moment("timing.startTime", timing.value("startTime"))?;
        patch.end = moment("timing.endTime", timing.value("endTime"))?;
        timing.0.retain(|_, value| !value.is_null());
        if !timing.0.is_empty() {
            patch.attributes.insert("timing".to_owned(), Value::Object(timing.0));
        }
    }

    let asked = request.value("json").unwrap_or_default();
    let answered = response.value("json").or_else(|| response.text("textBody").ok().flatten().map(streamed)).unwrap_or_default();
    let url = request.text("url")?.unwrap_or_default();
    patch.kind = Some(kind(&asked, &answered, &url));
    patch.name = name(&asked).or_else(|| about.peek("helicone-session-path"));
    patch.provider = call.text("provider")?.map(|name| name.to_ascii_lowercase());
    let model = |value: &Value| value.get("model").and_then(Value::as_str).map(str::to_owned);
    patch.model = model(&answered).or_else(|| model(&asked));
    patch.usage = answered.get("usage").and_then(Value::as_object).and_then(api_usage);
    status(&mut patch, &mut response, &answered);
    words(&mut patch, asked, answered);
    if !url.is_empty() {
        patch.attributes.insert("url.full".to_owned(), url.into());
    }
    about.describe(&mut patch);
    for (name, rest) in [("providerRequest", request.0), ("providerResponse", response.0)] {
        if rest.values().any(|value| !value.is_null()) {
            patch.attributes.insert(name.to_owned(), Value::Object(rest));
        }
    }
    call.0.retain(|_, value| !value.is_null());
    patch.attributes.extend(call.0);
    otlp::fold(&mut patch.attributes, &mut patch.warnings);
    Ok(vec![patch])
}

/// What the application says about the call, by lower-case names; `meta` wins over headers.
struct About(Vec<(String, String, Value)>);

impl About {
    fn new(headers: Vec<(String, String)>, meta: Map) -> Self {
        let meta = meta.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), name, value));
        let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), name, value.into()));
        Self(meta.chain(headers).filter(|(_, _, value)| !value.is_null()).collect())
    }

    fn peek(&self, name: &str) -> Option<String> {
        let (_, _, value) = self.0.iter().find(|(known, _, _)| known == name)?;
        match value {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let found = self.peek(name);
        self.0.retain(|(known, _, _)| known != name);
        found
    }

    /// Properties are the application's metadata, and so is what has no name of Helicone's; the rest are attributes. No key
    /// is kept.
    fn describe(self, patch: &mut SpanPatch) {
        const PROPERTY: &str = "helicone-property-";
        for (lower, name, value) in self.0.into_iter().rev() {
            if lower == "helicone-auth" {
                continue;
            }
            match lower.strip_prefix(PROPERTY) {
                Some(_) => drop(patch.metadata.insert(name[PROPERTY.len()..].to_owned(), value)),
                None if lower.starts_with("helicone-") => drop(patch.attributes.insert(lower, value)),
                None => drop(patch.metadata.insert(name, value)),
            }
        }
    }
}

/// `{seconds, milliseconds}`, or a time in any other form.
fn moment(at: &str, value: Option<Value>) -> Result<Option<Timestamp>, Rejection> {
    let Some(value) = value else { return Ok(None) };
    let Value::Object(parts) = &value else {
        return Timestamp::from_loose_json(&value).map_err(|error| bad_time(at, &error));
    };
    let number = |name: &str| parts.get(name).and_then(Value::as_f64);
    let Some(seconds) = number("seconds") else {
        return Err(wrong_type(at, &value, "an object of seconds and milliseconds"));
    };
    let millis = number("milliseconds").filter(|millis| (0.0..1e6).contains(millis)).unwrap_or(0.0);
    let whole = Timestamp::from_loose_number(seconds).map_err(|error| bad_time(at, &error))?;
    Ok(Some(Timestamp::from_nanos(whole.as_nanos().saturating_add((millis * 1e6) as i64))))
}

fn kind(asked: &Value, answered: &Value, url: &str) -> Kind {
    let vectors = || answered.pointer("/data/0/embedding").is_some() || url.contains("embedding");
    match asked.get("_type").and_then(Value::as_str) {
        Some("tool") => Kind::Tool,
        Some("vector_db") => Kind::Retrieval,
        Some("data") => Kind::Chain,
        _ if vectors() => Kind::Embedding,
        _ => Kind::Generation,
    }
}

fn name(asked: &Value) -> Option<String> {
    ["toolName", "name", "operation", "databaseName"].iter().find_map(|name| asked.get(*name)?.as_str()).map(str::to_owned)
}

fn status(patch: &mut SpanPatch, response: &mut Fields, answered: &Value) {
    let Some(status) = response.value("status") else { return };
    let said = || {
        let told = [answered.pointer("/error/message"), answered.get("error"), answered.get("message")];
        told.into_iter().flatten().find_map(Value::as_str).map(str::to_owned)
    };
    match status.as_u64() {
        Some(200..400) => patch.status = Some(Status { code: StatusCode::Ok, message: None }),
        // Clients log 0 and less for calls that were broken off.
        _ if status.is_number() => {
            let message = said().or_else(|| Some(format!("status {status}")));
            patch.status = Some(Status { code: StatusCode::Error, message });
        }
        _ => {}
    }
    patch.attributes.insert("http.response.status_code".to_owned(), status);
}

fn words(patch: &mut SpanPatch, asked: Value, answered: Value) {
    let kind = patch.kind.clone().unwrap_or(Kind::Generation);
    let (asked, answered) = match kind {
        Kind::Tool => (inside(asked, "input"), without(answered, &["_type", "toolName"])),
        Kind::Retrieval => (without(asked, &["_type"]), without(answered, &["_type"])),
        _ => (asked, answered),
    };
    for (side, value) in [(Side::Input, asked), (Side::Output, answered)] {
        if side == Side::Output
            && kind == Kind::Retrieval
            && let Some(items) = ["documents", "matches", "results", "data"].iter().find_map(|name| value.get(*name)?.as_array())
        {
            let documents = items.iter().cloned().map(document).collect();
            patch.output = Some(Content::Documents { documents });
            continue;
        }
        let Some(Said { content, rest }) = said(&kind, side, value) else { continue };
        let (field, name) = if side == Side::Input { (&mut patch.input, "request") } else { (&mut patch.output, "response") };
        *field = Some(content);
        if let Some(rest) = rest {
            patch.attributes.insert(name.to_owned(), rest);
        }
    }
    keep_answer_id(&mut patch.attributes, &kind, "response");
}

/// The field that holds what a tool was called with, where there is nothing else of interest.
fn inside(value: Value, name: &str) -> Value {
    match without(value, &["_type", "toolName"]) {
        Value::Object(mut map) if map.len() == 1 && map.contains_key(name) => map.remove(name).unwrap_or_default(),
        value => value,
    }
}

fn without(mut value: Value, names: &[&str]) -> Value {
    if let Value::Object(map) = &mut value {
        map.retain(|name, _| !names.contains(&name.as_str()));
    }
    value
}

/// The answer that the chunks of a stream make together; text that is no stream stays text.
fn streamed(text: String) -> Value {
    let chunk = |line: &str| {
        let line = line.trim();
        serde_json::from_str::<Value>(line.strip_prefix("data:").unwrap_or(line).trim()).ok().filter(Value::is_object)
    };
    let chunks: Vec<Value> = text.lines().filter_map(chunk).collect();
    let mut said = String::new();
    let mut whole = Map::new();
    for chunk in &chunks {
        let deltas = [chunk.pointer("/choices/0/delta/content"), chunk.pointer("/delta/text"), chunk.pointer("/choices/0/text")];
        said.extend(deltas.into_iter().flatten().find_map(Value::as_str));
        for name in ["model", "id", "usage"] {
            if let Some(value) = chunk.get(name).or_else(|| chunk.get("message")?.get(name)).filter(|value| !value.is_null()) {
                match (whole.get_mut(name), value) {
                    // Anthropic counts the input at the beginning and the output at the end.
                    (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
                    _ => drop(whole.insert(name.to_owned(), value.clone())),
                }
            }
        }
    }
    if chunks.is_empty() || (said.is_empty() && chunks.len() > 1) {
        return Value::String(text);
    }
    if said.is_empty() {
        return chunks.into_iter().next().unwrap_or_default();
    }
    whole.insert("choices".to_owned(), serde_json::json!([{"message": {"role": "assistant", "content": said}}]));
    Value::Object(whole)
}
