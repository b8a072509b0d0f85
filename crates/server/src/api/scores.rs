//! Judgements of spans, traces and conversations: made, corrected, read and withdrawn.
//!
//! A judgement is told to the record like anything else of a span, so that lists, filters and aggregates know it as they know
//! those that clients send.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use neuraltrust_model::{ConversationId, Score, ScoreSource, ScoreTarget, SpanId, SpanPatch, TraceId};
use neuraltrust_store::{ProjectStore, Scored};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::params::{Body, Ids, Params, bad, given, named};
use crate::auth::{Judge, Reader};
use crate::error::{ApiError, Problem};
use crate::http::App;
use crate::ingest::{Surface, now};

/// Longest value or comment, in bytes.
const MAX_TEXT: usize = 16 << 10;

/// A judgement to be made or, under an id that is there, corrected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "trace_id": "trace-1", "span_id": "span-1", "name": "correctness", "value": 0.8, "comment": "One date is wrong." }))]
pub(super) struct NewScore {
    /// Its id; one is made up where none is given. What judges the same thing under that id is replaced.
    id: Option<String>,
    /// The conversation that is judged, where neither `trace_id` nor `span_id` is given.
    conversation_id: Option<String>,
    /// The trace that is judged or, with `span_id`, the trace of the span.
    trace_id: Option<String>,
    /// The span that is judged. It need not have come yet.
    span_id: Option<String>,
    /// What is judged, such as `correctness`.
    name: String,
    /// The verdict: a number, a category or other text, true or false.
    #[schema(value_type = ScoreVerdict)]
    value: Value,
    /// The reasons.
    comment: Option<String>,
    /// Who judges; `api` where nothing is said.
    source: Option<ScoreSource>,
}

/// A number, a text, true or false.
#[derive(ToSchema)]
#[schema(as = ScoreVerdict)]
#[serde(untagged)]
#[expect(dead_code, reason = "it only describes the values")]
pub(super) enum ScoreVerdict {
    /// A number.
    Number(f64),
    /// A category or other text.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

/// Judgements.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Scores {
    /// The judgements, by the start of what they are kept at.
    items: Vec<Scored>,
}

/// Whose judgements.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ScoresParams {
    /// Of this conversation, its traces and their spans; either this or `trace_id`.
    conversation_id: Option<String>,
    /// Of this trace and its spans.
    trace_id: Option<String>,
    /// Only those kept at this span.
    span_id: Option<String>,
    /// Only those of this name.
    name: Option<String>,
}

/// Where the judgement is kept.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PlaceParams {
    /// The trace that the judgement names.
    trace_id: String,
    /// Only the one that judges this; else every judgement under the id.
    #[param(inline)]
    target: Option<ScoreTarget>,
    /// Only the one that is kept at this span.
    span_id: Option<String>,
}

/// What is judged, and the span at which that is kept.
async fn place(project: &ProjectStore, body: &NewScore) -> Result<(TraceId, SpanId, ScoreTarget), ApiError> {
    // Where a judgement of that id is kept already, also one that an SDK told, a correction belongs too.
    let kept = |scores: Vec<Scored>, target: ScoreTarget| {
        let known = scores.into_iter().find(|kept| kept.score.target == target && Some(&kept.score.id) == body.id.as_ref());
        known.map(|kept| (kept.trace_id, kept.span_id, target))
    };
    let none = |what: &str, id: &str| ApiError::not_found(format!("the project has no {what} {id:?}"));
    match (&body.conversation_id, &body.trace_id, &body.span_id) {
        (None, Some(trace), Some(span)) => {
            let (trace, span) = (given("trace_id", trace.clone(), TraceId::new)?, given("span_id", span.clone(), SpanId::new)?);
            Ok((trace, span, ScoreTarget::Span))
        }
        (None, Some(trace), None) => {
            let id = given("trace_id", trace.clone(), TraceId::new)?;
            if body.id.is_some()
                && let Some(place) = kept(project.scores(id.clone()).await?, ScoreTarget::Trace)
            {
                return Ok(place);
            }
            let (trace, span) = project.place_of_trace(id).await?.ok_or_else(|| none("trace", trace))?;
            Ok((trace, span, ScoreTarget::Trace))
        }
        (Some(conversation), None, None) => {
            let id = given("conversation_id", conversation.clone(), ConversationId::new)?;
            if body.id.is_some()
                && let Some(place) = kept(project.scores_of_conversation(id.clone()).await?, ScoreTarget::Conversation)
            {
                return Ok(place);
            }
            let found = project.place_of_conversation(id).await?;
            let (trace, span) = found.ok_or_else(|| none("conversation", conversation))?;
            Ok((trace, span, ScoreTarget::Conversation))
        }
        _ => Err(bad("give trace_id and span_id for a span, trace_id for a trace, or conversation_id for a conversation")),
    }
}

fn check(body: &NewScore) -> Result<(), ApiError> {
    named("name", &body.name)?;
    body.id.as_deref().map_or(Ok(()), |id| named("id", id))?;
    let long = |text: &str| text.len() > MAX_TEXT;
    match &body.value {
        Value::Number(_) | Value::Bool(_) => {}
        Value::String(text) if !text.is_empty() && !long(text) => {}
        _ => return Err(bad(format!("value: give a number, a text of up to {MAX_TEXT} bytes, true or false"))),
    }
    if body.comment.as_deref().is_some_and(long) {
        return Err(bad(format!("comment: it has more than {MAX_TEXT} bytes")));
    }
    Ok(())
}

/// Judges a span, a trace or a conversation, of the key's project; under an id that is there, corrects the judgement.
///
/// The judgement is on disk when the answer comes. One of a trace or conversation is kept at a span of it, the first root (of the
/// newest trace), so that filters such as `scores.NAME:>0.5` and aggregates find it there; under an id that a judgement of it has already,
/// where that is, also one that an SDK told. Takes a key of scope `ingest` or `admin`, or that of a member who may edit, whose name is
/// then its `author`.
#[utoipa::path(
    post, operation_id = "score", path = "/api/v1/scores", tag = "write", request_body = NewScore,
    responses(
        (status = 200, description = "It is kept", body = Scored),
        (status = 400, description = "It names nothing that can be judged, or no verdict", body = Problem, example = json!({
            "status": 400, "title": "Bad Request", "reason": "bad_parameter",
            "detail": "give trace_id and span_id for a span, trace_id for a trace, or conversation_id for a conversation"
        })),
        (status = 404, description = "The project has no such trace or conversation", body = Problem),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    Judge(grant): Judge,
    Body(body): Body<NewScore>,
) -> Result<Json<Scored>, ApiError> {
    check(&body)?;
    let project = app.store.project(grant.project);
    let (trace_id, span_id, target) = place(&project, &body).await?;
    let time = now();
    // Two judgements of one moment and name at one place are taken to be one.
    let id = body.id.unwrap_or_else(|| format!("{}-{:x}", body.name, time.as_nanos()));
    let score = Score {
        comment: body.comment.filter(|comment| !comment.is_empty()),
        time: Some(time),
        target,
        author: grant.member.clone(),
        ..Score::new(id, body.name, body.value, body.source.unwrap_or(ScoreSource::Api))
    };
    // Who judges a span did not send it, so that no source is told.
    let patch = SpanPatch { scores: vec![score.clone()], ..SpanPatch::new(trace_id.clone(), span_id.clone()) };
    app.ingest.keep_whole(Surface::Api, &grant, vec![patch]).await?;
    let mut kept = project.scores(trace_id).await?.into_iter();
    let kept = kept.find(|kept| kept.span_id == span_id && (kept.score.target, &kept.score.id) == (target, &score.id));
    kept.map(Json).ok_or_else(|| ApiError::not_found("the judgement has been withdrawn or erased meanwhile"))
}

/// The judgements of a conversation or trace and of everything in it.
///
/// Each with what it judges and where it is kept; corrected ones once, withdrawn ones not. Judged spans of the whole project are
/// found by `has:score`.
#[utoipa::path(
    get, operation_id = "scores", path = "/api/v1/scores", tag = "read", params(ScoresParams),
    responses((status = 200, body = Scores), (status = "4XX", body = Problem))
)]
pub(super) async fn list(
    State(app): State<App>,
    Reader(grant): Reader,
    Params(params): Params<ScoresParams>,
) -> Result<Json<Scores>, ApiError> {
    let project = app.store.project(grant.project);
    let mut items = match (params.conversation_id, params.trace_id) {
        (Some(id), None) => project.scores_of_conversation(given("conversation_id", id, ConversationId::new)?).await?,
        (None, Some(id)) => project.scores(given("trace_id", id, TraceId::new)?).await?,
        _ => {
            return Err(bad(
                "give conversation_id or trace_id; judged spans of the whole project are at /api/v1/spans?q=has:score",
            ));
        }
    };
    items.retain(|kept| {
        params.span_id.as_ref().is_none_or(|id| kept.span_id.as_str() == id)
            && params.name.as_ref().is_none_or(|name| kept.score.name == *name)
    });
    Ok(Json(Scores { items }))
}

/// Withdraws a judgement: nothing shows it any more. What the client says under its id afterwards holds again.
///
/// Needs the trace that the judgement names. One id may judge several things of a trace; `target` and `span_id` say which is meant.
/// Aggregates and filters follow within a second.
#[utoipa::path(
    delete, operation_id = "withdraw_score", path = "/api/v1/scores/{score_id}", tag = "write",
    params(("score_id" = String, Path, description = "The judgement's id"), PlaceParams),
    responses(
        (status = 204, description = "It is withdrawn"),
        (status = 404, description = "The trace has no judgement of that id in this project", body = Problem),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn delete(
    State(app): State<App>,
    Judge(grant): Judge,
    Ids(score): Ids<String>,
    Params(params): Params<PlaceParams>,
) -> Result<StatusCode, ApiError> {
    let trace = given("trace_id", params.trace_id, TraceId::new)?;
    // Wherever it was told, so that nothing that it had taken the place of holds again.
    let mut found = app.store.project(grant.project).told_scores(trace.clone(), score.clone()).await?;
    found.retain(|kept| {
        params.target.is_none_or(|target| kept.score.target == target)
            && params.span_id.as_ref().is_none_or(|id| kept.span_id.as_str() == id)
    });
    if found.is_empty() {
        return Err(ApiError::not_found(format!("the trace {:?} has no judgement {score:?} in this project", trace.as_str())));
    }
    let time = now();
    let withdrawn = found.into_iter().map(|kept| kept.withdrawn_at(time, grant.member.clone())).collect();
    app.ingest.keep_whole(Surface::Api, &grant, withdrawn).await?;
    Ok(StatusCode::NO_CONTENT)
}
