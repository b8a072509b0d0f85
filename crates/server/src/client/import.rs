//! A file of an export, sent to a server some lines at a time.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::{Api, ClientError};
use crate::progress::Progress;

/// Bytes of lines that are sent at a time; a longer line goes alone.
const PART: usize = 4 << 20;
/// How often a part is sent, where the server asks to come back.
const TRIES: u32 = 8;
/// Wait before a part is sent again.
const AGAIN: Duration = Duration::from_millis(500);
/// Most lines that are told one by one.
const TOLD: usize = 100;

/// Why a file is not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// The file cannot be read.
    #[error("read {}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// The server did not take a part.
    #[error("the lines before line {line} are kept; go on with --from-line {line}")]
    Stopped { line: u64, source: ClientError },
}

/// What became of a file.
#[derive(Debug, Default, Serialize)]
pub(super) struct Imported {
    /// Number of lines that were read.
    pub(super) lines: u64,
    /// Number of spans that were kept.
    pub(super) spans: u64,
    /// Number of spans that had been imported before.
    pub(super) known: u64,
    /// Number of lines, or of spans within lines, that were not kept.
    pub(super) failed: u64,
    /// These one by one, the first hundred.
    pub(super) failures: Vec<Value>,
}

impl Imported {
    fn add(&mut self, answer: &Value) {
        let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        self.lines += number("lines");
        self.spans += number("spans");
        self.known += number("known");
        self.failed += number("failed");
        let failures = answer.get("failures").and_then(Value::as_array).into_iter().flatten();
        self.failures.extend(failures.take(TOLD - self.failures.len().min(TOLD)).cloned());
    }
}

/// Sends the lines of a file from that line on, which are counted from 1.
pub(super) fn import(api: &Api, path: &Path, from_line: u64) -> Result<Imported, ImportError> {
    let failed = |source| ImportError::File { path: path.to_owned(), source };
    let (file, size): (Box<dyn BufRead>, u64) = if path.as_os_str() == "-" {
        (Box::new(std::io::stdin().lock()), 0)
    } else {
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        (Box::new(BufReader::with_capacity(1 << 16, file)), size)
    };
    let mut bar = Progress::new("Importing");
    let (mut imported, mut done) = (Imported::default(), 0);
    let (mut part, mut number, mut first) = (Vec::new(), 1, from_line);
    let mut lines = file;
    loop {
        let before = part.len();
        let read = lines.read_until(b'\n', &mut part).map_err(failed)?;
        if number < from_line {
            part.truncate(before);
        }
        done += read as u64;
        number += 1;
        if part.len() >= PART || (read == 0 && !part.is_empty()) {
            let answer = send(api, first, &part).map_err(|source| ImportError::Stopped { line: first, source })?;
            imported.add(&answer);
            part.clear();
            first = number;
            bar.show(done, size.max(done));
        }
        if read == 0 {
            break;
        }
    }
    bar.end();
    Ok(imported)
}

/// Sends lines, again where the server asks for it: what it has kept of them is known to it.
fn send(api: &Api, from_line: u64, lines: &[u8]) -> Result<Value, ClientError> {
    let mut tries = 1;
    loop {
        match api.post_lines(&format!("/api/v1/import?from_line={from_line}"), lines) {
            Err(ClientError::Refused { status: 408 | 429 | 502..=504 | 507, .. } | ClientError::Unreachable { .. })
                if tries < TRIES =>
            {
                sleep(AGAIN * tries);
                tries += 1;
            }
            answer => return answer,
        }
    }
}
