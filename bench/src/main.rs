//! `bench`: makes workloads from a seed, sends them to the real server over its sockets, and prints what it took as a table.

mod arguments;
mod connection;
mod drive;
mod feed;
mod figures;
mod limits;
mod random;
mod report;
mod scenes;
mod send;
mod server;
mod words;
mod workload;

use anyhow::Context as _;
use clap::Parser as _;

use arguments::{Cli, Command, RunOptions};
use report::Report;

/// The server's own, so that the limits are measured with it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Run(options) => run(&options),
        Command::Send(options) => send::run(&options),
    }
}

fn run(options: &RunOptions) -> anyhow::Result<()> {
    let plan = options.plan()?;
    if let Some(directory) = &options.dir {
        let earlier = tempfile::env::override_temp_dir(directory);
        anyhow::ensure!(earlier.is_ok(), "the temporary directory was used before it was set");
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut report = Report::default();
    let made = report::count(workload::made_per_second(plan.seed));
    report.about.extend([
        ("seed", plan.seed.to_string()),
        ("cores", cores.to_string()),
        ("requests are made before the clock starts, or by one thread that makes spans a second", made),
    ]);
    let measured = scenes::run(options.scenes(), &plan, &mut report);
    // What was measured before something went wrong counts.
    println!("{report}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", report.json())).with_context(|| format!("write {}", path.display()))?;
    }
    measured
}
