//! What lists hold, as files.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use neuraltrust_store::{Filter, ListOf};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::filters;
use super::params::{Body as JsonBody, Params, bad};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::export::manifest::Manifest;
use crate::export::{ExportError, Format, List, TRAILER, Wanted, begin};
use crate::http::App;

/// Most rows of a part.
const MAX_PART: u64 = 10_000;

/// What is exported, and how it is written.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
#[schema(example = json!({ "of": "conversations", "q": "channel:web after:-30d", "format": "jsonl" }))]
pub(super) struct ExportParams {
    /// Which list.
    #[param(inline, default = "spans")]
    of: Option<List>,
    /// A query, as of the list.
    #[param(example = "kind:generation latency:>2s")]
    q: Option<String>,
    /// Only rows from this moment on: RFC 3339, or counted from now as in `-7d`.
    after: Option<String>,
    /// Only rows before this moment, told as `after` is.
    before: Option<String>,
    /// How rows are written.
    #[param(inline, default = "jsonl")]
    format: Option<Format>,
    /// Everything that is known of each, contents included, with the bytes of media: spans as by their ids, conversations and
    /// traces with all their `steps` (these as JSON lines only). Where nothing is said: as JSON lines yes, else no.
    full: Option<bool>,
    /// Rows of this part: 1 to 10000. Without it all rows are answered at once. A file of Parquet is always whole: with a limit,
    /// of so many rows.
    #[param(minimum = 1, maximum = 10000)]
    #[schema(minimum = 1, maximum = 10000)]
    limit: Option<u64>,
    /// Where the part before ended: its header `neuraltrust-next-cursor`. What is answered goes behind that part; the line of
    /// names is not repeated.
    cursor: Option<String>,
    /// Whether, in values of CSV, an apostrophe stands before texts that a spreadsheet would run as formulas: those that begin
    /// with `=`, `+`, `-`, `@`, a tab or a carriage return. Numbers are left as they are.
    #[param(default = true)]
    #[schema(default = true)]
    guard: Option<bool>,
}

/// What is written where nothing of it is left out.
fn manifest(params: &ExportParams) -> Result<Manifest, ApiError> {
    let (of, format) = (params.of.unwrap_or_default(), params.format.unwrap_or_default());
    let full = params.full.unwrap_or(format == Format::Jsonl);
    if full && format != Format::Jsonl && of != List::Spans {
        return Err(bad(format!("full: of {} everything is written as jsonl only; of spans it is in columns too", of.as_str())));
    }
    Ok(Manifest {
        q: params.q.clone().unwrap_or_default(),
        after: params.after.clone(),
        before: params.before.clone(),
        full,
        guard: format == Format::Csv && params.guard.unwrap_or(true),
        ..Manifest::begun(of, format)
    })
}

async fn answer(app: App, reader: Reader, params: ExportParams) -> Result<Response, ApiError> {
    let manifest = manifest(&params)?;
    let list = ListOf::from(manifest.of);
    let mut all: Vec<Filter> = filters::query("q", list, params.q.as_deref(), Filter::read)?.into_iter().collect();
    all.extend(filters::between(params.after, params.before)?);
    let limit = params.limit.map(|limit| match limit {
        1..=MAX_PART => Ok(limit as usize),
        other => Err(bad(format!("limit: {other} is not a number from 1 to {MAX_PART}"))),
    });
    let wanted = Wanted {
        project: app.store.project(reader.0.project),
        filter: Filter::And(all),
        limit: limit.transpose()?,
        place: params.cursor.map(|text| text.parse()).transpose()?,
        manifest,
    };
    let begun = begin(&app.store, wanted).await.map_err(|error| match error {
        ExportError::Store(error) => error.into(),
        other => {
            let detail = format!("{other}; ask again later");
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
        }
    })?;
    let manifest = begun.manifest();
    let name: String = manifest.begun_at.chars().take("2026-11-29T10:00:00".len()).filter(char::is_ascii_digit).collect();
    let name = format!("neuraltrust-{}-{name}.{}", manifest.of.as_str(), manifest.format.as_str());
    let told = [
        (header::CONTENT_TYPE, Some(manifest.format.media_type().to_owned())),
        (header::CONTENT_DISPOSITION, Some(format!("attachment; filename=\"{name}\""))),
        (header::CACHE_CONTROL, Some("private, no-store".to_owned())),
        (header::X_CONTENT_TYPE_OPTIONS, Some("nosniff".to_owned())),
        (header::TRAILER, Some(TRAILER.to_owned())),
        (HeaderName::from_static("neuraltrust-next-cursor"), begun.next_cursor()),
        (HeaderName::from_static("neuraltrust-total"), manifest.total.map(|total| total.to_string())),
        (HeaderName::from_static("neuraltrust-behind"), (manifest.behind > 0).then(|| manifest.behind.to_string())),
        (HeaderName::from_static("neuraltrust-truncated"), begun.truncated().then(|| "true".to_owned())),
    ];
    let mut response = Response::new(Body::empty());
    for (name, value) in told {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    *response.body_mut() = begun.body(app.ending.clone());
    Ok(response)
}

/// Conversations, traces or spans as a file: JSON lines, CSV or Parquet, the oldest first.
///
/// Rows are sent as they are read, without a bound to their number, and in the end the manifest (rows, bytes, SHA-256, filter,
/// times, version) as the trailer `neuraltrust-manifest`, to who asks with `te: trailers`. An answer that could not be finished
/// lacks the last chunk, which clients take for an error. With `limit` the answer is a part, and its header
/// `neuraltrust-next-cursor` what to give as `cursor` for the next, which is to be put behind it: that is how `neuraltrust
/// export` goes on where it was broken off. A conversation or trace whose steps have more than 16 MiB goes on on a further line.
#[utoipa::path(
    get, operation_id = "export", path = "/api/v1/export", tag = "read", params(ExportParams),
    responses(
        (status = 200, description = "The rows", headers(
            ("neuraltrust-next-cursor" = Option<String>, description = "What to give as `cursor` for the next part; absent on the last"),
            ("neuraltrust-total" = Option<u64>, description = "Number of all rows; absent behind a cursor"),
            ("neuraltrust-truncated" = Option<bool>, description = "`true` where a condition was met by more than is looked at"),
            ("neuraltrust-behind" = Option<u64>, description = "Messages that had come in when the first part began and are not in the lists yet"),
        ), content(
            (String = "application/x-ndjson"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet")
        )),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn get(
    State(app): State<App>,
    reader: Reader,
    Params(params): Params<ExportParams>,
) -> Result<Response, ApiError> {
    answer(app, reader, params).await
}

/// Conversations, traces or spans as a file, by words in a body.
///
/// As with GET, for queries that are too long for an address.
#[utoipa::path(
    post, operation_id = "export_by_body", path = "/api/v1/export", tag = "read", request_body = ExportParams,
    responses(
        (status = 200, description = "The rows", content(
            (String = "application/x-ndjson"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet")
        )),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn post(
    State(app): State<App>,
    reader: Reader,
    JsonBody(params): JsonBody<ExportParams>,
) -> Result<Response, ApiError> {
    answer(app, reader, params).await
}
