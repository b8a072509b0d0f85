//! Recorded traffic of real clients, as it lies in `fixtures/`.

use std::path::PathBuf;

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    // Where clones share a build cache, this crate may have been compiled in another one than the test that runs.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let whole = package.ancestors().find(|folder| folder.join("crates").is_dir() && folder.join("fixtures").is_dir());
    whole.expect("a package lies within the workspace").to_owned()
}

/// The directory of the recordings.
#[must_use]
pub fn fixtures() -> PathBuf {
    workspace().join("fixtures")
}

/// The bodies of a recording such as `neuraltrust/1.4.0-exact`, in the order in which they arrived.
///
/// # Panics
/// Where there is no such recording.
#[must_use]
pub fn recorded(name: &str) -> Vec<Vec<u8>> {
    let directory = fixtures().join(name);
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("read {}: {error}", directory.display()));
    let mut bodies: Vec<PathBuf> = entries
        .map(|entry| entry.expect("list the recording").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "body"))
        .collect();
    assert!(!bodies.is_empty(), "{} holds no .body file", directory.display());
    // The files are numbered by arrival.
    bodies.sort();
    bodies.iter().map(|path| std::fs::read(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_comes_in_its_order() {
        let bodies = recorded("neuraltrust/1.4.0-exact");
        assert_eq!(bodies.len(), 5);
        let first: serde_json::Value = serde_json::from_slice(&bodies[0]).unwrap();
        assert_eq!(first["task"], "agent");
    }
}
