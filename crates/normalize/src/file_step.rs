//! A file that a client uploads beside a span: a step of kind event below the span, with the file as what came out of it. So it may
//! come before or after the span, and is known by what it belongs to and by its name there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use neuraltrust_model::{Content, Kind, Map, Message, Part, SpanId, SpanPatch, TraceId};

use crate::Rejection;
use crate::fields::id;

/// Longest name or media type of a file that is kept, in bytes.
const MAX_NAME_BYTES: usize = 512;
/// The media type of bytes of which nothing is known (RFC 2046 section 4.5.1).
const ANY_BYTES: &str = "application/octet-stream";

/// A file, and what it belongs to.
pub(crate) struct File<'a> {
    pub(crate) trace_id: TraceId,
    pub(crate) of: SpanId,
    /// What tells it from other files there.
    pub(crate) known_by: &'a str,
    pub(crate) name: &'a str,
    pub(crate) mime_type: Option<&'a str>,
    /// Its address, or the file itself as one: [`uri`].
    pub(crate) uri: String,
}

/// The step that a file is.
pub(crate) fn step(file: File<'_>) -> Result<SpanPatch, Rejection> {
    let mut hasher = blake3::Hasher::new();
    for text in [file.of.as_str(), file.known_by] {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    let span_id = id("file", format!("file-{}", &hasher.finalize().to_hex()[..32]))?;
    let mime_type = known(file.mime_type);
    let name = cut(file.name);
    let part =
        Part::Media { mime_type: Some(mime_type.to_owned()), uri: Some(file.uri), name: Some(name.to_owned()), bytes: None };
    let message = Message { role: "user".to_owned(), parts: vec![part], extra: Map::new() };
    Ok(SpanPatch {
        parent_id: Some(file.of),
        kind: Some(Kind::Event),
        name: Some(name.to_owned()),
        output: Some(Content::Messages { messages: vec![message] }),
        ..SpanPatch::new(file.trace_id, span_id)
    })
}

fn known(mime_type: Option<&str>) -> &str {
    mime_type.filter(|kind| (1..=MAX_NAME_BYTES).contains(&kind.len())).unwrap_or(ANY_BYTES)
}

/// Bytes as an address that holds them (RFC 2397).
pub(crate) fn uri(mime_type: Option<&str>, bytes: &[u8]) -> String {
    format!("data:{};base64,{}", known(mime_type), STANDARD.encode(bytes))
}

/// As much of a text as is kept of a name.
pub(crate) fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_NAME_BYTES)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_place_and_its_name() {
        let step = |of: &str, known_by: &str, mime_type| {
            let (trace_id, of) = (TraceId::new("t").unwrap(), SpanId::new(of).unwrap());
            step(File { trace_id, of, known_by, name: &"ä".repeat(1_000), mime_type, uri: uri(mime_type, b"png") }).unwrap()
        };
        let one = step("s", "a", Some("image/png"));
        assert_eq!(one, step("s", "a", Some("image/png")), "the same each time");
        assert_ne!(one.span_id, step("s", "b", None).span_id);
        assert_ne!(step("s", "1a", None).span_id, step("s1", "a", None).span_id);
        assert_eq!(one.name.unwrap().len(), 512);
        let shown = |content: Option<Content>| match content {
            Some(Content::Messages { messages }) => match messages[0].parts.as_slice() {
                [Part::Media { uri: Some(uri), .. }] => uri.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        assert_eq!(shown(one.output), "data:image/png;base64,cG5n");
        assert_eq!(shown(step("s", "a", Some("")).output), "data:application/octet-stream;base64,cG5n");
    }
}
