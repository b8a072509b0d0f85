//! What takes up the disk: bytes by project and by cause.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use utoipa::ToSchema;

use super::index::SearchIndex;
use super::record::Record;
use super::{INDEX, RECORD};
use crate::{ProjectId, StoreError};

/// What takes up the disk, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DiskUse {
    /// Everything in the data directory.
    pub total: u64,
    /// Room in the record that is free and will be used again, or returned to the system.
    pub free: u64,
    /// What the index still holds of documents that were replaced or removed; it goes when segments are merged.
    pub index_obsolete: u64,
    /// What belongs to no project: accounts, dictionaries, the write-ahead log, the quarantine.
    pub other: u64,
    /// The projects.
    pub projects: Vec<ProjectDiskUse>,
}

/// What a project takes up, in bytes. The tables and indexes around bodies are shared out by the bodies' bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProjectDiskUse {
    /// The project.
    #[serde(skip)]
    pub project: ProjectId,
    /// Its name.
    pub name: String,
    /// Messages about its spans that are kept.
    pub patches: u64,
    /// Bytes of its messages and contents alone, as they are coded.
    #[serde(skip)]
    pub bodies: u64,
    /// What its messages say of its spans.
    pub record: u64,
    /// The contents that are kept apart.
    pub content: u64,
    /// Its share of the index.
    pub index: u64,
}

impl ProjectDiskUse {
    /// All of it.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.record + self.content + self.index
    }
}

/// What takes up the disk, in bytes, as far as files tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskFiles {
    /// The record, without its free room.
    pub record: u64,
    /// Room in the record that is free.
    pub free: u64,
    /// The write-ahead log of the record, and what belongs to it.
    pub log: u64,
    /// The index.
    pub index: u64,
    /// The rest: accounts, the quarantine.
    pub other: u64,
}

/// Looks at the files only, whatever is in them.
pub(super) fn files(data_dir: &Path, record: &Record) -> Result<DiskFiles, StoreError> {
    let (used, free) = pages(record)?;
    let log = ["-wal", "-shm"].iter().map(|end| size_of(&data_dir.join(format!("{RECORD}{end}")))).sum();
    let index = size_of(&data_dir.join(INDEX));
    let other = size_of(data_dir).saturating_sub(size_of(&data_dir.join(RECORD)) + log + index);
    Ok(DiskFiles { record: used, free, log, index, other })
}

/// Bytes of the pages of the record that are used, and of those that are free.
fn pages(record: &Record) -> Result<(u64, u64), StoreError> {
    record.read("measure the record", |connection| {
        let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        let [pages, free, bytes] =
            [pragma("page_count")?, pragma("freelist_count")?, pragma("page_size")?].map(i64::cast_unsigned);
        Ok((pages.saturating_sub(free) * bytes, free * bytes))
    })
}

/// Bytes of bodies of a project.
#[derive(Debug, Clone, Copy, Default)]
struct Bodies {
    count: u64,
    patches: u64,
    nodes: u64,
}

/// Looks through the record; takes about a second for a million spans.
pub(super) fn measure(data_dir: &Path, record: &Record, index: &SearchIndex) -> Result<DiskUse, StoreError> {
    let bodies = bodies(record)?;
    let names: BTreeMap<ProjectId, String> = record.read("read the projects", |connection| {
        let mut query = connection.prepare_cached("SELECT id, name FROM project")?;
        query.query_map([], |row| Ok((ProjectId(row.get(0)?), row.get(1)?)))?.collect()
    })?;
    let (used, free) = pages(record)?;
    let index_bytes = size_of(&data_dir.join(INDEX));
    let (live, all) = index.documents();
    let index_live = share(index_bytes, live, all);
    let sum: u64 = bodies.values().map(|bodies| bodies.patches + bodies.nodes).sum();
    let projects = bodies
        .iter()
        .map(|(project, bodies)| ProjectDiskUse {
            project: *project,
            name: names.get(project).cloned().unwrap_or_default(),
            patches: bodies.count,
            bodies: bodies.patches + bodies.nodes,
            record: share(used, bodies.patches, sum),
            content: share(used, bodies.nodes, sum),
            index: share(index_live, bodies.patches + bodies.nodes, sum),
        })
        .collect::<Vec<_>>();
    let total = size_of(data_dir);
    let told = projects.iter().map(ProjectDiskUse::total).sum::<u64>() + free + (index_bytes - index_live);
    Ok(DiskUse { total, free, index_obsolete: index_bytes - index_live, other: total.saturating_sub(told), projects })
}

fn bodies(record: &Record) -> Result<BTreeMap<ProjectId, Bodies>, StoreError> {
    record.read("measure the record", |connection| {
        let mut bodies: BTreeMap<ProjectId, Bodies> = BTreeMap::new();
        let mut sums = |sql: &str, add: fn(&mut Bodies, u64, u64)| -> rusqlite::Result<()> {
            let mut query = connection.prepare(sql)?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let (count, bytes) = (row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, i64>(2)?.cast_unsigned());
                add(bodies.entry(ProjectId(row.get(0)?)).or_default(), count, bytes);
            }
            Ok(())
        };
        sums(
            "SELECT project, count(*), sum(length(body)) FROM patch CROSS JOIN trace ON trace.id = patch.trace
             WHERE length(body) > 0 GROUP BY project",
            |bodies, count, bytes| {
                bodies.count += count;
                bodies.patches += bytes;
            },
        )?;
        sums(
            "SELECT project, count(*), sum(length(body)) FROM node CROSS JOIN conversation ON conversation.id = node.scope
             GROUP BY project",
            |bodies, _, bytes| bodies.nodes += bytes,
        )?;
        sums(
            "SELECT project, count(*), sum(length(body)) FROM node CROSS JOIN trace ON trace.id = -node.scope GROUP BY project",
            |bodies, _, bytes| bodies.nodes += bytes,
        )?;
        Ok(bodies)
    })
}

fn share(of: u64, part: u64, whole: u64) -> u64 {
    if whole == 0 { 0 } else { (u128::from(of) * u128::from(part) / u128::from(whole)) as u64 }
}

/// Bytes of the files under a path. A file that goes away meanwhile counts nothing.
fn size_of(path: &Path) -> u64 {
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| size_of(&entry.path())).sum(),
        Err(_) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
    }
}
