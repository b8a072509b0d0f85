//! One file per vocabulary that clients speak.

pub mod neuraltrust_v1;
pub(crate) mod neuraltrust_otlp;
