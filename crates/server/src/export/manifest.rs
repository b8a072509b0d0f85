//! What was exported: how many rows, their hash, of what, when and by which version.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::{Format, List};
use crate::ingest::now;

/// The form of the manifest.
const FORM: u32 = 2;

/// What was exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Manifest {
    /// The form of this object.
    pub(crate) form: u32,
    /// The version of the program that wrote the rows.
    pub(crate) version: String,
    /// Which list.
    pub(crate) of: List,
    /// The query that they had to pass.
    pub(crate) q: String,
    /// Only rows from this moment on.
    pub(crate) after: Option<String>,
    /// Only rows before this moment.
    pub(crate) before: Option<String>,
    /// How they are written.
    pub(crate) format: Format,
    /// Whether with everything that is known of each.
    pub(crate) full: bool,
    /// Whether texts that a spreadsheet would run as formulas were given an apostrophe.
    pub(crate) guard: bool,
    /// The server, where the command line asked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// When it began, by the clock of who writes the manifest.
    pub(crate) begun_at: String,
    /// When it was done; null while it is not whole.
    pub(crate) done_at: Option<String>,
    /// Number of rows, without the names of columns.
    pub(crate) rows: u64,
    /// Number of bytes.
    pub(crate) bytes: u64,
    /// SHA-256 of the bytes, in hex.
    pub(crate) sha256: String,
    /// Whether a condition on steps or words was met by more than is looked at, so that rows may be missing.
    pub(crate) truncated: bool,
    /// Messages that had come in when it began and were not in the lists yet, so that rows may be missing.
    pub(crate) behind: u64,
    /// Behind which row it goes on; null where that is known to be the last.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    /// How many rows there were when it began, where that is known.
    #[serde(default)]
    pub(crate) total: Option<u64>,
}

impl Manifest {
    /// That of an export that begins now, of all rows of a list.
    pub(crate) fn begun(of: List, format: Format) -> Self {
        Self {
            form: FORM,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            of,
            q: String::new(),
            after: None,
            before: None,
            format,
            full: false,
            guard: false,
            url: None,
            begun_at: now().to_string(),
            done_at: None,
            rows: 0,
            bytes: 0,
            sha256: String::new(),
            truncated: false,
            behind: 0,
            cursor: None,
            total: None,
        }
    }

    /// Whether two are of the same export, of which one may be a part.
    pub(crate) fn is_of_same(&self, other: &Self) -> bool {
        let asked = |one: &Self| (one.of, one.format, one.full, one.guard);
        let filter = |one: &Self| (one.form, one.q.clone(), one.after.clone(), one.before.clone(), one.url.clone());
        asked(self) == asked(other) && filter(self) == filter(other)
    }

    /// As the value of a header: JSON, whose characters beyond ASCII are told by their numbers.
    pub(crate) fn header(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        let mut text = String::with_capacity(json.len());
        for c in json.chars() {
            match c {
                ' '..='~' => text.push(c),
                // RFC 8259, section 7.
                c => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                    let _ = write!(text, "\\u{unit:04x}");
                }),
            }
        }
        text
    }
}

/// A hash in hex.
pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(super) fn example(q: &str) -> Manifest {
    Manifest {
        version: "0".to_owned(),
        q: q.to_owned(),
        full: true,
        begun_at: String::new(),
        ..Manifest::begun(List::Spans, Format::Jsonl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_ascii_and_says_the_same() {
        let manifest = example("naïve 🦊 \"quoted\"");
        let header = manifest.header();
        assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{header}");
        assert_eq!(serde_json::from_str::<Manifest>(&header).unwrap(), manifest);
    }
}
