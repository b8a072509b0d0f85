//! Steps that were sent open and have not ended: which of them still run is said again from time to time.
//!
//! Holds no step alive: one that the application has forgotten cannot end any more, and nothing more is said of it.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use neuraltrust_model::attributes::RUNNING_MS;
use serde_json::Map;

use crate::span::{Core, Ending, Entry, SPAN_BYTES, nanos};

/// Fewer steps than this are not worth a look at which of them have ended.
const FEW: usize = 1_024;

/// The open steps of one client.
#[derive(Debug)]
pub(crate) struct Running {
    every: Duration,
    due: Instant,
    steps: Vec<Weak<Core>>,
    /// How many there may be before those that have ended are forgotten.
    most: usize,
}

impl Running {
    /// Says again that a step runs as often as this.
    pub(crate) fn new(every: Duration) -> Self {
        Self { every, due: Instant::now() + every, steps: Vec::new(), most: FEW }
    }

    /// When the next word on the steps is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.steps.is_empty()).then_some(self.due)
    }

    /// Remembers a step that is sent, where it is open.
    pub(crate) fn add(&mut self, core: &Arc<Core>) {
        if core.is_ended() {
            return;
        }
        if self.steps.is_empty() {
            self.due = Instant::now() + self.every;
        }
        self.steps.push(Arc::downgrade(core));
        if self.steps.len() > self.most {
            self.steps.retain(|step| step.upgrade().is_some_and(|core| !core.is_ended()));
            self.most = FEW.max(2 * self.steps.len());
        }
    }

    /// What there is to say at this time: that these steps still run, and for how long.
    pub(crate) fn snapshots(&mut self, now: Instant) -> Vec<Entry> {
        if now < self.due || self.steps.is_empty() {
            return Vec::new();
        }
        self.due = now + self.every;
        let wall = nanos(SystemTime::now());
        let mut entries = Vec::new();
        self.steps.retain(|step| {
            let core = step.upgrade().filter(|core| !core.is_ended());
            let runs = core.is_some();
            entries.extend(core.map(|core| snapshot(core, wall)));
            runs
        });
        entries
    }
}

fn snapshot(core: Arc<Core>, wall: u64) -> Entry {
    let milliseconds = wall.saturating_sub(core.start) / 1_000_000;
    let attributes = Map::from_iter([(RUNNING_MS.to_owned(), milliseconds.into())]);
    Entry { core, end: 0, ending: Ending { attributes, ..Ending::default() }, size: SPAN_BYTES }
}
