//! The embedded store: the conformance suite, and what can happen to a data directory.

use std::path::Path;
use std::sync::Arc;

use neuraltrust_model::{Content, SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::conformance::{self, Step, check_shown, keep, patches, settle};
use neuraltrust_store::{EmbeddedStore, ListOf, ProjectId, Store, StoreError};

pub(crate) fn open(path: &Path) -> Store {
    Store::Embedded(Arc::new(EmbeddedStore::open(path).unwrap()))
}

fn project(store: &Store) -> ProjectId {
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
    lists_are_filtered_and_counted,
    changes_are_announced_when_they_show,
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
    let refused = store.append(id, &patches(&some_steps()[0]), Timestamp::from_nanos(0)).await;
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
    assert!(matches!(refused, StoreError::Format { known: 1, .. }), "{refused:?}");
}

#[tokio::test]
async fn one_patch_over_the_limit_is_refused_with_its_batch() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let small = SpanPatch::new(TraceId::new("t").unwrap(), SpanId::new("small").unwrap());
    let large = SpanPatch {
        input: Some(Content::text("x".repeat(33 << 20))),
        ..SpanPatch::new(TraceId::new("t").unwrap(), SpanId::new("large").unwrap())
    };
    let refused = store.append(id, &[small, large], Timestamp::from_nanos(0)).await;
    assert!(matches!(&refused, Err(StoreError::SpanTooLarge { span_id, .. }) if span_id == "large"), "{refused:?}");
    assert_eq!(store.progress().recorded, 0);
}

#[test]
fn every_list_can_be_filtered_by_its_conversation() {
    for list in [ListOf::Conversations, ListOf::Traces, ListOf::Spans] {
        assert!(list.fields().contains(&neuraltrust_store::Field::ConversationId));
    }
}
