//! The one thread that writes the record: what waits goes to disk together (group commit), and what else is to be changed
//! goes between, in steps.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use neuraltrust_model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::answers;
use super::chain::{Hash, Scope};
use super::codec::{Batch, EncodedPatch, Node, Path};
use super::coding::DictionaryId;
use super::signal::Signal;
use super::troubles::{Part, Troubles};
use crate::{ProjectId, StoreError};

/// Most bytes of one commit; keeps the answer to the first of them from waiting for the last.
const COMMIT_BYTES: usize = 8 << 20;
/// Page cache of the connection that writes, in KiB (negative is SQLite's sign for KiB).
const WRITE_CACHE_KIB: i32 = -32_768;

/// Patches that want to be on disk, and whoever waits for that.
struct Append {
    project: ProjectId,
    received_at: Timestamp,
    dictionary: Option<DictionaryId>,
    patches: Vec<EncodedPatch>,
    done: oneshot::Sender<Result<Written, StoreError>>,
}

/// A change of the record that is not an append; it tells whoever waits for it by itself.
type Step = Box<dyn FnOnce(&mut Connection) + Send>;

enum Job {
    Append(Append),
    Step(Step),
    End,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is on disk.
    Kept {
        /// Patches that were not known yet.
        new: usize,
        /// Patches that had come before.
        duplicates: usize,
    },
    /// A node that was left out because it was known to be there is not, or the dictionary is leaving: nothing of the append is
    /// kept; code it anew, with everything.
    Stale,
}

/// The way to the writing thread.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    jobs: Sender<Job>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Append(append) => write!(f, "Append({} patches)", append.patches.len()),
            Self::Step(_) => f.write_str("Step"),
            Self::End => f.write_str("End"),
        }
    }
}

/// What the thread tells others.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorded {
    /// The last patch on disk.
    pub(super) last: Arc<AtomicU64>,
    /// Raised when that moves.
    pub(super) new: Arc<Signal>,
}

impl Recorded {
    fn moved_to(&self, last: u64) {
        self.last.fetch_max(last, Ordering::Release);
        self.new.raise();
    }
}

impl Writer {
    /// Starts the thread. It ends when it is told to, and when every `Writer` is dropped.
    pub(super) fn start(
        connection: Connection,
        recorded: Recorded,
        troubles: Troubles,
    ) -> Result<(Self, JoinHandle<()>), std::io::Error> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("record-writer".to_owned())
            .spawn(move || run(connection, &queue, &recorded, &troubles))?;
        Ok((Self { jobs }, thread))
    }

    /// Puts patches on disk; returns when they are.
    pub(super) async fn append(&self, project: ProjectId, received_at: Timestamp, batch: Batch) -> Result<Written, StoreError> {
        let (done, answer) = oneshot::channel();
        let Batch { patches, dictionary, .. } = batch;
        let append = Append { project, received_at, dictionary, patches, done };
        self.jobs.send(Job::Append(append)).map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }

    /// Changes the record in a transaction of its own, between appends, and waits for it. Keep it short: appends wait too.
    pub(super) fn step<T: Send + 'static>(
        &self,
        act: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.outside(move |connection| {
            let failed = || StoreError::record(act);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
            let changed = change(&transaction)?;
            transaction.commit().map_err(failed())?;
            Ok(changed)
        })
    }

    /// Does something with the connection that writes which cannot be done in a transaction, and waits for it.
    pub(super) fn outside<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, answer) = channel();
        let step: Step = Box::new(move |connection| {
            // Whoever asked may have gone.
            let _ = done.send(act(connection));
        });
        self.jobs.send(Job::Step(step)).map_err(|_| StoreError::Stopped)?;
        answer.recv().map_err(|_| StoreError::Stopped)?
    }

    /// Puts something on disk that changes nothing: fails where nothing can be written.
    pub(super) fn try_out(&self) -> Result<(), StoreError> {
        let act = "try to write";
        self.step(act, move |transaction| {
            transaction.execute("UPDATE meta SET value = value", []).map_err(StoreError::record(act))?;
            Ok(())
        })
    }

    /// Tells the thread to end when it has done what was asked of it before; what comes later is refused.
    pub(super) fn end(&self) {
        // It may have ended already.
        let _ = self.jobs.send(Job::End);
    }
}

fn run(mut connection: Connection, queue: &Receiver<Job>, recorded: &Recorded, troubles: &Troubles) {
    connection.set_prepared_statement_cache_capacity(64);
    if let Err(error) = connection.pragma_update(None, "cache_size", WRITE_CACHE_KIB) {
        tracing::warn!(%error, "the cache of the record stays as it is");
    }
    let mut next = None;
    while let Some(job) = next.take().or_else(|| queue.recv().ok()) {
        let first = match job {
            Job::Append(append) => append,
            Job::End => return,
            Job::Step(step) => {
                step(&mut connection);
                match last_seq(&connection) {
                    Ok(last) => recorded.moved_to(last),
                    Err(error) => tracing::error!(%error, "the last patch cannot be found"),
                }
                continue;
            }
        };
        let mut bytes = size(&first);
        let mut appends = vec![first];
        while bytes < COMMIT_BYTES {
            match queue.try_recv() {
                Ok(Job::Append(append)) => {
                    bytes += size(&append);
                    appends.push(append);
                }
                Ok(other @ (Job::Step(_) | Job::End)) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        match commit(&mut connection, &appends) {
            Ok((written, last)) => {
                troubles.end(Part::Record);
                if let Some(last) = last {
                    recorded.moved_to(last);
                }
                for (append, written) in appends.into_iter().zip(written) {
                    // Whoever asked may have gone; the patches are kept all the same.
                    let _ = append.done.send(Ok(written));
                }
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    appends = appends.len(),
                    "patches could not be written"
                );
                // A full disk has an answer of its own, and whoever sends may make room.
                if !error.is_full() {
                    troubles.begin(Part::Record, error.with_causes());
                }
                let error = Arc::new(error);
                for append in appends {
                    let _ = append.done.send(Err(StoreError::NotWritten(Arc::clone(&error))));
                }
            }
        }
    }
}

fn last_seq(connection: &Connection) -> rusqlite::Result<u64> {
    let last: i64 = connection
        .prepare_cached("SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'patch'")?
        .query_row([], |row| row.get(0))?;
    Ok(last.cast_unsigned())
}

fn size(append: &Append) -> usize {
    let of = |path: &Path| path.nodes.iter().map(|node| node.body.len()).sum::<usize>();
    append.patches.iter().map(|patch| patch.body.len() + patch.paths.iter().map(of).sum::<usize>()).sum()
}

/// One transaction for all appends: all of it is on disk, or none. Returns what became of each, and the number of the last
/// new patch.
fn commit(connection: &mut Connection, appends: &[Append]) -> Result<(Vec<Written>, Option<u64>), StoreError> {
    let failed = || StoreError::record("write patches");
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
    let mut last = None;
    let mut answers = Vec::with_capacity(appends.len());
    for append in appends {
        answers.push(write(&transaction, append, &mut last).map_err(failed())?);
    }
    transaction.commit().map_err(failed())?;
    Ok((answers, last))
}

/// Where a trace is in the record: its number, and the scope of its nodes.
#[derive(Clone, Copy)]
struct Place {
    trace: i64,
    scope: i64,
}

fn write(transaction: &Transaction<'_>, append: &Append, last: &mut Option<u64>) -> rusqlite::Result<Written> {
    if let Some(dictionary) = append.dictionary
        && !transaction.prepare_cached("SELECT 1 FROM dictionary WHERE id = ?1 AND leaving = 0")?.exists([dictionary])?
    {
        return Ok(Written::Stale);
    }
    let mut places = Vec::with_capacity(append.patches.len());
    // The patches of a trace mostly come one after the other.
    let mut before: Option<(&str, Place)> = None;
    for patch in &append.patches {
        let place = match before {
            Some((trace_id, place)) if trace_id == patch.trace_id => place,
            _ => place(transaction, append.project, patch)?,
        };
        before = Some((&patch.trace_id, place));
        places.push(place);
    }
    if !bases_are_there(transaction, &append.patches, &places)? {
        return Ok(Written::Stale);
    }
    let mut insert = transaction
        .prepare_cached("INSERT OR IGNORE INTO patch (trace, span, digest, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let received_at = append.received_at.as_nanos();
    let (mut new, mut duplicates) = (0, 0);
    for (patch, place) in append.patches.iter().zip(places) {
        if insert.execute(params![place.trace, patch.span, patch.digest, received_at, patch.body])? == 0 {
            duplicates += 1;
            continue;
        }
        new += 1;
        let seq = transaction.last_insert_rowid();
        *last = Some(seq.cast_unsigned());
        for path in &patch.paths {
            keep(transaction, place.scope, seq, path)?;
        }
        if let Some(conversation_id) = &patch.conversation_id {
            let conversation = conversation(transaction, append.project, conversation_id)?;
            transaction
                .prepare_cached("INSERT OR IGNORE INTO membership (conversation, trace) VALUES (?1, ?2)")?
                .execute([conversation, place.trace])?;
        }
        if let Some(answer) = patch.answer {
            answers::add(transaction, append.project, answer, place.trace, patch.span)?;
        }
    }
    Ok(Written::Kept { new, duplicates })
}

/// Where the trace of a patch is; the first patch of a trace makes it, and says which scope its nodes are in.
fn place(transaction: &Transaction<'_>, project: ProjectId, patch: &EncodedPatch) -> rusqlite::Result<Place> {
    let place = |trace: i64, home: Option<i64>| Place { trace, scope: home.unwrap_or(-trace) };
    let known = transaction
        .prepare_cached("SELECT id, home FROM trace WHERE project = ?1 AND trace_id = ?2")?
        .query_row(params![project.0, patch.trace_id], |row| Ok(place(row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    let home = match &patch.scope {
        Scope::Conversation(id) => Some(conversation(transaction, project, id.as_str())?),
        Scope::Trace(_) => None,
    };
    transaction.prepare_cached("INSERT INTO trace (project, trace_id, home) VALUES (?1, ?2, ?3)")?.execute(params![
        project.0,
        patch.trace_id,
        home
    ])?;
    Ok(place(transaction.last_insert_rowid(), home))
}

/// The number of a conversation, which is made where there is none.
pub(super) fn conversation(transaction: &Transaction<'_>, project: ProjectId, id: &str) -> rusqlite::Result<i64> {
    let known = transaction
        .prepare_cached("SELECT id FROM conversation WHERE project = ?1 AND conversation_id = ?2")?
        .query_row(params![project.0, id], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    transaction
        .prepare_cached("INSERT INTO conversation (project, conversation_id) VALUES (?1, ?2)")?
        .execute(params![project.0, id])?;
    Ok(transaction.last_insert_rowid())
}

/// Whether every node that others hang below is on disk, or comes earlier in the same append.
fn bases_are_there(transaction: &Transaction<'_>, patches: &[EncodedPatch], places: &[Place]) -> rusqlite::Result<bool> {
    let mut brought: HashSet<(i64, Hash)> = HashSet::new();
    for (patch, place) in patches.iter().zip(places) {
        for path in &patch.paths {
            if let Some(base) = path.base
                && !brought.contains(&(place.scope, base))
                && id(transaction, place.scope, &base)?.is_none()
            {
                return Ok(false);
            }
            brought.extend(path.nodes.iter().map(|node| (place.scope, node.name)));
        }
    }
    Ok(true)
}

/// Keeps the nodes of one path that are not there yet.
fn keep(transaction: &Transaction<'_>, scope: i64, seq: i64, path: &Path) -> rusqlite::Result<()> {
    let mut parent = match &path.base {
        Some(base) if !path.nodes.is_empty() => id(transaction, scope, base)?,
        _ => None,
    };
    for node in &path.nodes {
        parent = Some(match id(transaction, scope, &node.name)? {
            Some(known) => known,
            None => put_node(transaction, scope, parent, seq, node)?,
        });
    }
    Ok(())
}

/// Keeps a node, and says its number.
pub(super) fn put_node(
    transaction: &Transaction<'_>,
    scope: i64,
    parent: Option<i64>,
    seq: i64,
    node: &Node,
) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached("INSERT INTO node (scope, hash, parent, seq, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![scope, node.name, parent, seq, node.body])?;
    let number = transaction.last_insert_rowid();
    for medium in &node.media {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO shown (node, medium) VALUES (?1, ?2)")?
            .execute(params![number, medium])?;
    }
    Ok(number)
}

/// The number of the node of that name.
pub(super) fn id(transaction: &Transaction<'_>, scope: i64, name: &Hash) -> rusqlite::Result<Option<i64>> {
    transaction
        .prepare_cached("SELECT id FROM node WHERE scope = ?1 AND hash = ?2")?
        .query_row(params![scope, name], |row| row.get(0))
        .optional()
}
