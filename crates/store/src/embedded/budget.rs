//! How long one read may take: up to a time, and no longer than somebody waits for its answer.
//!
//! A read whose time is over ends where it is; what it has found so far is told, and that it is not all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Score, SegmentReader, TERMINATED};

use crate::StoreError;

/// Longest time that a read may take.
pub(super) const READ_WITHIN: Duration = Duration::from_secs(20);
/// Steps between two looks at the clock.
const LOOK_EVERY: u32 = 256;

/// What one read may still take.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Without end where nothing is said.
    until: Option<Instant>,
    /// Nobody waits for the answer any more.
    left: AtomicBool,
    /// The time was over before the read was.
    spent: AtomicBool,
}

/// Somebody who waits for an answer; when this is dropped, nobody does.
pub(super) struct Waiting(Budget);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.left.store(true, Ordering::Relaxed);
    }
}

impl Budget {
    /// So much time from now on.
    pub(super) fn within(time: Duration) -> Self {
        Self::until(Some(Instant::now() + time))
    }

    /// As much as it takes, for what must be whole.
    pub(super) fn unlimited() -> Self {
        Self::until(None)
    }

    fn until(until: Option<Instant>) -> Self {
        Self(Arc::new(Inner { until, left: AtomicBool::new(false), spent: AtomicBool::new(false) }))
    }

    /// Somebody waits for what is read.
    pub(super) fn waiting(&self) -> Waiting {
        Waiting(self.clone())
    }

    /// Whether to end now; looks at the clock.
    pub(super) fn is_over(&self) -> bool {
        if self.0.until.is_some_and(|until| Instant::now() >= until) {
            self.0.spent.store(true, Ordering::Relaxed);
        }
        self.has_ended()
    }

    /// Whether something has ended before it was done.
    pub(super) fn has_ended(&self) -> bool {
        self.0.spent.load(Ordering::Relaxed) || self.0.left.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`StoreError::TimedOut`] where it is time to end.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.is_over() { Err(StoreError::TimedOut(READ_WITHIN)) } else { Ok(()) }
    }
}

/// Stands before a query: finds nothing more once the time is over.
#[derive(Debug)]
pub(super) struct Limited {
    pub(super) query: Box<dyn Query>,
    pub(super) budget: Budget,
}

impl Clone for Limited {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), budget: self.budget.clone() }
    }
}

impl Query for Limited {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(LimitedWeight { weight: self.query.weight(scoring)?, budget: self.budget.clone() }))
    }
}

struct LimitedWeight {
    weight: Box<dyn Weight>,
    budget: Budget,
}

impl Weight for LimitedWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let over = self.budget.is_over();
        Ok(Box::new(LimitedScorer { scorer: self.weight.scorer(segment, boost)?, budget: self.budget.clone(), steps: 0, over }))
    }

    fn explain(&self, segment: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        self.weight.explain(segment, doc)
    }
}

struct LimitedScorer {
    scorer: Box<dyn Scorer>,
    budget: Budget,
    steps: u32,
    over: bool,
}

impl LimitedScorer {
    fn step(&mut self, steps: u32) -> bool {
        self.steps += steps;
        if self.steps >= LOOK_EVERY {
            self.steps = 0;
            self.over |= self.budget.is_over();
        }
        self.over
    }
}

impl DocSet for LimitedScorer {
    fn advance(&mut self) -> DocId {
        if self.step(1) { TERMINATED } else { self.scorer.advance() }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.step(1) { TERMINATED } else { self.scorer.seek(target) }
    }

    fn fill_buffer(&mut self, buffer: &mut [DocId; COLLECT_BLOCK_BUFFER_LEN]) -> usize {
        if self.step(COLLECT_BLOCK_BUFFER_LEN as u32) { 0 } else { self.scorer.fill_buffer(buffer) }
    }

    fn doc(&self) -> DocId {
        if self.over { TERMINATED } else { self.scorer.doc() }
    }

    fn size_hint(&self) -> u32 {
        self.scorer.size_hint()
    }

    fn cost(&self) -> u64 {
        self.scorer.cost()
    }
}

impl Scorer for LimitedScorer {
    fn score(&mut self) -> Score {
        self.scorer.score()
    }
}

#[cfg(test)]
mod tests {
    use tantivy::collector::Count;
    use tantivy::query::AllQuery;
    use tantivy::schema::{FAST, Schema};
    use tantivy::{Index, doc};

    use super::*;

    #[test]
    fn who_has_no_time_and_who_has_left_finds_nothing_more() {
        let mut schema = Schema::builder();
        let number = schema.add_u64_field("n", FAST);
        let index = Index::create_in_ram(schema.build());
        let mut writer = index.writer_with_num_threads(1, 15_000_000).unwrap();
        for n in 0..1_000_u64 {
            writer.add_document(doc!(number => n)).unwrap();
        }
        writer.commit().unwrap();
        let searcher = index.reader().unwrap().searcher();
        let found = |budget: &Budget| {
            let query = Limited { query: Box::new(AllQuery), budget: budget.clone() };
            (searcher.search(&query, &Count).unwrap(), budget.has_ended())
        };
        assert_eq!(found(&Budget::unlimited()), (1_000, false));
        assert_eq!(found(&Budget::within(Duration::from_secs(3_600))), (1_000, false));
        let spent = Budget::within(Duration::ZERO);
        assert_eq!(found(&spent), (0, true));
        assert!(matches!(spent.check(), Err(StoreError::TimedOut(_))));
        let left = Budget::unlimited();
        drop(left.waiting());
        assert_eq!(found(&left), (0, true));
    }
}
