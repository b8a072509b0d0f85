//! Two spans, traces or conversations beside each other.

use axum::Json;
use axum::extract::State;
use neuraltrust_model::{ConversationId, SpanId, TraceId};
use neuraltrust_store::{
    Comparison, ProjectStore, SpanDetail, TraceDetail, Transcript, compare_conversations, compare_spans, compare_traces,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::media::BELOW_TRACE;
use super::params::{Params, bad, given};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// What is compared: two conversations, two traces, or with spans two spans.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CompareParams {
    /// A conversation.
    left_conversation_id: Option<String>,
    /// The conversation beside it.
    right_conversation_id: Option<String>,
    /// A trace.
    left_trace_id: Option<String>,
    /// The trace beside it.
    right_trace_id: Option<String>,
    /// A span of the left trace.
    left_span_id: Option<String>,
    /// The span of the right trace beside it.
    right_span_id: Option<String>,
}

async fn conversation(project: &ProjectStore, name: &str, id: String) -> Result<(Transcript, bool), ApiError> {
    let found = project.conversation_within(given(name, id.clone(), ConversationId::new)?).await?;
    found.ok_or_else(|| ApiError::not_found(format!("the project has no conversation {id:?}")))
}

async fn trace(project: &ProjectStore, name: &str, id: String) -> Result<(TraceDetail, bool), ApiError> {
    let found = project.trace_within(given(name, id.clone(), TraceId::new)?).await?;
    found.ok_or_else(|| ApiError::not_found(format!("the project has no trace {id:?}")))
}

async fn span(project: &ProjectStore, side: &str, trace: String, span: String) -> Result<SpanDetail, ApiError> {
    let trace_id = given(&format!("{side}_trace_id"), trace.clone(), TraceId::new)?;
    let found = project.span(trace_id, given(&format!("{side}_span_id"), span.clone(), SpanId::new)?).await?;
    found.ok_or_else(|| ApiError::not_found(format!("the trace {trace:?} has no span {span:?} in this project")))
}

/// Two spans, traces or conversations beside each other.
///
/// Messages, documents, steps or turns are aligned by what they share, and where they part is told; parameters, times, tokens and
/// costs that differ are beside each other. Of a conversation the first 500 traces and about 32 MiB of what was said are
/// compared, of a trace the first 10,000 steps; `truncated` says that there are more. Media are shown by addresses below that of
/// their trace.
#[utoipa::path(
    get, operation_id = "compare", path = "/api/v1/compare", tag = "read", params(CompareParams),
    responses((status = 200, body = Comparison), (status = "4XX", body = Problem))
)]
pub(super) async fn compare(
    State(app): State<App>,
    Reader(grant): Reader,
    Params(params): Params<CompareParams>,
) -> Result<Json<Comparison>, ApiError> {
    let project = app.store.project(grant.project).showing(BELOW_TRACE);
    let conversations = params.left_conversation_id.zip(params.right_conversation_id);
    let traces = params.left_trace_id.zip(params.right_trace_id);
    match (conversations, traces, params.left_span_id, params.right_span_id) {
        (Some((left, right)), None, None, None) => {
            let (left, left_cut) = conversation(&project, "left_conversation_id", left).await?;
            let (right, right_cut) = conversation(&project, "right_conversation_id", right).await?;
            Ok(Json(Comparison { truncated: left_cut || right_cut, ..compare_conversations(&left, &right) }))
        }
        (None, Some((left, right)), None, None) => {
            let (left, left_cut) = trace(&project, "left_trace_id", left).await?;
            let (right, right_cut) = trace(&project, "right_trace_id", right).await?;
            Ok(Json(Comparison { truncated: left_cut || right_cut, ..compare_traces(&left, &right) }))
        }
        (None, Some((left, right)), Some(left_span), Some(right_span)) => {
            let left = span(&project, "left", left, left_span).await?;
            let right = span(&project, "right", right, right_span).await?;
            Ok(Json(compare_spans(&left, &right)))
        }
        _ => Err(bad(
            "give left_conversation_id and right_conversation_id, or left_trace_id and right_trace_id and, for two of their spans, \
             left_span_id and right_span_id",
        )),
    }
}
