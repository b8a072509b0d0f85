//! The real server, killed (SIGKILL) while it takes steps over HTTP and is backed up.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::{BINARY, start, wait_for};

/// How long each server lives under load, in milliseconds.
const LIVES: [u64; 5] = [30, 600, 120, 1_200, 300];

#[test]
fn every_step_that_was_answered_is_there_once_after_a_kill() {
    let mut server = start();
    let dir = tempfile::tempdir().unwrap();
    // Steps answered so far; the one after may be there too.
    let answered = AtomicUsize::new(0);
    for (round, life) in LIVES.into_iter().enumerate() {
        let killed = AtomicBool::new(false);
        let (url, key) = (format!("{}/v1/trace", server.url()), server.key().to_owned());
        let saved = dir.path().join(format!("saved-{round}"));
        let mut backup = Command::new(BINARY)
            .arg("backup")
            .arg(&saved)
            .arg("--data-dir")
            .arg(server.data_dir())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let before = answered.load(Ordering::Acquire);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !killed.load(Ordering::Acquire) {
                    let n = answered.load(Ordering::Acquire);
                    let step = serde_json::json!({
                        "task": "message", "interaction_id": format!("i{n}"), "trace_id": format!("s{n}"),
                        "input": format!("step {n} {}", "and on ".repeat(n % 100)),
                    });
                    match ureq::post(&url).header("token", &key).send(step.to_string().as_bytes()) {
                        Ok(answer) if answer.status() == 200 => drop(answered.fetch_add(1, Ordering::AcqRel)),
                        _ => return,
                    }
                }
            });
            while answered.load(Ordering::Acquire) == before {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(life));
            server.kill();
            killed.store(true, Ordering::Release);
        });
        backup.kill().unwrap();
        backup.wait().unwrap();
        server.restart();
        let answered = answered.load(Ordering::Acquire);
        let in_flight = usize::from(server.get(&format!("/api/v1/traces/i{answered}")).0 == 200);
        assert_eq!(server.get(&format!("/api/v1/traces/i{}", answered - 1)).0, 200);
        // The lists hold each once: as many as were answered, and the one on its way if it was kept.
        wait_for(&server, "/api/v1/traces?limit=1000", (answered + in_flight).min(1_000));
    }
    assert!(server.stop().success());
    let verify = Command::new(BINARY).arg("verify").arg("--data-dir").arg(server.data_dir()).output().unwrap();
    let said = String::from_utf8_lossy(&verify.stdout).into_owned();
    assert!(verify.status.success() && said.contains("All is well"), "{said}{}", String::from_utf8_lossy(&verify.stderr));
}
