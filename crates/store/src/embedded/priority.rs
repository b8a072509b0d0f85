//! Whose turn it is on a machine that is busy.

/// How much a thread gives way to others, on the scale of `nice(2)`: at 10 it gets about a tenth of what one at 0 gets, where both
/// want all they can have.
#[cfg(target_os = "linux")]
const WAY: i32 = 10;

/// Lets the threads that answer clients go first. On Linux this is about the calling thread and those that it starts; elsewhere
/// it would be about the whole process, and nothing is done.
pub(super) fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(WAY) {
        tracing::debug!(%error, "the thread keeps its priority");
    }
}
