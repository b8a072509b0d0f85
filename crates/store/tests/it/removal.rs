//! Erasure, retention and what takes up the disk.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use neuraltrust_model::{Content, ConversationId, Kind, Map, Message, Part, SpanId, SpanPatch, Timestamp, TraceId, User};
use neuraltrust_store::conformance::settle;
use neuraltrust_store::embedded::verify;
use neuraltrust_store::{Asked, Erasure, Field, Filter, ListOf, ListQuery, ProjectId, ProjectStore, Retention, Store};

use crate::embedded::open;

/// A word that is nowhere else.
const PLANTED: &str = "quetzalcoatlus";
const PLANTED_TRACE: u32 = 7;

fn message(text: String) -> Message {
    Message { role: "user".to_owned(), parts: vec![Part::Text { text }], extra: Map::new() }
}

/// A model call of a conversation of four traces: it sends what was said before it again.
pub(crate) fn call(trace: u32, planted: bool) -> SpanPatch {
    let words = |n: u32| format!("the parcel number {n} is in the terminal and arrives tomorrow between ten and two, {}", n * 31);
    let mut history: Vec<Message> = (trace / 4 * 4..=trace).map(|n| message(words(n).repeat(3))).collect();
    if planted {
        history.push(message(format!("my secret is {PLANTED} and nothing else ").repeat(8)));
        // Bytes that cannot be made smaller, so that the word is on disk as it is.
        let mut bytes = vec![0; 20_000];
        blake3::Hasher::new().update(&trace.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes.splice(9_000..9_000, PLANTED.bytes());
        let uri = format!("data:image/png;base64,{}", STANDARD.encode(bytes));
        let media = Part::Media { mime_type: None, uri: Some(uri), name: None, bytes: None };
        history.push(Message { role: "user".to_owned(), parts: vec![media], extra: Map::new() });
    }
    let start = Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::from(trace));
    SpanPatch {
        kind: Some(Kind::Generation),
        start: Some(start),
        end: Some(start),
        conversation_id: Some(ConversationId::new(format!("c{}", trace / 4)).unwrap()),
        user: Some(User { id: Some(format!("user-{}", trace % 5)), ..User::default() }),
        input: Some(Content::Messages { messages: history }),
        output: Some(Content::text(words(trace))),
        metadata: planted.then(|| ("note".to_owned(), PLANTED.into())).into_iter().collect(),
        ..SpanPatch::new(TraceId::new(format!("t{trace}")).unwrap(), SpanId::new("s").unwrap())
    }
}

pub(crate) async fn append(store: &Store, id: ProjectId, patches: Vec<SpanPatch>) {
    store.append(id, patches, Timestamp::from_nanos(1_800_000_000_000_000_000)).await.unwrap();
}

async fn found(project: &ProjectStore, text: &str) -> usize {
    let filter = Filter::read(ListOf::Spans, text, neuraltrust_model::Timestamp::from_nanos(0)).unwrap();
    project.spans(ListQuery { filter, limit: 1_000, ..ListQuery::default() }).await.unwrap().items.len()
}

pub(crate) async fn done(project: &ProjectStore, erasure: &Erasure) -> Erasure {
    for _ in 0..1_200 {
        let now = project.erasure(erasure.row.id).await.unwrap().unwrap();
        if now.row.done_at.is_some() {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the erasure does not end");
}

/// Every place in the data directory where the word is: every file as it is, and every body, dictionary and document of the
/// index decompressed.
fn places(dir: &Path, word: &str) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    let holds = |bytes: &[u8]| bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()));
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if holds(&std::fs::read(&path).unwrap()) {
                places.insert(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let record = rusqlite::Connection::open(dir.join("record.sqlite")).unwrap();
    let blobs = |sql: &str| -> Vec<Vec<u8>> {
        let mut query = record.prepare(sql).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let dictionaries = blobs("SELECT bytes FROM dictionary");
    for dictionary in &dictionaries {
        if holds(dictionary) {
            places.insert("a dictionary".to_owned());
        }
    }
    for (table, sql) in [("patch", "SELECT body FROM patch WHERE length(body) > 0"), ("node", "SELECT body FROM node")] {
        for body in blobs(sql) {
            // What belongs to a medium is a body within a body.
            let (table, body) = if matches!(body[0], 3 | 4) { ("medium", &body[1..]) } else { (table, &body[..]) };
            let plain = match body[0] {
                0 => Some(body[1..].to_vec()),
                1 => zstd::decode_all(&body[1..]).ok(),
                _ => dictionaries.iter().find_map(|dictionary| {
                    let mut out = Vec::new();
                    let mut decoder = zstd::Decoder::with_dictionary(&body[1..], dictionary).unwrap();
                    std::io::Read::read_to_end(&mut decoder, &mut out).ok().map(|_| out)
                }),
            };
            if holds(&plain.unwrap()) {
                places.insert(table.to_owned());
            }
        }
    }
    let index = tantivy::Index::open_in_dir(dir.join("index")).unwrap();
    for segment in index.reader().unwrap().searcher().segment_readers() {
        for (field, entry) in index.schema().fields() {
            use tantivy::schema::FieldType::{JsonObject, Str};
            if entry.is_indexed() && matches!(entry.field_type(), Str(_) | JsonObject(_)) {
                let inverted = segment.inverted_index(field).unwrap();
                let mut terms = inverted.terms().stream().unwrap();
                while terms.advance() {
                    if holds(terms.key()) {
                        places.insert(format!("terms of {}", entry.name()));
                    }
                }
            }
        }
        let documents = segment.get_store_reader(1).unwrap();
        // Deleted documents are in their blocks as long as the segment is.
        for document in documents.iter::<tantivy::TantivyDocument>(None) {
            let document = document.unwrap();
            for (_, value) in document.field_values() {
                use tantivy::schema::Value as _;
                if value.as_bytes().is_some_and(holds) || value.as_str().is_some_and(|text| holds(text.as_bytes())) {
                    places.insert("documents".to_owned());
                }
            }
        }
    }
    places
}

#[tokio::test]
async fn what_is_erased_is_nowhere_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.accounts().project("default").unwrap();
    let project = store.project(id);
    // Enough for a dictionary, which learns the planted word too, since it comes again and again.
    for traces in (0..2_400_u32).collect::<Vec<_>>().chunks(100) {
        let plant = |trace: u32| trace % 100 == PLANTED_TRACE;
        append(&store, id, traces.iter().map(|trace| call(*trace, plant(*trace))).collect()).await;
    }
    settle(&store).await;
    let dictionaries = || {
        let record = rusqlite::Connection::open(dir.path().join("record.sqlite")).unwrap();
        record.query_row("SELECT count(*) FROM dictionary", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    for _ in 0..600 {
        if dictionaries() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(dictionaries(), 1, "a dictionary was learnt");
    append(&store, id, (2_400..2_500).map(|trace| call(trace, trace == 2_407)).collect()).await;
    settle(&store).await;

    assert_eq!(found(&project, PLANTED).await, 25);
    let planted = places(dir.path(), PLANTED);
    for place in ["node", "patch", "medium", "terms of text", "terms of metadata", "a dictionary"] {
        assert!(planted.contains(place), "{place} is looked through: {planted:?}");
    }
    assert!(planted.iter().any(|place| place.starts_with("record.sqlite")), "and is on disk as it is: {planted:?}");
    let filter = Filter::read(ListOf::Spans, PLANTED, neuraltrust_model::Timestamp::from_nanos(0)).unwrap();
    let told = serde_json::json!({ "q": "a word" });
    let asked = project.erase(Asked::Filter { filter: Box::new(filter), told: told.clone() }).await.unwrap();
    assert_eq!((asked.traces.len(), &asked.row.asked), (25, &serde_json::json!({ "filter": told })));
    let receipt = done(&project, &asked).await;
    assert_eq!((receipt.row.spans, receipt.row.patches), (25, 25));
    assert!(receipt.traces.iter().all(|trace| trace.hash.as_ref().is_some_and(|hash| hash.len() == 64)));

    assert_eq!(found(&project, PLANTED).await, 0);
    assert_eq!(places(dir.path(), PLANTED), BTreeSet::new());
    assert_eq!(dictionaries(), 1, "another was learnt of what is left");
    // The rest of the conversation is there, and a message that others sent again is found at one of them.
    let conversation = project.conversation(ConversationId::new("c1").unwrap()).await.unwrap().unwrap();
    assert_eq!(conversation.turns.len(), 3);
    for trace in [4, 5, 6] {
        let read = project.span(TraceId::new(format!("t{trace}")).unwrap(), SpanId::new("s").unwrap()).await.unwrap().unwrap();
        assert_eq!(read.input, call(trace, false).input);
    }
    assert!(project.trace(TraceId::new("t7").unwrap()).await.unwrap().is_none());
    assert_eq!(found(&project, "number 7 ").await, 0);
    drop((project, store));
    let report = verify(dir.path(), |_, _| {}).unwrap();
    assert_eq!(report.wrong, 0, "{:?}", report.findings);
}

#[tokio::test]
async fn a_conversation_a_trace_and_a_user_can_be_erased() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let [id, other] = ["a", "b"].map(|name| store.accounts().create_project(name).unwrap());
    for id in [id, other] {
        append(&store, id, (0..20).map(|trace| call(trace, false)).collect()).await;
    }
    settle(&store).await;
    let project = store.project(id);
    let rows = |project: ProjectStore| async move {
        let spans =
            project.spans(ListQuery { filter: Filter::default(), limit: 100, ..ListQuery::default() }).await.unwrap().items;
        spans.iter().map(|row| row.trace_id.as_str()[1..].parse::<u32>().unwrap()).collect::<BTreeSet<_>>()
    };
    let asked = project.erase(Asked::Trace(TraceId::new("t0").unwrap())).await.unwrap();
    done(&project, &asked).await;
    let asked = project.erase(Asked::Conversation(ConversationId::new("c1").unwrap())).await.unwrap();
    assert_eq!(asked.traces.len(), 4);
    done(&project, &asked).await;
    let asked = project.erase(Asked::User("user-2".to_owned())).await.unwrap();
    done(&project, &asked).await;
    let expect: BTreeSet<u32> = (0..20).filter(|trace| *trace != 0 && trace / 4 != 1 && trace % 5 != 2).collect();
    assert_eq!(rows(project.clone()).await, expect);
    assert!(project.conversation(ConversationId::new("c1").unwrap()).await.unwrap().is_none());
    assert!(project.conversation(ConversationId::new("c0").unwrap()).await.unwrap().is_some());
    let users = project.facets(ListOf::Conversations, Field::UserId.into(), Filter::default(), 10).await.unwrap().items;
    assert!(users.iter().all(|row| row.value != "user-2"), "{users:?}");
    assert_eq!(rows(store.project(other)).await.len(), 20, "another project is another's");
    assert!(store.project(other).erasure(asked.row.id).await.unwrap().is_none());
    assert_eq!(project.erasures(None, 10).await.unwrap().len(), 3);

    // What comes later of an erased trace is new.
    append(&store, id, vec![call(0, false)]).await;
    settle(&store).await;
    assert!(rows(project.clone()).await.contains(&0));
}

#[tokio::test]
async fn an_erasure_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.accounts().project("default").unwrap();
    append(&store, id, (0..8).map(|trace| call(trace, false)).collect()).await;
    settle(&store).await;
    let asked = store.project(id).erase(Asked::Conversation(ConversationId::new("c0").unwrap())).await.unwrap();
    drop(store);
    let store = open(dir.path());
    let receipt = done(&store.project(id), &asked).await;
    assert_eq!((receipt.row.spans, receipt.traces.len()), (4, 4));
}

#[tokio::test]
async fn an_erasure_that_was_not_written_down_whole_never_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.accounts().project("default").unwrap();
    append(&store, id, (0..8).map(|trace| call(trace, false)).collect()).await;
    settle(&store).await;
    drop(store);
    // As a crash leaves it, amid the steps in which its traces are written down.
    let record = rusqlite::Connection::open(dir.path().join("record.sqlite")).unwrap();
    let unfinished = "INSERT INTO erasure (id, project, asked, requested_at, up_to) SELECT 7, id, '{}', 1, -1 FROM project;
                      INSERT INTO erased (erasure, trace, trace_id) SELECT 7, id, trace_id FROM trace LIMIT 3;";
    record.execute_batch(unfinished).unwrap();
    drop(record);
    let store = open(dir.path());
    let project = store.project(id);
    assert!(project.erasure(7).await.unwrap().is_none());
    let asked = project.erase(Asked::Conversation(ConversationId::new("c0").unwrap())).await.unwrap();
    assert_eq!(done(&project, &asked).await.row.spans, 4, "what was asked for afterwards is done");
    settle(&store).await;
    let left = project.traces(ListQuery { limit: 100, ..ListQuery::default() }).await.unwrap().items;
    assert_eq!(left.len(), 4, "and nothing else");
}

#[tokio::test]
async fn what_is_too_old_or_too_much_goes_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let [aged, sized] = ["aged", "sized"].map(|name| store.accounts().create_project(name).unwrap());
    let hour = 3_600_000_000_000_i64;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64;
    for (n, trace) in (0..40_u32).enumerate() {
        // One arrival an hour, the last one now.
        let at = Timestamp::from_nanos(now - (39 - n as i64) * hour);
        store.append(aged, vec![call(trace, false)], at).await.unwrap();
        store.append(sized, vec![call(trace, false)], at).await.unwrap();
    }
    settle(&store).await;
    let use_of = |name: &'static str| {
        let store = store.clone();
        async move { store.disk_use().await.unwrap().projects.into_iter().find(|project| project.name == name).unwrap() }
    };
    let before = use_of("sized").await;
    assert_eq!(before.patches, 40);
    assert!(before.record > 0 && before.content > 0 && before.index > 0, "{before:?}");
    let keep = Retention { max_age: Some(Duration::from_secs(10 * 3_600 + 1_800)), max_bytes: None };
    store.project(aged).set_retention(keep).await.unwrap();
    assert_eq!(store.project(aged).retention().await.unwrap(), keep);
    let keep = Retention { max_age: None, max_bytes: Some(before.total() / 2) };
    store.project(sized).set_retention(keep).await.unwrap();

    let left = |id: ProjectId| {
        let project = store.project(id);
        async move {
            let rows =
                project.traces(ListQuery { filter: Filter::default(), limit: 100, ..ListQuery::default() }).await.unwrap().items;
            rows.iter().map(|row| row.trace_id.as_str()[1..].parse::<u32>().unwrap()).collect::<BTreeSet<_>>()
        }
    };
    for _ in 0..1_200 {
        if left(aged).await.len() <= 11 && left(sized).await.len() <= 21 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(left(aged).await, (29..40).collect(), "eleven came in the last ten and a half hours");
    let kept = left(sized).await;
    assert!((15..=21).contains(&kept.len()), "{kept:?}");
    assert_eq!(kept, (40 - kept.len() as u32..40).collect(), "the oldest went first");
}

/// A limit of bytes is kept by what traces take up, not by how many messages they are.
#[tokio::test]
async fn of_few_large_traces_and_many_small_ones_no_more_than_needed_goes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = crate::embedded::project(&store);
    // Random words, which cannot be made smaller than their bytes.
    let large = |n: u32| {
        let mut bytes = vec![0; 300_000];
        blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof().fill(&mut bytes);
        let patch = call(n, false);
        SpanPatch { conversation_id: None, input: Some(Content::text(STANDARD.encode(bytes))), output: None, ..patch }
    };
    append(&store, id, (0..3).map(large).collect()).await;
    for traces in (3..303).collect::<Vec<_>>().chunks(100) {
        append(&store, id, traces.iter().map(|trace| SpanPatch { conversation_id: None, ..call(*trace, false) }).collect()).await;
    }
    settle(&store).await;
    let project = store.project(id);
    let uses = store.disk_use().await.unwrap().projects;
    let uses = uses.iter().find(|uses| uses.patches == 303).unwrap();
    let keep = Retention { max_age: None, max_bytes: Some(uses.total() * 3 / 4) };
    project.set_retention(keep).await.unwrap();
    let gone = || async { project.trace(TraceId::new("t0").unwrap()).await.unwrap().is_none() };
    for _ in 0..1_200 {
        if gone().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(gone().await, "the oldest went");
    settle(&store).await;
    let rows = project.traces(ListQuery { limit: 1_000, ..ListQuery::default() }).await.unwrap().items;
    assert!(rows.len() >= 300, "a quarter of the bytes was in one or two of the large ones: {} are left", rows.len());
}

/// A trace that cannot be read keeps from ending only the erasures beside it, and goes with its conversation.
#[tokio::test]
async fn what_cannot_be_read_does_not_keep_other_erasures_from_ending() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = crate::embedded::project(&store);
    append(&store, id, (0..9).map(|trace| call(trace, false)).collect()).await;
    settle(&store).await;
    store.close().await.unwrap();
    drop(store);
    rusqlite::Connection::open(dir.path().join("record.sqlite"))
        .unwrap()
        .execute("UPDATE patch SET digest = digest + 1 WHERE trace = (SELECT id FROM trace WHERE trace_id = 't1')", [])
        .unwrap();

    let store = open(dir.path());
    let project = store.project(id);
    let trace = |n: u32| Asked::Trace(TraceId::new(format!("t{n}")).unwrap());
    let beside = project.erase(trace(2)).await.unwrap();
    let elsewhere = project.erase(trace(5)).await.unwrap();
    done(&project, &elsewhere).await;
    assert_eq!(project.erasure(beside.row.id).await.unwrap().unwrap().row.done_at, None, "what t1 says is not known");
    let whole = project.erase(Asked::Conversation(ConversationId::new("c0").unwrap())).await.unwrap();
    assert!(whole.traces.iter().any(|trace| trace.trace_id.as_str() == "t1"), "{whole:?}");
    done(&project, &whole).await;
    done(&project, &beside).await;
    settle(&store).await;
    let rows = project.traces(ListQuery { filter: Filter::default(), limit: 100, ..ListQuery::default() }).await.unwrap().items;
    let left: BTreeSet<_> = rows.iter().map(|row| row.trace_id.to_string()).collect();
    assert_eq!(left, ["t4", "t6", "t7", "t8"].map(str::to_owned).into());
}

/// An erasure ends though its conversation is told of all the time, and nothing of what comes is lost by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_in_a_conversation_that_goes_on_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = crate::embedded::project(&store);
    let step = |trace: u32| SpanPatch { conversation_id: Some(ConversationId::new("c").unwrap()), ..call(trace, false) };
    append(&store, id, (0..400).map(step).collect()).await;
    settle(&store).await;
    let project = store.project(id);
    let asked = project.erase(Asked::Trace(TraceId::new("t1").unwrap())).await.unwrap();
    let mut came = 400;
    while project.erasure(asked.row.id).await.unwrap().unwrap().row.done_at.is_none() {
        append(&store, id, vec![step(came)]).await;
        came += 1;
        assert!(came < 50_000, "the erasure does not end");
    }
    settle(&store).await;
    store.close().await.unwrap();
    drop((project, store));
    let report = verify(dir.path(), |_, _| {}).unwrap();
    assert!(report.findings.is_empty(), "{report:?}");
}
