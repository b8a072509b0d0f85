//! Random histories: any order, any batches, retries and a restart give what a look through the steps gives.

use std::path::Path;

use neuraltrust_model::SpanPatch;
use neuraltrust_store::conformance::{Call, Step, call_patches, check_calls, check_shown, keep, patches, shown};
use neuraltrust_store::{ProjectId, Store};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::embedded::open;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let said = (proptest::option::weighted(0.4, 0..3_u8), any::<bool>());
    btree_map((0..4_u8, 0..5_u8), said, 1..14).prop_map(|steps| {
        let step = |((trace, span), (conversation, fails))| Step { trace, span, conversation, fails };
        steps.into_iter().map(step).collect()
    })
}

/// Calls whose histories grow, fork and start anew, as those of agents do.
fn calls() -> impl Strategy<Value = Vec<Call>> {
    let history = prop_oneof![
        (0..30_u8).prop_map(|len| (0..len).collect::<Vec<_>>()),
        (0..20_u8, 20..25_u8, 0..6_u8).prop_map(|(len, fork, more)| (0..len).chain(fork..fork + more).collect()),
        vec(0..30_u8, 1..8),
    ];
    let call = (0..3_u8, proptest::option::weighted(0.5, 0..2_u8), history, 0..40_u8, any::<bool>());
    let call =
        call.prop_map(|(trace, conversation, history, answer, apart)| Call { trace, conversation, history, answer, apart });
    vec(call, 1..10)
}

/// Each patch at least once, in any order, in batches of any size.
fn arrivals(all: Vec<SpanPatch>) -> impl Strategy<Value = Vec<Vec<SpanPatch>>> + use<> {
    let retried = proptest::sample::subsequence(all.clone(), 0..=all.len());
    let order = retried.prop_flat_map(move |retried| Just([all.clone(), retried].concat()).prop_shuffle());
    (order, vec(1..6_usize, 64)).prop_map(|(patches, sizes)| {
        let mut rest = patches.into_iter();
        let batches = sizes.iter().cycle().map(|size| rest.by_ref().take(*size).collect::<Vec<_>>());
        batches.take_while(|batch| !batch.is_empty()).collect()
    })
}

/// A store that has kept the batches, with a restart on the way: what was remembered is gone with the process.
async fn kept_over_a_restart(path: &Path, arrivals: &[Vec<SpanPatch>], restart_after: usize) -> (Store, ProjectId) {
    let (before, after) = arrivals.split_at(restart_after.min(arrivals.len()));
    let store = open(path);
    let id = store.accounts().create_project("p").unwrap();
    keep(&store, id, before.iter().cloned()).await;
    drop(store);
    let store = open(path);
    keep(&store, id, after.iter().cloned()).await;
    (store, id)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_what_the_steps_say(
        (steps, arrivals, restart_after) in steps().prop_flat_map(|steps| {
            let arrivals = arrivals(steps.iter().flat_map(patches).collect());
            (Just(steps), arrivals, 0..40_usize)
        })
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let (store, id) = kept_over_a_restart(dir.path(), &arrivals, restart_after).await;
            check_shown(&store.project(id), &steps).await;

            let by_arrival = shown(&store.project(id), 100).await;
            let other = store.accounts().create_project("in-order").unwrap();
            keep(&store, other, [steps.iter().flat_map(patches).collect::<Vec<_>>()]).await;
            prop_assert_eq!(by_arrival, shown(&store.project(other), 100).await);
            Ok(())
        })?;
    }

    #[test]
    fn a_call_gives_back_what_it_was_given(
        (calls, arrivals, restart_after) in calls().prop_flat_map(|calls| {
            let all = calls.iter().enumerate().flat_map(|(n, call)| call_patches(n, call)).collect();
            (Just(calls), arrivals(all), 0..40_usize)
        })
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let (store, id) = kept_over_a_restart(dir.path(), &arrivals, restart_after).await;
            check_calls(&store.project(id), &calls).await;
        });
    }
}
