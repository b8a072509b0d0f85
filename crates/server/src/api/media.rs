//! The bytes of images, sounds and files that were sent within messages.
//!
//! NOTE: they come from whoever talks to the application. A browser must never run them: each answer says that it is what its
//! type says and nothing else, and is put in a sandbox without origin, scripts or requests; what is not known to be harmless
//! to look at is only offered as a download.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use neuraltrust_model::TraceId;
use neuraltrust_store::{MediaId, Medium, ProjectStore, ShowMedia, StoreError};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::params::{Ids, id};
use super::range::{Asked, asked};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// What a medium may do in a browser: nothing.
const POLICY: &str = "default-src 'none'; sandbox";
/// Images that a browser only draws. SVG is not among them.
const DRAWN: [&str; 6] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"];

/// How contents show their media.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ShownMedia {
    /// By the path where the bytes are.
    #[default]
    Linked,
    /// As they came in, e.g. as `data:` addresses.
    Inline,
}

/// How contents show their media.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MediaParams {
    /// `linked`: texts that hold a medium of 1 KiB and more are replaced by the path of its bytes. `inline`: contents are as
    /// they came in.
    #[serde(default)]
    #[param(inline, default = "linked")]
    media: ShownMedia,
}

impl MediaParams {
    pub(super) const fn show(&self) -> ShowMedia {
        self.media.show()
    }
}

impl ShownMedia {
    pub(super) const fn show(self) -> ShowMedia {
        match self {
            Self::Linked => ShowMedia::At(path),
            Self::Inline => ShowMedia::Inline,
        }
    }
}

/// Shows media by their address below that of their trace, `/api/v1/traces/{trace_id}/`: the same in all traces.
pub(super) const BELOW_TRACE: ShowMedia = ShowMedia::At(|_, medium| format!("media/{medium}"));

/// Where the bytes of a medium are.
fn path(trace: &TraceId, medium: MediaId) -> String {
    let mut path = "/api/v1/traces/".to_owned();
    for byte in trace.as_str().bytes() {
        // RFC 3986, section 2.3, "Unreserved Characters".
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path.push_str(&format!("/media/{medium}"));
    path
}

/// The bytes of an image, sound or file of a trace.
///
/// Parts of messages that show a medium name its path as `uri`. Ranges are answered, and `if-none-match`. What a browser could
/// run is sent as a download in a sandbox.
#[utoipa::path(
    get, path = "/api/v1/traces/{trace_id}/media/{media_id}", tag = "read",
    params(
        ("trace_id" = String, Path, description = "The trace"),
        ("media_id" = String, Path, description = "The medium, as the parts of messages name it"),
        ("range" = Option<String>, Header, description = "A single range of bytes (RFC 9110, section 14.2)")
    ),
    responses(
        (status = 200, description = "The bytes", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, description = "A range of the bytes", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 304, description = "The bytes are those that `if-none-match` names"),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    Reader(grant): Reader,
    Ids((trace, medium)): Ids<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let trace = id(trace, TraceId::new)?;
    let missing = || ApiError::not_found(format!("the trace {:?} has no medium {medium:?} in this project", trace.as_str()));
    let project = app.store.project(grant.project);
    let id: MediaId = medium.parse().map_err(|_| missing())?;
    let found = project.medium(trace.clone(), id).await?.ok_or_else(missing)?;
    Ok(answer(project, found, &headers))
}

fn answer(project: ProjectStore, medium: Medium, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", medium.id);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut fixed = describe(&medium, &tag);
    if known.is_some_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)) {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    let size = medium.bytes;
    let (status, from, to) = match asked(headers, &tag, size) {
        Asked::All => (StatusCode::OK, 0, size),
        Asked::Part { from, to } => {
            set(&mut fixed, header::CONTENT_RANGE, &format!("bytes {from}-{}/{size}", to - 1));
            (StatusCode::PARTIAL_CONTENT, from, to)
        }
        Asked::Nothing => {
            let detail = format!("the medium has {size} bytes; the range must begin within them");
            let problem = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", detail);
            let mut response = problem.into_response();
            set(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{size}"));
            return response;
        }
    };
    set(&mut fixed, header::CONTENT_LENGTH, &(to - from).to_string());
    (status, fixed, Body::from_stream(pieces(project, medium, from, to))).into_response()
}

fn describe(medium: &Medium, tag: &str) -> HeaderMap {
    let mime_type = medium.mime_type.as_str();
    let harmless = DRAWN.contains(&mime_type) || mime_type.starts_with("audio/") || mime_type.starts_with("video/");
    let mut headers = HeaderMap::new();
    let disposition = if harmless { "inline" } else { "attachment" };
    for (name, value) in [
        (header::CONTENT_TYPE, mime_type),
        (header::ETAG, tag),
        (header::CONTENT_DISPOSITION, &format!("{disposition}; filename=\"{}\"", medium.id)),
        // What is erased must not go on in caches, so each use asks again.
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::ACCEPT_RANGES, "bytes"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        set(&mut headers, name, value);
    }
    headers
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // The store keeps only types that are tokens, and everything else is made here.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The bytes from `from` to before `to`, one piece in memory at a time.
fn pieces(
    project: ProjectStore,
    medium: Medium,
    from: u64,
    to: u64,
) -> impl futures_util::Stream<Item = Result<Vec<u8>, StoreError>> {
    let whole = Medium::PIECE_BYTES as u64;
    stream::try_unfold((project, medium, from), move |(project, medium, at)| async move {
        if at >= to {
            return Ok(None);
        }
        let (number, begin) = (at / whole, at / whole * whole);
        let piece = project.piece(&medium, number as usize).await?.unwrap_or_default();
        let end = to.min(begin + piece.len() as u64);
        match piece.get((at - begin) as usize..end.saturating_sub(begin) as usize) {
            Some(bytes) if !bytes.is_empty() => Ok(Some((bytes.to_vec(), (project, medium, end)))),
            // It was erased meanwhile: the answer ends before its length, which the client sees.
            _ => Err(StoreError::Stopped),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_trace_whatever_its_id_is() {
        let id: MediaId = "00000000000000000000000000000001".parse().unwrap();
        let path = |trace: &str| path(&TraceId::new(trace).unwrap(), id);
        assert_eq!(path("a-1"), format!("/api/v1/traces/a-1/media/{id}"));
        assert_eq!(path("a/b?é\" "), format!("/api/v1/traces/a%2Fb%3F%C3%A9%22%20/media/{id}"));
    }
}
