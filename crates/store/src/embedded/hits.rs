//! Searches for words: the spans with the words one after the other, and of what they brought in each message once.

use std::cell::Cell;
use std::collections::HashMap;

use neuraltrust_model::{Content, Map, Message, Part};
use rayon::iter::{IntoParallelRefMutIterator as _, ParallelIterator as _};
use tantivy::collector::TopDocs;
use tantivy::query::Query;
use tantivy::{DocAddress, Searcher};

use super::budget::Budget;
use super::clauses::{Clauses, all, without};
use super::highlight::{self, Phrase, Snippet};
use super::index::SearchIndex;
use super::record::Record;
use super::{lists, order, text};
use crate::fields::{Field, Key, Value};
use crate::hits::{Hit, Hits, Place, SaidIn, Search};
use crate::said::{Apart, Form, Said};
use crate::summary::TraceSpans;
use crate::{Cursor, Filter, ListOf, Order, OrderBy, ProjectId, SpanRow, StoreError, Test, Words};

/// Most spans that are looked at for one page.
const LOOKED_AT: usize = 500;
/// Spans that are looked up at a time.
const BATCH: usize = 50;
/// Most places that are told of one message beside the first.
const MAX_ALSO: usize = 20;
/// Spans that are looked at for where else one message was said.
const SAME: usize = 16;
/// Words at the begin of a message that tell it from most others.
const TELLING: usize = 8;
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
    let elsewhere = Elsewhere { clauses: &clauses, record, project, filter: &query.filter, phrases: &phrases };
    let mut page = Page { found: Vec::new(), known: HashMap::new() };
    let mut spans = Spans::new(&clauses, query)?;
    let (mut looked_at, mut next_cursor, mut broken_off) = (0, None, false);
    'all: while let Some(batch) = spans.next()? {
        for (cursor, at) in batch {
            let row: SpanRow = lists::read(&lists::row(index, &searcher, at)?)?;
            if page.found.len() >= query.limit || looked_at == LOOKED_AT || budget.is_over() {
                broken_off = true;
                break 'all;
            }
            looked_at += 1;
            let pieces = pieces(record, project, &row)?;
            let new = page.new_of(best(pieces, &phrases, query.by_relevance), &row, |text| match query.cursor {
                Some(cursor) => elsewhere.is_said_before(text, cursor),
                None => Ok(false),
            })?;
            // What does not fit is the begin of the next page, unless it never would.
            if !page.found.is_empty() && page.found.len() + new.len() > query.limit {
                broken_off = true;
                break 'all;
            }
            next_cursor = cursor;
            new.into_iter().for_each(|found| page.add(found, &row));
        }
    }
    let more = broken_off || !spans.is_over;
    // On all cores, since somebody waits for them.
    let found = page.found.par_iter_mut().map(|Found { hit, node, text }| {
        let cut = Cell::new(false);
        let clauses = Clauses::new(index, &searcher, project, ListOf::Spans, &cut, budget);
        let elsewhere = Elsewhere { clauses: &clauses, record, project, filter: &query.filter, phrases: &phrases };
        for place in elsewhere.of(text, hit)? {
            join(hit, place);
        }
        if let Some(node) = node {
            elsewhere.sent_again(hit, *node)?;
        }
        hit.also_count = hit.also.len();
        hit.also.truncate(MAX_ALSO);
        Ok(cut.get())
    });
    let cut = found.collect::<Result<Vec<bool>, StoreError>>()?.contains(&true) || cut.get();
    Ok(Hits {
        items: page.found.into_iter().map(|found| found.hit).collect(),
        next_cursor: next_cursor.filter(|_| more && !query.by_relevance),
        truncated: cut || (more && query.by_relevance),
        timed_out: budget.has_ended(),
    })
}

/// A message that is found, on its way into an answer.
struct Found {
    hit: Hit,
    node: Option<NodeName>,
    text: String,
}

/// What is found, each once.
struct Page {
    found: Vec<Found>,
    /// By what is said; `None` for what a page before has shown.
    known: HashMap<blake3::Hash, Option<usize>>,
}

/// What tells a text from others.
fn said(text: &str) -> blake3::Hash {
    blake3::hash(text.trim().as_bytes())
}

/// Those texts of a span that have the most of what is asked for.
fn best(pieces: Vec<Piece>, phrases: &[Phrase], by_relevance: bool) -> Vec<(Piece, Snippet)> {
    let mut found: Vec<((usize, usize), Piece, Snippet)> = pieces
        .into_iter()
        .filter_map(|piece| {
            let snippet = highlight::snippet(&piece.text, phrases)?;
            let times = highlight::times(&piece.text, phrases);
            Some(((times.iter().filter(|times| **times > 0).count(), times.iter().sum()), piece, snippet))
        })
        .collect();
    if by_relevance {
        found.sort_by_key(|(times, ..)| std::cmp::Reverse(*times));
    }
    let most = found.iter().map(|((has, _), ..)| *has).max();
    found.retain(|((has, _), ..)| Some(*has) == most);
    found.into_iter().map(|(_, piece, snippet)| (piece, snippet)).collect()
}

impl Page {
    /// Those texts of a span that are not on the page yet, each once; the others join what they are the same as. `is_shown` says what a
    /// page before has shown.
    fn new_of(
        &mut self,
        best: Vec<(Piece, Snippet)>,
        row: &SpanRow,
        is_shown: impl Fn(&str) -> Result<bool, StoreError>,
    ) -> Result<Vec<(Piece, Snippet)>, StoreError> {
        let mut new: Vec<(Piece, Snippet)> = Vec::new();
        for (piece, snippet) in best {
            let said = said(&piece.text);
            match self.known.get(&said).copied() {
                Some(None) => {}
                Some(Some(n)) => {
                    if let Some(Found { hit, node, .. }) = self.found.get_mut(n) {
                        *node = node.or(piece.node);
                        hit.role = hit.role.take().or(piece.role);
                        join(hit, place(row, piece.part));
                    }
                }
                None if new.iter().any(|(known, _)| known.text.trim() == piece.text.trim()) => {}
                None if is_shown(&piece.text)? => drop(self.known.insert(said, None)),
                None => new.push((piece, snippet)),
            }
        }
        Ok(new)
    }

    fn add(&mut self, (piece, snippet): (Piece, Snippet), row: &SpanRow) {
        self.known.insert(said(&piece.text), Some(self.found.len()));
        let Snippet { text: snippet, ranges } = snippet;
        let place = place(row, piece.part);
        let hit = Hit { role: piece.role, snippet, ranges, place, also: Vec::new(), also_count: 0 };
        self.found.push(Found { hit, node: piece.node, text: piece.text });
    }
}

/// Looks for where a text was said as well, by the words that it begins with.
struct Elsewhere<'a, 'c> {
    clauses: &'a Clauses<'c>,
    record: &'a Record,
    project: ProjectId,
    filter: &'a Filter,
    phrases: &'a [Phrase],
}

impl Elsewhere<'_, '_> {
    /// The spans that the search finds and that may say the text.
    fn spans(&self, text: &str, more: Filter) -> Result<Box<dyn Query>, StoreError> {
        let words = text::words(text).take(TELLING).map(|word| word.text).collect::<Vec<_>>().join(" ");
        let words = Filter::Words(Words { text: words, begun: false });
        Clauses { ranked: false, ..*self.clauses }.query(&Filter::And(vec![self.filter.clone(), words, more]))
    }

    /// Where the first spans of a query say the text.
    fn places(&self, text: &str, query: &dyn Query, order: Order, limit: usize) -> Result<Vec<Place>, StoreError> {
        let (said_of, mut places) = (said(text), Vec::new());
        for (_, at) in order::first(self.clauses.searcher, query, order, limit)? {
            if self.clauses.budget.is_over() {
                break;
            }
            let row: SpanRow = lists::read(&lists::row(self.clauses.index, self.clauses.searcher, at)?)?;
            let pieces = pieces(self.record, self.project, &row)?;
            let same = best(pieces, self.phrases, false).into_iter().filter(|(piece, _)| said(&piece.text) == said_of);
            places.extend(same.map(|(piece, _)| place(&row, piece.part)));
        }
        Ok(places)
    }

    /// Whether a text is said by what was looked at before a place in the order of time.
    fn is_said_before(&self, text: &str, cursor: Cursor) -> Result<bool, StoreError> {
        let query = self.spans(text, Filter::default())?;
        let before = without(order::behind(self.clauses.index, cursor, Order::default()));
        Ok(!self.places(text, &*all(vec![query, before]), Order::OLDEST_FIRST, SAME)?.is_empty())
    }

    /// Where a message was said as well: first in its conversation, and last anywhere.
    fn of(&self, text: &str, hit: &Hit) -> Result<Vec<Place>, StoreError> {
        let here = Filter::equals(Field::ConversationId, hit.place.conversation_id.as_str());
        let mut places = self.places(text, &*self.spans(text, here)?, Order::OLDEST_FIRST, SAME)?;
        places.extend(self.places(text, &*self.spans(text, Filter::default())?, Order::default(), SAME)?);
        Ok(places)
    }

    /// Adds the model calls of the conversation that sent a message again: those whose history has it.
    fn sent_again(&self, hit: &mut Hit, (scope, name): NodeName) -> Result<(), StoreError> {
        let Self { clauses, record, project, .. } = *self;
        let kinds = ["generation", "agent"].map(|kind| Value::Text(kind.to_owned()));
        let calls = Filter::And(vec![
            Filter::equals(Field::ConversationId, hit.place.conversation_id.as_str()),
            Filter::Is(Key::Field(Field::Kind), Test::OneOf(kinds.to_vec())),
            Filter::between(hit.place.start_time, None),
        ]);
        let query = clauses.query(&calls)?;
        for (_, at) in order::first(clauses.searcher, &*query, Order::OLDEST_FIRST, MAX_CALLS)? {
            if clauses.budget.is_over() {
                break;
            }
            let row: SpanRow = lists::read(&lists::row(clauses.index, clauses.searcher, at)?)?;
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

/// What a span brought in, message by message. What cannot be read is not shown; whoever opens it is told.
fn pieces(record: &Record, project: ProjectId, row: &SpanRow) -> Result<Vec<Piece>, StoreError> {
    let Some(trace) = record.find(project, &row.trace_id)? else { return Ok(Vec::new()) };
    match record.span(&trace, &row.span_id).and_then(|spans| pieces_of(record, &spans, row)) {
        Err(StoreError::Damaged { .. }) => Ok(Vec::new()),
        pieces => pieces,
    }
}

fn pieces_of(record: &Record, trace: &TraceSpans, row: &SpanRow) -> Result<Vec<Piece>, StoreError> {
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
