//! The real binary, from the outside.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod bad_input;
mod batches;
mod client;
mod comparing;
mod costs;
mod crashes;
mod dashboards;
mod erasing;
mod exporting;
mod helicone;
mod hostile;
mod isolation;
mod langfuse;
mod langsmith;
mod ledger;
mod lifecycle;
mod live;
mod measuring;
mod media;
mod members;
mod mlflow;
mod openapi;
mod opik;
mod otlp;
mod page;
mod phoenix;
mod projects;
mod quarantine;
mod querying;
mod questions;
mod reading;
mod replays;
mod scores;
mod searching;
mod sign_in;
mod sources;
mod views;

use std::time::{Duration, Instant};

use neuraltrust_testing::{Server, recorded};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_neuraltrust");

fn start() -> Server {
    Server::start(BINARY)
}

/// Sends the recorded flow of neuraltrust 1.4.0: one conversation of five steps.
fn send_flow(server: &Server) {
    for body in recorded("neuraltrust/1.4.0-exact") {
        let answer = server.post("/v1/trace", &[("token", server.key())], body);
        assert_eq!((answer.status, answer.json()), (200, serde_json::json!({ "status": 200 })));
    }
}

/// Reads a list until it has that many rows; lists follow within a second.
#[track_caller]
fn wait_for(server: &Server, path: &str, rows: usize) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (status, body) = server.get(path);
        assert_eq!(status, 200, "{body}");
        let items = body["items"].as_array().unwrap().clone();
        if items.len() == rows {
            return items;
        }
        assert!(Instant::now() < deadline, "{path} has {} rows and not {rows}: {items:?}", items.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The value of a counter or gauge; 0 where it has not been counted yet. `labels` as Prometheus writes them.
fn metric(server: &Server, name: &str, labels: &str) -> f64 {
    let answer = server.fetch("/metrics", &[]);
    let text = String::from_utf8(answer.body).unwrap();
    let series = if labels.is_empty() { name.to_owned() } else { format!("{name}{{{labels}}}") };
    let line = text.lines().find_map(|line| line.strip_prefix(&series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

/// A key of the default project, made by the command line beside the running server.
fn make_key(server: &Server, scope: &str) -> String {
    let output = std::process::Command::new(BINARY)
        .args(["key", "create", "--scope", scope, "--data-dir"])
        .arg(server.data_dir())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
