//! Ids: random ones of OTLP's length, and those that the application chose.
//!
//! An id of the application's own that is not lower-case base-16 of the right length travels as text in a `neuraltrust.*`
//! attribute, beside OTLP bytes that are a stable hash of it: the same id gives the same bytes in every process.

use std::borrow::Cow;

use neuraltrust_model::limits::MAX_ID_BYTES;

use crate::random;

/// An id of `N` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Id<const N: usize> {
    /// Random, or chosen in OTLP's own form.
    Own([u8; N]),
    /// Chosen by the application.
    Chosen(Box<str>),
}

/// Id of a trace (`interaction_id` of the neuraltrust protocol).
pub(crate) type TraceId = Id<16>;
/// Id of a step (`trace_id` of the neuraltrust protocol).
pub(crate) type SpanId = Id<8>;

impl<const N: usize> Id<N> {
    /// A new id.
    pub(crate) fn random() -> Self {
        let mut bytes = [0_u8; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&random::number().to_le_bytes()[..chunk.len()]);
        }
        Self::Own(nonzero(bytes))
    }

    /// The application's own id; `None` where it is empty.
    pub(crate) fn chosen(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        Some(base16(text).map_or_else(|| Self::Chosen(printable(text).into()), Self::Own))
    }

    /// The id as the server shows it.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Own(bytes) => Cow::Owned(hex(bytes)),
            Self::Chosen(text) => Cow::Borrowed(text),
        }
    }

    /// The id that the attribute must carry, since the bytes do not say it.
    pub(crate) fn attribute(&self) -> Option<&str> {
        match self {
            Self::Own(_) => None,
            Self::Chosen(text) => Some(text),
        }
    }

    /// OTLP's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Own(bytes) => bytes.to_vec(),
            Self::Chosen(text) => {
                let hash = fnv1a(text.as_bytes()).to_be_bytes();
                let mut bytes = [0_u8; N];
                bytes.copy_from_slice(&hash[..N]);
                nonzero(bytes).to_vec()
            }
        }
    }
}

/// An id that the server takes: up to [`MAX_ID_BYTES`], printable. What is too long keeps its beginning and a hash of it all.
pub(crate) fn printable(text: &str) -> String {
    let clean = if text.chars().any(char::is_control) { text.replace(char::is_control, "\u{fffd}") } else { text.to_owned() };
    if clean.len() <= MAX_ID_BYTES {
        return clean;
    }
    let hash = hex(&fnv1a(text.as_bytes()).to_be_bytes());
    let mut end = MAX_ID_BYTES - hash.len() - 1;
    while !clean.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{hash}", &clean[..end])
}

/// A name for a text that does not show it, the same in every process.
pub(crate) fn hash(text: &str) -> String {
    hex(&fnv1a(text.as_bytes()).to_be_bytes())
}

/// OTLP holds an id of zeros only for no id.
fn nonzero<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    if bytes.iter().all(|byte| *byte == 0)
        && let Some(last) = bytes.last_mut()
    {
        *last = 1;
    }
    bytes
}

fn base16<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    // Capitals are not accepted: the server would show the id in another form than the application wrote it.
    if digits.len() != 2 * N || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0_u8; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// FNV-1a, 128 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>): small, and the same in every version of this crate.
fn fnv1a(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, own: bool) {
        let id = SpanId::chosen(text).unwrap();
        assert_eq!((id.text().as_ref(), id.attribute().is_none()), (text, own));
        assert_eq!(id.bytes().len(), 8);
        assert!(id.bytes().iter().any(|byte| *byte != 0));
    }

    #[test]
    fn chosen_ids_keep_their_text() {
        check("00f067aa0ba902b7", true);
        check("00F067AA0BA902B7", false);
        check("0000000000000000", false);
        check("my own span", false);
        check("é", false);
        assert_eq!(SpanId::chosen(""), None);
        assert_eq!(SpanId::chosen("a").unwrap().bytes(), SpanId::chosen("a").unwrap().bytes());
        assert_ne!(SpanId::chosen("a").unwrap().bytes(), SpanId::chosen("b").unwrap().bytes());
    }

    #[test]
    fn the_hash_is_fnv1a() {
        // Test vectors of draft-eastlake-fnv, appendix C.
        assert_eq!(fnv1a(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn random_ids_are_hex_and_differ() {
        let (a, b) = (TraceId::random(), TraceId::random());
        assert_ne!(a, b);
        assert_eq!(a.text().len(), 32);
        assert_eq!(TraceId::chosen(&a.text()), Some(a));
    }

    #[test]
    fn what_the_server_would_refuse_is_made_printable() {
        assert_eq!(printable("a\nb"), "a\u{fffd}b");
        let (long, other) = ("ü".repeat(100), format!("{}x", "ü".repeat(100)));
        assert!(printable(&long).len() <= MAX_ID_BYTES);
        assert_ne!(printable(&long), printable(&other));
        assert!(neuraltrust_model::SpanId::new(printable(&long)).is_ok());
    }
}
