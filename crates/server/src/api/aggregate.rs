//! What is counted and measured over a list, in groups.

use axum::Json;
use axum::extract::State;
use neuraltrust_model::Timestamp;
use neuraltrust_store::{
    Aggregate, Aggregated, Every, Filter, Group, Key, ListOf, MAX_GROUPS_BY, MAX_METRICS, MAX_ROWS, Metric, RELATIVE_ERROR,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::filters;
use super::params::{Body, bad, list_named};
use crate::auth::Reader;
use crate::error::{ApiError, Problem};
use crate::http::App;

/// Rows of an answer where the client does not say.
const LIMIT: usize = 1_000;
/// Values of a field where the client does not say, and at the most.
const TOP: (usize, usize) = (10, 1_000);
/// Most percentiles of one measure.
const MAX_PERCENTILES: usize = 10;
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
    /// What is measured in each group, up to 8.
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
    /// Most values of the field, the most frequent ones: 1 to 1000.
    #[schema(default = 10, minimum = 1, maximum = 1000)]
    top: Option<usize>,
    /// `second`, `minute`, `hour`, `day`, `week` (from Monday) or `month`.
    time: Option<String>,
    /// So many of the unit of `time`, except of months.
    #[schema(default = 1, minimum = 1)]
    every: Option<u32>,
    /// How far the clocks are ahead of UTC by which days and months begin, e.g. `+02:00`.
    #[schema(default = "+00:00")]
    offset: Option<String>,
    /// A field or path with numbers.
    histogram: Option<String>,
    /// The width of a range of the histogram, greater than 0.
    width: Option<f64>,
}

/// What is measured.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MetricBody {
    /// Number of things; every row says it anyway.
    Count,
    /// The part of the things that failed, from 0 to 1.
    ErrorShare,
    /// Number of different values.
    Distinct(Measure),
    /// Sum of the values.
    Sum(Measure),
    /// Mean of the values.
    Avg(Measure),
    /// Least value.
    Min(Measure),
    /// Greatest value.
    Max(Measure),
    /// Values that so many percent do not exceed.
    Percentiles(Percentiles),
}

/// What a measure is of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Measure {
    /// A field or path.
    field: String,
}

/// Which percentiles of what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Percentiles {
    /// A field or path with numbers.
    field: String,
    /// Percentages from 0 to 100, up to 10.
    of: Vec<f64>,
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

/// The condition that holds for the stretch of time before the one from `after` to `before` of a filter, as long as that.
fn previous(filter: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let moment = |name: &str| {
        let text = filter.get(name).and_then(Value::as_str);
        let text =
            text.ok_or_else(|| bad(format!("previous: give `{name}` in the filter, so that the time before has a length")))?;
        Timestamp::try_from(text.to_owned()).map_err(|error| bad(format!("filter.{name}: {error}")))
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
    fn read(self) -> Result<Aggregate, ApiError> {
        let of = list_named(self.of.as_deref())?;
        let few = |name: &str, given: usize, most: usize| match given <= most {
            true => Ok(()),
            false => Err(bad(format!("{name}: {given} are given; there may be {most}"))),
        };
        few("group_by", self.group_by.len(), MAX_GROUPS_BY)?;
        few("metrics", self.metrics.len(), MAX_METRICS)?;
        Ok(Aggregate {
            of,
            filter: filters::from_json(of, self.filter, Filter::read)?,
            group_by: self.group_by.into_iter().map(|group| group.read(of)).collect::<Result<_, _>>()?,
            metrics: self.metrics.into_iter().map(|metric| metric.read(of)).collect::<Result<_, _>>()?,
            limit: within("limit", self.limit, LIMIT, MAX_ROWS)?,
        })
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
    fn read(self, of: ListOf) -> Result<Group, ApiError> {
        match self {
            Self { field: Some(field), top, time: None, every: None, offset: None, histogram: None, width: None } => {
                Ok(Group::Field { key: key("group_by.field", of, &field)?, top: within("group_by.top", top, TOP.0, TOP.1)? })
            }
            Self { time: Some(time), every, offset, field: None, top: None, histogram: None, width: None } => {
                Ok(Group::Time { every: length(&time, every)?, utc_offset: seconds_ahead(offset.as_deref())? })
            }
            Self { histogram: Some(field), width, field: None, top: None, time: None, every: None, offset: None } => {
                let width = width.filter(|width| width.is_finite() && *width > 0.0);
                let width = width.ok_or_else(|| bad("group_by.width: give a number greater than 0"))?;
                Ok(Group::Histogram { key: key("group_by.histogram", of, &field)?, width })
            }
            _ => Err(bad(
                "group_by: give {\"field\", \"top\"}, {\"time\", \"every\", \"offset\"} or {\"histogram\", \"width\"}, one in each",
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

/// Seconds that clocks are ahead of UTC by, from text such as `+02:00`.
fn seconds_ahead(text: Option<&str>) -> Result<i32, ApiError> {
    let Some(text) = text else { return Ok(0) };
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

impl MetricBody {
    fn read(self, of: ListOf) -> Result<Metric, ApiError> {
        let key = |field: &str| key("metrics.field", of, field);
        Ok(match self {
            Self::Count => Metric::Count,
            Self::ErrorShare => Metric::ErrorShare,
            Self::Distinct(measure) => Metric::Distinct(key(&measure.field)?),
            Self::Sum(measure) => Metric::Sum(key(&measure.field)?),
            Self::Avg(measure) => Metric::Avg(key(&measure.field)?),
            Self::Min(measure) => Metric::Min(key(&measure.field)?),
            Self::Max(measure) => Metric::Max(key(&measure.field)?),
            Self::Percentiles(Percentiles { field, of: percents }) => {
                let fit = percents.iter().all(|percent| (0.0..=100.0).contains(percent));
                if !fit || !(1..=MAX_PERCENTILES).contains(&percents.len()) {
                    return Err(bad(format!("metrics.percentiles.of: give 1 to {MAX_PERCENTILES} numbers from 0 to 100")));
                }
                Metric::Percentiles(key(&field)?, percents)
            }
        })
    }
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
    let query = body.read()?;
    let previous = match earlier {
        None => None,
        Some(filter) => {
            let filter = filters::from_json(query.of, filter, Filter::read)?;
            Some(project.aggregate(Aggregate { filter, ..query.clone() }).await?)
        }
    };
    let found = project.aggregate(query).await?;
    Ok(Json(AggregateAnswer { found, percentile_error: RELATIVE_ERROR, previous }))
}
