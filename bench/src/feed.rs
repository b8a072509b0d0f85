//! Requests that wait to be sent.
//!
//! They are made before the clock starts, as many as fit into memory. Where a run needs more, one thread goes on making them
//! while it lasts and gives way to the rest; its cost is then part of the machine's load, and the run's report says so.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::workload::Request;

/// Bytes of requests that are kept in memory.
const ROOM_BYTES: usize = 3 << 30;
/// Bytes of requests that are kept of those that do not end.
const ENDLESS_ROOM_BYTES: usize = 256 << 20;

/// How much the thread that makes requests gives way, on the scale of `nice(2)`: to the server and whoever sends, as if it were another
/// machine's work, and not to the server's own work behind them, which is at 19.
#[cfg(target_os = "linux")]
const WAY: i32 = 10;

fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(WAY) {
        eprintln!("requests are made with the priority of everything else: {error}");
    }
}

/// A queue of requests.
pub(crate) struct Feed {
    shared: Arc<Shared>,
    maker: Option<JoinHandle<()>>,
    /// Whether all requests were made before the clock started.
    pub(crate) made_before: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    bytes: usize,
    /// Nothing is made any more.
    ended: bool,
    /// Nobody takes any more.
    closed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, requests: impl Iterator<Item = Request>, room: usize) {
        for request in requests {
            let mut state = self.state();
            while state.bytes >= room && !state.closed {
                state = self.wait(state);
            }
            if state.closed {
                return;
            }
            state.bytes += request.body.len();
            state.waiting.push_back(request);
            self.changed.notify_all();
        }
        self.state().ended = true;
        self.changed.notify_all();
    }
}

impl Feed {
    /// Makes requests until all are there or there is no room for more.
    pub(crate) fn new(requests: impl Iterator<Item = Request> + Send + 'static) -> Self {
        Self::with_room(requests, ROOM_BYTES)
    }

    /// Makes some of the requests that do not end, and goes on while they are taken.
    pub(crate) fn endless(requests: impl Iterator<Item = Request> + Send + 'static) -> Self {
        Self::with_room(requests, ENDLESS_ROOM_BYTES)
    }

    fn with_room(requests: impl Iterator<Item = Request> + Send + 'static, room: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let makes = Arc::clone(&shared);
        let maker = std::thread::spawn(move || {
            give_way();
            makes.make(requests, room);
        });
        let mut state = shared.state();
        while !state.ended && state.bytes < room {
            state = shared.wait(state);
        }
        let made_before = state.ended;
        drop(state);
        Self { shared, maker: Some(maker), made_before }
    }

    /// The next request; `None` when there is none any more.
    pub(crate) fn next(&self) -> Option<Request> {
        let mut state = self.shared.state();
        loop {
            if let Some(request) = state.waiting.pop_front() {
                state.bytes -= request.body.len();
                self.shared.changed.notify_all();
                return Some(request);
            }
            if state.ended {
                return None;
            }
            state = self.shared.wait(state);
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_all();
        if let Some(maker) = self.maker.take() {
            // It only makes requests; a panic of it shows where they are missing.
            let _ = maker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Route;

    fn requests() -> impl Iterator<Item = Request> {
        (0..100_u8).map(|n| Request { route: Route::Traces, body: vec![n; 10], ids: Vec::new(), text_bytes: 1 })
    }

    #[test]
    fn requests_come_in_their_order_also_where_they_do_not_fit() {
        for (room, made_before) in [(10_000, true), (50, false)] {
            let feed = Feed::with_room(requests(), room);
            assert_eq!(feed.made_before, made_before);
            let taken: Vec<Request> = std::iter::from_fn(|| feed.next()).collect();
            assert_eq!(taken, requests().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_feed_that_nobody_reads_ends() {
        let feed = Feed::with_room(std::iter::repeat_with(|| requests().next().unwrap()), 50);
        assert!(feed.next().is_some());
        drop(feed);
    }
}
