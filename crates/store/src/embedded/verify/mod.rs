//! Checks a data directory: every checksum, every path of contents, what belongs to what, and the index against the record.
//!
//! Changes nothing. What is found is said in words, with what to do about it.

mod contents;
mod listed;
mod tables;
mod told;

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::index::SearchIndex;
use super::lock::DirLock;
use super::record::Record;
use super::{INDEX, RECORD, schema};
use crate::StoreError;

/// Findings told; more are only counted.
const TOLD: usize = 100;
/// What helps where the record itself is damaged.
const RESTORE: &str = "restore a backup; what is not named here can be read";
/// What helps where the index is.
const REINDEX: &str = "run `neuraltrust reindex`";

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Patches looked at.
    pub patches: u64,
    /// Parts of contents looked at.
    pub nodes: u64,
    /// Spans looked for in the index.
    pub spans: u64,
    /// What is wrong, at most a hundred.
    pub findings: Vec<String>,
    /// How much is wrong.
    pub wrong: u64,
}

impl Report {
    fn wrong(&mut self, finding: impl FnOnce() -> String) {
        self.wrong += 1;
        if self.findings.len() < TOLD {
            self.findings.push(finding());
        }
    }

    /// What `check` answers; that it cannot be told, because the record cannot be read there, is a finding.
    fn part<T: Default>(&mut self, check: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> T {
        check(self).unwrap_or_else(|error| {
            self.wrong(|| format!("a part of the check was not done: {}; {RESTORE}", error.with_causes()));
            T::default()
        })
    }
}

/// How much is done.
struct Steps<F> {
    done: u64,
    all: u64,
    progress: F,
}

impl<F: FnMut(u64, u64)> Steps<F> {
    fn step(&mut self, by: u64) {
        self.done = self.done.saturating_add(by).min(self.all);
        (self.progress)(self.done, self.all);
    }
}

/// Checks a data directory that no server runs on. `progress` is told how much is done, and of how much.
///
/// # Errors
/// When it cannot be read at all. What is wrong in it is in the report.
pub fn verify(data_dir: &Path, progress: impl FnMut(u64, u64)) -> Result<Report, StoreError> {
    let path = data_dir.join(RECORD);
    if !path.exists() {
        let source = std::io::Error::other("there is no record in it");
        return Err(StoreError::DataDir { path: data_dir.to_owned(), source });
    }
    let _lock = DirLock::take(data_dir)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(StoreError::record("open the record"))?;
    schema::check_format(&connection)?;
    let mut report = Report::default();
    let count = |what: &str| -> Result<u64, StoreError> {
        let count = connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get::<_, i64>(0));
        count.map(i64::cast_unsigned).map_err(StoreError::record("count"))
    };
    let patches = report.part(|_| count("patch WHERE length(body) > 0"));
    let nodes = report.part(|_| count("node"));
    // A node is looked at by itself and in its scope; a patch by itself, in its trace and in its conversation.
    let mut steps = Steps { done: 0, all: 2 * nodes + 3 * patches, progress };
    steps.step(0);
    report.part(|report| tables::pages(&connection, report));
    report.part(|report| tables::rows(&connection, report));
    let record = Record::new(path);
    report.part(|report| told::dictionaries(&connection, &record, report));
    report.part(|report| contents::parts(&connection, &record, report, &mut steps));
    report.part(|report| contents::scopes(&connection, &record, report, &mut steps));
    let traces = report.part(|report| told::patches(&connection, &record, report, &mut steps));
    let index = report.part(|report| index(&record, &data_dir.join(INDEX), report));
    listed::traces(&record, index.as_ref(), &traces, &mut report, &mut steps);
    steps.step(u64::MAX);
    Ok(report)
}

/// The index, where it can be compared with the record.
fn index(record: &Record, path: &Path, report: &mut Report) -> Result<Option<SearchIndex>, StoreError> {
    let Some(index) = SearchIndex::open_existing(path) else {
        report.wrong(|| "there is no index that can be read; start the server, which makes it from the record".to_owned());
        return Ok(None);
    };
    if let Some(damage) = index.damage() {
        report.wrong(|| format!("the index is damaged: {damage}; {REINDEX}"));
        return Ok(None);
    }
    let (indexed, recorded) = (index.reach()?.complete, record.last_seq()?);
    if indexed > recorded {
        report.wrong(|| "the index is of another record; start the server, which makes it anew".to_owned());
        return Ok(None);
    }
    if indexed < recorded {
        report.wrong(|| "the index lags behind the record; start the server, which completes it".to_owned());
        return Ok(None);
    }
    Ok(Some(index))
}
