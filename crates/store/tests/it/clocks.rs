//! A server's clock that is wrong for a while: what came in which order, what is listed and what is kept does not change.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use neuraltrust_model::{SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::conformance::{Step, keep, pages, patches, settle};
use neuraltrust_store::embedded::verify;
use neuraltrust_store::{ProjectId, Retention, Store};

use crate::embedded::{open, project};

const HOUR: i64 = 3_600_000_000_000;
const YEAR: i64 = 365 * 24 * HOUR;

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64
}

fn named(trace: &str, name: &str) -> SpanPatch {
    SpanPatch {
        start: Some(Timestamp::from_nanos(1_700_000_000_000_000_000)),
        name: Some(name.to_owned()),
        ..SpanPatch::new(TraceId::new(trace).unwrap(), SpanId::new("s").unwrap())
    }
}

async fn append(store: &Store, id: ProjectId, patch: SpanPatch, received_at: i64) {
    store.append(id, vec![patch], Timestamp::from_nanos(received_at)).await.unwrap();
}

#[tokio::test]
async fn what_came_last_counts_whatever_the_clock_said() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let project = store.project(id);
    let arrivals = [now() + 5 * YEAR, now(), now() - 30 * YEAR, now() - YEAR, now()];
    for (n, received_at) in arrivals.into_iter().enumerate() {
        append(&store, id, named("t", &format!("name {n}")), received_at).await;
        settle(&store).await;
        let row = pages(10, |query| project.spans(query)).await.remove(0);
        assert_eq!(row.name, format!("name {n}"));
    }
    // Lists are ordered by what the clients say, here by numbers that fall while the clock jumps about.
    for (trace, received_at) in (1..=5).rev().zip(arrivals) {
        let step = Step { trace, span: 0, conversation: None, fails: false };
        store.append(id, patches(&step), Timestamp::from_nanos(received_at)).await.unwrap();
    }
    settle(&store).await;
    let traces = pages(2, |query| project.traces(query)).await;
    let order: Vec<_> = traces.iter().map(|row| row.trace_id.as_str()).collect();
    assert_eq!(order, ["trace-5", "trace-4", "trace-3", "trace-2", "trace-1", "t"]);
    store.close().await.unwrap();
    drop((project, store));
    assert_eq!(verify(dir.path(), |_, _| {}).unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn only_what_is_old_is_removed_whatever_the_clock_said() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = project(&store);
    let project = store.project(id);
    let arrivals = [
        ("from the future", now() + 5 * YEAR),
        ("old", now() - 3 * HOUR),
        ("old too", now() - 2 * HOUR),
        ("new", now()),
        // Came after what is new, by a clock that had been set back.
        ("from the past", now() - 30 * YEAR),
    ];
    for (trace, received_at) in arrivals {
        append(&store, id, named(trace, trace), received_at).await;
    }
    settle(&store).await;
    let retention = Retention { max_age: Some(Duration::from_secs(3_600)), max_bytes: None };
    project.set_retention(retention).await.unwrap();
    let left = || async {
        let traces = pages(10, |query| project.traces(query)).await;
        traces.iter().map(|row| row.trace_id.to_string()).collect::<BTreeSet<_>>()
    };
    for _ in 0..1_200 {
        if left().await.len() <= 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    keep(&store, id, [patches(&Step { trace: 1, span: 0, conversation: None, fails: false })]).await;
    let expect = ["from the future", "from the past", "new", "trace-1"];
    assert_eq!(left().await, expect.into_iter().map(str::to_owned).collect());
}
