//! The command line, and the settings: defaults < file < environment < flags, read once.
//!
//! Nobody else reads the environment. What is unknown or cannot be is refused with the name of it and what is accepted.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use neuraltrust_store::Scope;
use serde::Deserialize;

use crate::client::{ClientCommand, ExportCheck};

/// Port of the page, the API and every ingest protocol over HTTP.
const LISTEN: &str = "127.0.0.1:6180";
/// Port of OTLP over gRPC (OpenTelemetry protocol specification, "OTLP/gRPC Default Port").
const GRPC_LISTEN: &str = "127.0.0.1:4317";
/// Port of OTLP over HTTP (OpenTelemetry protocol specification, "OTLP/HTTP Default Port").
const OTLP_LISTEN: &str = "127.0.0.1:4318";
const DATA_DIR: &str = "neuraltrust-data";
/// Shortest key that an operator may choose.
const MIN_ADMIN_KEY: usize = 16;
/// After how long a silence a step without an end is shown as unfinished.
const UNFINISHED_AFTER: Duration = Duration::from_secs(30 * 60);
/// Every variable of the environment that is read.
const VARIABLES: [&str; 10] = [
    "NT_LISTEN",
    "NT_GRPC_LISTEN",
    "NT_OTLP_LISTEN",
    "NT_DATA_DIR",
    "NT_STORE",
    "NT_CONFIG",
    "NT_ADMIN_KEY",
    "NT_UNFINISHED_AFTER",
    "NT_LOG",
    "NT_LOG_FORMAT",
];

/// Keeps every conversation that people have with an AI application, and makes it findable.
#[derive(Debug, Parser)]
#[command(name = "neuraltrust", version, propagate_version = true, args_override_self = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receives, keeps and shows conversations.
    Serve(Options),
    /// Makes API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Prints a link that signs a browser in, once.
    Signin(Options),
    /// Makes the index of a data directory anew from its record, while no server runs on it.
    Reindex(Options),
    /// Copies everything that is kept to a new directory, while a server may run.
    Backup {
        /// The directory to make.
        dest: PathBuf,
        #[command(flatten)]
        options: Options,
    },
    /// Makes a data directory from a backup.
    Restore {
        /// The directory that `backup` made.
        source: PathBuf,
        #[command(flatten)]
        options: Options,
    },
    /// Checks a data directory, every checksum and the index against the record, while no server runs on it.
    Verify(Options),
    /// Sends made-up conversations of a support chatbot to a server, to look at.
    Demo(DemoOptions),
    /// Prints the OpenAPI document of the API.
    Openapi,
    #[command(flatten)]
    Client(ClientCommand),
    /// Checks a file that `export` wrote against the manifest beside it.
    VerifyExport(ExportCheck),
    /// Prints what a shell needs to complete these commands.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes a key and prints it, once.
    Create {
        /// Project that the key opens.
        #[arg(long, default_value = neuraltrust_store::ProjectId::DEFAULT_NAME)]
        project: String,
        /// What the key allows.
        #[arg(long, value_enum)]
        scope: KeyScope,
        #[command(flatten)]
        options: Options,
    },
}

/// The scopes by the names that the command line takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum KeyScope {
    /// Sending spans.
    Ingest,
    /// Reading.
    Read,
    /// Everything.
    Admin,
}

impl From<KeyScope> for Scope {
    fn from(scope: KeyScope) -> Self {
        match scope {
            KeyScope::Ingest => Self::Ingest,
            KeyScope::Read => Self::Read,
            KeyScope::Admin => Self::Admin,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DemoOptions {
    /// Where the server is.
    #[arg(long, default_value = "http://127.0.0.1:6180", env = "NEURALTRUST_BASE_URL")]
    pub(crate) url: String,
    /// A key that may send spans.
    #[arg(long, env = "NEURALTRUST_API_KEY", hide_env_values = true)]
    pub(crate) key: String,
}

/// How the logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// A line for a reader.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings as given on the command line, in the environment or in the file; each may be left out.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// Address of the page, the API and ingest over HTTP [default: 127.0.0.1:6180]
    #[arg(long, env = "NT_LISTEN", value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Address of OTLP over gRPC, or `off` [default: 127.0.0.1:4317]
    #[arg(long, env = "NT_GRPC_LISTEN", value_name = "HOST:PORT|off")]
    grpc_listen: Option<String>,
    /// Address of OTLP over HTTP, or `off`; `--listen` takes it too [default: 127.0.0.1:4318]
    #[arg(long, env = "NT_OTLP_LISTEN", value_name = "HOST:PORT|off")]
    otlp_listen: Option<String>,
    /// Directory that everything is kept in [default: neuraltrust-data]
    #[arg(long, env = "NT_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where conversations are kept: `embedded` [default: embedded]
    #[arg(long, env = "NT_STORE", value_name = "STORE")]
    store: Option<String>,
    /// A TOML file with these settings, under the names of the flags with `_` for `-`
    #[arg(long, env = "NT_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// The admin key, instead of a random one
    #[arg(long, env = "NT_ADMIN_KEY", value_name = "KEY", hide_env_values = true)]
    admin_key: Option<String>,
    /// After how long a silence a step without an end is shown as unfinished, such as 90s, 30m or 2h; or `off` [default: 30m]
    #[arg(long, env = "NT_UNFINISHED_AFTER", value_name = "TIME|off")]
    unfinished_after: Option<String>,
    /// What to log: error, warn, info, debug, trace, or filters such as `info,neuraltrust=debug` [default: info]
    #[arg(long, env = "NT_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How to log [default: text]
    #[arg(long, env = "NT_LOG_FORMAT", value_enum)]
    log_format: Option<LogFormat>,
}

/// Where to listen for a protocol that not everybody needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Port {
    /// Nowhere.
    Off,
    /// At the usual address, if it is free.
    Usual(SocketAddr),
    /// At this address, and nowhere else.
    At(SocketAddr),
}

/// What the server runs with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) grpc: Port,
    pub(crate) otlp: Port,
    pub(crate) data_dir: PathBuf,
    pub(crate) admin_key: Option<String>,
    /// `None` for never.
    pub(crate) unfinished_after: Option<Duration>,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

impl fmt::Debug for Settings {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listen={} grpc={:?} otlp={:?} data_dir={}", self.listen, self.grpc, self.otlp, self.data_dir.display())
    }
}

/// The settings of this process.
pub(crate) fn settings(given: Options) -> anyhow::Result<Settings> {
    check_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
    let file = given.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
    combine(given, file)
}

fn check_variables(names: impl Iterator<Item = String>) -> anyhow::Result<()> {
    for name in names {
        if name.starts_with("NT_") && !VARIABLES.contains(&name.as_str()) {
            bail!("the environment has the unknown setting {name}; known are {}", VARIABLES.join(", "));
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> anyhow::Result<Options> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read the settings in {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("read the settings in {}", path.display()))
}

fn combine(given: Options, file: Options) -> anyhow::Result<Settings> {
    let store = given.store.or(file.store);
    match store.as_deref() {
        None | Some("embedded") => {}
        Some(other) => {
            bail!("store = {other:?} is not there yet; this version keeps everything in the data directory: store = \"embedded\"")
        }
    }
    let admin_key = given.admin_key.or(file.admin_key);
    if admin_key.as_ref().is_some_and(|key| key.len() < MIN_ADMIN_KEY || key.chars().any(char::is_whitespace)) {
        bail!("admin_key: a key has at least {MIN_ADMIN_KEY} characters and no blanks");
    }
    Ok(Settings {
        listen: address("listen", given.listen.or(file.listen).as_deref().unwrap_or(LISTEN))?,
        grpc: port("grpc_listen", given.grpc_listen.or(file.grpc_listen), GRPC_LISTEN)?,
        otlp: port("otlp_listen", given.otlp_listen.or(file.otlp_listen), OTLP_LISTEN)?,
        data_dir: given.data_dir.or(file.data_dir).unwrap_or_else(|| PathBuf::from(DATA_DIR)),
        admin_key,
        unfinished_after: silence("unfinished_after", given.unfinished_after.or(file.unfinished_after))?,
        log: given.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
        log_format: given.log_format.or(file.log_format).unwrap_or_default(),
    })
}

fn address(name: &str, text: &str) -> anyhow::Result<SocketAddr> {
    let local = text.replace("localhost:", "127.0.0.1:");
    SocketAddr::from_str(&local).with_context(|| {
        format!("{name} = {text:?} is not an address; write HOST:PORT with an IP address, such as {LISTEN} or 0.0.0.0:6180")
    })
}

fn port(name: &str, text: Option<String>, usual: &str) -> anyhow::Result<Port> {
    match text.as_deref() {
        None => address(name, usual).map(Port::Usual),
        Some("off") => Ok(Port::Off),
        Some(text) => address(name, text).map(Port::At),
    }
}

/// A number with a unit; `None` for `off`.
fn silence(name: &str, text: Option<String>) -> anyhow::Result<Option<Duration>> {
    let Some(text) = text else { return Ok(Some(UNFINISHED_AFTER)) };
    if text == "off" {
        return Ok(None);
    }
    let unit = |end| text.strip_suffix(end);
    let seconds = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]
        .into_iter()
        .find_map(|(end, seconds)| unit(end)?.parse::<u32>().ok().map(|number| u64::from(number) * seconds));
    match seconds {
        Some(1..) => Ok(seconds.map(Duration::from_secs)),
        _ => bail!("{name} = {text:?} is not a time; write a whole number from 1 with s, m, h or d, such as 90s or 30m, or off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Options {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let file = || options("listen = '0.0.0.0:80'\notlp_listen = 'off'\nlog = 'debug'");
        let settings = combine(options("log = 'warn'\ngrpc_listen = '127.0.0.1:0'"), file()).unwrap();
        assert_eq!(settings.listen.to_string(), "0.0.0.0:80");
        assert_eq!(settings.otlp, Port::Off);
        assert_eq!(settings.grpc, Port::At("127.0.0.1:0".parse().unwrap()));
        assert_eq!(settings.log, "warn");
        let settings = combine(Options::default(), Options::default()).unwrap();
        assert_eq!(settings.listen.to_string(), LISTEN);
        assert!(matches!(settings.grpc, Port::Usual(_)));
        assert_eq!(settings.unfinished_after, Some(UNFINISHED_AFTER));
    }

    #[test]
    fn a_silence_is_a_number_with_a_unit_or_none() {
        for (text, expect) in [("90s", Some(90)), ("2h", Some(7_200)), ("1d", Some(86_400)), ("off", None)] {
            let settings = combine(options(&format!("unfinished_after = '{text}'")), Options::default()).unwrap();
            assert_eq!(settings.unfinished_after, expect.map(Duration::from_secs));
        }
    }

    #[track_caller]
    fn refused(given: &str, expect: &str) {
        let error = format!("{:#}", combine(options(given), Options::default()).unwrap_err());
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        refused("listen = 'here'", "listen = \"here\"");
        refused("grpc_listen = '4317'", "grpc_listen");
        refused("store = 'postgres://x'", "embedded");
        refused("admin_key = 'short'", "16");
        for bad in ["30", "m", "0s", "-1m", "1.5h", "99999999999d", "never"] {
            refused(&format!("unfinished_after = '{bad}'"), "unfinished_after");
        }
        assert!(toml::from_str::<Options>("listne = 'x'").unwrap_err().to_string().contains("listne"));
        let unknown = check_variables(["PATH", "NT_LISTNE"].into_iter().map(str::to_owned)).unwrap_err();
        assert!(unknown.to_string().contains("NT_LISTNE"), "{unknown}");
        assert!(unknown.to_string().contains("NT_LISTEN"), "{unknown}");
    }
}
