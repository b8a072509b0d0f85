//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::scenes::Plan;

/// Measures the server, beside the limits of what it is built of.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts the server, measures it, and prints a table.
    Run(RunOptions),
    /// Sends to a server that runs already, and prints how it answered.
    Send(SendOptions),
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scene {
    /// Text that was never said before: rates, bytes on disk, acknowledgement at half rate.
    Chat,
    /// Calls that send their history again: rates, bytes on disk.
    Agent,
    /// One step for each request.
    Single,
    /// Queries of a page, of many spans.
    Queries,
    /// The same queries while spans come in.
    Mixed,
    /// One trace of very many spans.
    BigTrace,
    /// A thousand listeners to what changes, beside an ingest.
    Live,
    /// Memory at full ingest.
    Memory,
    /// Kill -9 under load.
    Crash,
    /// Decoding alone, and its share of an ingest.
    Decode,
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// What is measured [default: everything].
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SCENE,..")]
    only: Vec<Scene>,
    /// A few minutes in all, with few spans: to see whether something changed, not to state figures.
    #[arg(long)]
    short: bool,
    /// Spans that the queries are asked of [default: 1000000, short: 40000].
    #[arg(long)]
    spans: Option<usize>,
    /// Minutes of the runs that take long: half rate [default: 10] and memory [default: 30].
    #[arg(long)]
    minutes: Option<f64>,
    /// How often the server is killed [default: 20, short: 3].
    #[arg(long)]
    kills: Option<usize>,
    /// The same seed gives the same data.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program that is measured [default: `neuraltrust` beside this program].
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where data directories are made [default: the system's temporary directory].
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Writes the figures to this file too, as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

impl RunOptions {
    /// The scenes that are chosen.
    pub(crate) fn scenes(&self) -> &[Scene] {
        if self.only.is_empty() { Scene::value_variants() } else { &self.only }
    }

    /// How much is measured.
    pub(crate) fn plan(&self) -> anyhow::Result<Plan> {
        let binary = match &self.server {
            Some(path) => path.clone(),
            None => std::env::current_exe().context("find this program")?.with_file_name("neuraltrust"),
        };
        anyhow::ensure!(binary.is_file(), "there is no program {}; build it, or name it with --server", binary.display());
        let minutes = |default: f64, short: f64| {
            Duration::try_from_secs_f64(60.0 * self.minutes.unwrap_or(if self.short { short } else { default }))
                .context("--minutes must be a number of minutes")
        };
        let sized =
            |given: Option<usize>, default: usize, short: usize| given.unwrap_or(if self.short { short } else { default }).max(1);
        Ok(Plan {
            binary,
            seed: self.seed,
            chat_spans: sized(None, 400_000, 40_000),
            agent_traces: sized(None, 160, 32),
            single: Duration::from_secs(if self.short { 3 } else { 20 }),
            spans: sized(self.spans, 1_000_000, 40_000),
            rounds: if self.short { 100 } else { 500 },
            big_trace: sized(None, 100_000, 10_000),
            pace: minutes(10.0, 0.25)?,
            memory: minutes(30.0, 0.25)?,
            kills: sized(self.kills, 20, 3),
        })
    }
}

/// What is sent to a server that runs already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// `POST /v1/traces`: text that was never said before.
    Chat,
    /// `POST /v1/traces`: calls that send their history again.
    Agent,
    /// `POST /v1/trace`: one step for each request.
    Single,
}

#[derive(Debug, Args)]
pub(crate) struct SendOptions {
    /// The server; plain http only.
    #[arg(long, default_value = "http://127.0.0.1:6180")]
    pub(crate) url: String,
    /// A key that may send.
    #[arg(long, env = "NEURALTRUST_API_KEY", hide_env_values = true)]
    pub(crate) key: String,
    /// What is sent.
    #[arg(long, value_enum, default_value_t = Workload::Single)]
    pub(crate) workload: Workload,
    /// How many connections at once; each number is a run of its own.
    #[arg(long, value_delimiter = ',', default_value = "5,50")]
    pub(crate) connections: Vec<usize>,
    /// How long each run takes.
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
    /// Spans of each request of `chat`.
    #[arg(long, default_value_t = crate::workload::BATCH as u32, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) batch: u32,
    /// The same seed sends the same ids, which the server then knows [default: the time].
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn options(arguments: &[&str]) -> RunOptions {
        match Cli::try_parse_from([&["bench", "run"], arguments].concat()).unwrap().command {
            Command::Run(options) => options,
            Command::Send(options) => panic!("{options:?}"),
        }
    }

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_not_said_is_everything() {
        let given = options(&[]);
        assert_eq!(given.scenes().len(), 10);
        let server = std::env::current_exe().unwrap();
        let plan = RunOptions { server: Some(server.clone()), ..given }.plan().unwrap();
        assert_eq!((plan.spans, plan.kills, plan.pace.as_secs(), plan.memory.as_secs()), (1_000_000, 20, 600, 1_800));
        let given = options(&["--only", "big-trace,crash", "--short", "--spans", "70000", "--minutes", "1"]);
        assert_eq!(given.scenes(), [Scene::BigTrace, Scene::Crash]);
        let plan = RunOptions { server: Some(server), ..given }.plan().unwrap();
        assert_eq!((plan.spans, plan.kills, plan.pace.as_secs()), (70_000, 3, 60));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(Cli::try_parse_from(["bench", "run", "--only", "chess"]).is_err());
        let missing = options(&["--server", "nowhere/neuraltrust"]).plan().unwrap_err();
        assert!(missing.to_string().contains("nowhere/neuraltrust"), "{missing}");
        let minutes = Cli::try_parse_from(["bench", "run", "--minutes=-1"]).unwrap();
        let Command::Run(options) = minutes.command else { panic!() };
        assert!(RunOptions { server: Some(std::env::current_exe().unwrap()), ..options }.plan().is_err());
    }
}
