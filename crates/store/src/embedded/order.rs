//! What lists are ordered by, on the columns of the index: the first things of an order, and what comes behind a place in it.

use std::ops::Bound;

use tantivy::collector::sort_key::NaturalComparator;
use tantivy::collector::{Collector, Count, SegmentSortKeyComputer, SortKeyComputer, TopDocs};
use tantivy::columnar::Column;
use tantivy::query::{ExistsQuery, Query, RangeQuery};
use tantivy::schema::Field as IndexField;
use tantivy::{DocAddress, DocId, Score, Searcher, SegmentReader, Term};

use super::clauses::{all, any, without};
use super::index::{SearchIndex, TIE, TIME, column};
use crate::StoreError;
use crate::fields::{Field, FieldType};
use crate::query::{Cursor, Order, OrderBy};

/// The first things of a query in an order, each with its place.
pub(super) fn first(
    searcher: &Searcher,
    query: &dyn Query,
    order: Order,
    limit: usize,
) -> Result<Vec<(Cursor, DocAddress)>, StoreError> {
    let found = searcher.search(query, &by(order, limit)).map_err(StoreError::index("search"))?;
    Ok(placed(order, found))
}

/// The first things of a query in an order, each with its place, and how many there are in all.
pub(super) fn first_and_total(
    searcher: &Searcher,
    query: &dyn Query,
    order: Order,
    limit: usize,
) -> Result<(Vec<(Cursor, DocAddress)>, u64), StoreError> {
    let (found, total) = searcher.search(query, &(by(order, limit), Count)).map_err(StoreError::index("search"))?;
    Ok((placed(order, found), total as u64))
}

/// What comes behind a place in an order.
pub(super) fn behind(index: &SearchIndex, cursor: Cursor, order: Order) -> Box<dyn Query> {
    let beyond = |term: Term| -> Box<dyn Query> {
        Box::new(match order.ascending {
            false => RangeQuery::new(Bound::Unbounded, Bound::Excluded(term)),
            true => RangeQuery::new(Bound::Excluded(term), Bound::Unbounded),
        })
    };
    let tied = beyond(Term::from_field_u64(index.fields.tie, cursor.tie));
    let valueless = || without(Box::new(ExistsQuery::new(column_of(order.by), false)));
    let Some(at) = cursor.at else { return all(vec![valueless(), tied]) };
    let value = term(index, order.by, at);
    let same = RangeQuery::new(Bound::Included(value.clone()), Bound::Included(value.clone()));
    let mut clauses = vec![beyond(value), all(vec![Box::new(same), tied])];
    // Everything has a time; what has no value of another kind comes last.
    if order.by != OrderBy::Time {
        clauses.push(valueless());
    }
    any(clauses)
}

fn column_of(by: OrderBy) -> String {
    by.field().map_or_else(|| TIME.to_owned(), column)
}

/// The value of a place as a term.
fn term(index: &SearchIndex, by: OrderBy, at: u64) -> Term {
    let field = |field: Field| -> IndexField { index.fields.of(field) };
    match by.field() {
        None => Term::from_field_i64(index.fields.time, tantivy::u64_to_i64(at)),
        Some(known) if known.of_type() == FieldType::Number => Term::from_field_f64(field(known), tantivy::u64_to_f64(at)),
        Some(known) => Term::from_field_u64(field(known), at),
    }
}

/// The moment of a place in the order of time.
pub(super) fn moment(cursor: Cursor) -> Option<i64> {
    (cursor.by == OrderBy::Time).then_some(cursor.at).flatten().map(tantivy::u64_to_i64)
}

type Place = (Option<u64>, Option<u64>);

fn by(order: Order, limit: usize) -> impl Collector<Fruit = Vec<(Place, DocAddress)>> {
    let direction = if order.ascending { tantivy::Order::Asc } else { tantivy::Order::Desc };
    let keys = ((ByColumn(column_of(order.by)), direction), (ByColumn(TIE.to_owned()), direction));
    TopDocs::with_limit(limit.max(1)).order_by(keys)
}

fn placed(order: Order, found: Vec<(Place, DocAddress)>) -> Vec<(Cursor, DocAddress)> {
    // Every document has a tie-breaker.
    let place = |(at, tie): Place| Cursor { by: order.by, at, tie: tie.unwrap_or_default() };
    found.into_iter().map(|(key, at)| (place(key), at)).collect()
}

/// Orders by the first value of a column, as the number that orders its values whatever their type. A segment in which nothing
/// has a value has no such column.
struct ByColumn(String);

struct OfSegment(Option<Column<u64>>);

impl SortKeyComputer for ByColumn {
    type SortKey = Option<u64>;
    type Child = OfSegment;
    type Comparator = NaturalComparator;

    fn segment_sort_key_computer(&self, segment: &SegmentReader) -> tantivy::Result<OfSegment> {
        Ok(OfSegment(segment.fast_fields().u64_lenient(&self.0)?.map(|(column, _)| column)))
    }
}

impl SegmentSortKeyComputer for OfSegment {
    type SortKey = Option<u64>;
    type SegmentSortKey = Option<u64>;
    type SegmentComparator = NaturalComparator;

    fn segment_sort_key(&mut self, doc: DocId, _score: Score) -> Option<u64> {
        self.0.as_ref().and_then(|column| column.first(doc))
    }

    fn convert_segment_sort_key(&self, key: Option<u64>) -> Option<u64> {
        key
    }
}
