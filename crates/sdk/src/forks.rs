//! Whether this process is still the one that it was: a fork is noticed without a call of the system for every step.
//!
//! The system calls a handler in every child that is forked, however it is forked. What belongs to one process is kept with the mark of
//! that process, and is not used where the mark has changed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many forks lie between this process and the one that first looked.
static FORKS: AtomicU64 = AtomicU64::new(0);
/// Whether the system tells of forks; empty before anybody has looked.
static TOLD: OnceLock<bool> = OnceLock::new();

/// A number that differs between a process and one that was forked from it.
pub(crate) fn mark() -> u64 {
    if *TOLD.get_or_init(listen) { FORKS.load(Relaxed) } else { u64::from(std::process::id()) }
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "pthread_atfork takes a function of the C world")]
fn listen() -> bool {
    extern "C" fn in_the_child() {
        FORKS.fetch_add(1, Relaxed);
    }
    // SAFETY: the handler is a function of this library, which is never unloaded, and does nothing but count: a child may do that at
    // any moment (POSIX, "fork": async-signal-safe).
    unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) == 0 }
}

/// Where there is no fork there is one process.
#[cfg(not(unix))]
fn listen() -> bool {
    true
}
