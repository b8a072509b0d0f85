//! What people type into a search box, read as a filter: words, `"phrases"`, `-without` and `begun*`.

use crate::fields::Field;
use crate::query::{Filter, ListOf, Words};

/// One thing that is looked for.
struct Term<'a> {
    text: &'a str,
    quoted: bool,
    without: bool,
    begun: bool,
}

impl Filter {
    /// Reads what was typed to find things of a list.
    ///
    /// All words must occur, in any order; words in quotes follow each other; a word after `-` must not occur; a word before
    /// `*` may be only begun, and so may the last one. Whoever types an id finds what goes by it.
    #[must_use]
    pub fn search(list: ListOf, typed: &str) -> Self {
        let terms = terms(typed);
        let has_words = |term: &&Term<'_>| term.text.contains(char::is_alphanumeric) || !term.text.is_ascii();
        let words = |term: &Term<'_>| {
            let words = Self::Words(Words { text: term.text.to_owned(), begun: term.begun });
            if term.without { Self::Not(Box::new(words)) } else { words }
        };
        let all: Vec<Self> = terms.iter().filter(has_words).map(words).collect();
        let found = if all.is_empty() { Self::Or(Vec::new()) } else { Self::And(all) };
        let ids = [Field::ConversationId, Field::TraceId, Field::SpanId].into_iter().filter(|id| id.lists().contains(&list));
        let ids = ids.map(|id| Self::equals(id, typed.trim()));
        Self::Or(std::iter::once(found).chain(ids).collect())
    }
}

fn terms(typed: &str) -> Vec<Term<'_>> {
    let mut terms = Vec::new();
    let mut rest = typed.trim_start();
    while !rest.is_empty() {
        let unsigned = rest.strip_prefix('-').filter(|after| after.starts_with(|c: char| !c.is_whitespace() && c != '-'));
        let (without, body) = (unsigned.is_some(), unsigned.unwrap_or(rest));
        let quoted = body.strip_prefix('"').and_then(|inner| inner.split_once('"'));
        let (text, after, quoted) = match quoted {
            Some((inner, after)) => (inner, after, true),
            None => {
                let end = body.find(char::is_whitespace).unwrap_or(body.len());
                let (text, after) = body.split_at(end);
                (text, after, false)
            }
        };
        // A star right behind a closing quote belongs to the phrase.
        let (text, after, starred) = match (quoted, after.strip_prefix('*'), text.strip_suffix('*')) {
            (true, Some(after), _) => (text, after, true),
            (false, _, Some(text)) => (text, after, true),
            _ => (text, after, false),
        };
        terms.push(Term { text, quoted, without, begun: starred });
        rest = after.trim_start();
    }
    // Somebody who is still typing has not ended the last word.
    if let Some(last) = terms.last_mut()
        && !last.quoted
        && !last.without
        && typed.ends_with(char::is_alphanumeric)
    {
        last.begun = true;
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expect: &[&str]) {
        let show = |term: Term<'_>| {
            let sign = if term.without { "-" } else { "" };
            let star = if term.begun { "*" } else { "" };
            format!("{sign}{}{star}", term.text)
        };
        assert_eq!(terms(typed).into_iter().map(show).collect::<Vec<_>>(), expect, "{typed:?}");
    }

    #[test]
    fn what_is_typed_is_read() {
        check("refund ord", &["refund", "ord*"]);
        check("refund ", &["refund"]);
        check("refund?", &["refund?"]);
        check("  pre* \"to be, or\"  -not ", &["pre*", "to be, or", "-not"]);
        check("-\"out of stock\" x", &["-out of stock", "x*"]);
        check("\"to b\"*", &["to b*"]);
        check("\"never closed", &["\"never", "closed*"]);
        check("a - b --c", &["a", "-", "b", "--c*"]);
        check("-x", &["-x"]);
        check("東京 🎉", &["東京", "🎉"]);
        check("", &[]);
    }

    #[test]
    fn without_words_only_an_id_is_found() {
        let Filter::Or(found) = Filter::search(ListOf::Conversations, "?!") else { panic!("a search is one of several") };
        assert_eq!(found, [Filter::Or(Vec::new()), Filter::equals(Field::ConversationId, "?!")]);
    }
}
