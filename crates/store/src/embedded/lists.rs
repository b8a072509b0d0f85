//! Lists and facets, from the index.

use std::collections::BTreeSet;
use std::ops::Bound;

use neuraltrust_model::Timestamp;
use serde::de::DeserializeOwned;
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::agg_result::{AggregationResult, BucketResult, MetricResult};
use tantivy::aggregation::{AggContextParams, AggregationCollector, Key};
use tantivy::collector::TopDocs;
use tantivy::collector::sort_key::SortByStaticFastValue;
use tantivy::query::{
    BooleanQuery, ConstScoreQuery, EmptyQuery, FuzzyTermQuery, Occur, Query, RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::tokenizer::{TextAnalyzer, TokenStream};
use tantivy::{DocAddress, Order, Searcher, TantivyDocument, Term};

use super::index::{SearchIndex, scope};
use crate::{Cursor, FacetRow, Field, Filter, ListOf, ListQuery, Page, ProjectId, StoreError};

/// Newest spans whose words are looked at to find conversations and traces.
const WORDS_IN_SPANS: usize = 20_000;

type Clause = (Occur, Box<dyn Query>);

/// One page of a list.
pub(super) fn list<T: DeserializeOwned>(
    index: &SearchIndex,
    project: ProjectId,
    list: ListOf,
    query: &ListQuery,
) -> Result<Page<T>, StoreError> {
    let searcher = index.reader.searcher();
    let mut clauses = clauses(index, &searcher, project, list, &query.filter, query.cursor)?;
    clauses.extend(query.cursor.map(|cursor| (Occur::Must, behind(index, cursor))));
    // One more than asked for tells whether there is a next page.
    let mut found = newest(&searcher, &BooleanQuery::new(clauses), query.limit.saturating_add(1))?;
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    let next_cursor = found.last().filter(|_| more).map(|(cursor, _)| *cursor);
    let items = found.into_iter().map(|(_, at)| row(index, &searcher, at)).collect::<Result<_, _>>()?;
    Ok(Page { items, next_cursor })
}

fn row<T: DeserializeOwned>(index: &SearchIndex, searcher: &Searcher, at: DocAddress) -> Result<T, StoreError> {
    let document: TantivyDocument = searcher.doc(at).map_err(StoreError::index("read a row"))?;
    let row = document.get_first(index.fields.row).and_then(|value| value.as_bytes().map(<[u8]>::to_vec)).unwrap_or_default();
    serde_json::from_slice(&row).map_err(StoreError::damaged("a row of the index"))
}

fn newest(searcher: &Searcher, query: &dyn Query, limit: usize) -> Result<Vec<(Cursor, DocAddress)>, StoreError> {
    let by_time = (SortByStaticFastValue::<i64>::for_field("time"), Order::Desc);
    let by_tie = (SortByStaticFastValue::<u64>::for_field("tie"), Order::Desc);
    let found = searcher
        .search(query, &TopDocs::with_limit(limit.max(1)).order_by((by_time, by_tie)))
        .map_err(StoreError::index("search"))?;
    // Every document has both fields.
    let place = |(time, tie): (Option<i64>, Option<u64>)| Cursor { time: time.unwrap_or_default(), tie: tie.unwrap_or_default() };
    Ok(found.into_iter().map(|(key, at)| (place(key), at)).collect())
}

/// What comes behind a place in a list.
fn behind(index: &SearchIndex, cursor: Cursor) -> Box<dyn Query> {
    let time = Term::from_field_i64(index.fields.time, cursor.time);
    let earlier = RangeQuery::new(Bound::Unbounded, Bound::Excluded(time.clone()));
    let same = TermQuery::new(time, IndexRecordOption::Basic);
    let tie = Term::from_field_u64(index.fields.tie, cursor.tie);
    let later = RangeQuery::new(Bound::Unbounded, Bound::Excluded(tie));
    let tied = BooleanQuery::new(vec![(Occur::Must, Box::new(same)), (Occur::Must, Box::new(later))]);
    Box::new(BooleanQuery::new(vec![(Occur::Should, Box::new(earlier) as Box<dyn Query>), (Occur::Should, Box::new(tied))]))
}

fn is(index: &SearchIndex, field: Field, value: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(index.fields.of(field), value), IndexRecordOption::Basic))
}

fn clauses(
    index: &SearchIndex,
    searcher: &Searcher,
    project: ProjectId,
    list: ListOf,
    filter: &Filter,
    cursor: Option<Cursor>,
) -> Result<Vec<Clause>, StoreError> {
    let scope = Term::from_field_text(index.fields.scope, &scope(project, list));
    let mut clauses: Vec<Clause> = vec![(Occur::Must, Box::new(TermQuery::new(scope, IndexRecordOption::Basic)))];
    for (field, value) in &filter.equals {
        check(list, *field)?;
        clauses.push((Occur::Must, is(index, *field, value)));
    }
    if filter.after.is_some() || filter.before.is_some() {
        let term = |time: Timestamp| Term::from_field_i64(index.fields.time, time.as_nanos());
        let after = filter.after.map_or(Bound::Unbounded, |time| Bound::Included(term(time)));
        let before = filter.before.map_or(Bound::Unbounded, |time| Bound::Excluded(term(time)));
        clauses.push((Occur::Must, Box::new(RangeQuery::new(after, before))));
    }
    if let Some(text) = &filter.text {
        clauses.push((Occur::Must, matching(index, searcher, project, list, text, cursor)?));
    }
    Ok(clauses)
}

/// Refuses a field that documents of the list do not have.
fn check(list: ListOf, field: Field) -> Result<(), StoreError> {
    if list.fields().contains(&field) {
        return Ok(());
    }
    let accepted = list.fields().iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ");
    Err(StoreError::Filter { list: list.as_str(), field: field.as_str(), accepted })
}

/// The documents of a list that have the words; conversations and traces have those of their spans, and their ids.
fn matching(
    index: &SearchIndex,
    searcher: &Searcher,
    project: ProjectId,
    list: ListOf,
    text: &str,
    cursor: Option<Cursor>,
) -> Result<Box<dyn Query>, StoreError> {
    let Some(words) = words(index, text) else { return Ok(Box::new(EmptyQuery)) };
    let by = match list {
        ListOf::Spans => return Ok(words),
        ListOf::Traces => Field::TraceId,
        ListOf::Conversations => Field::ConversationId,
    };
    let spans = Term::from_field_text(index.fields.scope, &scope(project, ListOf::Spans));
    let mut both: Vec<Clause> =
        vec![(Occur::Must, Box::new(TermQuery::new(spans, IndexRecordOption::Basic))), (Occur::Must, words)];
    if let (Some(cursor), ListOf::Conversations) = (cursor, list) {
        // A conversation is no older than any of its spans.
        let end = Bound::Included(Term::from_field_i64(index.fields.time, cursor.time));
        both.push((Occur::Must, Box::new(RangeQuery::new(Bound::Unbounded, end))));
    }
    let mut ids = BTreeSet::from([text.trim().to_owned()]);
    for (_, at) in newest(searcher, &BooleanQuery::new(both), WORDS_IN_SPANS)? {
        ids.extend(value_of(searcher, by, at).map_err(StoreError::index("read an id"))?);
    }
    Ok(Box::new(TermSetQuery::new(ids.iter().map(|id| Term::from_field_text(index.fields.of(by), id)))))
}

fn value_of(searcher: &Searcher, field: Field, at: DocAddress) -> tantivy::Result<Option<String>> {
    let Some(column) = searcher.segment_reader(at.segment_ord).fast_fields().str(field.as_str())? else { return Ok(None) };
    let Some(ordinal) = column.term_ords(at.doc_id).next() else { return Ok(None) };
    let mut value = String::new();
    column.ord_to_str(ordinal, &mut value)?;
    Ok(Some(value))
}

/// All words of the text must occur, the last one perhaps only begun; `None` where there is no word.
fn words(index: &SearchIndex, text: &str) -> Option<Box<dyn Query>> {
    let mut analyzer =
        index.reader.searcher().index().tokenizer_for_field(index.fields.text).unwrap_or_else(|_| TextAnalyzer::default());
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    while let Some(token) = stream.next() {
        words.push(Term::from_field_text(index.fields.text, &token.text));
    }
    let last = words.pop()?;
    let begun = text.ends_with(char::is_alphanumeric);
    let mut clauses: Vec<Clause> = words
        .into_iter()
        .map(|word| (Occur::Must, Box::new(TermQuery::new(word, IndexRecordOption::Basic)) as Box<dyn Query>))
        .collect();
    let last: Box<dyn Query> = match begun {
        true => Box::new(FuzzyTermQuery::new_prefix(last, 0, true)),
        false => Box::new(TermQuery::new(last, IndexRecordOption::Basic)),
    };
    clauses.push((Occur::Must, last));
    Some(Box::new(ConstScoreQuery::new(Box::new(BooleanQuery::new(clauses)), 1.0)))
}

/// The values of a field over a list, the most frequent first.
pub(super) fn facets(
    index: &SearchIndex,
    project: ProjectId,
    list: ListOf,
    field: Field,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<FacetRow>, StoreError> {
    check(list, field)?;
    let searcher = index.reader.searcher();
    let query = BooleanQuery::new(clauses(index, &searcher, project, list, filter, None)?);
    let request: Aggregations = serde_json::from_value(serde_json::json!({
        "values": {
            "terms": { "field": field.as_str(), "size": limit },
            "aggs": { "last": { "max": { "field": "time" } } }
        }
    }))
    .map_err(StoreError::damaged("the request for facets"))?;
    let collector = AggregationCollector::from_aggs(request, AggContextParams::default());
    let mut found = searcher.search(&query, &collector).map_err(StoreError::index("count"))?;
    let Some(AggregationResult::BucketResult(BucketResult::Terms { buckets, .. })) = found.0.remove("values") else {
        return Ok(Vec::new());
    };
    Ok(buckets
        .into_iter()
        .filter_map(|bucket| {
            let Key::Str(value) = bucket.key else { return None };
            let last_time = match bucket.sub_aggregation.0.get("last") {
                // Aggregates are floats: good to the microsecond, and said so.
                Some(AggregationResult::MetricResult(MetricResult::Max(max))) => {
                    max.value.map(|nanos| Timestamp::from_nanos((nanos / 1e3).round() as i64 * 1_000))
                }
                _ => None,
            };
            Some(FacetRow { value, count: bucket.doc_count, last_time })
        })
        .collect())
}
