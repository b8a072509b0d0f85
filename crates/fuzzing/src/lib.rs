//! What is fuzzed: one target for each decoder, the recordings that it starts from, and mutations that need no fuzzer.
//!
//! `fuzz/` drives the same targets with cargo-fuzz.

mod mutation;
mod seeds;
mod targets;

pub use mutation::Mutations;
pub use seeds::seeds;
pub use targets::{TARGETS, Target, target};
