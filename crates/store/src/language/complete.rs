//! What may stand where somebody is typing: names of fields, or values of the field before the colon.
//!
//! Pure: it says what is being typed, and the store counts what there is of it. Any text may be given, also one that cannot be
//! read yet.

use std::ops::Range;

use neuraltrust_model::Timestamp;

use super::names::{self, Name};
use super::{Scanner, Token, Written};
use crate::Field;
use crate::fields::{FieldType, Key, Root};
use crate::query::{Filter, ListOf, Test};

/// What is being typed at a place of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Typing {
    /// Where it stands, in UTF-16 code units as JavaScript counts them: what is chosen takes its place.
    pub at: Range<usize>,
    /// What it is.
    pub what: Typed,
}

/// What somebody may be about to type.
#[derive(Debug, Clone, PartialEq)]
pub enum Typed {
    /// A name that begins like this; those that there are, without paths.
    Name {
        /// How it begins.
        begun: String,
        /// The names of fields, and those that are no fields, that begin like this.
        names: Vec<&'static str>,
        /// What applications add below this root, at paths that begin like this, may be meant.
        path: Option<(Root, String)>,
    },
    /// A value of a field or path.
    Value {
        /// The list that has the field: spans where what is asked for has it not.
        of: ListOf,
        /// The field or path.
        key: Key,
        /// How it begins.
        begun: String,
        /// What else is asked for, and that the value begins like that; for counting what there is.
        filter: Filter,
    },
    /// One of a few words, such as times.
    Word {
        /// Those that begin with what has been typed.
        words: Vec<&'static str>,
    },
    /// Words of a text, a number, or anything that only its writer knows.
    Anything,
}

const TIMES: &[&str] = &["-15m", "-1h", "-1d", "-7d", "-30d", "now", "today", "yesterday"];
const DURATIONS: &[&str] = &[">100ms", ">1s", ">5s", ">30s", ">1m"];
const FLAGS: &[&str] = &["true", "false"];

impl Typing {
    /// What is being typed at the place `at` of a query of a list, in UTF-16 code units. Times are counted from `now`.
    #[must_use]
    pub fn read(list: ListOf, text: &str, at: usize, now: Timestamp) -> Self {
        let at = place(text, at);
        let before = text.get(..at).unwrap_or(text);
        let (tokens, _) = Scanner { text: before, at: 0, typing: true, unclosed: None }.tokens();
        let (opened, inside) = around(&tokens);
        // Inside of `step:( )` everything is about a span.
        let list = if inside { ListOf::Spans } else { list };
        let touches = |range: &Range<usize>| range.end == before.len() && !before.ends_with([' ', '(', ')']);
        let (range, what) = match tokens.as_slice() {
            [.., (Token::Name(name), _), (Token::Test(values), _)] if values.last().is_some_and(|value| touches(&value.at)) => {
                values.last().map_or((at..at, Typed::Anything), |value| (value.at.clone(), of_name(list, name, value)))
            }
            [.., (Token::Words { text, quoted, begun: _ }, range)] if touches(range) => match opened {
                Some(name) => {
                    let value = Written { sign: "", text: text.clone(), quoted: *quoted, begun: false, at: range.clone() };
                    (range.clone(), of_name(list, name, &value))
                }
                None if *quoted => (range.clone(), Typed::Anything),
                None => (range.clone(), name(list, text)),
            },
            _ => match opened {
                Some(name) => {
                    let value = Written { sign: "", text: String::new(), quoted: false, begun: false, at: at..at };
                    (at..at, of_name(list, name, &value))
                }
                None => (at..at, name(list, "")),
            },
        };
        let what = with_rest(what, text, &range, now);
        let units = |end: usize| text.get(..end).unwrap_or(text).encode_utf16().count();
        Self { at: units(range.start)..units(range.end), what }
    }
}

/// The byte at which so many UTF-16 code units have gone by, up to the end.
fn place(text: &str, units: usize) -> usize {
    let mut seen = 0;
    text.char_indices()
        .find(|(_, c)| {
            let here = seen;
            seen += c.len_utf16();
            here >= units
        })
        .map_or(text.len(), |(at, _)| at)
}

/// The name before the innermost parenthesis that is open at the end, where it is one of values; and whether some step is open.
fn around(tokens: &[(Token, Range<usize>)]) -> (Option<&str>, bool) {
    let mut open: Vec<Option<&str>> = Vec::new();
    let mut named = None;
    for (token, _) in tokens {
        match token {
            Token::Open => open.push(named),
            Token::Close => drop(open.pop()),
            _ => {}
        }
        named = if let Token::Name(name) = token { Some(name.as_str()) } else { None };
    }
    let inside = open.contains(&Some("step"));
    (open.last().copied().flatten().filter(|name| *name != "step"), inside)
}

fn name(list: ListOf, begun: &str) -> Typed {
    let names = names::known(list).into_iter().filter(|known| known.starts_with(begun)).collect();
    let path = begun
        .split_once('.')
        .and_then(|(root, path)| Root::ALL.into_iter().find(|known| known.as_str() == root).map(|root| (root, path.to_owned())));
    Typed::Name { begun: begun.to_owned(), names, path }
}

fn words(known: &[&'static str], begun: &str) -> Typed {
    Typed::Word { words: known.iter().copied().filter(|word| word.starts_with(begun)).collect() }
}

/// What may be said of a name.
fn of_name(list: ListOf, named: &str, value: &Written) -> Typed {
    let begun = value.text.as_str();
    let counted = |of: ListOf, key: Key, all: Filter| {
        let filter = match begun {
            "" => all,
            _ => Filter::And(vec![all, Filter::Is(key.clone(), Test::Prefix(begun.to_owned()))]),
        };
        Typed::Value { of, key, begun: begun.to_owned(), filter }
    };
    match Name::read(list, named, value.at.clone()) {
        Ok(Name::After | Name::Before | Name::Time) => words(TIMES, begun),
        Ok(Name::Has) => match name(list, begun) {
            Typed::Name { begun, names, path } => {
                let fields = names.into_iter().filter(|name| !names::OTHERS.contains(name)).collect();
                Typed::Name { begun, names: fields, path }
            }
            other => other,
        },
        Ok(Name::Tool) => counted(ListOf::Spans, Field::Name.into(), Filter::equals(Field::Kind, "tool")),
        Ok(Name::Key(_)) if !value.sign.is_empty() => Typed::Anything,
        Ok(Name::Key(key)) => {
            let of_type = if let Key::Field(field) = &key { Some(field.of_type()) } else { None };
            match of_type {
                Some(FieldType::Flag) => words(FLAGS, begun),
                Some(FieldType::Time) => words(TIMES, begun),
                Some(FieldType::Millis) => words(DURATIONS, begun),
                Some(FieldType::Id | FieldType::Count | FieldType::Number) => Typed::Anything,
                Some(FieldType::Keyword) | None => {
                    let here = matches!(key, Key::Field(field) if field.lists().contains(&list));
                    let of = if here { list } else { ListOf::Spans };
                    counted(of, key, Filter::default())
                }
            }
        }
        Ok(Name::Step) | Err(_) => Typed::Anything,
    }
}

/// Values are counted among what the rest of the query finds, where that can be read and is about the same list.
fn with_rest(what: Typed, text: &str, range: &Range<usize>, now: Timestamp) -> Typed {
    let Typed::Value { of, key, begun, filter } = what else { return what };
    let begin = text.get(..range.start).unwrap_or_default();
    // The name goes with its value.
    let begin = begin.rfind([' ', '(']).map_or("", |at| begin.get(..=at).unwrap_or_default());
    let rest = format!("{begin}{}", text.get(range.end..).unwrap_or_default());
    let rest = Filter::read_whole(of, rest.trim().trim_end_matches('-'), now).ok();
    let filter = rest.map_or_else(|| filter.clone(), |rest| Filter::And(vec![rest, filter.clone()]));
    Typed::Value { of, key, begun, filter }
}

/// A value as it is written in a query: in quotes where it would be read as something else without them.
#[must_use]
pub fn written(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./@#".contains(c);
    if !value.is_empty() && value.chars().all(plain) && !value.contains("..") {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

    /// `|` is where the cursor is.
    fn typing(list: ListOf, text: &str) -> Typing {
        let (before, after) = text.split_once('|').unwrap();
        Typing::read(list, &format!("{before}{after}"), before.encode_utf16().count(), NOW)
    }

    #[track_caller]
    fn names(list: ListOf, text: &str, at: Range<usize>, expect: &[&str]) {
        let Typing { at: found, what: Typed::Name { names, .. } } = typing(list, text) else { panic!("{text}: no name") };
        assert_eq!((found, names.as_slice()), (at, expect), "{text}");
    }

    #[track_caller]
    fn value(list: ListOf, text: &str, at: Range<usize>, expect: (ListOf, Key, &str)) {
        let Typing { at: found, what: Typed::Value { of, key, begun, .. } } = typing(list, text) else {
            panic!("{text}: no value, {:?}", typing(list, text))
        };
        assert_eq!((found, (of, key, begun.as_str())), (at, expect), "{text}");
    }

    #[test]
    fn names_are_completed_where_a_word_may_be_one() {
        names(ListOf::Spans, "mod|", 0..3, &["model"]);
        names(ListOf::Spans, "é hello -mod| x", 9..12, &["model"]);
        names(ListOf::Conversations, "tur|", 0..3, &["turns"]);
        names(ListOf::Conversations, "step:(tur|", 6..9, &[]);
        names(ListOf::Spans, "has:mod|", 4..7, &["model"]);
        assert_eq!(typing(ListOf::Spans, "\"mod|").what, Typed::Anything);
        let Typed::Name { names, .. } = typing(ListOf::Spans, "|").what else { panic!() };
        assert!(names.contains(&"latency") && names.contains(&"after") && !names.contains(&"turns"));
        let Typed::Name { path, .. } = typing(ListOf::Spans, "metadata.pl|").what else { panic!() };
        assert_eq!(path, Some((Root::Metadata, "pl".to_owned())));
    }

    #[test]
    fn values_are_those_of_the_name_before_them() {
        let model = || Key::from(Field::Model);
        value(ListOf::Spans, "model:gp|", 6..8, (ListOf::Spans, model(), "gp"));
        value(ListOf::Spans, "model:|", 6..6, (ListOf::Spans, model(), ""));
        value(ListOf::Spans, "model:a|b|gp", 6..7, (ListOf::Spans, model(), "a"));
        value(ListOf::Spans, "status:(ok OR er|) x", 14..16, (ListOf::Spans, Field::Status.into(), "er"));
        value(ListOf::Conversations, "kind:to|", 5..7, (ListOf::Spans, Field::Kind.into(), "to"));
        value(ListOf::Spans, "tool:se|", 5..7, (ListOf::Spans, Field::Name.into(), "se"));
        value(ListOf::Spans, "metadata.plan:|", 14..14, (ListOf::Spans, Key::Path(Root::Metadata, "plan".to_owned()), ""));
        assert_eq!(typing(ListOf::Spans, "running:t|").what, Typed::Word { words: vec!["true"] });
        assert_eq!(typing(ListOf::Spans, "after:-1|").what, Typed::Word { words: vec!["-15m", "-1h", "-1d"] });
        assert_eq!(typing(ListOf::Spans, "tokens:>1|").what, Typed::Anything);
        assert_eq!(typing(ListOf::Spans, "nosuch:x|").what, Typed::Anything);
    }

    #[test]
    fn values_are_counted_among_what_the_rest_finds() {
        let Typed::Value { filter, .. } = typing(ListOf::Spans, "kind:tool -model:gp| status:ok").what else { panic!() };
        let rest = Filter::read_whole(ListOf::Spans, "kind:tool status:ok", NOW).unwrap();
        assert_eq!(
            filter,
            Filter::And(vec![
                rest,
                Filter::And(vec![Filter::default(), Filter::Is(Field::Model.into(), Test::Prefix("gp".to_owned())),])
            ])
        );
    }

    #[test]
    fn a_value_is_read_back_as_it_was_written() {
        for text in ["gpt-4o", "a b", "say \"so\"", "a\\b", "x*", "a..b", "-1", "", "é", "a:b", "(x)"] {
            let read = Filter::read_whole(ListOf::Spans, &format!("model:{}", written(text)), NOW);
            assert_eq!(read, Ok(Filter::equals(Field::Model, text)), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_typed(text in ".{0,40}", at in 0..50_usize) {
            for list in ListOf::ALL {
                let typing = Typing::read(list, &text, at, NOW);
                let units: Vec<u16> = text.encode_utf16().collect();
                proptest::prop_assert!(typing.at.start <= typing.at.end && typing.at.end <= units.len());
            }
        }
    }
}
