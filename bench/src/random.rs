//! Random numbers that are the same for the same seed, on every machine and in every version.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): small, fast, good enough to choose words.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of part `part` of a seed: parts do not depend on each other.
    pub(crate) fn part(seed: u64, part: u64) -> Self {
        Self(Self(seed ^ Self(part).next()).next())
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end`, which is left out.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `start` to `end`, which is left out.
    pub(crate) fn within(&mut self, start: u64, end: u64) -> u64 {
        start + self.below(end - start)
    }

    /// A share from 0 to 1, which is left out.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A rank from 1 to `ranks`, each about as often as one through itself (Zipf).
    pub(crate) fn rank(&mut self, ranks: u64) -> u64 {
        ((ranks as f64 + 1.0).powf(self.share()) as u64).clamp(1, ranks)
    }

    /// One of the items.
    pub(crate) fn one<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Random bytes that are not all zero.
    pub(crate) fn id<const BYTES: usize>(&mut self) -> [u8; BYTES] {
        let mut id = [0; BYTES];
        for chunk in id.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
        id[0] |= 1;
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        // The first number of seed 0, from the reference implementation.
        assert_eq!(Random(0).next(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(Random::part(1, 2).id::<16>(), Random::part(1, 2).id::<16>());
        assert_ne!(Random::part(1, 2).next(), Random::part(2, 1).next());
    }

    #[test]
    fn a_rank_is_as_often_as_one_through_itself() {
        let mut random = Random(7);
        let mut drawn = [0_u32; 1_001];
        for _ in 0..1_000_000 {
            drawn[random.rank(1_000) as usize] += 1;
        }
        assert_eq!(drawn[0], 0);
        // ln(2)/ln(1001) and ln(11/10)/ln(1001) of a million.
        assert!((98_000..103_000).contains(&drawn[1]), "{}", drawn[1]);
        assert!((13_000..14_600).contains(&drawn[10]), "{}", drawn[10]);
        assert!(drawn[1_000] > 0);
    }
}
