//! `load`: sends to a running server over a number of keep-alive connections and prints what it took.
//!
//! A closed loop: each connection has one thread that sends the next request when the last is answered, so the figures say
//! how the server answers and not how long a queue in front of it gets. It starts no server and measures nothing else.

mod agent;
mod connection;
mod figures;
mod workload;

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use connection::Connection;
use figures::Figures;
use workload::Workload;

/// Sends conversations to a running server and prints how it answered.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server; plain http only.
    #[arg(long, default_value = "http://127.0.0.1:6180")]
    url: String,
    /// A key that may send.
    #[arg(long, env = "NEURALTRUST_API_KEY", hide_env_values = true)]
    key: String,
    /// How many connections at once; each number is a run of its own.
    #[arg(long, value_delimiter = ',', default_value = "5,50")]
    connections: Vec<usize>,
    /// How long each run takes.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// What is sent.
    #[arg(long, value_enum, default_value_t = Mode::Trace)]
    mode: Mode,
    /// Spans of each request, in modes otlp and agent.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// `POST /v1/trace`, one step each, as neuraltrust 1.4 sends it.
    Trace,
    /// `POST /v1/traces`, OTLP protobuf.
    Otlp,
    /// `POST /v1/traces`, OTLP protobuf: calls of agents, each with its whole history.
    Agent,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let host = arguments.url.strip_prefix("http://").context("--url must start with http://")?.trim_end_matches('/').to_owned();
    let address = host.to_socket_addrs().with_context(|| format!("look up {host}"))?.next().context("the host has no address")?;
    let spans = match arguments.mode {
        Mode::Trace => 1,
        Mode::Otlp | Mode::Agent => u64::from(arguments.batch),
    };

    println!("| connections | requests/s | spans/s | MB/s | p50 ms | p99 ms | max ms | requests | MB | errors |");
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut failed = false;
    for (run, &connections) in arguments.connections.iter().enumerate() {
        let figures = measure(&arguments, address, &host, run, connections)?;
        println!("{}", figures.row(connections, spans));
        if let Some(error) = &figures.first_error {
            eprintln!("first error with {connections} connections: {error}");
            failed = true;
        }
    }
    anyhow::ensure!(!failed, "some requests were not answered with 2xx; the figures do not count");
    Ok(())
}

/// One run: all connections are made before the clock starts.
fn measure(arguments: &Arguments, address: SocketAddr, host: &str, run: usize, connections: usize) -> anyhow::Result<Figures> {
    let opened: Vec<Connection> = (0..connections)
        .map(|_| Connection::open(address))
        .collect::<Result<_, _>>()
        .with_context(|| format!("connect to {host}"))?;
    let start = Instant::now();
    let end = start + Duration::from_secs(arguments.seconds);
    let parts: Vec<Figures> = std::thread::scope(|scope| {
        let threads: Vec<_> = opened
            .into_iter()
            .enumerate()
            .map(|(n, connection)| {
                let workload = Workload::new(host, &arguments.key, (run * 100_000 + n) as u64);
                scope.spawn(move || send(connection, workload, arguments, end))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a sending thread does not panic")).collect()
    });
    Ok(Figures::together(parts, start.elapsed()))
}

/// Sends on one connection until `end`. The request is made before its clock starts.
fn send(mut connection: Connection, mut workload: Workload, arguments: &Arguments, end: Instant) -> Figures {
    let mut figures = Figures::default();
    while Instant::now() < end {
        let request = match arguments.mode {
            Mode::Trace => workload.trace(),
            Mode::Otlp => workload.otlp(arguments.batch),
            Mode::Agent => workload.agent(arguments.batch),
        };
        let sent = Instant::now();
        match connection.exchange(&request) {
            Ok(200..300) => figures.answered(sent.elapsed(), request.len()),
            Ok(status) => figures.failed(format!("status {status}")),
            Err(error) => {
                // The connection is in an unknown state.
                figures.failed(error.to_string());
                return figures;
            }
        }
    }
    figures
}
