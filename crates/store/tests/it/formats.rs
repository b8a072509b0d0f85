//! Formats of the record on disk: what this version wrote is read for ever, and what it does not know is refused by name.
//!
//! `fixtures/record-format-3` is a backup that [`make`] wrote; its record is compressed. To make it anew, delete the folder and
//! run this test, which then asks for the new files to be committed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use neuraltrust_model::{Content, ConversationId, Document, Kind, SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::conformance::{Call, Step, call_patches, check_calls, check_shown, keep, patches, settle};
use neuraltrust_store::embedded::{backup, restore, verify};
use neuraltrust_store::{Asked, EmbeddedStore, Retention, StoreError};

use crate::embedded::open;

/// Traces that a dictionary is learnt from; the store learns from 2,000 patches on.
const LEARNT_FROM: usize = 2_050;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/record-format-3")
}

fn steps() -> Vec<Step> {
    (0..3).flat_map(|trace| (0..3).map(move |span| Step { trace, span, conversation: Some(1), fails: span == 2 })).collect()
}

fn calls() -> Vec<Call> {
    // The answer of the last is in a patch of its own.
    (0..6)
        .map(|n| Call { trace: n / 2, conversation: Some(n / 4), history: (0..=2 * n).collect(), answer: 30 + n, apart: n == 5 })
        .collect()
}

/// Contents of the other forms, the last one of a trace that is told its conversation late.
fn contents() -> [Content; 3] {
    let document = |n: usize| Document { content: Some(format!("document {n} ").repeat(60)), ..Document::default() };
    [
        Content::text("page ".repeat(2_000)),
        Content::Json { value: serde_json::json!({ "rows": vec!["row"; 2_000] }) },
        Content::Documents { documents: (0..4).map(document).collect() },
    ]
}

fn content_patches() -> Vec<SpanPatch> {
    let patch = |n: usize, content| SpanPatch {
        kind: Some(Kind::Tool),
        start: Some(Timestamp::from_nanos(1_700_000_000_000_000_000)),
        output: Some(content),
        ..SpanPatch::new(TraceId::new("contents").unwrap(), SpanId::new(format!("content-{n}")).unwrap())
    };
    contents().into_iter().enumerate().map(|(n, content)| patch(n, content)).collect()
}

async fn done(store: &neuraltrust_store::Store, id: neuraltrust_store::ProjectId) {
    for _ in 0..1_200 {
        if store.project(id).erasures(None, 10).await.unwrap().iter().all(|erasure| erasure.done_at.is_some()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the erasure does not end");
}

/// Writes the fixture: every kind of row that a record may have.
async fn make(to: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = open(&data);
    let [steps_id, calls_id, others] = ["steps", "calls", "others"].map(|name| store.accounts().create_project(name).unwrap());
    keep(&store, steps_id, steps().iter().map(patches)).await;
    keep(&store, calls_id, calls().iter().enumerate().map(|(n, call)| call_patches(n, call))).await;
    let retention = Retention { max_age: Some(Duration::from_secs(1_000_000_000)), max_bytes: Some(1 << 40) };
    store.project(others).set_retention(retention).await.unwrap();
    let learnt = (0..LEARNT_FROM).map(|n| SpanPatch {
        name: Some(format!("step {} of the plan", n * 7_919)),
        ..SpanPatch::new(TraceId::new(format!("many-{}", n / 500)).unwrap(), SpanId::new(format!("s{n}")).unwrap())
    });
    let learnt: Vec<_> = learnt.collect();
    keep(&store, others, [learnt]).await;
    for _ in 0..1_200 {
        let record = rusqlite::Connection::open(data.join("record.sqlite")).unwrap();
        if record.query_row("SELECT count(*) FROM dictionary", [], |row| row.get::<_, i64>(0)).unwrap() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    keep(&store, others, [content_patches()]).await;
    let late = SpanPatch {
        conversation_id: Some(ConversationId::new("late").unwrap()),
        ..SpanPatch::new(TraceId::new("contents").unwrap(), SpanId::new("content-0").unwrap())
    };
    keep(&store, others, [vec![late]]).await;
    let erased = Step { trace: 7, span: 0, conversation: Some(1), fails: false };
    keep(&store, steps_id, [patches(&erased)]).await;
    store.project(steps_id).erase(Asked::Trace(TraceId::new("trace-7").unwrap())).await.unwrap();
    done(&store, steps_id).await;
    store.close().await.unwrap();
    let saved = dir.path().join("saved");
    backup(&data, &saved, |_, _| {}).unwrap();
    std::fs::create_dir_all(to).unwrap();
    std::fs::copy(saved.join("backup.json"), to.join("backup.json")).unwrap();
    let record = std::fs::read(saved.join("record.sqlite")).unwrap();
    std::fs::write(to.join("record.sqlite.zst"), zstd::encode_all(&*record, 19).unwrap()).unwrap();
}

#[tokio::test]
async fn what_was_written_in_format_3_is_read() {
    let fixture = fixture();
    if !fixture.exists() {
        make(&fixture).await;
        panic!("the fixture was made; look at {} and commit it", fixture.display());
    }
    let dir = tempfile::tempdir().unwrap();
    let (saved, data) = (dir.path().join("saved"), dir.path().join("data"));
    std::fs::create_dir(&saved).unwrap();
    std::fs::copy(fixture.join("backup.json"), saved.join("backup.json")).unwrap();
    let record = std::fs::read(fixture.join("record.sqlite.zst")).unwrap();
    std::fs::write(saved.join("record.sqlite"), zstd::decode_all(&*record).unwrap()).unwrap();
    assert_eq!(restore(&saved, &data, |_, _| {}).unwrap().format, 3);

    let store = open(&data);
    settle(&store).await;
    let [steps_id, calls_id, others] = ["steps", "calls", "others"].map(|name| store.accounts().project(name).unwrap());
    check_shown(&store.project(steps_id), &steps()).await;
    check_calls(&store.project(calls_id), &calls()).await;
    for (n, content) in contents().into_iter().enumerate() {
        let id = SpanId::new(format!("content-{n}")).unwrap();
        let span = store.project(others).span(TraceId::new("contents").unwrap(), id).await.unwrap().unwrap();
        assert_eq!(span.output, Some(content));
        assert_eq!(span.row.conversation_id.as_str(), "late");
    }
    let erasures = store.project(steps_id).erasures(None, 10).await.unwrap();
    assert_eq!((erasures.len(), erasures[0].patches), (1, 3));
    assert_eq!(store.project(others).retention().await.unwrap().max_bytes, Some(1 << 40));
    store.close().await.unwrap();
    drop(store);
    let rows = |sql: &str| -> i64 {
        rusqlite::Connection::open(data.join("record.sqlite")).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(rows("SELECT count(*) FROM dictionary"), 1);
    assert!(rows("SELECT count(*) FROM patch WHERE substr(body, 1, 1) = x'02'") > 0, "some are coded with it");
    assert_eq!(verify(&data, |_, _| {}).unwrap().findings, Vec::<String>::new());
}

#[test]
fn a_format_that_is_not_known_is_refused_by_name() {
    for found in ["2", "4", "99", "three"] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        drop(EmbeddedStore::open(&data).unwrap());
        let saved = dir.path().join("saved");
        backup(&data, &saved, |_, _| {}).unwrap();
        let record = rusqlite::Connection::open(data.join("record.sqlite")).unwrap();
        record.execute("UPDATE meta SET value = ?1 WHERE key = 'format'", [found]).unwrap();
        drop(record);
        let manifest = saved.join("backup.json");
        let told = std::fs::read_to_string(&manifest).unwrap();
        let number = found.parse::<u32>().unwrap_or(0);
        std::fs::write(&manifest, told.replace("\"format\": 3", &format!("\"format\": {number}"))).unwrap();
        let refused = [
            EmbeddedStore::open(&data).map(drop),
            verify(&data, |_, _| {}).map(drop),
            backup(&data, &dir.path().join("another"), |_, _| {}).map(drop),
            restore(&saved, &dir.path().join("back"), |_, _| {}).map(drop),
        ];
        for refused in refused {
            let refused = refused.unwrap_err();
            assert!(matches!(refused, StoreError::Format { known: 3, .. }), "{refused:?}");
            let said = refused.to_string();
            assert!(said.contains("has format") && said.contains("reads format 3") && said.contains("use the version"), "{said}");
        }
    }
}
