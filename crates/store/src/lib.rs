//! The record, the index, and the queries over them.
