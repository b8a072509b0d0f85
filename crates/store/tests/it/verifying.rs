//! What the check of a directory finds: each kind of damage, and what it says about it.

use std::path::Path;

use neuraltrust_model::{Content, ConversationId, SpanId, SpanPatch, TraceId};
use neuraltrust_store::conformance::{Call, Step, call_patches, keep, patches};
use neuraltrust_store::embedded::verify;

use crate::embedded::{open, project};

/// Steps of one conversation, and a trace without one whose call has its messages in a scope of its own.
async fn filled(path: &Path) {
    let store = open(path);
    let id = project(&store);
    let steps = (0..3).flat_map(|trace| (0..3).map(move |span| Step { trace, span, conversation: Some(1), fails: false }));
    keep(&store, id, steps.map(|step| patches(&step))).await;
    let call = |trace, conversation| Call { trace, conversation, history: (0..9).collect(), answer: 30, apart: false };
    keep(&store, id, [call_patches(0, &call(10, Some(1))), call_patches(1, &call(11, None))]).await;
    let document = SpanPatch {
        conversation_id: Some(ConversationId::new("other").unwrap()),
        input: Some(Content::text("a page ".repeat(2_000))),
        ..SpanPatch::new(TraceId::new("whole").unwrap(), SpanId::new("s").unwrap())
    };
    keep(&store, id, [vec![document]]).await;
    store.close().await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &to) } else { std::fs::copy(&path, &to).map(drop).unwrap() }
    }
}

#[tokio::test]
async fn each_damage_is_found_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let sound = dir.path().join("sound");
    filled(&sound).await;
    assert_eq!(verify(&sound, |_, _| {}).unwrap().findings, Vec::<String>::new());

    // A body of coding 0 is JSON as it is. A trace is named by its number below, since ids are what may be damaged.
    let in_conversation =
        "(SELECT min(id) FROM node WHERE scope = (SELECT id FROM conversation WHERE conversation_id = 'conversation-1'))";
    let of_trace = |trace: &str| format!("(SELECT id FROM trace WHERE trace_id = '{trace}')");
    let damages: Vec<(String, &str, &str)> = vec![
        ("UPDATE patch SET body = x'007b7d' WHERE seq = 1".into(), "the patch 1 ", "backup"),
        ("UPDATE patch SET body = x'ff' WHERE seq = 1".into(), "cannot be read", "backup"),
        ("UPDATE patch SET digest = 0 WHERE seq = 2".into(), "is not what its checksum says", "backup"),
        ("UPDATE patch SET span = 0 WHERE seq = 1".into(), "filed under a span that it is not about", "backup"),
        ("UPDATE patch SET trace = 9999 WHERE seq = 1".into(), "of a trace that is not there", "backup"),
        ("DELETE FROM patch WHERE seq = 1".into(), "the index does not show the span \"trace-0/span-0\"", "reindex"),
        (format!("DELETE FROM patch WHERE trace = {}", of_trace("trace-2")), "\"trace-2\" is a trace of which nothing was told", "report"),
        (format!("DELETE FROM patch WHERE trace = {}", of_trace("trace-2")), "the index shows", "reindex"),
        (format!("UPDATE node SET body = x'007b7d' WHERE id = {in_conversation}"), "is not what its name says", "backup"),
        (format!("UPDATE node SET hash = zeroblob(16) WHERE id = {in_conversation}"), "is not what its name says", "backup"),
        (format!("DELETE FROM node WHERE id = {in_conversation}"), "hangs below one that is not there", "backup"),
        (format!("DELETE FROM node WHERE scope = -{}", of_trace("trace-11")), "a content of the span \"call-1\"", "backup"),
        (format!("UPDATE node SET parent = {in_conversation} WHERE scope < 0 AND parent IS NULL"), "hangs below one that is not there", "backup"),
        ("UPDATE node SET seq = 9999".into(), "brought by a message that is not there", "erase a trace"),
        (
            "INSERT INTO node (scope, hash, seq, body) SELECT scope, x'00112233445566778899aabbccddeeff', seq, body FROM node LIMIT 1".into(),
            "is said by nothing",
            "erase a trace",
        ),
        (
            "INSERT INTO node (scope, hash, seq, body) SELECT 9999, hash, seq, body FROM node LIMIT 1".into(),
            "9999 is the scope of contents and no conversation",
            "backup",
        ),
        (
            "INSERT INTO node (scope, hash, seq, body) SELECT -9999, hash, seq, body FROM node LIMIT 1".into(),
            "-9999 is the scope of contents and no trace",
            "backup",
        ),
        ("DELETE FROM conversation WHERE conversation_id = 'other'".into(), "names a conversation that is not there", "backup"),
        (format!("DELETE FROM membership WHERE trace = {}", of_trace("trace-1")), "names the conversation \"conversation-1\" and is not listed in it", "backup"),
        ("UPDATE trace SET project = 77 WHERE trace_id = 'whole'".into(), "a trace of a project that is not there", "backup"),
        (
            "INSERT INTO dictionary (project, made_at, bytes) VALUES (1, 0, x'00')".into(),
            "the dictionary 1 cannot be used",
            "backup",
        ),
        (
            "INSERT INTO dictionary (id, project, made_at, bytes) VALUES (5, 1, 0, x'00'); INSERT INTO learnt VALUES (9999, 5)".into(),
            "5 is a dictionary that learnt from a trace which is there no more",
            "erase",
        ),
        ("INSERT INTO learnt VALUES (1, 6)".into(), "names a dictionary that is not there", "backup"),
        (
            // A body of coding 2 names its dictionary in its zstd frame: here number 7.
            "UPDATE patch SET body = x'0228b52ffd2107020100007b7d' WHERE seq = 1".into(),
            "cannot be read",
            "backup",
        ),
        (
            format!(
                "INSERT INTO erasure (project, asked, requested_at, up_to, done_at) VALUES (1, '{{}}', 0, 1000, 0);
                 INSERT INTO erased (erasure, trace, trace_id, hash) VALUES (1, {}, 'trace-1', '')",
                of_trace("trace-1")
            ),
            "1 is an erasure with a receipt, and something of its traces is there",
            "erase them again",
        ),
        (
            "INSERT INTO patch (trace, span, digest, received_at, body) SELECT trace, span, 1, 0, body FROM patch LIMIT 1".into(),
            "the index lags behind the record",
            "start the server",
        ),
        ("UPDATE sqlite_sequence SET seq = 3 WHERE name = 'patch'".into(), "the index is of another record", "start the server"),
    ];
    for (n, (damage, expect, advice)) in damages.into_iter().enumerate() {
        let data = dir.path().join(format!("damaged-{n}"));
        copy(&sound, &data);
        let connection = rusqlite::Connection::open(data.join("record.sqlite")).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection.execute_batch(&damage).unwrap();
        drop(connection);
        let mut last = (0, 0);
        let report = verify(&data, |done, all| last = (done, all)).unwrap();
        let told = |finding: &String| finding.contains(expect) && finding.contains(advice);
        assert!(report.findings.iter().any(told), "{damage}: {:?}", report.findings);
        assert_eq!(report.wrong, report.findings.len() as u64);
        assert_eq!(last.0, last.1, "the bar comes to its end");
        std::fs::remove_dir_all(&data).unwrap();
    }
}
