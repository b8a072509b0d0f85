//! Files that Langfuse's clients take out of what they tell of an observation, and upload: `POST /api/public/media` says which.
//!
//! Format: <https://api.reference.langfuse.com/#tag/media>. In the place of the file stands a reference with its id
//! (`@@@langfuseMedia:type=..|id=..|source=..@@@`); the file becomes a step below the observation, or below the trace where that is
//! told as such ([`file_step`](crate::file_step)), with the id among its attributes.

use neuraltrust_model::{Source, SpanId, SpanPatch, TraceId};

use crate::fields::{Fields, id, json_body};
use crate::file_step::{self, cut};
use crate::items::object;
use crate::{Reason, Rejection};

/// Attribute: the id by which the observation refers to the file.
const MEDIA_ID: &str = "langfuse.media.id";
/// Attribute: the field of the observation in which the file was.
const FIELD: &str = "langfuse.media.field";
/// Length of the id that clients make of a file's hash.
const ID_CHARS: usize = 22;

/// A file that a client wants to upload.
#[derive(Debug, Clone)]
pub struct Medium {
    trace_id: TraceId,
    of: SpanId,
    field: String,
    mime_type: Option<String>,
    /// The id by which the client refers to it: the beginning of its hash.
    pub id: String,
}

/// What a client says of a file before it uploads it.
///
/// # Errors
/// A [`Rejection`] that names the field when the body says of no file where it belongs.
pub fn asked(body: &[u8]) -> Result<Medium, Rejection> {
    let mut fields = Fields(object("body", json_body(body)?)?);
    let missing = |name: &str, meaning: &str| Rejection::new(Reason::MissingId, name, format!("is missing; it is {meaning}"));
    let trace_id: TraceId = fields.id("traceId")?.ok_or_else(|| missing("traceId", "the trace of the file, as text"))?;
    let of = match fields.id::<SpanId>("observationId")? {
        Some(observation) => observation,
        None => id("traceId", trace_id.as_str().to_owned())?,
    };
    let hash = fields.text("sha256Hash")?.filter(|hash| !hash.is_empty());
    let hash = hash.ok_or_else(|| missing("sha256Hash", "the SHA-256 of the file in base 64"))?;
    Ok(Medium {
        trace_id,
        of,
        field: cut(&fields.text("field")?.unwrap_or_default()).to_owned(),
        mime_type: fields.text("contentType")?,
        id: hash.replace('+', "-").replace('/', "_").chars().take(ID_CHARS).collect(),
    })
}

/// The step that a file is.
///
/// # Errors
/// A [`Rejection`] where it cannot be one.
pub fn step(medium: &Medium, bytes: &[u8], source: &Source) -> Result<SpanPatch, Rejection> {
    let (trace_id, of, mime_type) = (medium.trace_id.clone(), medium.of.clone(), medium.mime_type.as_deref());
    let known_by = format!("{}/{}", medium.field, medium.id);
    let name = format!("{} {}", medium.field, mime_type.unwrap_or("file"));
    let mut patch = file_step::step(file_step::File {
        trace_id,
        of,
        known_by: &known_by,
        name: name.trim(),
        mime_type,
        uri: file_step::uri(mime_type, bytes),
    })?;
    patch.source = Some(source.clone());
    patch.attributes.insert(MEDIA_ID.to_owned(), medium.id.clone().into());
    patch.attributes.insert(FIELD.to_owned(), medium.field.clone().into());
    Ok(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_file_is_below_its_observation_or_its_trace() {
        let ask = |body: Value| asked(body.to_string().as_bytes());
        let mut body = json!({"traceId": "t", "observationId": "o", "field": "input", "contentType": "image/png",
            "contentLength": 3, "sha256Hash": "ab+/cdefghijklmnopqrstuvwxyz0123456789ABCDEFG="});
        let source = Source { client: None, version: None, protocol: "langfuse".to_owned() };
        let medium = ask(body.clone()).unwrap();
        assert_eq!(medium.id, "ab-_cdefghijklmnopqrst");
        let patch = step(&medium, b"png", &source).unwrap();
        assert_eq!((patch.trace_id.as_str(), patch.parent_id.unwrap().as_str()), ("t", "o"));
        assert_eq!(
            (patch.name.as_deref(), &patch.attributes[MEDIA_ID]),
            (Some("input image/png"), &json!("ab-_cdefghijklmnopqrst"))
        );
        body["observationId"] = Value::Null;
        assert_eq!(step(&ask(body.clone()).unwrap(), b"png", &source).unwrap().parent_id.unwrap().as_str(), "t");
        body["traceId"] = Value::Null;
        assert_eq!(ask(body).unwrap_err().at, "traceId");
        assert_eq!(ask(json!({"traceId": "t"})).unwrap_err().at, "sha256Hash");
    }
}
