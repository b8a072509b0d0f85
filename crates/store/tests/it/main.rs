//! The stores, each under the conformance suite and under what only it can suffer.

mod embedded;
mod histories;
