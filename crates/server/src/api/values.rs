//! Users, sessions, channels, models and tools: the values of a field with what a list of them shows.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use neuraltrust_model::Timestamp;
use neuraltrust_store::{
    Aggregate, FacetOrder, FacetPlace, FacetQuery, FacetRow, FacetsBy, Field, Filter, Group, GroupValue, ListOf, MAX_ROWS,
    Measured, Metric, ProjectStore, Test, Value,
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
    /// Whether not everything was counted: there are more values than are told apart (262,144, and about 256 MiB of them), or a condition
    /// on steps or words was met by more than is looked at.
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

    /// What values have of each metric, over those things that have one of them.
    async fn measured(
        &self,
        project: &ProjectStore,
        filter: Filter,
        metrics: Vec<Metric>,
    ) -> Result<(HashMap<String, Vec<Measured>>, [bool; 2]), ApiError> {
        let query = Aggregate {
            of: self.of,
            filter,
            group_by: vec![Group::Field { key: self.field.into(), top: MAX_ROWS, others: false, by: None }],
            metrics,
            limit: MAX_ROWS,
        };
        let found = project.aggregate(query).await?;
        let rows = found.items.into_iter().filter_map(|row| match row.group.into_iter().next()? {
            Some(GroupValue::Text(value)) => Some((value, row.values)),
            _ => None,
        });
        Ok((rows.collect(), [found.truncated, found.timed_out]))
    }

    /// Sums of spans are of those only that are not told of twice.
    fn counted(&self, flag: Field) -> Filter {
        if self.of == ListOf::Spans { is(flag) } else { Filter::default() }
    }
}

/// What has a flag.
fn is(flag: Field) -> Filter {
    Filter::Is(flag.into(), Test::OneOf(vec![Value::Flag(true)]))
}

async fn listed(app: &App, reader: &Reader, asked: Asked, mut params: ListParams) -> Result<Json<Values>, ApiError> {
    let order = Order::read(params.take_sort().as_deref(), asked.of)?;
    let behind = params.take_cursor().map(|cursor| order.place(&cursor)).transpose()?;
    let (limit, filter) = (params.limit()?, params.filter(asked.of)?);
    let filter = Filter::And(vec![filter, asked.only.clone()]);
    let project = app.store.project(reader.0.project);
    let query = FacetQuery {
        of: asked.of,
        key: asked.field.into(),
        filter: filter.clone(),
        order: order.of(&asked),
        behind,
        // One more than asked for tells whether there is a next page.
        limit: limit + 1,
    };
    // All values are ordered, and those of the page alone are measured.
    let mut page = project.values(query).await?;
    let more = page.items.len() > limit;
    page.items.truncate(limit);
    let next_cursor = page.items.last().filter(|_| more).map(|row| order.cursor(row));
    let shown = page.items.iter().map(|row| Value::Text(row.value.clone())).collect();
    let shown = Filter::And(vec![filter, Filter::Is(asked.field.into(), Test::OneOf(shown))]);
    let [tokens, cost] = [Field::UsageTotal, Field::Cost].map(|of| Metric::Sum(of.into()));
    let mut metrics = vec![Metric::ErrorShare, Metric::Percentiles(Field::DurationMs.into(), vec![50.0, 95.0])];
    let counted = |flag: Field| Filter::And(vec![shown.clone(), is(flag)]);
    // Where sums are of all that is shown, one walk over it is enough.
    let (asking, [tokens_at, cost_at]) = match asked.of {
        ListOf::Spans => (
            vec![
                (shown.clone(), metrics),
                (counted(Field::UsageCounted), vec![tokens]),
                (counted(Field::CostCounted), vec![cost]),
            ],
            [(1, 0), (2, 0)],
        ),
        ListOf::Conversations | ListOf::Traces => {
            metrics.extend([Metric::Sum(Field::Turns.into()), tokens, cost]);
            (vec![(shown, metrics)], [(0, 3), (0, 4)])
        }
    };
    let (mut truncated, mut timed_out) = (page.truncated, page.timed_out);
    let mut measured = Vec::with_capacity(asking.len());
    for (filter, metrics) in asking {
        let (of_values, [cut, late]) = asked.measured(&project, filter, metrics).await?;
        (truncated, timed_out) = (truncated || cut, timed_out || late);
        measured.push(of_values);
    }
    let row = |row: FacetRow| {
        let of = |(asked, n): (usize, usize)| measured.get(asked)?.get(&row.value)?.get(n);
        let percentile = |n: usize| match of((0, 1)) {
            Some(Measured::Several(numbers)) => numbers.get(n).copied().flatten(),
            _ => None,
        };
        ValueRow {
            count: row.count,
            last_time: row.last_time,
            error_share: of((0, 0)).and_then(Measured::first),
            duration_ms_p50: percentile(0),
            duration_ms_p95: percentile(1),
            total_tokens: of(tokens_at).and_then(Measured::first),
            cost: of(cost_at).and_then(Measured::first),
            turns: of((0, 2)).and_then(Measured::first),
            value: row.value,
        }
    };
    let items = page.items.into_iter().map(row).collect();
    Ok(Json(Values { items, next_cursor, total: page.total, truncated, timed_out }))
}

/// What values are ordered by, and whether the least comes first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Order {
    by: &'static str,
    ascending: bool,
}

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

    /// The order as the store knows it.
    fn of(self, asked: &Asked) -> FacetOrder {
        let all = Filter::default;
        let by = match self.by {
            "duration" => FacetsBy::Measure(Metric::Percentiles(Field::DurationMs.into(), vec![95.0]), all()),
            "tokens" => FacetsBy::Measure(Metric::Sum(Field::UsageTotal.into()), asked.counted(Field::UsageCounted)),
            "cost" => FacetsBy::Measure(Metric::Sum(Field::Cost.into()), asked.counted(Field::CostCounted)),
            "errors" => FacetsBy::Measure(Metric::Count, is(Field::HasError)),
            "time" => FacetsBy::LastTime,
            "turns" => FacetsBy::Measure(Metric::Sum(Field::Turns.into()), all()),
            _ => FacetsBy::Count,
        };
        FacetOrder { by, ascending: self.ascending }
    }

    /// How the place of a value is told to a client.
    fn cursor(self, row: &FacetRow) -> String {
        let number = row.number.map_or_else(String::new, |number| format!("{:x}", number.to_bits()));
        let value: String = row.value.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{}.{}.{number}.{value}", self.by, if self.ascending { "asc" } else { "desc" })
    }

    /// The place that a client was told.
    fn place(self, cursor: &str) -> Result<FacetPlace, ApiError> {
        let read = || {
            let mut parts = cursor.split('.');
            let same = parts.next()? == self.by && parts.next()? == if self.ascending { "asc" } else { "desc" };
            let (number, value) = (parts.next()?, parts.next()?);
            let number = (!number.is_empty()).then(|| u64::from_str_radix(number, 16).map(f64::from_bits)).transpose().ok()?;
            let whole = value.len().is_multiple_of(2);
            let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
            let value = value.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
            let place = FacetPlace { number, value: String::from_utf8(value).ok()? };
            (same && whole && parts.next().is_none()).then_some(place)
        };
        read().ok_or_else(|| bad("cursor: give the `next_cursor` of the page before, with the `sort` that it was asked with"))
    }
}

/// Users with what is known of their conversations. `sort` is `count`, `time`, `duration`, `tokens`, `cost`, `errors` or `turns`.
///
/// Counted over the conversations that the parameters leave, those with the most conversations first where `sort` says nothing else.
/// All users are ordered, however many there are; pages go on with `cursor` = `next_cursor`.
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
    fn a_cursor_says_where_a_value_is_in_its_order() {
        for (value, number) in [("a", Some(1.0)), ("é.b", None), ("", Some(-0.5))] {
            let row = FacetRow { value: value.to_owned(), count: 1, last_time: None, number };
            for sort in ["cost", "cost:asc"] {
                let order = Order::read(Some(sort), ListOf::Spans).unwrap();
                let place = FacetPlace { number, value: value.to_owned() };
                assert_eq!(order.place(&order.cursor(&row)).unwrap(), place, "{sort}");
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
