//! Random histories: any order, any batches, retries and a restart give what a look through the steps gives.

use neuraltrust_model::SpanPatch;
use neuraltrust_store::conformance::{Step, check_shown, keep, patches, shown};
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

/// Each patch at least once, in any order, in batches of any size.
fn arrivals(steps: &[Step]) -> impl Strategy<Value = Vec<Vec<SpanPatch>>> + use<> {
    let all: Vec<SpanPatch> = steps.iter().flat_map(patches).collect();
    let retried = proptest::sample::subsequence(all.clone(), 0..=all.len());
    let order = retried.prop_flat_map(move |retried| Just([all.clone(), retried].concat()).prop_shuffle());
    (order, vec(1..6_usize, 64)).prop_map(|(patches, sizes)| {
        let mut rest = patches.into_iter();
        let batches = sizes.iter().cycle().map(|size| rest.by_ref().take(*size).collect::<Vec<_>>());
        batches.take_while(|batch| !batch.is_empty()).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_what_the_steps_say(
        (steps, arrivals, restart_after) in steps().prop_flat_map(|steps| {
            let arrivals = arrivals(&steps);
            (Just(steps), arrivals, 0..40_usize)
        })
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path());
            let id = store.accounts().create_project("p").unwrap();
            let (before, after) = arrivals.split_at(restart_after.min(arrivals.len()));
            keep(&store, id, before.iter().cloned()).await;
            drop(store);
            let store = open(dir.path());
            keep(&store, id, after.iter().cloned()).await;
            check_shown(&store.project(id), &steps).await;

            let by_arrival = shown(&store.project(id), 100).await;
            let other = store.accounts().create_project("in-order").unwrap();
            keep(&store, other, [steps.iter().flat_map(patches).collect::<Vec<_>>()]).await;
            prop_assert_eq!(by_arrival, shown(&store.project(other), 100).await);
            Ok(())
        })?;
    }
}
