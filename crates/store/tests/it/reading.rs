//! Reading one thing: beside moves and erasures, and in pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use neuraltrust_model::{ConversationId, SpanPatch, TraceId};
use neuraltrust_store::conformance::settle;
use neuraltrust_store::embedded::verify;
use neuraltrust_store::{Asked, Cursor, ProjectId, Store, StoreError};

use crate::embedded::{open, project};
use crate::removal::{append, call, done};

fn conversation() -> ConversationId {
    ConversationId::new("c").unwrap()
}

fn trace(n: u32) -> TraceId {
    TraceId::new(format!("t{n}")).unwrap()
}

/// A step of a conversation that only a later message about it names.
fn nameless(n: u32) -> SpanPatch {
    SpanPatch { conversation_id: None, ..call(n, false) }
}

fn name(n: u32) -> SpanPatch {
    let whole = call(n, false);
    SpanPatch { conversation_id: Some(conversation()), ..SpanPatch::new(whole.trace_id, whole.span_id) }
}

/// Contents move to a conversation, and what was in it before is erased; whoever reads meanwhile finds all or nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_beside_moves_and_erasures_sees_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let over = Arc::new(AtomicBool::new(false));
    let reading = {
        let (project, over) = (store.project(id), Arc::clone(&over));
        tokio::spawn(async move {
            let mut read = 0;
            for n in (0..40).cycle() {
                if over.load(Ordering::Acquire) {
                    break;
                }
                let whole = call(n, false);
                match project.span(trace(n), whole.span_id).await {
                    Ok(Some(span)) => {
                        assert_eq!(span.input, whole.input);
                        read += 1;
                    }
                    Ok(None) => {}
                    Err(error) => panic!("t{n}: {error:?}"),
                }
                if let Err(error) = project.conversation(conversation()).await {
                    panic!("the conversation: {error:?}");
                }
            }
            read
        })
    };
    for round in 0..4 {
        append(&store, id, (0..40).map(nameless).collect()).await;
        settle(&store).await;
        append(&store, id, (0..40).map(name).collect()).await;
        settle(&store).await;
        if round < 3 {
            let asked = store.project(id).erase(Asked::Conversation(conversation())).await.unwrap();
            done(&store.project(id), &asked).await;
        }
    }
    over.store(true, Ordering::Release);
    assert!(reading.await.unwrap() > 0);
    store.close().await.unwrap();
    drop(store);
    let report = verify(dir.path(), |_, _| {}).unwrap();
    assert!(report.findings.is_empty(), "{report:?}");
}

async fn page(store: &Store, id: ProjectId, cursor: Option<Cursor>) -> neuraltrust_store::Transcript {
    store.project(id).conversation_page(conversation(), 3, cursor).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_conversation_can_be_read_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let step = |n: u32| SpanPatch { conversation_id: Some(conversation()), ..call(n, false) };
    append(&store, id, (0..8).map(step).collect()).await;
    settle(&store).await;
    let whole = store.project(id).conversation(conversation()).await.unwrap().unwrap();
    assert_eq!((whole.turns.len(), whole.next_cursor), (8, None));
    let first = page(&store, id, None).await;
    assert_eq!((first.turns.len(), &first.conversation), (3, &whole.conversation), "each page says what the whole is");
    // What begins later comes behind the place where a page ended.
    append(&store, id, vec![step(8)]).await;
    settle(&store).await;
    let (mut turns, mut cursor) = (first.turns, first.next_cursor);
    while let Some(at) = cursor {
        let page = page(&store, id, Some(at)).await;
        turns.extend(page.turns);
        cursor = page.next_cursor;
    }
    let whole = store.project(id).conversation(conversation()).await.unwrap().unwrap();
    assert_eq!(turns, whole.turns);
    assert_eq!(turns.len(), 9);
    let none = store.project(id).conversation_page(ConversationId::new("none").unwrap(), 3, None).await.unwrap();
    assert!(none.is_none());
}

/// What is not in the lists yet is read from the record.
#[tokio::test]
async fn a_conversation_that_has_just_come_is_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    append(&store, id, vec![SpanPatch { conversation_id: Some(conversation()), ..call(0, false) }]).await;
    match store.project(id).conversation_page(conversation(), 3, None).await {
        Ok(Some(page)) => assert_eq!(page.turns.len(), 1),
        other => panic!("{other:?}"),
    }
}

/// The lists know the beginning of what is long: that is not enough to erase by.
#[tokio::test]
async fn what_begins_alike_is_not_erased() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    append(&store, id, vec![call(0, false)]).await;
    let ask = |text: String| {
        let project = store.project(id);
        async move {
            let now = neuraltrust_model::Timestamp::from_nanos(0);
            let filter = neuraltrust_store::Filter::read(neuraltrust_store::ListOf::Spans, &text, now).unwrap();
            project.erase(Asked::Filter { filter: Box::new(filter), told: serde_json::Value::Null }).await
        }
    };
    for long in ["x".repeat(48), format!("a OR -(name:{})", "n".repeat(300)), format!("metadata.plan:{}*", "p".repeat(256))] {
        let refused = ask(long.clone()).await;
        assert!(matches!(refused, Err(StoreError::TooLong { .. })), "{long}: {refused:?}");
    }
    for short in ["x".repeat(44), format!("name:{}", "n".repeat(252))] {
        ask(short).await.unwrap();
    }
}
