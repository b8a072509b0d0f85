//! Which traces are recorded, where the application asks for a share of them only.
//!
//! A trace is recorded whole or not at all: its id decides, which every process that takes part in it knows.

use crate::ids::{Id, TraceId};
use crate::random::mix;

/// How finely a share is told apart, as `TraceIdRatioBased` of OpenTelemetry does.
const BITS: u32 = 63;

/// The share of traces that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sampling {
    /// A trace whose number is below this is recorded.
    below: u64,
}

impl Sampling {
    /// `None` where the share is not from 0 to 1.
    pub(crate) fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self { below: (share * (1_u64 << BITS) as f64) as u64 })
    }

    /// Whether the trace with this id is recorded.
    ///
    /// An id in W3C's form decides as it does in the sampler `TraceIdRatioBased` of OpenTelemetry's SDKs for Python, Go and
    /// Rust: its last 8 bytes are the number, and such an id must be random there. (Those for Java, .NET and JavaScript each read
    /// the id in another way; the flag of `traceparent` is what all of them agree on.) An id of the application's own may be
    /// counted up, so its number is spread first.
    pub(crate) fn takes(self, trace: &TraceId) -> bool {
        let low = trace.bytes().iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let number = match trace {
            Id::Own(_) => low,
            Id::Chosen(_) => mix(low),
        };
        number >> (u64::BITS - BITS) < self.below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> TraceId {
        TraceId::chosen(text).unwrap()
    }

    #[test]
    fn a_share_is_taken_and_the_id_decides() {
        let random = (0..2_000).map(|n| Id::Own(u128::from(mix(n + 1)).to_be_bytes()));
        let ids: Vec<_> = (0..2_000).map(|n| id(&format!("trace {n}"))).chain(random).collect();
        let taken = |share: f64| ids.iter().filter(|id| Sampling::new(share).unwrap().takes(id)).count();
        assert_eq!((taken(0.0), taken(1.0)), (0, ids.len()));
        assert!((800..1_200).contains(&taken(0.25)), "{}", taken(0.25));
        let (few, many) = (Sampling::new(0.1).unwrap(), Sampling::new(0.5).unwrap());
        assert!(ids.iter().all(|id| !few.takes(id) || many.takes(id)), "a larger share holds the smaller one");
    }

    #[test]
    fn w3c_ids_decide_as_in_opentelemetry() {
        // The bound that `TraceIdRatioBased.get_bound_for_rate(0.25)` gives is 2^62.
        let check = |trace: &str, taken: bool| assert_eq!(Sampling::new(0.25).unwrap().takes(&id(trace)), taken, "{trace}");
        check("ffffffffffffffff0000000000000001", true);
        check("ffffffffffffffff3fffffffffffffff", true);
        check("00000000000000014000000000000000", false);
        check("0000000000000001ffffffffffffffff", false);
    }

    #[test]
    fn the_ends_of_the_range() {
        for id in [Id::Own([0; 16]), Id::Own([0xff; 16])] {
            assert!(Sampling::new(1.0).unwrap().takes(&id));
            assert!(!Sampling::new(0.0).unwrap().takes(&id));
        }
        for wrong in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Sampling::new(wrong), None);
        }
    }
}
