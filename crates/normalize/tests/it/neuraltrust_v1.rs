//! neuraltrust 1.1.9 and 1.4.0 as recorded.

use std::fs;

use neuraltrust_model::{Content, Kind, Source, SpanPatch};
use neuraltrust_normalize::dialects::neuraltrust_v1::normalize;
use serde_json::Value;

use crate::{fixtures, readable};

/// The recorded steps of a version, in the order of their arrival.
fn recorded(version: &str) -> Vec<SpanPatch> {
    let folder = fixtures("neuraltrust").join(version);
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    names.sort();
    let mut patches = Vec::new();
    for name in names {
        let request: Value = serde_json::from_slice(&fs::read(&name).unwrap()).unwrap();
        if request["path"] != "/v1/trace" {
            continue;
        }
        let body = fs::read(name.with_extension("body")).unwrap();
        let source = Source { client: Some("python-httpx".to_owned()), version: None, protocol: "neuraltrust_v1".to_owned() };
        patches.extend(normalize(&body, source).unwrap());
    }
    patches
}

#[test]
fn the_example_flow_of_1_4_0() {
    insta::assert_json_snapshot!(readable(&recorded("1.4.0-exact")));
}

#[test]
fn everything_1_4_0_can_send() {
    insta::assert_json_snapshot!(readable(&recorded("1.4.0")));
}

#[test]
fn everything_1_1_9_can_send() {
    insta::assert_json_snapshot!(readable(&recorded("1.1.9")));
}

#[test]
fn python_text_became_structure() {
    let patches = recorded("1.4.0");
    let kinds = |kind: Kind| patches.iter().filter(move |patch| patch.kind.as_ref() == Some(&kind));
    let custom = kinds(Kind::Message).next().unwrap().custom.as_ref().unwrap();
    assert_eq!(custom["it's"], "a \"quote\"");
    assert_eq!(custom["none"], Value::Null);
    let found = kinds(Kind::Retrieval).next().unwrap().output.clone().unwrap();
    let Content::Documents { documents } = found else { panic!("{found:?}") };
    assert_eq!(documents.len(), 3);
    assert_eq!(documents[0].score, Some(0.91));
    assert!(documents[1].content.as_ref().unwrap().contains("d'expédition"));
    let scored: Vec<_> = patches.iter().filter(|patch| patch.kind.is_none()).flat_map(|patch| &patch.scores).collect();
    let verdicts: Vec<_> = scored.iter().map(|score| score.value.as_str().unwrap()).collect();
    assert_eq!(verdicts, ["positive", "negative", "neutral"]);
}
