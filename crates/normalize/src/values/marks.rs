//! The marks before values: `,`, `[`, `{` and `(`, where they stand before values.
//!
//! A text may be read as JSON, or as what Python's `str()` writes. Then it begins with a bracket or a quote, or with the name of
//! an object and a bracket ([`python_repr`](crate::python_repr)). What begins otherwise is words, however many marks are in it.
//! NOTE: a count may be too high, and never too low: what is decoded must not hold more.

use Grammar::{Json, Python};

/// Texts in texts that are looked into; deeper ones count whole.
const DEPTH: usize = 2;
/// From this many marks on a text in a text is looked into; the tests look into all.
const FEW: usize = if cfg!(test) { 0 } else { 4_096 };

/// How texts stand in what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grammar {
    /// In double quotes, and a line never ends in one: a quote in something else between two bodies of JSON opens nothing beyond its line.
    Json,
    /// In quotes of both kinds.
    Python,
}

/// All marks, wherever they stand.
pub(super) fn all(bytes: &[u8]) -> usize {
    let marks = |bytes: &[u8]| bytes.iter().map(|byte| u8::from(is_mark(*byte))).sum::<u8>();
    // A count of up to 255 bytes fits a byte, and so many of them are counted at once.
    bytes.chunks(usize::from(u8::MAX)).map(|bytes| usize::from(marks(bytes))).sum()
}

const fn is_mark(byte: u8) -> bool {
    matches!(byte, b',' | b'[' | b'{' | b'(')
}

/// Marks before values in JSON.
pub(super) fn in_json(body: &[u8]) -> usize {
    in_grammar(body, Json, DEPTH)
}

/// The most marks before values that such a text can have.
pub(super) fn most_in_text(text: &[u8]) -> usize {
    if may_be_read(text) { all(text) + escaped(text) } else { 0 }
}

/// Marks before values in a text of which it is not known what it is.
pub(super) fn in_text(text: &[u8]) -> usize {
    in_text_within(text, DEPTH)
}

fn in_text_within(text: &[u8], depth: usize) -> usize {
    if may_be_read(text) { in_grammar(text, Json, depth).max(in_grammar(text, Python, depth)) } else { 0 }
}

fn in_grammar(mut rest: &[u8], grammar: Grammar, depth: usize) -> usize {
    let is_quote = |byte: &u8| *byte == b'"' || (*byte == b'\'' && grammar == Python);
    let mut marks = 0;
    while let Some(at) = rest.iter().position(is_quote) {
        let (before, quoted) = rest.split_at(at);
        marks += all(before);
        let Some((quote, quoted)) = quoted.split_first() else { break };
        let (text, after) = quoted.split_at(end_of_text(quoted, *quote, grammar));
        if may_be_read(text) {
            let most = all(text) + escaped(text);
            let inside = || depth.checked_sub(1).zip(unescaped(text)).map(|(depth, text)| in_text_within(text.as_bytes(), depth));
            marks += if most > FEW { inside().unwrap_or(most) } else { most };
        }
        rest = after.get(1..).unwrap_or_default();
    }
    marks + all(rest)
}

/// What a text in JSON says; `None` where it is none.
fn unescaped(text: &[u8]) -> Option<String> {
    let quoted = [b"\"", text, b"\""].concat();
    serde_json::from_slice(&quoted).ok()
}

/// Where the quote stands that ends a text.
fn end_of_text(quoted: &[u8], quote: u8, grammar: Grammar) -> usize {
    let mut at = 0;
    while let Some(byte) = quoted.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' if grammar == Json => return at,
            byte if *byte == quote => return at,
            _ => {}
        }
        at += 1;
    }
    quoted.len()
}

/// Characters that are written by their numbers (`\u002c`; in Python also `\x2c`, `\54`), of which each may be a mark.
pub(super) fn escaped(mut text: &[u8]) -> usize {
    let mut count = 0;
    while let Some(at) = text.iter().position(|byte| *byte == b'\\') {
        text = text.get(at + 1..).unwrap_or_default();
        count += usize::from(text.starts_with(b"u00") || matches!(text.first(), Some(b'x' | b'U' | b'N' | b'0'..=b'7')));
    }
    count
}

/// Whether a text begins like one that may be read as values.
fn may_be_read(text: &[u8]) -> bool {
    // Most texts begin with a word of ASCII, and need not be read as characters.
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')).count();
    if letters > 0 {
        match text.get(letters) {
            None => return false,
            Some(after) if after.is_ascii() && *after != b'\\' => return *after == b'(',
            Some(_) => {}
        }
    }
    let mut characters = Characters(text).skip_while(|character| character.is_whitespace());
    match characters.next() {
        Some('[' | '{' | '(' | '"' | '\'') => true,
        Some(first) if is_of_name(first) => characters.find(|character| !is_of_name(*character)) == Some('('),
        _ => false,
    }
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.')
}

/// The characters of a text in quotes; what is no text ends it.
struct Characters<'a>(&'a [u8]);

impl Iterator for Characters<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let (character, length) = match *self.0 {
            [b'\\', b'u', a, b, c, d, ..] => (hex([a, b, c, d])?, 6),
            [b'\\', b'n' | b'r' | b't' | b'f' | b'b' | b'v', ..] => (' ', 2),
            // By its number in Python, so that it may be any.
            [b'\\', b'x' | b'U' | b'N' | b'0'..=b'7', ..] => ('[', 2),
            [b'\\', escaped, ..] => (char::from(escaped), 2),
            [first, ..] if first.is_ascii() => (char::from(first), 1),
            _ => {
                let character = self.0.get(..4.min(self.0.len()))?.utf8_chunks().next()?.valid().chars().next()?;
                (character, character.len_utf8())
            }
        };
        self.0 = self.0.get(length..)?;
        Some(character)
    }
}

/// The character of that number; half of a pair counts as a letter.
fn hex(digits: [u8; 4]) -> Option<char> {
    let number = u32::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?;
    Some(char::from_u32(number).unwrap_or('a'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Values of what is decoded, and of what its texts may be read as.
    fn values(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(values).sum::<usize>(),
            Value::Object(map) => 1 + map.values().map(values).sum::<usize>(),
            Value::String(text) => read(text).map_or(1, |value| values(&value)),
            _ => 1,
        }
    }

    fn read(text: &str) -> Option<Value> {
        let read =
            [serde_json::from_str(text).ok(), crate::python_literal::parse_container(text), crate::python_repr::object(text)];
        read.into_iter().flatten().max_by_key(values_of_one)
    }

    fn values_of_one(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(values_of_one).sum::<usize>(),
            Value::Object(map) => 1 + map.values().map(values_of_one).sum::<usize>(),
            _ => 1,
        }
    }

    #[track_caller]
    fn check(text: &str) {
        let held = values(&Value::String(text.to_owned()));
        assert!(most_in_text(text.as_bytes()) >= in_text(text.as_bytes()), "{text:?}");
        assert!(in_text(text.as_bytes()) + 1 >= held, "{text:?} holds {held}, and {} are counted", in_text(text.as_bytes()) + 1);
        let body = json!({ "a": text }).to_string();
        assert!(in_json(body.as_bytes()) + 1 > held, "{body} holds {held}, and {} are counted", in_json(body.as_bytes()) + 1);
    }

    #[test]
    fn no_value_is_left_out() {
        for text in [
            "1",
            "[]",
            "[[],[1,2],{}]",
            r#"{"a":1,"b":{"c":[{},{},"x"]}}"#,
            r#"["[1,2,[3]]","a, b"]"#,
            r#" \n["\u005b1\u002c2]"]"#,
            "\u{a0}\u{3000}['it\"s', [1, 2], (3, 4)]",
            "{'a': \"it's\", 'b': [1, 2]}",
            "Choice(a=[1, 2], b=Other(c=(3, 4)))",
            "Größe(a=[1, 2])",
            r"['\x5b1,2,3]', '\1331,2]']",
            "['a\n', [1, 2, 3], 'b']",
            "('\"', [[], [], []], '\"')",
        ] {
            check(text);
        }
    }

    #[test]
    fn words_are_none() {
        for text in
            ["a, b (c), [d], {e}", "def f(a, b):\n    return [a, b]", "1,2,3\n4,5,6", "¿Cuál, (o) cuáles?", "- [x] done, {}", ""]
        {
            assert_eq!(in_text(text.as_bytes()), 0, "{text}");
            assert_eq!(in_json(json!([text, text]).to_string().as_bytes()), 2, "{text}");
        }
    }

    #[test]
    fn words_in_text_that_is_read_are_none() {
        let messages = json!([{ "role": "user", "content": "1,2,(3),{4},[5]", "call": "[1,2]" }]);
        assert_eq!(in_text(messages.to_string().as_bytes()), 6);
        assert_eq!(in_json(json!({ "messages": messages.to_string() }).to_string().as_bytes()), 7);
    }

    #[test]
    fn a_quote_between_bodies_opens_nothing_beyond_its_line() {
        assert_eq!(in_json(b"--b\r\nname=\"x\"\r\n\r\n\x00\"\xff\r\n--b\r\n\r\n[1,[2,3],\"a,b\"]\r\n--b--"), 5);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(1)), "[\\[\\]{},'\"a1 \\\\\n(=)]{0,12}".prop_map(Value::String), Just(json!(null)),];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::btree_map("[a-c'\"]{1,2}", inner.clone(), 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
                // Values as text within values.
                inner.prop_map(|value| Value::String(value.to_string())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_value_of_any_is_left_out(value in any_value()) {
            check(&value.to_string());
        }

        #[test]
        fn no_text_is_read_as_more_than_is_counted(text in "[\\[{(]?[\\[\\]{},'\"a1 \\\\\n(=)]{0,40}") {
            check(&text);
        }
    }
}
