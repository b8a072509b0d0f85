//! A compressed body, unpacked as it comes in: a little at a time, so that what is in memory is bounded however much comes out of
//! few bytes.

use std::borrow::Cow;
use std::io::{self, Write as _};

use flate2::write::MultiGzDecoder;
use zstd::stream::raw::{DParameter, Decoder, Operation as _};

/// Bytes that come out of Zstandard at a time.
const PIECE: usize = 128 << 10;
/// The widest window of Zstandard that bodies may have: 8 MiB (RFC 9659, section 3).
const WINDOW_LOG: u32 = 23;

/// How a body is unpacked.
pub(crate) enum Unpacking {
    /// As it is.
    Plain,
    /// One or several members of gzip.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// One or several frames of Zstandard.
    Zstd(Frames),
}

/// Frames of Zstandard.
pub(crate) struct Frames {
    decoder: Decoder<'static>,
    /// Whether what has come in ends where a frame does.
    between: bool,
}

impl Unpacking {
    /// By the name of the coding (`Content-Encoding`); `None` for one that is not known here.
    pub(crate) fn named(name: &str) -> io::Result<Option<Self>> {
        Ok(match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Plain),
            "gzip" | "x-gzip" => Some(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
            "zstd" => {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
                Some(Self::Zstd(Frames { decoder, between: false }))
            }
            _ => None,
        })
    }

    /// Takes from the begin of `packed`, and gives what came out of it: nothing where there is nothing more before more comes in.
    pub(crate) fn next<'p>(&mut self, packed: &mut &'p [u8]) -> io::Result<Cow<'p, [u8]>> {
        match self {
            Self::Plain => Ok(Cow::Borrowed(std::mem::take(packed))),
            Self::Gzip(decoder) => {
                while !packed.is_empty() && decoder.get_ref().is_empty() {
                    let taken = decoder.write(packed)?;
                    if taken == 0 {
                        return Err(io::Error::new(io::ErrorKind::InvalidData, "there is more behind its end"));
                    }
                    *packed = packed.get(taken..).unwrap_or_default();
                }
                Ok(Cow::Owned(std::mem::take(decoder.get_mut())))
            }
            Self::Zstd(frames) => {
                let mut out = vec![0; PIECE];
                loop {
                    let done = frames.decoder.run_on_buffers(packed, &mut out)?;
                    *packed = packed.get(done.bytes_read..).unwrap_or_default();
                    if done.bytes_read > 0 || done.bytes_written > 0 {
                        frames.between = done.remaining == 0;
                    }
                    if done.bytes_written > 0 || packed.is_empty() {
                        out.truncate(done.bytes_written);
                        return Ok(Cow::Owned(out));
                    }
                }
            }
        }
    }

    /// What is left once everything has come in; an error where that is not all.
    pub(crate) fn end(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(Vec::new()),
            Self::Gzip(decoder) => {
                decoder.try_finish()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Zstd(frames) if frames.between => Ok(Vec::new()),
            Self::Zstd(_) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends within a frame")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(plain).unwrap();
        out.finish().unwrap()
    }

    fn zstd(plain: &[u8]) -> Vec<u8> {
        zstd::encode_all(plain, 3).unwrap()
    }

    /// What comes out of `packed` that comes in `parts` bytes at a time, and the most that came out at once.
    fn unpacked(name: &str, packed: &[u8], parts: usize) -> io::Result<(Vec<u8>, usize)> {
        let mut unpacking = Unpacking::named(name).unwrap().unwrap();
        let (mut all, mut most) = (Vec::new(), 0);
        for mut part in packed.chunks(parts) {
            loop {
                let some = unpacking.next(&mut part)?;
                if some.is_empty() && part.is_empty() {
                    break;
                }
                most = most.max(some.len());
                all.extend_from_slice(&some);
            }
        }
        all.extend(unpacking.end()?);
        Ok((all, most))
    }

    #[test]
    fn every_coding_is_unpacked_in_any_parts_and_what_is_cut_off_is_told() {
        let plain: Vec<u8> = (0..3_000_u32).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        for (name, packed) in
            [("gzip", gzip(&plain)), ("zstd", zstd(&plain)), ("identity", plain.clone()), (" GZIP ", gzip(&plain))]
        {
            for parts in [1, 7, 1_000, 1 << 20] {
                assert!(unpacked(name, &packed, parts).unwrap().0 == plain, "{name} by {parts}");
            }
            if name != "identity" {
                for end in [1, 5, packed.len() / 2, packed.len() - 1] {
                    assert!(unpacked(name, &packed[..end], 100).is_err(), "{name} cut at {end}");
                }
                assert!(unpacked(name, b"garbage that is none of them", 100).is_err(), "{name}");
                let twice = [packed.as_slice(), &packed].concat();
                assert!(
                    unpacked(name, &twice, 1_000).unwrap().0 == [plain.as_slice(), &plain].concat(),
                    "{name}: one behind the other"
                );
            }
        }
        assert!(Unpacking::named("br").unwrap().is_none());
    }

    #[test]
    fn much_out_of_few_bytes_comes_a_little_at_a_time() {
        let plain = vec![b'x'; 16 << 20];
        for (name, packed) in [("gzip", gzip(&plain)), ("zstd", zstd(&plain))] {
            let (all, most) = unpacked(name, &packed, packed.len()).unwrap();
            assert!(all.len() == plain.len() && most <= PIECE, "{name}: {most} of {} at once", all.len());
        }
    }
}
