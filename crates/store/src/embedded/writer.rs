//! The one thread that writes patches: what waits goes to disk together (group commit).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use neuraltrust_model::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::codec::EncodedPatch;
use super::signal::Signal;
use crate::{Appended, ProjectId, StoreError};

/// Most bytes of one commit; keeps the answer to the first of them from waiting for the last.
const COMMIT_BYTES: usize = 8 << 20;

/// Patches that want to be on disk, and whoever waits for that.
struct Job {
    project: ProjectId,
    received_at: Timestamp,
    patches: Vec<EncodedPatch>,
    done: oneshot::Sender<Result<Appended, StoreError>>,
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
    ) -> Result<Appended, StoreError> {
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
    job.patches.iter().map(|patch| patch.body.len()).sum()
}

/// One transaction for all jobs: all of it is on disk, or none. Returns what became of each job, and the number of the last
/// new patch.
fn commit(connection: &mut Connection, jobs: &[Job]) -> Result<(Vec<Appended>, Option<u64>), StoreError> {
    let failed = || StoreError::record("write patches");
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
    let mut last = None;
    let mut answers = Vec::with_capacity(jobs.len());
    {
        let mut insert = transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO patch (project, trace_id, span_id, digest, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .map_err(failed())?;
        let mut join = transaction
            .prepare_cached("INSERT OR IGNORE INTO membership (project, conversation_id, trace_id) VALUES (?1, ?2, ?3)")
            .map_err(failed())?;
        for job in jobs {
            let mut appended = Appended { new: 0, duplicates: 0 };
            for patch in &job.patches {
                let row =
                    params![job.project.0, patch.trace_id, patch.span_id, patch.digest, job.received_at.as_nanos(), patch.body];
                if insert.execute(row).map_err(failed())? == 0 {
                    appended.duplicates += 1;
                    continue;
                }
                appended.new += 1;
                last = Some(transaction.last_insert_rowid().cast_unsigned());
                if let Some(conversation_id) = &patch.conversation_id {
                    join.execute(params![job.project.0, conversation_id, patch.trace_id]).map_err(failed())?;
                }
            }
            answers.push(appended);
        }
    }
    transaction.commit().map_err(failed())?;
    Ok((answers, last))
}
