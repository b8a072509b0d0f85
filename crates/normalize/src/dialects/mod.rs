//! One file per vocabulary that clients speak.

pub(crate) mod neuraltrust_otlp;
pub mod neuraltrust_v1;
