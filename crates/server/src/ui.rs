//! The page, embedded in the binary.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{LazyLock, Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";
/// Files under this folder have a hash of their content in their name.
const HASHED: &str = "assets/";
/// The page loads and calls nothing but this server, runs no inline script, and cannot be framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
    media-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const NOT_BUILT: &str = "The page was not built into this binary. Build it with `make build`, which builds the page first.\n";

/// Files as gzip, made when first asked for.
static GZIPPED: LazyLock<Mutex<HashMap<String, Bytes>>> = LazyLock::new(Mutex::default);

/// The file at the path, else the page itself, which knows its own paths.
pub(crate) fn page(path: &str, headers: &HeaderMap) -> Response {
    let name = path.trim_start_matches('/');
    if let Some(file) = Files::get(name).filter(|_| !name.is_empty()) {
        return answer(name, file, headers);
    }
    if name.starts_with(HASHED) {
        return (StatusCode::NOT_FOUND, "there is no such file; load the page again\n").into_response();
    }
    match Files::get(INDEX) {
        Some(file) => answer(INDEX, file, headers),
        None => (StatusCode::NOT_FOUND, NOT_BUILT).into_response(),
    }
}

fn answer(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash: String = file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("W/\"{hash}\"");
    let cache = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fixed = [
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::VARY, "accept-encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        content(name, file, headers)
    };
    for (field, value) in fixed {
        response.headers_mut().insert(field, HeaderValue::from_static(value));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn content(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let kind = file.metadata.mimetype().to_owned();
    // What is in the binary stays there; nothing is copied.
    let plain = match file.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    };
    let takes_gzip = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accepted| accepted.split(',').any(|coding| coding.trim().split(';').next() == Some("gzip")));
    let worthwhile = kind.starts_with("text/") || kind.contains("javascript") || kind.contains("json") || kind.contains("svg");
    let kind = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind };
    match takes_gzip && worthwhile {
        true => {
            ([(header::CONTENT_TYPE, kind), (header::CONTENT_ENCODING, "gzip".to_owned())], gzipped(name, &plain)).into_response()
        }
        false => ([(header::CONTENT_TYPE, kind)], plain).into_response(),
    }
}

fn gzipped(name: &str, plain: &Bytes) -> Bytes {
    let mut files = GZIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    let made = files.entry(name.to_owned()).or_insert_with(|| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        // Writing to memory does not fail.
        let _ = gzip.write_all(plain);
        gzip.finish().map(Bytes::from).unwrap_or_default()
    });
    made.clone()
}
