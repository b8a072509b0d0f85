//! What review forgets: module docs, left-overs, forgotten tests and snapshots, long files, and the arrows between crates.
//!
//! Looks at what git tracks. The words that must not occur are put together here, so that this file needs no exception.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use neuraltrust_testing::workspace;

/// Longer files hold two ideas.
const MAX_LINES: usize = 800;

/// What each crate of the workspace may depend on, dev-dependencies aside. Crates that are not shipped are not listed.
const ARROWS: &[(&str, &[&str])] = &[
    ("neuraltrust-model", &[]),
    ("neuraltrust-normalize", &["neuraltrust-model"]),
    ("neuraltrust-store", &["neuraltrust-model"]),
    ("neuraltrust", &["neuraltrust-model"]),
    ("neuraltrust-python", &["neuraltrust"]),
    ("neuraltrust-server", &["neuraltrust-model", "neuraltrust-normalize", "neuraltrust-store", "neuraltrust"]),
];
/// Development only: no shipped crate depends on them except in its tests.
const DEVELOPMENT: &[&str] = &["neuraltrust-testing", "neuraltrust-bench", "neuraltrust-fuzzing"];

/// Every tracked file that still exists.
fn tracked() -> Vec<PathBuf> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(workspace()).output().expect("run git");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let files: Vec<PathBuf> =
        names.split_terminator('\0').map(PathBuf::from).filter(|path| workspace().join(path).is_file()).collect();
    assert!(files.len() > 50, "git tracks {} files only", files.len());
    files
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| extensions.contains(&extension))
}

/// The text of a tracked file; `None` for bytes that are no text.
fn text(path: &Path) -> Option<String> {
    String::from_utf8(std::fs::read(workspace().join(path)).expect("read a tracked file")).ok()
}

/// Fails with every complaint at once.
#[track_caller]
fn check(files: &[PathBuf], complain: impl Fn(&Path, &str) -> Vec<String>) {
    let mut complaints = Vec::new();
    for path in files {
        if let Some(text) = text(path) {
            complaints.extend(complain(path, &text).into_iter().map(|complaint| format!("{}: {complaint}", path.display())));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

fn complain_if(bad: bool, complaint: &str) -> Vec<String> {
    if bad { vec![complaint.to_owned()] } else { Vec::new() }
}

#[test]
fn every_module_says_what_it_owns() {
    let files: Vec<PathBuf> = tracked().into_iter().filter(|path| has_extension(path, &["rs"])).collect();
    check(&files, |_, text| complain_if(!text.starts_with("//! "), "does not open with `//!` module docs"));
}

#[test]
fn nothing_is_left_behind() {
    let left_overs = [
        concat!("db", "g!("),
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("#[ig", "nore"),
        concat!("TO", "DO"),
    ];
    let files: Vec<PathBuf> = tracked().into_iter().filter(|path| has_extension(path, &["rs"])).collect();
    check(&files, |_, text| {
        let found = |line: &str| left_overs.iter().find(|word| line.contains(**word)).map(|word| format!("holds {word}"));
        text.lines().enumerate().filter_map(|(n, line)| Some(format!("line {}: {}", n + 1, found(line)?))).collect()
    });
}

#[test]
fn no_test_file_is_forgotten() {
    let files = tracked();
    let mains: Vec<PathBuf> = files.iter().filter(|path| path.ends_with("tests/it/main.rs")).cloned().collect();
    assert!(!mains.is_empty());
    check(&mains, |main, text| {
        let folder = main.parent().expect("main.rs lies in a folder");
        let modules = files.iter().filter(|path| path.parent() == Some(folder) && has_extension(path, &["rs"]) && *path != main);
        let forgotten =
            modules.filter_map(|path| path.file_stem()?.to_str()).filter(|name| !text.contains(&format!("mod {name};")));
        forgotten.map(|name| format!("does not declare `mod {name};`, so its tests never run")).collect()
    });
    // One integration binary per crate, so that linking stays cheap.
    let apart =
        files.iter().filter(|path| has_extension(path, &["rs"]) && path.parent().is_some_and(|folder| folder.ends_with("tests")));
    let apart: Vec<_> = apart.filter(|path| !path.ends_with("crates/testing/tests/tidy.rs")).collect();
    assert!(apart.is_empty(), "belongs into tests/it/: {apart:?}");
}

#[test]
fn no_file_holds_two_ideas() {
    // What a tool writes is as long as it is.
    let generated = |path: &Path| path.ends_with("web/src/api/schema.d.ts");
    let files: Vec<PathBuf> =
        tracked().into_iter().filter(|path| has_extension(path, &["rs", "py", "ts", "tsx", "css"]) && !generated(path)).collect();
    check(&files, |_, text| {
        let lines = text.lines().count();
        complain_if(lines > MAX_LINES, &format!("has {lines} lines, more than {MAX_LINES}; split it along its ideas"))
    });
}

#[test]
fn no_file_names_a_machine() {
    let homes = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
    // A recording holds what a client sent from its own machine.
    let files: Vec<PathBuf> = tracked().into_iter().filter(|path| !path.starts_with("fixtures")).collect();
    check(&files, |_, text| {
        let found = homes.iter().filter(|home| text.contains(**home));
        found.map(|home| format!("holds the path {home} of one machine")).collect()
    });
}

#[test]
fn every_snapshot_is_decided() {
    let undecided: Vec<PathBuf> = tracked().into_iter().filter(|path| path.to_string_lossy().ends_with(".snap.new")).collect();
    assert!(undecided.is_empty(), "accept or remove: {undecided:?}");
}

#[test]
fn crates_depend_one_way() {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(workspace().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("run cargo metadata");
    let own: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let listed: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).chain(DEVELOPMENT.iter().copied()).collect();
    assert_eq!(own, listed, "every crate of the workspace has its place in ARROWS or DEVELOPMENT");

    for package in &metadata.packages {
        for dependency in package.dependencies.iter().filter(|dependency| own.contains(dependency.name.as_str())) {
            let (from, to) = (package.name.as_str(), dependency.name.as_str());
            assert_ne!(to, "neuraltrust-server", "{from} depends on the server; nothing points back");
            let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else { continue };
            let in_tests = dependency.kind == cargo_metadata::DependencyKind::Development;
            assert!(in_tests || allowed.contains(&to), "{from} must not depend on {to}");
        }
    }
}
