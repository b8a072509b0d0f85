//! How long the summary of a large trace takes: `cargo run --release -p neuraltrust-store --example large_trace [SPANS]`.

use std::time::Instant;

use neuraltrust_model::{Content, IdError, Kind, SpanId, SpanPatch, Timestamp, TraceId, Usage};
use neuraltrust_store::Said;
use neuraltrust_store::summary::{Arrived, TraceSpans, trace_detail, trace_row};

/// The patches of a trace in which each tenth span is a model call, and each span is a step of one of the ten before it.
fn arrived(trace_id: &TraceId, spans: usize) -> Result<Vec<Arrived>, IdError> {
    let time = |n: usize| Timestamp::from_nanos(1_700_000_000_000_000_000 + n as i64 * 1_000_000);
    let one = |n: usize| {
        let kind = match n % 10 {
            0 => Kind::Generation,
            1 => Kind::Message,
            2 => Kind::Agent,
            _ => Kind::Tool,
        };
        let patch = SpanPatch {
            parent_id: n.checked_sub(1 + n * 7 % 10).map(|parent| SpanId::new(format!("span-{parent}"))).transpose()?,
            start: Some(time(n)),
            end: Some(time(n + 1)),
            usage: n.is_multiple_of(5).then(|| Usage { input: Some(100), output: Some(10), ..Usage::default() }),
            kind: Some(kind),
            ..SpanPatch::new(trace_id.clone(), SpanId::new(format!("span-{n}"))?)
        };
        let said = || Some(Said::Here(Content::text(format!("What was said in step {n}. ").repeat(20))));
        Ok(Arrived { received_at: time(n), patch, input: said(), output: said() })
    };
    (0..spans).map(one).collect()
}

fn main() -> Result<(), IdError> {
    let most = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    for spans in [most / 100, most / 10, most] {
        let trace_id = TraceId::new("large")?;
        let arrived = arrived(&trace_id, spans)?;
        let begin = Instant::now();
        let trace = TraceSpans::merge(&trace_id, arrived);
        let merged = begin.elapsed();
        let begin = Instant::now();
        let row = trace_row(&trace);
        let summed = begin.elapsed();
        let begin = Instant::now();
        let detail = trace_detail(&trace);
        let shown = begin.elapsed();
        let rows = detail.map_or(0, |detail| detail.spans.len());
        let turns = row.map_or(0, |row| row.totals.turns);
        println!("{spans} spans, {turns} turns: merged in {merged:.1?}, summed in {summed:.1?}, {rows} rows in {shown:.1?}");
    }
    Ok(())
}
