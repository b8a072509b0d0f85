//! The document that the page's types are made from is the one that this code describes.

use std::process::Command;

use neuraltrust_testing::workspace;

#[test]
fn the_document_of_the_page_is_up_to_date() {
    let output = Command::new(crate::BINARY).arg("openapi").output().unwrap();
    let path = workspace().join("web/openapi.json");
    let known = std::fs::read(&path).unwrap_or_default();
    assert!(
        known == output.stdout,
        "web/openapi.json is not what `neuraltrust openapi` prints; write it there, and run `npm run api` in web/"
    );
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let printed = Command::new(crate::BINARY).arg("openapi").output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    let operations = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut names = std::collections::BTreeSet::new();
    for operation in operations {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
    }
    assert!(names.len() > 20, "{names:?}");
}

#[test]
fn the_server_serves_the_same_document() {
    let server = crate::start();
    let served = server.fetch("/api/v1/openapi.json", &[]);
    let printed = Command::new(crate::BINARY).arg("openapi").output().unwrap();
    assert_eq!(served.json(), serde_json::from_slice::<serde_json::Value>(&printed.stdout).unwrap());
    assert!(served.json()["paths"]["/api/v1/conversations"].is_object());
}
