//! The memory that aggregates may take: each over all that it counts and measures in all segments, and all that run at a time
//! together.
//!
//! Who counts says now and then how much it holds. Once that is more than there is, it adds nothing more to its tables: groups and
//! values that are known go on being counted, what would be new is told as left out. Nobody waits for the memory of others, so that
//! an answer takes as long however many ask. A table that grows by doubling may hold twice what it last said.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that all aggregates of a store may take together.
const TOGETHER: usize = 1 << 30;
/// Bytes that one aggregate may take.
const BYTES: usize = 256 << 20;
/// Bytes that every aggregate may take beside what all take together: one of few groups is whole whatever others do.
const OWN: usize = 1 << 20;
/// The part of an aggregate's bytes that is kept for the values that groups have in common, without which no group can be shown.
const FOR_VALUES: usize = 4;

fn take(left: &AtomicUsize, bytes: usize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
}

/// What is left for all aggregates together.
#[derive(Debug, Clone)]
pub(in crate::embedded) struct Memory(Arc<AtomicUsize>);

impl Default for Memory {
    fn default() -> Self {
        Self::of(TOGETHER)
    }
}

impl Memory {
    pub(super) fn of(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// Room for one aggregate.
    pub(in crate::embedded) fn room(&self) -> Room {
        self.room_of(BYTES, OWN)
    }

    /// Room for an aggregate of up to so many bytes, the first of them its own.
    pub(super) fn room_of(&self, bytes: usize, own: usize) -> Room {
        let part = |of: fn(usize) -> usize| Part { left: AtomicUsize::new(of(bytes)), own: AtomicUsize::new(of(own)) };
        let tables = part(|bytes| bytes - bytes / FOR_VALUES);
        let values = part(|bytes| bytes / FOR_VALUES);
        Room(Arc::new(Left { tables, values, drawn: AtomicUsize::new(0), memory: self.clone() }))
    }
}

/// What is left of the room of one aggregate.
#[derive(Debug, Clone)]
pub(in crate::embedded) struct Room(Arc<Left>);

#[derive(Debug)]
struct Left {
    tables: Part,
    values: Part,
    /// What was taken of the memory of all, to be given back.
    drawn: AtomicUsize,
    memory: Memory,
}

/// What is left for one purpose.
#[derive(Debug)]
struct Part {
    left: AtomicUsize,
    /// Of these, what nobody else is asked for.
    own: AtomicUsize,
}

impl Left {
    /// Takes so many bytes of a part, where it and all together have so much left.
    fn take(&self, part: &Part, bytes: usize) -> bool {
        if !take(&part.left, bytes) {
            return false;
        }
        if take(&part.own, bytes) {
            return true;
        }
        let drawn = take(&self.memory.0, bytes);
        if drawn {
            self.drawn.fetch_add(bytes, Ordering::Relaxed);
        }
        drawn
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        self.memory.0.fetch_add(*self.drawn.get_mut(), Ordering::Relaxed);
    }
}

impl Room {
    /// Takes room for a value of so many bytes, where there is so much.
    pub(super) fn take_value(&self, bytes: usize) -> bool {
        self.0.take(&self.0.values, bytes)
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
            self.full = !self.room.0.take(&self.room.0.tables, bytes - self.taken);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn left(memory: &Memory) -> usize {
        memory.0.load(Ordering::Relaxed)
    }

    #[test]
    fn aggregates_share_what_there_is_and_give_it_back() {
        let memory = Memory::of(1_000);
        let (first, second) = (memory.room_of(800, 100), memory.room_of(800, 100));
        let (mut counting, mut measuring) = (first.share(), first.share());
        counting.hold(70);
        assert_eq!((counting.is_full(), left(&memory)), (false, 1_000), "the first bytes are its own");
        counting.hold(370);
        measuring.hold(230);
        assert_eq!((counting.is_full(), measuring.is_full(), left(&memory)), (false, false, 470));
        measuring.hold(231);
        assert!(measuring.is_full(), "it has 600 for its tables, whatever others leave");

        let mut other = second.share();
        other.hold(470);
        assert_eq!((other.is_full(), left(&memory)), (false, 0));
        assert!(second.take_value(25) && !second.take_value(1), "its own bytes are there still");
        other.hold(600);
        assert!(other.is_full(), "others have taken the rest");

        drop((counting, measuring, first));
        assert_eq!(left(&memory), 530);
        assert!(second.take_value(50), "what others gave back is there for who still counts");
        drop((other, second));
        assert_eq!(left(&memory), 1_000);
    }
}
