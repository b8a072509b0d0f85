//! What was told: patches are what their checksums say, and what they are coded with is there.

use std::collections::BTreeMap;

use neuraltrust_model::TraceId;
use rusqlite::Connection;

use super::super::{codec, record::Record};
use super::{RESTORE, Report, Steps};
use crate::{ProjectId, StoreError};

/// Number of patches of each trace.
pub(super) type Traces = BTreeMap<(ProjectId, TraceId), u64>;

/// Every dictionary can be used.
pub(super) fn dictionaries(connection: &Connection, record: &Record, report: &mut Report) -> Result<(), StoreError> {
    let act = "read the dictionaries";
    let ids: Vec<u32> = connection
        .prepare("SELECT id FROM dictionary")
        .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
        .map_err(StoreError::record(act))?;
    for id in ids {
        if let Err(error) = record.dictionaries().named(record, id) {
            report.wrong(|| format!("the dictionary {id} cannot be used: {}; {RESTORE}", error.with_causes()));
        }
    }
    Ok(())
}

/// Every patch is what its checksum says.
pub(super) fn patches(
    connection: &Connection,
    record: &Record,
    report: &mut Report,
    steps: &mut Steps<impl FnMut(u64, u64)>,
) -> Result<Traces, StoreError> {
    let act = "read the patches";
    let mut traces = BTreeMap::new();
    let mut query = connection
        .prepare(
            "SELECT seq, project, trace_id, span, digest, body FROM patch LEFT JOIN trace ON trace.id = patch.trace
             WHERE length(body) > 0",
        )
        .map_err(StoreError::record(act))?;
    let mut rows = query.query([]).map_err(StoreError::record(act))?;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(traces),
            // What has been read so far can be compared with the index all the same.
            Err(error) => {
                report.wrong(|| format!("not all patches can be read: {error}; {RESTORE}"));
                return Ok(traces);
            }
        };
        let read = || -> rusqlite::Result<_> {
            let trace = row.get::<_, Option<i64>>(1)?.zip(row.get::<_, Option<String>>(2)?);
            Ok((row.get::<_, i64>(0)?, trace, row.get::<_, i64>(3)?, row.get::<_, i64>(4)?, row.get::<_, Vec<u8>>(5)?))
        };
        let (seq, trace, span, digest, body) = read().map_err(StoreError::record(act))?;
        report.patches += 1;
        steps.step(1);
        let Some((project, trace_id)) = trace else {
            report.wrong(|| format!("the patch {seq} is of a trace that is not there; {RESTORE}"));
            continue;
        };
        let trace_id = match TraceId::new(trace_id) {
            Ok(trace_id) => trace_id,
            Err(error) => {
                report.wrong(|| format!("the trace id of the patch {seq} {error}; {RESTORE}"));
                continue;
            }
        };
        let name = || format!("the patch {seq} of the trace {:?}", trace_id.as_str());
        let beside = codec::Beside { trace_id: &trace_id, scope: 0, seq: seq.cast_unsigned() };
        match record.plain(&body).and_then(|json| Ok((codec::digest(&json), codec::decode(&json, beside)?.0.span_id))) {
            Ok((found, _)) if found != digest => {
                report.wrong(|| format!("{} is not what its checksum says; {RESTORE}", name()));
            }
            Ok((_, span_id)) if codec::span_key(&span_id) != span => {
                report.wrong(|| format!("{} is filed under a span that it is not about; {RESTORE}", name()));
            }
            Ok(_) => {}
            Err(error) => report.wrong(|| format!("{} cannot be read: {}; {RESTORE}", name(), error.with_causes())),
        }
        *traces.entry((ProjectId(project), trace_id)).or_insert(0) += 1;
    }
}
