//! Filters as queries of the index.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::{Bound, RangeBounds as _};

use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, ExistsQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query, RangeQuery, TermQuery,
    TermSetQuery,
};
use tantivy::schema::{Field as IndexField, IndexRecordOption};
use tantivy::{Searcher, Term};

use super::budget::{Budget, Limited};
use super::facts::{MAX_EXACT_TEXT, known_by};
use super::index::{Fields, JUDGED, SearchIndex, column, nanos, scope};
use super::steady::Steady;
use super::{lists, text};
use crate::fields::{Field, FieldType, FilterError, Key, Root, Value, number};
use crate::query::{Filter, ListOf, Test, Words};
use crate::{Pattern, ProjectId, StoreError};

/// Most words that a begun word at the end of a phrase may stand for.
const PHRASE_ENDINGS: u32 = 1_000;
/// Most texts that a pattern may stand for; they are those of all projects.
const LIKE: usize = 100_000;
/// Texts that are looked at between two looks at the clock.
const LOOK_EVERY: u32 = 1_024;
/// Behind every text that begins with what it is put behind: the last code point, which no text has.
const LAST: char = '\u{10FFFF}';

type Clause = Box<dyn Query>;

/// Everything that a filter is turned into a query with.
pub(super) struct Clauses<'a> {
    pub(super) index: &'a SearchIndex,
    pub(super) searcher: &'a Searcher,
    pub(super) project: ProjectId,
    pub(super) list: ListOf,
    /// Nothing of the list that is later than this moment is wanted: that narrows down what is looked through.
    pub(super) until: Option<i64>,
    /// Nothing of the list but what has one of these ids is wanted; so does this.
    pub(super) only: Option<&'a BTreeSet<String>>,
    /// Set when more was found on the way than is looked at, so that the query does not let everything through that it should.
    pub(super) cut: &'a Cell<bool>,
    /// What it may take to find everything.
    pub(super) budget: &'a Budget,
    /// Whether the most relevant documents are asked for, so that it counts how often they have a word.
    pub(super) ranked: bool,
    /// Whether spans are looked for because of what they are a step of.
    pub(super) steps: bool,
    /// Whether what is found is left out of the answer.
    pub(super) negated: bool,
}

impl<'a> Clauses<'a> {
    /// For filters of that list; `cut` is set when not everything is found.
    pub(super) const fn new(
        index: &'a SearchIndex,
        searcher: &'a Searcher,
        project: ProjectId,
        list: ListOf,
        cut: &'a Cell<bool>,
        budget: &'a Budget,
    ) -> Self {
        Self { index, searcher, project, list, until: None, only: None, cut, budget, ranked: false, steps: false, negated: false }
    }
}

/// Everything holds.
pub(super) fn all(clauses: Vec<Clause>) -> Clause {
    Box::new(BooleanQuery::new(clauses.into_iter().map(|clause| (Occur::Must, clause)).collect()))
}

/// Something holds.
pub(super) fn any(clauses: Vec<Clause>) -> Clause {
    if clauses.is_empty() {
        return Box::new(EmptyQuery);
    }
    Box::new(BooleanQuery::new(clauses.into_iter().map(|clause| (Occur::Should, clause)).collect()))
}

fn is(term: Term) -> Clause {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// It does not hold.
pub(super) fn without(clause: Clause) -> Clause {
    Box::new(BooleanQuery::new(vec![(Occur::Must, Box::new(AllQuery)), (Occur::MustNot, Box::new(Steady(clause)))]))
}

/// Both ends of a range; everything that is there at all when both are open.
fn range(from: Bound<Term>, to: Bound<Term>) -> Option<Clause> {
    let open = matches!((&from, &to), (Bound::Unbounded, Bound::Unbounded));
    (!open).then(|| Box::new(RangeQuery::new(from, to)) as Clause)
}

/// What begins with a text; `term` makes a term of a text.
fn begins(prefix: &str, term: impl Fn(&str) -> Term) -> Clause {
    Box::new(RangeQuery::new(Bound::Included(term(prefix)), Bound::Excluded(term(&format!("{prefix}{LAST}")))))
}

impl Clauses<'_> {
    /// The documents of the list that the filter lets through.
    pub(super) fn query(&self, filter: &Filter) -> Result<Clause, StoreError> {
        let in_list = is(Term::from_field_text(self.fields().scope, &scope(self.project, self.list)));
        let query = all(vec![in_list, self.clause(filter)?]);
        Ok(Box::new(Limited { query, budget: self.budget.clone() }))
    }

    fn fields(&self) -> &Fields {
        &self.index.fields
    }

    fn clause(&self, filter: &Filter) -> Result<Clause, StoreError> {
        match filter {
            // What is said of words together is about one span.
            _ if self.list != ListOf::Spans && is_words(filter) => self.of_spans_with(filter),
            Filter::And(parts) => {
                let (words, others): (Vec<&Filter>, Vec<&Filter>) = parts.iter().partition(|part| is_words(part));
                let mut clauses = others.into_iter().map(|part| self.clause(part)).collect::<Result<Vec<_>, _>>()?;
                if !words.is_empty() {
                    clauses.push(self.clause_of_words(words)?);
                }
                // A boolean query of nothing finds nothing.
                Ok(if clauses.is_empty() { Box::new(AllQuery) } else { all(clauses) })
            }
            Filter::Or(parts) => Ok(any(parts.iter().map(|part| self.clause(part)).collect::<Result<_, _>>()?)),
            Filter::Not(part) => Ok(without(Clauses { negated: !self.negated, ..*self }.clause(part)?)),
            Filter::Time(from, to) => {
                let term = |time: &neuraltrust_model::Timestamp| Term::from_field_i64(self.fields().time, time.as_nanos());
                let ends = (from.as_ref().map(term), to.as_ref().map(term));
                Ok(range(ends.0, ends.1).unwrap_or_else(|| Box::new(AllQuery)))
            }
            Filter::Is(key, Test::Like(pattern)) => self.like(&key.clone().checked(self.list)?, pattern),
            Filter::Is(key, test) => Ok(self.test(&key.clone().checked(self.list)?, test)?),
            Filter::Words(words) => self.words(words),
            Filter::Step(inner) if self.list == ListOf::Spans => self.clause(inner),
            Filter::Step(inner) => self.of_spans_with(inner),
        }
    }

    fn clause_of_words(&self, parts: Vec<&Filter>) -> Result<Clause, StoreError> {
        if self.list != ListOf::Spans {
            return self.of_spans_with(&Filter::And(parts.into_iter().cloned().collect()));
        }
        Ok(all(parts.into_iter().map(|part| self.clause(part)).collect::<Result<_, _>>()?))
    }

    /// The documents of the list that are about spans with the words.
    fn of_spans_with(&self, words: &Filter) -> Result<Clause, StoreError> {
        let field = if self.list == ListOf::Traces { Field::TraceId } else { Field::ConversationId };
        let spans = Clauses { list: ListOf::Spans, only: None, steps: true, ..*self };
        // A conversation is no older than any of its spans.
        let until = self.until.filter(|_| self.list == ListOf::Conversations);
        let until = until.map_or(Bound::Unbounded, |until| Bound::Included(neuraltrust_model::Timestamp::from_nanos(until)));
        let mut all = vec![words.clone(), Filter::Time(Bound::Unbounded, until)];
        if let Some(only) = self.only {
            let ids = only.iter().map(|id| Value::Text(id.clone())).collect();
            all.push(Filter::Is(Key::Field(field), Test::OneOf(ids)));
        }
        let words = Filter::And(all);
        let (ids, cut) = lists::values(self.searcher, &*spans.query(&words)?, field)?;
        if cut {
            self.note_cut()?;
        }
        // Where what is found is left out, that would let wrong rows through.
        if self.negated {
            self.budget.check()?;
        }
        Ok(Box::new(TermSetQuery::new(ids.iter().map(|id| Term::from_field_text(self.fields().of(field), id)))))
    }

    /// Notes that not everything was found; where what is found is left out, that would let wrong rows through.
    fn note_cut(&self) -> Result<(), StoreError> {
        self.cut.set(true);
        if self.negated { Err(StoreError::TooBroad) } else { Ok(()) }
    }

    /// Words that follow each other; nothing where there is no word.
    fn words(&self, words: &Words) -> Result<Clause, StoreError> {
        let field = self.fields().text;
        let mut terms: Vec<Term> = text::words(&words.text).map(|word| Term::from_field_text(field, &word.text)).collect();
        Ok(match (terms.len(), words.begun) {
            (0, _) => Box::new(EmptyQuery),
            (1, true) => {
                let begun = text::words(&words.text).next().map(|word| word.text).unwrap_or_default();
                let whole =
                    self.ranked.then(|| TermQuery::new(Term::from_field_text(field, &begun), IndexRecordOption::WithFreqs));
                let begins = begins(&begun, |text| Term::from_field_text(field, text));
                match whole {
                    Some(whole) => any(vec![Box::new(whole), begins]),
                    None => begins,
                }
            }
            (1, false) if self.ranked => match terms.pop() {
                Some(term) => Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)),
                None => Box::new(EmptyQuery),
            },
            (1, false) => terms.pop().map_or_else(|| Box::new(EmptyQuery) as Clause, is),
            (_, true) => {
                let begun = text::words(&words.text).last().map(|word| word.text).unwrap_or_default();
                if self.has_more_endings(&begun).map_err(StoreError::index("find by words"))? {
                    self.note_cut()?;
                }
                let mut phrase = PhrasePrefixQuery::new(terms);
                phrase.set_max_expansions(PHRASE_ENDINGS);
                Box::new(phrase)
            }
            (_, false) => Box::new(PhraseQuery::new(terms)),
        })
    }

    /// Whether a begun word at the end of a phrase may stand for more words than are looked at.
    fn has_more_endings(&self, begun: &str) -> tantivy::Result<bool> {
        let field = self.fields().text;
        let (from, to) = (Term::from_field_text(field, begun), Term::from_field_text(field, &format!("{begun}{LAST}")));
        for segment in self.searcher.segment_readers() {
            let words = segment.inverted_index(field)?;
            let range = words.terms().range().ge(from.serialized_value_bytes()).lt(to.serialized_value_bytes());
            let mut endings = range.into_stream()?;
            let mut seen = 0;
            while seen <= PHRASE_ENDINGS && endings.advance() {
                seen += 1;
            }
            if seen > PHRASE_ENDINGS {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What has a text that is like a pattern.
    fn like(&self, key: &Key, pattern: &Pattern) -> Result<Clause, StoreError> {
        let is_text = |field: Field| matches!(field.of_type(), FieldType::Keyword | FieldType::Id);
        if matches!(key, Key::Field(field) if !is_text(*field)) {
            return Err(key.bad_value(pattern.to_string()).into());
        }
        let term = |text: &str| match key {
            Key::Field(field) => Term::from_field_text(self.fields().of(*field), text),
            Key::Path(root, path) => {
                let mut term = Term::from_field_json_path(self.below(*root).0, &path.replace('\\', "\\\\"), true);
                term.append_type_and_str(text);
                term
            }
        };
        let known = self.texts_like(&term(""), &term(known_by(pattern.begin())), pattern)?;
        // Where what is found is left out, that would let wrong rows through.
        if self.negated {
            self.budget.check()?;
        }
        Ok(Box::new(TermSetQuery::new(known.iter().map(|text| term(text)))))
    }

    /// The texts behind `before` that are like a pattern, from `from` on, which is how all of them begin.
    fn texts_like(&self, before: &Term, from: &Term, pattern: &Pattern) -> Result<BTreeSet<String>, StoreError> {
        let (before, begin) = (before.serialized_value_bytes().len(), from.serialized_value_bytes());
        let failed = || StoreError::index("find what is like a pattern");
        let mut found = BTreeSet::new();
        let mut looked_at = 0_u32;
        for segment in self.searcher.segment_readers() {
            let known = segment.inverted_index(from.field()).map_err(failed())?;
            let texts = known.terms().range().ge(begin).into_stream();
            let mut texts = texts.map_err(|error| failed()(error.into()))?;
            while texts.advance() && texts.key().starts_with(begin) {
                looked_at += 1;
                if looked_at.is_multiple_of(LOOK_EVERY) && self.budget.is_over() {
                    return Ok(found);
                }
                let Some(text) = texts.key().get(before..).and_then(|text| std::str::from_utf8(text).ok()) else { continue };
                // Of a longer one only the beginning is known.
                if text.len() > MAX_EXACT_TEXT || found.len() >= LIKE {
                    self.note_cut()?;
                }
                if pattern.matches(text) && found.len() < LIKE {
                    found.insert(text.to_owned());
                }
            }
        }
        Ok(found)
    }

    /// Where what is at a path below a root is in the index, and the name of that.
    fn below(&self, root: Root) -> (IndexField, &'static str) {
        match root {
            // Judgements of a trace or conversation are kept with a span of it.
            Root::Scores if self.steps => (self.fields().judged, JUDGED),
            root => (self.fields().below(root), root.as_str()),
        }
    }

    fn test(&self, key: &Key, test: &Test) -> Result<Clause, FilterError> {
        match key {
            Key::Field(field) => self.test_field(*field, test),
            Key::Path(root, path) => self.test_path(key, *root, path, test),
        }
    }

    fn test_field(&self, field: Field, test: &Test) -> Result<Clause, FilterError> {
        let (at, key) = (self.fields().of(field), Key::Field(field));
        match (field.of_type(), test) {
            (FieldType::Id, Test::Exists) => Ok(is(Term::from_field_text(self.fields().has, field.as_str()))),
            (_, Test::Exists) => Ok(Box::new(ExistsQuery::new(column(field), false))),
            (FieldType::Keyword | FieldType::Id, Test::OneOf(values)) => {
                let mut terms = values.iter().map(|value| text_term(at, &key, value)).collect::<Result<Vec<_>, _>>()?;
                Ok(match terms.pop() {
                    Some(only) if terms.is_empty() => is(only),
                    last => Box::new(TermSetQuery::new(terms.into_iter().chain(last))),
                })
            }
            (FieldType::Keyword | FieldType::Id, Test::Prefix(prefix)) => {
                Ok(begins(known_by(prefix), |text| Term::from_field_text(at, text)))
            }
            (FieldType::Keyword | FieldType::Id, Test::Range(from, to)) => {
                self.ends(field, from, to, |value| text_term(at, &key, value))
            }
            (_, Test::Prefix(prefix)) => Err(key.bad_value(format!("{prefix}*"))),
            // Patterns of texts are clauses of their own.
            (_, Test::Like(pattern)) => Err(key.bad_value(pattern.to_string())),
            (_, Test::OneOf(values)) => {
                let one = |value: &Value| self.numeric(field, &Bound::Included(value.clone()), &Bound::Included(value.clone()));
                Ok(any(values.iter().map(one).collect::<Result<_, _>>()?))
            }
            (_, Test::Range(from, to)) => self.numeric(field, from, to),
        }
    }

    /// A range of a field, its ends made into terms; with both ends open the field only has to be there.
    fn ends(
        &self,
        field: Field,
        from: &Bound<Value>,
        to: &Bound<Value>,
        term: impl Fn(&Value) -> Result<Term, FilterError>,
    ) -> Result<Clause, FilterError> {
        match range(try_map(from, &term)?, try_map(to, &term)?) {
            Some(range) => Ok(range),
            None => self.test_field(field, &Test::Exists),
        }
    }

    /// A range of a field whose values are only in a column.
    fn numeric(&self, field: Field, from: &Bound<Value>, to: &Bound<Value>) -> Result<Clause, FilterError> {
        let (at, key) = (self.fields().of(field), Key::Field(field));
        let wrong = |value: &Value| key.bad_value(spelled(value));
        match field.of_type() {
            FieldType::Time => self.ends(field, from, to, |value| match value {
                Value::Time(time) => Ok(Term::from_field_i64(at, time.as_nanos())),
                _ => Err(wrong(value)),
            }),
            FieldType::Flag => {
                let flag = |value: &Value| match value {
                    Value::Flag(flag) => Ok(*flag),
                    _ => Err(wrong(value)),
                };
                let ends = (try_map(from, flag)?, try_map(to, flag)?);
                let within = [false, true].into_iter().filter(|flag| ends.contains(flag));
                Ok(any(within.map(|flag| is(Term::from_field_bool(at, flag))).collect()))
            }
            FieldType::Number => self.ends(field, from, to, |value| match value {
                Value::Number(number) => Ok(Term::from_field_f64(at, *number)),
                _ => Err(wrong(value)),
            }),
            of_type => {
                let scaled = |value: &Value| match value {
                    Value::Number(millis) if of_type == FieldType::Millis => Ok(nanos(*millis)),
                    Value::Number(number) => Ok(*number),
                    _ => Err(wrong(value)),
                };
                let Some((from, to)) = whole_numbers(try_map(from, scaled)?, try_map(to, scaled)?) else {
                    return Ok(Box::new(EmptyQuery));
                };
                let term = |number: u64| Term::from_field_u64(at, number);
                match range(from.map(term), to.map(term)) {
                    Some(range) => Ok(range),
                    None => self.test_field(field, &Test::Exists),
                }
            }
        }
    }

    fn test_path(&self, key: &Key, root: Root, path: &str, test: &Test) -> Result<Clause, FilterError> {
        let escaped = path.replace('\\', "\\\\");
        let (field, name) = self.below(root);
        let base = || Term::from_field_json_path(field, &escaped, true);
        let text = |text: &str| {
            let mut term = base();
            term.append_type_and_str(known_by(text));
            term
        };
        let ranged = |number: f64| {
            let mut term = base();
            term.append_type_and_fast_value(number);
            term
        };
        match test {
            // Patterns of texts are clauses of their own.
            Test::Like(pattern) => Err(key.bad_value(pattern.to_string())),
            Test::Exists => Ok(Box::new(ExistsQuery::new(format!("{name}.{escaped}"), true))),
            Test::Prefix(prefix) => Ok(begins(known_by(prefix), |part| {
                let mut term = base();
                term.append_type_and_str(part);
                term
            })),
            Test::OneOf(values) => {
                let flagged = |flag: bool| {
                    let mut term = base();
                    term.append_type_and_fast_value(flag);
                    is(term)
                };
                let same = |number: f64| range(Bound::Included(ranged(number)), Bound::Included(ranged(number)));
                let mut clauses = Vec::new();
                for value in values {
                    match value {
                        Value::Text(spelled) => {
                            clauses.push(is(text(spelled)));
                            clauses.extend(number(spelled).and_then(same));
                            clauses.extend(spelled.parse().ok().map(flagged));
                        }
                        Value::Number(number) => clauses.extend(same(*number)),
                        Value::Flag(flag) => clauses.push(flagged(*flag)),
                        Value::Time(time) => clauses.push(is(text(&time.to_string()))),
                    }
                }
                Ok(any(clauses))
            }
            Test::Range(from, to) => {
                let term = |value: &Value| match value {
                    Value::Number(number) => Ok(ranged(*number)),
                    Value::Text(spelled) => Ok(text(spelled)),
                    other => Err(key.bad_value(spelled(other))),
                };
                match range(try_map(from, term)?, try_map(to, term)?) {
                    Some(range) => Ok(range),
                    None => self.test_path(key, root, path, &Test::Exists),
                }
            }
        }
    }
}

/// Whether a filter is about nothing but words that are there.
fn is_words(filter: &Filter) -> bool {
    match filter {
        Filter::Words(_) => true,
        Filter::And(parts) | Filter::Or(parts) => !parts.is_empty() && parts.iter().all(is_words),
        Filter::Not(_) | Filter::Is(..) | Filter::Time(..) | Filter::Step(_) => false,
    }
}

fn text_term(at: IndexField, key: &Key, value: &Value) -> Result<Term, FilterError> {
    match value {
        Value::Text(text) => Ok(Term::from_field_text(at, known_by(text))),
        other => Err(key.bad_value(spelled(other))),
    }
}

fn spelled(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Time(time) => time.to_string(),
    }
}

fn try_map<T, U>(bound: &Bound<T>, map: impl Fn(&T) -> Result<U, FilterError>) -> Result<Bound<U>, FilterError> {
    Ok(match bound {
        Bound::Included(value) => Bound::Included(map(value)?),
        Bound::Excluded(value) => Bound::Excluded(map(value)?),
        Bound::Unbounded => Bound::Unbounded,
    })
}

/// The whole numbers from 0 on within a range; `None` where there are none.
fn whole_numbers(from: Bound<f64>, to: Bound<f64>) -> Option<(Bound<u64>, Bound<u64>)> {
    // Casts of floats stop at the ends of what a whole number holds.
    let from = match from {
        Bound::Included(least) if least <= 0.0 => Bound::Unbounded,
        Bound::Excluded(under) if under < 0.0 => Bound::Unbounded,
        Bound::Included(least) => Bound::Included(least.ceil() as u64),
        Bound::Excluded(under) => Bound::Excluded(under.floor() as u64),
        Bound::Unbounded => Bound::Unbounded,
    };
    let to = match to {
        Bound::Included(most) if most < 0.0 => return None,
        Bound::Excluded(over) if over <= 0.0 => return None,
        Bound::Included(most) => Bound::Included(most.floor() as u64),
        Bound::Excluded(over) => Bound::Excluded(over.ceil() as u64),
        Bound::Unbounded => Bound::Unbounded,
    };
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_floats_is_one_of_whole_numbers() {
        use Bound::{Excluded, Included, Unbounded};
        let check = |from, to, expect| assert_eq!(whole_numbers(from, to), expect);
        check(Included(1.5), Excluded(4.5), Some((Included(2), Excluded(5))));
        check(Excluded(1.5), Included(4.5), Some((Excluded(1), Included(4))));
        check(Excluded(2.0), Included(4.0), Some((Excluded(2), Included(4))));
        check(Included(-3.0), Unbounded, Some((Unbounded, Unbounded)));
        check(Excluded(0.0), Unbounded, Some((Excluded(0), Unbounded)));
        check(Unbounded, Excluded(0.0), None);
        check(Unbounded, Included(1e300), Some((Unbounded, Included(u64::MAX))));
    }
}
