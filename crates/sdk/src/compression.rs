//! How what is sent is made small.

use std::io::{self, Write as _};
use std::str::FromStr;

use flate2::write::GzEncoder;

use crate::error::Error;

/// How what is sent is made small. The server takes both; what waits in the spool is sent as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip, the fastest level: for a relay that takes nothing else.
    Gzip,
    /// Zstandard, the fastest level. Half of what gzip leaves of words, and a twentieth of histories that are told again and again, in
    /// less time.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Default for Compression {
    fn default() -> Self {
        #[cfg(feature = "zstd")]
        return Self::Zstd;
        #[cfg(not(feature = "zstd"))]
        return Self::Gzip;
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name.trim() {
            "gzip" => Ok(Self::Gzip),
            #[cfg(feature = "zstd")]
            "zstd" => Ok(Self::Zstd),
            _ => Err(Error::Compression(name.to_owned())),
        }
    }
}

impl Compression {
    /// The bytes, made small.
    pub(crate) fn pack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(bytes)?;
                gzip.finish()
            }
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::bulk::compress(bytes, 1),
        }
    }
}

/// `content-encoding` of what was packed, in this process or another: both formats begin with a mark of their own (RFC 1952, section
/// 2.3.1; RFC 8878, section 3.1.1).
pub(crate) fn encoding(body: &[u8]) -> &'static str {
    if body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) { "zstd" } else { "gzip" }
}
