//! What a request says once for many spans, each of which gets a copy of its own.

use neuraltrust_model::Map;
use neuraltrust_model::limits::MAX_BODY_BYTES;

use crate::{Reason, Rejection};

/// Most bytes of copies in the spans of one request. Without a bound, a body of a large resource and many empty spans would take
/// memory by the square of its size.
const MAX_COPIED_BYTES: usize = MAX_BODY_BYTES;

/// Bytes that a request has put into its spans so far.
#[derive(Debug, Default)]
pub(crate) struct Copies(usize);

impl Copies {
    /// Makes room for one more copy of what has that size as JSON and stands at `at`.
    pub(crate) fn make(&mut self, at: &str, bytes: usize) -> Result<(), Rejection> {
        let all = self.0.saturating_add(bytes);
        if all > MAX_COPIED_BYTES {
            let message = format!(
                "is put into every span, and {MAX_COPIED_BYTES} bytes of such copies are in this request already; send the spans in several requests"
            );
            return Err(Rejection::new(Reason::TooLarge, at, message));
        }
        self.0 = all;
        Ok(())
    }
}

/// Size of an object as JSON.
pub(crate) fn json_bytes(object: &Map) -> usize {
    serde_json::to_string(object).map_or(0, |text| text.len())
}
