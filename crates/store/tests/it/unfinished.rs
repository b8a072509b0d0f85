//! Steps whose end does not come.

use std::ops::RangeInclusive;

use neuraltrust_model::{Kind, Source, SpanId, SpanPatch, SpanState, Timestamp, TraceId, Unfinished, UnfinishedReason};
use neuraltrust_store::conformance::settle;
use neuraltrust_store::{ListQuery, ProjectId, Store, TraceDetail, TraceRow};

use crate::embedded::{open, project};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos((1_700_000_000 + seconds) * 1_000_000_000)
}

/// When a trace must have been heard of to be alive at that second, where silence is a minute.
fn alive(now: i64) -> RangeInclusive<Timestamp> {
    at(now - 60)..=at(now + 5)
}

fn begun(trace: &str, span: &str) -> SpanPatch {
    let patch = SpanPatch::new(TraceId::new(trace).unwrap(), SpanId::new(span).unwrap());
    let source = Source { client: Some("test".to_owned()), version: None, protocol: "otlp".to_owned() };
    SpanPatch { kind: Some(Kind::Agent), start: Some(at(0)), source: Some(source), ..patch }
}

fn ended(trace: &str, span: &str) -> SpanPatch {
    let patch = SpanPatch::new(TraceId::new(trace).unwrap(), SpanId::new(span).unwrap());
    SpanPatch { end: Some(at(5)), ..patch }
}

async fn say(store: &Store, id: ProjectId, patches: Vec<SpanPatch>, now: i64) {
    store.append(id, patches, at(now)).await.unwrap();
    settle(store).await;
}

async fn mark(store: &Store, now: i64) -> usize {
    let marked = store.mark_unfinished(alive(now), at(now)).await.unwrap();
    settle(store).await;
    marked
}

async fn detail(store: &Store, id: ProjectId, trace: &str) -> TraceDetail {
    let detail = store.project(id).trace(TraceId::new(trace).unwrap()).await.unwrap().unwrap();
    let listed: Vec<TraceRow> = store.project(id).traces(all()).await.unwrap().items;
    assert!(listed.contains(&detail.trace), "a trace is the same by id and in its list");
    let listed = store.project(id).spans(all()).await.unwrap().items;
    assert!(detail.spans.iter().all(|row| listed.contains(row)), "a span is the same in its trace and in its list");
    detail
}

fn all() -> ListQuery {
    ListQuery { filter: neuraltrust_store::Filter::default(), limit: 1_000, ..ListQuery::default() }
}

fn states(detail: &TraceDetail) -> Vec<SpanState> {
    let told = |row: &neuraltrust_store::SpanRow| {
        assert_eq!(row.running, row.state == SpanState::Running);
        assert_eq!(row.unfinished.is_some(), row.state == SpanState::Unfinished);
        row.state
    };
    detail.spans.iter().map(told).collect()
}

#[tokio::test]
async fn a_silent_step_is_marked_once_and_a_late_end_wins() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    say(&store, id, vec![begun("t", "root"), begun("t", "step"), begun("done", "root"), ended("done", "root")], 0).await;
    assert_eq!(mark(&store, 60).await, 0, "not yet");
    assert_eq!(mark(&store, 61).await, 2);
    assert_eq!(mark(&store, 62).await, 0, "once");

    let silent = detail(&store, id, "t").await;
    assert_eq!(states(&silent), [SpanState::Unfinished; 2]);
    assert_eq!(silent.spans[0].unfinished.unwrap().since, at(0));
    let totals = &silent.trace.totals;
    assert_eq!((totals.running, totals.open, totals.unfinished, totals.heard_at), (false, 0, 2, at(0)));
    let span = store.project(id).span(TraceId::new("t").unwrap(), SpanId::new("root").unwrap()).await.unwrap().unwrap();
    assert_eq!(span.source.unwrap().protocol, "otlp", "who marks a span did not send it");

    say(&store, id, vec![ended("t", "step")], 70).await;
    let heard = detail(&store, id, "t").await;
    assert_eq!(states(&heard), [SpanState::Running, SpanState::Ended], "what is heard of its trace brings a step back");
    assert_eq!((heard.trace.totals.running, heard.trace.totals.unfinished), (true, 0));
    assert_eq!(mark(&store, 131).await, 1, "and it can fall silent again");
    say(&store, id, vec![ended("t", "root")], 200).await;
    assert_eq!(states(&detail(&store, id, "t").await), [SpanState::Ended; 2]);
    assert_eq!(mark(&store, 1_000).await, 0);
}

#[tokio::test]
async fn a_mark_stays_over_restarts_and_a_new_index() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    say(&store, id, vec![begun("t", "root")], 0).await;
    drop(store);
    let store = open(dir.path());
    settle(&store).await;
    assert_eq!(mark(&store, 61).await, 1, "what was open before the restart is found");
    drop(store);
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let store = open(dir.path());
    settle(&store).await;
    assert_eq!(mark(&store, 62).await, 0);
    assert_eq!(states(&detail(&store, id, "t").await), [SpanState::Unfinished]);
}

#[tokio::test]
async fn what_was_heard_by_a_clock_put_back_since_is_long_ago() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    say(&store, id, vec![begun("future", "root"), begun("now", "root")], 10_000).await;
    say(&store, id, vec![begun("now", "other")], 0).await;
    say(&store, id, vec![begun("recent", "root")], 30).await;
    assert_eq!(mark(&store, 40).await, 3, "all but the one that was heard of");
    assert_eq!(states(&detail(&store, id, "recent").await), [SpanState::Running]);
}

#[tokio::test]
async fn projects_are_marked_each_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (one, other) = (project(&store), store.accounts().create_project("other").unwrap());
    say(&store, one, vec![begun("t", "root")], 0).await;
    say(&store, other, vec![begun("t", "root"), ended("t", "root")], 0).await;
    assert_eq!(mark(&store, 61).await, 1);
    assert_eq!(states(&detail(&store, one, "t").await), [SpanState::Unfinished]);
    assert_eq!(states(&detail(&store, other, "t").await), [SpanState::Ended]);
}

#[tokio::test]
async fn more_than_one_look_finds_are_all_marked() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let traces: Vec<String> = (0..1_200).map(|n| format!("t{n}")).collect();
    say(&store, id, traces.iter().map(|trace| begun(trace, "root")).collect(), 0).await;
    assert_eq!([mark(&store, 61).await, mark(&store, 61).await, mark(&store, 61).await], [1_000, 200, 0]);
}

#[tokio::test]
async fn what_was_copied_from_elsewhere_is_no_sign_of_life() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let copied = |patch: SpanPatch, marked: Option<i64>| SpanPatch {
        copied: true,
        told: Some(at(0)),
        unfinished: marked.map(|since| Unfinished { reason: UnfinishedReason::Silence, since: at(since) }),
        ..patch
    };
    say(&store, id, vec![copied(begun("t", "root"), Some(30))], 1_000).await;
    say(&store, id, vec![copied(begun("t", "step"), Some(30)), copied(begun("open", "root"), None)], 1_001).await;
    let there = detail(&store, id, "t").await;
    assert_eq!(states(&there), [SpanState::Unfinished; 2], "as it was there, however many messages it comes in");
    assert_eq!(there.spans[0].unfinished.unwrap().since, at(30));
    assert_eq!(states(&detail(&store, id, "open").await), [SpanState::Running]);
    assert_eq!((mark(&store, 1_010).await, mark(&store, 1_062).await), (0, 1), "what ran there runs here until it is silent");
    let span = store.project(id).span(TraceId::new("t").unwrap(), SpanId::new("root").unwrap()).await.unwrap().unwrap();
    assert_eq!(span.source.unwrap().protocol, "otlp");

    say(&store, id, vec![ended("t", "step")], 1_100).await;
    assert_eq!(
        states(&detail(&store, id, "t").await),
        [SpanState::Running, SpanState::Ended],
        "what is heard here brings it back"
    );
    // A server whose clock is ahead.
    say(&store, id, vec![copied(begun("ahead", "root"), Some(9_000))], 1_200).await;
    say(&store, id, vec![ended("ahead", "step")], 1_201).await;
    assert_eq!(states(&detail(&store, id, "ahead").await), [SpanState::Running, SpanState::Ended]);
}
