//! The commands around the server.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::CommandFactory as _;
use clap_complete::Shell;
use indicatif::HumanBytes;
use neuraltrust_store::{Accounts, EmbeddedStore, ProjectId, Scope, embedded};

use crate::client::ExportCheck;
use crate::config::{self, Cli, DemoOptions, KeyCommand, Options};
use crate::progress::Progress;
use crate::{api, client, demo, ingest};

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
    let mut bar = Progress::new("Making the index");
    runtime.block_on(EmbeddedStore::reindex(&settings.data_dir, |progress| bar.show(progress.indexed, progress.recorded)))?;
    bar.end();
    say("The index is complete.")
}

/// `neuraltrust backup`
pub(crate) fn backup(dest: &Path, options: Options) -> anyhow::Result<()> {
    let settings = config::settings(options)?;
    let mut bar = Progress::new("Copying");
    let manifest = embedded::backup(&settings.data_dir, dest, |done, all| bar.show(done, all))?;
    bar.end();
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    say(&format!("Copied {} patches, {} to {}", manifest.last_seq, HumanBytes(bytes), dest.display()))
}

/// `neuraltrust restore`
pub(crate) fn restore(source: &Path, options: Options) -> anyhow::Result<()> {
    let settings = config::settings(options)?;
    let mut bar = Progress::new("Restoring");
    let manifest = embedded::restore(source, &settings.data_dir, |done, all| bar.show(done, all))?;
    bar.end();
    let data_dir = settings.data_dir.display();
    say(&format!("Restored {} patches to {data_dir}; the lists fill when the server starts on it", manifest.last_seq))
}

/// `neuraltrust verify`
pub(crate) fn verify(options: Options) -> anyhow::Result<()> {
    let settings = config::settings(options)?;
    let mut bar = Progress::new("Checking");
    let report = embedded::verify(&settings.data_dir, |done, all| bar.show(done, all))?;
    bar.end();
    for finding in &report.findings {
        say(finding)?;
    }
    let looked_at = format!("{} patches, {} parts of contents, {} spans", report.patches, report.nodes, report.spans);
    if report.wrong > 0 {
        bail!("{} findings in {looked_at}", report.wrong);
    }
    say(&format!("All is well: {looked_at}"))
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

/// `neuraltrust verify-export`
pub(crate) fn verify_export(check: &ExportCheck) -> anyhow::Result<()> {
    let manifest = client::verify_export(check)?;
    if check.json {
        return say(&serde_json::to_string(&manifest)?);
    }
    let from = manifest.url.map(|url| format!(" of {url}")).unwrap_or_default();
    say(&format!("{} {}{from}, exported {}: whole", manifest.rows, manifest.of.as_str(), manifest.begun_at))
}

/// `neuraltrust completions`
pub(crate) fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "neuraltrust", &mut script);
    std::io::stdout().write_all(&script).context("write to standard output")
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("write to standard output")
}
