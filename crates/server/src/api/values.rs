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

/// What values can be ordered by; `turns` where they are of conversations.
const ORDERS: [&str; 7] = ["count", "time", "duration", "tokens", "cost", "errors", "turns"];

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
    /// Give it as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
    /// Number of all values. Where `truncated`, there are at least so many.
    total: u64,
    /// Whether not everything was counted: there are more than 10,000 values, or a condition on steps or words was met by more than is
    /// looked at.
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
    let order = Order::read(params.take_sort().as_deref(), asked.of)?;
    let behind = params.take_cursor().map(|cursor| order.place(&cursor)).transpose()?;
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
    let (total, truncated) = (items.len() as u64, cut || facets.truncated);
    items.sort_by(|a, b| order.compare(&order.of(a), &order.of(b)));
    if let Some(behind) = behind {
        items.retain(|row| order.compare(&order.of(row), &behind).is_gt());
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|row| order.cursor(&order.of(row)));
    Ok(Json(Values { items, next_cursor, total, truncated, timed_out }))
}

/// What values are ordered by, and whether the least comes first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Order {
    by: &'static str,
    ascending: bool,
}

/// A place in an order: the number that it goes by, and the value. Values whose number changes meanwhile may be met twice or not at
/// all; others stay where they are.
type Place = (Option<f64>, String);

impl Order {
    fn read(sort: Option<&str>, of: ListOf) -> Result<Self, ApiError> {
        let turns = usize::from(of == ListOf::Spans);
        let known = ORDERS.get(..ORDERS.len() - turns).unwrap_or_default();
        let sort = sort.unwrap_or("count");
        let (name, direction) = sort.split_once(':').unwrap_or((sort, "desc"));
        let by = known.iter().copied().find(|known| *known == name).filter(|_| ["desc", "asc"].contains(&direction));
        by.map(|by| Self { by, ascending: direction == "asc" })
            .ok_or_else(|| bad(format!("sort: {sort:?} is not one of {}, each with :desc or :asc behind it", known.join(", "))))
    }

    fn of(self, row: &ValueRow) -> Place {
        let number = match self.by {
            "duration" => row.duration_ms_p95,
            "tokens" => row.total_tokens,
            "cost" => row.cost,
            "errors" => row.error_share.map(|share| share * row.count as f64),
            "time" => row.last_time.map(|time| time.as_nanos() as f64),
            "turns" => row.turns,
            _ => Some(row.count as f64),
        };
        (number, row.value.clone())
    }

    fn compare(self, (number, value): &Place, (other, other_value): &Place) -> Ordering {
        let order = match (number, other) {
            (Some(a), Some(b)) if self.ascending => a.total_cmp(b),
            (Some(a), Some(b)) => b.total_cmp(a),
            // What has no number comes last.
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (None, None) => Ordering::Equal,
        };
        order.then_with(|| value.cmp(other_value))
    }

    /// How a place is told to a client.
    fn cursor(self, (number, value): &Place) -> String {
        let number = number.map_or_else(String::new, |number| format!("{:x}", number.to_bits()));
        let value: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{}.{}.{number}.{value}", self.by, if self.ascending { "asc" } else { "desc" })
    }

    /// The place that a client was told.
    fn place(self, cursor: &str) -> Result<Place, ApiError> {
        let read = || {
            let mut parts = cursor.split('.');
            let same = parts.next()? == self.by && parts.next()? == if self.ascending { "asc" } else { "desc" };
            let (number, value) = (parts.next()?, parts.next()?);
            let number = (!number.is_empty()).then(|| u64::from_str_radix(number, 16).map(f64::from_bits)).transpose().ok()?;
            let whole = value.len().is_multiple_of(2);
            let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
            let value = value.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
            (same && whole && parts.next().is_none()).then_some((number, String::from_utf8(value).ok()?))
        };
        read().ok_or_else(|| bad("cursor: give the `next_cursor` of the page before, with the `sort` that it was asked with"))
    }
}

/// Users with what is known of their conversations. `sort` is `count`, `time`, `duration`, `tokens`, `cost`, `errors` or `turns`.
///
/// Counted over the conversations that the parameters leave, up to 10,000 users, those with the most conversations first where `sort` says
/// nothing else. Pages go on with `cursor` = `next_cursor`.
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

/// Models with what is known of their calls; conditions are those of spans. `sort` as of users, but for `turns`.
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

/// Tools with what is known of their calls; conditions are those of spans. `sort` as of users, but for `turns`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_every_value_once_in_any_order() {
        let row = |value: &str, cost: Option<f64>| ValueRow { value: value.to_owned(), cost, ..ValueRow::default() };
        let rows = [row("a", Some(1.0)), row("é.b", None), row("", Some(-0.5)), row("c", Some(1.0)), row("d", None)];
        for (sort, expect) in [("cost", ["a", "c", "", "d", "é.b"]), ("cost:asc", ["", "a", "c", "d", "é.b"])] {
            let order = Order::read(Some(sort), ListOf::Spans).unwrap();
            let mut sorted: Vec<Place> = rows.iter().map(|row| order.of(row)).collect();
            sorted.sort_by(|a, b| order.compare(a, b));
            assert_eq!(sorted.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), expect, "{sort}");
            for place in &sorted {
                assert_eq!(order.place(&order.cursor(place)).unwrap(), *place);
            }
        }
        let order = Order::read(None, ListOf::Conversations).unwrap();
        for bad in ["", "cost.desc..", "count.asc..", "count.desc.x.", "count.desc..0", "count.desc...", "count.desc..ff"] {
            assert!(order.place(bad).is_err(), "{bad}");
        }
        assert!(
            Order::read(Some("turns"), ListOf::Spans).is_err() && Order::read(Some("turns:asc"), ListOf::Conversations).is_ok()
        );
    }
}
