//! Conversations, traces and spans: lists, and each by its id.

use axum::Json;
use axum::extract::State;
use neuraltrust_model::{ConversationId, SpanId, TraceId};
use neuraltrust_store::{
    Context, ConversationRow, Highlight, ListOf, PatchDetail, SpanDetail, SpanRow, TraceDetail, TraceRow, Transcript,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::media::{MediaParams, ShownMedia};
use super::params::{Ids, ListParams, Params, id};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The rows.
    items: Vec<T>,
    /// For each row where the words of `q` are; null where they are not in its text. Absent without words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    highlights: Vec<Option<Highlight>>,
    /// Give it as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
    /// Number of all rows of the list, on its first page; null on those behind a cursor. Where `truncated`, there are at least so
    /// many.
    total: Option<u64>,
    /// Whether a condition on steps or words was met by more than is looked at, so that rows may be missing.
    truncated: bool,
    /// Whether the time that a read may take was over before everything was looked at, so that rows may be missing.
    timed_out: bool,
}

impl<T> From<neuraltrust_store::Page<T>> for Page<T> {
    fn from(page: neuraltrust_store::Page<T>) -> Self {
        let next_cursor = page.next_cursor.map(|cursor| cursor.to_string());
        Self {
            items: page.items,
            highlights: page.highlights,
            next_cursor,
            total: page.total,
            truncated: page.truncated,
            timed_out: page.timed_out,
        }
    }
}

type Listed<T> = Result<Json<Page<T>>, ApiError>;

/// Conversations, the last active first where `sort` says nothing else.
///
/// One row has what a list shows: words, counts, times, tokens, cost, judgements. Pages go on with `cursor` = `next_cursor` and
/// stay in place while others come in; `total` comes with the first page. A trace that names no conversation is one of its own.
#[utoipa::path(
    get, path = "/api/v1/conversations", tag = "read", params(ListParams),
    responses((status = 200, body = Page<ConversationRow>), (status = "4XX", body = Problem))
)]
pub(super) async fn conversations(
    State(app): State<App>,
    Reader(grant): Reader,
    Params(params): Params<ListParams>,
) -> Listed<ConversationRow> {
    Ok(Json(app.store.project(grant.project).conversations(params.query(ListOf::Conversations)?).await?.into()))
}

/// Which of the turns of a conversation, and how they show media.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TurnsParams {
    /// Traces of one page: 1 to 1000. Without it all turns are answered at once, as the record knows them now, where they are of up to
    /// 2000 traces and about 64 MiB; which traces are on a page is read from the lists, and user, metadata and custom data are what they
    /// say. A page of more than about 64 MiB ends earlier.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
    /// As of a span: `linked` or `inline`.
    #[serde(default)]
    #[param(inline, default = "linked")]
    media: ShownMedia,
}

/// A conversation with its turns.
///
/// Each turn has what the user said, what was answered, and its steps. Without `limit` everything is answered at once, as it was
/// acknowledged; a long conversation is read in pages, and goes on with `cursor` = `next_cursor` where there is one.
#[utoipa::path(
    get, path = "/api/v1/conversations/{conversation_id}", tag = "read",
    params(("conversation_id" = String, Path, description = "The conversation"), TurnsParams),
    responses((status = 200, body = Transcript), (status = "4XX", body = Problem))
)]
pub(super) async fn conversation(
    State(app): State<App>,
    Reader(grant): Reader,
    Ids(conversation): Ids<String>,
    Params(params): Params<TurnsParams>,
) -> Result<Json<Transcript>, ApiError> {
    let conversation = id(conversation, ConversationId::new)?;
    let project = app.store.project(grant.project).showing(params.media.show());
    let found = if params.limit.is_some() || params.cursor.is_some() {
        let cursor = params.cursor.map(|text| text.parse()).transpose()?;
        project.conversation_page(conversation.clone(), ListParams::limited(params.limit).limit()?, cursor).await?
    } else {
        project.conversation(conversation.clone()).await?
    };
    found.map(Json).ok_or_else(|| ApiError::not_found(format!("the project has no conversation {:?}", conversation.as_str())))
}

/// Traces, newest first where `sort` says nothing else.
///
/// One row for each unit of work, mostly a turn. Parameters, pages and totals are as of conversations.
#[utoipa::path(
    get, path = "/api/v1/traces", tag = "read", params(ListParams),
    responses((status = 200, body = Page<TraceRow>), (status = "4XX", body = Problem))
)]
pub(super) async fn traces(
    State(app): State<App>,
    Reader(grant): Reader,
    Params(params): Params<ListParams>,
) -> Listed<TraceRow> {
    Ok(Json(app.store.project(grant.project).traces(params.query(ListOf::Traces)?).await?.into()))
}

/// Which of the spans of a trace.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SpansParams {
    /// Spans of one page: 1 to 1000. Without it all spans are answered at once, as the record knows them now; pages are read
    /// from the lists.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
}

/// A trace with the rows of its spans, by their start.
///
/// Every step as a row, without contents; the tree is told by `parent_id`. A trace of more than some thousand steps is read in
/// pages.
#[utoipa::path(
    get, path = "/api/v1/traces/{trace_id}", tag = "read",
    params(("trace_id" = String, Path, description = "The trace"), SpansParams),
    responses((status = 200, body = TraceDetail), (status = "4XX", body = Problem))
)]
pub(super) async fn trace(
    State(app): State<App>,
    Reader(grant): Reader,
    Ids(trace): Ids<String>,
    Params(params): Params<SpansParams>,
) -> Result<Json<TraceDetail>, ApiError> {
    let trace = id(trace, TraceId::new)?;
    let project = app.store.project(grant.project);
    let found = if params.limit.is_some() || params.cursor.is_some() {
        let cursor = params.cursor.map(|text| text.parse()).transpose()?;
        project.trace_page(trace.clone(), ListParams::limited(params.limit).limit()?, cursor).await?
    } else {
        project.trace(trace.clone()).await?
    };
    found.map(Json).ok_or_else(|| ApiError::not_found(format!("the project has no trace {:?}", trace.as_str())))
}

/// A span with everything that is known of it.
///
/// Contents are whole: messages, documents, text or JSON. A span that is told of in several messages is their merge, at once
/// after each was acknowledged.
#[utoipa::path(
    get, path = "/api/v1/traces/{trace_id}/spans/{span_id}", tag = "read",
    params(
        ("trace_id" = String, Path, description = "The trace"),
        ("span_id" = String, Path, description = "The span"),
        MediaParams
    ),
    responses((status = 200, body = SpanDetail), (status = "4XX", body = Problem))
)]
pub(super) async fn span(
    State(app): State<App>,
    Reader(grant): Reader,
    Ids((trace, span)): Ids<(String, String)>,
    Params(params): Params<MediaParams>,
) -> Result<Json<SpanDetail>, ApiError> {
    let (trace, span) = (id(trace, TraceId::new)?, id(span, SpanId::new)?);
    let found = app.store.project(grant.project).showing(params.show()).span(trace.clone(), span.clone()).await?;
    found.map(Json).ok_or_else(|| no_span(&trace, &span))
}

/// The messages of a model call, which of them are new in its conversation, and where the others had been said first.
///
/// At most 500 earlier calls, 50,000 messages about steps and 64 MiB of contents are looked at, the last before the call first;
/// `truncated` says that there are more.
#[utoipa::path(
    get, operation_id = "context", path = "/api/v1/traces/{trace_id}/spans/{span_id}/context", tag = "read",
    params(
        ("trace_id" = String, Path, description = "The trace"),
        ("span_id" = String, Path, description = "The span"),
        MediaParams
    ),
    responses((status = 200, body = Context), (status = "4XX", body = Problem))
)]
pub(super) async fn context(
    State(app): State<App>,
    Reader(grant): Reader,
    Ids((trace, span)): Ids<(String, String)>,
    Params(params): Params<MediaParams>,
) -> Result<Json<Context>, ApiError> {
    let (trace, span) = (id(trace, TraceId::new)?, id(span, SpanId::new)?);
    let found = app.store.project(grant.project).showing(params.show()).context(trace.clone(), span.clone()).await?;
    found.map(Json).ok_or_else(|| no_span(&trace, &span))
}

/// What messages said of a span.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Patches {
    /// What each message said, in order of arrival.
    items: Vec<PatchDetail>,
}

/// What messages said of a span, each by itself, in order of arrival: the span is their merge.
///
/// Made to see what a client sent, and what of it was understood. Warnings say what was odd.
#[utoipa::path(
    get, operation_id = "patches", path = "/api/v1/traces/{trace_id}/spans/{span_id}/patches", tag = "read",
    params(
        ("trace_id" = String, Path, description = "The trace"),
        ("span_id" = String, Path, description = "The span"),
        MediaParams
    ),
    responses((status = 200, body = Patches), (status = "4XX", body = Problem))
)]
pub(super) async fn patches(
    State(app): State<App>,
    Reader(grant): Reader,
    Ids((trace, span)): Ids<(String, String)>,
    Params(params): Params<MediaParams>,
) -> Result<Json<Patches>, ApiError> {
    let (trace, span) = (id(trace, TraceId::new)?, id(span, SpanId::new)?);
    let found = app.store.project(grant.project).showing(params.show()).patches(trace.clone(), span.clone()).await?;
    found.map(|items| Json(Patches { items })).ok_or_else(|| no_span(&trace, &span))
}

fn no_span(trace: &TraceId, span: &SpanId) -> ApiError {
    ApiError::not_found(format!("the trace {:?} has no span {:?} in this project", trace.as_str(), span.as_str()))
}

/// Spans, newest first where `sort` says nothing else.
///
/// One row for each step, without contents. Parameters, pages and totals are as of conversations; words are looked for in the
/// text that a span brought in.
#[utoipa::path(
    get, path = "/api/v1/spans", tag = "read", params(ListParams),
    responses((status = 200, body = Page<SpanRow>), (status = "4XX", body = Problem))
)]
pub(super) async fn spans(State(app): State<App>, Reader(grant): Reader, Params(params): Params<ListParams>) -> Listed<SpanRow> {
    Ok(Json(app.store.project(grant.project).spans(params.query(ListOf::Spans)?).await?.into()))
}
