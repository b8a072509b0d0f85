//! What tests of several crates share: recorded traffic, builders, and the real server as a process.
//!
//! Development only: no shipped crate depends on it, which the `tidy` test beside it checks. Everything here panics where it
//! cannot go on, since a test can do nothing else.

mod fixtures;
mod patches;
mod server;

pub use fixtures::{fixtures, recorded, workspace};
pub use patches::{at, patch};
pub use server::{Answer, Server};
