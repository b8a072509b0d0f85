//! What the name before a colon means: a field, by its own name or a friendlier one, or something that is no field.

use std::ops::{Bound, Range};

use neuraltrust_model::{StatusCode, Timestamp};

use super::values::{self, Stretch};
use super::{Trouble, Written};
use crate::Pattern;
use crate::fields::{Field, FieldType, Key, Root, Value};
use crate::query::{Filter, ListOf, Test};

/// Other names of fields.
const ALIASES: &[(&str, Field)] = &[
    ("cached_tokens", Field::UsageCacheRead),
    ("channel", Field::ChannelId),
    ("conversation", Field::ConversationId),
    ("duration", Field::DurationMs),
    ("email", Field::UserEmail),
    ("input_tokens", Field::UsageInput),
    ("latency", Field::DurationMs),
    ("output_tokens", Field::UsageOutput),
    ("reasoning_tokens", Field::UsageReasoning),
    ("session", Field::SessionId),
    ("span", Field::SpanId),
    ("tokens", Field::UsageTotal),
    ("trace", Field::TraceId),
    ("user", Field::UserId),
];
/// Names that are no fields.
pub(super) const OTHERS: [&str; 6] = ["after", "before", "time", "step", "has", "tool"];

/// What a name means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Name {
    /// A field or path.
    Key(Key),
    /// From a moment on.
    After,
    /// Up to a moment.
    Before,
    /// The time by which the list is ordered.
    Time,
    /// Something of one span.
    Step,
    /// A field that has any value.
    Has,
    /// A call of the tool of that name.
    Tool,
}

impl Name {
    /// What the name means in a list; fields that only spans have are meant of one step of what is listed.
    pub(super) fn read(list: ListOf, name: &str, at: Range<usize>) -> Result<Self, Trouble> {
        match name {
            "after" => return Ok(Self::After),
            "before" => return Ok(Self::Before),
            "time" => return Ok(Self::Time),
            "step" => return Ok(Self::Step),
            "has" => return Ok(Self::Has),
            "tool" => return Ok(Self::Tool),
            _ => {}
        }
        key(list, name).map(Self::Key).ok_or_else(|| {
            let accepted = known(list);
            let nearest = accepted.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name)).copied();
            let problem = format!(
                "there is no field {name:?} in {}; the nearest is {:?}. Words with a colon stand in quotes; what applications \
                 add is at paths such as metadata.plan. Fields: {}",
                list.as_str(),
                nearest.unwrap_or_default(),
                accepted.join(", ")
            );
            Trouble { nearest: nearest.map(str::to_owned), ..Trouble::new(at, problem).accepting(accepted) }
        })
    }

    /// What is said of it with those values.
    pub(super) fn filter(self, list: ListOf, values: &[Written], now: Timestamp, at: Range<usize>) -> Result<Filter, Trouble> {
        if values.is_empty() || values.iter().any(|value| value.text.is_empty() && !value.quoted) {
            return Err(Trouble::new(at, "a value is missing here").accepting(["a value", "*", ">VALUE", "\"a value\""]));
        }
        match self {
            Self::Key(key) => Ok(of_list(list, &key, condition(&key, values, now)?)),
            Self::After => Ok(Filter::between(Some(moment(only(values, &at)?, now)?.from), None)),
            Self::Before => Ok(Filter::between(None, Some(moment(only(values, &at)?, now)?.from))),
            Self::Time => match condition(&Field::StartTime.into(), values, now)? {
                Filter::Is(_, Test::Range(from, to)) => {
                    let time = |bound: Bound<Value>| match bound {
                        Bound::Included(Value::Time(time)) => Bound::Included(time),
                        Bound::Excluded(Value::Time(time)) => Bound::Excluded(time),
                        _ => Bound::Unbounded,
                    };
                    Ok(Filter::Time(time(from), time(to)))
                }
                _ => Err(Trouble::new(at, "time: takes one stretch of time, such as time:2026-11-01 or time:>=-7d")),
            },
            Self::Has => {
                let value = only(values, &at)?;
                let Name::Key(key) = Self::read(list, &value.text, value.at.clone())? else {
                    return Err(Trouble::new(value.at.clone(), "has: takes the name of a field or a path"));
                };
                Ok(of_list(list, &key, Filter::Is(key.clone(), Test::Exists)))
            }
            Self::Tool => {
                let name = condition(&Field::Name.into(), values, now)?;
                let called = Filter::And(vec![Filter::equals(Field::Kind, "tool"), name]);
                Ok(if list == ListOf::Spans { called } else { Filter::Step(Box::new(called)) })
            }
            Self::Step => Err(Trouble::new(at, "step: takes what must hold of one span, in parentheses").accepting(["("])),
        }
    }
}

/// Every name that may stand before a colon in a list, without paths, in order.
pub(super) fn known(list: ListOf) -> Vec<&'static str> {
    let aliases = ALIASES.iter().filter(|(_, field)| is_known(list, *field)).map(|(name, _)| *name);
    let mut known: Vec<&str> = OTHERS.into_iter().chain(aliases).collect();
    known.extend(Field::ALL.iter().filter(|field| is_known(list, **field)).map(|field| field.as_str()));
    known.sort_unstable();
    known
}

fn is_known(list: ListOf, field: Field) -> bool {
    field.lists().contains(&list) || field.lists().contains(&ListOf::Spans)
}

fn key(list: ListOf, name: &str) -> Option<Key> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, field)| *field);
    if let Some(field) = alias.or_else(|| Field::named(name)) {
        return is_known(list, field).then_some(Key::Field(field));
    }
    let (root, path) = name.split_once('.').filter(|(_, path)| !path.is_empty())?;
    let root = Root::ALL.into_iter().find(|known| known.as_str() == root)?;
    Some(Key::Path(root, path.to_owned()))
}

/// What only spans have holds of a trace or conversation where it holds of one of its spans.
fn of_list(list: ListOf, key: &Key, filter: Filter) -> Filter {
    let here = match key {
        Key::Field(field) => field.lists().contains(&list),
        // Judgements of a trace or conversation, and those of its spans, are found alike.
        Key::Path(..) => list == ListOf::Spans,
    };
    if here { filter } else { Filter::Step(Box::new(filter)) }
}

fn only<'a>(values: &'a [Written], at: &Range<usize>) -> Result<&'a Written, Trouble> {
    match values {
        [value] if value.sign.is_empty() && !value.begun => Ok(value),
        _ => Err(Trouble::new(at.clone(), "one value without a sign stands here")),
    }
}

fn moment(value: &Written, now: Timestamp) -> Result<Stretch, Trouble> {
    values::stretch(&value.text, now).ok_or_else(|| unfit(&Field::StartTime.into(), value))
}

fn unfit(key: &Key, value: &Written) -> Trouble {
    let accepted: &[&str] = match key {
        Key::Path(..) => &["a number"],
        Key::Field(field) => match field.of_type() {
            FieldType::Keyword | FieldType::Id => &["a text"],
            FieldType::Count | FieldType::Number => &["a number", "10k", "2M"],
            FieldType::Millis => &["a number of milliseconds", "500ms", "2s", "5m", "1h"],
            FieldType::Time => &["a time (RFC 3339)", "2026-11-01", "-7d", "today", "yesterday"],
            FieldType::Flag => &["true or false"],
        },
    };
    let star = if value.begun { "*" } else { "" };
    let problem = format!("{key}: {:?} is not {}", format!("{}{star}", value.text), accepted.join(", "));
    Trouble::new(value.at.clone(), problem).accepting(accepted.iter().copied())
}

/// The values of a field that has no others.
fn closed(key: &Key) -> Option<[&'static str; 3]> {
    let all = [StatusCode::Ok, StatusCode::Error, StatusCode::Unset];
    matches!(key, Key::Field(Field::Status)).then(|| all.map(StatusCode::as_str))
}

/// Whether a value is one that the field can have.
fn known_value(key: &Key, written: &Written) -> Result<(), Trouble> {
    let Some(all) = closed(key).filter(|all| !all.contains(&written.text.as_str())) else { return Ok(()) };
    let nearest = all.iter().min_by_key(|known| strsim::damerau_levenshtein(known, &written.text)).map(|name| (*name).to_owned());
    let problem = format!("{key}: {:?} is not one of {}", written.text, all.join(", "));
    Err(Trouble { nearest, ..Trouble::new(written.at.clone(), problem).accepting(all) })
}

fn condition(key: &Key, written: &[Written], now: Timestamp) -> Result<Filter, Trouble> {
    if let [one, two] = written
        && !one.sign.is_empty()
        && !two.sign.is_empty()
    {
        let (Test::Range(from, to), Test::Range(other_from, other_to)) = (test(key, one, now)?, test(key, two, now)?) else {
            return Err(unfit(key, two));
        };
        let from = if from == Bound::Unbounded { other_from } else { from };
        let to = if to == Bound::Unbounded { other_to } else { to };
        return Ok(Filter::Is(key.clone(), Test::Range(from, to)));
    }
    let (mut same, mut others) = (Vec::new(), Vec::new());
    for value in written {
        match test(key, value, now)? {
            Test::OneOf(values) => same.extend(values),
            other => others.push(Filter::Is(key.clone(), other)),
        }
    }
    if !same.is_empty() {
        others.push(Filter::Is(key.clone(), Test::OneOf(same)));
    }
    Ok(match others.pop() {
        Some(only) if others.is_empty() => only,
        last => Filter::Or(others.into_iter().chain(last).collect()),
    })
}

fn test(key: &Key, written: &Written, now: Timestamp) -> Result<Test, Trouble> {
    let bad = || unfit(key, written);
    let of_type = match key {
        Key::Field(field) => Some(field.of_type()),
        Key::Path(..) => None,
    };
    let is_text = matches!(of_type, None | Some(FieldType::Keyword | FieldType::Id));
    if written.text == "*" && !written.quoted && written.sign.is_empty() {
        return Ok(Test::Exists);
    }
    if !written.quoted && is_text && written.sign.is_empty() && written.text.contains('*') {
        let text = format!("{}{}", written.text, if written.begun { "*" } else { "" });
        return Pattern::read(&text).map(Test::Like).ok_or_else(bad);
    }
    if written.begun {
        let fits = is_text && written.sign.is_empty();
        return fits.then(|| Test::Prefix(written.text.clone())).ok_or_else(bad);
    }
    if of_type == Some(FieldType::Time) {
        let Stretch { from, to } = values::stretch(&written.text, now).ok_or_else(bad)?;
        let whole = from == to;
        let (from, to) = (Value::Time(from), Value::Time(to));
        // A day is over with its end, and a moment with itself.
        return Ok(match (written.sign, whole) {
            ("", true) => Test::OneOf(vec![from]),
            ("", false) => Test::Range(Bound::Included(from), Bound::Excluded(to)),
            (">", true) => Test::Range(Bound::Excluded(from), Bound::Unbounded),
            (">", false) => Test::Range(Bound::Included(to), Bound::Unbounded),
            (">=", _) => Test::Range(Bound::Included(from), Bound::Unbounded),
            ("<=", true) => Test::Range(Bound::Unbounded, Bound::Included(from)),
            ("<=", false) => Test::Range(Bound::Unbounded, Bound::Excluded(to)),
            _ => Test::Range(Bound::Unbounded, Bound::Excluded(from)),
        });
    }
    let value = |text: &str| match of_type {
        Some(FieldType::Millis) => values::millis(text).map(Value::Number),
        Some(FieldType::Count | FieldType::Number) => values::number(text).map(Value::Number),
        None if !written.sign.is_empty() && !written.quoted => values::number(text).map(Value::Number),
        _ => key.value(text).ok(),
    };
    if !is_text
        && written.sign.is_empty()
        && let Some((from, to)) = written.text.split_once("..")
    {
        let (from, to) = (value(from).ok_or_else(bad)?, value(to).ok_or_else(bad)?);
        return Ok(Test::Range(Bound::Included(from), Bound::Included(to)));
    }
    let value = value(&written.text).ok_or_else(bad)?;
    if written.sign.is_empty() {
        known_value(key, written)?;
    }
    Ok(match written.sign {
        ">" => Test::Range(Bound::Excluded(value), Bound::Unbounded),
        ">=" => Test::Range(Bound::Included(value), Bound::Unbounded),
        "<" => Test::Range(Bound::Unbounded, Bound::Excluded(value)),
        "<=" => Test::Range(Bound::Unbounded, Bound::Included(value)),
        _ => Test::OneOf(vec![value]),
    })
}
