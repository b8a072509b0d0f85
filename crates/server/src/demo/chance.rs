//! Numbers that look random and are always the same: SplitMix64 from a seed.
//!
//! The demo must be repeatable, so nothing here asks the operating system for anything.

/// A sequence of numbers given by its seed.
pub(super) struct Chance(u64);

impl Chance {
    /// The sequence of that seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        debug_assert!(low <= high);
        low + self.next() % (high - low + 1)
    }

    /// Bytes for an id; never all zero, which OTLP does not take for one.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&(self.next() | 1).to_be_bytes()[8 - chunk.len()..]);
        }
        bytes
    }
}
