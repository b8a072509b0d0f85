//! The memory that one aggregate may take, over all that it counts and measures in all segments.
//!
//! Who counts says now and then how much it holds. Once that is more than there is, it adds nothing more to its tables: groups and
//! values that are known go on being counted, what would be new is told as left out. A table that grows by doubling may hold
//! twice what it last said.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that one aggregate may take.
const BYTES: usize = 256 << 20;
/// The part of them that is kept for the values that groups have in common, without which no group can be shown.
const FOR_VALUES: usize = 4;

/// What is left of the room of one aggregate.
#[derive(Debug, Clone)]
pub(in crate::embedded) struct Room(Arc<Left>);

#[derive(Debug)]
struct Left {
    tables: AtomicUsize,
    values: AtomicUsize,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(BYTES)
    }
}

fn take(left: &AtomicUsize, bytes: usize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
}

impl Room {
    pub(in crate::embedded) fn of(bytes: usize) -> Self {
        let values = bytes / FOR_VALUES;
        Self(Arc::new(Left { tables: AtomicUsize::new(bytes - values), values: AtomicUsize::new(values) }))
    }

    /// Takes room for a value of so many bytes, where there is so much.
    pub(super) fn take_value(&self, bytes: usize) -> bool {
        take(&self.0.values, bytes)
    }

    /// For one who counts.
    pub(in crate::embedded) fn share(&self) -> Share {
        Share { room: self.clone(), taken: 0, full: false }
    }
}

/// What one who counts has taken.
#[derive(Debug)]
pub(in crate::embedded) struct Share {
    room: Room,
    taken: usize,
    full: bool,
}

impl Share {
    /// Says how much it holds by now.
    pub(in crate::embedded) fn hold(&mut self, bytes: usize) {
        if !self.full && bytes > self.taken {
            self.full = !take(&self.room.0.tables, bytes - self.taken);
            self.taken = bytes;
        }
    }

    /// Whether nothing more is to be added.
    pub(in crate::embedded) const fn is_full(&self) -> bool {
        self.full
    }
}

/// Bytes of a table that finds its entries by a hash.
pub(in crate::embedded) const fn table<Entry>(capacity: usize) -> usize {
    capacity * (size_of::<Entry>() + 1)
}
