//! Patches and times in a few characters.

use neuraltrust_model::{SpanId, SpanPatch, Timestamp, TraceId};

/// A patch of that span that says nothing yet; set its fields.
///
/// # Panics
/// Where a text is not an id.
#[must_use]
pub fn patch(trace: &str, span: &str) -> SpanPatch {
    SpanPatch::new(TraceId::new(trace).expect("a trace id"), SpanId::new(span).expect("a span id"))
}

/// The moment that many seconds after 2026-11-23T00:00:00Z.
#[must_use]
pub const fn at(seconds: i64) -> Timestamp {
    const MIDNIGHT: i64 = 1_795_392_000;
    Timestamp::from_nanos((MIDNIGHT + seconds) * 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_the_tests() {
        assert_eq!(at(0).to_string(), "2026-11-23T00:00:00.000000000Z");
        assert_eq!(patch("t", "s").span_id.as_str(), "s");
    }
}
