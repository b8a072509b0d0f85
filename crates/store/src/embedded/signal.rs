//! Waking a thread that waits for work.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Raised by one thread, waited for by another. Raising it several times before the wait wakes once.
#[derive(Debug, Default)]
pub(super) struct Signal {
    raised: Mutex<bool>,
    condition: Condvar,
}

impl Signal {
    /// Wakes the one who waits, now or the next time.
    pub(super) fn raise(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condition.notify_all();
    }

    /// Waits until it is raised, at most for `timeout`; says whether it was.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut raised, _) =
            self.condition.wait_timeout_while(raised, timeout, |raised| !*raised).unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *raised)
    }
}
