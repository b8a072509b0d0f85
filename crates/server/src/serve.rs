//! `neuraltrust serve`: opens the store, listens, and ends in order.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use neuraltrust_store::{Accounts, EmbeddedStore, ProjectId, Quarantine, Scope, Secret, Store};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Port, Settings};
use crate::http::{self, App};
use crate::ingest::Ingest;
use crate::live::Listeners;
use crate::patience::Patient;
use crate::sources::Sources;
use crate::{metrics, receive, silence};

/// Longest wait for requests in hand when the server ends.
const DRAIN: Duration = Duration::from_secs(10);
/// Between two looks whether the store has stopped.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Between two writings of when keys were used.
const NOTE_USES_EVERY: Duration = Duration::from_secs(30);
/// Most requests of one connection at a time, of those over gRPC; over HTTP/2 elsewhere hyper has the same.
const STREAMS: u32 = 200;
/// How long a server whose store has stopped still says so, at `/readyz` above all, and the longest wait for what it has begun.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Serves until told to stop.
pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    log(&settings)?;
    allow_many_connections();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve(settings));
    // What still waits for the disk must not keep the process from ending.
    runtime.shutdown_timeout(LAST_WORDS);
    served
}

/// A process may have 1,024 files open on most systems, unless it asks for more, and each connection is one.
fn allow_many_connections() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "no more files can be open at a time than the system lets every process");
    }
}

fn log(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log)
        .with_context(|| format!("log = {:?} is not a filter; write e.g. info or info,neuraltrust=debug", settings.log))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => logs.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    // The ports first: nothing is opened or made for a server that cannot be reached.
    let main = listen("listen", settings.listen).await?;
    let grpc = listen_too("grpc_listen", &settings.grpc).await?;
    let otlp = listen_too("otlp_listen", &settings.otlp).await?;
    let store = Store::Embedded(Arc::new(EmbeddedStore::open(&settings.data_dir)?));
    let address = main.local_addr()?;
    greet(address, &settings, store.accounts())?;

    let (end, ending) = watch::channel(false);
    let sources = Sources::open(&settings.data_dir)?;
    let app = App {
        sources: sources.clone(),
        ingest: Ingest::new(store.clone()),
        quarantine: Arc::new(Quarantine::open(&settings.data_dir)?),
        store: store.clone(),
        listeners: Listeners::new(store.clone()),
        metrics: metrics::install()?,
        ending: ending.clone(),
    };
    let mut servers = JoinSet::new();
    servers.spawn(serve_http(main, http::router(app.clone()), ended(ending.clone())));
    if let Some(listener) = otlp {
        servers.spawn(serve_http(listener, http::otlp_router(app.clone()), ended(ending.clone())));
    }
    if let Some(after) = settings.unfinished_after {
        let watching = silence::watch(store.clone(), after, ending.clone());
        servers.spawn(async move {
            watching.await;
            Ok(())
        });
    }
    let keeping = sources.clone().keep(ending.clone());
    servers.spawn(async move {
        keeping.await;
        Ok(())
    });
    let noting = note_uses(store.clone(), ending.clone());
    servers.spawn(async move {
        noting.await;
        Ok(())
    });
    if let Some(listener) = grpc {
        let server = tonic::transport::Server::builder().max_concurrent_streams(STREAMS).add_routes(receive::otlp_grpc(app));
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        servers.spawn(
            async move { server.serve_with_incoming_shutdown(incoming, ended(ending)).await.map_err(anyhow::Error::from) },
        );
    }
    tracing::info!(%address, data_dir = %settings.data_dir.display(), version = env!("CARGO_PKG_VERSION"), "serving");

    tokio::select! {
        told = told_to_stop() => told?,
        trouble = stopped(&store) => {
            tracing::error!(trouble, "nothing can be kept any more; ending, so that whoever runs this can start it again");
            tokio::time::sleep(LAST_WORDS).await;
            end.send_replace(true);
            servers.shutdown().await;
            let _ = tokio::time::timeout(LAST_WORDS, store.close()).await;
            bail!("{trouble}; what was acknowledged is on disk");
        }
    }
    tracing::info!("ending: no new connections, requests in hand are answered");
    end.send_replace(true);
    if tokio::time::timeout(DRAIN, async { while servers.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("some connections did not end in time and are cut off");
        servers.shutdown().await;
    }
    sources.end();
    store.close().await.context("end the work behind the store; what was acknowledged is on disk")?;
    tracing::info!("ended");
    Ok(())
}

async fn listen(name: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listen at {address}; choose another address with --{}", name.replace('_', "-")))
}

/// A protocol's usual port may be taken by a collector that runs here too; that is no reason not to start.
async fn listen_too(name: &str, port: &Port) -> anyhow::Result<Option<TcpListener>> {
    match port {
        Port::Off => Ok(None),
        Port::At(address) => listen(name, *address).await.map(Some),
        Port::Usual(address) => Ok(listen(name, *address)
            .await
            .inspect_err(|error| tracing::warn!(error = format!("{error:#}"), "going on without {name}"))
            .ok()),
    }
}

async fn serve_http(
    listener: TcpListener,
    router: axum::Router,
    ended: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    axum::serve(Patient::new(listener), router).with_graceful_shutdown(ended).await.map_err(anyhow::Error::from)
}

async fn ended(mut ending: watch::Receiver<bool>) {
    // The sender lives until the servers have ended.
    let _ = ending.wait_for(|ending| *ending).await;
}

/// Waits until the store has stopped though nobody told it to; says what it says.
async fn stopped(store: &Store) -> String {
    while !store.has_stopped() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    store.health().err().unwrap_or_default()
}

/// Writes from time to time, and at the end, when keys were used.
async fn note_uses(store: Store, mut ending: watch::Receiver<bool>) {
    let mut ended = false;
    while !ended {
        ended = tokio::time::timeout(NOTE_USES_EVERY, ending.wait_for(|ending| *ending)).await.is_ok();
        let accounts = store.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || accounts.accounts().keep_uses()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "when keys were used is not kept");
        }
    }
}

async fn told_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupt = tokio::signal::ctrl_c() => Ok(interrupt?),
    }
}

/// Says where the server is, and on the first start how to get in. Also settles the admin key.
fn greet(address: SocketAddr, settings: &Settings, accounts: &Accounts) -> anyhow::Result<()> {
    let project = accounts.project(ProjectId::DEFAULT_NAME)?;
    let first = !accounts.has_keys()?;
    let made = match &settings.admin_key {
        Some(chosen) => {
            let known = accounts.key(chosen)?;
            if known.as_ref().is_some_and(|grant| grant.scope != Scope::Admin || grant.project != project) {
                bail!("admin_key: the key exists with another scope or project; choose another one");
            }
            if known.is_none() {
                accounts.keep_key(&Secret::chosen(chosen), project, Scope::Admin)?;
            }
            None
        }
        None if first => Some(accounts.create_key(project, Scope::Admin)?),
        None => None,
    };
    let mut lines = vec![format!("Listening on http://{address}")];
    lines.extend(made.as_ref().map(|key| format!("Admin key: {}", key.reveal())));
    // A link is for whoever reads it now, not for a log file that is kept.
    if first || std::io::stdout().is_terminal() {
        let link = accounts.create_sign_in(project, Scope::Admin)?;
        lines.push(format!("Sign-in link: http://{address}/signin?token={}", link.reveal()));
    } else {
        lines.push("Sign in with a key, or with the link that `neuraltrust signin` prints.".to_owned());
    }
    let key = made.as_ref().map_or("YOUR_KEY", Secret::reveal);
    lines.push(String::new());
    lines.push("from neuraltrust import NeuralTrust".to_owned());
    lines.push(format!("client = NeuralTrust(api_key=\"{key}\", base_url=\"http://{address}\")"));
    lines.push(
        "client.trace(conversation_id=\"hello\").message(input=\"Hello, how are you?\").end(\"I am fine, thank you!\")"
            .to_owned(),
    );
    let mut out = std::io::stdout().lock();
    // Nobody may be reading.
    let _ = writeln!(out, "{}\n", lines.join("\n")).and_then(|()| out.flush());
    Ok(())
}
