//! The one thread that keeps house: erasures, what is kept and for how long, dictionaries, free room.
//!
//! Everything it does to the record goes through the writer in small steps, so that appends go between. What is cut off is
//! found again in the record and goes on.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use neuraltrust_model::Timestamp;

use super::indexer::Shared;
use super::priority;
use super::record::Record;
use super::schema::BUSY;
use super::troubles::Part;
use super::writer::Writer;
use super::{dictionaries, disk, erasures, prices, recoding, removal, retention, sweep};
use crate::{ProjectId, StoreError};

/// Between two looks at what is to be done; it is woken for what cannot wait.
const EVERY: Duration = Duration::from_secs(1);
/// Between two looks at the age of traces.
const RETENTION_EVERY: Duration = Duration::from_secs(10);
/// Between two measurements of the disk for projects that have a limit.
const MEASURE_EVERY: Duration = Duration::from_secs(60);
/// Patches from which the first dictionary of a project is learnt.
const FIRST_LEARNT_FROM: u64 = 1_000;
/// The next one is tried after this many times as many further patches as the last.
const LEARN_AGAIN_AFTER_TIMES: u64 = 5;
/// ... and at the latest after this many.
const LEARN_AGAIN_AFTER: u64 = 500_000;
/// Longest wait for the index to follow an erasure before it is tried again.
const FOLLOW: Duration = Duration::from_secs(60);
/// Housekeeping that fails this many times in a row is a trouble that is told.
const FAILURES: u32 = 3;
/// How long the log is left alone when readers hold it: appends wait while it is tried.
const LOG_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Longest wait for readers when the log is emptied.
const LOG_PATIENCE: Duration = Duration::from_millis(250);
/// Pages returned to the system in one step.
const RETURN_PAGES: u32 = 256;
/// Free room of this share of the record is left for what comes; what is above goes back to the system.
const FREE_SHARE: u64 = 10;

/// What the thread works with.
pub(super) struct Keeper {
    pub(super) data_dir: PathBuf,
    pub(super) shared: Shared,
}

/// What is known from before; only saves work.
struct Work {
    clock: retention::Clock,
    aged: Option<Instant>,
    measured: Option<Instant>,
    /// The last patch that is counted in `learning`.
    counted_to: u64,
    learning: HashMap<ProjectId, Learning>,
    /// Erasures of which the index holds nothing any more.
    purged: BTreeSet<i64>,
    /// When readers were found to hold the log.
    log_held: Option<Instant>,
}

/// When a project learns.
#[derive(Clone, Copy)]
struct Learning {
    /// Patches that came since it learnt last.
    new: u64,
    /// At how many of them it learns again.
    at: u64,
}

/// Something of what the thread does.
type Task = fn(&Keeper, &mut Work) -> Result<(), StoreError>;

impl Keeper {
    /// Runs until told to stop.
    pub(super) fn run(&self) {
        priority::give_way();
        // What was there before this process began teaches nothing new.
        let counted_to = self.shared.indexed.load(Ordering::Acquire);
        let mut work = Work {
            clock: retention::Clock::new(),
            aged: None,
            measured: None,
            counted_to,
            learning: HashMap::new(),
            purged: BTreeSet::new(),
            log_held: None,
        };
        let mut failures = 0;
        while !self.shared.stopping() {
            #[cfg(feature = "conformance")]
            assert!(!self.data_dir.join(crate::conformance::BREAK_DOWN).exists(), "a test breaks this thread down");
            match self.keep(&mut work) {
                Ok(()) => {
                    failures = 0;
                    self.shared.troubles.end(Part::Housekeeping);
                }
                // Others are at work, and will be done.
                Err(StoreError::Busy { .. } | StoreError::IndexLags) => {}
                Err(_) if self.shared.stopping() => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "housekeeping failed; trying again");
                    failures += 1;
                    if failures >= FAILURES {
                        self.shared.troubles.begin(Part::Housekeeping, error.with_causes());
                    }
                }
            }
            self.shared.housework.wait(EVERY);
        }
    }

    fn keep(&self, work: &mut Work) -> Result<(), StoreError> {
        let tasks: [Task; 9] = [
            |keeper, _| keeper.try_writing(),
            Self::erase,
            |keeper, _| sweep::sweep_marked(keeper.record(), keeper.writer()),
            |keeper, _| keeper.forget(),
            |keeper, _| keeper.let_go(),
            Self::retain,
            |keeper, _| keeper.follow_prices(),
            Self::learn,
            |keeper, _| keeper.return_room(),
        ];
        let mut done = Ok(());
        for task in tasks {
            if self.shared.stopping() {
                break;
            }
            // One that fails must not keep the others from being done.
            done = done.and(task(self, work));
        }
        done
    }

    /// Finds out whether the record can be written again: while a load balancer keeps away who would, nobody else does.
    fn try_writing(&self) -> Result<(), StoreError> {
        if self.shared.troubles.keep_from(Part::Record) {
            self.writer().try_out()?;
            self.shared.troubles.end(Part::Record);
        }
        Ok(())
    }

    fn record(&self) -> &Record {
        &self.shared.record
    }

    fn writer(&self) -> &Writer {
        &self.shared.writer
    }

    /// Ends the erasures that are open.
    fn erase(&self, work: &mut Work) -> Result<(), StoreError> {
        let open = erasures::open(self.record())?;
        if open.is_empty() {
            work.purged.clear();
            return Ok(());
        }
        let mut failed = Ok(());
        let mut swept = Vec::with_capacity(open.len());
        for erasure in open {
            // One that fails, because something beside it is damaged, must not keep the others from being done.
            failed = failed.and(erasures::take_out(self.record(), self.writer(), erasure));
            if erasures::is_swept(self.record(), erasure)? {
                swept.push(erasure);
            }
        }
        if swept.is_empty() {
            return failed;
        }
        if swept.iter().any(|erasure| !work.purged.contains(erasure)) {
            self.index_follows()?;
            self.shared.purge()?;
            work.purged.extend(&swept);
        }
        self.forget()?;
        self.let_go()?;
        if work.log_held.is_some_and(|since| since.elapsed() < LOG_AGAIN_AFTER) {
            return failed;
        }
        let emptied = self.writer().outside(empty_log);
        work.log_held = emptied.as_ref().is_err_and(|error| matches!(error, StoreError::Busy { .. })).then(Instant::now);
        emptied?;
        for erasure in swept {
            if self.shared.stopping() {
                return Ok(());
            }
            erasures::done(self.writer(), erasure, now())?;
        }
        failed
    }

    /// Waits until the index has followed everything that is in the record now.
    fn index_follows(&self) -> Result<(), StoreError> {
        let target = self.record().last_seq()?;
        let begin = Instant::now();
        while self.shared.indexed.load(Ordering::Acquire) < target {
            if self.shared.stopping() || begin.elapsed() > FOLLOW {
                return Err(StoreError::IndexLags);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Takes away marks that the index has followed.
    fn forget(&self) -> Result<(), StoreError> {
        let act = "take away marks";
        let any = self.record().read(act, |connection| {
            connection.prepare_cached("SELECT 1 FROM patch WHERE length(body) = 0 LIMIT 1")?.exists([])
        })?;
        if !any {
            return Ok(());
        }
        let indexed = self.shared.indexed.load(Ordering::Acquire);
        while self
            .writer()
            .step(act, move |transaction| removal::forget(transaction, indexed).map_err(StoreError::record(act)))?
        {}
        Ok(())
    }

    /// Removes what is not to be kept any longer.
    fn retain(&self, work: &mut Work) -> Result<(), StoreError> {
        let due = |last: Option<Instant>, every| last.is_none_or(|last: Instant| last.elapsed() >= every);
        let limited = retention::limited(self.record())?;
        if due(work.aged, RETENTION_EVERY) {
            work.aged = Some(Instant::now());
            let now = work.clock.now();
            for (project, retention) in &limited {
                let Some((age, now)) = retention.max_age.zip(now) else { continue };
                let cutoff = now.saturating_sub(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
                loop {
                    // Before the traces are looked at: what comes of them afterwards is not old.
                    let up_to = self.record().last_seq()?;
                    let old = retention::older_than(self.record(), *project, cutoff, now)?;
                    if old.is_empty() || self.shared.stopping() {
                        break;
                    }
                    removal::remove(self.record(), self.writer(), &old, up_to)?;
                    if erasures::count_open(self.record())? > 0 {
                        // Somebody waits for that; the rest goes afterwards.
                        work.aged = None;
                        return Ok(());
                    }
                }
            }
        }
        let by_size = limited.iter().filter_map(|(project, retention)| Some((*project, retention.max_bytes?)));
        let by_size: HashMap<ProjectId, u64> = by_size.collect();
        if !by_size.is_empty() && due(work.measured, MEASURE_EVERY) {
            work.measured = Some(Instant::now());
            self.keep_below(&by_size)?;
        }
        Ok(())
    }

    /// Removes the oldest traces of the projects that take up more than they may.
    fn keep_below(&self, most: &HashMap<ProjectId, u64>) -> Result<(), StoreError> {
        let disk = disk::measure(&self.data_dir, self.record(), &self.shared.index)?;
        for project in disk.projects {
            let Some(most) = most.get(&project.project) else { continue };
            let over = project.total().saturating_sub(*most);
            // What is around bodies goes with them.
            let mut bytes = (u128::from(project.bodies) * u128::from(over)).div_ceil(u128::from(project.total().max(1))) as u64;
            while bytes > 0 && !self.shared.stopping() {
                let up_to = self.record().last_seq()?;
                let (oldest, removed) = retention::oldest(self.record(), project.project, bytes)?;
                if oldest.is_empty() {
                    break;
                }
                removal::remove(self.record(), self.writer(), &oldest, up_to)?;
                bytes = bytes.saturating_sub(removed.max(1));
            }
        }
        Ok(())
    }

    /// Brings the costs in the index up to the prices, a few traces at a time. The mark that a project is behind is taken away
    /// when the index has followed.
    fn follow_prices(&self) -> Result<(), StoreError> {
        for project in prices::behind(self.record())? {
            while prices::mark_some(self.writer(), project)? {
                self.index_follows()?;
                // Somebody waits for erasures; this goes on afterwards.
                if self.shared.stopping() || erasures::count_open(self.record())? > 0 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Learns dictionaries where there is much that is new.
    fn learn(&self, work: &mut Work) -> Result<(), StoreError> {
        for (project, new, last) in self.told_since(work.counted_to)? {
            work.counted_to = work.counted_to.max(last);
            let learning = match work.learning.get(&project) {
                Some(learning) => *learning,
                // Where something was learnt before this process began, that is good for a while.
                None => match self.record().dictionaries().current(self.record(), project)? {
                    Some(_) => Learning { new: 0, at: LEARN_AGAIN_AFTER },
                    None => Learning { new: 0, at: FIRST_LEARNT_FROM },
                },
            };
            work.learning.insert(project, Learning { new: learning.new + new, ..learning });
        }
        for (project, learning) in &mut work.learning {
            if learning.new < learning.at || self.shared.stopping() {
                continue;
            }
            *learning = Learning { new: 0, at: (learning.at * LEARN_AGAIN_AFTER_TIMES).min(LEARN_AGAIN_AFTER) };
            self.learn_now(*project)?;
        }
        Ok(())
    }

    fn learn_now(&self, project: ProjectId) -> Result<(), StoreError> {
        let Some(trained) = dictionaries::train(self.record(), project)? else { return Ok(()) };
        let adopted =
            self.writer().step("keep a dictionary", move |transaction| dictionaries::adopt(transaction, project, &trained))?;
        self.record().dictionaries().forget();
        tracing::info!(project = project.get(), adopted, "a dictionary was learnt");
        Ok(())
    }

    /// Lets the dictionaries go that are to leave. What is coded with them is coded with what is learnt of the rest in their place.
    fn let_go(&self) -> Result<(), StoreError> {
        for (_, project) in recoding::leaving(self.record())? {
            self.record().dictionaries().forget();
            if self.record().dictionaries().current(self.record(), project)?.is_none() {
                self.learn_now(project)?;
            }
        }
        recoding::let_go(self.record(), self.writer())
    }

    /// How many patches of each project there are behind the patch `seq`, and the last of them.
    fn told_since(&self, seq: u64) -> Result<Vec<(ProjectId, u64, u64)>, StoreError> {
        self.record().read("count patches", |connection| {
            connection
                .prepare_cached(
                    "SELECT project, count(*), max(seq) FROM patch CROSS JOIN trace ON trace.id = patch.trace
                     WHERE seq > ?1 GROUP BY project",
                )?
                .query_map([seq.cast_signed()], |row| {
                    let [count, last] = [row.get::<_, i64>(1)?, row.get(2)?].map(i64::cast_unsigned);
                    Ok((ProjectId(row.get(0)?), count, last))
                })?
                .collect()
        })
    }

    /// Returns free room of the record to the system, where it is much.
    fn return_room(&self) -> Result<(), StoreError> {
        loop {
            let (pages, free): (u64, u64) = self.record().read("measure the record", |connection| {
                let pragma = |name| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
                Ok((pragma("page_count")?.cast_unsigned(), pragma("freelist_count")?.cast_unsigned()))
            })?;
            if free <= pages / FREE_SHARE || free < u64::from(RETURN_PAGES) || self.shared.stopping() {
                return Ok(());
            }
            self.writer().outside(|connection| return_pages(connection).map_err(StoreError::record("return free room")))?;
            if erasures::count_open(self.record())? > 0 {
                // Somebody waits for that; the rest goes afterwards.
                return Ok(());
            }
        }
    }
}

/// Returns some free pages to the system. The statement frees one page for each row that is asked of it.
fn return_pages(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    let mut vacuum = connection.prepare_cached(&format!("PRAGMA incremental_vacuum({RETURN_PAGES})"))?;
    let mut freed = vacuum.query([])?;
    while freed.next()?.is_some() {}
    Ok(())
}

/// Writes the log into the record and empties it, so that nothing of what was deleted is left in it.
fn empty_log(connection: &mut rusqlite::Connection) -> Result<(), StoreError> {
    let act = "empty the log of the record";
    // A reader, a backup above all, may hold it up for long, and appends wait meanwhile: it is tried again instead.
    connection.busy_timeout(LOG_PATIENCE).map_err(StoreError::record(act))?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(BUSY).map_err(StoreError::record(act))?;
    let busy = busy.map_err(StoreError::record(act))?;
    match busy {
        0 => Ok(()),
        _ => Err(StoreError::Busy { act }),
    }
}

/// The moment, by the wall clock.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_pages_go_back_in_a_step_as_are_meant_to() {
        let dir = tempfile::tempdir().unwrap();
        let connection = rusqlite::Connection::open(dir.path().join("record.sqlite")).unwrap();
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; CREATE TABLE page (body BLOB)").unwrap();
        let pages = RETURN_PAGES * 2;
        for _ in 0..pages {
            connection.execute("INSERT INTO page VALUES (zeroblob(4000))", []).unwrap();
        }
        connection.execute("DELETE FROM page", []).unwrap();
        let free = || connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, u32>(0)).unwrap();
        let before = free();
        return_pages(&connection).unwrap();
        assert_eq!(before - free(), RETURN_PAGES);
    }
}
