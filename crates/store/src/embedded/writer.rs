//! The one thread that writes patches: what waits goes to disk together (group commit).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use neuraltrust_model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::chain::Hash;
use super::codec::{EncodedPatch, Nodes};
use super::signal::Signal;
use crate::{ProjectId, StoreError};

/// Most bytes of one commit; keeps the answer to the first of them from waiting for the last.
const COMMIT_BYTES: usize = 8 << 20;

/// Patches that want to be on disk, and whoever waits for that.
struct Job {
    project: ProjectId,
    received_at: Timestamp,
    patches: Vec<EncodedPatch>,
    done: oneshot::Sender<Result<Written, StoreError>>,
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is on disk.
    Kept {
        /// Patches that were not known yet.
        new: usize,
        /// Patches that had come before.
        duplicates: usize,
    },
    /// A node that was left out because it was known to be there is not: nothing of the job is kept; send it again whole.
    Stale,
}

/// The way to the writing thread.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    jobs: Sender<Job>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({} patches)", self.patches.len())
    }
}

impl Writer {
    /// Starts the thread. It ends when every `Writer` is dropped. `recorded` is the last patch on disk; `new` is raised when it
    /// moves.
    pub(super) fn start(
        connection: Connection,
        recorded: Arc<AtomicU64>,
        new: Arc<Signal>,
    ) -> Result<(Self, JoinHandle<()>), std::io::Error> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("record-writer".to_owned())
            .spawn(move || run(connection, &queue, &recorded, &new))?;
        Ok((Self { jobs }, thread))
    }

    /// Puts patches on disk; returns when they are.
    pub(super) async fn append(
        &self,
        project: ProjectId,
        received_at: Timestamp,
        patches: Vec<EncodedPatch>,
    ) -> Result<Written, StoreError> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(Job { project, received_at, patches, done }).map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }
}

fn run(mut connection: Connection, queue: &Receiver<Job>, recorded: &AtomicU64, new: &Signal) {
    while let Ok(first) = queue.recv() {
        let mut bytes = size(&first);
        let mut jobs = vec![first];
        while bytes < COMMIT_BYTES
            && let Ok(next) = queue.try_recv()
        {
            bytes += size(&next);
            jobs.push(next);
        }
        match commit(&mut connection, &jobs) {
            Ok((appended, last)) => {
                if let Some(last) = last {
                    recorded.fetch_max(last, Ordering::Release);
                    new.raise();
                }
                for (job, appended) in jobs.into_iter().zip(appended) {
                    // Whoever asked may have gone; the patches are kept all the same.
                    let _ = job.done.send(Ok(appended));
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, jobs = jobs.len(), "patches could not be written");
                let error = Arc::new(error);
                for job in jobs {
                    let _ = job.done.send(Err(StoreError::NotWritten(Arc::clone(&error))));
                }
            }
        }
    }
}

fn size(job: &Job) -> usize {
    let of = |nodes: &Option<Nodes>| nodes.iter().flat_map(|nodes| &nodes.nodes).map(|(_, body)| body.len()).sum::<usize>();
    job.patches.iter().map(|patch| patch.body.len() + of(&patch.input) + of(&patch.output)).sum()
}

/// One transaction for all jobs: all of it is on disk, or none. Returns what became of each job, and the number of the last
/// new patch.
fn commit(connection: &mut Connection, jobs: &[Job]) -> Result<(Vec<Written>, Option<u64>), StoreError> {
    let failed = || StoreError::record("write patches");
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
    let mut last = None;
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        answers.push(write(&transaction, job, &mut last).map_err(failed())?);
    }
    transaction.commit().map_err(failed())?;
    Ok((answers, last))
}

fn write(transaction: &Transaction<'_>, job: &Job, last: &mut Option<u64>) -> rusqlite::Result<Written> {
    let scopes = job.patches.iter().map(|patch| scope(transaction, job.project, patch)).collect::<Result<Vec<_>, _>>()?;
    if !bases_are_there(transaction, &job.patches, &scopes)? {
        return Ok(Written::Stale);
    }
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO patch (project, trace_id, span_id, digest, received_at, scope, input_fresh, output_fresh, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let mut join = transaction
        .prepare_cached("INSERT OR IGNORE INTO membership (project, conversation_id, trace_id) VALUES (?1, ?2, ?3)")?;
    let (mut new, mut duplicates) = (0, 0);
    for (patch, scope) in job.patches.iter().zip(scopes) {
        let fresh = |nodes: &Option<Nodes>| match (scope, nodes) {
            (Some(scope), Some(nodes)) => keep(transaction, scope, nodes),
            _ => Ok(0),
        };
        let (input, output) = (fresh(&patch.input)?, fresh(&patch.output)?);
        let received_at = job.received_at.as_nanos();
        let row =
            params![job.project.0, patch.trace_id, patch.span_id, patch.digest, received_at, scope, input, output, patch.body];
        if insert.execute(row)? == 0 {
            duplicates += 1;
            continue;
        }
        new += 1;
        *last = Some(transaction.last_insert_rowid().cast_unsigned());
        if let Some(conversation_id) = &patch.conversation_id {
            join.execute(params![job.project.0, conversation_id, patch.trace_id])?;
        }
    }
    Ok(Written::Kept { new, duplicates })
}

/// The scope that the nodes of a patch are in: its trace's home, which the first patch with nodes makes.
fn scope(transaction: &Transaction<'_>, project: ProjectId, patch: &EncodedPatch) -> rusqlite::Result<Option<i64>> {
    if patch.input.is_none() && patch.output.is_none() {
        return Ok(None);
    }
    let home = transaction
        .prepare_cached("SELECT scope FROM home WHERE project = ?1 AND trace_id = ?2")?
        .query_row(params![project.0, patch.trace_id], |row| row.get(0))
        .optional()?;
    if home.is_some() {
        return Ok(home);
    }
    let named = params![project.0, patch.scope.kind(), patch.scope.id()];
    transaction.prepare_cached("INSERT OR IGNORE INTO scope (project, kind, name) VALUES (?1, ?2, ?3)")?.execute(named)?;
    let scope: i64 = transaction
        .prepare_cached("SELECT id FROM scope WHERE project = ?1 AND kind = ?2 AND name = ?3")?
        .query_row(named, |row| row.get(0))?;
    transaction.prepare_cached("INSERT INTO home (project, trace_id, scope) VALUES (?1, ?2, ?3)")?.execute(params![
        project.0,
        patch.trace_id,
        scope
    ])?;
    Ok(Some(scope))
}

/// Whether every node that others hang below is on disk, or comes earlier in the same job.
fn bases_are_there(transaction: &Transaction<'_>, patches: &[EncodedPatch], scopes: &[Option<i64>]) -> rusqlite::Result<bool> {
    let mut brought: HashSet<(i64, Hash)> = HashSet::new();
    for (patch, scope) in patches.iter().zip(scopes) {
        let Some(scope) = *scope else { continue };
        for nodes in [&patch.input, &patch.output].into_iter().flatten() {
            if let Some(base) = nodes.base
                && !brought.contains(&(scope, base))
                && id(transaction, scope, &base)?.is_none()
            {
                return Ok(false);
            }
            brought.extend(nodes.nodes.iter().map(|(name, _)| (scope, *name)));
        }
    }
    Ok(true)
}

/// Keeps the nodes of one content that are not there yet, and says how many those were.
fn keep(transaction: &Transaction<'_>, scope: i64, nodes: &Nodes) -> rusqlite::Result<u32> {
    let mut parent = match &nodes.base {
        Some(base) if !nodes.nodes.is_empty() => id(transaction, scope, base)?,
        _ => None,
    };
    let mut fresh = 0;
    for (name, body) in &nodes.nodes {
        parent = match id(transaction, scope, name)? {
            Some(known) => Some(known),
            None => {
                fresh += 1;
                transaction
                    .prepare_cached("INSERT INTO node (scope, hash, parent, body) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![scope, name, parent, body])?;
                Some(transaction.last_insert_rowid())
            }
        };
    }
    Ok(fresh)
}

fn id(transaction: &Transaction<'_>, scope: i64, name: &Hash) -> rusqlite::Result<Option<i64>> {
    transaction
        .prepare_cached("SELECT id FROM node WHERE scope = ?1 AND hash = ?2")?
        .query_row(params![scope, name], |row| row.get(0))
        .optional()
}
