//! What a query finds, written to a file part by part as the server writes it, and the manifest beside it that says what was
//! written.
//!
//! The manifest is written after each part, so that an export that was broken off goes on behind the last part that is whole. A
//! file of Parquet has its end in one piece: it is written whole, and where it was broken off anew.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::options::ExportCheck;
use super::{Api, ClientError};
use crate::export::manifest::{Manifest, hex};
use crate::export::{Format, List, Records, rows_of_parquet};
use crate::ingest::now;
use crate::progress::Progress;

/// Rows of a part.
const PART: usize = 1_000;

/// Why an export cannot be written or is not whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The server cannot be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file cannot be read or written.
    #[error("{act} {}", .path.display())]
    File { act: &'static str, path: PathBuf, source: std::io::Error },
    /// The answer ended before it was whole.
    #[error("the answer broke off; export again with the same words to go on")]
    BrokenOff(#[source] std::io::Error),
    /// The manifest cannot be read.
    #[error("read the manifest {}", .path.display())]
    Manifest { path: PathBuf, source: serde_json::Error },
    /// There is something else of that name.
    #[error("{} is an export of something else, or of another server's answer; take another name", .path.display())]
    Another { path: PathBuf },
    /// The file is not what the manifest says.
    #[error("{} is not what was exported: {what}", .path.display())]
    Changed { path: PathBuf, what: String },
}

/// What is exported.
pub(super) struct Wanted {
    pub(super) query: String,
    pub(super) of: List,
    pub(super) format: Format,
    pub(super) full: bool,
    pub(super) guard: bool,
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".manifest.json");
    PathBuf::from(name)
}

fn failed(act: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::File { act, path, source }
}

fn read_manifest(path: &Path) -> Result<Option<Manifest>, ExportError> {
    let path = beside(path);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(failed("read", &path))?,
    };
    serde_json::from_slice(&text).map(Some).map_err(|source| ExportError::Manifest { path, source })
}

/// Takes the place of the manifest at once, so that there is a whole one at any moment.
fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), ExportError> {
    let path = beside(path);
    let mut half = path.as_os_str().to_owned();
    half.push(".half");
    let half = PathBuf::from(half);
    let text = serde_json::to_vec_pretty(manifest).map_err(|source| ExportError::Manifest { path: path.clone(), source })?;
    fs::write(&half, text).map_err(failed("write", &half))?;
    fs::rename(&half, &path).map_err(failed("write", &path))
}

/// What bytes that went by are: their hash and number, and how many rows.
struct Seen {
    hash: Sha256,
    bytes: u64,
    records: Records,
    lines: u64,
}

impl Seen {
    fn new() -> Self {
        Self { hash: Sha256::new(), bytes: 0, records: Records::default(), lines: 0 }
    }

    fn see(&mut self, bytes: &[u8], format: Format) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        match format {
            Format::Jsonl => self.lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64,
            Format::Csv => self.records.see(bytes),
            Format::Parquet => {}
        }
    }

    /// Sees the first bytes of a file, up to `limit`, of `all` that there should be.
    fn file(path: &Path, limit: u64, format: Format, all: u64) -> Result<Self, ExportError> {
        let mut file = File::open(path).map_err(failed("open", path))?.take(limit);
        let (mut seen, mut piece) = (Self::new(), vec![0; 1 << 16]);
        let mut bar = Progress::new("Checking");
        loop {
            let read = file.read(&mut piece).map_err(failed("read", path))?;
            let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else { break };
            seen.see(read, format);
            bar.show(seen.bytes, all);
        }
        bar.end();
        Ok(seen)
    }

    /// How many rows they are, the names of columns aside. Of Parquet only the whole file tells.
    fn rows(&self, path: &Path, format: Format) -> Result<u64, ExportError> {
        match format {
            Format::Jsonl => Ok(self.lines),
            Format::Csv => Ok(self.records.count().saturating_sub(1)),
            Format::Parquet => rows_of_parquet(path).map_err(|error| {
                let what = format!("it is no whole file of Parquet: {error}");
                ExportError::Changed { path: path.to_owned(), what }
            }),
        }
    }
}

fn begun(api: &Api, wanted: &Wanted) -> Manifest {
    Manifest {
        q: wanted.query.clone(),
        full: wanted.full,
        guard: wanted.format == Format::Csv && wanted.guard,
        url: Some(api.url.clone()),
        ..Manifest::begun(wanted.of, wanted.format)
    }
}

fn asked(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let mut asked = vec![
        ("of", manifest.of.as_str().to_owned()),
        ("q", manifest.q.clone()),
        ("format", manifest.format.as_str().to_owned()),
        ("full", manifest.full.to_string()),
    ];
    if manifest.format == Format::Csv {
        asked.push(("guard", manifest.guard.to_string()));
    }
    if manifest.format != Format::Parquet {
        asked.push(("limit", PART.to_string()));
        asked.extend(manifest.cursor.clone().map(|cursor| ("cursor", cursor)));
    }
    asked
}

/// Writes what is wanted, or what of it is missing yet.
pub(super) fn export(api: &Api, wanted: &Wanted, out: &Path) -> Result<Manifest, ExportError> {
    let begun = begun(api, wanted);
    let mut manifest = match read_manifest(out)? {
        None if out.exists() => return Err(ExportError::Another { path: out.to_owned() }),
        None => begun,
        Some(known) if known.is_of_same(&begun) && known.done_at.is_none() => known,
        Some(_) => return Err(ExportError::Another { path: out.to_owned() }),
    };
    write_manifest(out, &manifest)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(out).map_err(failed("open", out))?;
    // What is behind the last whole part is written anew.
    file.set_len(manifest.bytes).map_err(failed("write", out))?;
    let mut seen = Seen::file(out, manifest.bytes, manifest.format, manifest.bytes)?;
    if seen.bytes < manifest.bytes {
        let what = format!("it has {} bytes, and {} had been written", seen.bytes, manifest.bytes);
        return Err(ExportError::Changed { path: out.to_owned(), what });
    }
    let mut file = BufWriter::new(file);
    file.seek(SeekFrom::End(0)).map_err(failed("write", out))?;
    let mut bar = Progress::new("Exporting");
    loop {
        let mut part = api.stream("/api/v1/export", &asked(&manifest), None)?;
        let told = |name: &str| part.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let number = |name: &str| told(name).and_then(|text| text.parse().ok());
        manifest.total = manifest.total.or(number("neuraltrust-total"));
        manifest.behind = manifest.behind.max(number("neuraltrust-behind").unwrap_or(0));
        manifest.truncated |= told("neuraltrust-truncated").is_some();
        let next = told("neuraltrust-next-cursor");
        let mut body = part.body_mut().with_config().limit(u64::MAX).reader();
        let mut piece = vec![0; 1 << 16];
        loop {
            let read = body.read(&mut piece).map_err(ExportError::BrokenOff)?;
            let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else { break };
            file.write_all(read).map_err(failed("write", out))?;
            seen.see(read, manifest.format);
        }
        file.flush().map_err(failed("write", out))?;
        manifest.bytes = seen.bytes;
        manifest.rows = seen.rows(out, manifest.format)?;
        bar.show(manifest.rows, manifest.total.unwrap_or(manifest.rows));
        manifest.cursor = next;
        if manifest.cursor.is_none() {
            break;
        }
        write_manifest(out, &manifest)?;
    }
    bar.end();
    file.get_ref().sync_all().map_err(failed("write", out))?;
    manifest.done_at = Some(now().to_string());
    manifest.sha256 = hex(seen.hash);
    write_manifest(out, &manifest)?;
    Ok(manifest)
}

/// Checks an export against its manifest; says what it found.
pub(crate) fn verify(check: &ExportCheck) -> Result<Manifest, ExportError> {
    let path = &check.file;
    let changed = |what: String| ExportError::Changed { path: path.clone(), what };
    let manifest = read_manifest(path)?.ok_or_else(|| changed("there is no manifest beside it".to_owned()))?;
    if manifest.done_at.is_none() {
        return Err(changed("it was broken off; export it again with the same words to go on".to_owned()));
    }
    let seen = Seen::file(path, u64::MAX, manifest.format, manifest.bytes)?;
    if seen.bytes != manifest.bytes {
        return Err(changed(format!("it has {} bytes, and {} were written", seen.bytes, manifest.bytes)));
    }
    let rows = seen.rows(path, manifest.format)?;
    let sha256 = hex(seen.hash);
    if sha256 != manifest.sha256 {
        return Err(changed(format!("its SHA-256 is {sha256}, and {} was written", manifest.sha256)));
    }
    if rows != manifest.rows {
        return Err(changed(format!("it has {rows} rows, and the manifest says {}", manifest.rows)));
    }
    Ok(manifest)
}
