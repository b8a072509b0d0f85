//! The SDK as an application uses it, against servers of every temper.

mod deliver;
mod meaning;
mod server;
