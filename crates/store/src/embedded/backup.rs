//! Backup and restore of a data directory.
//!
//! A backup is a directory with a consistent copy of the record, taken while the server goes on, the quarantine where there is
//! one, and `backup.json`, which says what is in it. The index is not in it: it is made from the record again.

use std::fs::{self, File};
use std::io::{self, Read as _};
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

/// Copies what is kept in `data_dir` to `dest`, a new directory, while a server may go on with it. `progress` is told how many
/// bytes are written and how many there are about.
///
/// # Errors
/// [`StoreError::DataDir`] for either directory, [`StoreError::Format`], and what the record says.
pub fn backup(data_dir: &Path, dest: &Path, mut progress: impl FnMut(u64, u64)) -> Result<Manifest, StoreError> {
    let source = data_dir.join(RECORD);
    if !source.exists() {
        return Err(refuse(data_dir, "there is no record in it"));
    }
    let format = schema::check_format(&open(&source)?)?;
    empty_dir(dest)?;
    let mut files = Vec::new();
    for name in [RECORD, quarantine::FILE] {
        let source = data_dir.join(name);
        if source.exists() {
            copy_consistently(&source, &dest.join(name), &mut progress)?;
            files.push(describe(dest, name, &mut |_, _| {})?);
        }
    }
    let copied = dest.join(RECORD);
    let last_seq: i64 = open(&copied)?
        .query_row("SELECT ifnull(max(seq), 0) FROM patch", [], |row| row.get(0))
        .map_err(StoreError::record("read the copy"))?;
    let manifest = Manifest { format, last_seq: last_seq.cast_unsigned(), files };
    let json = serde_json::to_vec_pretty(&manifest).map_err(StoreError::damaged("the backup's description"))?;
    let path = dest.join(MANIFEST);
    fs::write(&path, json).and_then(|()| File::open(&path)?.sync_all()).map_err(failed(&path))?;
    // The names must be on disk too before the backup counts.
    File::open(dest).and_then(|dir| dir.sync_all()).map_err(failed(dest))?;
    Ok(manifest)
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(StoreError::record("open the record"))?;
    connection.busy_timeout(schema::BUSY).map_err(StoreError::record("open the record"))?;
    Ok(connection)
}

/// A copy as of one moment, without the pages that are free.
fn copy_consistently(source: &Path, dest: &Path, progress: &mut impl FnMut(u64, u64)) -> Result<(), StoreError> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let (from, to) = (source.to_owned(), dest.to_owned());
    let copying = std::thread::spawn(move || -> Result<(), StoreError> {
        let act = "copy the record";
        let to = to.to_str().ok_or_else(|| refuse(&to, "its name is not UTF-8"))?;
        open(&from)?.execute("VACUUM INTO ?1", [to]).map_err(StoreError::record(act))?;
        Ok(())
    });
    while !copying.is_finished() {
        progress(size(dest), size(source));
        std::thread::sleep(Duration::from_millis(50));
    }
    copying.join().map_err(|_| StoreError::Stopped)??;
    File::open(dest).and_then(|file| file.sync_all()).map_err(failed(dest))
}

fn describe(dir: &Path, name: &str, progress: &mut impl FnMut(u64, u64)) -> Result<BackedUp, StoreError> {
    let path = dir.join(name);
    let mut file = File::open(&path).map_err(failed(&path))?;
    let all = file.metadata().map_err(failed(&path))?.len();
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut chunk).map_err(failed(&path))?;
        if read == 0 {
            break;
        }
        hasher.update(chunk.get(..read).unwrap_or_default());
        bytes += read as u64;
        progress(bytes, all);
    }
    Ok(BackedUp { name: name.to_owned(), bytes, blake3: hasher.finalize().to_hex().to_string() })
}

/// Checks a backup against its description and copies it to `data_dir`, a new directory. `progress` as for [`backup`].
///
/// # Errors
/// [`StoreError::DataDir`] where a directory cannot be used, or a file is missing or is not what the backup says.
pub fn restore(source: &Path, data_dir: &Path, mut progress: impl FnMut(u64, u64)) -> Result<Manifest, StoreError> {
    let path = source.join(MANIFEST);
    let json = fs::read(&path).map_err(failed(&path))?;
    let manifest: Manifest = serde_json::from_slice(&json).map_err(StoreError::damaged("the backup's description"))?;
    schema::known_format(Some(&manifest.format.to_string()))?;
    for file in &manifest.files {
        if ![RECORD, quarantine::FILE].contains(&file.name.as_str()) {
            return Err(refuse(&path, "it names a file that is not of a backup"));
        }
        if describe(source, &file.name, &mut progress)? != *file {
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
        let copied = fs::copy(source.join(&file.name), &part).and_then(|_| File::open(&part)?.sync_all());
        copied.and_then(|()| fs::rename(&part, data_dir.join(&file.name))).map_err(failed(&part))?;
    }
    File::open(data_dir).and_then(|dir| dir.sync_all()).map_err(failed(data_dir))?;
    Ok(manifest)
}
