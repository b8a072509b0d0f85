//! MLflow's tracking client: the REST calls that tell of traces, the file of their spans, assessments, and what the client asks
//! before it sends. Its spans come as OTLP too.
//!
//! Format: <https://mlflow.org/docs/latest/api_reference/rest-api.html>. There are no experiments here: an experiment is its name,
//! which every trace in it carries as an attribute.

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{any, get, patch, post, put};
use axum::{Json, Router};
use neuraltrust_model::{Map, Score, ScoreSource, SpanPatch};
use neuraltrust_normalize::dialects::mlflow_rest as dialect;
use neuraltrust_normalize::{Normalized, Rejection};
use neuraltrust_store::{Grant, Scope, Scored, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{body, may_send, not_offered, refused, source, told};
use crate::auth;
use crate::error::{ApiError, Told};
use crate::http::App;
use crate::ingest::{Surface, count_all_rejected, count_rejected, now};

const SURFACE: Surface = Surface::Mlflow;
/// The version that this server speaks like: from 3.4 on, clients send spans as OTLP.
const SPEAKS: &str = "3.6.0";
/// The file in which a client uploads the spans of a trace.
const SPANS_FILE: &str = "traces.json";
/// The experiment that every MLflow server has, by its id.
const DEFAULT_EXPERIMENT: (&str, &str) = ("0", "Default");
/// Longest id of an experiment that clients take (`_EXPERIMENT_ID_REGEX` in MLflow's `validation.py`).
const MAX_EXPERIMENT_ID: usize = 64;
/// Bytes of the id of a trace.
const TRACE_ID_DIGITS: usize = 32;

type Answer = Result<Json<Value>, ApiError>;

/// What MLflow's client sends and asks.
pub(super) fn routes() -> Router<App> {
    let experiments = |path: &str| format!("/api/2.0/mlflow/experiments/{path}");
    let routes = Router::new()
        .route("/version", get(|| async { SPEAKS }))
        .route(&experiments("get-by-name"), get(experiment))
        .route(&experiments("get"), get(experiment))
        .route(&experiments("create"), post(create_experiment))
        .route(&experiments("search"), get(experiments_found).post(experiments_found))
        .route("/api/3.0/mlflow/traces", post(trace))
        .route("/api/2.0/mlflow/traces", post(begin).get(nothing))
        .route("/api/2.0/mlflow/traces/{id}", patch(end))
        .route("/api/2.0/mlflow-artifacts/artifacts/{*path}", put(artifact));
    let routes = ["2.0", "3.0"].into_iter().fold(routes, |routes, version| {
        let at = |path: &str| format!("/api/{version}/mlflow/traces/{{id}}/{path}");
        routes
            .route(&at("tags"), patch(tag).delete(untag))
            .route(&at("assessments"), post(assess))
            .route(&at("assessments/{assessment}"), get(assessed).patch(reassess).delete(withdraw))
            .route(&format!("/api/{version}/mlflow/{{*rest}}"), any(nothing))
    });
    routes.layer(map_response(|response: Response| refused::with(response, in_its_form)))
}

/// An error as MLflow's client reads it; the codes are those of its `databricks.proto`.
fn in_its_form(told: &Told) -> Map {
    let code = match (told.reason, told.status) {
        // What a server of an earlier release says, so that a client goes on without.
        ("not_offered", _) => "ENDPOINT_NOT_FOUND",
        (_, StatusCode::UNAUTHORIZED) => "UNAUTHENTICATED",
        (_, StatusCode::FORBIDDEN) => "PERMISSION_DENIED",
        (_, StatusCode::NOT_FOUND) => "RESOURCE_DOES_NOT_EXIST",
        (_, StatusCode::NOT_IMPLEMENTED) => "NOT_IMPLEMENTED",
        (_, StatusCode::SERVICE_UNAVAILABLE) => "TEMPORARILY_UNAVAILABLE",
        (_, status) if status.is_server_error() => "INTERNAL_ERROR",
        _ => "INVALID_PARAMETER_VALUE",
    };
    Map::from_iter([("error_code".to_owned(), code.into()), ("message".to_owned(), told.detail.clone().into())])
}

async fn nothing(State(app): State<App>, headers: HeaderMap, uri: Uri) -> ApiError {
    not_offered(&app, &headers, StatusCode::NOT_FOUND, &uri)
}

/// Keeps what one call says, and answers with what `decode` makes of its body.
async fn keep<D>(app: &App, headers: &HeaderMap, body: Body, decode: D) -> Answer
where
    D: FnOnce(&[u8]) -> Result<(Vec<SpanPatch>, Value), Rejection> + Send + 'static,
{
    let kept = async {
        let grant = may_send(app, headers)?;
        let mut received = body::receive(&app.ingest, headers, body).await?;
        let (patches, answer) = received.decode(move |bytes| Ok(decode(bytes)?)).await?;
        app.ingest.keep_whole(SURFACE, &grant, patches).await?;
        Ok(Json(answer))
    };
    kept.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))
}

/// What a body says, which its answer repeats.
fn repeated(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// Where a client uploads the files of a trace.
fn location(experiment: &str, request: &str) -> String {
    format!("mlflow-artifacts:/{experiment}/traces/{request}/artifacts")
}

const LOCATION_TAG: &str = "mlflow.artifactLocation";

async fn trace(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let source = source(&headers, SURFACE.as_str());
    let decode = move |bytes: &[u8]| {
        let patches = dialect::trace(bytes, &source)?;
        let mut answer = repeated(bytes);
        let info = &mut answer["trace"]["trace_info"];
        let experiment = info["trace_location"]["mlflow_experiment"]["experiment_id"].as_str().unwrap_or(DEFAULT_EXPERIMENT.0);
        let location = location(experiment, info["trace_id"].as_str().unwrap_or_default());
        if let Some(tags) = info.as_object_mut().map(|info| info.entry("tags").or_insert_with(|| json!({})))
            && tags.is_object()
        {
            tags[LOCATION_TAG] = location.into();
        }
        Ok((patches, answer))
    };
    keep(&app, &headers, body, decode).await
}

/// A trace begins, as MLflow 2 tells it: the server names it.
async fn begin(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let source = source(&headers, SURFACE.as_str());
    let secret = Secret::random("tr-")?;
    let request: String = secret.reveal().chars().take("tr-".len() + TRACE_ID_DIGITS).collect();
    let decode = move |bytes: &[u8]| {
        let patches = dialect::change(&request, false, bytes, &source)?;
        Ok((patches, info_of(&request, "IN_PROGRESS", repeated(bytes))))
    };
    keep(&app, &headers, body, decode).await
}

async fn end(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Answer {
    let source = source(&headers, SURFACE.as_str());
    let decode = move |bytes: &[u8]| {
        let patches = dialect::change(&id, true, bytes, &source)?;
        Ok((patches, info_of(&id, "OK", repeated(bytes))))
    };
    keep(&app, &headers, body, decode).await
}

/// A trace as MLflow 2 reads it.
fn info_of(request: &str, status: &str, said: Value) -> Value {
    let experiment = said["experiment_id"].as_str().unwrap_or(DEFAULT_EXPERIMENT.0);
    let mut tags = said["tags"].as_array().cloned().unwrap_or_default();
    tags.push(json!({"key": LOCATION_TAG, "value": location(experiment, request)}));
    json!({"trace_info": {
        "request_id": request,
        "experiment_id": experiment,
        "timestamp_ms": said["timestamp_ms"],
        "execution_time_ms": 0,
        "status": said["status"].as_str().unwrap_or(status),
        "request_metadata": said["request_metadata"].as_array().cloned().unwrap_or_default(),
        "tags": tags,
    }})
}

async fn tag(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Answer {
    let source = source(&headers, SURFACE.as_str());
    keep(&app, &headers, body, move |bytes| Ok((dialect::tag(&id, bytes, now(), &source)?, json!({})))).await
}

/// A tag that is taken away, named in the body or the address.
async fn untag(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(named): Query<NamedTag>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let source = source(&headers, SURFACE.as_str());
    let body = named.key.map_or(body, |key| Body::from(json!({ "key": key }).to_string()));
    keep(&app, &headers, body, move |bytes| Ok((dialect::untag(&id, bytes, now(), &source)?, json!({})))).await
}

/// The name of a tag, in an address.
#[derive(Debug, Deserialize)]
struct NamedTag {
    key: Option<String>,
}

async fn assess(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Answer {
    let decode = move |bytes: &[u8]| {
        let patches = dialect::assessment(&id, bytes)?;
        let mut answer = repeated(bytes);
        let own_id = patches.iter().flat_map(|patch| &patch.scores).map(|score| score.id.clone()).next();
        let own_id = own_id.unwrap_or_else(|| dialect::assessment_id(&id, "expectation", &answer["assessment"].to_string()));
        answer["assessment"]["assessment_id"] = own_id.into();
        Ok((patches, answer))
    };
    keep(&app, &headers, body, decode).await
}

/// The judgement of that id, as the record has it, for a key that may do what is done with it.
async fn known(
    app: &App,
    headers: &HeaderMap,
    scope: Scope,
    (request, own_id): (&str, &str),
) -> Result<(Grant, Scored), ApiError> {
    let grant = auth::require_key(app.store.accounts(), headers, scope)?;
    let none = || ApiError::not_found(format!("the trace {request} has no feedback of the id {own_id:?}"));
    let trace = dialect::trace_id(request).map_err(|_| none())?;
    let scores = app.store.project(grant.project).scores(trace).await?;
    let kept = scores.into_iter().find(|kept| kept.score.id == own_id).ok_or_else(none)?;
    Ok((grant, kept))
}

async fn assessed(State(app): State<App>, Path((id, own_id)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    let (_, kept) = known(&app, &headers, Scope::Read, (&id, &own_id)).await?;
    Ok(Json(json!({"assessment": described_score(&id, &kept.score)})))
}

/// An assessment that is said anew; what is not said of it again stays.
async fn reassess(State(app): State<App>, Path((id, own_id)): Path<(String, String)>, headers: HeaderMap, body: Body) -> Answer {
    let (_, kept) = known(&app, &headers, Scope::Ingest, (&id, &own_id)).await?;
    let decode = move |bytes: &[u8]| {
        let score = dialect::reassessed(kept.score, bytes, now())?;
        let answer = json!({"assessment": described_score(&id, &score)});
        Ok((vec![SpanPatch { scores: vec![score], ..SpanPatch::new(kept.trace_id, kept.span_id) }], answer))
    };
    keep(&app, &headers, body, decode).await
}

async fn withdraw(State(app): State<App>, Path((id, own_id)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    let (grant, kept) = known(&app, &headers, Scope::Ingest, (&id, &own_id)).await?;
    // Wherever it was told, so that nothing that it had taken the place of holds again.
    let told = app.store.project(grant.project).told_scores(kept.trace_id, own_id).await?;
    let time = now();
    let withdrawn = told.into_iter().map(|kept| kept.withdrawn_at(time, grant.member.clone())).collect();
    app.ingest.keep_whole(SURFACE, &grant, withdrawn).await?;
    Ok(Json(json!({})))
}

/// Feedback as MLflow's client reads it.
fn described_score(request: &str, score: &Score) -> Value {
    let by = match score.source {
        ScoreSource::User => "HUMAN",
        ScoreSource::Evaluator => "LLM_JUDGE",
        ScoreSource::Api => "CODE",
    };
    let time = score.time.map(|time| time.to_string());
    json!({
        "assessment_id": score.id,
        "assessment_name": score.name,
        "trace_id": request,
        "source": {"source_type": by, "source_id": "default"},
        "create_time": time,
        "last_update_time": time,
        "feedback": {"value": score.value},
        "rationale": score.comment,
        "valid": true,
    })
}

/// A file of a trace: its spans. Others are not kept.
async fn artifact(State(app): State<App>, Path(path): Path<String>, headers: HeaderMap, body: Body) -> Answer {
    let mut parts = path.split('/').skip_while(|part| *part != "traces").skip(1);
    let (Some(request), true) = (parts.next().map(str::to_owned), parts.last() == Some(SPANS_FILE)) else {
        let detail = format!("files are not kept here, but for the {SPANS_FILE} of a trace");
        return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", detail));
    };
    let kept = async {
        let grant = may_send(&app, &headers)?;
        let mut received = body::receive(&app.ingest, &headers, body).await?;
        let source = source(&headers, SURFACE.as_str());
        let spans: Normalized = received.decode(move |bytes| Ok(dialect::spans(&request, bytes, &source)?)).await?;
        app.ingest.keep(SURFACE, &grant, spans).await
    };
    let rejected = kept.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))?;
    count_all_rejected(SURFACE, &rejected);
    Ok(Json(if rejected.is_empty() { json!({}) } else { json!({ "errors": told(&rejected) }) }))
}

/// Which experiment is asked for.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    experiment_name: Option<String>,
    experiment_id: Option<String>,
    name: Option<String>,
}

async fn experiment(State(app): State<App>, Query(asked): Query<Asked>, headers: HeaderMap) -> Answer {
    may_send(&app, &headers)?;
    let (id, name) = match (&asked.experiment_name, &asked.experiment_id) {
        (Some(name), _) => (id_of(name), name.as_str()),
        (None, Some(id)) if id != DEFAULT_EXPERIMENT.0 => (id.clone(), id.as_str()),
        (None, _) => (DEFAULT_EXPERIMENT.0.to_owned(), DEFAULT_EXPERIMENT.1),
    };
    Ok(Json(json!({"experiment": described(&id, name)})))
}

async fn create_experiment(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    may_send(&app, &headers)?;
    let mut received = body::receive(&app.ingest, &headers, body).await?;
    let asked = received.decode(|bytes| Ok(serde_json::from_slice::<Asked>(bytes).unwrap_or_default())).await?;
    Ok(Json(json!({"experiment_id": id_of(asked.name.as_deref().unwrap_or(DEFAULT_EXPERIMENT.1))})))
}

async fn experiments_found(State(app): State<App>, headers: HeaderMap) -> Answer {
    may_send(&app, &headers)?;
    Ok(Json(json!({"experiments": [described(DEFAULT_EXPERIMENT.0, DEFAULT_EXPERIMENT.1)]})))
}

/// An experiment's id: its name, as far as an id may hold it.
fn id_of(name: &str) -> String {
    if name == DEFAULT_EXPERIMENT.1 {
        return DEFAULT_EXPERIMENT.0.to_owned();
    }
    let taken = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let id: String = name.chars().map(taken).skip_while(|c| !c.is_ascii_alphanumeric()).take(MAX_EXPERIMENT_ID).collect();
    if id.is_empty() { DEFAULT_EXPERIMENT.0.to_owned() } else { id }
}

fn described(id: &str, name: &str) -> Value {
    json!({
        "experiment_id": id,
        "name": name,
        "artifact_location": format!("mlflow-artifacts:/{id}"),
        "lifecycle_stage": "active",
        "last_update_time": 0,
        "creation_time": 0,
        "tags": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_experiment_goes_by_its_name() {
        for (name, id) in [
            ("Default", "0"),
            ("shop-assistant", "shop-assistant"),
            ("/Users/zoë/shop v2", "Users-zo--shop-v2"),
            ("倉庫", "0"),
            ("_", "0"),
        ] {
            assert_eq!(id_of(name), id, "{name}");
        }
        assert_eq!(id_of(&"x".repeat(200)).len(), MAX_EXPERIMENT_ID);
    }
}
