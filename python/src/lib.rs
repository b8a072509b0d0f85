//! The native half of the Python package `neuraltrust`: the Rust SDK, and Python values as JSON.
//!
//! It stays thin: defaults, names and context managers are Python's (`python/neuraltrust`). Nothing here waits with the
//! interpreter's lock held. The thread that delivers runs no Python code but the application's mask, and that not once the client
//! is closed, as it is before the interpreter ends.

mod client;
mod error;
mod mask;
mod score;
mod span;
mod testing;
mod traceparent;
mod value;

use pyo3::prelude::*;

/// Native half of the package `neuraltrust`. Use `neuraltrust` instead.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::client::Client;
    #[pymodule_export]
    use crate::error::NeuralTrustError;
    #[pymodule_export]
    use crate::score::{judgement_id, judgements_of};
    #[pymodule_export]
    use crate::span::{Step, Trace};
    #[pymodule_export]
    use crate::testing::Recorder;
    #[pymodule_export]
    use crate::traceparent::parent_of;

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name is Python's convention")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
