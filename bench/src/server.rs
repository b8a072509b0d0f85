//! The server that is measured: what it says of itself, and what the machine says of its process.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use neuraltrust_testing::Server;

use crate::connection::{Connection, Target};

const POLL: Duration = Duration::from_millis(10);
/// Lists that get no further for that long will not.
const STALLED: Duration = Duration::from_secs(120);

/// Where requests go.
pub(crate) fn target(server: &Server) -> anyhow::Result<Target> {
    Target::new(server.url(), server.key())
}

/// Waits until the lists show everything that was acknowledged.
pub(crate) fn catch_up(server: &Server) -> anyhow::Result<()> {
    anyhow::ensure!(caught_up(server, Duration::MAX)?, "the lists got no further for {STALLED:?}");
    Ok(())
}

/// Waits until the lists show everything that was acknowledged; false when they do not within `longest` or get no further.
pub(crate) fn caught_up(server: &Server, longest: Duration) -> anyhow::Result<bool> {
    let mut connection = Connection::open(&target(server)?)?;
    let begin = Instant::now();
    let (mut seen, mut moved) = (0, begin);
    loop {
        let status = connection.get("/api/v1/status")?.json()?;
        let number = |name: &str| status[name].as_u64().with_context(|| format!("the status has no number {name}"));
        let (indexed, recorded) = (number("indexed")?, number("recorded")?);
        if indexed >= recorded {
            return Ok(true);
        }
        if indexed > seen {
            (seen, moved) = (indexed, Instant::now());
        }
        if begin.elapsed() > longest || moved.elapsed() > STALLED {
            return Ok(false);
        }
        std::thread::sleep(POLL);
    }
}

/// What a process holds, in MB of proc(5).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// `VmRSS`, which counts pages of the index that are mapped; the system takes them back as it likes.
    pub(crate) resident: f64,
    /// `RssAnon`: what is in no file.
    pub(crate) own: f64,
}

/// What the server holds now.
pub(crate) fn memory(server: &Server) -> anyhow::Result<Memory> {
    let path = format!("/proc/{}/status", server.pid());
    let status = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let megabytes = |name: &str| {
        let kib = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        anyhow::Ok(kib.with_context(|| format!("{path} has no {name}"))? * 1_024.0 / 1e6)
    };
    Ok(Memory { resident: megabytes("VmRSS:")?, own: megabytes("RssAnon:")? })
}

/// Time on processors that the process has taken, in its own code and for it (`utime` and `stime` of proc(5), in hundredths of a second
/// on Linux).
pub(crate) fn processor_time(server: &Server) -> anyhow::Result<Duration> {
    let path = format!("/proc/{}/stat", server.pid());
    let stat = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    // The name of the program, in brackets, may hold anything.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace()).context("the process has no times")?;
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>().context("the process has no times")?;
    Ok(Duration::from_millis(ticks * 10))
}

/// Bytes of all files below a directory.
pub(crate) fn bytes_on_disk(directory: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let entry = entry?;
        let data = entry.metadata()?;
        bytes += if data.is_dir() { bytes_on_disk(&entry.path())? } else { data.len() };
    }
    Ok(bytes)
}

/// Starts it again on its data, and returns how long it took to be ready.
pub(crate) fn restart(server: &mut Server) -> Duration {
    let begin = Instant::now();
    server.restart();
    begin.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_counts() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        std::fs::write(directory.path().join("a/b"), [0; 10]).unwrap();
        std::fs::write(directory.path().join("c"), [0; 5]).unwrap();
        assert_eq!(bytes_on_disk(directory.path()).unwrap(), 15);
    }
}
