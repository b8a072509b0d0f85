//! Media: images, sounds and files, whose bytes are kept apart from what is said around them.

use std::fmt;
use std::str::FromStr;

use neuraltrust_model::TraceId;

/// The name of a medium within its conversation: the hash of its bytes and its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaId([u8; 16]);

/// Why a text is no name of a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the name of a medium: 32 digits in base 16")]
pub struct NoMediaId;

impl MediaId {
    pub(crate) const fn new(hash: [u8; 16]) -> Self {
        Self(hash)
    }

    pub(crate) const fn hash(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromStr for MediaId {
    type Err = NoMediaId;

    fn from_str(text: &str) -> Result<Self, NoMediaId> {
        let digits = text.len() == 32 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        let number = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        number.map(|number| Self(number.to_be_bytes())).ok_or(NoMediaId)
    }
}

/// How a content shows its media.
#[derive(Debug, Clone, Copy)]
pub enum ShowMedia {
    /// As they came in: their bytes are in the content.
    Inline,
    /// By the address that this makes of a trace and a medium.
    At(fn(&TraceId, MediaId) -> String),
}

/// A medium that is kept, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Its name.
    pub id: MediaId,
    /// Media type, e.g. `image/png`; `application/octet-stream` where it is unknown.
    pub mime_type: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// The trace that it was found by.
    pub(crate) trace: i64,
    /// The names of its pieces, each of [`Self::PIECE_BYTES`] but the last.
    pub(crate) pieces: Vec<[u8; 16]>,
}

impl Medium {
    /// Bytes of a piece. Reading a piece costs one look-up whatever its size, so pieces are large; but whatever changes the
    /// record holds up appends meanwhile, and whoever reads holds a piece in memory, so they are not larger. Figures: 24 MiB in
    /// pieces of 256 KiB are written in 0.3 s and read in 0.06 s, as in pieces of 1 MiB, and take up 0.5 % more than their
    /// bytes; a row of all 24 MiB takes 0.14 s to delete where a piece takes 0.02 s.
    pub const PIECE_BYTES: usize = 256 << 10;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written_and_in_no_other_way() {
        let id = MediaId::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "0", "000102030405060708090A0B0C0D0EFF", "+00102030405060708090a0b0c0d0eff", "é"] {
            assert_eq!(text.parse::<MediaId>(), Err(NoMediaId), "{text}");
        }
    }
}
