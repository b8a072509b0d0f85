//! What stands in a content for the bytes of a medium: `neuraltrust-media:NAME:ALPHABET:BYTES:PREFIX`, where the prefix is
//! what came before the bytes, e.g. `data:image/png;base64,`. A text that only looks so is `neuraltrust-media:=TEXT`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::media::MediaId;

const SCHEME: &str = "neuraltrust-media:";
/// Longest beginning of a `data:` address up to its bytes.
const MAX_PREFIX_BYTES: usize = 512;

/// Which of the two alphabets of RFC 4648 bytes are written in, with padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    Standard,
    UrlSafe,
}

impl Alphabet {
    /// The bytes of a text, where [`Self::encode`] makes exactly that text of them again.
    pub(super) fn decode(text: &str) -> Option<(Self, Vec<u8>)> {
        // Both engines refuse what they would not write themselves: missing padding, bits behind the end.
        let standard = || STANDARD.decode(text).ok().map(|bytes| (Self::Standard, bytes));
        standard().or_else(|| URL_SAFE.decode(text).ok().map(|bytes| (Self::UrlSafe, bytes)))
    }

    /// Bytes as text.
    pub(super) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Standard => STANDARD.encode(bytes),
            Self::UrlSafe => URL_SAFE.encode(bytes),
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Standard => "s",
            Self::UrlSafe => "u",
        }
    }
}

/// Stands for the bytes of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) id: MediaId,
    pub(super) alphabet: Alphabet,
    pub(super) bytes: u64,
    /// What comes before the bytes.
    pub(super) prefix: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}:{}:{}:{}", self.id, self.alphabet.sign(), self.bytes, self.prefix)
    }
}

/// Whether a text in a node is a reference, or marked as none.
pub(super) fn is_ours(text: &str) -> bool {
    text.starts_with(SCHEME)
}

/// A text that came in and looks like a reference, marked as a text; `None` where it does not.
pub(super) fn marked(text: &str) -> Option<String> {
    text.starts_with(SCHEME).then(|| format!("{SCHEME}={text}"))
}

/// What a text in a node stands for: a reference, or the text that was marked as none; `None` where it is a text like any.
pub(super) fn read(text: &str) -> Option<Result<Reference, &str>> {
    let rest = text.strip_prefix(SCHEME)?;
    if let Some(literal) = rest.strip_prefix('=') {
        return Some(Err(literal));
    }
    let mut fields = rest.splitn(4, ':');
    let id = fields.next()?.parse().ok()?;
    let alphabet = match fields.next()? {
        "s" => Alphabet::Standard,
        "u" => Alphabet::UrlSafe,
        _ => return None,
    };
    let bytes = fields.next()?.parse().ok()?;
    Some(Ok(Reference { id, alphabet, bytes, prefix: fields.next()?.to_owned() }))
}

/// What is before the bytes of a `data:` address in base 64, and the type that it tells.
pub(super) fn data_prefix(text: &str) -> Option<(&str, &str)> {
    let head = text.get(..text.floor_char_boundary(MAX_PREFIX_BYTES))?;
    let told = head.strip_prefix("data:")?;
    let (told, _) = told.split_once(',')?;
    let mime_type = told.strip_suffix(";base64")?;
    let prefix = text.get(.."data:".len() + told.len() + 1)?;
    // RFC 2397, section 2: what says no type is text.
    let mime_type = mime_type.split(';').next().filter(|told| !told.is_empty()).unwrap_or("text/plain");
    Some((prefix, mime_type))
}
