//! Searches for words: the spans with the words one after the other, and of what they brought in each message once.

use std::cell::Cell;
use std::collections::HashMap;

use neuraltrust_model::{Content, Map, Message, Part, TraceId};
use tantivy::collector::TopDocs;
use tantivy::{DocAddress, Searcher};

use super::budget::Budget;
use super::clauses::{Clauses, all};
use super::highlight::{self, Phrase, Snippet};
use super::index::SearchIndex;
use super::lists;
use super::order;
use super::record::Record;
use crate::fields::{Field, Key, Value};
use crate::hits::{Hit, Hits, Place, SaidIn, Search};
use crate::said::{Apart, Form, Said};
use crate::summary::TraceSpans;
use crate::{Cursor, Filter, ListOf, Order, OrderBy, ProjectId, SpanRow, StoreError, Test};

/// Most spans that are looked at for one page.
const LOOKED_AT: usize = 500;
/// Spans that are looked up at a time.
const BATCH: usize = 50;
/// Most places that are told of one message beside the first.
const MAX_ALSO: usize = 20;
/// Most later calls that are asked whether they sent a message again.
const MAX_CALLS: usize = 32;
/// Most bytes of a message that are searched.
const MAX_TEXT: usize = super::indexer::TEXT_BYTES;

/// Name of a node of the content chain, and its scope.
type NodeName = (i64, [u8; 16]);

/// A text that a span brought in.
struct Piece {
    part: SaidIn,
    role: Option<String>,
    text: String,
    node: Option<NodeName>,
}

/// A page of a search.
pub(super) fn search(
    index: &SearchIndex,
    record: &Record,
    project: ProjectId,
    query: &Search,
    budget: &Budget,
) -> Result<Hits, StoreError> {
    let phrases = highlight::phrases(&query.filter);
    let (searcher, cut) = (index.reader.searcher(), Cell::new(false));
    let clauses = Clauses { ranked: query.by_relevance, ..Clauses::new(index, &searcher, project, ListOf::Spans, &cut, budget) };
    let mut page = Page { query, found: Vec::new(), known: HashMap::new(), last: None };
    let mut trace = None;
    let mut spans = Spans::new(&clauses, query)?;
    let (mut looked_at, mut next_cursor, mut broken_off) = (0, None, false);
    'all: while let Some(batch) = spans.next()? {
        for (cursor, at) in batch {
            let row: SpanRow = lists::read(&lists::row(index, &searcher, at)?)?;
            if page.is_full() && page.last.as_ref() != Some(&row.trace_id) || looked_at == LOOKED_AT || budget.is_over() {
                broken_off = true;
                break 'all;
            }
            looked_at += 1;
            next_cursor = cursor;
            let pieces = match pieces(record, project, &mut trace, &row) {
                // What cannot be read is not shown; whoever opens it is told.
                Err(StoreError::Damaged { .. }) => continue,
                pieces => pieces?,
            };
            page.add(&row, pieces, &phrases);
        }
    }
    let more = broken_off || !spans.is_over;
    for (hit, node) in &mut page.found {
        if let Some(node) = node {
            sent_again(index, record, project, hit, *node, budget)?;
        }
        hit.also_count = hit.also.len();
        hit.also.truncate(MAX_ALSO);
    }
    Ok(Hits {
        items: page.found.into_iter().map(|(hit, _)| hit).collect(),
        next_cursor: next_cursor.filter(|_| more && !query.by_relevance),
        truncated: cut.get() || (more && query.by_relevance),
        timed_out: budget.has_ended(),
    })
}

/// What is found, on its way into an answer.
struct Page<'q> {
    query: &'q Search,
    found: Vec<(Hit, Option<NodeName>)>,
    /// By what is said.
    known: HashMap<blake3::Hash, usize>,
    /// The trace of the last message that was found.
    last: Option<TraceId>,
}

impl Page<'_> {
    fn is_full(&self) -> bool {
        self.found.len() >= self.query.limit
    }

    /// Adds those pieces of a span that have the most of what is asked for.
    fn add(&mut self, row: &SpanRow, pieces: Vec<Piece>, phrases: &[Phrase]) {
        let mut found: Vec<((usize, usize), Piece, Snippet)> = pieces
            .into_iter()
            .filter_map(|piece| {
                let snippet = highlight::snippet(&piece.text, phrases)?;
                let times = highlight::times(&piece.text, phrases);
                Some(((times.iter().filter(|times| **times > 0).count(), times.iter().sum()), piece, snippet))
            })
            .collect();
        if self.query.by_relevance {
            found.sort_by_key(|(times, ..)| std::cmp::Reverse(*times));
        }
        let most = found.iter().map(|((has, _), ..)| *has).max();
        for (_, piece, snippet) in found.into_iter().filter(|((has, _), ..)| Some(*has) == most) {
            let place = place(row, piece.part);
            let said = blake3::hash(piece.text.trim().as_bytes());
            let full = self.is_full();
            match self.known.get(&said).and_then(|n| self.found.get_mut(*n)) {
                Some((hit, node)) => {
                    *node = node.or(piece.node);
                    hit.role = hit.role.take().or(piece.role);
                    join(hit, place);
                }
                None if full => {}
                None => {
                    self.last = Some(row.trace_id.clone());
                    self.known.insert(said, self.found.len());
                    let Snippet { text: snippet, ranges } = snippet;
                    let hit = Hit { role: piece.role, snippet, ranges, place, also: Vec::new(), also_count: 0 };
                    self.found.push((hit, piece.node));
                }
            }
        }
    }
}

fn place(row: &SpanRow, part: SaidIn) -> Place {
    Place {
        conversation_id: row.conversation_id.clone(),
        trace_id: row.trace_id.clone(),
        span_id: row.span_id.clone(),
        kind: row.kind.clone(),
        name: row.name.clone(),
        part,
        start_time: row.start_time,
    }
}

/// Adds a place to a message: the first of its conversation is where it was said.
fn join(hit: &mut Hit, mut place: Place) {
    let when = |place: &Place| (place.start_time, place.part != SaidIn::Input);
    if place.conversation_id == hit.place.conversation_id && when(&place) < when(&hit.place) {
        std::mem::swap(&mut place, &mut hit.place);
    }
    if !hit.also.contains(&place) && place != hit.place {
        hit.also.push(place);
    }
}

/// The spans that are searched, some at a time.
struct Spans<'a, 'c> {
    clauses: &'a Clauses<'c>,
    query: &'a Search,
    cursor: Option<Cursor>,
    begun: bool,
    /// Whether all that there are have been given.
    is_over: bool,
}

type Batch = Vec<(Option<Cursor>, DocAddress)>;

impl<'a, 'c> Spans<'a, 'c> {
    fn new(clauses: &'a Clauses<'c>, query: &'a Search) -> Result<Self, StoreError> {
        if query.cursor.is_some_and(|cursor| cursor.by != OrderBy::Time || query.by_relevance) {
            return Err(StoreError::Cursor);
        }
        Ok(Self { clauses, query, cursor: query.cursor, begun: false, is_over: false })
    }

    fn next(&mut self) -> Result<Option<Batch>, StoreError> {
        if self.is_over || (self.begun && self.query.by_relevance) {
            return Ok(None);
        }
        self.begun = true;
        let searcher: &Searcher = self.clauses.searcher;
        if self.query.by_relevance {
            let query = self.clauses.query(&self.query.filter)?;
            let best = TopDocs::with_limit(LOOKED_AT + 1).order_by_score();
            let mut found = searcher.search(&*query, &best).map_err(StoreError::index("search"))?;
            self.is_over = found.len() <= LOOKED_AT;
            found.truncate(LOOKED_AT);
            return Ok(Some(found.into_iter().map(|(_, at)| (None, at)).collect()));
        }
        let until = self.cursor.and_then(order::moment);
        let clauses = Clauses { until, ..*self.clauses };
        let mut query = clauses.query(&self.query.filter)?;
        if let Some(cursor) = self.cursor {
            query = all(vec![query, order::behind(clauses.index, cursor, Order::default())]);
        }
        let found = order::first(searcher, &*query, Order::default(), BATCH)?;
        self.is_over = found.len() < BATCH;
        self.cursor = found.last().map(|(cursor, _)| *cursor);
        Ok(Some(found.into_iter().map(|(cursor, at)| (Some(cursor), at)).collect()))
    }
}

/// What a span brought in, message by message.
fn pieces(
    record: &Record,
    project: ProjectId,
    known: &mut Option<(TraceId, TraceSpans)>,
    row: &SpanRow,
) -> Result<Vec<Piece>, StoreError> {
    if known.as_ref().is_none_or(|(id, _)| *id != row.trace_id) {
        *known = Some((row.trace_id.clone(), record.trace(project, &row.trace_id)?));
    }
    let Some((_, trace)) = known else { return Ok(Vec::new()) };
    let Some(span) = trace.spans.iter().find(|span| span.span_id == row.span_id) else { return Ok(Vec::new()) };
    let mut pieces = Vec::new();
    for (part, said) in [(SaidIn::Input, trace.input(span)), (SaidIn::Output, trace.output(span))] {
        let Some(said) = said else { continue };
        let piece = |role: Option<String>, text: String, node| Piece { part, role, text, node };
        match said {
            Said::Apart(apart) if matches!(apart.form, Form::Messages(_)) => {
                for (name, message) in record.fresh_messages(apart)? {
                    pieces.push(piece(Some(message.role), words(message.parts), Some((apart.scope, name))));
                }
            }
            said => match record.fresh(said)? {
                Some(Content::Messages { messages }) => {
                    pieces.extend(messages.into_iter().map(|message| piece(Some(message.role), words(message.parts), None)));
                }
                Some(Content::Documents { documents }) => {
                    let text = |document| Content::Documents { documents: vec![document] }.plain_text(MAX_TEXT);
                    pieces.extend(documents.into_iter().map(|document| piece(None, text(document), None)));
                }
                Some(content) => pieces.push(piece(None, content.plain_text(MAX_TEXT), None)),
                None => {}
            },
        }
    }
    pieces.extend(span.status.message.clone().map(|text| Piece { part: SaidIn::Status, role: None, text, node: None }));
    Ok(pieces)
}

fn words(parts: Vec<Part>) -> String {
    let message = Message { role: String::new(), parts, extra: Map::new() };
    Content::Messages { messages: vec![message] }.plain_text(MAX_TEXT)
}

/// Adds the model calls of the conversation that sent a message again: those whose history has it.
fn sent_again(
    index: &SearchIndex,
    record: &Record,
    project: ProjectId,
    hit: &mut Hit,
    (scope, name): NodeName,
    budget: &Budget,
) -> Result<(), StoreError> {
    let (searcher, cut) = (index.reader.searcher(), Cell::new(false));
    let clauses = Clauses::new(index, &searcher, project, ListOf::Spans, &cut, budget);
    let kinds = ["generation", "agent"].map(|kind| Value::Text(kind.to_owned()));
    let calls = Filter::And(vec![
        Filter::equals(Field::ConversationId, hit.place.conversation_id.as_str()),
        Filter::Is(Key::Field(Field::Kind), Test::OneOf(kinds.to_vec())),
        Filter::between(hit.place.start_time, None),
    ]);
    let query = clauses.query(&calls)?;
    for (_, at) in order::first(&searcher, &*query, Order::OLDEST_FIRST, MAX_CALLS)? {
        if budget.is_over() {
            break;
        }
        let row: SpanRow = lists::read(&lists::row(index, &searcher, at)?)?;
        let Some(trace) = record.find(project, &row.trace_id)? else { continue };
        let spans = record.span(&trace, &row.span_id)?;
        let Some(span) = spans.spans.first() else { continue };
        for (part, said) in [(SaidIn::Input, spans.input(span)), (SaidIn::Output, spans.output(span))] {
            if let Some(Said::Apart(Apart { form: Form::Messages(len), scope: there, heads, .. })) = said
                && *there == scope
                && let [head] = heads.as_slice()
                && record.is_on_path(scope, head, *len, &name)?
            {
                join(hit, place(&row, part));
            }
        }
    }
    Ok(())
}
