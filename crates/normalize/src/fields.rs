//! Taking typed fields out of a JSON object, with a rejection that names the field, what it is and what it may be.

use neuraltrust_model::limits::MAX_DEPTH;
use neuraltrust_model::{IdError, Map, TimeError, Timestamp};
use serde_json::Value;

use crate::{Reason, Rejection, values};

/// A JSON object whose fields are taken one by one; what is left in the end was not understood.
pub(crate) struct Fields(pub(crate) Map);

impl Fields {
    /// Text, or `None` for null and absent.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Rejection> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(name, &other, "text or null")),
        }
    }

    /// An id, or `None` for null, absent and empty text.
    pub(crate) fn id<T: TryFrom<String, Error = IdError>>(&mut self, name: &str) -> Result<Option<T>, Rejection> {
        self.text(name)?.filter(|text| !text.is_empty()).map(|text| id(name, text)).transpose()
    }

    /// An object, or `None` for null and absent.
    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Map>, Rejection> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(other) => Err(wrong_type(name, &other, "an object or null")),
        }
    }

    /// Any value, or `None` for null and absent.
    pub(crate) fn value(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A moment in any unit or as text, or `None` where the client does not know it.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(value @ (Value::Bool(_) | Value::Array(_) | Value::Object(_))) => {
                Err(wrong_type(name, &value, "a number, text or null"))
            }
            Some(value) => Timestamp::from_loose_json(&value).map_err(|error| bad_time(name, &error)),
        }
    }
}

/// An id from text; the rejection names the field.
pub(crate) fn id<T: TryFrom<String, Error = IdError>>(at: &str, text: String) -> Result<T, Rejection> {
    T::try_from(text).map_err(|error| Rejection::new(Reason::BadId, at, error.to_string()))
}

pub(crate) fn bad_time(at: &str, error: &TimeError) -> Rejection {
    Rejection::new(Reason::BadTime, at, error.to_string())
}

pub(crate) fn wrong_type(at: &str, value: &Value, accepted: &str) -> Rejection {
    Rejection::new(Reason::WrongType, at, format!("is {}; accepted is {accepted}", type_name(value)))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Whether the value is nested no deeper than `budget` levels.
pub(crate) fn within_depth(value: &Value, budget: usize) -> bool {
    match value {
        Value::Array(items) => budget > 0 && items.iter().all(|item| within_depth(item, budget - 1)),
        Value::Object(map) => budget > 0 && map.values().all(|item| within_depth(item, budget - 1)),
        _ => true,
    }
}

pub(crate) fn too_deep(at: &str) -> Rejection {
    Rejection::new(Reason::TooDeep, at, format!("is nested deeper than {MAX_DEPTH} levels"))
}

/// A whole body as JSON, where it says no more than a request may.
pub(crate) fn json_body(body: &[u8]) -> Result<Value, Rejection> {
    values::few_enough(values::in_json(body))?;
    serde_json::from_slice(body).map_err(|error| malformed(body, &error))
}

/// What is wrong with a body that the JSON parser does not take.
fn malformed(body: &[u8], error: &serde_json::Error) -> Rejection {
    // The parser has a limit of its own, which it tells by its message alone.
    if error.to_string().starts_with("recursion limit") {
        return too_deep("body");
    }
    let message = if body.iter().all(u8::is_ascii_whitespace) {
        "is empty; accepted is one JSON object".to_owned()
    } else if let Err(error) = std::str::from_utf8(body) {
        format!("is not JSON in UTF-8: {error}")
    } else {
        format!("is not JSON: {error}")
    };
    Rejection::new(Reason::Malformed, "body", message)
}
