//! Calls that several traces tell of, when one of them goes, and in a record that knows nothing of them.

use neuraltrust_model::{SpanId, Timestamp, TraceId};
use neuraltrust_store::conformance::answers::{Told, calls_told_twice, check_counted};
use neuraltrust_store::conformance::{keep, settle};
use neuraltrust_store::embedded::verify;
use neuraltrust_store::{Asked, CountReason, Store};

use crate::embedded::{open, project};
use crate::removal::{append, done};

async fn filled(store: &Store) {
    let told = calls_told_twice();
    keep(store, project(store), told.iter().map(|told| vec![told.patch()])).await;
}

#[tokio::test]
async fn when_the_trace_goes_in_which_a_call_counts_another_counts_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    filled(&store).await;
    let asked = Asked::Trace(TraceId::new("alone").unwrap());
    let erasure = store.project(id).erase(asked).await.unwrap();
    done(&store.project(id), &erasure).await;
    let mut left: Vec<Told> = calls_told_twice().into_iter().filter(|told| told.trace != "alone").collect();
    left[0].reason = CountReason::ModelCall;
    check_counted(&store, id, &left).await;
    drop(store);
    assert_eq!(verify(dir.path(), |_, _| {}).unwrap().findings, Vec::<String>::new());
    let names: i64 = rusqlite::Connection::open(dir.path().join("record.sqlite"))
        .unwrap()
        .query_row("SELECT count(*) FROM answer", [], |row| row.get(0))
        .unwrap();
    assert_eq!(names, left.iter().filter(|told| told.answer.is_some()).count() as i64, "what is erased leaves no name behind");
}

#[tokio::test]
async fn an_index_that_is_made_anew_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    filled(&store).await;
    drop(store);
    assert_eq!(verify(dir.path(), |_, _| {}).unwrap().findings, Vec::<String>::new());
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let store = open(dir.path());
    check_counted(&store, project(&store), &calls_told_twice()).await;
}

/// The table of answers came later than the format: who has a record without it loses nothing.
#[tokio::test]
async fn a_record_without_answers_is_opened_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    filled(&store).await;
    drop(store);
    let record = rusqlite::Connection::open(dir.path().join("record.sqlite")).unwrap();
    record.execute_batch("DROP TABLE answer").unwrap();
    drop(record);
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    assert!(verify(dir.path(), |_, _| {}).is_ok());
    let store = open(dir.path());
    settle(&store).await;
    let trace = store.project(project(&store)).trace(TraceId::new("client").unwrap()).await.unwrap().unwrap();
    assert_eq!(trace.spans[0].usage_reason, CountReason::ModelCall, "nobody is known to tell of it too");
    // What comes from then on is known.
    let again = Told { trace: "again", span: "call", ..calls_told_twice()[0] };
    append(&store, project(&store), vec![again.patch(), Told { trace: "again-2", seconds: (12, 20), ..again }.patch()]).await;
    settle(&store).await;
    let trace = store.project(project(&store)).trace(TraceId::new("again-2").unwrap()).await.unwrap().unwrap();
    assert_eq!(trace.spans[0].usage_reason, CountReason::SameCallInAnotherTrace);
}

/// An id that comes again and again names no call, and costs no more the more often it came.
#[tokio::test]
async fn an_id_of_hundreds_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let model = calls_told_twice()[0].patch();
    let patches = (0..400).map(|n| {
        let mut patch = model.clone();
        patch.trace_id = TraceId::new(format!("t{n}")).unwrap();
        patch.span_id = SpanId::new("s").unwrap();
        patch.start = Some(Timestamp::from_nanos(n * 60_000_000_000));
        patch.end = patch.start;
        patch
    });
    keep(&store, id, [patches.collect()]).await;
    let query = neuraltrust_store::ListQuery { limit: 1_000, ..Default::default() };
    let traces = store.project(id).traces(query).await.unwrap().items;
    assert!(traces.iter().all(|trace| trace.totals.total_tokens == Some(10)), "they are not at the same time");
}
