//! Backup and restore of a data directory.
//!
//! A backup is a directory with a consistent copy of the record, taken while the server goes on, the quarantine where there is
//! one, and `backup.json`, which says what is in it. The index is not in it: it is made from the record again.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::lock::DirLock;
use super::{RECORD, quarantine, schema};
use crate::StoreError;

/// The file that says what a backup holds.
const MANIFEST: &str = "backup.json";
/// Bytes hashed or copied between two calls of `progress`.
const CHUNK: usize = 1 << 20;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format of the record.
    pub format: u32,
    /// Number of the last patch in it.
    pub last_seq: u64,
    /// Its files.
    pub files: Vec<BackedUp>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackedUp {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its content, in base 16.
    pub blake3: String,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::DataDir { path: path.to_owned(), source }
}

fn refuse(path: &Path, why: &str) -> StoreError {
    failed(path)(io::Error::other(why.to_owned()))
}

/// Makes a directory, which may be there if it is empty.
fn empty_dir(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(failed(path))?;
    match fs::read_dir(path).map_err(failed(path))?.next() {
        None => Ok(()),
        Some(_) => Err(refuse(path, "it is not empty; name a directory that is, or is not there yet")),
    }
}

/// How far a backup or a restore is: each byte is copied, and read to be checked.
struct Bytes<F> {
    done: u64,
    all: u64,
    progress: F,
}

impl<F: FnMut(u64, u64)> Bytes<F> {
    /// As many bytes in all, each to be copied and read.
    fn of(bytes: u64, progress: F) -> Self {
        let mut bytes = Self { done: 0, all: bytes.saturating_mul(2), progress };
        bytes.add(0);
        bytes
    }

    fn add(&mut self, bytes: u64) {
        self.done_to(self.done.saturating_add(bytes));
    }

    fn done_to(&mut self, done: u64) {
        self.done = done.clamp(self.done, self.all.max(self.done));
        (self.progress)(self.done, self.all);
    }

    /// All is done, be it a little less than it seemed.
    fn end(mut self) {
        self.done_to(self.all);
    }
}

/// Copies what is kept in `data_dir` to `dest`, a new directory, while a server may go on with it. `progress` is told how much is
/// done and of how much, in bytes that are copied and read again; how many they are is known about in advance.
///
/// # Errors
/// [`StoreError::DataDir`] for either directory, [`StoreError::Format`], and what the record says.
pub fn backup(data_dir: &Path, dest: &Path, progress: impl FnMut(u64, u64)) -> Result<Manifest, StoreError> {
    let source = data_dir.join(RECORD);
    if !source.exists() {
        return Err(refuse(data_dir, "there is no record in it"));
    }
    let format = schema::check_format(&open(&source)?)?;
    empty_dir(dest)?;
    let sources: Vec<(&str, PathBuf)> = [RECORD, quarantine::FILE]
        .map(|name| (name, data_dir.join(name)))
        .into_iter()
        .filter(|(_, path)| path.exists())
        .collect();
    let sizes = sources.iter().map(|(_, path)| copied_size(path)).collect::<Result<Vec<_>, _>>()?;
    let mut bytes = Bytes::of(sizes.iter().sum(), progress);
    let mut files = Vec::new();
    for (name, source) in &sources {
        copy_consistently(source, &dest.join(name), &mut bytes)?;
        files.push(describe(dest, name, &mut bytes)?);
    }
    let copied = dest.join(RECORD);
    let last_seq: i64 = open(&copied)?
        .query_row("SELECT ifnull(max(seq), 0) FROM patch", [], |row| row.get(0))
        .map_err(StoreError::record("read the copy"))?;
    let manifest = Manifest { format, last_seq: last_seq.cast_unsigned(), files };
    let json = serde_json::to_vec_pretty(&manifest).map_err(StoreError::damaged("the backup's description"))?;
    let path = dest.join(MANIFEST);
    let part = dest.join(format!("{MANIFEST}.part"));
    // It has its name when all of it is there: who finds it finds a whole backup.
    let written = fs::write(&part, json).and_then(|()| File::open(&part)?.sync_all()).and_then(|()| fs::rename(&part, &path));
    written.map_err(failed(&path))?;
    // The names must be on disk too before the backup counts.
    File::open(dest).and_then(|dir| dir.sync_all()).map_err(failed(dest))?;
    bytes.end();
    Ok(manifest)
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(StoreError::record("open the record"))?;
    connection.busy_timeout(schema::BUSY).map_err(StoreError::record("open the record"))?;
    Ok(connection)
}

/// How large about a copy will be.
fn copied_size(source: &Path) -> Result<u64, StoreError> {
    let connection = open(source)?;
    let pragma = |name: &str| {
        let number = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        number.map(i64::cast_unsigned).map_err(StoreError::record("measure the record"))
    };
    Ok(pragma("page_count")?.saturating_sub(pragma("freelist_count")?) * pragma("page_size")?)
}

/// A copy as of one moment, without the pages that are free.
fn copy_consistently(source: &Path, dest: &Path, bytes: &mut Bytes<impl FnMut(u64, u64)>) -> Result<(), StoreError> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let before = bytes.done;
    let (from, to) = (source.to_owned(), dest.to_owned());
    let copying = std::thread::spawn(move || -> Result<(), StoreError> {
        let act = "copy the record";
        let to = to.to_str().ok_or_else(|| refuse(&to, "its name is not UTF-8"))?;
        open(&from)?.execute("VACUUM INTO ?1", [to]).map_err(StoreError::record(act))?;
        Ok(())
    });
    while !copying.is_finished() {
        bytes.done_to(before + size(dest));
        std::thread::sleep(Duration::from_millis(50));
    }
    copying.join().map_err(|_| StoreError::Stopped)??;
    bytes.done_to(before + size(dest));
    File::open(dest).and_then(|file| file.sync_all()).map_err(failed(dest))
}

/// What a file of a backup is.
fn describe(dir: &Path, name: &str, bytes: &mut Bytes<impl FnMut(u64, u64)>) -> Result<BackedUp, StoreError> {
    let path = dir.join(name);
    let mut hasher = blake3::Hasher::new();
    let file = File::open(&path).map_err(failed(&path))?;
    let size = in_chunks(file, bytes, |chunk| {
        hasher.update(chunk);
        Ok(())
    });
    Ok(BackedUp { name: name.to_owned(), bytes: size.map_err(failed(&path))?, blake3: hasher.finalize().to_hex().to_string() })
}

/// Reads a file to its end, and says how long it was.
fn in_chunks(
    mut file: File,
    bytes: &mut Bytes<impl FnMut(u64, u64)>,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<u64> {
    let mut chunk = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(size);
        }
        take(chunk.get(..read).unwrap_or_default())?;
        size += read as u64;
        bytes.add(read as u64);
    }
}

/// Checks a backup against its description and copies it to `data_dir`, a new directory. `progress` as for [`backup`].
///
/// # Errors
/// [`StoreError::DataDir`] where a directory cannot be used, or a file is missing or is not what the backup says.
pub fn restore(source: &Path, data_dir: &Path, progress: impl FnMut(u64, u64)) -> Result<Manifest, StoreError> {
    let path = source.join(MANIFEST);
    let json = fs::read(&path).map_err(failed(&path))?;
    let manifest: Manifest = serde_json::from_slice(&json).map_err(StoreError::damaged("the backup's description"))?;
    schema::known_format(Some(&manifest.format.to_string()))?;
    let mut bytes = Bytes::of(manifest.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add), progress);
    for file in &manifest.files {
        if ![RECORD, quarantine::FILE].contains(&file.name.as_str()) {
            return Err(refuse(&path, "it names a file that is not of a backup"));
        }
        if describe(source, &file.name, &mut bytes)? != *file {
            return Err(refuse(
                &source.join(&file.name),
                "it is not what the backup's description says: damaged, or changed since",
            ));
        }
    }
    empty_dir(data_dir)?;
    let _lock = DirLock::take(data_dir)?;
    // The record comes last: without it the directory is new, with it complete.
    for file in manifest.files.iter().rev() {
        let part: PathBuf = data_dir.join(format!("{}.part", file.name));
        let mut copy = || -> io::Result<()> {
            let mut copy = File::create(&part)?;
            in_chunks(File::open(source.join(&file.name))?, &mut bytes, |chunk| copy.write_all(chunk))?;
            copy.sync_all()
        };
        copy().and_then(|()| fs::rename(&part, data_dir.join(&file.name))).map_err(failed(&part))?;
    }
    File::open(data_dir).and_then(|dir| dir.sync_all()).map_err(failed(data_dir))?;
    bytes.end();
    Ok(manifest)
}
