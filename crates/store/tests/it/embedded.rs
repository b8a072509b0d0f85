//! The embedded store: the conformance suite, and what can happen to a data directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use neuraltrust_model::{Content, ConversationId, Kind, SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::conformance::{self, Call, Step, call_patches, check_calls, check_shown, keep, patches, settle};
use neuraltrust_store::{EmbeddedStore, Filter, ListOf, ListQuery, ProjectId, SpanRow, Store, StoreError};

pub(crate) fn open(path: &Path) -> Store {
    Store::Embedded(Arc::new(EmbeddedStore::open(path).unwrap()))
}

pub(crate) fn project(store: &Store) -> ProjectId {
    store.accounts().project("p").or_else(|_| store.accounts().create_project("p")).unwrap()
}

macro_rules! conforms {
    ($($check:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path());
            conformance::$check(&store, project(&store)).await;
        }
    )*};
}

conforms!(
    patches_merge_and_retries_are_harmless,
    orphans_are_shown_and_verdicts_wait,
    verdicts_are_corrected_and_withdrawn,
    lists_are_filtered_and_counted,
    changes_are_announced_when_they_show,
    calls_told_of_twice_count_once,
    calls_told_of_twice_count_once_backwards,
    calls_told_of_twice_count_once_in_one_request,
);

#[tokio::test]
async fn projects_are_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let other = store.accounts().create_project("other").unwrap();
    conformance::projects_are_apart(&store, project(&store), other).await;
}

fn some_steps() -> Vec<Step> {
    (0..4)
        .flat_map(|trace| {
            (0..3).map(move |span| Step { trace, span, conversation: (span == 2).then_some(trace / 2), fails: false })
        })
        .collect()
}

#[tokio::test]
async fn a_store_can_be_closed_and_opened() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    keep(&store, id, some_steps().iter().map(patches)).await;
    store.close().await.unwrap();
    let refused = store.append(id, patches(&some_steps()[0]), Timestamp::from_nanos(0)).await;
    assert!(matches!(refused, Err(StoreError::Stopped)), "{refused:?}");
    drop(store);
    let store = open(dir.path());
    check_shown(&store.project(id), &some_steps()).await;
}

/// Acknowledged, and then nothing more happens in order: the lists are made complete by the next opening.
#[tokio::test]
async fn an_index_that_is_gone_or_damaged_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    keep(&store, id, some_steps().iter().map(patches)).await;
    drop(store);
    let index = dir.path().join("index");
    for damage in ["meta.json", "everything"] {
        match damage {
            "meta.json" => std::fs::write(index.join("meta.json"), "{ not the index").unwrap(),
            _ => std::fs::remove_dir_all(&index).unwrap(),
        }
        let store = open(dir.path());
        settle(&store).await;
        check_shown(&store.project(id), &some_steps()).await;
    }
    EmbeddedStore::reindex(dir.path(), |_| {}).await.unwrap();
    check_shown(&open(dir.path()).project(id), &some_steps()).await;
}

#[tokio::test]
async fn a_directory_has_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let second = EmbeddedStore::open(dir.path());
    assert!(matches!(second, Err(StoreError::Locked { .. })), "{second:?}");
    assert!(EmbeddedStore::reindex(dir.path(), |_| {}).await.is_err());
    drop(store);
    open(dir.path());
}

#[test]
fn a_directory_that_is_none_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = EmbeddedStore::open(&file).unwrap_err();
    assert!(refused.to_string().contains(file.to_str().unwrap()), "{refused}");
}

#[test]
fn a_record_of_another_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(dir.path()).unwrap());
    let record = rusqlite::Connection::open(dir.path().join("record.sqlite")).unwrap();
    record.execute("UPDATE meta SET value = '99' WHERE key = 'format'", []).unwrap();
    drop(record);
    let refused = EmbeddedStore::open(dir.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Format { known: 3, .. }), "{refused:?}");
}

#[tokio::test]
async fn one_patch_over_the_limit_is_refused_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let small = SpanPatch::new(TraceId::new("t").unwrap(), SpanId::new("small").unwrap());
    let large = SpanPatch {
        input: Some(Content::text("x".repeat(33 << 20))),
        ..SpanPatch::new(TraceId::new("t").unwrap(), SpanId::new("large").unwrap())
    };
    let appended = store.append(id, vec![large, small], Timestamp::from_nanos(0)).await.unwrap();
    let refused: Vec<_> = appended.refused.iter().map(|refused| refused.span_id.as_str()).collect();
    assert_eq!((appended.new, refused), (1, vec!["large"]));
    assert_eq!(store.progress().recorded, 1);
}

/// Number of rows of a table of the record.
fn rows(path: &Path, table: &str) -> i64 {
    let record = rusqlite::Connection::open(path.join("record.sqlite")).unwrap();
    record.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_history_is_kept_once_over_calls_requests_traces_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let id = project(&store);
    let call =
        |n: u8| Call { trace: n / 10, conversation: Some(1), history: (0..=2 * n).collect(), answer: 2 * n + 1, apart: false };
    let calls: Vec<Call> = (0..40).map(call).collect();
    for (n, call) in calls.iter().enumerate() {
        if n == 20 {
            drop(store);
            store = open(dir.path());
        }
        keep(&store, id, [call_patches(n, call)]).await;
    }
    check_calls(&store.project(id), &calls).await;
    let messages = rows(dir.path(), "node");
    assert!((75..=80).contains(&messages), "40 calls with 80 messages are {messages} nodes");
    // A message is found at the call that brought it in, not at the forty that send it again.
    let filter = Filter::read(ListOf::Spans, "word6 ", neuraltrust_model::Timestamp::from_nanos(0)).unwrap();
    let found = store.project(id).spans(ListQuery { filter, limit: 100, ..ListQuery::default() }).await.unwrap();
    assert!(found.items.len() <= 4, "{}", found.items.len());
}

#[tokio::test]
async fn a_trace_that_cannot_be_read_costs_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    keep(&store, id, some_steps().iter().map(patches)).await;
    drop(store);
    let record = rusqlite::Connection::open(dir.path().join("record.sqlite")).unwrap();
    record.execute("UPDATE patch SET body = x'ff' WHERE trace = (SELECT id FROM trace WHERE trace_id = 'trace-3')", []).unwrap();
    drop(record);
    EmbeddedStore::reindex(dir.path(), |_| {}).await.unwrap();
    let store = open(dir.path());
    let more = Step { trace: 9, span: 0, conversation: Some(0), fails: false };
    keep(&store, id, [patches(&more)]).await;
    let readable: Vec<Step> = some_steps().into_iter().filter(|step| step.trace != 3).chain([more]).collect();
    check_shown(&store.project(id), &readable).await;
    assert!(store.project(id).trace(TraceId::new("trace-3").unwrap()).await.is_err());
}

#[tokio::test]
async fn an_index_is_complete_though_nothing_of_the_record_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    keep(&store, id, [patches(&some_steps()[0])]).await;
    drop(store);
    let record = rusqlite::Connection::open(dir.path().join("record.sqlite")).unwrap();
    record.execute("UPDATE patch SET body = x'ff'", []).unwrap();
    drop(record);
    let made_anew = EmbeddedStore::reindex(dir.path(), |_| {});
    tokio::time::timeout(Duration::from_secs(60), made_anew).await.expect("it comes to an end").unwrap();
}

/// What a step answers is not what the message answers that it is a step of.
#[tokio::test]
async fn a_message_that_runs_has_not_answered() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let said = |span: &str, kind, input, output: Option<&str>| SpanPatch {
        kind: Some(kind),
        start: Some(Timestamp::from_nanos(1_700_000_000_000_000_000)),
        input: Some(Content::text(input)),
        output: output.map(Content::text),
        ..SpanPatch::new(TraceId::new("t").unwrap(), SpanId::new(span).unwrap())
    };
    let call = SpanPatch {
        parent_id: Some(SpanId::new("message").unwrap()),
        ..said("call", Kind::Generation, "a prompt", Some("a draft"))
    };
    keep(&store, id, [vec![said("message", Kind::Message, "Hello?", None), call]]).await;
    let page = store.project(id).conversation(ConversationId::new("t").unwrap()).await.unwrap().unwrap();
    assert_eq!((&page.turns[0].input, &page.turns[0].output), (&Some(Content::text("Hello?")), &None));
    assert_eq!(page.conversation.totals.last_words, None);
}

/// The memory of what is kept may be wrong, after an erasure say; then everything is sent to the record again.
#[tokio::test]
async fn nodes_that_are_gone_are_brought_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let call = |n: u8| Call { trace: n, conversation: Some(1), history: (0..30 + n).collect(), answer: 90, apart: true };
    keep(&store, id, [call_patches(0, &call(0))]).await;
    rusqlite::Connection::open(dir.path().join("record.sqlite")).unwrap().execute("DELETE FROM node", []).unwrap();
    keep(&store, id, [call_patches(1, &call(1))]).await;
    let span = SpanId::new("call-1").unwrap();
    let read = store.project(id).span(TraceId::new("trace-1").unwrap(), span).await.unwrap().unwrap();
    let Some(Content::Messages { messages }) = read.input else { panic!("{:?}", read.input) };
    assert_eq!(messages.len(), 31);
}

#[test]
fn every_list_can_be_filtered_by_its_conversation() {
    for list in [ListOf::Conversations, ListOf::Traces, ListOf::Spans] {
        assert!(list.fields().contains(&neuraltrust_store::Field::ConversationId));
    }
}

/// A trace that is too large to be read whole is read in pages, by start, and each of its spans by itself.
#[tokio::test]
async fn a_large_trace_is_read_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let trace = TraceId::new("large").unwrap();
    let all = 3_000_usize;
    let span = |n: usize| SpanPatch {
        kind: Some(Kind::Tool),
        parent_id: (n > 0).then(|| SpanId::new(format!("s{}", n / 2)).unwrap()),
        // Some start at the same time.
        start: Some(Timestamp::from_nanos(1_700_000_000_000_000_000 + (n / 3) as i64)),
        end: Some(Timestamp::from_nanos(1_700_000_000_000_000_000 + all as i64)),
        conversation_id: (n == 0).then(|| ConversationId::new("c").unwrap()),
        input: Some(Content::text(format!("step {n}"))),
        ..SpanPatch::new(trace.clone(), SpanId::new(format!("s{n}")).unwrap())
    };
    // The root comes last.
    for some in (0..all).rev().collect::<Vec<_>>().chunks(250) {
        keep(&store, id, [some.iter().map(|n| span(*n)).collect()]).await;
    }
    let project = store.project(id);
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = project.trace_page(trace.clone(), 700, cursor).await.unwrap().unwrap();
        assert_eq!((page.trace.totals.spans, page.trace.conversation_id.as_str()), (all as u64, "c"));
        seen.extend(page.spans);
        match page.next_cursor {
            Some(next) => cursor = Some(next.to_string().parse().unwrap()),
            None => break,
        }
    }
    assert!(seen.is_sorted_by_key(|row| row.start_time));
    let whole = project.trace(trace.clone()).await.unwrap().unwrap();
    let by_id = |rows: Vec<SpanRow>| rows.into_iter().map(|row| (row.span_id.clone(), row)).collect::<BTreeMap<_, _>>();
    assert_eq!(by_id(seen), by_id(whole.spans));
    let one = project.span(trace, SpanId::new("s1234").unwrap()).await.unwrap().unwrap();
    assert_eq!((one.input, one.row.conversation_id.as_str()), (Some(Content::text("step 1234")), "c"));
    assert_eq!(project.trace_page(TraceId::new("none").unwrap(), 10, None).await.unwrap(), None);
}
