//! Whose turn it is on a machine that is busy.

/// How much a thread gives way to others, on the scale of `nice(2)`: at 19, the most, it gets about 1.5 % of what one at 0 gets, where
/// both want all they can have (`sched_prio_to_weight` of Linux: 15 to 1024). What clients send fast is acknowledged a fifth faster than
/// with 10, where it is a tenth; either way the index only keeps up once they leave it time.
#[cfg(target_os = "linux")]
const WAY: i32 = 19;

/// Lets the threads that answer clients go first. On Linux this is about the calling thread and those that it starts; elsewhere
/// it would be about the whole process, and nothing is done.
pub(super) fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(WAY) {
        tracing::debug!(%error, "the thread keeps its priority");
    }
}
