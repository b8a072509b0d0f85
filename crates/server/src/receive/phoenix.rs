//! Phoenix: annotations and notes; its spans come as OTLP.
//!
//! Format: <https://arize.com/docs/phoenix/sdk-api-reference>. A list that cannot be kept whole is answered with 422 and the reasons; the
//! others are kept. Unlike there, what is annotated need not have come yet, so that nobody has to send an annotation twice.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use neuraltrust_model::SpanPatch;
use neuraltrust_normalize::Rejection;
use neuraltrust_normalize::dialects::phoenix::{self as dialect, On};
use neuraltrust_store::Grant;
use serde_json::{Value, json};

use super::{TOLD_REASONS, body, may_send, source};
use crate::error::ApiError;
use crate::http::App;
use crate::ingest::{Surface, count_rejected};
use crate::unplaced::{self, Said};

const SURFACE: Surface = Surface::Phoenix;
/// The version that this server speaks like: the first whose clients write notes on sessions.
const SPEAKS: &str = "14.17.0";

type Answer = Result<Json<Value>, ApiError>;

/// What Phoenix's clients send and ask, beside spans.
pub(super) fn routes() -> Router<App> {
    let routes = Router::new().route("/arize_phoenix_version", get(|| async { SPEAKS }));
    [("span", On::Span), ("trace", On::Trace), ("session", On::Session)].into_iter().fold(routes, |routes, (name, on)| {
        let annotate = move |State(app): State<App>, headers: HeaderMap, body: Body| annotations(app, on, headers, body);
        let take_note = move |State(app): State<App>, headers: HeaderMap, body: Body| note(app, on, headers, body);
        routes.route(&format!("/v1/{name}_annotations"), post(annotate)).route(&format!("/v1/{name}_notes"), post(take_note))
    })
}

/// Puts what is said of spans into their traces.
async fn placed(app: &App, grant: &Grant, on: On, patches: Vec<SpanPatch>) -> Result<Vec<SpanPatch>, ApiError> {
    match on {
        On::Span => unplaced::place(app, grant, SURFACE, patches.into_iter().map(Said::verdict).collect()).await,
        On::Trace | On::Session => Ok(patches),
    }
}

async fn annotations(app: App, on: On, headers: HeaderMap, body: Body) -> Answer {
    let kept = async {
        let grant = may_send(&app, &headers)?;
        let mut received = body::receive(&app.ingest, &headers, body).await?;
        let source = source(&headers, SURFACE.as_str());
        let mut told = received.decode(move |bytes| Ok(dialect::annotations(on, bytes, &source)?)).await?;
        told.patches = placed(&app, &grant, on, told.patches).await?;
        app.ingest.keep_items(SURFACE, &grant, told).await
    };
    let items = kept.await.inspect_err(|error| count_rejected(SURFACE, error.reason))?;
    let refused: Vec<&Rejection> = items.iter().filter_map(|item| item.rejected.as_ref()).collect();
    if refused.is_empty() {
        return Ok(Json(json!({"data": items.iter().map(|item| json!({"id": item.id})).collect::<Value>()})));
    }
    let reasons: Vec<String> = refused.iter().take(TOLD_REASONS).map(ToString::to_string).collect();
    let detail = format!("{} of {} are not kept, the others are: {}", refused.len(), items.len(), reasons.join("; "));
    Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "rejected", detail))
}

async fn note(app: App, on: On, headers: HeaderMap, body: Body) -> Answer {
    let kept = async {
        let grant = may_send(&app, &headers)?;
        let mut received = body::receive(&app.ingest, &headers, body).await?;
        let source = source(&headers, SURFACE.as_str());
        let patch = received.decode(move |bytes| Ok(dialect::note(on, bytes, &source)?)).await?;
        let own_id = patch.scores.first().map(|score| score.id.clone());
        let patches = placed(&app, &grant, on, vec![patch]).await?;
        app.ingest.keep_whole(SURFACE, &grant, patches).await?;
        Ok(own_id)
    };
    let own_id = kept.await.inspect_err(|error: &ApiError| count_rejected(SURFACE, error.reason))?;
    Ok(Json(json!({"data": {"id": own_id}})))
}
