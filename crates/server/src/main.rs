//! `neuraltrust`: the server, and the commands around it.

mod api;
mod auth;
mod client;
mod commands;
mod config;
mod demo;
mod docs;
mod error;
mod export;
mod http;
mod ingest;
mod live;
mod metrics;
mod patience;
mod progress;
mod quarantine;
mod receive;
mod serve;
mod silence;
mod sources;
mod ui;
mod unpacking;
mod unplaced;
mod unread;

use std::process::ExitCode;

use clap::Parser as _;

use config::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("neuraltrust: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(options) => serve::run(config::settings(options)?),
        Command::Key(command) => commands::key(command),
        Command::Signin(options) => commands::signin(options),
        Command::Reindex(options) => commands::reindex(options),
        Command::Backup { dest, options } => commands::backup(&dest, options),
        Command::Restore { source, options } => commands::restore(&source, options),
        Command::Verify(options) => commands::verify(options),
        Command::Demo(options) => commands::demo(options),
        Command::Openapi => commands::openapi(),
        Command::Client(command) => client::run(command),
        Command::VerifyExport(check) => commands::verify_export(&check),
        Command::Completions { shell } => commands::completions(shell),
    }
}
