//! A file of an export, sent to a server some lines at a time.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
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
/// How a file begins that gzip made (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How one begins that Zstandard made (RFC 8878, section 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why a file is not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// The file cannot be read.
    #[error("read {}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// The file cannot be read any further.
    #[error("read {}; the lines before line {line} are kept", .path.display())]
    Broken { path: PathBuf, line: u64, source: io::Error },
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

/// Counts the bytes that are read of a file.
struct Counted {
    file: Box<dyn Read>,
    count: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// A file as it was before it was compressed, if it was: its first bytes tell, whatever its name.
fn unpacked(file: Counted) -> io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::with_capacity(1 << 16, file);
    let begin = file.fill_buf()?;
    let (is_gzip, is_zstd) = (begin.starts_with(&GZIP), begin.starts_with(&ZSTD));
    Ok(if is_gzip {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file)))
    } else if is_zstd {
        Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(file)?))
    } else {
        Box::new(file)
    })
}

/// Sends the lines of a file, compressed by gzip or Zstandard or not, from that line on, which are counted from 1.
pub(super) fn import(api: &Api, path: &Path, from_line: u64) -> Result<Imported, ImportError> {
    let failed = |source| ImportError::File { path: path.to_owned(), source };
    let count = Rc::new(Cell::new(0));
    let (file, size): (Box<dyn Read>, u64) = if path.as_os_str() == "-" {
        (Box::new(std::io::stdin().lock()), 0)
    } else {
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        (Box::new(file), size)
    };
    let mut lines = unpacked(Counted { file, count: Rc::clone(&count) }).map_err(failed)?;
    let mut bar = Progress::new("Importing");
    let mut imported = Imported::default();
    let (mut part, mut number, mut first) = (Vec::new(), 1, from_line);
    loop {
        let before = part.len();
        let broken = |source| ImportError::Broken { path: path.to_owned(), line: first, source };
        let read = lines.read_until(b'\n', &mut part).map_err(broken)?;
        if number < from_line {
            part.truncate(before);
        }
        number += 1;
        if part.len() >= PART || (read == 0 && !part.is_empty()) {
            let answer = send(api, first, &part).map_err(|source| ImportError::Stopped { line: first, source })?;
            imported.add(&answer);
            part.clear();
            first = number;
            bar.show(count.get(), size.max(count.get()));
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
