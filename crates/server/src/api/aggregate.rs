//! What is counted and measured over a list, in groups.

use axum::Json;
use axum::extract::State;
use neuraltrust_model::Timestamp;
use neuraltrust_store::{
    Aggregate, Aggregated, Every, Filter, Group, Key, ListOf, MAX_GROUPS_BY, MAX_METRICS, MAX_ROWS, RELATIVE_ERROR, Zone,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::filters;
use super::measures::{Measures, MetricBody, Window};
use super::params::{Body, bad, list_named};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;
use crate::ingest::now;

/// Rows of an answer where the client does not say.
const LIMIT: usize = 1_000;
/// Values of a field where the client does not say, and at the most.
const TOP: (usize, usize) = (10, 1_000);
/// Clocks are at most so many minutes ahead of UTC or behind it.
const MAX_OFFSET_MINUTES: i32 = 18 * 60;

/// What is measured.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "of": "spans", "filter": { "q": "kind:generation after:-7d" }, "group_by": [{ "field": "model" }],
    "metrics": ["error_share", { "percentiles": { "field": "duration_ms", "of": [50, 95] } }]
}))]
pub(super) struct AggregateBody {
    /// `conversations`, `traces` or `spans`.
    #[schema(default = "conversations")]
    of: Option<String>,
    /// Which things are measured: `q`, `after`, `before` and `filter` as in lists, and any field or path with the value, or a
    /// list of the values, that it may have.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    filter: Map<String, Value>,
    /// What they are grouped by, up to 3.
    #[serde(default)]
    #[schema(value_type = Option<Vec<GroupBody>>)]
    group_by: Vec<GroupBody>,
    /// What is measured in each group, up to 16, those counted that ratios and rates are made of.
    #[serde(default)]
    #[schema(value_type = Option<Vec<MetricBody>>)]
    metrics: Vec<MetricBody>,
    /// Whether to measure the stretch of time before as well, as long as the one from `after` to `before` of the filter, which
    /// must both be given.
    #[serde(default)]
    previous: bool,
    /// Most rows of the answer: 1 to 10000.
    #[schema(default = 1000, minimum = 1, maximum = 10000)]
    limit: Option<usize>,
}

/// What things are grouped by: one of `field`, `time` and `histogram`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GroupBody {
    /// A field, or of spans a path such as `metadata.plan`.
    field: Option<String>,
    /// Most values of the field, of all that there are the most frequent ones, or those that `by` says: 1 to 1000.
    #[schema(default = 10, minimum = 1, maximum = 1000)]
    top: Option<usize>,
    /// The place among `metrics`, from 0 on, of the measure of which the values of the field are kept that have the most, in that order: a
    /// `count`, `error_share`, `sum`, `avg`, `min` or `max`. Without it, those that most things have.
    #[schema(minimum = 0, maximum = 15)]
    by: Option<usize>,
    /// Whether all other values of the field are a group of their own, `{"others": HOW_MANY}`, rather than left out. What has several
    /// of them counts there once for each.
    #[schema(default = false)]
    others: Option<bool>,
    /// `second`, `minute`, `hour`, `day`, `week` (from Monday) or `month`.
    time: Option<String>,
    /// So many of the unit of `time`, except of months.
    #[schema(default = 1, minimum = 1)]
    every: Option<u32>,
    /// How far the clocks are ahead of UTC by which days and months begin, e.g. `+02:00`.
    #[schema(default = "+00:00")]
    offset: Option<String>,
    /// In place of `offset` a zone of the IANA Time Zone Database, whose clocks are put forward and back, e.g. `Europe/Madrid`.
    zone: Option<String>,
    /// A field or path with numbers.
    histogram: Option<String>,
    /// The width of a range of the histogram, greater than 0.
    width: Option<f64>,
}

/// The groups, and what holds for all of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AggregateAnswer {
    #[serde(flatten)]
    found: Aggregated,
    /// How far a percentile may be from the value that it stands for, relative to that value.
    percentile_error: f64,
    /// The groups of the stretch of time before, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Aggregated>,
}

/// A moment that a filter names.
fn moment(filter: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let text = filter.get(name).and_then(Value::as_str);
    text.map(|text| filters::time(&format!("filter.{name}"), text)).transpose()
}

/// The condition that holds for the stretch of time before the one from `after` to `before` of a filter, as long as that.
fn previous(filter: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let moment = |name: &str| {
        let missing = || bad(format!("previous: give `{name}` in the filter, so that the time before has a length"));
        moment(filter, name)?.ok_or_else(missing)
    };
    let (after, before) = (moment("after")?, moment("before")?);
    let length = before.as_nanos().checked_sub(after.as_nanos()).filter(|length| *length > 0);
    let begin = length.and_then(|length| after.as_nanos().checked_sub(length));
    let begin = begin.ok_or_else(|| bad("previous: `after` of the filter is not before its `before`"))?;
    let mut filter = filter.clone();
    filter.insert("after".to_owned(), Value::String(Timestamp::from_nanos(begin).to_string()));
    filter.insert("before".to_owned(), Value::String(after.to_string()));
    Ok(filter)
}

impl AggregateBody {
    pub(super) fn read(self) -> Result<(Aggregate, Measures), ApiError> {
        let of = list_named(self.of.as_deref())?;
        let few = |name: &str, given: usize, most: usize| match given <= most {
            true => Ok(()),
            false => Err(bad(format!("{name}: {given} are given; there may be {most}"))),
        };
        few("group_by", self.group_by.len(), MAX_GROUPS_BY)?;
        let measures = Measures::read(of, self.metrics)?;
        few("metrics, those of ratios and rates counted,", measures.metrics.len(), MAX_METRICS)?;
        let query = Aggregate {
            of,
            filter: filters::from_json(of, self.filter, Filter::read)?,
            group_by: self.group_by.into_iter().map(|group| group.read(of, &measures)).collect::<Result<_, _>>()?,
            metrics: measures.metrics.clone(),
            limit: within("limit", self.limit, LIMIT, MAX_ROWS)?,
        };
        Ok((query, measures))
    }
}

fn within(name: &str, given: Option<usize>, default: usize, most: usize) -> Result<usize, ApiError> {
    let number = given.unwrap_or(default);
    if (1..=most).contains(&number) { Ok(number) } else { Err(bad(format!("{name}: {number} is not a number from 1 to {most}"))) }
}

fn key(name: &str, of: ListOf, field: &str) -> Result<Key, ApiError> {
    Key::named(of, field).map_err(|error| bad(format!("{name}: {error}")))
}

impl GroupBody {
    fn read(self, of: ListOf, measures: &Measures) -> Result<Group, ApiError> {
        match self {
            Self {
                field: Some(field),
                top,
                by,
                others,
                time: None,
                every: None,
                offset: None,
                zone: None,
                histogram: None,
                width: None,
            } => {
                let top = within("group_by.top", top, TOP.0, TOP.1)?;
                let by = by.map(|by| measures.ordering(by)).transpose()?;
                Ok(Group::Field { key: key("group_by.field", of, &field)?, top, others: others.unwrap_or(false), by })
            }
            Self {
                time: Some(time),
                every,
                offset,
                zone,
                field: None,
                top: None,
                by: None,
                others: None,
                histogram: None,
                width: None,
            } => Ok(Group::Time { every: length(&time, every)?, zone: clocks(offset.as_deref(), zone.as_deref())? }),
            Self {
                histogram: Some(field),
                width,
                field: None,
                top: None,
                by: None,
                others: None,
                time: None,
                every: None,
                offset: None,
                zone: None,
            } => {
                let width = width.filter(|width| width.is_finite() && *width > 0.0);
                let width = width.ok_or_else(|| bad("group_by.width: give a number greater than 0"))?;
                Ok(Group::Histogram { key: key("group_by.histogram", of, &field)?, width })
            }
            _ => Err(bad(
                "group_by: give {\"field\", \"top\", \"by\", \"others\"}, {\"time\", \"every\", \"offset\" or \"zone\"} or {\"histogram\", \
                 \"width\"}, one in each",
            )),
        }
    }
}

fn length(unit: &str, every: Option<u32>) -> Result<Every, ApiError> {
    let seconds: u32 = match unit {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 604_800,
        "month" if every.unwrap_or(1) == 1 => return Ok(Every::Month),
        "month" => return Err(bad("group_by.every: months are grouped one by one")),
        _ => return Err(bad(format!("group_by.time: {unit:?} is not one of second, minute, hour, day, week, month"))),
    };
    let length = seconds.checked_mul(every.unwrap_or(1)).filter(|seconds| *seconds > 0);
    length.map(Every::Seconds).ok_or_else(|| bad(format!("group_by.every: give a number from 1 to {}", u32::MAX / seconds)))
}

/// The clocks by which stretches begin.
fn clocks(offset: Option<&str>, zone: Option<&str>) -> Result<Zone, ApiError> {
    match (offset, zone) {
        (None, None) => Ok(Zone::UTC),
        (Some(offset), None) => seconds_ahead(offset).map(|seconds| Zone::ahead(seconds).unwrap_or(Zone::UTC)),
        (None, Some(name)) => Zone::named(name).ok_or_else(|| {
            bad(format!("group_by.zone: {name:?} is no zone of the IANA Time Zone Database, such as Europe/Madrid or UTC"))
        }),
        (Some(_), Some(_)) => Err(bad("group_by: give `offset` or `zone`, not both")),
    }
}

/// Seconds that clocks are ahead of UTC by, from text such as `+02:00`.
fn seconds_ahead(text: &str) -> Result<i32, ApiError> {
    let read = || {
        let (sign, clock) = match text.split_at_checked(1)? {
            ("+", clock) => (1, clock),
            ("-", clock) => (-1, clock),
            _ => return None,
        };
        let (hours, minutes) = clock.split_once(':')?;
        let number = |text: &str| (text.len() == 2).then(|| text.parse::<u8>().ok()).flatten().map(i32::from);
        let minutes = number(hours)? * 60 + number(minutes).filter(|minutes| *minutes < 60)?;
        (minutes <= MAX_OFFSET_MINUTES).then_some(sign * minutes * 60)
    };
    read().ok_or_else(|| bad(format!("group_by.offset: {text:?} is not an offset from UTC such as +02:00")))
}

/// Counts and measures over a list, in groups of fields, times and ranges of numbers.
///
/// The filter is that of the list. Without `group_by` one group holds everything. Percentiles are of a sketch, which may be off
/// by `percentile_error`. Where a condition was met by more than is looked at, `truncated` says so.
#[utoipa::path(
    post, path = "/api/v1/aggregate", tag = "read", request_body = AggregateBody,
    responses((status = 200, body = AggregateAnswer), (status = "4XX", body = Problem))
)]
pub(super) async fn aggregate(
    State(app): State<App>,
    Reader(grant): Reader,
    Body(body): Body<AggregateBody>,
) -> Result<Json<AggregateAnswer>, ApiError> {
    let project = app.store.project(grant.project);
    let earlier = body.previous.then(|| previous(&body.filter)).transpose()?;
    let window = |filter: &Map<String, Value>| {
        Ok::<_, ApiError>(Window { after: moment(filter, "after")?, before: moment(filter, "before")?, now: now() })
    };
    let (this, before) = (window(&body.filter)?, earlier.as_ref().map(window).transpose()?);
    let (query, measures) = body.read()?;
    let has_time = query.group_by.iter().any(|group| matches!(group, Group::Time { .. }));
    if measures.has_rates() && !has_time && (this.after.is_none() || this.before.is_none()) {
        return Err(bad(
            "metrics.rate: group by time, or give `after` and `before` in the filter, so that there is a time to divide by",
        ));
    }
    let previous = match earlier.zip(before) {
        None => None,
        Some((filter, window)) => {
            let filter = filters::from_json(query.of, filter, Filter::read)?;
            let found = project.aggregate(Aggregate { filter, ..query.clone() }).await?;
            Some(measures.make(found, &query.group_by, window))
        }
    };
    let found = measures.make(project.aggregate(query.clone()).await?, &query.group_by, this);
    Ok(Json(AggregateAnswer { found, percentile_error: RELATIVE_ERROR, previous }))
}
