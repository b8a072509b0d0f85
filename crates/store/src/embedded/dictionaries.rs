//! What the bodies of each project have in common: dictionaries that are trained from its own data.
//!
//! NOTE: a dictionary holds fragments of what it learnt from. `learnt` says of which traces, so that an erasure can make the
//! dictionary leave too.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{OptionalExtension, Transaction, params};

use super::coding::{self, Dictionary, DictionaryId};
use super::record::Record;
use crate::{ProjectId, StoreError};

/// Size of a trained dictionary, in bytes: what zstd's own tool takes where it is not told.
const DICTIONARY_BYTES: usize = 110 << 10;
/// Newest patches, and newest contents, that one is trained from.
const SAMPLES: usize = 4_000;
/// Bytes of bodies that one is trained from; zstd's documentation recommends a hundred times the dictionary's size.
const SAMPLE_BYTES: usize = 4 << 20;
/// Samples of more bytes than this teach little that recurs.
const SAMPLE_MAX_BYTES: usize = 16 << 10;
/// Of this many samples one is kept apart, to judge what was learnt from the others.
const JUDGED_EVERY: usize = 8;
/// A dictionary takes the place of another where it makes bodies smaller by this share.
const WORTH_A_CHANGE: f64 = 0.03;
/// Dictionaries that are kept ready; all are let go when there are more.
const READY: usize = 64;

/// The dictionaries that are ready for use. Only a memory: what is not here is read from the record.
#[derive(Debug, Default)]
pub(super) struct Dictionaries {
    ready: Mutex<HashMap<DictionaryId, Arc<Dictionary>>>,
    current: Mutex<Current>,
}

/// The dictionary that new bodies of each project are coded with, as far as that is known.
#[derive(Debug, Default)]
struct Current {
    by_project: HashMap<ProjectId, Option<Arc<Dictionary>>>,
    /// How often all was forgotten.
    forgotten: u64,
}

impl Dictionaries {
    /// The dictionary of that name.
    pub(super) fn named(&self, record: &Record, id: DictionaryId) -> Result<Arc<Dictionary>, StoreError> {
        let ready = || self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dictionary) = ready().get(&id) {
            return Ok(Arc::clone(dictionary));
        }
        let bytes: Option<Vec<u8>> = record.read("read a dictionary", |connection| {
            connection.prepare_cached("SELECT bytes FROM dictionary WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
        })?;
        let gone = || StoreError::damaged("a body")(std::io::Error::other(format!("its dictionary {id} is not there")));
        let dictionary = Arc::new(Dictionary::open(id, &bytes.ok_or_else(gone)?)?);
        let mut ready = ready();
        if ready.len() >= READY {
            ready.clear();
        }
        ready.insert(id, Arc::clone(&dictionary));
        Ok(dictionary)
    }

    /// What new bodies of a project are coded with.
    pub(super) fn current(&self, record: &Record, project: ProjectId) -> Result<Option<Arc<Dictionary>>, StoreError> {
        let known = || self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = {
            let known = known();
            if let Some(known) = known.by_project.get(&project) {
                return Ok(known.clone());
            }
            known.forgotten
        };
        let id: Option<DictionaryId> = record.read("find the dictionary of a project", |connection| {
            connection
                .prepare_cached("SELECT max(id) FROM dictionary WHERE project = ?1 AND leaving = 0")?
                .query_row([project.0], |row| row.get(0))
        })?;
        let current = id.map(|id| self.named(record, id)).transpose()?;
        let mut known = known();
        // What was read before some came or went must not be remembered after.
        if known.forgotten == forgotten {
            known.by_project.insert(project, current.clone());
        }
        Ok(current)
    }

    /// Forgets which dictionaries are in use, because some came or went. Those that went stay ready for a while: a reader may
    /// hold a body that was coded with one just before it went.
    pub(super) fn forget(&self) {
        let mut known = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        known.by_project.clear();
        known.forgotten += 1;
    }
}

/// Bodies of a project, each with the trace that it is from.
struct Samples {
    jsons: Vec<Vec<u8>>,
    traces: BTreeSet<i64>,
}

/// What was learnt, on its way into the record.
pub(super) struct Trained {
    bytes: Vec<u8>,
    traces: BTreeSet<i64>,
}

/// Learns from the newest data of a project; `None` where there is too little of it, or where it would win too little over
/// what is in use.
pub(super) fn train(record: &Record, project: ProjectId) -> Result<Option<Trained>, StoreError> {
    let samples = samples(record, project)?;
    let judged = |n: usize| n.is_multiple_of(JUDGED_EVERY);
    let learnt: Vec<&[u8]> =
        samples.jsons.iter().enumerate().filter(|(n, _)| !judged(*n)).map(|(_, json)| json.as_slice()).collect();
    // Too few samples, or too alike: nothing to learn is no failure.
    let Ok(bytes) = zstd::dict::from_samples(&learnt, DICTIONARY_BYTES) else { return Ok(None) };
    // Any name will do to judge it.
    let candidate = Dictionary::open(1, &Dictionary::named(bytes.clone(), 1)?)?;
    let current = record.dictionaries().current(record, project)?;
    let (mut with_candidate, mut with_current) = (0, 0);
    for (_, json) in samples.jsons.iter().enumerate().filter(|(n, _)| judged(*n)) {
        with_candidate += coding::compress(json, Some(&candidate))?.len();
        with_current += coding::compress(json, current.as_deref())?.len();
    }
    let is_worth_it = (with_candidate as f64) < with_current as f64 * (1.0 - WORTH_A_CHANGE);
    Ok(is_worth_it.then_some(Trained { bytes, traces: samples.traces }))
}

fn samples(record: &Record, project: ProjectId) -> Result<Samples, StoreError> {
    let newest = |sql: &str| -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        record.read("read samples", |connection| {
            let mut rows = connection.prepare_cached(sql)?;
            let rows = rows
                .query_map(params![project.0, SAMPLES as i64, SAMPLE_MAX_BYTES as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
    };
    let patches = newest(
        "SELECT trace, body FROM patch CROSS JOIN trace ON trace.id = patch.trace
         WHERE project = ?1 AND length(body) BETWEEN 1 AND ?3 ORDER BY seq DESC LIMIT ?2",
    )?;
    // Media (see `coding`) teach nothing about JSON. A content may be of traces whose patches are gone; then the trace that brought it is unknown and teaches nothing.
    let nodes = newest(
        "SELECT trace, node.body FROM node CROSS JOIN patch ON patch.seq = node.seq CROSS JOIN trace ON trace.id = patch.trace
         WHERE project = ?1 AND length(node.body) BETWEEN 1 AND ?3 AND substr(node.body, 1, 1) NOT IN (x'03', x'04')
         ORDER BY node.id DESC LIMIT ?2",
    )?;
    let mut samples = Samples { jsons: Vec::new(), traces: BTreeSet::new() };
    let mut bytes = 0;
    let longest = patches.len().max(nodes.len());
    for n in 0..longest {
        for (trace, body) in [patches.get(n), nodes.get(n)].into_iter().flatten() {
            let json = record.plain(body)?.into_owned();
            bytes += json.len();
            samples.jsons.push(json);
            samples.traces.insert(*trace);
        }
        if bytes >= SAMPLE_BYTES {
            break;
        }
    }
    Ok(samples)
}

/// Puts what was learnt to use. What it was learnt from must still be there: between the training and now it may have been
/// erased. Says whether it is in use.
pub(super) fn adopt(transaction: &Transaction<'_>, project: ProjectId, trained: &Trained) -> Result<bool, StoreError> {
    let failed = || StoreError::record("keep a dictionary");
    for trace in &trained.traces {
        let there = transaction
            .prepare_cached("SELECT 1 FROM patch WHERE trace = ?1 AND length(body) > 0 LIMIT 1")
            .and_then(|mut query| query.exists([trace]))
            .map_err(failed())?;
        if !there {
            return Ok(false);
        }
    }
    transaction
        .execute("INSERT INTO dictionary (project, made_at, bytes) VALUES (?1, unixepoch(), x'')", [project.0])
        .map_err(failed())?;
    let row = transaction.last_insert_rowid();
    let id = DictionaryId::try_from(row).map_err(StoreError::damaged("a dictionary's name"))?;
    let bytes = Dictionary::named(trained.bytes.clone(), id)?;
    transaction.execute("UPDATE dictionary SET bytes = ?2 WHERE id = ?1", params![row, bytes]).map_err(failed())?;
    for trace in &trained.traces {
        transaction
            .prepare_cached("INSERT INTO learnt (trace, dictionary) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute([*trace, row]))
            .map_err(failed())?;
    }
    Ok(true)
}
