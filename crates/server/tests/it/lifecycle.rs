//! Starts, ends and accidents of the process.

use std::process::Command;
use std::time::Duration;

use neuraltrust_store::conformance::BREAK_DOWN;
use neuraltrust_testing::Server;

use crate::{BINARY, make_key, send_flow, start, wait_for};

#[test]
fn what_was_acknowledged_survives_kill_9_in_lists_too() {
    let mut server = start();
    send_flow(&server);
    server.kill();
    server.restart();
    assert_eq!(wait_for(&server, "/api/v1/conversations", 1)[0]["spans"], 5);
    wait_for(&server, "/api/v1/spans", 5);
    assert!(server.stop().success(), "it ends in order when told to");
    server.restart();
    wait_for(&server, "/api/v1/spans", 5);
}

/// Runs a command that must fail, and returns what it says.
#[track_caller]
fn fails(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let server = start();
    let said = fails(&mut server.command());
    assert!(said.contains("in use by another neuraltrust process"), "{said}");
    let said = fails(Command::new(BINARY).arg("reindex").arg("--data-dir").arg(server.data_dir()));
    assert!(said.contains("in use"), "{said}");
    send_flow(&server);
    wait_for(&server, "/api/v1/conversations", 1);
}

#[test]
fn a_directory_or_a_port_that_cannot_be_used_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let serve = || {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--grpc-listen", "off", "--otlp-listen", "off", "--listen"]);
        command
    };
    let said = fails(serve().args(["127.0.0.1:0", "--data-dir"]).arg(file.path()));
    assert!(said.contains(file.path().to_str().unwrap()), "{said}");

    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = fails(serve().arg(&address).arg("--data-dir").arg(dir.path()));
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
    let said = fails(Command::new(BINARY).args(["serve", "--listen", "everywhere"]));
    assert!(said.contains("everywhere"), "{said}");
    let said = fails(Command::new(BINARY).arg("serve").env("NT_LISTNE", "x"));
    assert!(said.contains("NT_LISTNE") && said.contains("NT_LISTEN"), "{said}");
    let said = fails(Command::new(BINARY).args(["serve", "--store", "clickhouse://x"]));
    assert!(said.contains("embedded"), "{said}");
}

#[test]
fn settings_come_from_a_file_too_and_a_key_can_be_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("neuraltrust.toml");
    std::fs::write(&file, "admin_key = 'chosen-by-the-operator'\nlog = 'debug'\n").unwrap();
    let mut server = Server::start_with(BINARY, &["--admin-key", "chosen-on-the-command-line"]);
    assert_eq!(server.get("/api/v1/status").0, 200);
    let with_file = |key| server.fetch("/api/v1/status", &[("x-api-key", key)]).status;
    assert_eq!((with_file("chosen-by-the-operator"), with_file("chosen-on-the-command-line")), (401, 200));
    server.stop();
    std::fs::write(&file, "colour = 'red'\n").unwrap();
    let said = fails(server.command().arg("--config").arg(&file));
    assert!(said.contains("colour") && said.contains("admin_key"), "{said}");
}

/// Runs a command that must succeed, and returns what it says.
#[track_caller]
fn runs(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_running_server_is_backed_up_and_everything_comes_back() {
    let mut server = start();
    send_flow(&server);
    let dir = tempfile::tempdir().unwrap();
    let (saved, back) = (dir.path().join("saved"), dir.path().join("back"));
    let command = |name: &str| {
        let mut command = Command::new(BINARY);
        command.arg(name);
        command
    };
    let said = runs(command("backup").arg(&saved).arg("--data-dir").arg(server.data_dir()));
    assert!(said.contains("5 patches"), "{said}");
    let said = fails(command("verify").arg("--data-dir").arg(server.data_dir()));
    assert!(said.contains("in use"), "{said}");
    let said = fails(command("restore").arg(&saved).arg("--data-dir").arg(server.data_dir()));
    assert!(said.contains("not empty"), "{said}");
    server.stop();
    let said = runs(command("verify").arg("--data-dir").arg(server.data_dir()));
    assert!(said.contains("All is well: 5 patches"), "{said}");

    runs(command("restore").arg(&saved).arg("--data-dir").arg(&back));
    let said = fails(command("verify").arg("--data-dir").arg(&back));
    assert!(said.contains("findings"), "a restored directory has no index yet: {said}");
    let restored = Server::start_with(BINARY, &["--data-dir", back.to_str().unwrap(), "--admin-key", "key-of-the-restored-one"]);
    assert_eq!(wait_for(&restored, "/api/v1/conversations", 1)[0]["spans"], 5);
}

#[test]
fn a_server_whose_store_has_broken_down_says_so_and_ends() {
    let mut server = start();
    send_flow(&server);
    wait_for(&server, "/api/v1/conversations", 1);
    std::fs::write(server.data_dir().join(BREAK_DOWN), "").unwrap();
    let mut said = String::new();
    while let Some(answer) = server.try_fetch("/readyz") {
        if answer.status == 503 {
            said = String::from_utf8_lossy(&answer.body).into_owned();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(said.contains("keeper has ended"), "{said}");
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("nothing can be kept any more") && log.contains("keeper has ended"), "{log}");
    std::fs::remove_file(server.data_dir().join(BREAK_DOWN)).unwrap();
    server.restart();
    assert_eq!(wait_for(&server, "/api/v1/conversations", 1)[0]["spans"], 5, "what was acknowledged is there");
}

#[test]
fn the_index_is_made_anew_on_demand_by_those_who_may() {
    let server = start();
    send_flow(&server);
    let [trace] = wait_for(&server, "/api/v1/traces", 1).try_into().unwrap();
    let rebuild = |key: &str| server.post("/api/v1/index/rebuild", &[("x-api-key", key)], String::new());
    assert_eq!(rebuild(&make_key(&server, "read")).status, 403);
    let answer = rebuild(server.key());
    assert_eq!((answer.status, &answer.json()["indexed"]), (202, &serde_json::json!(0)));
    assert_eq!(server.get(&format!("/api/v1/traces/{}", trace["trace_id"].as_str().unwrap())).0, 200, "reading by id goes on");
    wait_for(&server, "/api/v1/spans", 5);
}

/// Where nothing can be written any more the server says so, goes on reading, and has lost nothing that it acknowledged.
#[test]
fn a_disk_that_takes_no_more_costs_only_what_it_does_not_take() {
    let mut server = Server::start_with(BINARY, &["--admin-key", "key-of-the-full-disk"]);
    send_flow(&server);
    wait_for(&server, "/api/v1/conversations", 1);
    server.stop();

    // A file may have 1 MiB at most (2,048 blocks of 512 bytes); a write beyond that is an error and not the end of the process.
    server.restart_behind("trap '' XFSZ; ulimit -f 2048");
    let step = |n: usize| {
        let input = format!("{n} {}", noise(n));
        serde_json::json!({ "task": "message", "interaction_id": format!("i{n}"), "trace_id": format!("t{n}"), "input": input })
            .to_string()
    };
    let mut kept = 0;
    let refused = loop {
        let answer = server.post("/v1/trace", &[("token", "key-of-the-full-disk")], step(kept));
        if answer.status != 200 {
            break answer;
        }
        kept += 1;
        assert!(kept < 1_000, "the limit has no effect");
    };
    assert_eq!(refused.status, 503, "{}", String::from_utf8_lossy(&refused.body));
    assert!(String::from_utf8_lossy(&refused.body).contains("again"));
    assert_eq!(server.get(&format!("/api/v1/traces/i{}", kept.saturating_sub(1))).0, 200, "reading goes on");
    server.restart();
    wait_for(&server, "/api/v1/traces?limit=1000", kept + 1);
}

/// Text that does not compress.
fn noise(seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (state >> 59) as u8)
    };
    (0..40_000).map(|_| next()).collect()
}
