//! Checks a data directory: every checksum, every path of contents, and the index against the record.
//!
//! Changes nothing. What is found is said in words, with what to do about it.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use tantivy::TantivyDocument;
use tantivy::query::TermQuery;
use tantivy::schema::{IndexRecordOption, Value as _};

use neuraltrust_model::TraceId;

use super::index::{SearchIndex, span_key};
use super::lock::DirLock;
use super::record::Record;
use super::{INDEX, RECORD, chain, codec, schema};
use crate::rows::SpanRow;
use crate::{ListOf, ProjectId, Said, StoreError};

/// Findings told; more are only counted.
const TOLD: usize = 100;

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
}

/// Checks a data directory that no server runs on. `progress` is told how much is done, and of how much.
///
/// # Errors
/// When it cannot be read at all. What is wrong in it is in the report.
pub fn verify(data_dir: &Path, mut progress: impl FnMut(u64, u64)) -> Result<Report, StoreError> {
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
    pages(&connection, &mut report)?;
    let count = |table: &str| -> Result<u64, StoreError> {
        let count = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0));
        count.map(i64::cast_unsigned).map_err(StoreError::record("count"))
    };
    let all = count("node")? + 2 * count("patch")?;
    let mut done = 0;
    let mut step = |by: u64| {
        done += by;
        progress(done, all);
    };
    let record = Record::new(path);
    nodes(&connection, &record, &mut report, &mut step)?;
    let traces = patches(&connection, &record, &mut report, &mut step)?;
    spans(&record, &data_dir.join(INDEX), &traces, &mut report, &mut step)?;
    Ok(report)
}

/// SQLite's own check of its pages and indexes.
fn pages(connection: &Connection, report: &mut Report) -> Result<(), StoreError> {
    let act = "check the pages";
    let mut check = connection.prepare("PRAGMA integrity_check(100)").map_err(StoreError::record(act))?;
    let lines = check.query_map([], |row| row.get::<_, String>(0)).map_err(StoreError::record(act))?;
    for line in lines {
        match line {
            Ok(line) if line == "ok" => {}
            Ok(line) => report.wrong(|| format!("a page of the record is damaged: {line}; restore a backup")),
            Err(error) => report.wrong(|| format!("the pages of the record cannot be read: {error}; restore a backup")),
        }
    }
    Ok(())
}

/// Every part of a content is named by its parent and itself.
fn nodes(connection: &Connection, record: &Record, report: &mut Report, step: &mut impl FnMut(u64)) -> Result<(), StoreError> {
    let act = "read the contents";
    let mut query = connection
        .prepare(
            "SELECT node.id, node.hash, node.body, node.parent, above.hash FROM node
             LEFT JOIN node AS above ON above.id = node.parent AND above.scope = node.scope",
        )
        .map_err(StoreError::record(act))?;
    let mut rows = query.query([]).map_err(StoreError::record(act))?;
    while let Some(row) = rows.next().map_err(StoreError::record(act))? {
        let read = || -> rusqlite::Result<_> {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, chain::Hash>(1)?,
                row.get::<_, Vec<u8>>(2)?,
                row.get::<_, Option<i64>>(3)?,
                row.get(4)?,
            ))
        };
        let (id, hash, body, parent, above): (_, _, _, _, Option<chain::Hash>) = read().map_err(StoreError::record(act))?;
        report.nodes += 1;
        step(1);
        if parent.is_some() && above.is_none() {
            report.wrong(|| format!("the part {id} of a content hangs below one that is not there"));
        }
        match record.plain(&body) {
            Ok(json) if chain::name(above.as_ref(), &json) == hash => {}
            Ok(_) => report.wrong(|| format!("the part {id} of a content is not what its name says")),
            Err(error) => report.wrong(|| format!("the part {id} of a content cannot be read: {error}")),
        }
    }
    Ok(())
}

/// Every patch is what its checksum says. Returns the traces, with the number of their patches.
fn patches(
    connection: &Connection,
    record: &Record,
    report: &mut Report,
    step: &mut impl FnMut(u64),
) -> Result<BTreeMap<(ProjectId, TraceId), u64>, StoreError> {
    let act = "read the patches";
    let mut traces = BTreeMap::new();
    let mut query = connection
        .prepare(
            "SELECT seq, project, trace_id, span, digest, body FROM patch LEFT JOIN trace ON trace.id = patch.trace
             WHERE length(body) > 0",
        )
        .map_err(StoreError::record(act))?;
    let mut rows = query.query([]).map_err(StoreError::record(act))?;
    while let Some(row) = rows.next().map_err(StoreError::record(act))? {
        let read = || -> rusqlite::Result<_> {
            let trace = row.get::<_, Option<i64>>(1)?.zip(row.get::<_, Option<String>>(2)?);
            Ok((row.get::<_, i64>(0)?, trace, row.get::<_, i64>(3)?, row.get::<_, i64>(4)?, row.get::<_, Vec<u8>>(5)?))
        };
        let (seq, trace, span, digest, body) = read().map_err(StoreError::record(act))?;
        report.patches += 1;
        step(1);
        let Some((project, trace_id)) = trace else {
            report.wrong(|| format!("the patch {seq} is of a trace that is not there"));
            continue;
        };
        let trace_id = match TraceId::new(trace_id) {
            Ok(trace_id) => trace_id,
            Err(error) => {
                report.wrong(|| format!("the trace id of the patch {seq} {error}"));
                continue;
            }
        };
        let name = || format!("the patch {seq} of the trace {:?}", trace_id.as_str());
        let beside = codec::Beside { trace_id: &trace_id, scope: 0, seq: seq.cast_unsigned() };
        match record.plain(&body).and_then(|json| Ok((codec::digest(&json), codec::decode(&json, beside)?.0.span_id))) {
            Ok((found, _)) if found != digest => report.wrong(|| format!("{} is not what its checksum says", name())),
            Ok((_, span_id)) if codec::span_key(&span_id) != span => {
                report.wrong(|| format!("{} is filed under a span that it is not about", name()));
            }
            Ok(_) => {}
            Err(error) => report.wrong(|| format!("{} cannot be read: {error}", name())),
        }
        *traces.entry((ProjectId(project), trace_id)).or_insert(0) += 1;
    }
    Ok(traces)
}

/// Every span's contents can be read, and the index shows its row.
fn spans(
    record: &Record,
    index: &Path,
    traces: &BTreeMap<(ProjectId, TraceId), u64>,
    report: &mut Report,
    step: &mut impl FnMut(u64),
) -> Result<(), StoreError> {
    let index = match SearchIndex::open_existing(index) {
        Some(index) if index.reach()?.complete == record.last_seq()? => Some(index),
        Some(_) => {
            report.wrong(|| "the index lags behind the record; start the server, which completes it".to_owned());
            None
        }
        None => {
            report.wrong(|| "there is no index that can be read; start the server, which makes it from the record".to_owned());
            None
        }
    };
    for ((project, trace_id), patches) in traces {
        step(*patches);
        let trace = match record.trace(*project, trace_id) {
            Ok(trace) => trace,
            Err(error) => {
                report.wrong(|| format!("the trace {:?} cannot be read: {error}", trace_id.as_str()));
                continue;
            }
        };
        for span in &trace.spans {
            report.spans += 1;
            let name = || format!("span {:?} of the trace {:?}", span.span_id.as_str(), trace_id.as_str());
            let contents = [trace.input(span), trace.output(span)].into_iter().flatten();
            for said in contents.filter(|said| matches!(said, Said::Apart(_))) {
                if let Err(error) = record.content(said.clone()) {
                    report.wrong(|| format!("a content of the {} cannot be read: {error}", name()));
                }
            }
            if let Some(index) = &index
                && shown(index, *project, &trace.row(span))? != Some(true)
            {
                report.wrong(|| format!("the index does not show the {} as it is; run `neuraltrust reindex`", name()));
            }
        }
    }
    Ok(())
}

/// Whether the index shows this row; `None` where it has none under its key.
fn shown(index: &SearchIndex, project: ProjectId, row: &SpanRow) -> Result<Option<bool>, StoreError> {
    let key = index.fields.key_of(project, ListOf::Spans, &span_key(row));
    let query = TermQuery::new(key, IndexRecordOption::Basic);
    let searcher = index.reader.searcher();
    let found = searcher
        .search(&query, &tantivy::collector::TopDocs::with_limit(2).order_by_score())
        .map_err(StoreError::index("look up a span"))?;
    let [(_, at)] = found.as_slice() else { return Ok(None) };
    let document: TantivyDocument = searcher.doc(*at).map_err(StoreError::index("read a row"))?;
    let json = document.get_first(index.fields.row).and_then(|value| value.as_bytes().map(<[u8]>::to_vec)).unwrap_or_default();
    Ok(Some(serde_json::from_slice::<SpanRow>(&json).is_ok_and(|known| known == *row)))
}
