//! Kills the process that writes (SIGKILL) at many moments: while it appends, moves contents, erases, keeps retention, codes
//! anew and is backed up. Afterwards everything acknowledged is there once, what is receipted as erased is not, and the check
//! of the directory finds nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use neuraltrust_model::{Content, ConversationId, Kind, Map, Message, Part, SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::conformance::{pages, settle};
use neuraltrust_store::embedded::{backup, restore, verify};
use neuraltrust_store::{Asked, ProjectId, Retention, SpanRow, Store};

use crate::embedded::open;

/// Tells this test binary that it is the process to be killed: the data directory, and the number of the first batch.
const KILLED: (&str, &str) = ("KILLED_PROCESS_DATA_DIR", "KILLED_PROCESS_FIRST_BATCH");
/// Spans of a trace beside its root.
const CALLS: usize = 12;
/// Batches that are there before anything is killed: enough to learn a dictionary from.
const FILLED: usize = 170;
/// How long each process lives, in milliseconds from its first acknowledgement on.
const LIVES: [u64; 8] = [20, 1_300, 150, 900, 1_800, 400, 60, 1_100];

fn message(conversation: usize, number: usize) -> Message {
    let text = format!("message {number} of conversation {conversation}: the parcel {} is in the terminal; ", number * 31);
    Message { role: "user".to_owned(), parts: vec![Part::Text { text: text.repeat(2 + number % 3) }], extra: Map::new() }
}

fn patch(trace: usize, span: &str) -> SpanPatch {
    SpanPatch::new(TraceId::new(format!("t{trace}")).unwrap(), SpanId::new(span).unwrap())
}

fn conversation_id(trace: usize) -> ConversationId {
    ConversationId::new(format!("c{}", trace / 8)).unwrap()
}

/// What goes into a call: the conversation so far, or a text or JSON that is kept whole.
fn input(trace: usize, call: usize) -> Content {
    match call % 6 {
        4 => Content::text(format!("page {call} of trace {trace} ").repeat(300)),
        5 => Content::Json { value: serde_json::json!({ "rows": vec![format!("row of {trace}"); 500] }) },
        _ => Content::Messages { messages: (0..=trace % 8 * CALLS + call).map(|n| message(trace / 8, n)).collect() },
    }
}

fn time(trace: usize, call: usize) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + (trace * 100 + call) as i64 * 1_000_000)
}

/// A trace, and the name of the conversation of the trace before: every other trace is told its conversation late.
fn batch(trace: usize) -> Vec<SpanPatch> {
    let root = SpanPatch {
        kind: Some(Kind::Message),
        start: Some(time(trace, 0)),
        conversation_id: trace.is_multiple_of(2).then(|| conversation_id(trace)),
        ..patch(trace, "root")
    };
    let call = |call: usize| SpanPatch {
        kind: Some(Kind::Generation),
        parent_id: Some(SpanId::new("root").unwrap()),
        start: Some(time(trace, call)),
        end: Some(time(trace, call + 1)),
        input: Some(input(trace, call)),
        ..patch(trace, &format!("call-{call}"))
    };
    let before = trace.checked_sub(1).map(|before| SpanPatch {
        end: Some(time(before, 50)),
        conversation_id: Some(conversation_id(before)),
        ..patch(before, "root")
    });
    std::iter::once(root).chain((0..CALLS).map(call)).chain(before).collect()
}

/// What is told of a trace after it was asked to be erased.
fn afterwards(trace: usize) -> SpanPatch {
    SpanPatch { start: Some(time(trace, 99)), input: Some(input(trace, 3)), ..patch(trace, "afterwards") }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_nanos(since.as_nanos() as i64)
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Not a test of its own: what the process does that is killed. Without its variables it is any other run of the tests.
#[tokio::test]
async fn the_process_that_is_killed() {
    let (Ok(data), Ok(first)) = (std::env::var(KILLED.0), std::env::var(KILLED.1)) else { return };
    let (data, first) = (PathBuf::from(data), first.parse::<usize>().unwrap());
    let store = open(&data);
    let [kept, aged] = ["kept", "aged"].map(|name| store.accounts().project(name).unwrap());
    let backups = data.with_extension("backups");
    let from = data.clone();
    std::thread::spawn(move || {
        for n in 0.. {
            let dest = backups.join(format!("{first}-{n}"));
            if backup(&from, &dest, |_, _| {}).is_ok() {
                say(&format!("saved {}", dest.display()));
            }
        }
    });
    for n in first.. {
        store.append(kept, batch(n), now()).await.unwrap();
        say(&format!("kept {n}"));
        // Old when it comes, so that it is removed while more comes.
        store.append(aged, batch(n), Timestamp::from_nanos(now().as_nanos() - 7_200_000_000_000)).await.unwrap();
        if n % 3 == 0 {
            let project = store.project(kept);
            let old = n - 20 - n % 11;
            let asked = match n % 2 {
                0 => Asked::Trace(TraceId::new(format!("t{old}")).unwrap()),
                _ => Asked::Conversation(conversation_id(old)),
            };
            let erasure = project.erase(asked).await.unwrap();
            say(&format!("asked {}", erasure.row.id));
            store.append(kept, vec![afterwards(old)], now()).await.unwrap();
            say(&format!("afterwards {old}"));
        }
    }
}

/// What a process acknowledged before it was killed.
#[derive(Debug, Default)]
struct Acknowledged {
    /// Batches up to this one.
    kept: usize,
    afterwards: BTreeSet<usize>,
    saved: Option<PathBuf>,
}

fn run_and_kill(data: &Path, first: usize, after: Duration, known: &mut Acknowledged) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crashes::the_process_that_is_killed", "--nocapture"])
        .env(KILLED.0, data)
        .env(KILLED.1, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(process.stdout.take().unwrap());
    let (lines, said) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| lines.send(line).unwrap_or(())));
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut all = Vec::new();
    while !all.iter().any(|line: &String| line.starts_with("kept ")) {
        let left = deadline.saturating_duration_since(Instant::now());
        all.push(said.recv_timeout(left).expect("the process begins to write"));
    }
    std::thread::sleep(after);
    process.kill().unwrap();
    process.wait().unwrap();
    reading.join().unwrap();
    all.extend(said.try_iter());
    for line in all {
        match line.split_once(' ') {
            Some(("kept", n)) => known.kept = n.parse().unwrap(),
            Some(("afterwards", n)) => drop(known.afterwards.insert(n.parse().unwrap())),
            Some(("saved", path)) => known.saved = Some(path.into()),
            _ => {}
        }
    }
}

/// Opens the directory as the next process would, lets it end what was begun, and compares it with what was acknowledged.
async fn check(data: &Path, kept: ProjectId, known: &Acknowledged) {
    let store = open(data);
    settle(&store).await;
    let project = store.project(kept);
    let mut erased: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..1_200 {
        let mut erasures = Vec::new();
        for row in project.erasures(None, 10_000).await.unwrap() {
            erasures.extend(project.erasure(row.id).await.unwrap());
        }
        erased.clear();
        for trace in erasures.iter().flat_map(|one| &one.traces) {
            *erased.entry(trace.trace_id.to_string()).or_default() += 1;
        }
        if erasures.iter().all(|one| one.row.done_at.is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    settle(&store).await;
    assert!(project.erasures(None, 10_000).await.unwrap().iter().all(|one| one.done_at.is_some()), "erasures go on and end");

    let mut listed: BTreeMap<(String, String), Vec<SpanRow>> = BTreeMap::new();
    for row in pages(1_000, |query| project.spans(query)).await {
        listed.entry((row.trace_id.to_string(), row.span_id.to_string())).or_default().push(row);
    }
    let twice: Vec<_> = listed.values().filter(|rows| rows.len() > 1).collect();
    assert!(twice.is_empty(), "{} spans are listed more than once, such as {:?}", twice.len(), twice.first());
    for trace in 0..=known.kept {
        let id = format!("t{trace}");
        let is_erased = erased.contains_key(&id);
        for call in 0..CALLS {
            let span = format!("call-{call}");
            assert_eq!(listed.contains_key(&(id.clone(), span.clone())), !is_erased, "{span} of {id}, erased: {is_erased}");
            // The newest are read back whole; all of them are by the check of the directory.
            if !is_erased && trace + 30 > known.kept {
                let read = project.span(TraceId::new(&*id).unwrap(), SpanId::new(span).unwrap()).await.unwrap().unwrap();
                assert_eq!(read.input, Some(input(trace, call)));
            }
        }
        // What was erased again took that with it.
        if known.afterwards.contains(&trace) && erased.get(&id) == Some(&1) {
            assert!(listed.contains_key(&(id.clone(), "afterwards".to_owned())), "what came after the erasure of {id} is there");
            let read = project.span(TraceId::new(&*id).unwrap(), SpanId::new("afterwards").unwrap()).await.unwrap().unwrap();
            assert_eq!(read.input, Some(input(trace, 3)));
        }
    }
    store.close().await.unwrap();
    drop((project, store));
    check_sound(data, &[]);
}

fn check_sound(data: &Path, expect: &[&str]) {
    let report = verify(data, |_, _| {}).unwrap();
    let unexpected: Vec<_> = report.findings.iter().filter(|finding| !expect.iter().any(|text| finding.contains(text))).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

async fn fill(data: &Path) -> ProjectId {
    let store: Store = open(data);
    let [kept, aged] = ["kept", "aged"].map(|name| store.accounts().create_project(name).unwrap());
    let keep = Retention { max_age: Some(Duration::from_secs(3_600)), max_bytes: None };
    store.project(aged).set_retention(keep).await.unwrap();
    for n in 0..FILLED {
        store.append(kept, batch(n), now()).await.unwrap();
    }
    for _ in 0..1_200 {
        let record = rusqlite::Connection::open(data.join("record.sqlite")).unwrap();
        let learnt: i64 = record.query_row("SELECT count(*) FROM dictionary", [], |row| row.get(0)).unwrap();
        if learnt > 0 {
            store.close().await.unwrap();
            return kept;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no dictionary was learnt");
}

#[tokio::test]
async fn a_process_that_is_killed_loses_nothing_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let kept = fill(&data).await;
    let mut known = Acknowledged { kept: FILLED - 1, ..Acknowledged::default() };
    for life in LIVES {
        let first = known.kept + 1;
        run_and_kill(&data, first, Duration::from_millis(life), &mut known);
        assert!(known.kept >= first, "it came to write something");
        check(&data, kept, &known).await;
    }
    let saved = known.saved.expect("a backup was taken meanwhile");
    let back = dir.path().join("back");
    restore(&saved, &back, |_, _| {}).unwrap();
    check_sound(&back, &["there is no index"]);
    // A backup that was cut off is none.
    for entry in std::fs::read_dir(saved.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let whole = path.join("backup.json").exists();
        let restored = restore(&path, &dir.path().join("back").join(path.file_name().unwrap()), |_, _| {});
        assert_eq!(restored.is_ok(), whole, "{restored:?}");
    }
}
