//! Dashboards of a project: charts that its people put together of what can be aggregated.

use axum::Json;
use axum::extract::State;
use neuraltrust_store::{Kept, KeptList};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::aggregate::AggregateBody;
use super::kept::{MAX_JSON, few, set, told_apart};
use super::params::{Body, bad, named};
use crate::auth::{Editor, Reader};
use crate::error::{ApiError, Problem};
use crate::http::App;

/// Most dashboards of a project.
const MAX_DASHBOARDS: usize = 50;
/// Most charts of a dashboard.
const MAX_CHARTS: usize = 30;

/// The dashboards of a project.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "revision": 3, "items": [{ "id": "costs", "name": "Costs", "charts": [{
    "title": "Cost by model", "shown_as": "line",
    "aggregate": { "of": "spans", "group_by": [{ "field": "model" }], "metrics": [{ "sum": { "field": "cost" } }] }
}] }] }))]
pub(super) struct Dashboards {
    /// Grows by every change. Who sets them gives the one that they have read, so that nobody's change is lost.
    revision: u64,
    /// The dashboards, up to 50, in their order.
    items: Vec<Dashboard>,
}

/// A dashboard.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Dashboard {
    /// Its id, unlike the others'.
    id: String,
    /// What it is called.
    name: String,
    /// Its charts, up to 30, in their order.
    charts: Vec<Chart>,
}

/// A chart of a dashboard.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Chart {
    /// What it is called.
    title: String,
    /// How it is drawn.
    shown_as: ShownAs,
    /// What is aggregated, as `POST /api/v1/aggregate` takes it. Of which time, whoever looks at it chooses.
    #[schema(value_type = AggregateBody)]
    aggregate: Map<String, Value>,
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ShownAs {
    /// Lines over time.
    Line,
    /// Bars over time.
    Bars,
    /// Numbers.
    Number,
    /// A table of groups.
    Table,
}

impl Dashboards {
    fn check(&self) -> Result<(), ApiError> {
        few("items", self.items.len(), MAX_DASHBOARDS)?;
        told_apart(self.items.iter().map(|dashboard| (dashboard.id.as_str(), dashboard.name.as_str())))?;
        for (n, dashboard) in self.items.iter().enumerate() {
            few(&format!("items[{n}].charts"), dashboard.charts.len(), MAX_CHARTS)?;
            for (m, chart) in dashboard.charts.iter().enumerate() {
                let field = format!("items[{n}].charts[{m}]");
                named(&format!("{field}.title"), &chart.title)?;
                chart.check(&field)?;
            }
        }
        Ok(())
    }
}

impl Chart {
    fn check(&self, field: &str) -> Result<(), ApiError> {
        let aggregate = Value::Object(self.aggregate.clone());
        if aggregate.to_string().len() > MAX_JSON {
            return Err(bad(format!("{field}.aggregate: it has more than {MAX_JSON} bytes")));
        }
        let body: AggregateBody =
            serde_json::from_value(aggregate).map_err(|error| bad(format!("{field}.aggregate: {error}")))?;
        body.read().map(drop)
    }
}

/// The dashboards of the key's project.
///
/// What their charts aggregate is asked for at `/api/v1/aggregate`, with the time that whoever looks at them chooses.
#[utoipa::path(
    get, operation_id = "dashboards", path = "/api/v1/dashboards", tag = "read",
    responses((status = 200, body = Dashboards), (status = "4XX", body = Problem))
)]
pub(super) async fn show(State(app): State<App>, Reader(grant): Reader) -> Result<Json<Kept>, ApiError> {
    Ok(Json(app.store.project(grant.project).kept(KeptList::Dashboards).await?))
}

/// Sets the dashboards of the key's project.
///
/// All of them are given, in place of those of the revision that is given with them; where there is a newer one, nothing is changed.
/// Takes a key of scope `admin`, or that of a member who may edit.
#[utoipa::path(
    put, operation_id = "set_dashboards", path = "/api/v1/dashboards", tag = "write", request_body = Dashboards,
    responses(
        (status = 200, description = "The dashboards from now on, with their new revision", body = Dashboards),
        (status = 400, description = "A dashboard that cannot be", body = Problem, example = json!({
            "status": 400, "title": "Bad Request", "reason": "bad_parameter",
            "detail": "items[0].name: give a text of up to 200 bytes without control characters"
        })),
        (status = 409, description = "Somebody else has changed them meanwhile", body = Problem),
        (status = "4XX", body = Problem)
    )
)]
pub(super) async fn replace(
    State(app): State<App>,
    Editor(grant): Editor,
    Body(body): Body<Dashboards>,
) -> Result<Json<Kept>, ApiError> {
    body.check()?;
    let new = Kept { revision: body.revision, items: json!(body.items) };
    set(&app.store.project(grant.project), KeptList::Dashboards, new).await
}
