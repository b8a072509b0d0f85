//! The stores, each under the conformance suite and under what only it can suffer.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod accidents;
mod answers;
mod clocks;
mod crashes;
mod damage;
mod embedded;
mod formats;
mod histories;
mod judgements;
mod ledger;
mod media;
mod queries;
mod reading;
mod removal;
mod safekeeping;
mod turns;
mod unfinished;
mod verifying;
