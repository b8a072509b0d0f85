//! Refusals as the clients of other products read them: their fields, beside those that every refusal has.

use axum::body::{Body, to_bytes};
use axum::http::header;
use axum::response::Response;
use neuraltrust_model::Map;

use crate::error::Told;

/// Longest refusal that is written anew, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Adds the fields of a client's own form to a refusal; any other answer stays as it is.
pub(super) async fn with(mut response: Response, form: fn(&Told) -> Map) -> Response {
    let Some(told) = response.extensions_mut().remove::<Told>() else { return response };
    let (mut head, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_BYTES).await.unwrap_or_default();
    let mut fields: Map = serde_json::from_slice(&bytes).unwrap_or_default();
    fields.extend(form(&told));
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(serde_json::Value::Object(fields).to_string()))
}
