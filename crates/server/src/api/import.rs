//! Lines of an export, read into a project.
//!
//! NOTE: what is in memory is bounded by the longest line that is taken; lines are kept in order, a batch at a time, so that a
//! request that breaks off has kept what is before some line and nothing behind it.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use neuraltrust_model::limits::{MAX_BODY_BYTES, MAX_REQUEST_SPANS};
use neuraltrust_model::{SpanId, SpanPatch};
use neuraltrust_normalize::dialects::exported;
use neuraltrust_normalize::{Normalized, Reason, Rejection, values};
use neuraltrust_store::{Grant, TooLarge};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::params::{Params, bad};
use crate::auth::Sender;
use crate::error::{ApiError, Problem};
use crate::http::App;
use crate::ingest::{Surface, count_rejected};
use crate::unpacking::Unpacking;

/// Bytes of lines that are read before they are kept.
const BATCH_BYTES: usize = 4 << 20;
/// Lines that are read before they are kept.
const BATCH_LINES: usize = 1_000;
/// Longest wait for more of the body.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most lines and spans that are told one by one; all are counted.
const TOLD: usize = 100;

/// What the numbers of lines begin with.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportParams {
    /// The number of the first line of the body in its file, for the numbers in the answer.
    #[param(default = 1, minimum = 1)]
    from_line: Option<u64>,
}

/// What became of the lines.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({
    "lines": 3, "spans": 2, "known": 0, "failed": 1,
    "failures": [{ "line": 2, "at": "body", "reason": "malformed", "message": "is not JSON: expected value at line 1 column 1" }]
}))]
pub(super) struct Imported {
    /// Number of lines that were read, empty ones aside.
    lines: u64,
    /// Number of spans that were kept.
    spans: u64,
    /// Number of spans that had been imported before, of which nothing new was kept.
    known: u64,
    /// Number of lines, or of spans within lines, that were not kept.
    failed: u64,
    /// These one by one, the first hundred.
    failures: Vec<Failure>,
}

/// Why a line, or a span of it, was not kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Failure {
    /// The number of the line.
    line: u64,
    /// What of it, such as `steps[3].usage`.
    at: String,
    /// The stable name of what is wrong.
    reason: &'static str,
    /// What was wrong and what is accepted.
    message: String,
}

impl Imported {
    fn failed(&mut self, line: u64, rejection: Rejection) {
        count_rejected(Surface::Import, rejection.reason.as_str());
        self.failed += 1;
        if self.failures.len() < TOLD {
            let Rejection { reason, at, message } = rejection;
            self.failures.push(Failure { line, at, reason: reason.as_str(), message });
        }
    }
}

/// A line of the body.
enum Line {
    Text(Bytes),
    TooLong,
}

/// Cuts a body into lines as it comes in.
struct Lines {
    waiting: BytesMut,
    /// How far no line end has been found.
    looked_at: usize,
    /// Whether the rest of a line that is too long is still to be left out.
    skipping: bool,
    ended: bool,
}

impl Lines {
    fn new() -> Self {
        Self { waiting: BytesMut::new(), looked_at: 0, skipping: false, ended: false }
    }

    fn hear(&mut self, part: &[u8]) {
        self.waiting.extend_from_slice(part);
    }

    /// The next line, where it has come in.
    fn next(&mut self) -> Option<Line> {
        let end = self.waiting.get(self.looked_at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n'));
        let line = match end {
            Some(end) => {
                let line = self.waiting.split_to(self.looked_at + end + 1);
                self.looked_at = 0;
                line
            }
            None if self.ended && !self.waiting.is_empty() => {
                self.looked_at = 0;
                self.waiting.split()
            }
            None => {
                self.looked_at = self.waiting.len();
                if self.waiting.len() > MAX_BODY_BYTES {
                    self.waiting.clear();
                    (self.looked_at, self.skipping) = (0, true);
                }
                return (self.ended && std::mem::take(&mut self.skipping)).then_some(Line::TooLong);
            }
        };
        let long = std::mem::take(&mut self.skipping) || line.len() > MAX_BODY_BYTES;
        Some(if long { Line::TooLong } else { Line::Text(line.freeze()) })
    }
}

/// Lines that are to be kept together.
#[derive(Default)]
struct Batch {
    lines: Vec<(u64, Bytes)>,
    bytes: usize,
}

impl Batch {
    const fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.lines.len() >= BATCH_LINES
    }

    /// Reads the lines and keeps what they say.
    async fn keep(self, app: &App, grant: &Grant, told: &mut Imported) -> Result<(), ApiError> {
        let mut room = app.ingest.room(self.bytes).await?;
        let count = self.lines.iter().map(|(_, text)| values::in_json(text)).sum();
        room.merge(app.ingest.room_for_values(count).await?);
        let lines = self.lines;
        told.lines += lines.len() as u64;
        let read = move || lines.into_iter().map(|(n, text)| (n, exported::line(&text))).collect::<Vec<_>>();
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.map_err(|_| ApiError::bad_request("malformed", "the lines cannot be read"))?;
        let (mut patches, mut of_line) = (Vec::new(), Vec::new());
        for (n, line) in read {
            match line {
                Ok(Normalized { patches: said, rejected }) => {
                    of_line.extend(said.iter().map(|patch| (patch.span_id.clone(), n)));
                    patches.extend(said);
                    rejected.into_iter().for_each(|rejection| told.failed(n, rejection));
                }
                Err(rejection) => told.failed(n, rejection),
            }
            if patches.len() >= MAX_REQUEST_SPANS {
                append(app, grant, std::mem::take(&mut patches), &std::mem::take(&mut of_line), told).await?;
            }
        }
        append(app, grant, patches, &of_line, told).await
    }
}

async fn append(
    app: &App,
    grant: &Grant,
    patches: Vec<SpanPatch>,
    of_line: &[(SpanId, u64)],
    told: &mut Imported,
) -> Result<(), ApiError> {
    if patches.is_empty() {
        return Ok(());
    }
    let kept = app.ingest.append(Surface::Import, grant, patches).await?;
    told.spans += kept.new as u64;
    told.known += kept.duplicates as u64;
    let line_of = |refused: &TooLarge| of_line.iter().find(|(span, _)| *span == refused.span_id).map_or(0, |(_, line)| *line);
    for refused in &kept.refused {
        told.failed(line_of(refused), Rejection::new(Reason::TooLarge, "span", refused.to_string()));
    }
    Ok(())
}

/// How the body is unpacked.
fn unpacking(headers: &HeaderMap) -> Result<Unpacking, ApiError> {
    let name = headers.get(header::CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap_or("?"));
    let known = Unpacking::named(name).map_err(|error| broken(&error))?;
    known.ok_or_else(|| {
        let name: String = name.chars().take(40).collect();
        let detail = format!("Content-Encoding {name:?} is not known here; send gzip, zstd or none");
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoding", detail)
    })
}

fn broken(error: &std::io::Error) -> ApiError {
    ApiError::bad_request("compression", format!("the body cannot be unpacked: {error}"))
}

/// What had been kept when something went wrong, so that the client can go on from there.
fn kept_before(line: u64, mut error: ApiError) -> ApiError {
    error.detail = format!("{}; what is before line {line} is kept, so go on with that line", error.detail);
    error
}

/// Reads the lines of an export with contents (`GET /api/v1/export?full=true&format=jsonl`) into the key's project.
///
/// Each line is kept or told with its number and what is wrong with it; the others are kept all the same. What is counted as
/// `spans` and `known` is on disk when the answer comes. The same lines again change nothing. What this server knows of a span by
/// itself stays. Costs that the other server had worked out are worked out anew, by the prices here. The body may have any
/// length, and be compressed (`Content-Encoding: gzip` or `zstd`); an answer other than 200 says from which line on to send again.
#[utoipa::path(
    post, operation_id = "import", path = "/api/v1/import", tag = "write", params(ImportParams),
    request_body(content = String, content_type = "application/x-ndjson", description = "The lines of an export with contents"),
    responses(
        (status = 200, description = "What became of the lines", body = Imported),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)
    )
)]
pub(super) async fn import(
    State(app): State<App>,
    Sender(grant): Sender,
    Params(params): Params<ImportParams>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Imported>, ApiError> {
    let mut unpacking = unpacking(&headers)?;
    let mut number = match params.from_line.unwrap_or(1) {
        0 => return Err(bad("from_line: lines are counted from 1 on")),
        first => first,
    };
    let (mut parts, mut packed, mut lines) = (body.into_data_stream(), Bytes::new(), Lines::new());
    let (mut told, mut batch, mut first) = (Imported::default(), Batch::default(), number);
    loop {
        while let Some(line) = lines.next() {
            match line {
                Line::Text(text) if text.iter().all(u8::is_ascii_whitespace) => {}
                Line::Text(text) => {
                    batch.bytes += text.len();
                    batch.lines.push((number, text));
                }
                Line::TooLong => {
                    told.lines += 1;
                    let message = format!("is longer than {} MiB; export spans instead", MAX_BODY_BYTES >> 20);
                    told.failed(number, Rejection::new(Reason::TooLarge, "line", message));
                }
            }
            number += 1;
            if batch.is_full() {
                std::mem::take(&mut batch).keep(&app, &grant, &mut told).await.map_err(|error| kept_before(first, error))?;
                first = number;
            }
        }
        if lines.ended {
            break;
        }
        let (came, rest) = {
            let mut left = &packed[..];
            let some = unpacking.next(&mut left).map_err(|error| kept_before(first, broken(&error)))?;
            lines.hear(&some);
            (!some.is_empty(), packed.slice_ref(left))
        };
        packed = rest;
        if came {
            continue;
        }
        match tokio::time::timeout(PATIENCE, parts.next()).await {
            Ok(Some(Ok(part))) => packed = part,
            Ok(None) => {
                let last = unpacking.end().map_err(|error| kept_before(first, broken(&error)))?;
                lines.hear(&last);
                lines.ended = true;
            }
            Ok(Some(Err(_))) => {
                let error = ApiError::bad_request("incomplete", "the connection ended before the body did");
                return Err(kept_before(first, error));
            }
            Err(_) => {
                let error =
                    ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", "nothing more of the body came in for a minute");
                return Err(kept_before(first, error));
            }
        }
    }
    batch.keep(&app, &grant, &mut told).await.map_err(|error| kept_before(first, error))?;
    Ok(Json(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(body: &[u8], parts: usize) -> Vec<Option<usize>> {
        let mut lines = Lines::new();
        let mut found = Vec::new();
        let mut take = |lines: &mut Lines| {
            while let Some(line) = lines.next() {
                found.push(match line {
                    Line::Text(text) => Some(text.len()),
                    Line::TooLong => None,
                });
            }
        };
        for part in body.chunks(parts) {
            lines.hear(part);
            take(&mut lines);
        }
        lines.ended = true;
        take(&mut lines);
        found
    }

    #[test]
    fn a_body_is_cut_into_lines_however_it_comes_in() {
        for parts in [1, 2, 3, 100] {
            assert_eq!(cut(b"ab\n\ncd\r\ne", parts), [Some(3), Some(1), Some(4), Some(1)], "{parts}");
            assert_eq!(cut(b"ab\n", parts), [Some(3)]);
            assert!(cut(b"", parts).is_empty());
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_and_the_next_is_read() {
        let long = vec![b'x'; MAX_BODY_BYTES + 10];
        let body = [b"a\n", long.as_slice(), b"\nb\n"].concat();
        assert_eq!(cut(&body, 1 << 20), [Some(2), None, Some(2)]);
        assert_eq!(cut(&long, 1 << 20), [None]);
    }
}
