//! Calls that several steps tell of: which of them counts.
//!
//! A client and an instrumentation around it may tell of one call in two places that have nothing to do with each other, even in
//! two traces. Both name the answer as the model's API does. Of the steps that name the same answer at the same time one
//! counts: one that is a step of something before one that stands alone, and then the one that began first. An id that comes
//! again later is none of them: models that are made up for tests answer with the same one always.

use std::cmp::Reverse;
use std::collections::HashMap;

use neuraltrust_model::{Span, SpanId, Timestamp, TraceId, attributes};

/// How far apart the clocks of two that tell of one call may be, in nanoseconds.
const CLOCKS_DIFFER: i64 = 1_000_000_000;
/// Longest id that names an answer, in bytes.
const MAX_ID_BYTES: usize = 256;

/// The id of the answer that a span tells of.
pub(crate) fn answer_id(attributes: &neuraltrust_model::Map) -> Option<&str> {
    let id = attributes.get(attributes::RESPONSE_ID)?.as_str()?;
    (1..=MAX_ID_BYTES).contains(&id.len()).then_some(id)
}

/// A model call that names its answer, as others that name it see it.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// Where the span is in its trace.
    pub(super) position: usize,
    pub(super) id: String,
    rank: Rank,
    until: Timestamp,
    /// Whether it would count as a call, its tokens, and its cost, if nobody else told of the answer.
    pub(super) counts: [bool; 3],
}

/// Which of two counts: the lower.
type Rank = (Reverse<bool>, Timestamp, TraceId, SpanId);

/// What is counted of an answer: the call, its tokens, and its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Call,
    Usage,
    Cost,
}

pub(super) const PARTS: [Part; 3] = [Part::Call, Part::Usage, Part::Cost];

impl Answer {
    /// What a span at that position says of its answer; `None` where it names none.
    pub(super) fn of(span: &Span, position: usize, counts: [bool; 3]) -> Option<Self> {
        let id = answer_id(&span.attributes)?.to_owned();
        let from = span.time();
        let rank = (Reverse(span.parent_id.is_some()), from, span.trace_id.clone(), span.span_id.clone());
        Some(Self { position, id, rank, until: span.end.unwrap_or(from).max(from), counts })
    }

    /// The trace of the span.
    pub(super) const fn trace(&self) -> &TraceId {
        &self.rank.2
    }

    const fn counts(&self, part: Part) -> bool {
        self.counts[part as usize]
    }

    fn from(&self) -> i64 {
        self.rank.1.as_nanos().saturating_sub(CLOCKS_DIFFER)
    }
}

/// Answers by their ids, each list by rank.
pub(super) struct Told<'a>(HashMap<&'a str, Vec<&'a Answer>>);

impl<'a> Told<'a> {
    pub(super) fn new(answers: impl IntoIterator<Item = &'a Answer>) -> Self {
        let mut by_id: HashMap<&str, Vec<&Answer>> = HashMap::new();
        for answer in answers {
            by_id.entry(&answer.id).or_default().push(answer);
        }
        by_id.values_mut().for_each(|told| told.sort_by(|a, b| a.rank.cmp(&b.rank)));
        Self(by_id)
    }

    /// The answers that more than one tells of, those who tell of each together.
    pub(super) fn several(&self) -> impl Iterator<Item = Several<'a, '_>> {
        self.0.values().filter(|told| told.len() > 1).map(|told| Several(told))
    }
}

/// Those who tell of one answer, by rank.
pub(super) struct Several<'a, 't>(&'t [&'a Answer]);

impl<'a> Several<'a, '_> {
    pub(super) fn all(&self) -> impl Iterator<Item = &'a Answer> {
        self.0.iter().copied()
    }

    /// Those of whom a part does not count, since it counts where another tells of it.
    pub(super) fn repeats(&self, part: Part) -> Vec<&'a Answer> {
        let counting = || self.0.iter().copied().filter(|answer| answer.counts(part));
        let (steps, alone): (Vec<_>, Vec<_>) = counting().partition(|answer| answer.rank.0.0);
        let steps_at = Times::of(&steps);
        let mut repeats = Vec::new();
        for class in [&steps, &alone] {
            // They are in the order of their beginnings, so the latest end so far tells whether one before was still there.
            let mut until = None::<Timestamp>;
            for answer in class {
                let before = until.is_some_and(|until| until.as_nanos() >= answer.from());
                if before || (!answer.rank.0.0 && steps_at.meet(answer)) {
                    repeats.push(*answer);
                }
                until = until.max(Some(answer.until));
            }
        }
        repeats
    }

    /// Those whose tokens count and of whom another says what the call cost.
    pub(super) fn costs_told_elsewhere(&self) -> Vec<&'a Answer> {
        let mut telling: Vec<&Answer> = self.0.iter().copied().filter(|answer| answer.counts(Part::Cost)).collect();
        telling.sort_by_key(|answer| answer.rank.1);
        let times = Times::of(&telling);
        let silent = self.0.iter().copied().filter(|answer| answer.counts(Part::Usage) && !answer.counts(Part::Cost));
        silent.filter(|answer| times.meet(answer)).collect()
    }
}

/// When answers were given: their beginnings in order, and the latest end up to each.
struct Times {
    from: Vec<i64>,
    until: Vec<i64>,
}

impl Times {
    /// NOTE: of answers in the order of their beginnings.
    fn of(answers: &[&Answer]) -> Self {
        let latest = |latest: &mut i64, answer: &&Answer| {
            *latest = answer.until.as_nanos().max(*latest);
            Some(*latest)
        };
        Self {
            from: answers.iter().map(|answer| answer.from()).collect(),
            until: answers.iter().scan(i64::MIN, latest).collect(),
        }
    }

    /// Whether one of them was there at the same time.
    fn meet(&self, answer: &Answer) -> bool {
        let begun = self.from.partition_point(|from| *from <= answer.until.as_nanos());
        begun > 0 && self.until.get(begun - 1).is_some_and(|until| *until >= answer.from())
    }
}
