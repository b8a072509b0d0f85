//! What cannot be beaten: the parts that the server is built of, doing nothing but their own work on the same data, and a
//! server that does nothing with what it has read. Measured in the same run, so that results are ratios.

pub(crate) mod discard;
pub(crate) mod sqlite;
pub(crate) mod tantivy;
