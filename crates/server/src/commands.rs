//! The commands around the server.

use std::io::Write as _;

use anyhow::Context as _;
use neuraltrust_store::{Accounts, EmbeddedStore, ProjectId, Scope};

use crate::config::{self, DemoOptions, KeyCommand, Options};
use crate::{api, demo, ingest};

/// `neuraltrust key create`
pub(crate) fn key(command: KeyCommand) -> anyhow::Result<()> {
    let KeyCommand::Create { project, scope, options } = command;
    let accounts = Accounts::open(&config::settings(options)?.data_dir)?;
    let project = accounts.project(&project).context("make it with POST /api/v1/projects and an admin key")?;
    say(accounts.create_key(project, scope.into())?.reveal())
}

/// `neuraltrust signin`
pub(crate) fn signin(options: Options) -> anyhow::Result<()> {
    let settings = config::settings(options)?;
    let accounts = Accounts::open(&settings.data_dir)?;
    let secret = accounts.create_sign_in(accounts.project(ProjectId::DEFAULT_NAME)?, Scope::Admin)?;
    say(&format!("http://{}/signin?token={}", settings.listen, secret.reveal()))
}

/// `neuraltrust reindex`
pub(crate) fn reindex(options: Options) -> anyhow::Result<()> {
    let settings = config::settings(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut told = None;
    runtime.block_on(EmbeddedStore::reindex(&settings.data_dir, |progress| {
        let percent = progress.indexed * 100 / progress.recorded.max(1);
        if told.replace(percent) != Some(percent) {
            eprintln!("{percent} % of {} patches", progress.recorded);
        }
    }))?;
    say("The index is complete.")
}

/// `neuraltrust demo`
pub(crate) fn demo(options: DemoOptions) -> anyhow::Result<()> {
    let sent = demo::send(&options.url, &options.key, ingest::now())?;
    say(&format!(
        "Sent {} conversations with {} spans; see {}/",
        sent.conversations,
        sent.spans,
        options.url.trim_end_matches('/')
    ))
}

/// `neuraltrust openapi`
pub(crate) fn openapi() -> anyhow::Result<()> {
    say(&api::router().into_openapi().to_pretty_json()?)
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("write to standard output")
}
