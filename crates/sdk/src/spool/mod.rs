//! The spool: what waits on disk while the server is away, of this process and of those that ended before it was delivered.
//!
//! The folder of a target (an address and a key) holds one folder per process and client. A process writes into its own
//! alone, and takes over those whose lock is free. Belongs to the thread that delivers; nothing else touches the disk.

mod store;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(crate) use store::{Frame, Store};

/// How often the folder is searched for what ended processes left.
const SEARCH_EVERY: Duration = Duration::from_secs(60);

/// Where the spool of a client lies.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The folder of the target.
    pub(crate) root: PathBuf,
    /// Most bytes that all processes may have there.
    pub(crate) bytes: u64,
}

/// The spool of one process.
#[derive(Debug)]
pub(crate) struct Spool {
    place: Place,
    source: String,
    own: Option<Store>,
    adopted: Vec<Store>,
    /// What others have in the folder, as far as is known.
    others: u64,
    search_at: Instant,
}

impl Place {
    /// Whether a process left something here, or one that lives has something here.
    pub(crate) fn is_used(&self) -> bool {
        !store::folders(&self.root).is_empty()
    }
}

impl Spool {
    /// Touches nothing yet.
    pub(crate) fn new(place: Place, source: &str) -> Self {
        let source = source.to_owned();
        Self { place, source, own: None, adopted: Vec::new(), others: 0, search_at: Instant::now() }
    }

    /// When to search again for what ended processes left.
    pub(crate) fn search_at(&self) -> Instant {
        self.search_at
    }

    /// Takes over what ended processes left, where it is time to. Gives the number of spans.
    pub(crate) fn search(&mut self, now: Instant) -> usize {
        if now < self.search_at {
            return 0;
        }
        self.search_at = now + SEARCH_EVERY;
        let known: Vec<String> = self.own.iter().chain(&self.adopted).map(|store| store.source().to_owned()).collect();
        let mut spans = 0;
        for (source, folder) in store::folders(&self.place.root) {
            if known.contains(&source) {
                continue;
            }
            // A folder that cannot be read, or that another process takes over at this moment, is that one's, or the next
            // search's.
            let Ok(Some(store)) = Store::adopt(&folder, &source) else { continue };
            if store.is_empty() {
                store.remove();
            } else {
                spans += store.spans();
                self.adopted.push(store);
            }
        }
        spans
    }

    /// Whether something of this process waits.
    pub(crate) fn holds_own(&self) -> bool {
        self.own.as_ref().is_some_and(|own| !own.is_empty())
    }

    /// Whether anything waits that this process delivers.
    pub(crate) fn is_empty(&self) -> bool {
        !self.holds_own() && self.adopted.is_empty()
    }

    /// Keeps an export behind all others of this process.
    ///
    /// # Errors
    /// The folder cannot be written, or holds as much as it may: nothing is kept.
    pub(crate) fn keep(&mut self, frame: &Frame) -> io::Result<()> {
        let own = match &mut self.own {
            Some(own) => own,
            empty => {
                let own = Store::create(&self.place.root, &self.source)?;
                empty.insert(own)
            }
        };
        if own.begins_segment() {
            // Others fill the folder meanwhile. Between two looks they may go over the bound by a segment each.
            let others = store::folders(&self.place.root).into_iter().filter(|(source, _)| *source != self.source);
            self.others = others.map(|(_, folder)| store::taken(&folder)).sum();
        }
        if self.others + own.bytes() + Store::size(frame) > self.place.bytes {
            return Err(io::Error::new(io::ErrorKind::StorageFull, format!("it holds up to {} bytes", self.place.bytes)));
        }
        own.append(frame)
    }

    /// The export that is due next, and whose it is: this process's before those of ended ones.
    ///
    /// # Errors
    /// The number of spans that are lost since they cannot be read.
    pub(crate) fn front(&mut self) -> Result<Option<(String, Frame)>, usize> {
        let Some(store) = self.first() else { return Ok(None) };
        let source = store.source().to_owned();
        let frame = store.front();
        if store.is_empty() {
            self.forget_empty();
        }
        Ok(frame?.map(|frame| (source, frame)))
    }

    /// What [`Spool::front`] gave last waits no more.
    pub(crate) fn settle_front(&mut self) {
        if let Some(store) = self.first() {
            store.settle_front();
        }
        self.forget_empty();
    }

    /// Leaves what waits to the next process.
    pub(crate) fn leave(self) {
        if let Some(own) = self.own.filter(Store::is_empty) {
            own.remove();
        }
    }

    fn first(&mut self) -> Option<&mut Store> {
        self.own.as_mut().filter(|own| !own.is_empty()).or(self.adopted.first_mut())
    }

    fn forget_empty(&mut self) {
        let (empty, left) = std::mem::take(&mut self.adopted).into_iter().partition(Store::is_empty);
        self.adopted = left;
        let empty: Vec<Store> = empty;
        empty.into_iter().for_each(Store::remove);
    }
}
