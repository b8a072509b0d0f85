//! The values of a field that are not kept, as one group.

use std::collections::BTreeSet;

use super::NONE;
use super::found::Found;
use crate::aggregate::{Aggregate, Group, MAX_GROUPS_BY};

/// The code of all values that are not kept.
pub(super) const OTHERS: u32 = u32::MAX;

impl Found {
    /// Puts what has a value that is not kept into one group with all of its kind, where that is asked for.
    pub(super) fn fold_others(&mut self, query: &Aggregate) {
        let mut folded: [Vec<bool>; MAX_GROUPS_BY] = Default::default();
        for (n, (group, folded)) in query.group_by.iter().zip(&mut folded).enumerate() {
            if matches!(group, Group::Field { others: true, .. }) {
                *folded = self.places(n, group, query).iter().map(Option::is_none).collect();
            }
        }
        if folded.iter().all(Vec::is_empty) {
            return;
        }
        let mut seen: [BTreeSet<u32>; MAX_GROUPS_BY] = Default::default();
        let (groups, sizes) = (std::mem::take(&mut self.groups), std::mem::take(&mut self.sizes));
        let mut numbers = Vec::with_capacity(sizes.len());
        for (mut codes, size) in groups.codes.into_iter().zip(sizes) {
            for ((code, folded), seen) in codes.iter_mut().zip(&folded).zip(&mut seen) {
                if *code != NONE && folded.get(*code as usize) == Some(&true) {
                    seen.insert(*code);
                    *code = OTHERS;
                }
            }
            // There is room: they become fewer.
            numbers.push(self.add(codes, size));
        }
        for (of_segment, _) in &mut self.segments {
            for number in of_segment {
                *number = number.and_then(|number| numbers.get(number as usize).copied().flatten());
            }
        }
        self.others = seen.map(|codes| codes.len() as u64);
    }
}

/// Where the others stand among the values of a field: behind all, and behind what has no value.
pub(super) const fn place(code: u32) -> Option<u32> {
    match code {
        OTHERS => Some(u32::MAX),
        _ => None,
    }
}
