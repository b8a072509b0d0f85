//! Damage to the files of a data directory: what is not damaged goes on, what is says so, and the index is made anew by itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use neuraltrust_model::{SpanId, TraceId};
use neuraltrust_store::conformance::{Shown, Step, check_shown, keep, patches, settle, shown};
use neuraltrust_store::embedded::verify;
use neuraltrust_store::{EmbeddedStore, Filter, ListOf, ListQuery, ProjectStore, Store};

use crate::embedded::{open, project};

fn steps() -> Vec<Step> {
    (0..6).flat_map(|trace| (0..4).map(move |span| Step { trace, span, conversation: Some(trace / 2), fails: false })).collect()
}

fn record(dir: &Path) -> PathBuf {
    dir.join("record.sqlite")
}

/// Flips a bit of every byte of a file in a range.
fn flip(path: &Path, range: std::ops::Range<usize>) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[range].iter_mut().for_each(|byte| *byte ^= 0x10);
    // In place: a running server has the file mapped.
    std::os::unix::fs::FileExt::write_all_at(&std::fs::File::options().write(true).open(path).unwrap(), &bytes, 0).unwrap();
}

/// Flips a bit in the middle of the one place where a text is.
fn flip_text(path: &Path, text: &str) {
    let bytes = std::fs::read(path).unwrap();
    let places: Vec<usize> =
        bytes.windows(text.len()).enumerate().filter(|(_, at)| *at == text.as_bytes()).map(|(n, _)| n).collect();
    let [at] = places.as_slice() else { panic!("{text:?} is at {places:?}") };
    flip(path, at + text.len() / 2..at + text.len() / 2 + 1);
}

async fn span(project: &ProjectStore, trace: u8, span: u8) -> Result<bool, String> {
    let (trace, span) = (TraceId::new(format!("trace-{trace}")).unwrap(), SpanId::new(format!("span-{span}")).unwrap());
    project.span(trace, span).await.map(|read| read.is_some()).map_err(|error| error.with_causes())
}

/// On demand too; what is read by id is there meanwhile.
#[tokio::test]
async fn an_index_is_made_anew_on_demand_while_the_store_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let steps: Vec<Step> =
        (0..4).flat_map(|trace| (0..5).map(move |span| Step { trace, span, conversation: Some(1), fails: false })).collect();
    keep(&store, id, steps.iter().map(patches)).await;
    let segments = || std::fs::read_to_string(dir.path().join("index/meta.json")).unwrap_or_default();
    let before = segments();
    store.make_index_anew();
    assert!(store.project(id).trace(TraceId::new("trace-3").unwrap()).await.unwrap().is_some());
    settle(&store).await;
    assert_ne!(segments(), before, "other segments than before are in it");
    check_shown(&store.project(id), &steps).await;
}

#[tokio::test]
async fn a_flipped_bit_of_the_record_costs_what_it_is_in_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    keep(&store, id, steps().iter().map(patches)).await;
    store.close().await.unwrap();
    drop(store);
    // The patch is JSON still; only its checksum tells.
    flip_text(&record(dir.path()), "question number2 of trace4");

    let store = open(dir.path());
    let here = store.project(id);
    let told = span(&here, 4, 2).await.unwrap_err();
    assert!(told.contains("checksum") && told.contains("backup"), "{told}");
    assert_eq!(span(&here, 3, 2).await, Ok(true));
    let more = Step { trace: 9, span: 0, conversation: Some(0), fails: false };
    keep(&store, id, [patches(&more)]).await;
    assert_eq!(span(&here, 9, 0).await, Ok(true));
    assert_eq!(store.health(), Ok(()));
    let rows = here.traces(ListQuery { filter: Filter::default(), limit: 100, ..ListQuery::default() }).await.unwrap();
    assert_eq!(rows.items.len(), 7, "the lists show what they knew, and what is new");
    store.close().await.unwrap();
    drop((here, store));
    let report = verify(dir.path(), |_, _| {}).unwrap();
    assert!(report.findings.iter().any(|finding| finding.contains("trace-4") && finding.contains("checksum")), "{report:?}");
}

/// Where SQLite itself finds a page that makes no sense.
#[tokio::test]
async fn a_page_that_makes_no_sense_costs_what_is_on_it_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    keep(&store, id, steps().iter().map(patches)).await;
    store.close().await.unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(record(dir.path())).unwrap();
    let (root, page): (i64, i64) = connection
        .query_row(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = 'node'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    drop(connection);
    let start = ((root - 1) * page) as usize;
    flip(&record(dir.path()), start..start + 8);
    let store = open(dir.path());
    // Steps keep their small contents with themselves and need no parts.
    keep(&store, id, [patches(&Step { trace: 9, span: 0, conversation: Some(0), fails: false })]).await;
    assert_eq!(span(&store.project(id), 9, 0).await, Ok(true));
    assert_eq!(span(&store.project(id), 4, 2).await, Ok(true));
    store.close().await.unwrap();
    drop(store);
    let report = verify(dir.path(), |_, _| {}).unwrap();
    assert!(report.findings.iter().any(|finding| finding.contains("restore a backup")), "{report:?}");
}

/// The files of the index with that ending.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("index")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    assert!(!files.is_empty(), "the index has no {ending}");
    files
}

/// What is done to an index.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip(&'static str),
    Cut(&'static str),
    Remove(&'static str),
    RemoveAll,
}

impl Damage {
    fn apply(self, dir: &Path) {
        let len = |path: &Path| std::fs::metadata(path).unwrap().len();
        match self {
            Self::Flip(ending) => files(dir, ending).iter().for_each(|path| flip(path, 0..(len(path) as usize / 2).max(1))),
            Self::Cut(ending) => files(dir, ending)
                .iter()
                .for_each(|path| std::fs::File::options().write(true).open(path).unwrap().set_len(len(path) / 2).unwrap()),
            Self::Remove(ending) => files(dir, ending).iter().for_each(|path| std::fs::remove_file(path).unwrap()),
            Self::RemoveAll => std::fs::remove_dir_all(dir.join("index")).unwrap(),
        }
    }
}

/// Lists, words and counts: reads everything that an index is for. Errors are what the test is about.
async fn look(project: &ProjectStore) {
    let query = || ListQuery {
        filter: Filter::read(ListOf::Spans, "question", neuraltrust_model::Timestamp::from_nanos(0)).unwrap(),
        limit: 100,
        ..ListQuery::default()
    };
    let _ = project.spans(query()).await;
    let _ = project.traces(ListQuery { filter: Filter::default(), limit: 100, ..ListQuery::default() }).await;
    let _ = project.conversations(ListQuery { filter: Filter::default(), limit: 100, ..ListQuery::default() }).await;
}

async fn until_shown(store: &Store, project: &ProjectStore, expect: &Shown) {
    let all = || ListQuery { filter: Filter::default(), limit: 1_000, ..ListQuery::default() };
    for _ in 0..600 {
        assert_eq!(span(project, 4, 2).await, Ok(true), "reads by id go on");
        let progress = store.progress();
        if progress.indexed == progress.recorded
            && let (Ok(conversations), Ok(traces), Ok(spans)) =
                (project.conversations(all()).await, project.traces(all()).await, project.spans(all()).await)
            && (&conversations.items, &traces.items, &spans.items) == (&expect.conversations, &expect.traces, &expect.spans)
            && store.health().is_ok()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the index is not made anew: {:?}, {:?}", store.progress(), store.health());
}

#[tokio::test]
async fn an_index_that_is_damaged_while_the_server_stands_still_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    keep(&store, id, steps().iter().map(patches)).await;
    let expect = shown(&store.project(id), 1_000).await;
    drop(store);
    let damages = [
        Damage::Remove("meta.json"),
        Damage::Flip("meta.json"),
        Damage::Cut("meta.json"),
        Damage::Remove(".store"),
        Damage::Cut(".store"),
        Damage::Flip(".store"),
        Damage::Remove(".term"),
        Damage::Cut(".term"),
        Damage::Cut(".fast"),
        Damage::Flip(".fast"),
        Damage::RemoveAll,
    ];
    for damage in damages {
        damage.apply(dir.path());
        let report = verify(dir.path(), |_, _| {}).unwrap();
        let told = |finding: &String| finding.contains("index") && (finding.contains("start") || finding.contains("reindex"));
        assert!(report.findings.iter().any(told), "{damage:?}: {:?}", report.findings);
        let store = open(dir.path());
        let here = store.project(id);
        look(&here).await;
        until_shown(&store, &here, &expect).await;
        store.close().await.unwrap();
        drop((here, store));
        let report = verify(dir.path(), |_, _| {}).unwrap();
        assert_eq!(report.findings, Vec::<String>::new(), "{damage:?}");
    }
}

#[tokio::test]
async fn an_index_that_is_damaged_under_a_running_server_is_made_anew() {
    for damage in [Damage::Flip(".store"), Damage::Remove("meta.json"), Damage::RemoveAll] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let id = project(&store);
        keep(&store, id, steps().iter().map(patches)).await;
        drop(store);
        let store = open(dir.path());
        let here = store.project(id);
        damage.apply(dir.path());
        look(&here).await;
        let more = Step { trace: 9, span: 0, conversation: Some(0), fails: false };
        store.append(id, patches(&more), neuraltrust_model::Timestamp::from_nanos(0)).await.unwrap();
        assert_eq!(span(&here, 9, 0).await, Ok(true), "what comes meanwhile is kept");
        // What the lists must show is what another directory shows of the same.
        let other = tempfile::tempdir().unwrap();
        let sound = open(other.path());
        let sound_id = project(&sound);
        keep(&sound, sound_id, steps().iter().map(patches)).await;
        sound.append(sound_id, patches(&more), neuraltrust_model::Timestamp::from_nanos(0)).await.unwrap();
        settle(&sound).await;
        until_shown(&store, &here, &shown(&sound.project(sound_id), 1_000).await).await;
        let all: Vec<Step> = steps().into_iter().chain([more]).collect();
        check_shown(&here, &all).await;
    }
}

/// Copied over by hand, say from a backup that is older than the index.
#[tokio::test]
async fn an_index_of_another_record_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    keep(&store, id, [patches(&steps()[0])]).await;
    store.close().await.unwrap();
    drop(store);
    let older = std::fs::read(record(dir.path())).unwrap();
    let store = open(dir.path());
    keep(&store, id, steps().iter().map(patches)).await;
    store.close().await.unwrap();
    drop(store);
    std::fs::write(record(dir.path()), older).unwrap();
    let report = verify(dir.path(), |_, _| {}).unwrap();
    assert!(report.findings[0].contains("another record"), "{report:?}");
    let store = Store::Embedded(std::sync::Arc::new(EmbeddedStore::open(dir.path()).unwrap()));
    keep(&store, id, [patches(&steps()[5])]).await;
    check_shown(&store.project(id), &[steps()[0].clone(), steps()[5].clone()]).await;
}
