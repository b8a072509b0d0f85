//! What the calls of a trace cost where nobody told it.
//!
//! A cost is worked out where the tokens of a span count and neither it nor any span above or below it tells of a cost that
//! counts: what a client told wins, and nothing is counted twice.

use neuraltrust_model::Span;

use super::merge::TraceSpans;
use crate::prices::{CostSource, NoCost, Prices};

impl TraceSpans {
    /// Gives spans their costs. NOTE: once, right after the merge, while `cost` of a span is what its client told.
    pub(crate) fn price(&mut self, prices: &Prices) {
        debug_assert!(self.priced.is_empty());
        let told = self.near_told_costs();
        let priced = (0..self.spans.len()).map(|n| {
            let span = &self.spans[n];
            match (self.ledger.usage(n).counts(), told[n]) {
                _ if span.cost.is_some() => Err(NoCost::CountedElsewhere),
                (false, _) => Err(NoCost::NotCounted),
                (true, true) => Err(NoCost::CountedElsewhere),
                (true, false) if self.ledger.cost_is_told_elsewhere(n) => Err(NoCost::CountedElsewhere),
                (true, false) => prices.of(span),
            }
        });
        self.priced = priced.collect();
        for (n, priced) in self.priced.iter().enumerate() {
            if let Ok(priced) = priced {
                self.spans[n].cost = Some(priced.cost());
                self.ledger.price(n);
            }
        }
    }

    /// For each span, whether one above or below it tells of a cost that counts.
    fn near_told_costs(&self) -> Vec<bool> {
        let told = |n: usize| self.ledger.cost(n).counts();
        let mut above = vec![false; self.spans.len()];
        let mut below = vec![false; self.spans.len()];
        for n in self.tree.downwards() {
            above[n] = self.tree.parent(n).is_some_and(|parent| above[parent] || told(parent));
        }
        for n in self.tree.downwards().rev() {
            if let Some(parent) = self.tree.parent(n) {
                below[parent] |= below[n] || told(n);
            }
        }
        above.iter().zip(below).map(|(above, below)| *above || below).collect()
    }

    /// Where the cost of a span is from.
    pub(super) fn cost_source(&self, n: usize, span: &Span) -> Option<CostSource> {
        match self.priced.get(n) {
            Some(Ok(priced)) => Some(priced.source),
            _ => span.cost.map(|_| CostSource::Client),
        }
    }

    /// Adds to the `affected` spans the calls below a span that is `changed` and tells of a cost: theirs may have been worked out
    /// before.
    pub(super) fn add_repriced(&self, changed: &[bool], affected: &mut [bool]) {
        let tells = |n: usize| changed[n] && self.cost_source(n, &self.spans[n]) == Some(CostSource::Client);
        let mut below = vec![false; self.spans.len()];
        for n in self.tree.downwards() {
            below[n] = self.tree.parent(n).is_some_and(|parent| below[parent] || tells(parent));
            affected[n] |= below[n] && self.ledger.usage(n).counts();
        }
    }
}
