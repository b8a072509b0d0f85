//! Random histories: any order, any batches, retries and a restart give what a look through the steps gives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use neuraltrust_model::{Content, ConversationId, Document, Map, Message, Part, SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::conformance::{
    Call, Step, call_patches, check_calls, check_contexts, check_shown, keep, patches, settle, shown,
};
use neuraltrust_store::embedded::verify;
use neuraltrust_store::{Asked, ProjectId, Store};
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
            check_contexts(&store.project(id), &calls).await;
        });
    }
}

/// What happens to a store, one after the other.
#[derive(Debug, Clone)]
enum Event {
    /// A span of the trace says a content of that form and number.
    Say {
        trace: u8,
        form: u8,
        number: u8,
    },
    /// The root of the trace names its conversation.
    Name {
        trace: u8,
        conversation: u8,
    },
    /// The trace is asked to be erased; it goes while others happen.
    Erase {
        trace: u8,
    },
    /// The lists are waited for, and with them the contents that move.
    Settle,
    Restart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        8 => (0..4_u8, 0..5_u8, 0..12_u8).prop_map(|(trace, form, number)| Event::Say { trace, form, number }),
        3 => (0..4_u8, 0..2_u8).prop_map(|(trace, conversation)| Event::Name { trace, conversation }),
        2 => (0..4_u8).prop_map(|trace| Event::Erase { trace }),
        1 => Just(Event::Settle),
        1 => Just(Event::Restart),
    ];
    vec(event, 1..30)
}

/// Contents that share parts with others of other numbers, small and large.
fn content(form: u8, number: u8) -> Content {
    let words = |n: u8| format!("word{n} {}", "and on and on ".repeat(usize::from(n) % 5 * 8 + 3));
    match form {
        0 => Content::text(words(number)),
        1 => Content::text(words(number).repeat(60)),
        2 => Content::Json { value: serde_json::json!({ "rows": vec![words(number); 40] }) },
        3 => Content::Documents {
            documents: (number..number + 4)
                .map(|n| Document { content: Some(words(n).repeat(4)), ..Document::default() })
                .collect(),
        },
        _ => Content::Messages {
            messages: (0..=number)
                .map(|n| Message {
                    role: "user".to_owned(),
                    parts: vec![Part::Text { text: words(n).repeat(2) }],
                    extra: Map::new(),
                })
                .collect(),
        },
    }
}

/// What a store should hold: the spans of each trace with their contents, and the conversation that it names.
#[derive(Debug, Default)]
struct Model {
    said: BTreeMap<(u8, String), Content>,
    rooted: BTreeMap<u8, u8>,
}

impl Model {
    fn conversations(&self) -> BTreeSet<String> {
        let traces: BTreeSet<u8> = self.said.keys().map(|(trace, _)| *trace).chain(self.rooted.keys().copied()).collect();
        traces.iter().map(|trace| self.conversation_of(*trace)).collect()
    }

    fn conversation_of(&self, trace: u8) -> String {
        self.rooted.get(&trace).map_or_else(|| format!("t{trace}"), |conversation| format!("c{conversation}"))
    }
}

async fn check_events(path: &Path, events: &[Event]) {
    let mut store = open(path);
    let id = store.accounts().create_project("p").unwrap();
    let mut model = Model::default();
    let patch = |trace: u8, span: &str, n: usize| SpanPatch {
        start: Some(Timestamp::from_nanos(1_700_000_000_000_000_000 + n as i64)),
        ..SpanPatch::new(TraceId::new(format!("t{trace}")).unwrap(), SpanId::new(span).unwrap())
    };
    let at = |n: usize| Timestamp::from_nanos(1_800_000_000_000_000_000 + n as i64);
    for (n, event) in events.iter().enumerate() {
        match event {
            Event::Say { trace, form, number } => {
                let (span, said) = (format!("s{n}"), content(*form, *number));
                let parent_id = Some(SpanId::new("root").unwrap());
                let told = SpanPatch { parent_id, input: Some(said.clone()), ..patch(*trace, &span, n) };
                store.append(id, vec![told], at(n)).await.unwrap();
                model.said.insert((*trace, span), said);
            }
            Event::Name { trace, conversation } => {
                let conversation_id = Some(ConversationId::new(format!("c{conversation}")).unwrap());
                store.append(id, vec![SpanPatch { conversation_id, ..patch(*trace, "root", n) }], at(n)).await.unwrap();
                model.rooted.insert(*trace, *conversation);
            }
            Event::Erase { trace } => {
                store.project(id).erase(Asked::Trace(TraceId::new(format!("t{trace}")).unwrap())).await.unwrap();
                model.said.retain(|(of, _), _| of != trace);
                model.rooted.remove(trace);
            }
            Event::Settle => settle(&store).await,
            Event::Restart => {
                drop(store);
                store = open(path);
            }
        }
    }
    let project = store.project(id);
    for _ in 0..1_200 {
        if project.erasures(None, 100).await.unwrap().iter().all(|erasure| erasure.done_at.is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    settle(&store).await;
    for ((trace, span), said) in &model.said {
        let (trace_id, span_id) = (TraceId::new(format!("t{trace}")).unwrap(), SpanId::new(&**span).unwrap());
        let read = project.span(trace_id, span_id).await.unwrap().unwrap_or_else(|| panic!("{span} of {trace} is lost"));
        assert_eq!(read.input.as_ref(), Some(said));
        assert_eq!(read.row.conversation_id.as_str(), model.conversation_of(*trace));
    }
    let shown = shown(&project, 100).await;
    assert_eq!(shown.spans.len(), model.said.len() + model.rooted.len(), "each span once, and nothing that was erased");
    let conversations: BTreeSet<_> = shown.conversations.iter().map(|row| row.conversation_id.to_string()).collect();
    assert_eq!(conversations, model.conversations());
    store.close().await.unwrap();
    drop((project, store));
    assert_eq!(verify(path, |_, _| {}).unwrap().findings, Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_moved_and_erased_is_what_the_events_say(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            check_events(dir.path(), &events).await;
        });
    }
}
