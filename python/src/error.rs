//! The one base of the exceptions of the package.

use pyo3::exceptions::PyException;
use pyo3::{PyErr, create_exception};

create_exception!(neuraltrust, NeuralTrustError, PyException, "Base of the exceptions of this package.");

/// An option that cannot be used.
pub(crate) fn option(error: &neuraltrust::Error) -> PyErr {
    NeuralTrustError::new_err(error.to_string())
}
