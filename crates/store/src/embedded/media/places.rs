//! Every text of a content, in an order that is always the same, with what is said about it where it stands.

use neuraltrust_model::{Content, Map, Part};
use serde_json::Value;

/// Fields that hold bytes in base 64: OpenAI's `input_audio.data`, `file.file_data` and `b64_json`, Anthropic's `source.data`,
/// Google's `inline_data.data`, Bedrock's `source.bytes`.
const FIELDS_OF_BYTES: [&str; 4] = ["data", "file_data", "b64_json", "bytes"];
/// Fields beside them that tell the type.
const FIELDS_OF_TYPES: [&str; 5] = ["mime_type", "mimeType", "media_type", "mediaType", "format"];
/// Fields that hold bytes in an object of that `type`: OTel's blobs (semantic conventions for generative AI, "BlobPart") and
/// the images that OpenAI's Responses API makes.
const FIELDS_BY_TYPE: [(&str, &str); 2] = [("blob", "content"), ("image_generation_call", "result")];

/// Where a text stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place<'a> {
    /// What is said of the type of bytes there.
    pub(super) mime_type: Option<&'a str>,
    /// Whether bytes are expected there.
    pub(super) holds_bytes: bool,
    /// In which of the messages or documents of the content.
    pub(super) item: usize,
}

/// Calls `each` with every text of a content but the names of fields and roles.
pub(super) fn visit<E>(content: &mut Content, each: &mut impl FnMut(&mut String, Place<'_>) -> Result<(), E>) -> Result<(), E> {
    match content {
        Content::Text { text } => each(text, Place::default()),
        Content::Json { value } => visit_value(value, Place::default(), each),
        Content::Messages { messages } => {
            for (item, message) in messages.iter_mut().enumerate() {
                let each = &mut |text: &mut String, place: Place<'_>| each(text, Place { item, ..place });
                for part in &mut message.parts {
                    visit_part(part, each)?;
                }
                visit_fields(&mut message.extra, each)?;
            }
            Ok(())
        }
        Content::Documents { documents } => {
            for (item, document) in documents.iter_mut().enumerate() {
                let each = &mut |text: &mut String, place: Place<'_>| each(text, Place { item, ..place });
                if let Some(text) = &mut document.content {
                    each(text, Place::default())?;
                }
                visit_fields(&mut document.metadata, each)?;
            }
            Ok(())
        }
    }
}

fn visit_part<E>(part: &mut Part, each: &mut impl FnMut(&mut String, Place<'_>) -> Result<(), E>) -> Result<(), E> {
    match part {
        Part::Text { text } | Part::Reasoning { text } => each(text, Place::default()),
        Part::ToolCall { arguments: value, .. } | Part::ToolResult { result: value, .. } | Part::Other { value } => {
            visit_value(value, Place::default(), each)
        }
        Part::Media { uri: None, .. } => Ok(()),
        Part::Media { mime_type, uri: Some(uri), .. } => {
            each(uri, Place { mime_type: mime_type.as_deref(), holds_bytes: true, ..Place::default() })
        }
    }
}

/// Depth is bounded by the decoders (`MAX_DEPTH` of the limits), so the recursion is too.
fn visit_value<E>(
    value: &mut Value,
    place: Place<'_>,
    each: &mut impl FnMut(&mut String, Place<'_>) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::String(text) => each(text, place),
        Value::Array(items) => items.iter_mut().try_for_each(|item| visit_value(item, Place::default(), each)),
        Value::Object(fields) => visit_fields(fields, each),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn visit_fields<E>(fields: &mut Map, each: &mut impl FnMut(&mut String, Place<'_>) -> Result<(), E>) -> Result<(), E> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let by_type = FIELDS_BY_TYPE.iter().find(|(kind, _)| text("type") == Some(kind)).map(|(_, field)| *field);
    let mime_type = FIELDS_OF_TYPES.iter().find_map(|name| text(name)).map(str::to_owned);
    for (name, value) in fields {
        let holds_bytes = FIELDS_OF_BYTES.contains(&name.as_str()) || by_type == Some(name.as_str());
        let place = Place { mime_type: mime_type.as_deref().filter(|_| holds_bytes), holds_bytes, ..Place::default() };
        visit_value(value, place, each)?;
    }
    Ok(())
}
