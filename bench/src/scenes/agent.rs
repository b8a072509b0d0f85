//! `agent`: calls that send their whole history again; what of it is kept, and how fast.

use super::{CONNECTIONS, Plan, UNTIL_DONE, chat};
use crate::drive::as_answered;
use crate::feed::Feed;
use crate::report::{Report, Row, count};
use crate::server::{bytes_on_disk, catch_up, target};
use crate::workload::Agents;

/// One of that many spans of `chat` is sent to compare with.
const COMPARED: usize = 3;

pub(super) fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let feed = Feed::new(Agents::new(plan.seed).take(plan.agent_traces * Agents::REQUESTS));
    let mut server = plan.server();
    let run = as_answered(&target(&server)?, &feed, CONNECTIONS, UNTIL_DONE)?.whole()?;
    let raw = run.body_bytes as f64;
    let acknowledged = raw / 1e6 / run.took.as_secs_f64();
    let figure = format!("{acknowledged:.0} MB/s raw, {} spans/s", count(run.spans_per_second()));
    report.add(
        Row::new(format!("`agent`: acknowledged, {CONNECTIONS} connections"), "", figure).value("mb_per_second", acknowledged),
    );

    catch_up(&server)?;
    let sustained = raw / 1e6 / run.began.elapsed().as_secs_f64();
    server.stop();
    let disk = bytes_on_disk(server.data_dir())? as f64;
    drop(server);
    let chat = chat::sustained_megabytes(plan, plan.chat_spans.div_ceil(COMPARED))?;
    let figure = format!("{sustained:.0} MB/s raw beside {chat:.0} of `chat`");
    let row = Row::new("`agent`: until the lists show everything", ">= 5 x `chat` in raw MB/s", figure);
    report.add(row.ratio(sustained / chat).met(sustained >= 5.0 * chat).value("mb_per_second", sustained));

    let figure = format!("{:.1} MB for {:.0} MB raw, 1/{:.0}", disk / 1e6, raw / 1e6, raw / disk);
    let row = Row::new(
        format!("`agent`: bytes on disk, {} calls", count(run.acknowledged.len() as f64)),
        "<= 1/40 of the raw bytes",
        figure,
    );
    report.add(row.ratio(disk / raw).met(disk <= raw / 40.0).value("disk_bytes", disk).value("raw_bytes", raw));
    Ok(())
}
