//! `chat`: how fast spans are acknowledged and found, beside the bare record and the bare index; what they take on disk; and
//! how an acknowledgement takes at half of the highest rate.

use std::sync::atomic::AtomicBool;

use neuraltrust_testing::Server;

use super::{CONNECTIONS, OPEN_CONNECTIONS, Plan, UNTIL_DONE};
use crate::drive::{as_answered, as_due};
use crate::feed::Feed;
use crate::limits;
use crate::report::{Report, Row, count};
use crate::server::{bytes_on_disk, catch_up, restart, target};
use crate::workload::{BATCH, Chat, Step, exports};

pub(super) fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let steps: Vec<Step> = Chat::new(plan.seed, plan.chat_spans as u64).take(plan.chat_spans).collect();
    let record = limits::sqlite::rows_per_second(tempfile::tempdir()?.path(), &steps)?;
    report.add(Row::new("limit: bare SQLite loop", "", format!("{} rows/s", count(record))).value("per_second", record));
    let index = limits::tantivy::documents_per_second(tempfile::tempdir()?.path(), &steps)?;
    report.add(Row::new("limit: bare Tantivy loop", "", format!("{} documents/s", count(index))).value("per_second", index));

    let feed = Feed::new(exports(steps.into_iter(), BATCH));
    let mut server = plan.server();
    let run = as_answered(&target(&server)?, &feed, CONNECTIONS, UNTIL_DONE)?.whole()?;
    let acknowledged = run.spans_per_second();
    let [p50, p99] = run.answers.percentiles([0.5, 0.99]);
    let figure =
        format!("{} spans/s, {:.1} MB/s of text", count(acknowledged), run.text_bytes as f64 / 1e6 / run.took.as_secs_f64());
    let row =
        Row::new(format!("`chat`: acknowledged, {CONNECTIONS} connections, exports of {BATCH}"), ">= 0.6 of bare SQLite", figure);
    let row = row.ratio(acknowledged / record).met(acknowledged >= 0.6 * record).value("per_second", acknowledged);
    report.add(row.value("p50_ms", p50).value("p99_ms", p99));

    catch_up(&server)?;
    let sustained = run.acknowledged.len() as f64 / run.began.elapsed().as_secs_f64();
    let text = run.text_bytes as f64;
    let figure = format!("{} spans/s, {:.1} MB/s of text", count(sustained), text / 1e6 / run.began.elapsed().as_secs_f64());
    let row = Row::new("`chat`: until the lists show everything", ">= 0.5 of bare Tantivy", figure);
    report.add(row.ratio(sustained / index).met(sustained >= 0.5 * index).value("per_second", sustained));

    server.stop();
    let disk = bytes_on_disk(server.data_dir())? as f64;
    let figure = format!("{:.1} MB for {:.1} MB of text", disk / 1e6, text / 1e6);
    let row =
        Row::new(format!("`chat`: bytes on disk, {} spans", count(run.acknowledged.len() as f64)), "<= 1.0 x the text", figure);
    report.add(row.ratio(disk / text).met(disk <= text).value("disk_bytes", disk).value("text_bytes", text));
    pace(plan, &mut server, acknowledged, report)
}

/// Sends at half of the highest rate.
fn pace(plan: &Plan, server: &mut Server, highest: f64, report: &mut Report) -> anyhow::Result<()> {
    let per_second = highest / 2.0 / BATCH as f64;
    let spans = (per_second * plan.pace.as_secs_f64()).ceil() as usize * BATCH;
    let feed = Feed::new(exports(Chat::new(plan.seed + 1, spans as u64).take(spans), BATCH));
    restart(server);
    let never = AtomicBool::new(false);
    let run = as_due(&target(server)?, &feed, OPEN_CONNECTIONS, per_second, plan.pace, &never)?.whole()?;
    let [p50, p99, max] = run.answers.percentiles([0.5, 0.99, 1.0]);
    let figure = format!("p50 {p50:.1}, p99 {p99:.1}, max {max:.1} ms ({} answers)", run.answers.len());
    let what = format!(
        "`chat`: acknowledgement at half rate ({} spans/s) for {} s{}",
        count(highest / 2.0),
        plan.pace.as_secs(),
        if feed.made_before { "" } else { ", made while sending" },
    );
    let met = p99 <= 100.0 && max <= 500.0;
    report.add(
        Row::new(what, "p99 <= 100 ms, none over 500 ms", figure)
            .met(met)
            .value("p50_ms", p50)
            .value("p99_ms", p99)
            .value("max_ms", max),
    );
    server.stop();
    Ok(())
}

/// MB of requests a second, until the lists show everything; for scenes that compare with it.
pub(super) fn sustained_megabytes(plan: &Plan, spans: usize) -> anyhow::Result<f64> {
    let feed = Feed::new(exports(Chat::new(plan.seed, spans as u64).take(spans), BATCH));
    let server = plan.server();
    let run = as_answered(&target(&server)?, &feed, CONNECTIONS, UNTIL_DONE)?.whole()?;
    catch_up(&server)?;
    Ok(run.body_bytes as f64 / 1e6 / run.began.elapsed().as_secs_f64())
}
