//! Media are kept once, apart from what is said, and read back as they came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use neuraltrust_model::{Content, ConversationId, Kind, Map, Message, Part, SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::conformance::settle;
use neuraltrust_store::embedded::verify;
use neuraltrust_store::{Asked, Filter, ListOf, ListQuery, MediaId, Medium, ProjectId, ProjectStore, ShowMedia, Store};

use crate::embedded::open;

/// Bytes that nothing can make smaller.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut noise);
    noise
}

fn show(words: &str, bytes: &[u8]) -> Message {
    let uri = format!("data:image/png;base64,{}", STANDARD.encode(bytes));
    let media = Part::Media { mime_type: None, uri: Some(uri), name: None, bytes: None };
    Message { role: "user".to_owned(), parts: vec![Part::Text { text: words.to_owned() }, media], extra: Map::new() }
}

fn trace(n: u32) -> TraceId {
    TraceId::new(format!("t{n}")).unwrap()
}

fn step() -> SpanId {
    SpanId::new("s").unwrap()
}

fn call(n: u32, conversation: Option<&str>, messages: Vec<Message>) -> SpanPatch {
    let start = Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::from(n));
    SpanPatch {
        kind: Some(Kind::Generation),
        start: Some(start),
        end: Some(start),
        conversation_id: conversation.map(|id| ConversationId::new(id).unwrap()),
        input: Some(Content::Messages { messages }),
        output: Some(Content::text("a parcel")),
        ..SpanPatch::new(trace(n), step())
    }
}

async fn append(store: &Store, id: ProjectId, patches: Vec<SpanPatch>) {
    store.append(id, patches, Timestamp::from_nanos(1_800_000_000_000_000_000)).await.unwrap();
}

async fn input(project: &ProjectStore, n: u32) -> Content {
    project.span(trace(n), step()).await.unwrap().unwrap().input.unwrap()
}

fn address(trace: &TraceId, id: MediaId) -> String {
    format!("{trace}/{id}")
}

/// The media of a span, as its parts show them: trace and name, and size.
async fn shown(project: &ProjectStore, n: u32) -> Vec<(String, MediaId, u64)> {
    let Content::Messages { messages } = input(&project.clone().showing(ShowMedia::At(address)), n).await else { panic!() };
    let parts = messages.into_iter().flat_map(|message| message.parts);
    let media = parts.filter_map(|part| match part {
        Part::Media { mime_type, uri, bytes, .. } => {
            assert_eq!(mime_type.as_deref(), Some("image/png"));
            let uri = uri.unwrap();
            let (trace, id) = uri.split_once('/').unwrap();
            Some((trace.to_owned(), id.parse().unwrap(), bytes.unwrap()))
        }
        _ => None,
    });
    media.collect()
}

/// All bytes of a medium, piece by piece.
async fn read(project: &ProjectStore, n: u32, id: MediaId) -> Option<(Medium, Vec<u8>)> {
    let medium = project.medium(trace(n), id).await.unwrap()?;
    let mut bytes = Vec::new();
    for number in 0.. {
        let Some(piece) = project.piece(&medium, number).await.unwrap() else { break };
        assert!(piece.len() <= Medium::PIECE_BYTES);
        bytes.extend(piece);
    }
    Some((medium, bytes))
}

/// Bytes of all nodes of the record.
fn kept(dir: &std::path::Path) -> u64 {
    let record = rusqlite::Connection::open(dir.join("record.sqlite")).unwrap();
    record.query_row("SELECT ifnull(sum(length(body)), 0) FROM node", [], |row| row.get::<_, i64>(0)).unwrap() as u64
}

#[tokio::test]
async fn an_image_is_kept_once_and_read_as_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let [id, other] = ["a", "b"].map(|name| store.accounts().create_project(name).unwrap());
    let image = noise(1, 600_000);
    let history = |n: u32| -> Vec<Message> {
        (0..=n).map(|m| show(&format!("question {m}"), if m == 2 { b"small" } else { &image })).collect()
    };
    for n in 0..4 {
        append(&store, id, vec![call(n, Some("c"), history(n))]).await;
    }
    let bytes = kept(dir.path());
    assert!((600_000..610_000).contains(&bytes), "{bytes}");

    let project = store.project(id);
    for n in 0..4 {
        assert_eq!(input(&project, n).await, Content::Messages { messages: history(n) });
    }
    let of_one = shown(&project, 1).await;
    assert_eq!(of_one.len(), 2);
    let (at, name, size) = of_one[0].clone();
    assert_eq!((at.as_str(), size), ("t1", 600_000));
    let (medium, bytes) = read(&project, 1, name).await.unwrap();
    assert_eq!((medium.mime_type.as_str(), medium.bytes), ("image/png", 600_000));
    assert!(bytes == image, "the bytes are those that came");
    assert!(read(&store.project(other), 1, name).await.is_none(), "another project has none of it");
    assert!(read(&project, 9, name).await.is_none());
    let transcript = project.showing(ShowMedia::At(address)).conversation(ConversationId::new("c").unwrap()).await.unwrap();
    assert_eq!(transcript.unwrap().turns.len(), 4);

    settle(&store).await;
    let project = store.project(id);
    for (words, rows) in [("question 2", 1), ("neuraltrust", 0), ("base64", 0), ("png", 0)] {
        let filter = Filter::read(ListOf::Spans, words, neuraltrust_model::Timestamp::from_nanos(0)).unwrap();
        let found = project.spans(ListQuery { filter, limit: 100, ..ListQuery::default() }).await.unwrap().items;
        assert_eq!(found.len(), rows, "{words}");
    }
    let disk = store.disk_use().await.unwrap().projects.into_iter().find(|project| project.name == "a").unwrap();
    assert!(disk.content > 600_000, "{disk:?}");
    drop((project, store));
    let report = verify(dir.path(), |_, _| {}).unwrap();
    assert_eq!(report.wrong, 0, "{:?}", report.findings);
}

#[tokio::test]
async fn media_move_with_their_trace_and_go_with_the_last_that_shows_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.accounts().project("default").unwrap();
    let project = store.project(id);
    let (image, one) = (noise(2, 700_000), noise(3, 300_000));
    // The conversation is told after the contents came.
    append(&store, id, vec![call(0, None, vec![show("first", &image)])]).await;
    append(&store, id, vec![call(1, Some("c"), vec![show("second", &image), show("alone", &one)])]).await;
    let root = SpanPatch {
        conversation_id: Some(ConversationId::new("c").unwrap()),
        start: Some(Timestamp::from_nanos(1_700_000_000_000_000_000)),
        ..SpanPatch::new(trace(0), SpanId::new("root").unwrap())
    };
    append(&store, id, vec![root]).await;
    settle(&store).await;
    for _ in 0..600 {
        if kept(dir.path()) < 1_100_000 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let bytes = kept(dir.path());
    assert!((1_000_000..1_100_000).contains(&bytes), "both are in one scope: {bytes}");
    let (_, shared, _) = shown(&project, 0).await[0].clone();
    let (_, alone, _) = shown(&project, 1).await[1].clone();
    assert!(read(&project, 0, shared).await.unwrap().1 == image);

    let asked = project.erase(Asked::Trace(trace(1))).await.unwrap();
    for _ in 0..1_200 {
        if project.erasure(asked.row.id).await.unwrap().unwrap().row.done_at.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(project.medium(trace(0), alone).await.unwrap().is_none(), "nothing shows it any more");
    assert!(read(&project, 0, shared).await.unwrap().1 == image, "this is shown by another trace");
    let bytes = kept(dir.path());
    assert!((700_000..710_000).contains(&bytes), "{bytes}");
    let record = rusqlite::Connection::open(dir.path().join("record.sqlite")).unwrap();
    let lost = "SELECT count(*) FROM shown WHERE node NOT IN (SELECT id FROM node)
                OR medium NOT IN (SELECT hash FROM node)";
    assert_eq!(record.query_row(lost, [], |row| row.get::<_, i64>(0)).unwrap(), 0);

    // What was erased can come again.
    append(&store, id, vec![call(1, Some("c"), vec![show("second", &image), show("alone", &one)])]).await;
    assert!(read(&project, 1, alone).await.unwrap().1 == one);
    drop((record, project, store));
    let report = verify(dir.path(), |_, _| {}).unwrap();
    assert_eq!(report.findings.iter().filter(|finding| !finding.contains("index")).count(), 0, "{:?}", report.findings);
}

#[tokio::test]
async fn a_medium_that_is_damaged_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.accounts().project("default").unwrap();
    append(&store, id, vec![call(0, None, vec![show("first", &noise(4, 50_000))])]).await;
    settle(&store).await;
    drop(store);
    {
        let record = rusqlite::Connection::open(dir.path().join("record.sqlite")).unwrap();
        let spoilt = "UPDATE node SET body = CAST(substr(body, 1, 40000) || x'00' || substr(body, 40002) AS BLOB)
                      WHERE length(body) > 50000 AND substr(body, 40001, 1) <> x'00'";
        assert_eq!(record.execute(spoilt, []).unwrap(), 1);
    }
    let report = verify(dir.path(), |_, _| {}).unwrap();
    assert_eq!(report.wrong, 1, "{:?}", report.findings);
    assert!(report.findings[0].contains("not what its name says"), "{:?}", report.findings);
}
