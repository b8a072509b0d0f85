//! Users, sessions, channels, models and tools: the values of a field with what a list of them shows.

use std::cmp::Ordering;
use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use neuraltrust_model::Timestamp;
use neuraltrust_store::{
    Aggregate, Field, Filter, Group, GroupValue, ListOf, MAX_ROWS, Measured, Metric, ProjectStore, Test, Value,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::params::{ListParams, Params, bad};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// What values can be ordered by.
const ORDERS: [&str; 6] = ["count", "time", "duration", "tokens", "cost", "errors"];

/// A value, and what is known of the things that have it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(super) struct ValueRow {
    /// The value.
    value: String,
    /// Number of conversations that have it; of models and tools number of calls.
    count: u64,
    /// When one of them last happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_time: Option<Timestamp>,
    /// The part of them that failed, from 0 to 1.
    error_share: Option<f64>,
    /// The duration in milliseconds that half of them do not exceed.
    duration_ms_p50: Option<f64>,
    /// The duration in milliseconds that 95 of 100 do not exceed.
    duration_ms_p95: Option<f64>,
    /// Tokens of them, each model call counted once.
    total_tokens: Option<f64>,
    /// Cost of them in US dollars, each model call counted once.
    cost: Option<f64>,
    /// Number of turns; null for models and tools.
    turns: Option<f64>,
}

/// Values of a field.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Values {
    /// The values.
    items: Vec<ValueRow>,
    /// Whether there are more of them, or not everything was counted.
    truncated: bool,
    /// Whether the time that a read may take was over before everything was counted.
    timed_out: bool,
}

/// What is listed, and of which list.
struct Asked {
    of: ListOf,
    field: Field,
    /// What holds of the things that are counted, whatever else is asked for.
    only: Filter,
}

impl Asked {
    const fn conversations(field: Field, only: Filter) -> Self {
        Self { of: ListOf::Conversations, field, only }
    }

    fn kinds(field: Field, kinds: &[&str]) -> Self {
        let kinds = kinds.iter().map(|kind| Value::Text((*kind).to_owned())).collect();
        Self { of: ListOf::Spans, field, only: Filter::Is(Field::Kind.into(), Test::OneOf(kinds)) }
    }

    /// What the values have of each metric.
    async fn measured(
        &self,
        project: &ProjectStore,
        filter: Filter,
        metrics: Vec<Metric>,
    ) -> Result<(HashMap<String, (u64, Vec<Measured>)>, [bool; 2]), ApiError> {
        let query = Aggregate {
            of: self.of,
            filter,
            group_by: vec![Group::Field { key: self.field.into(), top: MAX_ROWS, others: false }],
            metrics,
            limit: MAX_ROWS,
        };
        let found = project.aggregate(query).await?;
        let rows = found.items.into_iter().filter_map(|row| match row.group.into_iter().next()? {
            Some(GroupValue::Text(value)) => Some((value, (row.count, row.values))),
            _ => None,
        });
        Ok((rows.collect(), [found.truncated, found.timed_out]))
    }
}

fn one(measured: Option<&Measured>) -> Option<f64> {
    match measured {
        Some(Measured::One(number)) => *number,
        Some(Measured::Several(numbers)) => numbers.first().copied().flatten(),
        None => None,
    }
}

async fn listed(app: &App, reader: &Reader, asked: Asked, mut params: ListParams) -> Result<Json<Values>, ApiError> {
    let (by, ascending) = order(params.take_sort().as_deref())?;
    let mut params = params.unordered()?;
    let (limit, filter) = (params.limit()?, params.filter(asked.of)?);
    let filter = Filter::And(vec![filter, asked.only.clone()]);
    let project = app.store.project(reader.0.project);
    let mut metrics = vec![Metric::ErrorShare, Metric::Percentiles(Field::DurationMs.into(), vec![50.0, 95.0]), Metric::Count];
    let sums = [Metric::Sum(Field::UsageTotal.into()), Metric::Sum(Field::Cost.into())];
    let spans = asked.of == ListOf::Spans;
    if !spans {
        metrics.extend(sums.clone());
        metrics.push(Metric::Sum(Field::Turns.into()));
    }
    let (rows, [cut, mut timed_out]) = asked.measured(&project, filter.clone(), metrics).await?;
    let facets = project.facets(asked.of, asked.field.into(), filter.clone(), MAX_ROWS).await?;
    let counted = |field: Field, sum: &Metric| {
        let only = Filter::And(vec![filter.clone(), Filter::Is(field.into(), Test::OneOf(vec![Value::Flag(true)]))]);
        asked.measured(&project, only, vec![sum.clone()])
    };
    let [tokens, costs] = &sums;
    // Of spans only those count that are not told of twice.
    let (tokens, costs) = match spans {
        true => {
            let (tokens, costs) = (counted(Field::UsageCounted, tokens).await?, counted(Field::CostCounted, costs).await?);
            timed_out |= tokens.1[1] || costs.1[1];
            (tokens.0, costs.0)
        }
        false => (HashMap::new(), HashMap::new()),
    };
    timed_out |= facets.timed_out;
    let mut items: Vec<ValueRow> = facets
        .items
        .into_iter()
        .map(|row| {
            let values = rows.get(&row.value).map(|(_, values)| values.as_slice()).unwrap_or_default();
            let percentile = |n: usize| match values.get(1) {
                Some(Measured::Several(numbers)) => numbers.get(n).copied().flatten(),
                _ => None,
            };
            let sum = |of: &HashMap<String, (u64, Vec<Measured>)>, n: usize| match spans {
                true => of.get(&row.value).and_then(|(_, values)| one(values.first())),
                false => one(values.get(n)),
            };
            ValueRow {
                count: row.count,
                last_time: row.last_time,
                error_share: one(values.first()),
                duration_ms_p50: percentile(0),
                duration_ms_p95: percentile(1),
                total_tokens: sum(&tokens, 3),
                cost: sum(&costs, 4),
                turns: one(values.get(5)),
                value: row.value,
            }
        })
        .collect();
    items.sort_by(|a, b| {
        let number = |row: &ValueRow| match by {
            "duration" => row.duration_ms_p95,
            "tokens" => row.total_tokens,
            "cost" => row.cost,
            "errors" => row.error_share.map(|share| share * row.count as f64),
            "time" => row.last_time.map(|time| time.as_nanos() as f64),
            _ => Some(row.count as f64),
        };
        let order = match (number(a), number(b)) {
            (Some(a), Some(b)) if ascending => a.total_cmp(&b),
            (Some(a), Some(b)) => b.total_cmp(&a),
            // What has no value comes last.
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (None, None) => Ordering::Equal,
        };
        order.then_with(|| a.value.cmp(&b.value))
    });
    let truncated = cut || facets.truncated || items.len() > limit;
    items.truncate(limit);
    Ok(Json(Values { items, truncated, timed_out }))
}

/// What values are ordered by, and whether the least comes first.
fn order(sort: Option<&str>) -> Result<(&'static str, bool), ApiError> {
    let sort = sort.unwrap_or("count");
    let (name, direction) = sort.split_once(':').unwrap_or((sort, "desc"));
    let by = ORDERS.into_iter().find(|known| *known == name).filter(|_| ["desc", "asc"].contains(&direction));
    by.map(|by| (by, direction == "asc"))
        .ok_or_else(|| bad(format!("sort: {sort:?} is not one of {}, each with :desc or :asc behind it", ORDERS.join(", "))))
}

/// Users with what is known of their conversations. `sort` is `count`, `time`, `duration`, `tokens`, `cost` or `errors`.
///
/// Counted over the conversations that the parameters leave. There are no pages: `limit` is how many, the most frequent first
/// where `sort` says nothing else.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "read", params(ListParams),
    responses((status = 200, body = Values), (status = "4XX", body = Problem))
)]
pub(super) async fn users(
    State(app): State<App>,
    reader: Reader,
    Params(params): Params<ListParams>,
) -> Result<Json<Values>, ApiError> {
    listed(&app, &reader, Asked::conversations(Field::UserId, Filter::And(Vec::new())), params).await
}

/// Sessions with what is known of their conversations. `sort` as of users.
///
/// Counted over the conversations that the parameters leave, as of users.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "read", params(ListParams),
    responses((status = 200, body = Values), (status = "4XX", body = Problem))
)]
pub(super) async fn sessions(
    State(app): State<App>,
    reader: Reader,
    Params(params): Params<ListParams>,
) -> Result<Json<Values>, ApiError> {
    listed(&app, &reader, Asked::conversations(Field::SessionId, Filter::And(Vec::new())), params).await
}

/// Channels with what is known of their conversations. `sort` as of users.
///
/// Counted over the conversations that the parameters leave, as of users.
#[utoipa::path(
    get, path = "/api/v1/channels", tag = "read", params(ListParams),
    responses((status = 200, body = Values), (status = "4XX", body = Problem))
)]
pub(super) async fn channels(
    State(app): State<App>,
    reader: Reader,
    Params(params): Params<ListParams>,
) -> Result<Json<Values>, ApiError> {
    listed(&app, &reader, Asked::conversations(Field::ChannelId, Filter::And(Vec::new())), params).await
}

/// Models with what is known of their calls; conditions are those of spans. `sort` as of users.
///
/// Counted over the spans that the parameters leave: calls, errors, durations, tokens and cost.
#[utoipa::path(
    get, path = "/api/v1/models", tag = "read", params(ListParams),
    responses((status = 200, body = Values), (status = "4XX", body = Problem))
)]
pub(super) async fn models(
    State(app): State<App>,
    reader: Reader,
    Params(params): Params<ListParams>,
) -> Result<Json<Values>, ApiError> {
    listed(&app, &reader, Asked::kinds(Field::Model, &["generation", "embedding"]), params).await
}

/// Tools with what is known of their calls; conditions are those of spans. `sort` as of users.
///
/// Counted over the spans that the parameters leave: calls, errors and durations.
#[utoipa::path(
    get, path = "/api/v1/tools", tag = "read", params(ListParams),
    responses((status = 200, body = Values), (status = "4XX", body = Problem))
)]
pub(super) async fn tools(
    State(app): State<App>,
    reader: Reader,
    Params(params): Params<ListParams>,
) -> Result<Json<Values>, ApiError> {
    listed(&app, &reader, Asked::kinds(Field::Name, &["tool"]), params).await
}
