//! The real server as a process of its own, on a data directory of its own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long the server may take to start or to stop; a loaded machine builds other things beside the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `content-type`, empty where there is none.
    pub content_type: String,
    /// All headers that are text, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A running server. It is killed when this is dropped, and its data directory is removed.
#[derive(Debug)]
pub struct Server {
    binary: PathBuf,
    arguments: Vec<String>,
    /// Shell commands that the process is started behind, e.g. limits.
    behind: Option<String>,
    data: TempDir,
    running: Option<Running>,
    key: String,
    http: ureq::Agent,
}

/// The process, and what it said when it started.
#[derive(Debug)]
struct Running {
    process: Child,
    banner: Banner,
    /// All of the log, once it has ended.
    log: Receiver<String>,
}

#[derive(Debug, Default)]
struct Banner {
    url: Option<String>,
    key: Option<String>,
    sign_in: Option<String>,
}

impl Server {
    /// Starts the binary on an empty data directory and waits until it serves.
    ///
    /// # Panics
    /// Where the server does not start; the message holds its log.
    #[must_use]
    pub fn start(binary: impl AsRef<Path>) -> Self {
        Self::start_with(binary, &[])
    }

    /// Starts the binary with further arguments of `serve`.
    ///
    /// # Panics
    /// Where the server does not start; the message holds its log.
    #[must_use]
    pub fn start_with(binary: impl AsRef<Path>, arguments: &[&str]) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let mut server = Self {
            binary: binary.as_ref().to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            behind: None,
            data: tempfile::tempdir().expect("make a data directory"),
            running: None,
            key: String::new(),
            http: ureq::Agent::new_with_config(config),
        };
        server.run();
        server.key = server.admin_key();
        server
    }

    fn run(&mut self) {
        assert!(self.running.is_none(), "the server runs already");
        let mut process = self.command().spawn().unwrap_or_else(|error| panic!("start {}: {error}", self.binary.display()));
        let (banner, log) = read_banner(&mut process);
        self.running = Some(Running { process, banner, log });
        let deadline = Instant::now() + PATIENCE;
        while self.get("/readyz").0 != 200 {
            assert!(Instant::now() < deadline, "the server is not ready after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The key that the arguments set, or else the one that the first start made.
    fn admin_key(&self) -> String {
        let set = self.arguments.iter().skip_while(|argument| *argument != "--admin-key").nth(1);
        set.or(self.banner().key.as_ref()).expect("the first start prints `Admin key: ...`").clone()
    }

    /// The command that starts the server, for tests that expect it to fail; its output is piped, its input is empty.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = match &self.behind {
            None => Command::new(&self.binary),
            Some(behind) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{behind}; exec \"$0\" \"$@\"")]).arg(&self.binary);
                shell
            }
        };
        command.args(["serve", "--listen", "127.0.0.1:0", "--grpc-listen", "off", "--otlp-listen", "off", "--data-dir"]);
        command.arg(self.data.path()).args(&self.arguments);
        // What the developer has set for a server of their own must not reach this one.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NT_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn banner(&self) -> &Banner {
        &self.running.as_ref().expect("the server runs").banner
    }

    /// Where it serves, e.g. `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.banner().url.as_deref().expect("the server prints `Listening on ...`")
    }

    /// The admin key of the first start.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The one-time sign-in link, which the first start prints; a later one only on a terminal.
    #[must_use]
    pub fn sign_in_link(&self) -> Option<&str> {
        self.banner().sign_in.as_deref()
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// Id of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("the server runs").process.id()
    }

    /// Ends the process as a crash would (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It may have ended by itself, which is what is wanted.
            let _ = running.process.kill();
            running.process.wait().expect("wait for the server");
        }
    }

    /// Asks the process to end (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn stop(&mut self) -> ExitStatus {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().expect("run kill");
        assert!(asked.success(), "the server was gone before it was asked to stop");
        self.wait().0
    }

    /// Waits until the process has ended by itself; says how, and what it logged.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let mut running = self.running.take().expect("the server runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = running.process.try_wait().expect("wait for the server") {
                return (status, running.log.recv_timeout(PATIENCE).unwrap_or_default());
            }
            if Instant::now() > deadline {
                let _ = running.process.kill();
                panic!("the server does not stop within {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts it again on the same data directory, after [`kill`](Self::kill) or [`stop`](Self::stop), or killing it first.
    pub fn restart(&mut self) {
        self.kill();
        self.run();
    }

    /// Restarts it behind shell commands such as `ulimit -n 64`, which the restarts after that do without.
    pub fn restart_behind(&mut self, commands: &str) {
        self.kill();
        self.behind = Some(commands.to_owned());
        self.run();
        self.behind = None;
    }

    /// Reads a path with the admin key: the status, and the body as JSON (null where it is none).
    #[must_use]
    pub fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.fetch(path, &[("authorization", &format!("Bearer {}", self.key))]);
        (answer.status, answer.json())
    }

    /// Reads a path with these headers and no key.
    ///
    /// # Panics
    /// Where the server does not answer.
    #[must_use]
    pub fn fetch(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.url());
        let request = headers.iter().fold(self.http.get(&url), |request, (name, value)| request.header(*name, *value));
        answer(request.call().unwrap_or_else(|error| panic!("GET {url}: {error}")))
    }

    /// Reads a path as [`fetch`](Self::fetch) does; `None` where the server is gone.
    #[must_use]
    pub fn try_fetch(&self, path: &str) -> Option<Answer> {
        self.http.get(format!("{}{path}", self.url())).call().ok().map(answer)
    }

    /// Puts JSON with this key.
    ///
    /// # Panics
    /// Where the server does not answer.
    #[must_use]
    pub fn put(&self, path: &str, key: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.url());
        let request = self.http.put(&url).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {key}"));
        answer(request.send(body.to_string()).unwrap_or_else(|error| panic!("PUT {url}: {error}")))
    }

    /// Deletes what is at a path, with this key.
    ///
    /// # Panics
    /// Where the server does not answer.
    #[must_use]
    pub fn delete(&self, path: &str, key: &str) -> Answer {
        let url = format!("{}{path}", self.url());
        let request = self.http.delete(&url).header("authorization", format!("Bearer {key}"));
        answer(request.call().unwrap_or_else(|error| panic!("DELETE {url}: {error}")))
    }

    /// Posts a body with these headers and no key.
    ///
    /// # Panics
    /// Where the server does not answer.
    #[must_use]
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        let url = format!("{}{path}", self.url());
        let request = headers.iter().fold(self.http.post(&url), |request, (name, value)| request.header(*name, *value));
        answer(request.send(body.as_ref()).unwrap_or_else(|error| panic!("POST {url}: {error}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    let content_type =
        response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let text = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = response.headers().iter().filter_map(text).collect();
    let body = response.body_mut().with_config().limit(u64::MAX).read_to_vec().expect("read the answer");
    Answer { status: response.status().as_u16(), content_type, headers, body }
}

/// Reads what the server prints up to its lines of Python, and keeps both pipes drained from then on, so that it never blocks on
/// them.
fn read_banner(process: &mut Child) -> (Banner, Receiver<String>) {
    let lines = lines(process.stdout.take().expect("stdout is piped"));
    let log = log(process.stderr.take().expect("stderr is piped"));
    let deadline = Instant::now() + PATIENCE;
    let mut banner = Banner::default();
    loop {
        let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
            let _ = process.kill();
            let log = log.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
            panic!("the server did not say where it serves; it printed {banner:?} and logged:\n{log}");
        };
        if line.starts_with("from neuraltrust import") {
            std::thread::spawn(move || lines.into_iter().for_each(drop));
            return (banner, log);
        }
        let after = |start: &str| line.strip_prefix(start).map(|rest| rest.trim().to_owned());
        banner.url = after("Listening on ").or(banner.url);
        banner.key = after("Admin key: ").or(banner.key);
        banner.sign_in = after("Sign-in link: ").or(banner.sign_in);
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The whole log, once the process has ended.
fn log(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut log = Vec::new();
        let _ = pipe.read_to_end(&mut log);
        // Nobody asks for it where all went well.
        let _ = sender.send(String::from_utf8_lossy(&log).into_owned());
    });
    receiver
}
