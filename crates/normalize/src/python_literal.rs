//! Python literals as `repr()` writes them: `{'key': 'value', 'none': None, "it's": (1, 2.5)}`.
//!
//! Clients of neuraltrust up to 1.4 send `str(obj)` where they mean structured data. The grammar is that of
//! `ast.literal_eval` (Python language reference, "Literals" and "Displays for lists, sets and dictionaries") without
//! expressions. JSON has no infinities, no sets, no tuples and no integers beyond 64 bits: infinities and such integers
//! become text, sets and tuples become arrays, keys become text.

use neuraltrust_model::Map;
use neuraltrust_model::limits::MAX_DEPTH;
use serde_json::{Number, Value};
use winnow::ascii::{digit1, multispace0};
use winnow::combinator::{alt, cut_err, delimited, dispatch, fail, opt, peek, preceded, separated, separated_pair, terminated};
use winnow::prelude::*;
use winnow::token::{any, one_of, take, take_while};

/// The value of a whole text that is one Python literal; `None` when it is not.
pub(crate) fn parse(text: &str) -> Option<Value> {
    delimited(multispace0, |input: &mut &str| value(input, Place { depth: MAX_DEPTH, hashable: false }), multispace0)
        .parse(text)
        .ok()
}

/// Like [`parse`], but only for texts that `str()` makes of a dict, list, tuple or set, so that plain words and numbers stay
/// the text that they are.
pub(crate) fn parse_container(text: &str) -> Option<Value> {
    text.trim_start().starts_with(['{', '[', '(']).then(|| parse(text)).flatten()
}

/// What may stand somewhere: `depth` further levels of nesting; as a key or member of a set only what Python can hash, which
/// is no list, dict or set. The latter keeps the parser linear: nothing that starts with a brace is ever read twice.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    hashable: bool,
}

fn value(input: &mut &str, place: Place) -> ModalResult<Value> {
    let container = input.starts_with(['[', '(', '{']);
    let Some(depth) = place.depth.checked_sub(usize::from(container)) else { return cut_err(fail).parse_next(input) };
    let inside = Place { depth, ..place };
    dispatch! {peek(any);
        '\'' | '"' => string.map(Value::String),
        'b' | 'r' | 'u' => preceded(any, string).map(Value::String),
        '(' => delimited(('(', multispace0), items(inside), ')').map(Value::Array),
        'T' | 'F' | 'N' | 'i' | 'n' => word,
        '[' | '{' | 's' if place.hashable => cut_err(fail),
        '[' => delimited(('[', multispace0), items(inside), ']').map(Value::Array),
        '{' => alt((dict(inside), set(inside))),
        's' => "set()".map(|_| Value::Array(Vec::new())),
        _ => number,
    }
    .parse_next(input)
}

fn word(input: &mut &str) -> ModalResult<Value> {
    alt((
        "None".value(Value::Null),
        "True".value(Value::Bool(true)),
        "False".value(Value::Bool(false)),
        "inf".value(Value::String("inf".to_owned())),
        "nan".value(Value::String("nan".to_owned())),
    ))
    .parse_next(input)
}

fn items<'i>(place: Place) -> impl ModalParser<&'i str, Vec<Value>, winnow::error::ContextError> {
    terminated(separated(0.., terminated(move |i: &mut &'i str| value(i, place), multispace0), comma), (opt(comma), multispace0))
}

fn comma<'i>(input: &mut &'i str) -> ModalResult<&'i str> {
    terminated(",", multispace0).parse_next(input)
}

fn dict<'i>(place: Place) -> impl ModalParser<&'i str, Value, winnow::error::ContextError> {
    let key_place = Place { hashable: true, ..place };
    let pair = move |input: &mut &'i str| {
        separated_pair(
            terminated(move |i: &mut &'i str| value(i, key_place), multispace0),
            (':', multispace0),
            // After the colon this can only be a dict, so the set need not be tried.
            cut_err(terminated(move |i: &mut &'i str| value(i, place), multispace0)),
        )
        .parse_next(input)
    };
    delimited(('{', multispace0), separated(0.., pair, comma), (opt(comma), '}'))
        .map(|pairs: Vec<(Value, Value)>| Value::Object(pairs.into_iter().map(|(k, v)| (key(k), v)).collect::<Map>()))
}

fn set<'i>(place: Place) -> impl ModalParser<&'i str, Value, winnow::error::ContextError> {
    delimited(('{', multispace0), items(Place { hashable: true, ..place }), '}').map(Value::Array)
}

fn key(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

fn number(input: &mut &str) -> ModalResult<Value> {
    let digits = take_while(0.., |c: char| c.is_ascii_digit());
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1);
    let text = (
        opt(one_of(['-', '+'])),
        alt(("inf", "nan", (digits, opt(('.', take_while(0.., |c: char| c.is_ascii_digit()))), opt(exponent)).take())),
    )
        .take()
        .verify(|text: &str| text.ends_with(['f', 'n']) || text.contains(|c: char| c.is_ascii_digit()))
        .parse_next(input)?;
    Ok(to_number(text.trim_start_matches('+')))
}

fn to_number(text: &str) -> Value {
    if let Ok(integer) = text.parse::<i64>() {
        return integer.into();
    }
    if let Ok(integer) = text.parse::<u64>() {
        return integer.into();
    }
    let is_integer = !text.contains(['.', 'e', 'E']);
    match text.parse::<f64>().ok().filter(|_| !is_integer).and_then(Number::from_f64) {
        Some(number) => Value::Number(number),
        None => Value::String(text.to_owned()),
    }
}

fn string(input: &mut &str) -> ModalResult<String> {
    let quote = one_of(['\'', '"']).parse_next(input)?;
    let mut out = String::new();
    loop {
        let plain = take_while(0.., |c: char| c != quote && c != '\\').parse_next(input)?;
        out.push_str(plain);
        if any.parse_next(input)? == quote {
            return Ok(out);
        }
        escape(input, &mut out)?;
    }
}

fn escape(input: &mut &str, out: &mut String) -> ModalResult<()> {
    let c = any.parse_next(input)?;
    let plain = match c {
        '\n' => return Ok(()),
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '\'' | '"' => c,
        'x' => hex(input, 2)?,
        'u' => hex(input, 4)?,
        'U' => hex(input, 8)?,
        other => {
            out.push('\\');
            other
        }
    };
    out.push(plain);
    Ok(())
}

/// A lone surrogate has no place in UTF-8 and becomes the replacement character.
fn hex(input: &mut &str, digits: usize) -> ModalResult<char> {
    take(digits)
        .verify_map(|text: &str| u32::from_str_radix(text, 16).ok())
        .map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
        .parse_next(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[track_caller]
    fn check(text: &str, expect: impl Into<Option<Value>>) {
        assert_eq!(parse(text), expect.into(), "{text}");
    }

    #[test]
    fn reads_what_repr_writes() {
        check(
            r#"{'tenant': 'acme', 'flag': True, 'none': None, 'n': 1.5, "it's": 'a "quote"', 'list': [1, 'ü']}"#,
            json!({"tenant": "acme", "flag": true, "none": null, "n": 1.5, "it's": "a \"quote\"", "list": [1, "ü"]}),
        );
        check("None", Value::Null);
        check("()", json!([]));
        check("(1,)", json!([1]));
        check("{1, 2}", json!([1, 2]));
        check("{}", json!({}));
        check("set()", json!([]));
        check("{1: 'a', (1, 2): 'b', None: 'c'}", json!({"1": "a", "[1,2]": "b", "None": "c"}));
        check(r"b'\x00\xff'", json!("\0ÿ"));
        check(r"'\u00e9\U0001f98a\\n\q'", json!("é🦊\\n\\q"));
        check("[-1, 1e-05, inf, -inf, nan, 18446744073709551615]", json!([-1, 1e-5, "inf", "-inf", "nan", u64::MAX]));
        check("123456789012345678901234567890", json!("123456789012345678901234567890"));
    }

    #[test]
    fn leaves_what_is_no_literal() {
        for text in ["", "hello", "{'a': }", "{'a'", "[1 2]", "datetime.date(2026, 1, 1)", "'a", "{'a': 1} b", "1+2j", "-", "."] {
            check(text, None);
        }
        assert_eq!(parse_container("42"), None);
        assert_eq!(parse_container("None"), None);
        assert_eq!(parse_container(" [1]"), Some(json!([1])));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(&nested(MAX_DEPTH)).is_some());
        assert!(parse(&nested(MAX_DEPTH + 1)).is_none());
        assert!(parse(&nested(1_000_000)).is_none());
        assert!(parse(&"{".repeat(1_000_000)).is_none());
        assert!(parse(&"{1:".repeat(1_000_000)).is_none());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[{}\\[\\]()'\"\\\\,: a0-9NTFx.eE+-]{0,64}") {
            let _ = parse(&text);
        }
    }
}
