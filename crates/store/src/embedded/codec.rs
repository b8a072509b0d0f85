//! How a patch is written in the record: JSON, compressed where that pays.
//!
//! The first byte says how the rest is coded, so that later codings can live beside this one.

use neuraltrust_model::SpanPatch;
use neuraltrust_model::limits::MAX_SPAN_BYTES;

use crate::StoreError;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Below this many bytes a patch is stored as it is: a zstd frame has no room to win.
const COMPRESS_FROM_BYTES: usize = 256;
const ZSTD_LEVEL: i32 = 1;

/// A patch as the record keeps it.
#[derive(Debug)]
pub(super) struct EncodedPatch {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    /// The conversation that the patch names.
    pub(super) conversation_id: Option<String>,
    /// Tells patches of one span apart, so that one that comes twice is kept once.
    pub(super) digest: [u8; 16],
    pub(super) body: Vec<u8>,
}

/// Codes a patch.
pub(super) fn encode(patch: &SpanPatch) -> Result<EncodedPatch, StoreError> {
    let json = serde_json::to_vec(patch).map_err(StoreError::damaged("a patch as JSON"))?;
    if json.len() > MAX_SPAN_BYTES {
        return Err(StoreError::SpanTooLarge { span_id: patch.span_id.to_string(), bytes: json.len() });
    }
    let mut digest = [0; 16];
    blake3::Hasher::new().update(&json).finalize_xof().fill(&mut digest);
    let mut body = Vec::with_capacity(json.len() + 1);
    if json.len() < COMPRESS_FROM_BYTES {
        body.push(PLAIN);
        body.extend_from_slice(&json);
    } else {
        body.push(ZSTD);
        zstd::stream::copy_encode(json.as_slice(), &mut body, ZSTD_LEVEL).map_err(StoreError::damaged("a patch as zstd"))?;
    }
    Ok(EncodedPatch {
        trace_id: patch.trace_id.to_string(),
        span_id: patch.span_id.to_string(),
        conversation_id: patch.conversation_id.as_ref().map(ToString::to_string),
        digest,
        body,
    })
}

/// Reads a patch back.
pub(super) fn decode(body: &[u8]) -> Result<SpanPatch, StoreError> {
    let unknown = || StoreError::damaged("a patch")(std::io::Error::other("unknown coding"));
    let (coding, rest) = body.split_first().ok_or_else(unknown)?;
    match *coding {
        PLAIN => serde_json::from_slice(rest),
        ZSTD => {
            let json = zstd::stream::decode_all(rest).map_err(StoreError::damaged("a patch from zstd"))?;
            serde_json::from_slice(&json)
        }
        _ => return Err(unknown()),
    }
    .map_err(StoreError::damaged("a patch from JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use neuraltrust_model::{Content, SpanId, TraceId};

    #[test]
    fn patches_round_trip_small_and_large() {
        for length in [0, 10_000] {
            let mut patch = SpanPatch::new(TraceId::new("t").unwrap(), SpanId::new("s").unwrap());
            patch.input = Some(Content::text("é".repeat(length)));
            let encoded = encode(&patch).unwrap();
            assert!(encoded.body.len() < 1_000);
            assert_eq!(decode(&encoded.body).unwrap(), patch);
        }
        assert!(decode(&[]).is_err());
        assert!(decode(&[9, 1]).is_err());
        assert!(decode(&[ZSTD, 1]).is_err());
    }
}
