//! Which traces are recorded, where the application asks for a share of them only.
//!
//! A trace is recorded whole or not at all: its id decides, which every process that takes part in it knows.

/// How finely a share is told apart; a float holds every number of so many bits and of a few less.
const BITS: u32 = 52;

/// The share of traces that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sampling {
    /// A trace whose mixed id is below this is recorded.
    below: u64,
}

impl Sampling {
    /// `None` where the share is not from 0 to 1.
    pub(crate) fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then(|| Self { below: (share * (1_u64 << BITS) as f64) as u64 })
    }

    /// Whether the trace with this id, as OTLP writes it, is recorded.
    pub(crate) fn takes(self, trace: &[u8]) -> bool {
        let number = trace
            .chunks(8)
            .fold(0, |number, half| mix(number ^ half.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))));
        number >> (u64::BITS - BITS) < self.below
    }
}

/// Spreads numbers that differ in a few bits over the whole range: ids that an application counts up must not share one fate.
/// The finalizer of MurmurHash3 (<https://github.com/aappleby/smhasher>).
fn mix(mut number: u64) -> u64 {
    number = (number ^ number >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    number = (number ^ number >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ number >> 33
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TraceId;

    #[test]
    fn a_share_is_taken_and_the_id_decides() {
        let named = (0..2_000).map(|n| TraceId::chosen(&format!("trace {n}")).unwrap().bytes());
        let counted = (1..=2_000_u128).map(|n| n.to_be_bytes().to_vec());
        let ids: Vec<_> = named.chain(counted).collect();
        let taken = |share: f64| ids.iter().filter(|id| Sampling::new(share).unwrap().takes(id)).count();
        assert_eq!((taken(0.0), taken(1.0)), (0, ids.len()));
        assert!((800..1_200).contains(&taken(0.25)), "{}", taken(0.25));
        let (few, many) = (Sampling::new(0.1).unwrap(), Sampling::new(0.5).unwrap());
        assert!(ids.iter().all(|id| !few.takes(id) || many.takes(id)), "a larger share holds the smaller one");
    }

    #[test]
    fn the_ends_of_the_range() {
        for id in [[0; 16], [0xff; 16]] {
            assert!(Sampling::new(1.0).unwrap().takes(&id));
            assert!(!Sampling::new(0.0).unwrap().takes(&id));
        }
        for wrong in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Sampling::new(wrong), None);
        }
    }
}
