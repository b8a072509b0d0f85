//! The body of a request: read whole, decompressed, within the limits.

use std::borrow::Cow;
use std::io::{self, Read};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use neuraltrust_model::limits::MAX_BODY_BYTES;
use neuraltrust_normalize::values;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use crate::error::ApiError;
use crate::ingest::Ingest;
use crate::quarantine;

/// Room taken for a body whose length is not announced; the rest is taken when it is known.
const UNANNOUNCED_BYTES: usize = 1 << 20;
/// Longest time for a body to come in.
const PATIENCE: Duration = Duration::from_secs(60);
/// From this size on, decoding leaves the threads that serve connections.
const DECODE_ASIDE_BYTES: usize = 64 << 10;

/// A body, and the room that it takes up until it is dropped.
pub(super) struct Received {
    bytes: Bytes,
    encoding: Encoding,
    room: OwnedSemaphorePermit,
    ingest: Ingest,
}

/// Codings of `Content-Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    named(headers.get(header::CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap_or("?")))
}

fn named(name: &str) -> Result<Encoding, ApiError> {
    match name.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "deflate" => Ok(Encoding::Deflate),
        "zstd" => Ok(Encoding::Zstd),
        other => {
            let other: String = other.chars().take(40).collect();
            let detail = format!("Content-Encoding {other:?} is not known here; send gzip, deflate, zstd or none");
            Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoding", detail))
        }
    }
}

fn too_large() -> ApiError {
    let detail = format!("the body is larger than {} MiB; send the spans in several requests", MAX_BODY_BYTES >> 20);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

/// Reads a body of who may send it. What announces itself as too large is refused before it is read.
pub(super) async fn receive(ingest: &Ingest, headers: &HeaderMap, body: Body) -> Result<Received, ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let encoding = encoding(headers)?;
    if announced.is_some_and(|bytes| bytes > MAX_BODY_BYTES) {
        return Err(too_large());
    }
    let mut room = ingest.room(announced.unwrap_or(UNANNOUNCED_BYTES)).await?;
    let bytes = read(body).await?;
    quarantine::saw_body(&bytes);
    if announced.is_none() && bytes.len() > UNANNOUNCED_BYTES {
        room.merge(ingest.room(bytes.len() - UNANNOUNCED_BYTES).await?);
    }
    Ok(Received { bytes, encoding, room, ingest: ingest.clone() })
}

/// A body that came in over another protocol, decompressed.
pub(super) async fn received(ingest: &Ingest, bytes: Bytes) -> Result<Received, ApiError> {
    let room = ingest.room(bytes.len()).await?;
    quarantine::saw_body(&bytes);
    Ok(Received { bytes, encoding: Encoding::Identity, room, ingest: ingest.clone() })
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    let mut parts = body.into_data_stream();
    let mut bytes = BytesMut::new();
    let all = async {
        while let Some(part) = parts.next().await {
            let part = part.map_err(|_| ApiError::bad_request("incomplete", "the connection ended before the body did"))?;
            if bytes.len() + part.len() > MAX_BODY_BYTES {
                return Err(too_large());
            }
            bytes.extend_from_slice(&part);
        }
        Ok(())
    };
    let in_time = tokio::time::timeout(PATIENCE, all).await;
    in_time.unwrap_or_else(|_| {
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not come in within a minute"))
    })?;
    if bytes.is_empty() {
        return Err(ApiError::bad_request("empty", "the body is empty"));
    }
    Ok(bytes.freeze())
}

impl Received {
    /// Decompresses a body of JSON and decodes it, which is done once.
    pub(super) async fn decode<T: Send + 'static>(
        &mut self,
        decode: impl FnOnce(&[u8]) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.decode_counted(values::in_json, decode).await
    }

    /// The same of a file: in base 64, and as a part of a patch, it takes up a few times its bytes.
    pub(super) async fn decode_file<T: Send + 'static>(
        &mut self,
        decode: impl FnOnce(&[u8]) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.decode_counted(|bytes| bytes.len() / 16, decode).await
    }

    /// Decompresses the body and decodes it, in room for as many values as `count` finds in it; large ones do not hold up the other
    /// connections. The room is kept with this for as long as what was decoded is in hand.
    pub(super) async fn decode_counted<T: Send + 'static>(
        &mut self,
        count: fn(&[u8]) -> usize,
        decode: impl FnOnce(&[u8]) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (bytes, encoding) = (std::mem::take(&mut self.bytes), self.encoding);
        if encoding == Encoding::Identity && bytes.len() < DECODE_ASIDE_BYTES {
            self.room.merge(self.ingest.room_for_values(count(&bytes)).await?);
            return decode(&bytes);
        }
        let (ingest, runtime) = (self.ingest.clone(), Handle::current());
        let turn = ingest.turn().await?;
        let work = move || {
            let plain = match encoding {
                Encoding::Identity => Cow::Borrowed(&*bytes),
                encoding => Cow::Owned(decompress(encoding, &bytes, MAX_BODY_BYTES)?),
            };
            let more = async {
                let mut more = ingest.room_for_values(count(&plain)).await?;
                if encoding != Encoding::Identity {
                    more.merge(ingest.room(plain.len()).await?);
                }
                Ok::<_, ApiError>(more)
            };
            let more = runtime.block_on(more)?;
            let decoded = decode(&plain)?;
            drop(turn);
            Ok::<_, ApiError>((decoded, more))
        };
        let broken = |_| Err(ApiError::bad_request("malformed", "the body cannot be read"));
        let (decoded, more) = tokio::task::spawn_blocking(work).await.unwrap_or_else(broken)?;
        self.room.merge(more);
        Ok(decoded)
    }
}

/// What was compressed by a coding of that name, bounded.
pub(super) fn decompressed(name: &str, bytes: &[u8], limit: usize) -> Result<Vec<u8>, ApiError> {
    decompress(named(name)?, bytes, limit)
}

fn decompress(encoding: Encoding, bytes: &[u8], limit: usize) -> Result<Vec<u8>, ApiError> {
    let broken = |error: io::Error| {
        ApiError::bad_request("compression", format!("the body is not whole {}: {error}", format!("{encoding:?}").to_lowercase()))
    };
    let mut plain = Vec::new();
    let over = limit as u64 + 1;
    match encoding {
        Encoding::Identity => io::Cursor::new(bytes).take(over).read_to_end(&mut plain),
        Encoding::Gzip => flate2::read::MultiGzDecoder::new(bytes).take(over).read_to_end(&mut plain),
        // RFC 9110 means zlib by "deflate"; a bare stream is what some clients send.
        Encoding::Deflate if bytes.first() == Some(&0x78) => {
            flate2::read::ZlibDecoder::new(bytes).take(over).read_to_end(&mut plain)
        }
        Encoding::Deflate => flate2::read::DeflateDecoder::new(bytes).take(over).read_to_end(&mut plain),
        Encoding::Zstd => {
            zstd::stream::read::Decoder::new(bytes).and_then(|plain_of| plain_of.take(over).read_to_end(&mut plain))
        }
    }
    .map_err(broken)?;
    if plain.len() > limit {
        return Err(too_large());
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const PLAIN: &[u8] = b"the quick brown fox jumps over the lazy dog, over and over and over";

    fn compressed(encoding: Encoding) -> Vec<u8> {
        let level = flate2::Compression::default();
        match encoding {
            Encoding::Identity => PLAIN.to_vec(),
            Encoding::Gzip => {
                let mut out = flate2::write::GzEncoder::new(Vec::new(), level);
                out.write_all(PLAIN).unwrap();
                out.finish().unwrap()
            }
            Encoding::Deflate => {
                let mut out = flate2::write::ZlibEncoder::new(Vec::new(), level);
                out.write_all(PLAIN).unwrap();
                out.finish().unwrap()
            }
            Encoding::Zstd => zstd::encode_all(PLAIN, 1).unwrap(),
        }
    }

    #[test]
    fn every_coding_is_read_and_bounded_and_truncation_is_told() {
        for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd] {
            let bytes = compressed(encoding);
            assert_eq!(decompress(encoding, &bytes, PLAIN.len()).unwrap(), PLAIN, "{encoding:?}");
            assert_eq!(decompress(encoding, &bytes, PLAIN.len() - 1).unwrap_err().reason, "too_large", "{encoding:?}");
            for end in 1..bytes.len() {
                assert!(decompress(encoding, &bytes[..end], 1_000).is_err(), "{encoding:?} cut at {end}");
            }
            assert!(decompress(encoding, b"garbage that is none of them", 1_000).is_err(), "{encoding:?}");
        }
    }
}
