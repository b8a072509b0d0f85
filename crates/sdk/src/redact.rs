//! Built-in redaction: finds secrets and personal data of well-known forms in text, and puts a mark in their place.
//!
//! It looks at forms only. What it finds may be none, and what has no such form stays: the application's own
//! [`Options::mask`](crate::Options::mask) knows more.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::error::Error;

/// What is redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redact {
    /// Keys and tokens of well-known services, tokens after `Bearer`, JSON web tokens, private keys, and the values of fields such
    /// as `api_key` or `password`. Its name is `api_keys`.
    ApiKeys,
    /// Addresses of e-mail. Its name is `emails`.
    Emails,
    /// Numbers of payment cards, by issuer, length and check digit. Its name is `cards`.
    Cards,
    /// Numbers of phones: international ones, and national ones that are written in groups. Its name is `phones`.
    Phones,
}

impl FromStr for Redact {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name.trim() {
            "api_keys" => Ok(Self::ApiKeys),
            "emails" => Ok(Self::Emails),
            "cards" => Ok(Self::Cards),
            "phones" => Ok(Self::Phones),
            other => Err(Error::Redact(other.to_owned())),
        }
    }
}

impl Redact {
    fn mark(self) -> &'static str {
        match self {
            Self::ApiKeys => "[redacted key]",
            Self::Emails => "[redacted e-mail]",
            Self::Cards => "[redacted card]",
            Self::Phones => "[redacted phone]",
        }
    }

    /// Whether a text may hold it at all. Most texts are told so by one look at their bytes.
    fn may_be_in(self, words: &str) -> bool {
        let digits = |least: usize| words.bytes().filter(u8::is_ascii_digit).nth(least - 1).is_some();
        match self {
            Self::ApiKeys => true,
            Self::Emails => words.contains('@'),
            Self::Cards => digits(13),
            Self::Phones => digits(8),
        }
    }

    /// Whether it may begin with this byte.
    fn may_begin(self, byte: u8) -> bool {
        match self {
            Self::ApiKeys => {
                matches!(byte, b'A' | b'B' | b'b' | b'e' | b'g' | b'h' | b'n' | b'p' | b'r' | b's' | b'x' | b'y' | b'-')
            }
            Self::Emails => !byte.is_ascii() || byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-'),
            Self::Cards => byte.is_ascii_digit(),
            Self::Phones => byte.is_ascii_digit() || matches!(byte, b'+' | b'('),
        }
    }

    /// The length of what the text begins with, where that is to be redacted.
    fn find(self, text: &str, before: Option<char>) -> Option<usize> {
        match self {
            Self::ApiKeys => key(text, before),
            Self::Emails => email(text, before),
            Self::Cards => card(text, before),
            Self::Phones => phone(text, before),
        }
    }
}

/// The value without what is to be redacted.
pub(crate) fn value(value: Value, what: &[Redact]) -> Value {
    match value {
        Value::String(words) => Value::String(text(words, what)),
        Value::Array(items) => items.into_iter().map(|item| self::value(item, what)).collect(),
        Value::Object(map) => Value::Object(object(map, what)),
        Value::Number(number) => {
            let words = number.to_string();
            if what.contains(&Redact::Cards) && card(&words, None).is_some() {
                return Redact::Cards.mark().into();
            }
            Value::Number(number)
        }
        Value::Null | Value::Bool(_) => value,
    }
}

/// The text without what is to be redacted.
pub(crate) fn text(words: String, what: &[Redact]) -> String {
    what.iter().fold(words, |words, kind| replaced(&words, *kind).unwrap_or(words))
}

fn object(map: Map<String, Value>, what: &[Redact]) -> Map<String, Value> {
    let mut clean = Map::new();
    for (name, inside) in map {
        let inside = match inside {
            Value::String(words) if !words.is_empty() && what.contains(&Redact::ApiKeys) && is_secret(&name) => {
                Redact::ApiKeys.mark().into()
            }
            other => value(other, what),
        };
        let mut name = text(name, what);
        // Two names may have become one: neither value is lost.
        while clean.contains_key(&name) {
            name.push('\'');
        }
        clean.insert(name, inside);
    }
    clean
}

/// `None` where there is nothing to redact.
fn replaced(words: &str, kind: Redact) -> Option<String> {
    if !kind.may_be_in(words) {
        return None;
    }
    let mut clean: Option<String> = None;
    let (mut done, mut before) = (0, None);
    for (place, letter) in words.char_indices() {
        if place >= done
            && let Some(rest) = words.get(place..)
            && rest.bytes().next().is_some_and(|byte| kind.may_begin(byte))
            && let Some(found) = kind.find(rest, before).filter(|found| *found > 0)
        {
            let clean = clean.get_or_insert_default();
            clean.push_str(words.get(done..place).unwrap_or_default());
            clean.push_str(kind.mark());
            done = place + found;
        }
        before = Some(letter);
    }
    let rest = words.get(done..).unwrap_or_default();
    clean.map(|clean| clean + rest)
}

/// Whether a field of this name holds a secret whatever it looks like.
fn is_secret(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "accesstoken",
        "apikey",
        "authorization",
        "authtoken",
        "clientsecret",
        "passwd",
        "password",
        "privatekey",
        "refreshtoken",
        "secretkey",
        "xapikey",
    ];
    let plain: String = name.chars().filter(|letter| !matches!(letter, '-' | '_' | ' ')).collect();
    NAMES.iter().any(|secret| plain.eq_ignore_ascii_case(secret))
}

/// How the keys of well-known services begin, and how many letters follow at least.
const KEYS: [(&str, usize); 26] = [
    ("AIza", 30),
    ("AKIA", 16),
    ("ASIA", 16),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghr_", 30),
    ("ghs_", 30),
    ("ghu_", 30),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("gsk_", 20),
    ("hf_", 20),
    ("npm_", 30),
    ("nt_", 16),
    ("pypi-", 30),
    ("r8_", 20),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("sk-", 16),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("xoxa-", 10),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxs-", 10),
    ("ya29.", 20),
];

fn key(text: &str, before: Option<char>) -> Option<usize> {
    let in_key = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if before.is_some_and(in_key) {
        return None;
    }
    for (begin, least) in KEYS {
        if let Some(rest) = text.strip_prefix(begin) {
            let length = run(rest, in_key);
            // A word such as `sk-` with a long name after it has no digit; a random key all but surely has.
            let random = rest.get(..length).is_some_and(|rest| rest.bytes().any(|byte| byte.is_ascii_digit()));
            return (length >= least && random).then_some(begin.len() + length);
        }
    }
    if let Some(rest) = text.strip_prefix("eyJ") {
        let length = run(rest, |letter| in_key(letter) || letter == '.');
        let parts = rest.get(..length).unwrap_or_default().split('.').filter(|part| part.len() >= 4).count();
        return (parts >= 3).then_some("eyJ".len() + length);
    }
    if text.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("bearer ")) {
        let length = run(text.get(7..)?, |letter| in_key(letter) || matches!(letter, '.' | '~' | '+' | '/' | '='));
        return (length >= 16).then_some(7 + length);
    }
    if text.starts_with("-----BEGIN ") {
        let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
        let end = "PRIVATE KEY-----";
        // Without its end it is cut off, and a secret still.
        return first.contains(end).then(|| first.len() + rest.find(end).map_or(rest.len(), |place| place + end.len()));
    }
    None
}

fn email(text: &str, before: Option<char>) -> Option<usize> {
    let in_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '%' | '+' | '-');
    if before.is_some_and(in_name) {
        return None;
    }
    let name = run(text, in_name);
    let host = text.get(name..)?.strip_prefix('@').filter(|_| name > 0)?;
    let host = host.get(..run(host, |letter| letter.is_alphanumeric() || matches!(letter, '.' | '-')))?;
    let host = host.trim_end_matches(['.', '-']);
    let (_, last) = host.rsplit_once('.')?;
    let named = last.chars().count() >= 2 && last.starts_with(char::is_alphabetic) && !host.starts_with('.');
    named.then_some(name + 1 + host.len())
}

/// ISO/IEC 7812: the first digits tell the issuer, the last is the check digit.
fn card(text: &str, before: Option<char>) -> Option<usize> {
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let groups = Groups::read(text, 19, |letter| matches!(letter, ' ' | '-'));
    let ends = groups.ends.iter().rev();
    ends.copied().find_map(|(digits, end)| groups.digits.get(..digits).is_some_and(is_card).then_some(end))
}

fn is_card(digits: &[u8]) -> bool {
    let begin = |length: usize| digits.iter().take(length).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    let issued = match digits.len() {
        13 => begin(1) == 4,
        14 => matches!(begin(2), 36 | 38 | 39) || matches!(begin(3), 300..=305),
        15 => matches!(begin(2), 34 | 37),
        16 => matches!(begin(1), 4 | 6) || matches!(begin(2), 35 | 51..=55) || matches!(begin(4), 2221..=2720),
        17 | 18 => begin(1) == 6,
        19 => matches!(begin(1), 4 | 6),
        _ => false,
    };
    let twice = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let digits = digits.iter().rev().map(|digit| u32::from(*digit)).enumerate();
    issued && digits.map(|(place, digit)| if place % 2 == 1 { twice(digit) } else { digit }).sum::<u32>() % 10 == 0
}

fn phone(text: &str, before: Option<char>) -> Option<usize> {
    if before.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '+' | '-' | '.' | '(')) {
        return None;
    }
    let separates = |letter: char| matches!(letter, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}');
    if let Some(number) = text.strip_prefix('+') {
        // ITU-T E.164: up to 15 digits, the country's first.
        let groups = Groups::read(number, 15, separates);
        let (digits, end) = *groups.ends.last()?;
        return (digits >= 8 && groups.digits.first() != Some(&0)).then_some(1 + end);
    }
    let begin = usize::from(text.starts_with('('));
    let groups = Groups::read(text.get(begin..)?, 15, separates);
    let lengths = groups.lengths();
    // North America: three, three and four digits, perhaps after a 1.
    for (form, prefix) in [(&[3, 3, 4][..], true), (&[1, 3, 3, 4][..], groups.digits.first() == Some(&1))] {
        if prefix && lengths.starts_with(form) {
            return groups.ends.get(form.len() - 1).map(|(_, end)| begin + end);
        }
    }
    // Elsewhere a national number begins with 0; one without any group may be any number.
    let (digits, end) = *groups.ends.last()?;
    let grouped = lengths.len() >= 2 && lengths.iter().all(|length| *length >= 2);
    let number = text.get(..begin + end)?;
    (groups.digits.first() == Some(&0) && (9..=13).contains(&digits) && grouped && !number.contains('.')).then_some(begin + end)
}

/// Digits in groups.
struct Groups {
    digits: Vec<u8>,
    /// For each group, how many digits there are up to its end, and where that is in the text.
    ends: Vec<(usize, usize)>,
}

impl Groups {
    /// Reads groups that fit into so many digits; up to two separators lie between two of them.
    fn read(text: &str, most: usize, separates: impl Fn(char) -> bool) -> Self {
        let mut groups = Self { digits: Vec::new(), ends: Vec::new() };
        let mut place = 0;
        while let Some(rest) = text.get(place..) {
            let between: usize = rest.chars().take_while(|letter| separates(*letter)).take(3).map(char::len_utf8).sum();
            let count = rest.chars().take_while(|letter| separates(*letter)).take(3).count();
            if count > 2 || (groups.ends.is_empty() && count > 0) {
                break;
            }
            let rest = rest.get(between..).unwrap_or_default();
            let length = rest.bytes().take(most + 1).take_while(u8::is_ascii_digit).count();
            let over = rest.get(length..).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphanumeric);
            if length == 0 || over || groups.digits.len() + length > most {
                break;
            }
            groups.digits.extend(rest.bytes().take(length).map(|digit| digit - b'0'));
            place += between + length;
            groups.ends.push((groups.digits.len(), place));
        }
        groups
    }

    fn lengths(&self) -> Vec<usize> {
        let before = std::iter::once(0).chain(self.ends.iter().map(|(digits, _)| *digits));
        self.ends.iter().zip(before).map(|((digits, _), before)| digits - before).collect()
    }
}

/// How many bytes at the beginning are such letters.
fn run(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|letter: char| !is(letter)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(kind: Redact, words: &str, expect: &str) {
        assert_eq!(text(words.to_owned(), &[kind]), expect.replace("[]", kind.mark()));
    }

    #[test]
    fn keys() {
        let check = |words: &str, expect: &str| check(Redact::ApiKeys, words, expect);
        check("use sk-proj-abcDEF0123456789xyz, please", "use [], please");
        check("?key=AIzaSyA0123456789abcdefghijklmnopqrstuv&x=1", "?key=[]&x=1");
        check("AKIAIOSFODNN7EXAMPLE", "[]");
        check("Authorization: bearer abc.def-0123456789==", "Authorization: []");
        check("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl.", "[]");
        check("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nover", "[]\nover");
        check("-----BEGIN PRIVATE KEY-----\nMIIE", "[]");
        for kept in
            ["task-sk-proj-abcDEF0123456789", "sk-learn-is-a-good-library", "-----BEGIN CERTIFICATE-----\nMIIE", "bearer of news"]
        {
            check(kept, kept);
        }
    }

    #[test]
    fn emails() {
        let check = |words: &str, expect: &str| check(Redact::Emails, words, expect);
        check("Ann <ann.lee+x@mail.example.com>, bob@example.org.", "Ann <[]>, [].");
        check("mailto:jürgen@müller.example", "mailto:[]");
        for kept in ["@ann", "ann@localhost", "a @ b.com", "user@1.2", "ä@", ""] {
            check(kept, kept);
        }
    }

    #[test]
    fn cards() {
        let check = |words: &str, expect: &str| check(Redact::Cards, words, expect);
        check("4111 1111 1111 1111 123 and 378282246310005", "[] 123 and []");
        check("(5555-5555-5555-4444)", "([])");
        for kept in ["4111 1111 1111 1112", "1764064793000000000", "x4111111111111111", "41111111111111111111111"] {
            check(kept, kept);
        }
        assert_eq!(value(json!([4_111_111_111_111_111_u64, 12, 0.5]), &[Redact::Cards]), json!([Redact::Cards.mark(), 12, 0.5]));
    }

    #[test]
    fn phones() {
        let check = |words: &str, expect: &str| check(Redact::Phones, words, expect);
        check("+49 30 1234567, (555) 123-4567", "[], []");
        check("call 1-555-123-4567 or 555.123.4567!", "call [] or []!");
        check("030 / 123 45 67", "030 / 123 45 67");
        check("030 123 45 67 and 01 23 45 67 89", "[] and []");
        for kept in
            ["2026-11-25 09:41", "0.1234567890", "192.168.100.100", "1 2 3 4 5 6 7 8 9", "+1", "1234567890", "a+4930123456"]
        {
            check(kept, kept);
        }
    }

    #[test]
    fn what_is_found_is_looked_for() {
        for (begin, _) in KEYS.into_iter().chain([("eyJ", 0), ("Bearer ", 0), ("bearer ", 0), ("-----BEGIN ", 0)]) {
            assert!(Redact::ApiKeys.may_begin(begin.as_bytes()[0]), "{begin}");
        }
        // The fewest digits that are a number, and a name that begins with no ASCII.
        for (kind, found) in [(Redact::Phones, "+12345678"), (Redact::Cards, "4222222222222"), (Redact::Emails, "é@b.co")] {
            for before in ["", " ", "\n", "\"", "\0"] {
                let words = format!("{before}{found}");
                assert_eq!(replaced(&words, kind), Some(format!("{before}{}", kind.mark())), "{words:?}");
            }
        }
    }

    #[test]
    fn names_and_values_of_objects() {
        let what = [Redact::ApiKeys, Redact::Emails];
        let given = json!({"a@b.co": 1, "c@d.co": 2, "deep": [{"API-Key": "short", "password": 7, "note": "a@b.co"}]});
        let expect = json!({
            "[redacted e-mail]": 1,
            "[redacted e-mail]'": 2,
            "deep": [{"API-Key": "[redacted key]", "password": 7, "note": "[redacted e-mail]"}],
        });
        assert_eq!(value(given, &what), expect);
    }

    #[test]
    fn any_text_is_taken_apart_at_its_letters() {
        let all = [Redact::ApiKeys, Redact::Emails, Redact::Cards, Redact::Phones];
        for words in ["\u{a0}+4\u{a0}9 30\u{a0}12345678é", "Bearer\u{e9}abcdefghij", "é@é.éé@", "(\u{a0}(", "+\u{661}23456789"]
        {
            assert!(!text(words.repeat(3), &all).is_empty());
        }
    }
}
