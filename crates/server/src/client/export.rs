//! What a query finds, written to a file page by page, and the manifest beside it that says what was written.
//!
//! The manifest is written after each page, so that an export that was broken off goes on behind the last page that is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::options::{ExportCheck, Format, List};
use super::table::cell;
use super::{Api, ClientError, part};
use crate::ingest::now;

/// Rows of a page.
const PAGE: usize = 1_000;
/// The form of the manifest.
const FORM: u32 = 1;

const SPANS: [&str; 28] = [
    "trace_id",
    "span_id",
    "parent_id",
    "conversation_id",
    "session_id",
    "channel_id",
    "kind",
    "name",
    "status",
    "status_message",
    "state",
    "start_time",
    "end_time",
    "duration_ms",
    "user.id",
    "user.name",
    "model",
    "provider",
    "usage.input",
    "usage.output",
    "usage.cache_read",
    "usage.cache_write",
    "usage.reasoning",
    "usage_counted",
    "cost",
    "cost_source",
    "input_preview",
    "output_preview",
];
const TOTALS: [&str; 20] = [
    "conversation_id",
    "user.id",
    "user.name",
    "channel_id",
    "first_words",
    "last_words",
    "turns",
    "spans",
    "errors",
    "running",
    "start_time",
    "last_time",
    "duration_ms",
    "model_calls",
    "tool_calls",
    "total_tokens",
    "usage.input",
    "usage.output",
    "cost",
    "models",
];

/// Why an export cannot be written or is not whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The server cannot be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file cannot be read or written.
    #[error("{act} {}", .path.display())]
    File { act: &'static str, path: PathBuf, source: std::io::Error },
    /// The manifest cannot be read.
    #[error("read the manifest {}", .path.display())]
    Manifest { path: PathBuf, source: serde_json::Error },
    /// There is something else of that name.
    #[error("{} is an export of something else, or of another server's answer; take another name", .path.display())]
    Another { path: PathBuf },
    /// Contents do not fit into columns.
    #[error("--full writes contents, which are no columns; take --format jsonl")]
    NoColumns,
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
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The form of this file.
    form: u32,
    of: String,
    query: String,
    format: String,
    full: bool,
    url: String,
    /// When it began and ended, by the clock of who exports; no end while it is not whole.
    begun_at: String,
    done_at: Option<String>,
    /// Number of rows, without the names of columns.
    pub(super) rows: u64,
    bytes: u64,
    /// SHA-256 of the file, in hex.
    sha256: String,
    /// Behind which row it goes on.
    cursor: Option<String>,
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

/// The hash of the first bytes of a file, and how many there are up to `limit`.
fn hashed(path: &Path, limit: u64) -> Result<(Sha256, u64), ExportError> {
    let mut file = File::open(path).map_err(failed("open", path))?.take(limit);
    let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut piece).map_err(failed("read", path))?;
        let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else { return Ok((hash, bytes)) };
        hash.update(read);
        bytes += read.len() as u64;
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn columns(of: List) -> Vec<&'static str> {
    match of {
        List::Spans => SPANS.to_vec(),
        List::Conversations => TOTALS.to_vec(),
        List::Traces => ["trace_id", "name", "status"].into_iter().chain(TOTALS).collect(),
    }
}

/// A line of values (RFC 4180, section 2).
fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    };
    cells.map(quoted).collect::<Vec<_>>().join(",") + "\r\n"
}

/// Everything that is known of a row.
fn full(api: &Api, of: List, row: &Value) -> Result<Value, ClientError> {
    let id = |name: &str| part(&cell(row, name));
    let path = match of {
        List::Conversations => format!("/api/v1/conversations/{}", id("conversation_id")),
        List::Traces => format!("/api/v1/traces/{}", id("trace_id")),
        List::Spans => format!("/api/v1/traces/{}/spans/{}", id("trace_id"), id("span_id")),
    };
    let inline = if of == List::Traces { Vec::new() } else { vec![("media", "inline".to_owned())] };
    api.get(&path, &inline)
}

/// Writes what is wanted, or what of it is missing yet.
pub(super) fn export(api: &Api, wanted: &Wanted, out: &Path) -> Result<Manifest, ExportError> {
    if wanted.full && wanted.format == Format::Csv {
        return Err(ExportError::NoColumns);
    }
    let begun = Manifest {
        form: FORM,
        of: wanted.of.as_str().to_owned(),
        query: wanted.query.clone(),
        format: wanted.format.as_str().to_owned(),
        full: wanted.full,
        url: api.url.clone(),
        begun_at: now().to_string(),
        done_at: None,
        rows: 0,
        bytes: 0,
        sha256: String::new(),
        cursor: None,
    };
    let mut manifest = match read_manifest(out)? {
        None if out.exists() => return Err(ExportError::Another { path: out.to_owned() }),
        None => begun,
        Some(known) => {
            let what = |manifest: &Manifest| {
                let Manifest { form, of, query, format, full, url, .. } = manifest.clone();
                (form, of, query, format, full, url)
            };
            if what(&known) != what(&begun) || known.done_at.is_some() {
                return Err(ExportError::Another { path: out.to_owned() });
            }
            known
        }
    };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(out).map_err(failed("open", out))?;
    // What is behind the last whole page is written anew.
    file.set_len(manifest.bytes).map_err(failed("write", out))?;
    let (mut hash, bytes) = hashed(out, manifest.bytes)?;
    if bytes < manifest.bytes {
        let what = format!("it has {bytes} bytes, and {} had been written", manifest.bytes);
        return Err(ExportError::Changed { path: out.to_owned(), what });
    }
    let mut file = BufWriter::new(file);
    file.seek(SeekFrom::End(0)).map_err(failed("write", out))?;
    let mut write = |file: &mut BufWriter<File>, text: &str| {
        hash.update(text.as_bytes());
        file.write_all(text.as_bytes()).map_err(failed("write", out)).map(|()| text.len() as u64)
    };
    let columns = columns(wanted.of);
    if wanted.format == Format::Csv && manifest.bytes == 0 {
        manifest.bytes += write(&mut file, &line(columns.iter().map(|name| (*name).to_owned())))?;
    }
    loop {
        // The oldest first: what comes in meanwhile comes behind.
        let mut asked = vec![("q", wanted.query.clone()), ("sort", "time:asc".to_owned()), ("limit", PAGE.to_string())];
        asked.extend(manifest.cursor.clone().map(|cursor| ("cursor", cursor)));
        let page = api.get(&format!("/api/v1/{}", wanted.of.as_str()), &asked)?;
        for row in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            let text = match (wanted.format, wanted.full) {
                (Format::Csv, _) => line(columns.iter().map(|path| cell(row, path))),
                (Format::Jsonl, false) => format!("{row}\n"),
                (Format::Jsonl, true) => format!("{}\n", full(api, wanted.of, row)?),
            };
            manifest.bytes += write(&mut file, &text)?;
            manifest.rows += 1;
        }
        file.flush().map_err(failed("write", out))?;
        manifest.cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if manifest.cursor.is_none() {
            break;
        }
        write_manifest(out, &manifest)?;
    }
    file.get_ref().sync_all().map_err(failed("write", out))?;
    manifest.done_at = Some(now().to_string());
    manifest.sha256 = hex(hash);
    write_manifest(out, &manifest)?;
    Ok(manifest)
}

/// Checks an export against its manifest; says what it found.
pub(crate) fn verify(check: &ExportCheck) -> Result<String, ExportError> {
    let path = &check.file;
    let changed = |what: String| ExportError::Changed { path: path.clone(), what };
    let manifest = read_manifest(path)?.ok_or_else(|| changed("there is no manifest beside it".to_owned()))?;
    if manifest.done_at.is_none() {
        return Err(changed("it was broken off; export it again with the same words to go on".to_owned()));
    }
    let (hash, bytes) = hashed(path, u64::MAX)?;
    if bytes != manifest.bytes {
        return Err(changed(format!("it has {bytes} bytes, and {} were written", manifest.bytes)));
    }
    let sha256 = hex(hash);
    if sha256 != manifest.sha256 {
        return Err(changed(format!("its SHA-256 is {sha256}, and {} was written", manifest.sha256)));
    }
    Ok(format!("{} {} of {}, exported {}: whole", manifest.rows, manifest.of, manifest.url, manifest.begun_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_signs_are_quoted() {
        let cells = ["a", "b,c", "say \"so\"", "two\nlines", ""].map(str::to_owned);
        assert_eq!(line(cells.into_iter()), "a,\"b,c\",\"say \"\"so\"\"\",\"two\nlines\",\r\n");
    }
}
