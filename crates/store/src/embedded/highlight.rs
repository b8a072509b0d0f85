//! Where the words that were asked for stand in a text, and the part of it that is worth showing.

use std::collections::BTreeSet;
use std::ops::Range;

use super::text::{self, Word};
use crate::query::{Filter, Words};

/// Longest part of a text that is shown, in characters.
const SNIPPET_CHARS: usize = 240;
/// Of these as many stand before the first word that was asked for.
const BEFORE_CHARS: usize = 60;
/// Most places that are looked at in one text.
const MAX_PLACES: usize = 1_000;

/// Words that follow each other, ready to be found.
#[derive(Debug)]
pub(super) struct Phrase {
    words: Vec<String>,
    begun: bool,
}

/// The part of a text where words are, and where in it they are in UTF-16 code units.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    pub(super) text: String,
    pub(super) ranges: Vec<[usize; 2]>,
}

/// What a filter wants to be there; what it wants not to be there has no place to show.
pub(super) fn phrases(filter: &Filter) -> Vec<Phrase> {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().flat_map(phrases).collect(),
        Filter::Step(part) => phrases(part),
        Filter::Words(Words { text, begun }) => {
            let words: Vec<String> = text::words(text).map(|word| word.text).collect();
            if words.is_empty() { Vec::new() } else { vec![Phrase { words, begun: *begun }] }
        }
        Filter::Not(_) | Filter::Is(..) | Filter::Time(..) => Vec::new(),
    }
}

impl Phrase {
    fn is_at(&self, words: &[Word]) -> bool {
        let last = self.words.len() - 1;
        let same = |(n, (word, wanted)): (usize, (&Word, &String))| {
            word.text == *wanted || (self.begun && n == last && word.text.starts_with(wanted.as_str()))
        };
        words.len() > last && words.iter().zip(&self.words).enumerate().all(same)
    }
}

/// How often a text has each of the phrases.
pub(super) fn times(text: &str, phrases: &[Phrase]) -> Vec<usize> {
    let words: Vec<Word> = text::words(text).collect();
    let here = |at: usize| words.get(at..).unwrap_or_default();
    phrases.iter().map(|phrase| (0..words.len()).filter(|at| phrase.is_at(here(*at))).count()).collect()
}

/// The first part of the text that has the most of the phrases; `None` where it has none.
pub(super) fn snippet(text: &str, phrases: &[Phrase]) -> Option<Snippet> {
    let words: Vec<Word> = text::words(text).collect();
    let mut places: Vec<(usize, Range<usize>)> = Vec::new();
    for at in 0..words.len() {
        let here = words.get(at..)?;
        for (n, phrase) in phrases.iter().enumerate().filter(|(_, phrase)| phrase.is_at(here)) {
            let from = here.first()?.at.start;
            let to = here.get(phrase.words.len() - 1)?.at.end;
            places.push((n, from..to));
        }
        if places.len() >= MAX_PLACES {
            break;
        }
    }
    let within = |from: usize| forward(text, from, SNIPPET_CHARS - BEFORE_CHARS);
    let worth = |(_, place): &&(usize, Range<usize>)| {
        let end = within(place.start);
        let here = places.iter().filter(|(_, other)| other.start >= place.start && other.end <= end);
        here.map(|(n, _)| n).collect::<BTreeSet<_>>().len()
    };
    // The last of the best from behind is the first.
    let (_, best) = places.iter().rev().max_by_key(worth)?;
    let from = backward(text, best.start, BEFORE_CHARS);
    let to = forward(text, from, SNIPPET_CHARS).max(best.end.min(within(best.start)));
    Some(cut(text, from..to, places.iter().map(|(_, place)| place.clone())))
}

/// The place that many characters after another, or the end.
fn forward(text: &str, from: usize, chars: usize) -> usize {
    text.get(from..).and_then(|rest| rest.char_indices().nth(chars)).map_or(text.len(), |(at, _)| from + at)
}

/// The place at most that many characters before another, behind a space where there is one.
fn backward(text: &str, to: usize, chars: usize) -> usize {
    let Some(before) = text.get(..to) else { return to };
    let from = before.char_indices().rev().nth(chars - 1).map_or(0, |(at, _)| at);
    if from == 0 {
        return 0;
    }
    let space = before.get(from..).and_then(|part| part.char_indices().find(|(_, c)| c.is_whitespace()));
    space.map_or(from, |(at, c)| from + at + c.len_utf8())
}

fn cut(text: &str, part: Range<usize>, places: impl Iterator<Item = Range<usize>>) -> Snippet {
    let mut places: Vec<Range<usize>> = places.filter(|place| place.start >= part.start && place.end <= part.end).collect();
    places.sort_by_key(|place| (place.start, place.end));
    let mut shown = String::new();
    let mut units = 0;
    let mut push = |c: char, units: &mut usize| {
        // One line, with every character in its place.
        let c = if c.is_whitespace() || c.is_control() { ' ' } else { c };
        shown.push(c);
        *units += c.len_utf16();
    };
    if part.start > 0 {
        push('…', &mut units);
    }
    let mut ranges: Vec<[usize; 2]> = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut places = places.into_iter().peekable();
    for (at, c) in text.get(part.clone()).unwrap_or_default().char_indices().map(|(at, c)| (part.start + at, c)) {
        if let Some((from, end)) = open
            && at >= end
        {
            ranges.push([from, units]);
            open = None;
        }
        while let Some(place) = places.next_if(|place| place.start <= at) {
            // Places that overlap are one range.
            open = Some(open.map_or((units, place.end), |(from, end)| (from, end.max(place.end))));
        }
        push(c, &mut units);
    }
    ranges.extend(open.map(|(from, _)| [from, units]));
    if part.end < text.len() {
        push('…', &mut units);
    }
    Snippet { text: shown, ranges }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ListOf;

    fn find(text: &str, typed: &str) -> Option<Snippet> {
        snippet(text, &phrases(&Filter::read(ListOf::Spans, typed, neuraltrust_model::Timestamp::from_nanos(0)).unwrap()))
    }

    /// The marked parts, read as JavaScript reads them.
    #[track_caller]
    fn check(text: &str, typed: &str, expect: &[&str]) {
        let snippet = find(text, typed).unwrap_or_else(|| panic!("{typed:?} is in {text:?}"));
        let units: Vec<u16> = snippet.text.encode_utf16().collect();
        let marked: Vec<String> =
            snippet.ranges.iter().map(|[from, to]| String::from_utf16(&units[*from..*to]).unwrap()).collect();
        assert_eq!(marked, expect, "{snippet:?}");
        assert!(snippet.text.chars().count() <= SNIPPET_CHARS + 2, "{snippet:?}");
    }

    #[test]
    fn words_are_marked_where_they_stand() {
        check("Where is my Order, please? My order!", "order ", &["Order", "order"]);
        check("Where is my order", "ord", &["order"]);
        check("to be or not to be", "\"to be\" -foo", &["to be", "to be"]);
        check("🎉🎉 great\nnews", "news 🎉", &["🎉", "🎉", "news"]);
        check("東京都に住む", "京都", &["京都"]);
        check("a b a b a", "\"a b\" \"b a\"", &["a b a b a"]);
        assert_eq!(find("nothing here", "-here"), None);
        assert_eq!(find("nothing here", "absent"), None);
    }

    #[test]
    fn the_best_place_of_a_long_text_is_shown() {
        let filler = "lorem ipsum dolor ".repeat(100);
        let text = format!("{filler}refund {filler} the refund of the order {filler}");
        check(&text, "refund order", &["refund", "order"]);
        let snippet = find(&text, "refund order").unwrap();
        assert!(snippet.text.starts_with('…') && snippet.text.ends_with('…'));
        check(&"x".repeat(5_000), "xx", &[]);
    }
}
