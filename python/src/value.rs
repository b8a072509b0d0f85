//! Python values as JSON, copied at the time of the call: the application may change them afterwards.
//!
//! Never fails for a value: what has no JSON is described by `neuraltrust._values`, what cannot even be described is named
//! by its type. Only an interrupt, which is not about the value, goes through.

use neuraltrust::{MAX_VALUE_BYTES, Map, Value, left_out, shortened, shortened_of};
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PySlice, PyString, PyTuple};

/// Deepest nesting that is kept, the server's limit.
const MAX_DEPTH: usize = 64;
/// About how many bytes a value takes beside its text.
const NODE: usize = 16;

/// The value as JSON.
pub(crate) fn plain(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    // Most values are text: they need no walk.
    if let Ok(text) = value.cast_exact::<PyString>() {
        return Ok(Value::String(short(text, MAX_VALUE_BYTES)));
    }
    Walk { path: Vec::new(), left: MAX_VALUE_BYTES }.value(value)
}

/// A dict as attributes.
pub(crate) fn map(attributes: Option<&Bound<'_, PyDict>>) -> PyResult<Map<String, Value>> {
    Ok(match attributes.map(|attributes| plain(attributes)).transpose()? {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    })
}

/// The text of an id or a name; of a step, its id.
pub(crate) fn text(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    static TEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    TEXT.import(value.py(), "neuraltrust._values", "text")?.call1((value,))?.extract()
}

/// JSON as Python's values.
pub(crate) fn object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => number.into_pyobject(py)?.into_any(),
            (None, Some(number), _) => number.into_pyobject(py)?.into_any(),
            (None, None, float) => PyFloat::new(py, float.unwrap_or(f64::NAN)).into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(object(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(map) => {
            let dict = PyDict::new(py);
            for (key, item) in map {
                dict.set_item(key, object(py, item)?)?;
            }
            dict.into_any()
        }
    })
}

/// A walk through a value, which knows where it is: a value that holds itself would never end.
struct Walk {
    path: Vec<usize>,
    /// How many more bytes of text are copied: what is over the limit is not even copied.
    left: usize,
}

/// A text of up to `most` bytes, with a mark where it was longer.
fn short(text: &Bound<'_, PyString>, most: usize) -> String {
    // Of a text with more characters than that, only these are copied.
    match text.len() {
        Ok(characters) if characters > most => cut(text, characters, most).unwrap_or_default(),
        _ => match copied(text) {
            text if text.len() > most => shortened(&text, most),
            text => text,
        },
    }
}

fn copied(text: &Bound<'_, PyString>) -> String {
    // The straight way first: it fails for halves of characters only.
    text.to_cow().unwrap_or_else(|_| text.to_string_lossy()).into_owned()
}

fn cut(text: &Bound<'_, PyString>, characters: usize, most: usize) -> PyResult<String> {
    let slice = PySlice::new(text.py(), 0, isize::try_from(most)?, 1);
    let beginning = text.get_item(slice)?;
    let ascii = text.call_method0(intern!(text.py(), "isascii"))?.is_truthy()?;
    let all = if ascii { characters } else { copied(text).len() };
    Ok(shortened_of(&copied(beginning.cast::<PyString>()?), most, all))
}

impl Walk {
    fn value(&mut self, value: &Bound<'_, PyAny>) -> PyResult<Value> {
        if value.is_none() {
            return Ok(Value::Null);
        }
        self.left = self.left.saturating_sub(NODE);
        if let Ok(text) = value.cast::<PyString>() {
            let text = short(text, self.left);
            self.left = self.left.saturating_sub(text.len());
            return Ok(Value::String(text));
        }
        if let Ok(flag) = value.cast::<PyBool>() {
            return Ok(Value::Bool(flag.is_true()));
        }
        if value.is_instance_of::<PyInt>() {
            return self.number(value);
        }
        if let Ok(float) = value.cast::<PyFloat>() {
            let float = float.value();
            // JSON has no infinity: its name stands for it.
            return Ok(serde_json::Number::from_f64(float).map_or_else(|| Value::String(float.to_string()), Value::Number));
        }
        self.inside(value)
    }

    fn number(&mut self, value: &Bound<'_, PyAny>) -> PyResult<Value> {
        if let Ok(number) = value.extract::<i64>() {
            return Ok(number.into());
        }
        match value.str() {
            Ok(text) => Ok(Value::String(text.to_string_lossy().into_owned())),
            Err(error) => self.unprintable(value, error),
        }
    }

    fn inside(&mut self, value: &Bound<'_, PyAny>) -> PyResult<Value> {
        let id = value.as_ptr().addr();
        if self.path.contains(&id) {
            return Ok(Value::String("<cycle>".to_owned()));
        }
        if self.path.len() >= MAX_DEPTH {
            return Ok(Value::String("<nested too deep>".to_owned()));
        }
        self.path.push(id);
        let converted = self.container(value);
        self.path.pop();
        converted.or_else(|error| self.unprintable(value, error))
    }

    fn container(&mut self, value: &Bound<'_, PyAny>) -> PyResult<Value> {
        if let Ok(dict) = value.cast::<PyDict>() {
            // The list of items is a copy: describing an item runs the application's code, which may change the dict.
            let mut map = Map::new();
            let all = dict.len();
            for item in dict.items() {
                if self.left == 0 {
                    map.insert("[truncated]".to_owned(), left_out(all.saturating_sub(map.len()), "fields").into());
                    break;
                }
                let (key, item): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
                let key = match key.cast::<PyString>() {
                    Ok(text) => text.to_string_lossy().into_owned(),
                    Err(_) => self.describe("key", &key)?.extract::<String>()?,
                };
                self.left = self.left.saturating_sub(key.len());
                map.insert(key, self.value(&item)?);
            }
            return Ok(Value::Object(map));
        }
        if let Ok(list) = value.cast::<PyList>() {
            return self.items(list.len(), list.iter());
        }
        if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            return self.items(tuple.len(), tuple.iter());
        }
        let described = self.describe("plain", value)?;
        self.value(&described)
    }

    fn items<'py>(&mut self, all: usize, items: impl Iterator<Item = Bound<'py, PyAny>>) -> PyResult<Value> {
        let mut kept = Vec::new();
        for item in items {
            if self.left == 0 {
                kept.push(left_out(all.saturating_sub(kept.len()), "items").into());
                break;
            }
            kept.push(self.value(&item)?);
        }
        Ok(Value::Array(kept))
    }

    fn describe<'py>(&self, function: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        static VALUES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
        let py = value.py();
        let module = VALUES.get_or_try_init(py, || py.import("neuraltrust._values").map(Bound::unbind))?;
        module.bind(py).call_method1(function, (value,))
    }

    fn unprintable(&self, value: &Bound<'_, PyAny>, error: PyErr) -> PyResult<Value> {
        if !error.is_instance_of::<PyException>(value.py()) {
            return Err(error);
        }
        let name = value.get_type().name().map(|name| name.to_string_lossy().into_owned());
        Ok(Value::String(format!("<unprintable {}>", name.as_deref().unwrap_or("value"))))
    }
}
