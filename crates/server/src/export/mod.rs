//! What lists hold, written out: the formats, their columns, and the manifest that says what was written. The server writes, the
//! command line asks it to and checks; both know the formats from here.

mod columnar;
pub(crate) mod columns;
pub(crate) mod manifest;
mod values;
mod write;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use columnar::rows_of as rows_of_parquet;
pub(crate) use values::Records;
pub(crate) use write::{ExportError, TRAILER, Wanted, begin};

/// The lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum List {
    /// Conversations.
    Conversations,
    /// Traces.
    Traces,
    /// Spans.
    #[default]
    Spans,
}

impl List {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Traces => "traces",
            Self::Spans => "spans",
        }
    }
}

/// How rows are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// A JSON object a line.
    #[default]
    Jsonl,
    /// Comma-separated values (RFC 4180), with a line of names.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/x-ndjson",
            // RFC 4180, section 3.
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}
