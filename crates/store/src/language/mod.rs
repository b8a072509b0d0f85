//! The one query language, typed into a box or sent as `q`: `kind:generation latency:>2s -status:ok "refund policy"`.
//!
//! A text is read into a [`Filter`]. Everything that stands beside each other must hold; `OR`, `NOT` (or `-`) and parentheses
//! are what they say. What cannot be read is told with its place, what is accepted, and the nearest name. Depth and size are
//! bounded, so that any text may be given.

mod complete;
mod names;
mod values;

use std::ops::Range;

use neuraltrust_model::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::fields::Field;
use crate::query::{Filter, ListOf, Words};
pub use complete::{Typed, Typing, written};
use names::Name;
pub use values::moment;

/// Longest text of a query, in bytes.
const MAX_TEXT: usize = 4_096;
/// Most words, conditions and signs of a query.
const MAX_TOKENS: usize = 256;
/// Deepest nesting of parentheses and negations.
const MAX_DEPTH: usize = 24;

/// Why a query cannot be read, and where. Tell the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, thiserror::Error)]
#[error("{problem}")]
pub struct QueryError {
    /// Where it begins, in UTF-16 code units as JavaScript counts them.
    pub at: usize,
    /// What is there; empty at the end of the text.
    pub found: String,
    /// What is wrong, in a sentence.
    pub problem: String,
    /// What could stand there.
    pub accepted: Vec<String>,
    /// The accepted name that is most like what was found.
    pub nearest: Option<String>,
}

/// What is wrong with a piece of the text; its place is added where the text is known.
struct Trouble {
    at: Range<usize>,
    problem: String,
    accepted: Vec<String>,
    nearest: Option<String>,
}

impl Trouble {
    fn new(at: Range<usize>, problem: impl Into<String>) -> Self {
        Self { at, problem: problem.into(), accepted: Vec::new(), nearest: None }
    }

    fn accepting<'a>(mut self, accepted: impl IntoIterator<Item = &'a str>) -> Self {
        self.accepted = accepted.into_iter().map(str::to_owned).collect();
        self
    }

    fn in_text(self, text: &str) -> QueryError {
        let units = |text: &str| text.encode_utf16().count();
        QueryError {
            at: text.get(..self.at.start).map_or_else(|| units(text), units),
            found: text.get(self.at).unwrap_or_default().chars().take(80).collect(),
            problem: self.problem,
            accepted: self.accepted,
            nearest: self.nearest,
        }
    }
}

/// One thing that stands in a query.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Or,
    And,
    Not,
    Words {
        text: String,
        quoted: bool,
        begun: bool,
    },
    /// A name before a colon; the test follows as [`Token::Test`], or a parenthesis.
    Name(String),
    Test(Vec<Written>),
}

/// One of the values that a condition is written with.
#[derive(Debug, Clone, PartialEq)]
struct Written {
    /// `>`, `>=`, `<`, `<=` or nothing.
    sign: &'static str,
    text: String,
    quoted: bool,
    /// Whether a star is behind it.
    begun: bool,
    at: Range<usize>,
}

impl Filter {
    /// Reads what was typed, or sent, to find things of a list. Times such as `-7d` are counted from `now`, and days begin at
    /// midnight in UTC.
    ///
    /// Words must all occur in one span, in any order; the last one may be only begun where the text ends with it. A query
    /// that is one word also finds what has it as its id.
    ///
    /// # Errors
    /// [`QueryError`] that says where the text cannot be read and what is accepted there.
    pub fn read(list: ListOf, text: &str, now: Timestamp) -> Result<Self, QueryError> {
        Self::read_as(list, text, now, true)
    }

    /// Reads a text that has been written to its end, such as one that says what is to be erased: its last word is whole, all
    /// quotes are closed, and words without a letter or digit are refused, because what is without them would be everything.
    ///
    /// # Errors
    /// As of [`Filter::read`].
    pub fn read_whole(list: ListOf, text: &str, now: Timestamp) -> Result<Self, QueryError> {
        Self::read_as(list, text, now, false)
    }

    fn read_as(list: ListOf, text: &str, now: Timestamp, typing: bool) -> Result<Self, QueryError> {
        if text.len() > MAX_TEXT {
            let problem = format!("a query has up to {MAX_TEXT} bytes, and this has {}", text.len());
            return Err(QueryError { at: 0, found: String::new(), problem, accepted: Vec::new(), nearest: None });
        }
        let (tokens, unclosed) = Scanner { text, at: 0, typing, unclosed: None }.tokens();
        if let Some(from) = unclosed.filter(|_| !typing) {
            return Err(Trouble::new(from..text.len(), "these quotes are never closed").accepting(["\""]).in_text(text));
        }
        if let Some((_, at)) = tokens.get(MAX_TOKENS) {
            return Err(Trouble::new(at.clone(), format!("a query has up to {MAX_TOKENS} words and signs")).in_text(text));
        }
        // Where something is left out, what only may be a word is not enough.
        let leaves_out = tokens.iter().any(|(token, _)| *token == Token::Not);
        let is_word = |text: &str| if leaves_out { text.contains(char::is_alphanumeric) } else { has_words(text) };
        let wordless = |token: &Token| matches!(token, Token::Words { text, .. } if !is_word(text));
        if let Some((_, at)) = tokens.iter().find(|(token, _)| !typing && wordless(token)) {
            return Err(Trouble::new(at.clone(), "there is no word in this").accepting(["a word"]).in_text(text));
        }
        if let [(Token::Words { text: only, begun, quoted }, _)] = tokens.as_slice() {
            return Ok(one_word(list, only, *begun && (*quoted || text.trim_end().ends_with('*')), *begun));
        }
        let mut parser = Parser { list, now, tokens: &tokens, next: 0, end: text.len() };
        let filter = parser.any(0).map_err(|trouble| trouble.in_text(text))?;
        match tokens.get(parser.next) {
            None => Ok(filter),
            Some((_, at)) => {
                let problem = "there is no \"(\" that this closes; words with parentheses stand in quotes";
                Err(Trouble::new(at.clone(), problem).in_text(text))
            }
        }
    }
}

/// Whether there is more than signs. What is not ASCII may be a word, such as an emoji.
fn has_words(text: &str) -> bool {
    text.contains(char::is_alphanumeric) || !text.is_ascii()
}

/// A word, or what has it as its id; a star asks for no id.
fn one_word(list: ListOf, text: &str, starred: bool, begun: bool) -> Filter {
    let words = Filter::Words(Words { text: text.to_owned(), begun });
    let found = if has_words(text) { Filter::And(vec![words]) } else { Filter::Or(Vec::new()) };
    if starred {
        return found;
    }
    let ids = [Field::ConversationId, Field::TraceId, Field::SpanId].into_iter().filter(|id| id.lists().contains(&list));
    Filter::Or(std::iter::once(found).chain(ids.map(|id| Filter::equals(id, text))).collect())
}

/// Cuts a text into tokens. Every text has some: what is wrong is found by the parser.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Whether somebody may still be typing, who has not ended the last word.
    typing: bool,
    /// Where quotes begin that are never closed.
    unclosed: Option<usize>,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, prefix: &str) -> bool {
        let is = self.rest().starts_with(prefix);
        self.at += if is { prefix.len() } else { 0 };
        is
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest.find(|c: char| !fits(c)).unwrap_or(rest.len());
        let taken = rest.get(..end).unwrap_or_default().to_owned();
        self.at += end;
        taken
    }

    /// A text in quotes, where `\"` and `\\` stand for the signs themselves. One that is never closed ends with the query.
    fn quoted(&mut self) -> Option<(String, bool)> {
        let from = self.at;
        if !self.take("\"") {
            return None;
        }
        let mut inner = String::new();
        let mut chars = self.rest().char_indices().peekable();
        let mut end = None;
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = Some(at + 1);
                    break;
                }
                '\\' if chars.peek().is_some_and(|(_, c)| matches!(c, '"' | '\\')) => {
                    inner.extend(chars.next().map(|(_, c)| c));
                }
                c => inner.push(c),
            }
        }
        if end.is_none() {
            self.unclosed = Some(from);
        }
        self.at += end.unwrap_or(self.rest().len());
        Some((inner, end.is_some()))
    }

    fn tokens(mut self) -> (Vec<(Token, Range<usize>)>, Option<usize>) {
        let mut tokens: Vec<(Token, Range<usize>)> = Vec::new();
        loop {
            self.take_while(char::is_whitespace);
            let from = self.at;
            // One more than there may be tells the parser enough.
            if self.rest().is_empty() || tokens.len() > MAX_TOKENS {
                break;
            }
            let token = self.token();
            let is_name = matches!(token, Token::Name(_));
            tokens.push((token, from..self.at));
            if is_name && !self.rest().starts_with('(') {
                let from = self.at;
                let test = self.test();
                tokens.push((Token::Test(test), from..self.at));
            }
        }
        let typing = self.typing && self.text.ends_with(char::is_alphanumeric);
        let negated = matches!(tokens.iter().nth_back(1), Some((Token::Not, _)));
        if let Some((Token::Words { begun, quoted: false, .. }, _)) = tokens.last_mut() {
            *begun |= typing && !negated;
        }
        (tokens, self.unclosed)
    }

    fn token(&mut self) -> Token {
        let ends = |c: char| !c.is_whitespace() && c != '-';
        if self.take("(") {
            return Token::Open;
        }
        if self.take(")") {
            return Token::Close;
        }
        if self.rest().strip_prefix('-').is_some_and(|after| after.starts_with(ends)) {
            self.at += 1;
            return Token::Not;
        }
        if let Some((text, closed)) = self.quoted() {
            let begun = !closed || self.take("*");
            return Token::Words { text, quoted: true, begun };
        }
        let begin = self.at;
        if self.rest().starts_with(|c: char| c.is_alphabetic() || c == '_') {
            let name = self.take_while(|c| c.is_alphanumeric() || "_-./@$#".contains(c));
            if self.take(":") {
                return Token::Name(name);
            }
            self.at = begin;
        }
        let mut text = self.take_while(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '"'));
        match text.as_str() {
            "OR" => return Token::Or,
            "AND" => return Token::And,
            "NOT" => return Token::Not,
            _ => {}
        }
        let begun = text.len() > 1 && text.ends_with('*');
        if begun {
            text.pop();
        }
        Token::Words { text, quoted: false, begun }
    }

    /// What stands behind the colon, up to a space or parenthesis.
    fn test(&mut self) -> Vec<Written> {
        let mut values = Vec::new();
        loop {
            let from = self.at;
            let sign = [">=", "<=", ">", "<"].into_iter().find(|sign| self.take(sign)).unwrap_or_default();
            let value = match self.quoted() {
                Some((text, _)) => {
                    let begun = self.take("*");
                    Written { sign, text, quoted: true, begun, at: from..self.at }
                }
                None => {
                    let stops = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '|');
                    let mut text = self.take_while(|c| !stops(c) && (sign.is_empty() || !matches!(c, '<' | '>')));
                    let begun = text.len() > 1 && text.ends_with('*');
                    if begun {
                        text.pop();
                    }
                    Written { sign, text, quoted: false, begun, at: from..self.at }
                }
            };
            values.push(value);
            let second_end = !sign.is_empty() && values.len() == 1 && self.rest().starts_with(['<', '>']);
            if !second_end && !self.take("|") {
                return values;
            }
        }
    }
}

struct Parser<'a> {
    list: ListOf,
    now: Timestamp,
    tokens: &'a [(Token, Range<usize>)],
    next: usize,
    end: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    fn here(&self) -> Range<usize> {
        self.tokens.get(self.next).map_or(self.end..self.end, |(_, at)| at.clone())
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let is = self.peek() == Some(wanted);
        self.next += usize::from(is);
        is
    }

    fn any(&mut self, depth: usize) -> Result<Filter, Trouble> {
        if depth > MAX_DEPTH {
            return Err(Trouble::new(self.here(), format!("a query is nested up to {MAX_DEPTH} deep")));
        }
        let mut parts = vec![self.all(depth)?];
        while self.take(&Token::Or) {
            parts.push(self.all(depth)?);
        }
        Ok(match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => Filter::Or(parts.into_iter().chain(last).collect()),
        })
    }

    /// Things beside each other, up to the end, `OR` or `)`; nothing at all is everything only where the query is empty.
    fn all(&mut self, depth: usize) -> Result<Filter, Trouble> {
        let mut parts = Vec::new();
        let mut signs_only = Vec::new();
        while !matches!(self.peek(), None | Some(Token::Or | Token::Close)) {
            if self.take(&Token::And) {
                if parts.is_empty() || matches!(self.peek(), None | Some(Token::Or | Token::And | Token::Close)) {
                    return Err(self.missing("AND stands between two things"));
                }
                continue;
            }
            let part = self.one(depth)?;
            // A sign without a letter, such as a dash, is no word; it only counts where there is nothing else.
            let is_sign = matches!(&part, Filter::Words(words) if !has_words(&words.text));
            if is_sign { signs_only.push(part) } else { parts.push(part) }
        }
        if parts.is_empty() && signs_only.is_empty() && (depth > 0 || !self.tokens.is_empty()) {
            return Err(self.missing("something is missing here"));
        }
        if parts.is_empty() {
            parts = signs_only;
        }
        Ok(match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => Filter::And(parts.into_iter().chain(last).collect()),
        })
    }

    fn missing(&self, problem: &str) -> Trouble {
        let accepted = ["a word", "\"a phrase\"", "FIELD:VALUE", "(", "-"];
        Trouble::new(self.here(), problem).accepting(accepted)
    }

    fn one(&mut self, depth: usize) -> Result<Filter, Trouble> {
        if depth > MAX_DEPTH {
            return Err(Trouble::new(self.here(), format!("a query is nested up to {MAX_DEPTH} deep")));
        }
        let at = self.here();
        let token = self.peek().cloned();
        self.next += 1;
        match token {
            Some(Token::Not) => Ok(Filter::Not(Box::new(self.one(depth + 1)?))),
            Some(Token::Words { text, begun, .. }) => Ok(Filter::Words(Words { text, begun })),
            Some(Token::Open) => {
                let inner = self.any(depth + 1)?;
                self.close(&at)?;
                Ok(inner)
            }
            Some(Token::Name(name)) => self.condition(&name, at, depth),
            _ => {
                self.next -= 1;
                Err(self.missing("something is missing here"))
            }
        }
    }

    fn close(&mut self, opened: &Range<usize>) -> Result<(), Trouble> {
        if self.take(&Token::Close) {
            return Ok(());
        }
        Err(Trouble::new(opened.clone(), "this parenthesis is never closed").accepting([")"]))
    }

    fn condition(&mut self, name: &str, at: Range<usize>, depth: usize) -> Result<Filter, Trouble> {
        let meant = Name::read(self.list, name, at.clone())?;
        let opened = self.here();
        if self.take(&Token::Open) {
            if meant == Name::Step {
                let list = std::mem::replace(&mut self.list, ListOf::Spans);
                let inner = self.any(depth + 1);
                self.list = list;
                let inner = inner?;
                self.close(&opened)?;
                return Ok(Filter::Step(Box::new(inner)));
            }
            let mut values = Vec::new();
            loop {
                let at = self.here();
                match self.peek() {
                    Some(Token::Words { text, quoted, begun }) => {
                        // What is still being typed is whole in a set that goes on.
                        values.push(Written { sign: "", text: text.clone(), quoted: *quoted, begun: *begun, at });
                    }
                    Some(Token::Or) => {}
                    _ => break,
                }
                self.next += 1;
            }
            self.close(&opened)?;
            return meant.filter(self.list, &values, self.now, opened);
        }
        let at = self.here();
        let Some(Token::Test(values)) = self.peek() else { return Err(self.missing("a value is missing here")) };
        self.next += 1;
        meant.filter(self.list, values, self.now, at)
    }
}

#[cfg(test)]
mod tests;
