//! The document that the page's types are made from is the one that this code describes.

use std::process::Command;

use neuraltrust_testing::workspace;
use serde_json::Value;

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
    let document: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let operations = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut names = std::collections::BTreeSet::new();
    for operation in operations {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
    }
    assert!(names.len() > 20, "{names:?}");
}

/// What a reference leads to.
fn follow<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let path = value["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    path.map_or(value, |path| document.pointer(path).unwrap())
}

#[test]
fn every_operation_says_what_it_is_for_what_it_takes_and_what_it_answers() {
    let printed = Command::new(crate::BINARY).arg("openapi").output().unwrap();
    let document: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let mut missing = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let mut needs = |what: &str, there: bool| {
                if !there {
                    missing.push(format!("{method} {path}: {what}"));
                }
            };
            let has_text = |value: &Value| value.as_str().is_some_and(|text| text.len() > 5);
            needs("summary", has_text(&operation["summary"]));
            needs("description", has_text(&operation["description"]));
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                needs(&format!("description of {name}"), has_text(&parameter["description"]));
                needs(&format!("example of {name}"), parameter["in"] != "path" || !parameter["example"].is_null());
            }
            let content = &operation["requestBody"]["content"]["application/json"];
            let of_schema = &follow(&document, &content["schema"])["example"];
            needs("example of the body", content.is_null() || content["example"].is_object() || of_schema.is_object());
            let responses = operation["responses"].as_object().unwrap();
            for status in ["401", "403", "4XX", "5XX"] {
                let told = responses.get(status).map(|response| follow(&document, response)).unwrap_or(&Value::Null);
                needs(status, told["content"]["application/problem+json"]["schema"]["$ref"] == "#/components/schemas/Problem");
            }
            needs("404", !path.contains('{') || responses.contains_key("404"));
            let found = responses.iter().filter(|(status, _)| status.starts_with('2'));
            for (status, response) in found.map(|(status, response)| (status, follow(&document, response))) {
                needs(&format!("description of {status}"), has_text(&response["description"]));
                let json = &response["content"]["application/json"];
                let of_schema = &follow(&document, &json["schema"])["example"];
                needs(&format!("example of {status}"), json.is_null() || !json["example"].is_null() || !of_schema.is_null());
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_page_for_people_shows_every_operation() {
    let server = crate::start();
    let page = server.fetch("/docs", &[]);
    let (text, document) = (String::from_utf8(page.body).unwrap(), server.fetch("/api/v1/openapi.json", &[]).json());
    assert_eq!((page.status, page.content_type.as_str()), (200, "text/html; charset=utf-8"));
    assert!(page.headers["content-security-policy"].starts_with("default-src 'none'"), "it loads nothing");
    let operations = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    for name in operations.map(|operation| operation["operationId"].as_str().unwrap()) {
        assert!(text.contains(&format!("<section id=\"{name}\">")) && text.contains(&format!("href=\"#{name}\"")), "{name}");
    }
    let links = text.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
    for link in links {
        assert!(text.contains(&format!("id=\"{link}\"")), "#{link} leads nowhere");
    }
    assert!(!text.contains(" src=") && !text.contains("<script") && !text.contains("<link"), "nothing from elsewhere");
}

#[test]
fn the_server_serves_the_same_document() {
    let server = crate::start();
    let served = server.fetch("/api/v1/openapi.json", &[]);
    let printed = Command::new(crate::BINARY).arg("openapi").output().unwrap();
    assert_eq!(served.json(), serde_json::from_slice::<Value>(&printed.stdout).unwrap());
    assert!(served.json()["paths"]["/api/v1/conversations"].is_object());
}
