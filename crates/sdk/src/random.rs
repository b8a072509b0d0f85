//! Random numbers for ids. Each thread has a sequence of its own that the system's random bytes begin, so that an id costs no call of
//! the system; a forked process begins anew.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::forks;

/// A sequence of numbers: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014). Where it starts and the odd
/// step that it takes are random, 127 bits together, so that no two sequences run into each other.
#[derive(Debug, Clone, Copy)]
struct Sequence {
    /// The process that it belongs to.
    process: u64,
    at: u64,
    step: u64,
}

thread_local! {
    static SEQUENCE: Cell<Option<Sequence>> = const { Cell::new(None) };
}

/// A random number. Not for secrets: whoever has seen some can guess the next.
pub(crate) fn number() -> u64 {
    let process = forks::mark();
    // A thread that ends has no sequence any more; what its destructors record is random as well.
    SEQUENCE
        .try_with(|kept| {
            let mut sequence = match kept.get() {
                Some(known) if known.process == process => known,
                _ => Sequence { process, at: of_the_system(), step: of_the_system() | 1 },
            };
            sequence.at = sequence.at.wrapping_add(sequence.step);
            kept.set(Some(sequence));
            mix(sequence.at)
        })
        .unwrap_or_else(|_| of_the_system())
}

/// The standard library's random keys stand in where the system gives no random bytes.
fn of_the_system() -> u64 {
    getrandom::u64().unwrap_or_else(|_| RandomState::new().build_hasher().finish())
}

/// Spreads numbers that differ in a few bits over the whole range, each to another one. The finalizer of MurmurHash3
/// (<https://github.com/aappleby/smhasher>).
pub(crate) fn mix(mut number: u64) -> u64 {
    number = (number ^ number >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    number = (number ^ number >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ number >> 33
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn threads_never_give_the_same_number_twice() {
        let thread = || std::thread::spawn(|| (0..20_000).map(|_| number()).collect::<Vec<_>>());
        let threads: Vec<_> = std::iter::repeat_with(thread).take(8).collect();
        let numbers: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let different: HashSet<u64> = numbers.iter().copied().collect();
        assert_eq!(different.len(), numbers.len());
        // Each bit is set in about half of them: 80,000 of 160,000, give or take ten standard deviations.
        for bit in 0..u64::BITS {
            let set = numbers.iter().filter(|number| *number >> bit & 1 == 1).count();
            assert!((78_000..82_000).contains(&set), "bit {bit} is set in {set}");
        }
    }
}
