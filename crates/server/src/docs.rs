//! `/docs`: the OpenAPI document as a page for people, without a script and without anything from elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;

/// The page runs nothing, loads nothing and is shown in no other.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("docs.css");
/// The methods in the order in which they are shown.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];
/// Deepest nesting of a type that is written out in one line.
const MAX_DEPTH: usize = 4;

/// The page as it is answered.
pub(crate) fn answer(page: String) -> Response {
    let mut response = Html(page).into_response();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The page of a document.
pub(crate) fn page(document: &Value) -> String {
    let mut tags: BTreeMap<&str, Vec<Operation<'_>>> = BTreeMap::new();
    for (path, item) in members(document, "/paths") {
        for method in METHODS {
            if let Some(about) = item.get(method) {
                let tag = about.pointer("/tags/0").and_then(Value::as_str).unwrap_or("other");
                tags.entry(tag).or_default().push(Operation { document, path, method, about });
            }
        }
    }
    let (title, version) = (text(document, "/info/title"), text(document, "/info/version"));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} API {version}</title><style>{STYLE}</style></head><body>\n<nav aria-label=\"Operations\">",
        title = escaped(title),
        version = escaped(version),
    );
    for (tag, operations) in &tags {
        let _ = write!(out, "<h2>{}</h2><ul>", escaped(tag));
        operations.iter().for_each(|operation| operation.link(&mut out));
        out.push_str("</ul>");
    }
    let _ = write!(
        out,
        "<h2>types</h2><p><a href=\"#types\">All types</a></p></nav>\n<main><h1>{} API <small>{}</small></h1>{}\
         <p>Every request needs a key: <code>Authorization: Bearer nt_…</code>, or a browser that is signed in. \
         This page is made from <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>; what may stand in <code>q</code> is \
         described in <code>docs/query.md</code>. <a href=\"/\">Back to the conversations</a></p>",
        escaped(title),
        escaped(version),
        prose(text(document, "/info/description")),
    );
    for (tag, operations) in &tags {
        let _ = writeln!(out, "<h2 class=\"tag\">{}</h2>", escaped(tag));
        operations.iter().for_each(|operation| operation.section(&mut out));
    }
    out.push_str("<h2 class=\"tag\" id=\"types\">types</h2>\n");
    for (name, schema) in members(document, "/components/schemas") {
        schema_section(name, schema, &mut out);
    }
    out.push_str("</main></body></html>\n");
    out
}

fn members<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let object = value.pointer(pointer).and_then(Value::as_object);
    object.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A text that is no markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Words with code between backticks, in one line.
fn words(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split('`').enumerate() {
        let _ = if n % 2 == 1 { write!(out, "<code>{}</code>", escaped(part)) } else { write!(out, "{}", escaped(part)) };
    }
    out
}

/// Paragraphs of words.
fn prose(text: &str) -> String {
    text.split("\n\n").filter(|part| !part.trim().is_empty()).fold(String::new(), |mut out, part| {
        let _ = write!(out, "<p>{}</p>", words(part));
        out
    })
}

fn example(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| serde_json::to_string_pretty(value).unwrap_or_default(), str::to_owned);
    format!("<pre>{}</pre>", escaped(&text))
}

/// What a schema says of a value, in one line; other types are links.
fn type_of(schema: &Value, depth: usize) -> String {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
        return format!("<a href=\"#type-{name}\">{name}</a>", name = escaped(name));
    }
    if depth > MAX_DEPTH {
        return "…".to_owned();
    }
    for (key, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
        let several = list(schema, key);
        if !several.is_empty() {
            return several.iter().map(|one| type_of(one, depth + 1)).collect::<Vec<_>>().join(between);
        }
    }
    let values = list(schema, "enum");
    if !values.is_empty() {
        let shown = values.iter().map(|value| format!("<code>{}</code>", escaped(&value.to_string())));
        return shown.collect::<Vec<_>>().join(" | ");
    }
    let of = |name: &str| match name {
        "array" => format!("array of {}", schema.get("items").map_or_else(|| "anything".to_owned(), |of| type_of(of, depth + 1))),
        "object" => match schema.get("additionalProperties").filter(|of| of.is_object()) {
            Some(of) => format!("object of {}", type_of(of, depth + 1)),
            None => "object".to_owned(),
        },
        other => match schema.get("format").and_then(Value::as_str) {
            Some(format) => format!("{} ({})", escaped(other), escaped(format)),
            None => escaped(other),
        },
    };
    match schema.get("type") {
        Some(Value::String(name)) => of(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(of).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

/// The fields of an object, each with its type and what it means.
fn fields(schema: &Value, out: &mut String) {
    let needed: Vec<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
    let mut all = members(schema, "/properties").peekable();
    if all.peek().is_none() {
        return;
    }
    out.push_str("<table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead><tbody>");
    for (name, field) in all {
        let mark = if needed.contains(&name) { "" } else { " <em>may be absent</em>" };
        let _ = write!(
            out,
            "<tr><td><code>{}</code>{mark}</td><td>{}</td><td>{}</td></tr>",
            escaped(name),
            type_of(field, 0),
            words(text(field, "/description"))
        );
    }
    out.push_str("</tbody></table>");
}

fn schema_section(name: &str, schema: &Value, out: &mut String) {
    let _ =
        write!(out, "<section id=\"type-{name}\"><h3>{name}</h3>{}", prose(text(schema, "/description")), name = escaped(name));
    let parts = list(schema, "allOf");
    fields(schema, out);
    parts.iter().for_each(|part| fields(part, out));
    if schema.get("properties").is_none() {
        let _ = write!(out, "<p>{}</p>", type_of(schema, 0));
    }
    for one in list(schema, "oneOf").iter().filter(|one| one.get("properties").is_some()) {
        let _ = write!(out, "<p>{}</p>", words(text(one, "/description")));
        fields(one, out);
    }
    if let Some(value) = schema.get("example") {
        out.push_str(&example(value));
    }
    out.push_str("</section>\n");
}

/// What can be done at a path.
struct Operation<'a> {
    document: &'a Value,
    path: &'a str,
    method: &'static str,
    about: &'a Value,
}

impl<'a> Operation<'a> {
    fn id(&self) -> &'a str {
        text(self.about, "/operationId")
    }

    /// What stands there, or what a reference leads to.
    fn follow(&self, value: &'a Value) -> &'a Value {
        let path = value.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        path.and_then(|path| self.document.pointer(path)).unwrap_or(value)
    }

    fn link(&self, out: &mut String) {
        let (id, method, path) = (escaped(self.id()), self.method, escaped(self.path));
        let _ = write!(out, "<li><a href=\"#{id}\"><b class=\"{method}\">{method}</b> {}</a></li>", path.replace("/api/v1", ""));
    }

    fn section(&self, out: &mut String) {
        let (id, method) = (escaped(self.id()), self.method);
        let _ = write!(
            out,
            "<section id=\"{id}\"><h3><a href=\"#{id}\"><b class=\"{method}\">{method}</b> <code>{}</code></a></h3>{}{}",
            escaped(self.path),
            prose(text(self.about, "/summary")),
            prose(text(self.about, "/description")),
        );
        let _ = write!(out, "<h4>Request</h4><pre>{}</pre>", escaped(&self.request()));
        self.parameters(out);
        if let Some(body) = self.about.get("requestBody") {
            self.contents(body, out);
        }
        out.push_str("<h4>Answers</h4>");
        for (status, response) in members(self.about, "/responses") {
            let response = self.follow(response);
            let open = if status.starts_with('2') { " open" } else { "" };
            let _ = write!(
                out,
                "<details{open}><summary><b>{}</b> {}</summary>",
                escaped(status),
                words(text(response, "/description"))
            );
            for (name, header) in members(response, "/headers") {
                let about = words(text(header, "/description"));
                let _ = write!(out, "<p>Header <code>{}</code>: {about}</p>", escaped(name));
            }
            self.contents(response, out);
            out.push_str("</details>");
        }
        out.push_str("</section>\n");
    }

    fn contents(&self, of: &'a Value, out: &mut String) {
        for (media, content) in members(of, "/content") {
            let schema = content.get("schema").map(|schema| type_of(schema, 0)).unwrap_or_default();
            let _ = write!(out, "<p><code>{}</code>: {schema}</p>", escaped(media));
            if let Some(value) = self.example_of(content) {
                out.push_str(&example(value));
            }
        }
    }

    fn example_of(&self, content: &'a Value) -> Option<&'a Value> {
        let of_schema = || self.follow(content.get("schema")?).get("example");
        content.get("example").or_else(of_schema)
    }

    fn parameters(&self, out: &mut String) {
        let all = list(self.about, "parameters");
        if all.is_empty() {
            return;
        }
        out.push_str("<table><thead><tr><th>Parameter</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead><tbody>");
        for parameter in all {
            let schema = parameter.get("schema").unwrap_or(&Value::Null);
            let needed = parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
            let default = schema.get("default").map(|value| format!(" (<code>{}</code>)", escaped(&plain(value))));
            let _ = write!(
                out,
                "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}{}</td><td>{}</td></tr>",
                escaped(text(parameter, "/name")),
                if needed { " <em>needed</em>" } else { "" },
                escaped(text(parameter, "/in")),
                type_of(schema, 0),
                default.unwrap_or_default(),
                words(text(parameter, "/description")),
            );
        }
        out.push_str("</tbody></table>");
    }

    /// The request as it is typed in a shell.
    fn request(&self) -> String {
        let parameters = list(self.about, "parameters");
        let given = |parameter: &Value| parameter.get("example").or_else(|| parameter.pointer("/schema/example")).map(plain);
        let (mut path, mut told) = (self.path.to_owned(), String::new());
        for parameter in parameters {
            let name = text(parameter, "/name");
            match (text(parameter, "/in"), given(parameter)) {
                ("path", Some(value)) => path = path.replace(&format!("{{{name}}}"), &value),
                ("query", Some(value)) => {
                    let _ = write!(told, " \\\n  --data-urlencode {}", quoted(&format!("{name}={value}")));
                }
                _ => {}
            }
        }
        let how = match self.method {
            "get" if told.is_empty() => String::new(),
            "get" => "-G ".to_owned(),
            method => format!("-X {} ", method.to_uppercase()),
        };
        let body = self.about.get("requestBody").into_iter().flat_map(|body| members(body, "/content"));
        for (media, content) in body {
            let _ = write!(told, " \\\n  -H {}", quoted(&format!("content-type: {media}")));
            let data = self.example_of(content).map_or_else(|| "@FILE".to_owned(), plain);
            let _ = write!(told, " \\\n  --data-binary {}", quoted(&data));
        }
        format!("curl {how}http://127.0.0.1:6180{path} -H \"Authorization: Bearer nt_...\"{told}")
    }
}

/// A value as it stands in an address or a body.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A word for a shell (POSIX, "Single-Quotes").
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "info": { "title": "t", "version": "1", "description": "One `code` & <more>.\n\nTwo." },
            "paths": { "/api/v1/things/{id}": { "post": {
                "operationId": "make", "tags": ["write"], "summary": "Makes a thing.",
                "parameters": [
                    { "name": "id", "in": "path", "required": true, "schema": { "type": "string" }, "example": "it's" },
                    { "name": "q", "in": "query", "description": "A `query`.", "schema": { "type": ["string", "null"], "default": "x" } },
                ],
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } },
                "responses": { "200": { "description": "It is made" }, "4XX": { "$ref": "#/components/responses/Refused" } },
            } } },
            "components": {
                "schemas": { "Thing": {
                    "type": "object", "required": ["a"], "example": { "a": 1 },
                    "properties": { "a": { "type": "integer" }, "b": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Thing" }] } },
                } },
                "responses": { "Refused": { "description": "No", "content": { "application/problem+json": { "example": { "status": 400 } } } } },
            },
        })
    }

    #[track_caller]
    fn holds(page: &str, parts: &[&str]) {
        for part in parts {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
    }

    #[test]
    fn an_operation_is_shown_with_what_it_takes_and_answers() {
        let page = page(&document());
        holds(
            &page,
            &["<section id=\"make\">", "<p>Makes a thing.</p>", "<code>q</code>", "A <code>query</code>.", "(<code>x</code>)"],
        );
        holds(&page, &["It is made", "&quot;status&quot;: 400", "href=\"#type-Thing\"", "<section id=\"type-Thing\">"]);
        holds(&page, &["null or <a href=\"#type-Thing\">Thing</a>", "<code>b</code> <em>may be absent</em>"]);
        holds(&page, &["curl -X POST http://127.0.0.1:6180/api/v1/things/it's", "--data-binary '{&quot;a&quot;:1}'"]);
    }

    #[test]
    fn what_the_document_says_is_no_markup() {
        let page = page(&document());
        holds(&page, &["<p>One <code>code</code> &amp; &lt;more&gt;.</p><p>Two.</p>"]);
        assert!(!page.contains("<more>") && !page.contains("<script"));
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
