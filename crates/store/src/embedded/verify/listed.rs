//! The traces of the record as they are shown: their contents can be read, and the index shows their rows, those of their spans
//! and of their conversations, and nothing else.

use std::collections::{BTreeMap, HashSet};

use neuraltrust_model::ConversationId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tantivy::collector::TopDocs;
use tantivy::query::TermQuery;
use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::{DocAddress, DocSet as _, Searcher, TERMINATED, TantivyDocument};

use super::super::index::{SearchIndex, span_key};
use super::super::media::Show;
use super::super::record::Record;
use super::told::Traces;
use super::{REINDEX, RESTORE, Report, Steps};
use crate::summary::{TraceSpans, conversation_row, trace_row};
use crate::{ListOf, ProjectId, Said, StoreError};

/// The conversations that traces belong to, each with the number of their patches.
type Conversations = BTreeMap<(ProjectId, ConversationId), u64>;

/// Compares the record with the index, where there is one that can be compared.
pub(super) fn traces(
    record: &Record,
    index: Option<&SearchIndex>,
    traces: &Traces,
    report: &mut Report,
    steps: &mut Steps<impl FnMut(u64, u64)>,
) {
    let mut lists = index.map(|index| Lists { index, searcher: index.reader.searcher(), known: HashSet::new() });
    let mut conversations = Conversations::new();
    let mut unreadable = false;
    for ((project, trace_id), patches) in traces {
        steps.step(*patches);
        let read = record.find(*project, trace_id).and_then(|key| match key {
            Some(key) => Ok((record.merge(&key, record.patches(&key, None)?)?, record.named_by(&key)?)),
            None => Ok((record.trace(*project, trace_id)?, Vec::new())),
        });
        let (trace, listed_as) = match read {
            Ok(read) => read,
            Err(error) => {
                unreadable = true;
                report.wrong(|| format!("the trace {:?} cannot be read: {}; {RESTORE}", trace_id.as_str(), error.with_causes()));
                continue;
            }
        };
        for id in trace.named.iter().filter(|id| !listed_as.contains(id)) {
            report.wrong(|| {
                format!(
                    "the trace {:?} names the conversation {:?} and is not listed in it; {RESTORE}",
                    trace_id.as_str(),
                    id.as_str()
                )
            });
        }
        spans(record, *project, &trace, lists.as_mut(), report);
        let Some(mut row) = trace_row(&trace) else { continue };
        // The index does not have them.
        row.conversation_scores.clear();
        if let Some(lists) = &mut lists {
            lists.compare(*project, ListOf::Traces, trace_id.as_str(), &row, report);
        }
        *conversations.entry((*project, row.conversation_id)).or_default() += patches;
    }
    let Some(mut lists) = lists else { return };
    for ((project, id), patches) in conversations {
        steps.step(patches);
        match record.conversation(project, &id) {
            Ok(traces) => {
                let rows: Vec<_> = traces.iter().filter_map(trace_row).collect();
                if let Some(row) = conversation_row(&id, &rows) {
                    lists.compare(project, ListOf::Conversations, id.as_str(), &row, report);
                }
            }
            Err(error) => {
                unreadable = true;
                report.wrong(|| format!("the conversation {:?} cannot be read: {}; {RESTORE}", id.as_str(), error.with_causes()));
            }
        }
    }
    // What cannot be read cannot be missed either.
    if !unreadable {
        report.part(|report| lists.extra(report));
    }
}

/// Every content of the spans of a trace can be read, and their rows are shown.
fn spans(record: &Record, project: ProjectId, trace: &TraceSpans, mut lists: Option<&mut Lists<'_>>, report: &mut Report) {
    for span in &trace.spans {
        report.spans += 1;
        let contents = [trace.input(span), trace.output(span)].into_iter().flatten();
        for said in contents.filter(|said| matches!(said, Said::Apart(_))) {
            if let Err(error) = record.content(said.clone(), Show::Inline) {
                report.wrong(|| {
                    format!(
                        "a content of the span {:?} of the trace {:?} cannot be read: {}; {RESTORE}",
                        span.span_id.as_str(),
                        span.trace_id.as_str(),
                        error.with_causes()
                    )
                });
            }
        }
        if let Some(lists) = &mut lists {
            let row = trace.row(span);
            lists.compare(project, ListOf::Spans, &span_key(&row), &row, report);
        }
    }
}

/// The index, and what of it was found in the record.
struct Lists<'i> {
    index: &'i SearchIndex,
    searcher: Searcher,
    /// Keys of documents that should be there.
    known: HashSet<Vec<u8>>,
}

impl Lists<'_> {
    /// Whether the index shows this row, once.
    fn compare<T: Serialize + DeserializeOwned + PartialEq>(
        &mut self,
        project: ProjectId,
        list: ListOf,
        key: &str,
        row: &T,
        report: &mut Report,
    ) {
        match self.shown::<T>(project, list, key) {
            Ok(found) if found.as_ref() == Some(row) => {}
            Ok(_) => report.wrong(|| format!("the index does not show the {} {key:?} as it is; {REINDEX}", one_of(list))),
            Err(error) => {
                report.wrong(|| format!("the index cannot be read: {}; {REINDEX}", error.with_causes()));
            }
        }
    }

    fn shown<T: DeserializeOwned>(&mut self, project: ProjectId, list: ListOf, key: &str) -> Result<Option<T>, StoreError> {
        let term = self.index.fields.key_of(project, list, key);
        self.known.insert(term.serialized_value_bytes().to_vec());
        let query = TermQuery::new(term, IndexRecordOption::Basic);
        let found =
            self.searcher.search(&query, &TopDocs::with_limit(2).order_by_score()).map_err(StoreError::index("look up a row"))?;
        let [(_, at)] = found.as_slice() else { return Ok(None) };
        Ok(serde_json::from_slice(&self.row(*at)?).ok())
    }

    fn row(&self, at: DocAddress) -> Result<Vec<u8>, StoreError> {
        let document: TantivyDocument = self.searcher.doc(at).map_err(StoreError::index("read a row"))?;
        Ok(document.get_first(self.index.fields.row).and_then(|value| value.as_bytes().map(<[u8]>::to_vec)).unwrap_or_default())
    }

    /// Documents of which the record knows nothing.
    fn extra(&self, report: &mut Report) -> Result<(), StoreError> {
        let failed = || StoreError::index("read the keys");
        let io = |error: std::io::Error| failed()(error.into());
        for (ord, segment) in (0..).zip(self.searcher.segment_readers()) {
            let keys = segment.inverted_index(self.index.fields.key).map_err(failed())?;
            let mut terms = keys.terms().stream().map_err(io)?;
            while terms.advance() {
                if self.known.contains(terms.key()) {
                    continue;
                }
                let mut documents = keys.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic).map_err(io)?;
                while documents.doc() != TERMINATED {
                    let at = DocAddress::new(ord, documents.doc());
                    if segment.alive_bitset().is_none_or(|alive| alive.is_alive(at.doc_id)) {
                        let row = self.row(at)?;
                        report.wrong(|| format!("the index shows {}, which is not in the record; {REINDEX}", ids(&row)));
                    }
                    documents.advance();
                }
            }
        }
        Ok(())
    }
}

/// The ids in a row.
fn ids(row: &[u8]) -> String {
    let row: serde_json::Value = serde_json::from_slice(row).unwrap_or_default();
    let ids = ["conversation_id", "trace_id", "span_id"];
    let ids: Vec<String> = ids.iter().filter_map(|id| Some(format!("{id} {}", row.get(id)?))).collect();
    if ids.is_empty() { "a row without ids".to_owned() } else { ids.join(", ") }
}

/// What a row of a list is called.
const fn one_of(list: ListOf) -> &'static str {
    match list {
        ListOf::Conversations => "conversation",
        ListOf::Traces => "trace",
        ListOf::Spans => "span",
    }
}
