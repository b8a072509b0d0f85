//! Opik's attachments: a client asks where to upload a file to, and does.
//!
//! Format: <https://www.comet.com/docs/opik/reference/rest-api/attachments>. A server of one's own has its clients upload the whole
//! file to itself, which the id of the upload says; a client then asks for nothing more.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{post, put};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use neuraltrust_normalize::dialects::opik_attachments::{File, attachment};
use serde::Deserialize;
use serde_json::{Value, json};

use super::opik::{SURFACE, sender};
use super::{address, body, escaped, may_send};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::count_rejected;
use crate::unplaced::{self, Said};

/// The id of an upload that goes to the server itself (`LOCAL_UPLOAD_MAGIC_ID` in the client's `upload_client.py`).
const TO_THE_SERVER: &str = "BEMinIO";
/// Where that is, below the address of the server.
const UPLOAD: &str = "v1/private/attachment/upload";
/// Longest address that a client may have for the server, in bytes.
const MAX_ADDRESS: usize = 2_048;

/// What clients do with attachments, below a prefix.
pub(super) fn routes(prefix: &str) -> Router<App> {
    let at = |path: &str| format!("{prefix}/v1/private/attachment/{path}");
    Router::new()
        .route(&at("upload-start"), post(start))
        .route(&at("upload"), put(upload))
        // What was uploaded is there already.
        .route(&at("upload-complete"), post(complete))
}

/// What a file belongs to.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EntityType {
    Trace,
    Span,
}

/// A file, in the body of the question and in the address that answers it.
#[derive(Debug, Deserialize)]
struct Asked {
    file_name: String,
    mime_type: Option<String>,
    project_name: Option<String>,
    entity_type: EntityType,
    entity_id: String,
    /// The address that the client has for the server, in base 64.
    path: Option<String>,
}

async fn start(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Json<Value>, ApiError> {
    let asked = async {
        may_send(&app, &headers)?;
        let mut received = body::receive(&app.ingest, &headers, body).await?;
        let malformed = |error| ApiError::bad_request("malformed", format!("the body does not say what is uploaded: {error}"));
        received.decode(move |bytes| serde_json::from_slice::<Asked>(bytes).map_err(malformed)).await
    };
    let asked = asked.await.inspect_err(|error| count_rejected(SURFACE, error.reason))?;
    let server = asked.path.as_deref().and_then(decoded).unwrap_or_else(|| address(&headers) + "/api");
    let kind = match asked.entity_type {
        EntityType::Trace => "trace",
        EntityType::Span => "span",
    };
    let mut url = format!(
        "{}/{UPLOAD}?file_name={}&entity_type={kind}&entity_id={}",
        server.trim_end_matches('/'),
        escaped(&asked.file_name),
        escaped(&asked.entity_id)
    );
    for (name, value) in [("mime_type", &asked.mime_type), ("project_name", &asked.project_name)] {
        if let Some(value) = value {
            url.push_str(&format!("&{name}={}", escaped(value)));
        }
    }
    Ok(Json(json!({"upload_id": TO_THE_SERVER, "pre_sign_urls": [url]})))
}

/// The address that a client has for the server, with or without padding and in either alphabet.
fn decoded(path: &str) -> Option<String> {
    let path = path.trim_end_matches('=');
    let bytes = STANDARD_NO_PAD.decode(path).or_else(|_| URL_SAFE_NO_PAD.decode(path)).ok()?;
    let address = String::from_utf8(bytes).ok()?;
    let is_one = address.starts_with("http://") || address.starts_with("https://");
    let is_plain = address.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>?#".contains(&byte));
    (is_one && is_plain && address.len() <= MAX_ADDRESS).then_some(address)
}

async fn upload(
    State(app): State<App>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let kept = async {
        let grant = may_send(&app, &headers)?;
        let mut received = match body::receive(&app.ingest, &headers, body).await {
            // There is nothing to show of an empty file.
            Err(error) if error.reason == "empty" => return Ok(()),
            received => received?,
        };
        let (mime_type, project) = (asked.mime_type, asked.project_name);
        let file = File { entity_id: asked.entity_id, name: asked.file_name, mime_type, project };
        let sender = sender(&headers);
        let decode = move |bytes: &[u8]| Ok((attachment(&file, bytes, &sender)?, bytes.len()));
        let ((of_span, patch), bytes) = received.decode_file(decode).await?;
        let patches = match asked.entity_type {
            EntityType::Trace => vec![patch],
            EntityType::Span => {
                let said = Said { of: of_span, patch, bytes: bytes * 4 / 3 };
                unplaced::place(&app, &grant, SURFACE, vec![said]).await?
            }
        };
        app.ingest.keep_whole(SURFACE, &grant, patches).await
    };
    kept.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn complete(State(app): State<App>, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    may_send(&app, &headers)?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    #[test]
    fn the_address_of_the_server_is_what_its_client_has_for_it() {
        let address = "http://127.0.0.1:6180/opik/api/?>";
        for coded in [STANDARD.encode(address), URL_SAFE.encode(address)] {
            assert_eq!(decoded(&coded), None, "a query is no part of it");
        }
        for address in ["http://127.0.0.1:6180/api", "https://a.b/~c/"] {
            for coded in [STANDARD.encode(address), URL_SAFE.encode(address), URL_SAFE_NO_PAD.encode(address)] {
                assert_eq!(decoded(&coded).as_deref(), Some(address));
            }
        }
        for bad in ["", "%%", &STANDARD.encode("ftp://a"), &STANDARD.encode([0xff, 0xfe]), &STANDARD.encode("http://a b")] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }
}
