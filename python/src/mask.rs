//! The application's own mask, a Python function that the thread that delivers calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use neuraltrust::Value;
use pyo3::prelude::*;

use crate::value::{object, plain};

/// A Python function that gives what is sent in the place of a value.
pub(crate) struct Mask {
    function: Py<PyAny>,
    /// Set before the interpreter ends: a thread that takes its lock afterwards would be ended in the middle of its work.
    closed: AtomicBool,
}

impl Mask {
    pub(crate) fn new(function: Py<PyAny>) -> Self {
        Self { function, closed: AtomicBool::new(false) }
    }

    /// Calls the function no more.
    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    /// What the function gives; else the class of what it raised, since the message may hold what is to be masked.
    fn call(&self, value: &Value) -> Result<Value, String> {
        let late = || Err("the client is closed".to_owned());
        if self.closed.load(SeqCst) {
            return late();
        }
        Python::try_attach(|py| {
            let masked = object(py, value).and_then(|value| self.function.bind(py).call1((value,)));
            // An interrupt from the keyboard is the main thread's: none reaches this one.
            masked.and_then(|masked| plain(&masked)).map_err(|error| {
                let name = error.get_type(py).name().map(|name| name.to_string_lossy().into_owned());
                format!("it raised {}", name.as_deref().unwrap_or("an exception"))
            })
        })
        .unwrap_or_else(late)
    }
}

/// The function as the core calls it.
pub(crate) fn hook(mask: &Arc<Mask>) -> Arc<dyn Fn(Value) -> Result<Value, String> + Send + Sync> {
    let mask = Arc::clone(mask);
    Arc::new(move |value| mask.call(&value))
}
