//! Limits, chosen once for every protocol ("Limits" in ARCHITECTURE.md).
//!
//! What is over a limit is refused, or folded with a warning, on its own; the rest of its batch is kept.

/// Longest id, in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 128;
/// Largest request body after decompression, in bytes.
pub const MAX_BODY_BYTES: usize = 64 << 20;
/// Most values in one request: those of JSON, which are counted by the commas and brackets before them, and messages of protobuf.
/// Any of them may take a hundred times its bytes in memory, an object of one field most of all.
pub const MAX_REQUEST_VALUES: usize = 1 << 21;
/// Most spans, runs, events or log records in one request.
pub const MAX_REQUEST_SPANS: usize = 100_000;
/// Largest single span as it is stored before compression, in bytes.
pub const MAX_SPAN_BYTES: usize = 32 << 20;
/// Longest attribute key, in bytes of UTF-8.
pub const MAX_ATTRIBUTE_KEY_BYTES: usize = 512;
/// Most attributes of one span; further ones are folded into the attribute [`FOLDED_ATTRIBUTES`].
pub const MAX_ATTRIBUTES: usize = 1024;
/// Name of the attribute that holds the attributes over [`MAX_ATTRIBUTES`] as one object.
pub const FOLDED_ATTRIBUTES: &str = "neuraltrust.folded_attributes";
/// Deepest nesting of arrays and objects.
pub const MAX_DEPTH: usize = 64;
/// Deepest nesting of JSON text that is read as structure; deeper text stays text. Such text may stand in a value of
/// [`MAX_DEPTH`], and hold such text itself; all of it together must stay below the 128 levels that can be read back.
pub const MAX_TEXT_DEPTH: usize = 16;
