//! Lists, facets and aggregates, from the index.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use neuraltrust_model::{ConversationId, SpanId, Timestamp, TraceId};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, StrColumn};
use tantivy::query::Query;
use tantivy::schema::Value as _;
use tantivy::{DocAddress, DocId, Score, Searcher, SegmentOrdinal, SegmentReader, TantivyDocument};

use super::aggregate::Groups;
use super::budget::Budget;
use super::clauses::{Clauses, all};
use super::highlight::{self, Phrase};
use super::index::{SearchIndex, TIME, column};
use super::indexer::TEXT_BYTES;
use super::newcomers::Newcomers;
use super::order;
use super::record::Record;
use crate::aggregate::{Aggregate, Aggregated, Group, GroupValue, Metric, TruncatedBy, check_grouped};
use crate::facets::{FacetQuery, FacetsBy};
use crate::fields::Field;
use crate::summary::searchable_text;
use crate::{Cursor, FacetRow, Facets, Filter, Highlight, ListOf, ListQuery, Order, Page, ProjectId, StoreError};

/// Most conversations or traces that are found by words of their spans; those whose spans are the newest count.
const MAX_FOUND_BY_WORDS: usize = 20_000;

/// One page of a list.
pub(super) fn list<T: DeserializeOwned>(
    index: &SearchIndex,
    record: &Record,
    project: ProjectId,
    list: ListOf,
    query: &ListQuery,
    budget: &Budget,
) -> Result<Page<T>, StoreError> {
    placed(index, record, project, list, query, budget).map(|(page, _)| page)
}

/// One page of a list, and the place of each of its rows, from which a page can go on.
pub(super) fn placed<T: DeserializeOwned>(
    index: &SearchIndex,
    record: &Record,
    project: ProjectId,
    list: ListOf,
    query: &ListQuery,
    budget: &Budget,
) -> Result<(Page<T>, Vec<Cursor>), StoreError> {
    let searcher = index.reader.searcher();
    let cut = Cell::new(false);
    let order = query.order.checked(list)?;
    if query.cursor.is_some_and(|cursor| cursor.by != order.by) {
        return Err(StoreError::Cursor);
    }
    let until = query.cursor.filter(|_| !order.ascending).and_then(order::moment);
    let clauses = Clauses { until, ..Clauses::new(index, &searcher, project, list, &cut, budget) };
    let mut filtered = clauses.query(&query.filter)?;
    if let Some(cursor) = query.cursor {
        filtered = all(vec![filtered, order::behind(index, cursor, order)]);
    }
    // One more than asked for tells whether there is a next page.
    let limit = query.limit.saturating_add(1);
    let (mut found, total) = match query.cursor {
        None => {
            let (found, total) = order::first_and_total(&searcher, &*filtered, order, limit)?;
            (found, Some(total))
        }
        Some(_) => (order::first(&searcher, &*filtered, order, limit)?, None),
    };
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    let places: Vec<Cursor> = found.iter().map(|(cursor, _)| *cursor).collect();
    let next_cursor = places.last().copied().filter(|_| more);
    let rows = found.into_par_iter().map(|(_, at)| row(index, &searcher, at)).collect::<Result<Vec<_>, _>>()?;
    let truncated = cut.get();
    let highlights = highlights(&clauses, record, &query.filter, &rows)?;
    let items = rows.iter().map(|row| read(row)).collect::<Result<_, _>>()?;
    Ok((Page { items, highlights, next_cursor, total, truncated, timed_out: budget.has_ended() }, places))
}

pub(super) fn row(index: &SearchIndex, searcher: &Searcher, at: DocAddress) -> Result<Vec<u8>, StoreError> {
    let document: TantivyDocument = searcher.doc(at).map_err(StoreError::index("read a row"))?;
    Ok(document.get_first(index.fields.row).and_then(|value| value.as_bytes().map(<[u8]>::to_vec)).unwrap_or_default())
}

pub(super) fn read<T: DeserializeOwned>(row: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(row).map_err(StoreError::damaged("a row of the index"))
}

/// The row of the one thing of a list that has this value.
pub(super) fn one<T: DeserializeOwned>(
    index: &SearchIndex,
    record: &Record,
    project: ProjectId,
    of: ListOf,
    (field, value): (Field, &str),
    budget: &Budget,
) -> Result<Option<T>, StoreError> {
    let only = ListQuery { filter: Filter::equals(field, value), limit: 1, ..ListQuery::default() };
    let found = list(index, record, project, of, &only, budget)?.items.pop();
    // What was not looked for is not gone.
    if found.is_none() { budget.check().map(|()| None) } else { Ok(found) }
}

/// The ids in a row.
#[derive(Deserialize)]
struct Ids {
    conversation_id: ConversationId,
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
}

/// For each row where the words are that the filter asks for; nothing when it asks for none.
fn highlights(
    clauses: &Clauses<'_>,
    record: &Record,
    filter: &Filter,
    rows: &[Vec<u8>],
) -> Result<Vec<Option<Highlight>>, StoreError> {
    let phrases = highlight::phrases(filter);
    if phrases.is_empty() {
        return Ok(Vec::new());
    }
    let words = words_of(filter);
    let spans = rows.iter().map(|row| {
        if clauses.budget.is_over() {
            return Ok(None);
        }
        let ids: Ids = read(row)?;
        match (ids.trace_id, ids.span_id) {
            (Some(trace), Some(span)) => Ok(Some((trace, span))),
            (Some(trace), None) => newest_with(clauses, &words, Filter::equals(Field::TraceId, trace.as_str())),
            (None, _) => newest_with(clauses, &words, Filter::equals(Field::ConversationId, ids.conversation_id.as_str())),
        }
    });
    let spans: Vec<Option<(TraceId, SpanId)>> = spans.collect::<Result<_, StoreError>>()?;
    let (project, budget) = (clauses.project, clauses.budget);
    let highlight = |(trace, span)| match budget.is_over() {
        true => Ok(None),
        false => highlight_span(record, project, trace, span, &phrases),
    };
    // On all cores, since somebody waits for them.
    spans.into_par_iter().map(|span| span.map_or(Ok(None), highlight)).collect()
}

/// What a filter says of words that are there, as a filter of spans.
fn words_of(filter: &Filter) -> Filter {
    let with_words = |parts: &[Filter]| parts.iter().filter(|part| !highlight::phrases(part).is_empty()).map(words_of).collect();
    match filter {
        Filter::And(parts) => Filter::And(with_words(parts)),
        Filter::Or(parts) => Filter::Or(with_words(parts)),
        other => other.clone(),
    }
}

/// The newest span of a trace or conversation with the words.
fn newest_with(clauses: &Clauses<'_>, words: &Filter, of: Filter) -> Result<Option<(TraceId, SpanId)>, StoreError> {
    let spans = Clauses { list: ListOf::Spans, until: None, only: None, ..*clauses };
    let query = spans.query(&Filter::And(vec![of, words.clone()]))?;
    let Some((_, at)) = order::first(clauses.searcher, &*query, Order::default(), 1)?.pop() else { return Ok(None) };
    let ids: Ids = read(&row(clauses.index, clauses.searcher, at)?)?;
    Ok(ids.trace_id.zip(ids.span_id))
}

fn highlight_span(
    record: &Record,
    project: ProjectId,
    trace_id: TraceId,
    span_id: SpanId,
    phrases: &[Phrase],
) -> Result<Option<Highlight>, StoreError> {
    let read = || {
        let Some(trace) = record.find(project, &trace_id)? else { return Ok(None) };
        let spans = record.span(&trace, &span_id)?;
        spans.spans.first().map(|span| searchable_text(&spans, span, TEXT_BYTES, |said| record.fresh(said))).transpose()
    };
    let text = match read() {
        // The row is shown all the same; whoever opens it is told.
        Err(StoreError::Damaged { .. }) => return Ok(None),
        text => text?,
    };
    let snippet = text.and_then(|text| highlight::snippet(&text, phrases));
    Ok(snippet.map(|snippet| Highlight { trace_id, span_id, snippet: snippet.text, ranges: snippet.ranges }))
}

/// The values that a field has among the documents of a query, those of the newest documents first, up to
/// [`MAX_FOUND_BY_WORDS`], and whether there are more.
pub(super) fn values(searcher: &Searcher, query: &dyn Query, field: Field) -> Result<(BTreeSet<String>, bool), StoreError> {
    searcher.search(query, &NewestValues(field)).map_err(StoreError::index("find by words"))
}

/// Collects the values of a field, each with its newest time.
struct NewestValues(Field);

struct SegmentValues {
    texts: Option<StrColumn>,
    time: Column<i64>,
    /// For each value of the segment the newest time among the documents that have it.
    newest: Vec<Option<i64>>,
}

impl Collector for NewestValues {
    type Fruit = (BTreeSet<String>, bool);
    type Child = SegmentValues;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentValues> {
        let texts = segment.fast_fields().str(&column(self.0))?;
        let newest = vec![None; texts.as_ref().map_or(0, |texts| texts.num_terms())];
        Ok(SegmentValues { texts, time: segment.fast_fields().i64(TIME)?, newest })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<Vec<(String, i64)>>>) -> tantivy::Result<Self::Fruit> {
        let mut newest: BTreeMap<String, i64> = BTreeMap::new();
        for (value, time) in segments.into_iter().collect::<tantivy::Result<Vec<_>>>()?.into_iter().flatten() {
            let known = newest.entry(value).or_insert(time);
            *known = time.max(*known);
        }
        let mut newest: Vec<(String, i64)> = newest.into_iter().collect();
        newest.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        let more = newest.len() > MAX_FOUND_BY_WORDS;
        Ok((newest.into_iter().take(MAX_FOUND_BY_WORDS).map(|(value, _)| value).collect(), more))
    }
}

impl SegmentCollector for SegmentValues {
    type Fruit = tantivy::Result<Vec<(String, i64)>>;

    fn collect(&mut self, doc: DocId, _score: Score) {
        let Some(texts) = &self.texts else { return };
        let time = self.time.first(doc);
        for ord in texts.term_ords(doc) {
            if let Some(newest) = self.newest.get_mut(ord as usize) {
                *newest = time.max(*newest);
            }
        }
    }

    fn harvest(self) -> Self::Fruit {
        let Some(texts) = self.texts else { return Ok(Vec::new()) };
        let mut found: Vec<(u64, i64)> = (0..).zip(self.newest).filter_map(|(ord, time)| Some((ord, time?))).collect();
        // One more than are wanted tells that there are more.
        if found.len() > MAX_FOUND_BY_WORDS + 1 {
            found.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
            found.truncate(MAX_FOUND_BY_WORDS + 1);
            found.sort_unstable();
        }
        let ords: Vec<u64> = found.iter().map(|(ord, _)| *ord).collect();
        let mut values = Vec::with_capacity(ords.len());
        texts.dictionary().sorted_ords_to_term_cb(&ords, |text| values.push(String::from_utf8_lossy(text).into_owned()))?;
        Ok(values.into_iter().zip(found.into_iter().map(|(_, time)| time)).collect())
    }
}

/// The values of a field over a list, in an order of all of them.
pub(super) fn values_of(
    index: &SearchIndex,
    project: ProjectId,
    query: &FacetQuery,
    budget: &Budget,
) -> Result<Facets, StoreError> {
    let FacetQuery { of, key, filter, order, behind, limit } = query;
    check_grouped(key, *of)?;
    let (searcher, cut) = (index.reader.searcher(), Cell::new(false));
    let clauses = Clauses::new(index, &searcher, project, *of, &cut, budget);
    let grouped = |filter: &Filter, metrics: Vec<Metric>, last: bool| {
        let by_value = Group::Field { key: key.clone(), top: *limit, others: false, by: None };
        let groups = Groups { group_by: vec![by_value], metrics, last, room: index.memory.room() };
        searcher.search(&*clauses.query(filter)?, &groups).map_err(StoreError::index("count"))
    };
    let found = grouped(filter, Vec::new(), true)?;
    let mut truncated = found.is_cut();
    let mut measured: HashMap<String, Option<f64>> = HashMap::new();
    if let FacetsBy::Measure(metric, only) = &order.by {
        metric.check(*of)?;
        let found = grouped(&Filter::And(vec![filter.clone(), only.clone()]), vec![metric.clone()], false)?;
        truncated |= found.is_cut();
        measured = found.by_first_measured(metric).map(|(value, number)| (text(value), number)).collect();
    }
    let row = |(value, count, last): (GroupValue, u64, i64)| {
        let value = text(value);
        let number = match &order.by {
            FacetsBy::Count => Some(count as f64),
            FacetsBy::LastTime => Some(last as f64),
            // Of a value that is not there are none.
            FacetsBy::Measure(Metric::Count, _) => Some(measured.get(&value).copied().flatten().unwrap_or(0.0)),
            FacetsBy::Measure(..) => measured.get(&value).copied().flatten(),
        };
        FacetRow { value, count, last_time: Some(Timestamp::from_nanos(last)), number }
    };
    let mut rows: Vec<FacetRow> = found.by_first().map(row).collect();
    let total = rows.len() as u64;
    let compare =
        |row: &FacetRow, number: Option<f64>, value: &str| order.compare((row.number, row.value.as_str()), (number, value));
    if let Some(behind) = behind {
        rows.retain(|row| compare(row, behind.number, &behind.value).is_gt());
    }
    rows.sort_by(|a, b| compare(a, b.number, &b.value));
    rows.truncate(*limit);
    Ok(Facets { items: rows, total, truncated: truncated || cut.get(), timed_out: budget.has_ended() })
}

/// A value as a text.
fn text(value: GroupValue) -> String {
    match value {
        GroupValue::Text(text) => text,
        GroupValue::Number(number) => number.to_string(),
        GroupValue::Flag(flag) => flag.to_string(),
        GroupValue::Time(time) => time.to_string(),
        // It is one only where others are asked for.
        GroupValue::Others { others } => others.to_string(),
    }
}

/// Groups of a list, and what was measured in them.
pub(super) fn aggregate(
    index: &SearchIndex,
    project: ProjectId,
    query: &Aggregate,
    budget: &Budget,
) -> Result<Aggregated, StoreError> {
    query.check()?;
    let (searcher, cut) = (index.reader.searcher(), Cell::new(false));
    let clauses = Clauses::new(index, &searcher, project, query.of, &cut, budget);
    let filtered = clauses.query(&query.filter)?;
    let room = index.memory.room();
    let groups = Groups { group_by: query.group_by.clone(), metrics: query.metrics.clone(), last: false, room: room.clone() };
    let found = searcher.search(&*filtered, &groups).map_err(StoreError::index("measure"))?;
    let newcomers = Newcomers::look(&searcher, &*clauses.query(&Filter::default())?, query, &room)?;
    let mut aggregated = found.show(query, &newcomers);
    if cut.get() {
        aggregated.truncated = true;
        aggregated.truncated_by.push(TruncatedBy::Conditions);
    }
    aggregated.timed_out = budget.has_ended();
    Ok(aggregated)
}
