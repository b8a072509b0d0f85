//! Backup, restore and verify.

use std::path::Path;

use neuraltrust_store::conformance::{Call, Step, call_patches, check_calls, check_shown, keep, patches, settle};
use neuraltrust_store::embedded::{backup, restore, verify};
use neuraltrust_store::{EmbeddedStore, ProjectId, StoreError};

use crate::embedded::open;

fn steps() -> Vec<Step> {
    (0..3).flat_map(|trace| (0..4).map(move |span| Step { trace, span, conversation: Some(1), fails: false })).collect()
}

fn calls() -> Vec<Call> {
    (0..8)
        .map(|n| Call { trace: 10 + n % 3, conversation: None, history: (0..3 * n + 1).collect(), answer: 40 + n, apart: n > 4 })
        .collect()
}

/// A directory with steps and calls in it, and the projects that they are in.
async fn filled(path: &Path) -> [ProjectId; 2] {
    let store = open(path);
    let projects = ["steps", "calls"].map(|name| store.accounts().create_project(name).unwrap());
    keep(&store, projects[0], steps().iter().map(patches)).await;
    keep(&store, projects[1], calls().iter().enumerate().map(|(n, call)| call_patches(n, call))).await;
    store.close().await.unwrap();
    projects
}

async fn check_all(path: &Path, projects: [ProjectId; 2]) {
    let store = open(path);
    settle(&store).await;
    check_shown(&store.project(projects[0]), &steps()).await;
    check_calls(&store.project(projects[1]), &calls()).await;
}

#[tokio::test]
async fn a_backup_is_taken_while_the_store_goes_on_and_gives_everything_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let projects = filled(&data).await;
    let store = open(&data);
    let saved = dir.path().join("saved");
    let manifest = backup(&data, &saved, |_, _| {}).unwrap();
    assert_eq!(manifest.last_seq, store.progress().recorded);
    // What comes after the backup is not in it.
    let later = Step { trace: 9, span: 0, conversation: None, fails: false };
    keep(&store, projects[0], [patches(&later)]).await;

    let back = dir.path().join("back");
    assert_eq!(restore(&saved, &back, |_, _| {}).unwrap(), manifest);
    check_all(&back, projects).await;
    let report = verify(&back, |_, _| {}).unwrap();
    assert_eq!((report.wrong, report.patches), (0, manifest.last_seq), "{:?}", report.findings);

    for taken in [&saved, &back] {
        assert!(
            matches!(backup(&data, taken, |_, _| {}), Err(StoreError::DataDir { .. })),
            "a directory that is in use stays as it is"
        );
    }
    assert!(matches!(restore(&saved, &back, |_, _| {}), Err(StoreError::DataDir { .. })));
    assert!(backup(&dir.path().join("nothing"), &dir.path().join("new"), |_, _| {}).is_err());
}

#[tokio::test]
async fn a_backup_that_was_changed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    filled(&data).await;
    let saved = dir.path().join("saved");
    backup(&data, &saved, |_, _| {}).unwrap();
    let record = saved.join("record.sqlite");
    let mut bytes = std::fs::read(&record).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&record, bytes).unwrap();
    let back = dir.path().join("back");
    let refused = restore(&saved, &back, |_, _| {}).unwrap_err();
    assert!(refused.to_string().contains("record.sqlite"), "{refused}");
    assert!(!back.exists());
}

#[tokio::test]
async fn verify_finds_nothing_where_all_is_well_and_says_where_there_is_no_index() {
    let dir = tempfile::tempdir().unwrap();
    let sound = dir.path().join("sound");
    filled(&sound).await;
    let report = verify(&sound, |_, _| {}).unwrap();
    assert_eq!(report.wrong, 0, "{:?}", report.findings);
    assert!(report.nodes > 10 && report.spans == 20, "{report:?}");

    std::fs::remove_dir_all(sound.join("index")).unwrap();
    let report = verify(&sound, |_, _| {}).unwrap();
    assert!(report.findings[0].contains("no index"), "{:?}", report.findings);
    let running = EmbeddedStore::open(&sound).unwrap();
    assert!(matches!(verify(&sound, |_, _| {}), Err(StoreError::Locked { .. })));
    drop(running);
}

/// Whom an act tells how far it is.
type Telling<'a> = dyn FnMut(u64, u64) + 'a;

/// A large directory is not silent, and a bar ends where it should.
#[tokio::test]
async fn progress_only_grows_and_ends_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    filled(&data).await;
    let (saved, back) = (dir.path().join("saved"), dir.path().join("back"));
    let told = |act: &dyn Fn(&mut Telling<'_>)| {
        let mut told = Vec::new();
        act(&mut |done, all| told.push((done, all)));
        told
    };
    let verified = told(&|progress| drop(verify(&data, progress).unwrap()));
    let saving = told(&|progress| drop(backup(&data, &saved, progress).unwrap()));
    let restoring = told(&|progress| drop(restore(&saved, &back, progress).unwrap()));
    for (act, told) in [("verify", verified), ("backup", saving), ("restore", restoring)] {
        assert!(told.len() >= 2, "{act}: {told:?}");
        assert!(told.is_sorted(), "{act}: {told:?}");
        assert!(told.iter().all(|(done, all)| done <= all), "{act}: {told:?}");
        let (done, all) = *told.last().unwrap();
        assert!(done == all && all > 0, "{act}: {told:?}");
    }
}
