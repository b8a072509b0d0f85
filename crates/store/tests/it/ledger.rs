//! The token ledger: each call counts once, whoever tells of it, in whatever order.

use std::collections::BTreeMap;

use neuraltrust_model::{Kind, SpanId, SpanPatch, Timestamp, TraceId, Usage};
use neuraltrust_store::conformance::{keep, settle};
use neuraltrust_store::summary::{Arrived, TraceSpans, trace_row};
use neuraltrust_store::{CountReason, Filter, ListQuery, Totals};
use proptest::prelude::*;

use crate::embedded::{open, project};
use CountReason::{ModelCall, NoUsage, NotAModelCall, OnlyReport, RepeatsChildren, SameCallReportedTwice};

/// A span that tells of tokens, by the number of its parent.
#[derive(Debug, Clone)]
struct Told {
    parent: Option<usize>,
    kind: Kind,
    model: Option<&'static str>,
    /// Tokens in and out.
    usage: Option<(u64, u64)>,
    cost: Option<f64>,
}

fn told(parent: Option<usize>, kind: Kind, usage: Option<(u64, u64)>) -> Told {
    Told { parent, kind, model: None, usage, cost: None }
}

fn id(n: usize) -> SpanId {
    SpanId::new(format!("s{n:02}")).unwrap()
}

/// What is said of the spans, each field in a patch of its own.
fn patches(spans: &[Told]) -> Vec<SpanPatch> {
    let time = |n: usize| Some(Timestamp::from_nanos(1_700_000_000_000_000_000 + n as i64));
    let of = |(n, span): (usize, &Told)| {
        let empty = || SpanPatch::new(TraceId::new("t").unwrap(), id(n));
        let usage = span.usage.map(|(input, output)| Usage { input: Some(input), output: Some(output), ..Usage::default() });
        [
            SpanPatch { kind: Some(span.kind.clone()), start: time(n), parent_id: span.parent.map(id), ..empty() },
            SpanPatch { usage, end: time(n + 100), ..empty() },
            SpanPatch { model: span.model.map(str::to_owned), cost: span.cost, ..empty() },
        ]
    };
    spans.iter().enumerate().flat_map(of).collect()
}

fn merged(patches: Vec<SpanPatch>) -> TraceSpans {
    let received_at = Timestamp::from_nanos(1_800_000_000_000_000_000);
    let arrived = |patch| Arrived { received_at, patch, input: None, output: None };
    TraceSpans::merge(&TraceId::new("t").unwrap(), patches.into_iter().map(arrived))
}

/// The reasons of the tokens and of the costs, by span.
fn reasons(trace: &TraceSpans) -> BTreeMap<SpanId, (CountReason, CountReason)> {
    trace
        .spans
        .iter()
        .map(|span| (span.span_id.clone(), trace.row(span)))
        .map(|(id, row)| (id, (row.usage_reason, row.cost_reason)))
        .collect()
}

fn totals(trace: &TraceSpans) -> Totals {
    trace_row(trace).unwrap().totals
}

#[track_caller]
fn check(spans: &[Told], expect: &[CountReason], tokens: Option<u64>, calls: u64) {
    let trace = merged(patches(spans));
    let found: Vec<_> = reasons(&trace).into_values().map(|(usage, _)| usage).collect();
    assert_eq!(found, expect);
    let totals = totals(&trace);
    assert_eq!((totals.total_tokens, totals.model_calls), (tokens, calls));
}

#[test]
fn a_parent_that_repeats_its_calls_does_not_count() {
    let agent = told(None, Kind::Agent, Some((30, 12)));
    let call = |usage| told(Some(0), Kind::Generation, Some(usage));
    check(&[agent.clone(), call((10, 5)), call((20, 7))], &[RepeatsChildren, ModelCall, ModelCall], Some(42), 2);
    // Framework and application both, around a call that failed and one that did not.
    let failed = told(Some(1), Kind::Generation, None);
    let inner = told(Some(0), Kind::Chain, Some((30, 12)));
    let last = told(Some(1), Kind::Generation, Some((30, 12)));
    check(&[agent, inner, failed, last], &[RepeatsChildren, RepeatsChildren, NoUsage, ModelCall], Some(42), 2);
}

#[test]
fn a_call_within_a_call_is_the_same_where_model_and_numbers_are() {
    let outer = Told { model: Some("openai/gpt-4o"), ..told(None, Kind::Generation, Some((33, 10))) };
    let between = told(Some(0), Kind::Chain, None);
    let inner = |model, usage| Told { model: Some(model), ..told(Some(1), Kind::Generation, Some(usage)) };
    let reported = |inner| [outer.clone(), between.clone(), inner];
    let twice = [SameCallReportedTwice, NotAModelCall, ModelCall];
    check(&reported(inner("gpt-4o-2024-08-06", (33, 10))), &twice, Some(43), 1);
    let sum = [RepeatsChildren, NotAModelCall, ModelCall];
    check(&reported(inner("claude", (33, 10))), &sum, Some(43), 1);
    check(&reported(inner("gpt-4o", (33, 9))), &sum, Some(42), 1);
}

#[test]
fn what_only_one_tells_counts() {
    let agent = told(None, Kind::Agent, Some((30, 12)));
    let call = told(Some(0), Kind::Generation, None);
    check(std::slice::from_ref(&agent), &[OnlyReport], Some(42), 0);
    check(&[agent, call], &[OnlyReport, NoUsage], Some(42), 1);
    // Two agents that tell, one within the other.
    let (outer, inner) = (told(None, Kind::Agent, Some((30, 12))), told(Some(0), Kind::Agent, Some((30, 12))));
    check(&[outer, inner], &[RepeatsChildren, OnlyReport], Some(42), 0);
}

#[test]
fn an_embedding_is_not_what_a_generation_says() {
    let agent = told(None, Kind::Agent, Some((30, 12)));
    let embedding = |parent| told(Some(parent), Kind::Embedding, Some((5, 0)));
    check(&[agent, embedding(0)], &[OnlyReport, ModelCall], Some(47), 1);
    let call = told(None, Kind::Generation, Some((30, 12)));
    check(&[call, embedding(0)], &[ModelCall, ModelCall], Some(47), 2);
    let around = told(None, Kind::Chain, Some((5, 0)));
    check(&[around, embedding(0)], &[RepeatsChildren, ModelCall], Some(5), 1);
}

#[test]
fn a_part_of_a_call_does_not_count() {
    let call = told(None, Kind::Generation, Some((30, 12)));
    check(&[call, told(Some(0), Kind::Chain, Some((30, 12)))], &[ModelCall, NotAModelCall], Some(42), 1);
}

#[test]
fn costs_are_counted_by_themselves() {
    // The one around knows the cost, the one within the tokens.
    let outer = Told { cost: Some(0.5), ..told(None, Kind::Generation, None) };
    let trace = merged(patches(&[outer, told(Some(0), Kind::Generation, Some((30, 12)))]));
    assert_eq!(reasons(&trace).into_values().collect::<Vec<_>>(), [(NoUsage, ModelCall), (ModelCall, NoUsage)]);
    assert_eq!((totals(&trace).cost, totals(&trace).total_tokens), (Some(0.5), Some(42)));
    let twice = |parent| Told { cost: Some(0.5), ..told(parent, Kind::Generation, None) };
    let trace = merged(patches(&[twice(None), twice(Some(0))]));
    assert_eq!(totals(&trace).cost, Some(0.5));
}

/// A row in a list says the same as in its trace, though what it says depends on spans that came later.
#[tokio::test]
async fn lists_follow_when_others_decide() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let spans = [
        told(None, Kind::Agent, Some((30, 12))),
        told(Some(0), Kind::Chain, Some((30, 12))),
        told(Some(1), Kind::Generation, Some((30, 12))),
        told(Some(2), Kind::Tool, Some((1, 1))),
    ];
    let all = patches(&spans);
    // Parents first, children first, and then a step that is placed elsewhere.
    let moved = SpanPatch {
        parent_id: Some(SpanId::new("s00").unwrap()),
        ..SpanPatch::new(TraceId::new("t").unwrap(), crate::ledger::id(2))
    };
    let batches = [&all[0..2], &all[9..], &all[3..5], &all[6..8], &all[2..3], &[moved]];
    for batch in batches {
        keep(&store, id, [batch.to_vec()]).await;
        settle(&store).await;
        let detail = store.project(id).trace(TraceId::new("t").unwrap()).await.unwrap().unwrap();
        let query = ListQuery { filter: Filter::default(), limit: 100, ..ListQuery::default() };
        let listed = store.project(id).spans(query).await.unwrap().items;
        assert_eq!(listed.len(), detail.spans.len());
        for row in &detail.spans {
            assert!(listed.contains(row), "{row:?} is another in {listed:?}");
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => Just(Kind::Generation),
        1 => Just(Kind::Embedding),
        1 => Just(Kind::Agent),
        1 => Just(Kind::Chain),
        1 => Just(Kind::Tool),
    ]
}

/// Any spans: parents may come later, never, or form circles.
fn any_spans() -> impl Strategy<Value = Vec<Told>> {
    let models = prop_oneof![Just(None), Just(Some("gpt-4o")), Just(Some("claude"))];
    let usage = proptest::option::weighted(0.7, (0..4_u64, 0..4_u64));
    let cost = proptest::option::weighted(0.5, (0..4_u8).prop_map(|tenths| f64::from(tenths) / 10.0));
    let span = (proptest::option::weighted(0.8, 0..14_usize), kinds(), models, usage, cost);
    let span = span.prop_map(|(parent, kind, model, usage, cost)| Told { parent, kind, model, usage, cost });
    proptest::collection::vec(span, 1..12)
}

/// Each patch at least once, in any order.
fn in_any_order(all: Vec<SpanPatch>) -> impl Strategy<Value = Vec<SpanPatch>> {
    let retried = proptest::sample::subsequence(all.clone(), 0..=all.len());
    retried.prop_flat_map(move |retried| Just([all.clone(), retried].concat()).prop_shuffle())
}

/// The spans above a span, from the nearest, as far as they do not come round again.
fn above(spans: &[Told], n: usize) -> Vec<usize> {
    let mut line = Vec::new();
    let mut at = spans[n].parent;
    while let Some(parent) = at.filter(|parent| *parent < spans.len() && *parent != n && !line.contains(parent)) {
        line.push(parent);
        at = spans[parent].parent;
    }
    line
}

proptest! {
    #[test]
    fn order_and_retries_change_nothing((spans, arrived) in any_spans().prop_flat_map(|spans| {
        let arrived = in_any_order(patches(&spans));
        (Just(spans), arrived)
    })) {
        let (in_order, in_disorder) = (merged(patches(&spans)), merged(arrived));
        prop_assert_eq!(reasons(&in_order), reasons(&in_disorder));
        prop_assert_eq!(totals(&in_order), totals(&in_disorder));
    }

    /// Without circles, whose lines have no top.
    #[test]
    fn every_report_counts_once(mut spans in any_spans()) {
        for (n, span) in spans.iter_mut().enumerate() {
            span.parent = span.parent.filter(|parent| *parent < n);
        }
        let trace = merged(patches(&spans));
        let counted: Vec<bool> = reasons(&trace).into_values().map(|(usage, _)| usage.counts()).collect();
        let in_line = |a: usize, b: usize| above(&spans, a).contains(&b) || above(&spans, b).contains(&a);
        let mut sum = 0;
        for (n, span) in spans.iter().enumerate() {
            let Some((input, output)) = span.usage else {
                prop_assert!(!counted[n], "{n} reports nothing");
                continue;
            };
            if counted[n] {
                sum += input + output;
                let same_kind = |other: usize| spans[other].kind == span.kind && counted[other] && in_line(n, other);
                prop_assert!(!(0..spans.len()).any(same_kind), "{n} and one above or below it count");
            } else {
                prop_assert!((0..spans.len()).any(|other| counted[other] && in_line(n, other)), "{n} is lost");
            }
        }
        prop_assert_eq!(totals(&trace).total_tokens.unwrap_or(0), sum);
    }

    /// Sums above calls, however many, add nothing to what the calls say.
    #[test]
    fn totals_are_those_of_the_leaves(
        groups in proptest::collection::vec((0..4_usize, 0..9_u64), 1..5),
        leaves in proptest::collection::vec((0..4_usize, 1..100_u64, 1..100_u64), 1..8),
    ) {
        let mut spans: Vec<Told> = Vec::new();
        for (n, (parent, tokens)) in groups.iter().enumerate() {
            let kind = if n % 2 == 0 { Kind::Agent } else { Kind::Generation };
            spans.push(told((n > 0).then(|| parent % n.max(1)), kind, Some((*tokens, *tokens))));
        }
        let inner = spans.len();
        let mut sum = 0;
        // Each group has a call of its own, so that none of them is a leaf.
        for (n, (parent, input, output)) in (0..inner).map(|n| (n, 1, 1)).chain(leaves).enumerate() {
            spans.push(told(Some(if n < inner { n } else { parent % inner }), Kind::Generation, Some((input, output))));
            sum += input + output;
        }
        prop_assert_eq!(totals(&merged(patches(&spans))).total_tokens, Some(sum));
    }
}
