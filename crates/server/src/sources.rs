//! The ledger of losses: which spans of each source never came.
//!
//! Our SDKs number the spans of each process, and say in the header `neuraltrust-sequence` which numbers a request holds and
//! how many messages were dropped before they got one. A number that is missing while later ones came is a gap; when it stays
//! one for longer than [`GRACE`], its spans are missing. What comes later fills its gap, and the same request twice changes
//! nothing. Nothing is counted up: what came of a source is its highest number less its gaps.
//!
//! The ledger lives in memory beside the store and never in its way. It is written to a file every few seconds and at the end;
//! after a crash of the server what it heard in the last seconds is unknown, so gaps at that seam are not judged. What a
//! process that was killed had numbered last leaves no gap, since nothing comes after it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use neuraltrust_model::Timestamp;
use neuraltrust_store::ProjectId;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::ingest::now;

/// How long a number may be late. A client whose server is away keeps the order of what it sends, so little is.
const GRACE: Duration = Duration::from_secs(60);
/// How long a source is remembered after it was heard last.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Most sources that are remembered; those that were heard last stay.
const MAX_SOURCES: usize = 10_000;
/// Most gaps of a source that are told apart; then the oldest are judged as missing for good.
const MAX_GAPS: usize = 1_000;
/// Gaps of a source that are shown.
const SHOWN_GAPS: usize = 20;
/// How often the ledger is written, where it has changed.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// How long after a crash the first gap of a source is not judged.
const DOUBT: Duration = Duration::from_secs(60 * 60);
const HEADER: &str = "neuraltrust-sequence";
const FILE: &str = "sources.json";
/// Longest name of a source.
const MAX_NAME: usize = 64;

/// Why the ledger cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourcesError {
    /// The file cannot be read.
    #[error("read the ledger of sources at {path}")]
    Read { path: PathBuf, source: io::Error },
    /// The file cannot be written.
    #[error("write the ledger of sources at {path}")]
    Write { path: PathBuf, source: io::Error },
}

/// What a request says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sequence {
    source: String,
    first: u64,
    spans: u64,
    lost: u64,
}

/// One process of an application, as far as it was heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Source {
    first_heard: Timestamp,
    last_heard: Timestamp,
    highest: u64,
    gaps: BTreeMap<u64, Gap>,
    /// Spans of gaps that were too many to be told apart.
    folded: u64,
    /// Numbers at the seam of a crash of the server, which may have come.
    unknown: u64,
    /// What the source says that it dropped.
    lost: u64,
    /// Whether the next gap lies at the seam of a crash.
    #[serde(default)]
    doubted: bool,
}

/// Numbers that have not come, up to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Gap {
    last: u64,
    since: Timestamp,
}

/// What is on disk.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Ledger {
    /// Whether the server ended in order after it was written.
    ended: bool,
    sources: Vec<(i64, String, Source)>,
}

#[derive(Debug, Default)]
struct State {
    sources: HashMap<(i64, String), Source>,
    changed: bool,
    /// Until when a source that was not known may be one that a crash made forgotten.
    doubt_until: Option<Timestamp>,
}

/// The ledger of all sources. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    state: Arc<Mutex<State>>,
    path: PathBuf,
}

/// A source of spans: one process of an application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceReport {
    /// The name that the process gave itself, anew at each start.
    source: String,
    /// When it was heard first.
    #[schema(value_type = String)]
    first_heard: Timestamp,
    /// When it was heard last.
    #[schema(value_type = String)]
    last_heard: Timestamp,
    /// Spans of it that came.
    received: u64,
    /// Spans that never arrived, though later ones did.
    missing: u64,
    /// Spans that are missing so far and may only be late.
    awaited: u64,
    /// Starts and ends of steps that the process itself dropped, as it says: its queue was full, a step too large.
    dropped: u64,
    /// Spans of which it is not known whether they came, since the server crashed around that time.
    unknown: u64,
    /// The first gaps, as pairs of the first and the last number that has not come.
    #[schema(value_type = Vec<Vec<u64>>)]
    gaps: Vec<(u64, u64)>,
}

/// What is lost in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Losses {
    /// Spans that never arrived, though later ones of their source did.
    pub(crate) missing: u64,
    /// Spans that are missing so far and may only be late.
    pub(crate) awaited: u64,
    /// What the sources dropped themselves, as they say.
    pub(crate) dropped: u64,
}

impl Sources {
    /// Goes on with what the data directory knows.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, SourcesError> {
        let path = data_dir.join(FILE);
        let ledger = match fs::read(&path) {
            // A server is not to stay down for what only tells of losses.
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, path = %path.display(), "the ledger of sources cannot be read; a new one is begun");
                Ledger::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ledger { ended: true, sources: Vec::new() },
            Err(source) => return Err(SourcesError::Read { path, source }),
        };
        let state = State::new(ledger, now());
        let sources = Self { state: Arc::new(Mutex::new(state)), path };
        // A crash from here on is told by a file that does not say that the server ended.
        sources.write(false)?;
        Ok(sources)
    }

    /// Notes which spans a request brought, where it says so. Call it when they are on disk.
    pub(crate) fn heard(&self, project: ProjectId, headers: &HeaderMap) {
        let told = headers.get(HEADER).and_then(|value| value.to_str().ok());
        if let Some(sequence) = told.and_then(Sequence::parse) {
            self.lock().heard(project.get(), sequence, now());
        }
    }

    /// The sources of a project, those that were heard last first, and what is lost of them in all.
    pub(crate) fn report(&self, project: ProjectId) -> (Vec<SourceReport>, Losses) {
        self.lock().report(Some(project.get()), now())
    }

    /// What is lost of all projects.
    pub(crate) fn losses(&self) -> Losses {
        self.lock().report(None, now()).1
    }

    /// Writes the ledger now and then, until the server ends.
    pub(crate) async fn keep(self, mut ending: watch::Receiver<bool>) {
        let mut ended = std::pin::pin!(async move {
            // The sender lives until the servers have ended.
            let _ = ending.wait_for(|ending| *ending).await;
        });
        while tokio::time::timeout(WRITE_EVERY, &mut ended).await.is_err() {
            if self.lock().changed {
                self.tell(false);
            }
        }
    }

    /// Writes the ledger for the last time, when no more requests are taken.
    pub(crate) fn end(&self) {
        self.tell(true);
    }

    fn tell(&self, ended: bool) {
        if let Err(error) = self.write(ended) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the ledger of sources is not kept");
        }
    }

    fn write(&self, ended: bool) -> Result<(), SourcesError> {
        let ledger = {
            let mut state = self.lock();
            state.changed = false;
            state.forget(now());
            let sources = state.sources.iter().map(|((project, name), source)| (*project, name.clone(), source.clone()));
            Ledger { ended, sources: sources.collect() }
        };
        let write = || -> io::Result<()> {
            let new = self.path.with_extension("json.new");
            fs::write(&new, serde_json::to_vec(&ledger).map_err(io::Error::other)?)?;
            fs::rename(&new, &self.path)
        };
        write().map_err(|source| {
            self.lock().changed = true;
            SourcesError::Write { path: self.path.clone(), source }
        })
    }

    /// A panic elsewhere never makes the ledger unusable: it is whole after every statement.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sequence {
    /// Reads `source="NAME", first=N, spans=N, lost=N`, a dictionary of RFC 9651 with further members allowed.
    fn parse(header: &str) -> Option<Self> {
        let member =
            |name: &str| header.split(',').find_map(|member| member.trim().strip_prefix(name)?.strip_prefix('=')).map(str::trim);
        let number = |name: &str| member(name)?.parse::<u64>().ok();
        let source = member("source")?.strip_prefix('"')?.strip_suffix('"')?;
        let named = !source.is_empty() && source.len() <= MAX_NAME && source.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (first, spans) = (number("first")?, number("spans")?);
        let counted = first > 0 && spans > 0 && first.checked_add(spans).is_some();
        (named && counted).then(|| Self { source: source.to_owned(), first, spans, lost: number("lost").unwrap_or_default() })
    }
}

impl State {
    fn new(ledger: Ledger, now: Timestamp) -> Self {
        let doubted = !ledger.ended;
        let sources = ledger.sources.into_iter().map(|(project, name, source)| {
            let doubted = source.doubted || doubted;
            ((project, name), Source { doubted, ..source })
        });
        Self { sources: sources.collect(), changed: false, doubt_until: doubted.then(|| later(now, DOUBT)) }
    }

    fn heard(&mut self, project: i64, told: Sequence, now: Timestamp) {
        self.changed = true;
        let doubted = self.doubt_until.is_some_and(|until| now < until);
        let source = self.sources.entry((project, told.source)).or_insert_with(|| Source {
            first_heard: now,
            last_heard: now,
            highest: 0,
            gaps: BTreeMap::new(),
            folded: 0,
            unknown: 0,
            lost: 0,
            doubted,
        });
        source.heard(told.first, told.first + (told.spans - 1), now);
        source.lost = source.lost.max(told.lost);
        if self.sources.len() > MAX_SOURCES {
            self.forget(now);
        }
    }

    /// Forgets sources that are silent for long, and those that are too many.
    fn forget(&mut self, now: Timestamp) {
        self.sources.retain(|_, source| later(source.last_heard, REMEMBERED) > now);
        if self.sources.len() > MAX_SOURCES {
            let mut heard: Vec<Timestamp> = self.sources.values().map(|source| source.last_heard).collect();
            heard.sort_unstable();
            // A tenth more goes than must, so that this is not done for every new source.
            let from = heard.get(self.sources.len() - MAX_SOURCES * 9 / 10).copied().unwrap_or(now);
            self.sources.retain(|_, source| source.last_heard >= from);
        }
    }

    fn report(&self, project: Option<i64>, now: Timestamp) -> (Vec<SourceReport>, Losses) {
        let mut losses = Losses::default();
        let of = self.sources.iter().filter(|((known, _), _)| project.is_none_or(|project| project == *known));
        let mut reports: Vec<SourceReport> = of.map(|((_, name), source)| source.report(name, now)).collect();
        for report in &reports {
            losses.missing = losses.missing.saturating_add(report.missing);
            losses.awaited = losses.awaited.saturating_add(report.awaited);
            losses.dropped = losses.dropped.saturating_add(report.dropped);
        }
        reports.sort_by(|a, b| b.last_heard.cmp(&a.last_heard).then_with(|| a.source.cmp(&b.source)));
        (reports, losses)
    }
}

impl Source {
    /// The numbers from `first` to `last` came.
    fn heard(&mut self, first: u64, last: u64, now: Timestamp) {
        self.last_heard = self.last_heard.max(now);
        if first > self.highest.saturating_add(1) {
            let gap = self.highest + 1;
            if self.doubted {
                self.unknown = self.unknown.saturating_add(first - gap);
            } else {
                self.gaps.insert(gap, Gap { last: first - 1, since: now });
            }
        }
        if last > self.highest {
            self.doubted = false;
        }
        self.highest = self.highest.max(last);
        let touched: Vec<(u64, Gap)> =
            self.gaps.range(..=last).filter(|(_, gap)| gap.last >= first).map(|(from, gap)| (*from, *gap)).collect();
        for (from, gap) in touched {
            self.gaps.remove(&from);
            if from < first {
                self.gaps.insert(from, Gap { last: first - 1, ..gap });
            }
            if gap.last > last {
                self.gaps.insert(last + 1, gap);
            }
        }
        while self.gaps.len() > MAX_GAPS {
            if let Some((from, gap)) = self.gaps.pop_first() {
                self.folded = self.folded.saturating_add(gap.last - from + 1);
            }
        }
    }

    fn report(&self, name: &str, now: Timestamp) -> SourceReport {
        let (mut missing, mut awaited) = (self.folded, 0_u64);
        for (from, gap) in &self.gaps {
            let spans = gap.last - from + 1;
            let part = if later(gap.since, GRACE) <= now { &mut missing } else { &mut awaited };
            *part = part.saturating_add(spans);
        }
        SourceReport {
            source: name.to_owned(),
            first_heard: self.first_heard,
            last_heard: self.last_heard,
            received: self.highest.saturating_sub(missing).saturating_sub(awaited).saturating_sub(self.unknown),
            missing,
            awaited,
            dropped: self.lost,
            unknown: self.unknown,
            gaps: self.gaps.iter().take(SHOWN_GAPS).map(|(from, gap)| (*from, gap.last)).collect(),
        }
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_nanos(time.as_nanos().saturating_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        later(Timestamp::from_nanos(1_700_000_000_000_000_000), Duration::from_secs(seconds))
    }

    fn told(first: u64, spans: u64) -> Sequence {
        Sequence { source: "a".to_owned(), first, spans, lost: 0 }
    }

    /// A source that told of these numbers, one request a second; what is received, missing and awaited at that second.
    #[track_caller]
    fn check(requests: &[(u64, u64)], second: u64, expect: (u64, u64, u64)) {
        let mut state = State::default();
        for (n, (first, spans)) in requests.iter().enumerate() {
            state.heard(1, told(*first, *spans), at(n as u64));
        }
        let (reports, losses) = state.report(Some(1), at(second));
        let report = &reports[0];
        assert_eq!((report.received, report.missing, report.awaited), expect, "{requests:?}: {report:?}");
        assert_eq!((losses.missing, losses.awaited), (expect.1, expect.2));
    }

    #[test]
    fn gaps_are_awaited_then_missing_and_filled_by_what_is_late() {
        check(&[(1, 3), (4, 7)], 1_000, (10, 0, 0));
        check(&[(1, 3), (7, 4)], 2, (7, 0, 3));
        check(&[(1, 3), (7, 4)], 61, (7, 3, 0));
        check(&[(1, 3), (7, 4), (4, 3)], 1_000, (10, 0, 0));
        check(&[(1, 3), (7, 4), (5, 1)], 1_000, (8, 2, 0));
        check(&[(3, 1)], 1_000, (1, 2, 0));
        check(&[(5, 1), (3, 1), (1, 1)], 1_000, (3, 2, 0));
    }

    #[test]
    fn the_same_request_twice_changes_nothing() {
        check(&[(1, 3), (7, 4), (1, 3), (7, 4), (7, 4)], 1_000, (7, 3, 0));
        check(&[(1, 3), (7, 4), (3, 5)], 1_000, (10, 0, 0));
    }

    #[test]
    fn gaps_that_are_too_many_are_still_counted() {
        let odd: Vec<(u64, u64)> = (1..=5_000).map(|n| (2 * n, 1)).collect();
        check(&odd, 10_000, (5_000, 5_000, 0));
    }

    #[test]
    fn after_a_crash_the_seam_is_not_judged_and_what_follows_is() {
        let mut state = State::default();
        state.heard(1, told(1, 5), at(0));
        let sources = state.sources.into_iter().map(|((project, name), source)| (project, name, source)).collect();
        let mut state = State::new(Ledger { ended: false, sources }, at(10));
        state.heard(1, told(9, 2), at(11));
        state.heard(1, told(14, 1), at(12));
        state.heard(1, Sequence { source: "unknown".to_owned(), ..told(100, 1) }, at(12));
        let (reports, losses) = state.report(None, at(1_000));
        assert_eq!(losses.missing, 3);
        let known = reports.iter().find(|report| report.source == "a").unwrap();
        assert_eq!((known.received, known.unknown, &known.gaps), (8, 3, &vec![(11, 13)]));
        let unknown = reports.iter().find(|report| report.source == "unknown").unwrap();
        assert_eq!((unknown.received, unknown.unknown), (1, 99));
    }

    #[test]
    fn the_file_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources::open(folder.path()).unwrap();
        let sequence = |first| Sequence { lost: 4, ..told(first, 2) };
        sources.lock().heard(1, sequence(1), now());
        sources.lock().heard(1, sequence(5), now());
        sources.end();
        let again = Sources::open(folder.path()).unwrap();
        assert_eq!(again.losses(), Losses { missing: 0, awaited: 2, dropped: 4 });
        again.lock().heard(1, sequence(9), now());
        assert_eq!(again.losses().awaited, 4, "the server ended in order: nothing is in doubt");
        fs::write(folder.path().join(FILE), "{").unwrap();
        let anew = Sources::open(folder.path()).unwrap();
        assert_eq!(anew.losses(), Losses::default(), "a damaged file keeps no server from starting");
        anew.lock().heard(1, sequence(9), now());
        assert_eq!(anew.losses().awaited, 0, "and what came before it is in doubt");
    }

    #[test]
    fn sources_are_bounded() {
        let mut state = State::default();
        for n in 0..=MAX_SOURCES as u64 {
            state.heard(1, Sequence { source: format!("s{n}"), ..told(1, 1) }, at(n));
        }
        assert_eq!(state.sources.len(), MAX_SOURCES * 9 / 10);
        assert!(!state.sources.contains_key(&(1, "s0".to_owned())));
        state.forget(at(REMEMBERED.as_secs() * 2));
        assert!(state.sources.is_empty());
    }

    #[test]
    fn headers() {
        let parse = Sequence::parse;
        let expect = Sequence { source: "ab12".to_owned(), first: 7, spans: 3, lost: 2 };
        assert_eq!(parse("source=\"ab12\", first=7, spans=3, lost=2"), Some(expect.clone()));
        assert_eq!(parse("spans=3,first=7,more=?1,source=\"ab12\",lost=2"), Some(expect));
        for wrong in [
            "",
            "source=\"a\"",
            "source=a, first=1, spans=1",
            "source=\"a\", first=0, spans=1",
            "source=\"a\", first=1, spans=0",
            "source=\"a\", first=18446744073709551615, spans=1",
            "source=\"a b\", first=1, spans=1",
            "source=\"\", first=1, spans=1",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
