//! The token ledger: which spans count towards the tokens and the cost of their trace, and why the others do not.
//!
//! Several spans may tell of one model call: the client's own and an instrumentation's around it, or an agent that repeats the
//! sum of its calls. The innermost call is nearest to the model's API, so it is the one that counts; what is above it repeats
//! it. A span that is no call counts where nobody else in its line tells of tokens. Two calls that name the same answer of
//! the model are one, wherever they are ([`answers`](super::answers)).
//!
//! Only the shape of the trace and what its spans say decide, never the order in which they came.

use std::collections::BTreeSet;

use neuraltrust_model::{Kind, Span, Usage};

use super::answers::{Answer, PARTS, Part, Told};
use super::tree::Tree;
use crate::rows::CountReason;

/// For each span of a trace, by its position, what of it counts.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    usage: Vec<CountReason>,
    cost: Vec<CountReason>,
    calls: Vec<bool>,
    /// The calls that name their answers, as if nobody else told of them.
    answers: Vec<Answer>,
    /// Calls of whose answers others tell too, by position.
    shared: BTreeSet<usize>,
    /// ... of which another says what they cost.
    costs_elsewhere: BTreeSet<usize>,
}

impl Ledger {
    pub(super) fn new(spans: &[Span], tree: &Tree) -> Self {
        let mut calls: Vec<bool> = spans.iter().map(|span| lane_of_call(span).is_some()).collect();
        for (n, around) in around_calls(spans, tree, |span| lane_of_call(span).is_some()).into_iter().enumerate() {
            calls[n] &= !around;
        }
        let usage = reasons(spans, tree, reports_usage, |a, b| same_numbers(a.usage, b.usage));
        let cost = reasons(spans, tree, |span| span.cost.is_some(), |a, b| a.cost == b.cost);
        let is_call = |reason: CountReason| reason == CountReason::ModelCall;
        let answer = |(n, span): (usize, &Span)| {
            lane_of_call(span)?;
            Answer::of(span, n, [calls[n], is_call(usage[n]), is_call(cost[n])])
        };
        let answers = spans.iter().enumerate().filter_map(answer).collect();
        let mut ledger = Self { usage, cost, calls, answers, shared: BTreeSet::new(), costs_elsewhere: BTreeSet::new() };
        ledger.count_once([], CountReason::SameCallReportedTwice);
        ledger
    }

    /// The calls that name their answers, each with the position of its span.
    pub(super) fn answers(&self) -> impl Iterator<Item = (usize, &str)> {
        self.answers.iter().map(|answer| (answer.position, answer.id.as_str()))
    }

    /// Has a call that other traces tell of as well count in one of them. NOTE: before it is priced.
    pub(super) fn count_once_with<'a>(&mut self, others: impl IntoIterator<Item = &'a Self>) {
        self.count_once(others, CountReason::SameCallInAnotherTrace);
    }

    /// Calls of whose answers others tell too, by position.
    pub(super) const fn shared(&self) -> &BTreeSet<usize> {
        &self.shared
    }

    /// Whether another that tells of the answer of this call says what it cost.
    pub(super) fn cost_is_told_elsewhere(&self, n: usize) -> bool {
        self.costs_elsewhere.contains(&n)
    }

    fn count_once<'a>(&mut self, others: impl IntoIterator<Item = &'a Self>, reason: CountReason) {
        let own = std::mem::take(&mut self.answers);
        let Some(trace) = own.first().map(Answer::trace) else { return };
        let told = Told::new(own.iter().chain(others.into_iter().flat_map(|other| &other.answers)));
        let is_own = |answer: &&Answer| answer.trace() == trace;
        for several in told.several() {
            self.shared.extend(several.all().filter(is_own).map(|answer| answer.position));
            self.costs_elsewhere.extend(several.costs_told_elsewhere().into_iter().filter(is_own).map(|answer| answer.position));
            for part in PARTS {
                for n in several.repeats(part).into_iter().filter(is_own).map(|answer| answer.position) {
                    match part {
                        Part::Call => self.calls[n] = false,
                        Part::Usage if self.usage[n].counts() => self.usage[n] = reason,
                        Part::Cost if self.cost[n].counts() => self.cost[n] = reason,
                        Part::Usage | Part::Cost => {}
                    }
                }
            }
        }
        self.answers = own;
    }

    /// Whether the tokens of a span count, and why.
    pub(super) fn usage(&self, n: usize) -> CountReason {
        self.usage.get(n).copied().unwrap_or(CountReason::NoUsage)
    }

    /// Whether the cost of a span counts, and why.
    pub(super) fn cost(&self, n: usize) -> CountReason {
        self.cost.get(n).copied().unwrap_or(CountReason::NoUsage)
    }

    /// Has the cost of a span count for the reason for which its tokens do: it was worked out from them.
    pub(super) fn price(&mut self, n: usize) {
        let reason = self.usage(n);
        if let Some(cost) = self.cost.get_mut(n) {
            *cost = reason;
        }
    }

    /// Whether the span is a model call, and not around one.
    pub(super) fn is_call(&self, n: usize) -> bool {
        self.calls.get(n).copied().unwrap_or_default()
    }

    /// Which rows say something else when the spans that are `changed` do: their own, and those whose tokens may now count
    /// otherwise.
    pub(super) fn affected(spans: &[Span], tree: &Tree, changed: &[bool]) -> Vec<bool> {
        let reports = |n: usize| reports_usage(&spans[n]) || spans[n].cost.is_some();
        let mut affected = changed.to_vec();
        // A call or a sum depends on what is below it, a sum on the calls above it too.
        let mut below = vec![false; spans.len()];
        let mut above = vec![false; spans.len()];
        for n in tree.downwards() {
            below[n] = tree.parent(n).is_some_and(|parent| changed[parent] || below[parent]);
        }
        for n in tree.downwards().rev() {
            if let Some(parent) = tree.parent(n) {
                above[parent] |= changed[n] || above[n];
            }
        }
        for n in 0..spans.len() {
            affected[n] |= reports(n) && (above[n] || (below[n] && lane_of_call(&spans[n]).is_none()));
        }
        affected
    }
}

/// Words and embeddings are counted apart: a call of one kind does not repeat one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Words,
    Embeddings,
}

const LANES: [Lane; 2] = [Lane::Words, Lane::Embeddings];

fn lane_of_call(span: &Span) -> Option<Lane> {
    match span.kind {
        Some(Kind::Generation) => Some(Lane::Words),
        Some(Kind::Embedding) => Some(Lane::Embeddings),
        _ => None,
    }
}

/// Whose numbers a span would repeat. What tells of tokens that came out tells of more than embeddings.
fn covers(span: &Span) -> &'static [Lane] {
    match lane_of_call(span) {
        Some(Lane::Words) => &LANES[..1],
        Some(Lane::Embeddings) => &LANES[1..],
        None if span.usage.and_then(|usage| usage.output).is_some_and(|output| output > 0) => &LANES[..1],
        None => &LANES,
    }
}

/// What is counted below a span in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Nothing,
    One(usize),
    Several,
}

impl Counted {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            _ => Self::Several,
        }
    }
}

/// Which calls have another call of their lane below them, of those calls that are `asked` for.
fn around_calls(spans: &[Span], tree: &Tree, asked: impl Fn(&Span) -> bool) -> Vec<bool> {
    let mut below = vec![[false; 2]; spans.len()];
    let mut around = vec![false; spans.len()];
    for n in tree.downwards().rev() {
        let mut within = below[n];
        if let Some(lane) = lane_of_call(&spans[n]).filter(|_| asked(&spans[n])) {
            around[n] = within[lane as usize];
            within[lane as usize] = true;
        }
        if let Some(parent) = tree.parent(n) {
            below[parent] = std::array::from_fn(|lane| below[parent][lane] || within[lane]);
        }
    }
    around
}

/// The reason of each span. `reports` says whether a span tells of what is counted, `same` whether two tell of the same.
fn reasons(
    spans: &[Span],
    tree: &Tree,
    reports: impl Fn(&Span) -> bool,
    same: impl Fn(&Span, &Span) -> bool,
) -> Vec<CountReason> {
    let around = around_calls(spans, tree, &reports);
    let counts = |n: usize| lane_of_call(&spans[n]).is_some() && reports(&spans[n]) && !around[n];
    let mut in_call = vec![false; spans.len()];
    for n in tree.downwards() {
        in_call[n] = tree.parent(n).is_some_and(|parent| in_call[parent] || counts(parent));
    }
    let mut below = vec![[Counted::Nothing; 2]; spans.len()];
    let mut reasons = vec![CountReason::NoUsage; spans.len()];
    for n in tree.downwards().rev() {
        let span = &spans[n];
        let call = lane_of_call(span);
        let repeated = covers(span).iter().fold(Counted::Nothing, |counted, lane| counted.and(below[n][*lane as usize]));
        let reason = match (reports(span), call, repeated) {
            (false, Some(_), _) => CountReason::NoUsage,
            (false, None, _) => CountReason::NotAModelCall,
            (true, Some(_), _) if counts(n) => CountReason::ModelCall,
            (true, Some(_), Counted::One(inner)) if same_model(span, &spans[inner]) && same(span, &spans[inner]) => {
                CountReason::SameCallReportedTwice
            }
            (true, None, _) if in_call[n] => CountReason::NotAModelCall,
            (true, None, Counted::Nothing) => CountReason::OnlyReport,
            (true, ..) => CountReason::RepeatsChildren,
        };
        reasons[n] = reason;
        let mut within = below[n];
        if reason.counts() {
            // What is no call answers for both lanes: nobody knows what it is the sum of.
            for lane in call.as_ref().map_or(&LANES[..], std::slice::from_ref) {
                within[*lane as usize] = within[*lane as usize].and(Counted::One(n));
            }
        }
        if let Some(parent) = tree.parent(n) {
            below[parent] = std::array::from_fn(|lane| below[parent][lane].and(within[lane]));
        }
    }
    reasons
}

fn reports_usage(span: &Span) -> bool {
    span.usage.is_some_and(|usage| !usage.is_empty())
}

/// Whether two counts are of one call: what both know is the same.
fn same_numbers(a: Option<Usage>, b: Option<Usage>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    let agree = |a: Option<u64>, b: Option<u64>| a.is_none() || b.is_none() || a == b;
    let all = a.counts().into_iter().zip(b.counts()).all(|(a, b)| agree(a, b));
    a.input == b.input && a.output == b.output && all
}

/// Whether two names are of one model: `openai/gpt-4o` was asked for, and `gpt-4o-2024-08-06` answered.
fn same_model(a: &Span, b: &Span) -> bool {
    let name = |span: &'_ Span| span.model.as_ref().map(|model| model.rsplit('/').next().unwrap_or(model).to_owned());
    match (name(a), name(b)) {
        (Some(a), Some(b)) => a.starts_with(&b) || b.starts_with(&a),
        _ => true,
    }
}
