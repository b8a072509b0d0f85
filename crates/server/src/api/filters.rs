//! Filters as clients send them: queries in a link, and the same in a JSON object.

use neuraltrust_model::Timestamp;
use neuraltrust_store::{Filter, FilterError, Key, ListOf, QueryError, Test, Value, moment};
use serde_json::{Map, Value as Json};

use super::params::bad;
use crate::error::ApiError;
use crate::ingest;

/// Reads a query: [`Filter::read`], or [`Filter::read_whole`] where nobody is typing it.
pub(super) type Read = fn(ListOf, &str, Timestamp) -> Result<Filter, QueryError>;

/// What a query says; nothing when it is empty. `name` is that of the parameter.
pub(super) fn query(name: &str, list: ListOf, text: Option<&str>, read: Read) -> Result<Option<Filter>, ApiError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    read(list, text, ingest::now()).map(Some).map_err(|error| ApiError::unreadable(name, error))
}

/// A stretch of the time by which lists are ordered; nothing when both ends are open.
pub(super) fn between(after: Option<String>, before: Option<String>) -> Result<Option<Filter>, ApiError> {
    let time = |name: &str, text: Option<String>| text.map(|text| time(name, &text)).transpose();
    let (after, before) = (time("after", after)?, time("before", before)?);
    Ok((after.is_some() || before.is_some()).then(|| Filter::between(after, before)))
}

/// A moment that is given under a name.
pub(super) fn time(name: &str, text: &str) -> Result<Timestamp, ApiError> {
    moment(text, ingest::now()).ok_or_else(|| {
        bad(format!(
            "{name}: {text:?} is not a time (RFC 3339) such as 2026-11-23T02:48:31Z, nor now, -7d, 2026-11-01, today or yesterday"
        ))
    })
}

/// A filter as a JSON object: `q`, `after`, `before` and `filter` (a query or several) as in a link; every other name is a
/// field or path with the value, or one of the values, that it must have.
pub(super) fn from_json(list: ListOf, mut object: Map<String, Json>, read: Read) -> Result<Filter, ApiError> {
    let mut text = |name: &str| match object.remove(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => Err(bad(format!("filter.{name}: {other} is not a text"))),
    };
    let typed = query("filter.q", list, text("q")?.as_deref(), read)?;
    let mut all: Vec<Filter> = typed.into_iter().chain(between(text("after")?, text("before")?)?).collect();
    for written in several(object.remove("filter").unwrap_or_default()) {
        let written = written.as_str().ok_or_else(|| bad(format!("filter.filter: {written} is not a text")))?;
        all.extend(query("filter.filter", list, Some(written), read)?);
    }
    for (name, value) in object {
        let condition = || {
            let key = Key::named(list, &name)?;
            let values = several(value).iter().map(|value| value_of(&key, value)).collect::<Result<_, _>>()?;
            Ok(Filter::Is(key, Test::OneOf(values)))
        };
        all.push(condition().map_err(|error: FilterError| bad(format!("filter: {error}")))?);
    }
    Ok(Filter::And(all))
}

fn several(value: Json) -> Vec<Json> {
    match value {
        Json::Null => Vec::new(),
        Json::Array(values) => values,
        one => vec![one],
    }
}

fn value_of(key: &Key, value: &Json) -> Result<Value, FilterError> {
    match (key, value) {
        (_, Json::String(text)) => key.value(text),
        // At a path a number is a number; a field of texts may have texts of digits.
        (Key::Path(..), Json::Number(number)) => {
            number.as_f64().map(Value::Number).ok_or_else(|| key.bad_value(number.to_string()))
        }
        (Key::Path(..), Json::Bool(flag)) => Ok(Value::Flag(*flag)),
        (Key::Field(_), Json::Number(_) | Json::Bool(_)) => key.value(&value.to_string()),
        (_, other) => Err(key.bad_value(other.to_string())),
    }
}
