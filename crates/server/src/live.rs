//! Who follows what changes: those who follow the same share one subject, so that a change is looked up and written once for
//! all of them.
//!
//! Nothing waits for a listener: a subject remembers its last events, and who is behind by more is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use neuraltrust_store::{Change, Filter, Gathered, ListOf, ProjectId, Store, StoreError};
use serde_json::json;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::task::AbortHandle;

use crate::metrics::{LISTENERS, LISTENERS_DROPPED};

/// Most listeners at a time.
pub(crate) const MAX_LISTENERS: usize = 4_096;
/// Most subjects at a time: each is a query for every change.
pub(crate) const MAX_SUBJECTS: usize = 256;
/// Events that a listener may be behind before it is dropped.
const BEHIND: usize = 256;
/// More conversations and traces than these are not named.
const NAMED: usize = 200;
/// Pause between two events of a subject; what changes meanwhile is one event.
const GATHER: Duration = Duration::from_millis(200);

/// What is followed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subject {
    pub(crate) project: ProjectId,
    /// Rows of a list that pass a filter; without one, the names of all that changes.
    pub(crate) rows: Option<(ListOf, Filter)>,
}

/// What a listener is told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Up to which patch everything has been told with this.
    pub(crate) seq: u64,
    /// Nothing where nothing of the subject has changed.
    pub(crate) said: Option<Arc<Said>>,
}

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) name: &'static str,
    pub(crate) data: String,
}

impl Said {
    /// Some changes are not told: everything is to be read again.
    pub(crate) fn lagged() -> Self {
        Self { name: "lagged", data: "{}".to_owned() }
    }
}

/// Why nobody more can listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are [`MAX_LISTENERS`].
    Listeners,
    /// They follow [`MAX_SUBJECTS`].
    Subjects,
}

/// One who listens.
pub(crate) struct Listener {
    pub(crate) told: broadcast::Receiver<Told>,
    /// Everything behind this patch will be told.
    pub(crate) position: u64,
    _place: Place,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Also one that does not read at all, and so is never told.
        if self.told.len() >= BEHIND {
            metrics::counter!(LISTENERS_DROPPED).increment(1);
        }
    }
}

/// A place among the listeners, given back with this.
struct Place(OwnedSemaphorePermit);

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!(LISTENERS).decrement(self.0.num_permits() as f64);
    }
}

/// Everyone who listens.
#[derive(Clone)]
pub(crate) struct Listeners(Arc<Inner>);

struct Inner {
    store: Store,
    places: Arc<Semaphore>,
    /// By what tells subjects apart.
    subjects: Mutex<HashMap<String, Followed>>,
}

struct Followed {
    told: broadcast::Sender<Told>,
    following: AbortHandle,
}

#[cfg(test)]
impl Listener {
    /// One that hears what is sent here.
    pub(crate) fn of(told: &broadcast::Sender<Told>) -> Self {
        let place = Place(Arc::new(Semaphore::new(1)).try_acquire_owned().expect("there is one place"));
        Self { told: told.subscribe(), position: 0, _place: place }
    }
}

impl Listeners {
    pub(crate) fn new(store: Store) -> Self {
        Self(Arc::new(Inner { store, places: Arc::new(Semaphore::new(MAX_LISTENERS)), subjects: Mutex::default() }))
    }

    /// Begins to listen.
    pub(crate) fn join(&self, subject: &Subject) -> Result<Listener, Full> {
        let place = Arc::clone(&self.0.places).try_acquire_owned().map_err(|_| Full::Listeners)?;
        // Before it listens, so that nothing is between the two.
        let position = self.0.store.progress().indexed;
        let key = format!("{subject:?}");
        let mut subjects = self.0.subjects();
        subjects.retain(|known, followed| {
            let kept = *known == key || followed.told.receiver_count() > 0;
            if !kept {
                followed.following.abort();
            }
            kept
        });
        if subjects.len() >= MAX_SUBJECTS && !subjects.contains_key(&key) {
            return Err(Full::Subjects);
        }
        let followed = subjects.entry(key).or_insert_with(|| {
            let told = broadcast::Sender::new(BEHIND);
            let following = follow(self.0.store.clone(), subject.clone(), told.clone(), self.0.store.changes());
            Followed { following: tokio::spawn(following).abort_handle(), told }
        });
        metrics::gauge!(LISTENERS).increment(1.0);
        Ok(Listener { told: followed.told.subscribe(), position, _place: Place(place) })
    }

    /// What has changed since a patch, as an event of the subject.
    pub(crate) async fn since(&self, subject: &Subject, seq: u64) -> Result<Told, StoreError> {
        Ok(match self.0.store.project(subject.project).changes_since(seq).await? {
            Some(change) => Told { seq: change.seq, said: said(&self.0.store, subject, Arc::new(change)).await },
            None => Told { seq: self.0.store.progress().indexed, said: Some(Arc::new(Said::lagged())) },
        })
    }
}

impl Inner {
    fn subjects(&self) -> MutexGuard<'_, HashMap<String, Followed>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells of every change of the subject, until the store ends or nobody wants it any more and the task is aborted.
async fn follow(store: Store, subject: Subject, told: broadcast::Sender<Told>, mut changes: broadcast::Receiver<Arc<Change>>) {
    loop {
        let mut news = News::default();
        match changes.recv().await {
            Ok(change) => news.add(&change, subject.project),
            Err(RecvError::Lagged(_)) => news.missed = true,
            Err(RecvError::Closed) => return,
        }
        loop {
            match changes.try_recv() {
                Ok(change) => news.add(&change, subject.project),
                Err(TryRecvError::Lagged(_)) => news.missed = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if told.receiver_count() > 0 {
            let seq = news.seq.unwrap_or_else(|| store.progress().indexed);
            let said = match (news.missed, news.gathered.is_empty()) {
                (true, _) => Some(Arc::new(Said::lagged())),
                (false, true) => None,
                (false, false) => said(&store, &subject, Arc::new(news.gathered.change(subject.project, seq))).await,
            };
            // The last may have left meanwhile.
            let _ = told.send(Told { seq, said });
        }
        tokio::time::sleep(GATHER).await;
    }
}

/// What has happened since a subject was last told of something.
#[derive(Debug, Default)]
struct News {
    seq: Option<u64>,
    missed: bool,
    gathered: Gathered,
}

impl News {
    fn add(&mut self, change: &Change, project: ProjectId) {
        // Also what changes elsewhere says how far everything has been told.
        self.seq = Some(change.seq);
        if change.project == project {
            self.gathered.add(change);
        }
    }
}

/// What a listener to the subject is told of a change.
async fn said(store: &Store, subject: &Subject, change: Arc<Change>) -> Option<Arc<Said>> {
    let data = match &subject.rows {
        None if change.conversation_ids.is_empty() && change.trace_ids.is_empty() => return None,
        None if change.conversation_ids.len() + change.trace_ids.len() > NAMED => None,
        None => Some(json!({ "conversation_ids": change.conversation_ids, "trace_ids": change.trace_ids })),
        Some((of, filter)) => match store.project(subject.project).changed_rows(*of, Arc::clone(&change), filter.clone()).await {
            Ok(Some(rows)) if rows.is_empty() => return None,
            Ok(rows) => rows.map(|rows| json!({ "of": of.as_str(), "items": rows })),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "what has changed cannot be looked up");
                None
            }
        },
    };
    let said = data.map_or_else(Said::lagged, |data| Said { name: "change", data: data.to_string() });
    Some(Arc::new(said))
}
