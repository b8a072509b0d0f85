//! What can be asked on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::export::{Format, List};

/// The server that is asked.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Where the server is.
    #[arg(long, default_value = "http://127.0.0.1:6180", env = "NEURALTRUST_BASE_URL")]
    pub(super) url: String,
    /// A key that may do what is asked.
    #[arg(long, env = "NEURALTRUST_API_KEY", hide_env_values = true)]
    pub(super) key: String,
    /// Answers as JSON, for programs.
    #[arg(long)]
    pub(super) json: bool,
}

/// What a search lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Found {
    /// Messages with the words of the query.
    Messages,
    /// Conversations.
    Conversations,
    /// Traces.
    Traces,
    /// Spans.
    Spans,
}

/// What a server is asked.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Shows spans as they come in.
    Tail {
        /// A query that must hold, as in the page's box.
        #[arg(default_value = "")]
        query: String,
        /// End after so many rows.
        #[arg(long)]
        rows: Option<usize>,
        #[command(flatten)]
        server: Server,
    },
    /// Lists what a query finds: the messages with its words, each once and where else it was said, or conversations, traces or spans.
    Search {
        /// A query, as in the page's box.
        #[arg(default_value = "")]
        query: String,
        /// What is listed [default: messages, and conversations where the query has no words or is not about steps]
        #[arg(long, value_enum)]
        of: Option<Found>,
        /// What comes first: of messages `time` or `relevance`, else such as `cost` or `time:asc`.
        #[arg(long)]
        sort: Option<String>,
        /// Most rows.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        server: Server,
    },
    /// Shows a conversation, a trace, or with two ids a span of a trace.
    Show {
        /// The conversation or trace.
        id: String,
        /// A span of the trace.
        span: Option<String>,
        /// The id is that of a trace.
        #[arg(long)]
        trace: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Counts, errors, durations, tokens and cost of what a query finds.
    Stats {
        /// A query, as in the page's box.
        #[arg(default_value = "")]
        query: String,
        /// What is counted.
        #[arg(long, value_enum, default_value = "conversations")]
        of: List,
        /// A field or path by whose values they are grouped.
        #[arg(long)]
        by: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Writes what a query finds to a file, and what was written beside it. Goes on where it was broken off.
    ///
    /// JSON lines have everything that is known of each, and `neuraltrust import` reads them; values and Parquet have the rows of
    /// the list. In CSV, texts that a spreadsheet would run as formulas have an apostrophe before them.
    Export {
        /// A query, as in the page's box.
        #[arg(default_value = "")]
        query: String,
        /// What is written.
        #[arg(long, value_enum, default_value = "spans")]
        of: List,
        /// How it is written.
        #[arg(long, value_enum, default_value = "jsonl")]
        format: Format,
        /// Everything that is known of each, contents included, also as values or Parquet (of spans).
        #[arg(long, conflicts_with = "rows")]
        full: bool,
        /// Only the rows of the list, also as JSON lines.
        #[arg(long)]
        rows: bool,
        /// In CSV, texts as they are, also those that a spreadsheet would run as formulas.
        #[arg(long)]
        no_guard: bool,
        /// The file; what was written stands in a file of the same name with `.manifest.json` behind it.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        server: Server,
    },
    /// Reads JSON lines that `export` wrote into the project of the key. The same lines again change nothing.
    ///
    /// A line that cannot be read is told with its number, and the others are kept. The key needs the scope `ingest` or `admin`.
    Import {
        /// The file, as it is or compressed by gzip or Zstandard; `-` for standard input.
        file: PathBuf,
        /// Begin with this line, to go on where it was broken off.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        from_line: u64,
        #[command(flatten)]
        server: Server,
    },
    /// Judges a span, a trace or a conversation.
    Score {
        /// What is judged, such as `correctness`.
        name: String,
        /// The verdict: a number, `true`, `false`, or a category.
        #[arg(allow_negative_numbers = true)]
        value: String,
        /// The conversation.
        #[arg(long, conflicts_with = "trace")]
        conversation: Option<String>,
        /// The trace.
        #[arg(long)]
        trace: Option<String>,
        /// The span of the trace.
        #[arg(long, requires = "trace")]
        span: Option<String>,
        /// The reasons.
        #[arg(long)]
        comment: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Erases what is kept, and waits until nothing of it is left.
    Erase {
        /// All traces of this conversation.
        #[arg(long)]
        conversation: Option<String>,
        /// This trace.
        #[arg(long)]
        trace: Option<String>,
        /// All traces of this user.
        #[arg(long)]
        user: Option<String>,
        /// All traces with a span that this query finds.
        #[arg(long)]
        query: Option<String>,
        #[command(flatten)]
        server: Server,
    },
}

/// A file that was exported.
#[derive(Debug, Args)]
pub(crate) struct ExportCheck {
    /// The file; its manifest stands beside it.
    pub(super) file: PathBuf,
    /// Answers with the manifest as JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}
