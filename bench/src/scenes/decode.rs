//! `decode`: what it costs to read what clients send, on one core, and its share of what the server does for an ingest.

use std::hint::black_box;
use std::time::{Duration, Instant};

use neuraltrust_model::Source;
use neuraltrust_normalize::dialects::langfuse_ingestion;
use neuraltrust_normalize::dialects::langsmith::{self, Part};
use neuraltrust_normalize::{Rejection, otlp};

use super::{CONNECTIONS, Plan, UNTIL_DONE};
use crate::drive::as_answered;
use crate::feed::Feed;
use crate::report::{Report, Row};
use crate::server::{catch_up, processor_time, target};
use crate::workload::{BATCH, Chat, Step, as_langfuse, as_langsmith, as_otlp_json, exports};

/// Steps of a body, which is then about 1 MB.
const STEPS: usize = 320;
/// Bodies that take turns, so that none is read from the cache of the processor alone.
const BODIES: usize = 8;
/// How long each form is decoded.
const LONG: Duration = Duration::from_secs(3);

/// What reads a body.
type Decode = fn(&[u8]) -> Result<usize, Rejection>;

pub(super) fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let count = BODIES * STEPS;
    let steps: Vec<Step> = Chat::new(plan.seed, count as u64).take(count).collect();
    let encoded = |encode: fn(&[Step]) -> Vec<u8>| steps.chunks(STEPS).map(encode).collect::<Vec<_>>();
    let forms: [(&str, Vec<Vec<u8>>, Decode); 4] = [
        ("OTLP in protobuf", encoded(protobuf), protobuf_spans),
        ("OTLP in JSON", encoded(as_otlp_json), json_spans),
        ("LangSmith multipart, its parts", encoded(as_langsmith), langsmith_runs),
        ("Langfuse JSON", encoded(as_langfuse), langfuse_events),
    ];
    for (what, bodies, decode) in forms {
        let (rate, bytes) = megabytes_per_second(&bodies, decode)?;
        let figure = format!("{rate:.0} MB/s a core, bodies of {:.2} MB", bytes / 1e6);
        report.add(Row::new(format!("decoding {what}"), "", figure).value("mb_per_second", rate).value("body_bytes", bytes));
    }
    share(plan, report)
}

/// Bytes that one core reads in a second, and the mean length of a body.
fn megabytes_per_second(bodies: &[Vec<u8>], decode: Decode) -> anyhow::Result<(f64, f64)> {
    let (mut read, begin) = (0, Instant::now());
    while begin.elapsed() < LONG {
        for body in bodies {
            let spans = decode(body)?;
            anyhow::ensure!(black_box(spans) >= STEPS, "a body says {spans} spans, and not {STEPS}");
            read += body.len();
        }
    }
    let mean = bodies.iter().map(Vec::len).sum::<usize>() as f64 / bodies.len() as f64;
    Ok((read as f64 / 1e6 / begin.elapsed().as_secs_f64(), mean))
}

/// How much of the server's work for `chat`, until the lists show it, is decoding and normalizing.
fn share(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let requests = || exports(Chat::new(plan.seed, plan.chat_spans as u64).take(plan.chat_spans), BATCH);
    let mut decoding = Duration::ZERO;
    for request in requests() {
        let begin = Instant::now();
        black_box(protobuf_spans(&request.body)?);
        decoding += begin.elapsed();
    }
    let server = plan.server();
    let before = processor_time(&server)?;
    as_answered(&target(&server)?, &Feed::new(requests()), CONNECTIONS, UNTIL_DONE)?.whole()?;
    catch_up(&server)?;
    let all = (processor_time(&server)? - before).as_secs_f64();
    let decoding = decoding.as_secs_f64();
    let figure = format!("{decoding:.2} of {all:.2} s of processor time");
    let row = Row::new("normalize, of an ingest run of `chat`", "< 0.5", figure).ratio(decoding / all).met(decoding < 0.5 * all);
    report.add(row.value("normalize_seconds", decoding).value("all_seconds", all));
    Ok(())
}

fn source() -> Source {
    Source { client: Some("bench".to_owned()), version: None, protocol: "bench".to_owned() }
}

fn protobuf(steps: &[Step]) -> Vec<u8> {
    exports(steps.iter().cloned(), steps.len()).flat_map(|request| request.body).collect()
}

fn protobuf_spans(body: &[u8]) -> Result<usize, Rejection> {
    otlp::normalize_protobuf(body).map(|normalized| normalized.patches.len())
}

fn json_spans(body: &[u8]) -> Result<usize, Rejection> {
    otlp::normalize_json(body).map(|normalized| normalized.patches.len())
}

/// A body of lines: the name of a part, and what it holds.
fn langsmith_runs(body: &[u8]) -> Result<usize, Rejection> {
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
    let parts = lines.chunks(2).filter_map(|pair| {
        let [name, body] = pair else { return None };
        Some(Part { name: std::str::from_utf8(name).ok()?, content_type: "application/json", body })
    });
    let parts: Vec<Part<'_>> = parts.collect();
    langsmith::multipart(&parts, &source()).map(|runs| runs.normalized.patches.len())
}

fn langfuse_events(body: &[u8]) -> Result<usize, Rejection> {
    langfuse_ingestion::normalize(body, source()).map(|batch| batch.patches.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_says_the_same_spans() {
        let steps: Vec<Step> = Chat::new(1, 100).take(100).collect();
        assert_eq!(protobuf_spans(&protobuf(&steps)).unwrap(), 100);
        assert_eq!(json_spans(&as_otlp_json(&steps)).unwrap(), 100);
        assert_eq!(langsmith_runs(&as_langsmith(&steps)).unwrap(), 100);
        // The traces are spans too.
        assert!(langfuse_events(&as_langfuse(&steps)).unwrap() >= 100);
    }
}
