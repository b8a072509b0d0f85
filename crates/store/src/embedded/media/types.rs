//! The type of a medium: as it is told where that is a type, else by its first bytes.

/// What says nothing.
const UNKNOWN: &str = "application/octet-stream";
/// Longest type that is believed; RFC 6838, section 4.2, allows 127 characters on either side of the slash.
const MAX_BYTES: usize = 255;

/// How bytes of a type begin (WHATWG MIME Sniffing, section 6, "Matching a MIME type pattern").
const BEGINNINGS: [(&[u8], &str); 7] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS\0", "application/ogg"),
];
/// The same for RIFF files (section 6), whose kind follows the size.
const RIFF_KINDS: [(&[u8], &str); 2] = [(b"WEBP", "image/webp"), (b"WAVE", "audio/wav")];

/// The type of a medium: what is told of it where that is a type, a name of an audio format as OpenAI's `input_audio.format`
/// has it, or else what its bytes begin like.
pub(super) fn of(told: Option<&str>, bytes: &[u8]) -> String {
    match told.map(str::trim) {
        Some(told) if is_type(told) => told.to_ascii_lowercase(),
        Some("mp3") => "audio/mpeg".to_owned(),
        Some(format @ ("wav" | "flac" | "aac" | "opus" | "ogg")) => format!("audio/{format}"),
        _ => looks_like(bytes).to_owned(),
    }
}

fn looks_like(bytes: &[u8]) -> &'static str {
    let riff = bytes.strip_prefix(b"RIFF").and_then(|rest| rest.get(4..));
    let known = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning));
    let known = known.or_else(|| RIFF_KINDS.iter().find(|(kind, _)| riff.is_some_and(|rest| rest.starts_with(kind))));
    known.map_or(UNKNOWN, |(_, mime_type)| mime_type)
}

/// Whether a text is a type and nothing else (RFC 9110, section 8.3.1): it is sent as a header one day.
fn is_type(text: &str) -> bool {
    let token = |text: &str| {
        let sign = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
        !text.is_empty() && text.bytes().all(sign)
    };
    text.len() <= MAX_BYTES && text.split_once('/').is_some_and(|(kind, of)| token(kind) && token(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_believed_or_found() {
        assert_eq!(of(Some("Image/PNG"), b""), "image/png");
        assert_eq!(of(Some("mp3"), b""), "audio/mpeg");
        assert_eq!(of(Some("wav"), b""), "audio/wav");
        assert_eq!(of(None, b"\x89PNG\r\n\x1a\n.."), "image/png");
        assert_eq!(of(Some("a/b\r\nset-cookie: c"), b"RIFF\x01\x02\x03\x04WEBPVP8 "), "image/webp");
        assert_eq!(of(None, b"RIFF\x01\x02\x03\x04WAVEfmt "), "audio/wav");
        for told in ["", "image", "image/", "/png", "a/b/c", "image/p ng", "ä/b"] {
            assert_eq!(of(Some(told), b"RIFF"), UNKNOWN, "{told}");
        }
    }
}
