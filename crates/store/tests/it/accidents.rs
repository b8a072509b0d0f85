//! What may come between the steps of a removal: more of the same trace, other erasures, a crash, a full disk.

use std::path::Path;

use neuraltrust_model::{Content, ConversationId, Kind, SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::conformance::settle;
use neuraltrust_store::embedded::verify;
use neuraltrust_store::{Asked, Filter, ListQuery, ProjectStore, Store};

use crate::embedded::open;
use crate::removal::{append, call, done};

fn trace(number: u32) -> TraceId {
    TraceId::new(format!("t{number}")).unwrap()
}

/// A step of a trace that came with another before, long enough to be kept apart.
fn later(number: u32) -> SpanPatch {
    SpanPatch {
        kind: Some(Kind::Tool),
        start: Some(Timestamp::from_nanos(1_700_000_001_000_000_000)),
        input: call(number, false).input,
        output: Some(Content::text(format!("what came later of {number}, ").repeat(400))),
        ..SpanPatch::new(trace(number), SpanId::new("later").unwrap())
    }
}

async fn spans(project: &ProjectStore) -> Vec<String> {
    let query = ListQuery { filter: Filter::default(), limit: 1_000, ..ListQuery::default() };
    let rows = project.spans(query).await.unwrap().items;
    let mut names: Vec<String> = rows.iter().map(|row| format!("{}/{}", row.trace_id, row.span_id)).collect();
    names.sort();
    names
}

#[track_caller]
fn is_sound(dir: &Path) {
    let report = verify(dir, |_, _| {}).unwrap();
    assert_eq!(report.wrong, 0, "{:?}", report.findings);
}

/// A number that the record of a closed store says.
fn count(dir: &Path, sql: &str) -> i64 {
    rusqlite::Connection::open(dir.join("record.sqlite")).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_comes_of_a_trace_after_it_was_asked_to_be_erased_is_kept_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.accounts().project("default").unwrap();
    let project = store.project(id);
    // With a conversation and without: then its contents are in a scope of its own.
    let of = |number: u32| {
        let mut patch = call(number, false);
        patch.conversation_id = patch.conversation_id.filter(|_| number.is_multiple_of(2));
        patch
    };
    append(&store, id, (0..24).map(of).collect()).await;
    settle(&store).await;
    let mut asked = Vec::new();
    for number in 0..24 {
        asked.push(project.erase(Asked::Trace(trace(number))).await.unwrap());
        append(&store, id, vec![later(number)]).await;
    }
    for erasure in &asked {
        assert_eq!(done(&project, erasure).await.row.patches, 1, "the receipt is of what was there before");
    }
    settle(&store).await;
    let mut expect: Vec<String> = (0..24).map(|number| format!("t{number}/later")).collect();
    expect.sort();
    assert_eq!(spans(&project).await, expect);
    for number in 0..24 {
        let span = project.span(trace(number), SpanId::new("later").unwrap()).await.unwrap().unwrap();
        assert_eq!((span.input, span.output), (later(number).input, later(number).output), "{number}");
    }
    drop((project, store));
    is_sound(dir.path());
}

#[tokio::test]
async fn several_erasures_of_the_same_traces_all_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.accounts().project("default").unwrap();
    append(&store, id, (0..40).map(|number| call(number, false)).collect()).await;
    settle(&store).await;
    let project = store.project(id);
    let conversation = || Asked::Conversation(ConversationId::new("c0").unwrap());
    let asked = tokio::join!(
        project.erase(conversation()),
        project.erase(Asked::Trace(trace(1))),
        project.erase(Asked::User("user-1".to_owned())),
        project.erase(conversation()),
    );
    let mut patches = 0;
    for erasure in [asked.0, asked.1, asked.2, asked.3] {
        patches += done(&project, &erasure.unwrap()).await.row.patches;
    }
    // Four traces of the conversation, eight of the user, one of both.
    assert_eq!(patches, 11, "each message is in one receipt");
    settle(&store).await;
    assert_eq!(spans(&project).await.len(), 29);
    drop((project, store));
    is_sound(dir.path());
}

#[tokio::test]
async fn a_removal_that_was_cut_off_is_ended_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.accounts().project("default").unwrap();
    append(&store, id, (0..8).map(|number| call(number, false)).collect()).await;
    settle(&store).await;
    store.close().await.unwrap();
    drop(store);
    // As a crash leaves it between the patches and the contents, and a move of contents that did not end.
    rusqlite::Connection::open(dir.path().join("record.sqlite"))
        .unwrap()
        .execute_batch(
            "INSERT INTO patch (trace, span, digest, received_at, body)
             SELECT trace.id, conversation.id, conversation.id, 0, x'' FROM trace, conversation
             WHERE trace_id = 't3' AND conversation_id IN ('c0', 'c1');
             DELETE FROM patch WHERE length(body) > 0 AND trace = (SELECT id FROM trace WHERE trace_id = 't3');
             INSERT INTO node (scope, hash, parent, seq, body)
             SELECT (SELECT id FROM conversation WHERE conversation_id = 'c1'), hash, NULL, seq, body FROM node
             WHERE scope = (SELECT id FROM conversation WHERE conversation_id = 'c0');",
        )
        .unwrap();
    let nodes = count(dir.path(), "SELECT count(*) FROM node");
    let store = open(dir.path());
    let project = store.project(id);
    for _ in 0..1_200 {
        if spans(&project).await.len() == 7 && store.progress().indexed == store.progress().recorded {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(spans(&project).await.len(), 7);
    assert_eq!(project.conversation(ConversationId::new("c0").unwrap()).await.unwrap().unwrap().turns.len(), 3);
    let gone = || count(dir.path(), "SELECT count(*) FROM trace WHERE trace_id = 't3'") == 0;
    for _ in 0..1_200 {
        if gone() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(gone(), "nothing is remembered of the trace");
    assert!(count(dir.path(), "SELECT count(*) FROM node") < nodes / 3 * 2, "the copies and what only the trace said are gone");
    drop((project, store));
    is_sound(dir.path());
}

#[tokio::test]
async fn a_full_disk_refuses_appends_and_everything_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let Store::Embedded(embedded) = &store;
    let id = store.accounts().project("default").unwrap();
    let project = store.project(id);
    let received_at = Timestamp::from_nanos(1_800_000_000_000_000_000);
    append(&store, id, (0..40).map(|number| call(number, false)).collect()).await;
    settle(&store).await;
    embedded.fill_disk(true).await.unwrap();
    let mut kept = 40;
    let refused = loop {
        match store.append(id, vec![call(kept, false)], received_at).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 10_000, "the limit has no effect");
    };
    assert!(refused.is_full(), "{refused:?}");
    assert!(store.append(id, vec![call(kept, false)], received_at).await.unwrap_err().is_full(), "and again");
    assert!(project.trace(trace(kept - 1)).await.unwrap().is_some(), "reading goes on");
    // Whether it can be asked for now depends on the room in pages; nothing breaks either way.
    let asked = project.erase(Asked::Trace(trace(0))).await;
    assert!(asked.as_ref().is_ok_and(|erasure| erasure.traces.len() == 1) || asked.as_ref().is_err_and(|error| error.is_full()));
    store.health().unwrap();
    embedded.fill_disk(false).await.unwrap();
    append(&store, id, vec![call(kept, false)]).await;
    let again = project.erase(Asked::Trace(trace(1))).await.unwrap();
    for asked in asked.into_iter().chain([again]) {
        assert_eq!(done(&project, &asked).await.row.patches, 1);
    }
    settle(&store).await;
    assert!(!spans(&project).await.contains(&"t1/s".to_owned()));
    assert!(spans(&project).await.contains(&format!("t{kept}/s")));
    drop((project, store));
    is_sound(dir.path());
}
