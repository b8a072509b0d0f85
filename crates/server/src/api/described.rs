//! What the OpenAPI document says of every operation alike, and an example of every answer.
//!
//! The examples stand in `examples.json` by the name of their operation: they are answers of a server with the recorded flow of
//! `fixtures/`, shortened. A test holds each against the schema of its answer.

use serde_json::{Map, Value, json};
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, Ref, RefOr, Response};

const EXAMPLES: &str = include_str!("examples.json");
/// Media type of what is wrong (RFC 9457, section 3).
const PROBLEM: &str = "application/problem+json";

/// What stands in paths, by name.
const IN_PATHS: [(&str, &str); 9] = [
    ("conversation_id", "conv_0e28ee86"),
    ("trace_id", "56a9e32345f41ab17b1936f58d475ea7"),
    ("span_id", "d493c3dafefe5091"),
    ("media_id", "000102030405060708090a0b0c0d0e0f"),
    ("score_id", "correctness-18ac"),
    ("name", "staging"),
    ("key_id", "8c1f02ab93d4e5f6"),
    ("member_id", "5b07d1c9a2e84f36"),
    ("id", "1"),
];

/// What an operation may answer beside what it is for: the status, the name among the components, what it means, and an example.
fn problems() -> [(&'static str, &'static str, &'static str, Value); 5] {
    let problem = |status: u16, title: &str, reason: &str, detail: &str| json!({ "status": status, "title": title, "reason": reason, "detail": detail });
    [
        (
            "401",
            "NoKey",
            "There is no key, or none that this server knows",
            problem(
                401,
                "Unauthorized",
                "unknown_key",
                "this server does not know the API key; make one with `neuraltrust key create`",
            ),
        ),
        (
            "403",
            "NotAllowed",
            "The key does not allow this",
            problem(
                403,
                "Forbidden",
                "wrong_scope",
                "a key of scope ingest may not do this; it takes a key of scope read or admin",
            ),
        ),
        (
            "404",
            "NotThere",
            "The project has nothing of that id",
            problem(404, "Not Found", "not_found", "the project has no trace \"trace-1\""),
        ),
        (
            "4XX",
            "Refused",
            "What is asked cannot be: `detail` says what was wrong, where, and what is accepted",
            problem(400, "Bad Request", "bad_parameter", "limit: \"0\" is not a number from 1 to 1000"),
        ),
        (
            "5XX",
            "Failed",
            "The server cannot answer now; where `retry-after` is sent, the same may be asked again",
            problem(503, "Service Unavailable", "busy", "the server has as much in hand as it may; send the same again later"),
        ),
    ]
}

fn response(description: &str, example: &Value) -> Option<Response> {
    serde_json::from_value(json!({
        "description": description,
        "content": { PROBLEM: { "schema": { "$ref": "#/components/schemas/Problem" }, "example": example } }
    }))
    .ok()
}

/// Adds to every operation what is said of all.
pub(super) fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    for (_, name, description, example) in problems() {
        if let Some(response) = response(description, &example) {
            components.responses.insert(name.to_owned(), RefOr::T(response));
        }
    }
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    for (path, item) in &mut document.paths.paths {
        let PathItem { get, put, post, delete, .. } = item;
        for operation in [get, put, post, delete].into_iter().flatten() {
            describe(path, operation, &examples);
        }
    }
}

fn describe(path: &str, operation: &mut Operation, examples: &Map<String, Value>) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.parameter_in == ParameterIn::Path
            && let Some((_, example)) = IN_PATHS.iter().find(|(name, _)| *name == parameter.name)
        {
            let example = if parameter.name == "id" { json!(1) } else { json!(example) };
            *parameter = ParameterBuilder::from(parameter.clone()).example(Some(example)).build();
        }
    }
    let example = operation.operation_id.as_ref().and_then(|id| examples.get(id));
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        let RefOr::T(response) = response else { continue };
        let failed = status.starts_with(['4', '5']);
        if failed && let Some(content) = response.content.shift_remove("application/json") {
            response.content.insert(PROBLEM.to_owned(), content);
        }
        if response.description.is_empty() {
            "What was asked for".clone_into(&mut response.description);
        }
        let json = response.content.get_mut("application/json").filter(|_| !failed);
        if let (Some(RefOr::T(content)), Some(example)) = (json, example)
            && content.example.is_none()
        {
            content.example = Some(example.clone());
        }
    }
    for (status, name, ..) in problems() {
        let told = match status {
            "404" => path.contains('{') && !responses.contains_key("404"),
            // What all operations say of it stands in one place.
            "4XX" => {
                responses.remove(status);
                true
            }
            _ => true,
        };
        if told {
            responses.entry(status.to_owned()).or_insert_with(|| RefOr::Ref(Ref::from_response_name(name)));
        }
    }
}
