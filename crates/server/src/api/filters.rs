//! Filters as clients write them: conditions such as `duration_ms:>2000` in a link, and the same in a JSON object.

use std::ops::Bound;

use neuraltrust_model::Timestamp;
use neuraltrust_store::{Filter, FilterError, Key, ListOf, Test, Value};
use serde_json::{Map, Value as Json};

use super::params::bad;
use crate::error::ApiError;

/// Longest text of a search, in bytes.
const MAX_TEXT: usize = 1_000;
/// Most words and phrases of a search.
const MAX_WORDS: usize = 64;

/// What a search box says; nothing when it is empty.
pub(super) fn search(list: ListOf, typed: Option<String>) -> Result<Option<Filter>, ApiError> {
    let Some(typed) = typed.filter(|typed| !typed.trim().is_empty()) else { return Ok(None) };
    if typed.len() > MAX_TEXT || typed.split_whitespace().count() > MAX_WORDS {
        return Err(bad(format!("q: a search has up to {MAX_TEXT} bytes and {MAX_WORDS} words")));
    }
    Ok(Some(Filter::search(list, &typed)))
}

/// A stretch of the time by which lists are ordered; nothing when both ends are open.
pub(super) fn between(after: Option<String>, before: Option<String>) -> Result<Option<Filter>, ApiError> {
    let time = |name: &str, text: Option<String>| {
        text.map(|text| Timestamp::try_from(text).map_err(|error| bad(format!("{name}: {error}")))).transpose()
    };
    let (after, before) = (time("after", after)?, time("before", before)?);
    Ok((after.is_some() || before.is_some()).then(|| Filter::between(after, before)))
}

/// A condition as it stands in a link: `FIELD:TEST`, with `-` before it where it must not hold.
pub(super) fn condition(list: ListOf, text: &str) -> Result<Filter, ApiError> {
    let read = || {
        let (not, condition) = text.strip_prefix('-').map_or((false, text), |condition| (true, condition));
        let (name, test) = condition.split_once(':').ok_or(None)?;
        let key = Key::named(list, name.trim())?;
        let is = Filter::Is(key.clone(), test_of(&key, test.trim())?);
        Ok(if not { Filter::Not(Box::new(is)) } else { is })
    };
    read().map_err(|error: Option<FilterError>| match error {
        Some(error) => bad(format!("filter: {error}")),
        None => bad(format!("filter: {text:?} is not FIELD:VALUE, such as model:gpt-4o, duration_ms:>2000 or metadata.plan:pro")),
    })
}

fn test_of(key: &Key, text: &str) -> Result<Test, FilterError> {
    type End = fn(Value) -> Bound<Value>;
    const SIGNS: [(&str, bool, End); 4] = [
        (">=", true, Bound::Included),
        ("<=", false, Bound::Included),
        (">", true, Bound::Excluded),
        ("<", false, Bound::Excluded),
    ];
    if text == "*" {
        return Ok(Test::Exists);
    }
    for (sign, is_lower, end) in SIGNS {
        if let Some(value) = text.strip_prefix(sign) {
            let end = end(key.end_of_range(value.trim())?);
            return Ok(if is_lower { Test::Range(end, Bound::Unbounded) } else { Test::Range(Bound::Unbounded, end) });
        }
    }
    if let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Ok(Test::OneOf(vec![key.value(quoted)?]));
    }
    if let Some(begin) = text.strip_suffix('*') {
        return Ok(Test::Prefix(begin.to_owned()));
    }
    Ok(Test::OneOf(text.split('|').map(|value| key.value(value.trim())).collect::<Result<_, _>>()?))
}

/// A filter as a JSON object: `q`, `after`, `before` and `filter` (a condition or several) as in a link; every other name is a
/// field or path with the value, or one of the values, that it must have.
pub(super) fn from_json(list: ListOf, mut object: Map<String, Json>) -> Result<Filter, ApiError> {
    let mut text = |name: &str| match object.remove(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => Err(bad(format!("filter.{name}: {other} is not a text"))),
    };
    let mut all: Vec<Filter> = search(list, text("q")?)?.into_iter().chain(between(text("after")?, text("before")?)?).collect();
    for written in several(object.remove("filter").unwrap_or_default()) {
        let written = written.as_str().ok_or_else(|| bad(format!("filter.filter: {written} is not a text")))?;
        all.push(condition(list, written)?);
    }
    for (name, value) in object {
        let read = || {
            let key = Key::named(list, &name)?;
            let values = several(value).iter().map(|value| value_of(&key, value)).collect::<Result<_, _>>()?;
            Ok(Filter::Is(key, Test::OneOf(values)))
        };
        all.push(read().map_err(|error: FilterError| bad(format!("filter: {error}")))?);
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
