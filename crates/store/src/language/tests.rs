//! What is typed is read as it is meant, and what cannot be read is said with its place.

use std::ops::Bound;

use proptest::prelude::*;

use super::*;
use crate::Pattern;
use crate::fields::{Key, Root, Value};
use crate::query::Test;

/// 2026-11-25T12:00:00Z.
const NOW: Timestamp = Timestamp::from_nanos(1_795_608_000_000_000_000);

fn read(text: &str) -> Filter {
    Filter::read(ListOf::Spans, text, NOW).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn words(text: &str, begun: bool) -> Filter {
    Filter::Words(Words { text: text.to_owned(), begun })
}

fn over(field: Field, number: f64) -> Filter {
    Filter::Is(field.into(), Test::Range(Bound::Excluded(Value::Number(number)), Bound::Unbounded))
}

#[test]
fn conditions_and_words_stand_beside_each_other() {
    let plan = Key::Path(Root::Metadata, "plan".to_owned());
    let expect = Filter::And(vec![
        Filter::equals(Field::Kind, "generation"),
        Filter::Is(Field::Model.into(), Test::Prefix("gpt-4o".to_owned())),
        over(Field::DurationMs, 2_000.0),
        Filter::equals(Field::UserId, "u1"),
        Filter::Is(plan, Test::OneOf(vec![Value::Text("pro".to_owned())])),
        over(Field::UsageTotal, 10_000.0),
        over(Field::Cost, 0.01),
        Filter::Not(Box::new(Filter::And(vec![Filter::equals(Field::Kind, "tool"), Filter::equals(Field::Name, "search")]))),
        words("refund policy", false),
        Filter::between(Some(Timestamp::try_from("2026-11-01T00:00:00Z".to_owned()).unwrap()), None),
    ]);
    let typed = "kind:generation model:gpt-4o* latency:>2s user:u1 metadata.plan:pro tokens:>10k cost:>0.01 -tool:search \
                 \"refund policy\" after:2026-11-01";
    assert_eq!(read(typed), expect);
}

#[test]
fn or_not_parentheses_and_sets_are_what_they_say() {
    let (a, b, c) = (words("a", false), words("b", false), words("c", false));
    let or = Filter::Or(vec![Filter::And(vec![a.clone(), b.clone()]), Filter::Not(Box::new(c.clone()))]);
    assert_eq!(read("a AND b OR NOT c "), or);
    assert_eq!(read("a (b OR c)"), Filter::And(vec![a, Filter::Or(vec![b, c])]));
    let set = Filter::Is(Field::Status.into(), Test::OneOf(vec![Value::Text("ok".to_owned()), Value::Text("error".to_owned())]));
    assert_eq!(read("status:ok|error"), set);
    assert_eq!(read("status:(ok OR error)"), set);
    assert_eq!(read(""), Filter::default());
    assert_eq!(read("refund ord"), Filter::And(vec![words("refund", false), words("ord", true)]));
    assert_eq!(read("name:\"a \\\"b\""), Filter::equals(Field::Name, "a \"b"));
}

#[test]
fn a_star_stands_for_any_text_where_it_is_not_quoted() {
    let like = |pattern: &str| Filter::Is(Field::Model.into(), Test::Like(Pattern::read(pattern).unwrap()));
    assert_eq!(read("model:*mini"), like("*mini"));
    assert_eq!(read("model:*4o*"), like("*4o*"));
    assert_eq!(read("model:gpt*mini*"), like("gpt*mini*"));
    assert_eq!(read("model:(*mini OR gpt-4o)"), Filter::Or(vec![like("*mini"), Filter::equals(Field::Model, "gpt-4o")]));
    assert_eq!(read("model:gpt*"), Filter::Is(Field::Model.into(), Test::Prefix("gpt".to_owned())));
    assert_eq!(read("model:\"*mini\""), Filter::equals(Field::Model, "*mini"));
    let wrong = Filter::read(ListOf::Spans, "cost:*1", NOW).unwrap_err();
    assert_eq!((wrong.at, wrong.found.as_str()), (5, "*1"));
}

#[test]
fn times_are_days_moments_and_counted_from_now() {
    let at = |text: &str| Timestamp::try_from(text.to_owned()).unwrap();
    assert_eq!(read("after:-7d"), Filter::between(Some(at("2026-11-18T12:00:00Z")), None));
    assert_eq!(
        read("time:yesterday"),
        Filter::Time(Bound::Included(at("2026-11-24T00:00:00Z")), Bound::Excluded(at("2026-11-25T00:00:00Z")))
    );
}

#[test]
fn what_only_spans_have_is_meant_of_one_step() {
    let filter = Filter::read(ListOf::Conversations, "metadata.plan:pro turns:>2", NOW).unwrap();
    let Filter::And(parts) = filter else { panic!("two conditions are two") };
    assert!(matches!(parts.as_slice(), [Filter::Step(_), Filter::Is(..)]), "{parts:?}");
    let steps = Filter::read(ListOf::Traces, "step:(kind:tool status:error)", NOW).unwrap();
    assert!(matches!(steps, Filter::Step(inner) if matches!(&*inner, Filter::And(parts) if parts.len() == 2)));
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_is_accepted() {
    let error = |text: &str| Filter::read(ListOf::Spans, text, NOW).unwrap_err();
    let wrong = error("🎉 modle:x");
    assert_eq!((wrong.at, wrong.found.as_str(), wrong.nearest.as_deref()), (3, "modle:", Some("model")));
    assert!(wrong.accepted.contains(&"latency".to_owned()));
    assert_eq!((error("a latency:>fast").at, error("a (b").at, error("a b)").at, error("model: x").at), (10, 2, 3, 6));
    let wrong = error("a status:(ok OR eror)");
    assert_eq!((wrong.at, wrong.found.as_str(), wrong.nearest.as_deref()), (16, "eror", Some("error")));
    assert!(error("a OR").problem.contains("missing"));
    assert!(error("cost:1*").problem.contains("a number"));
    assert!(error(&"(".repeat(200)).problem.contains("nested"));
    assert!(error(&"-(".repeat(200)).problem.contains("up to"));
    assert!(error(&"a ".repeat(300)).problem.contains("256"));
    assert!(error(&"a".repeat(5_000)).problem.contains("4096"));
}

#[test]
fn what_nobody_types_any_more_is_whole() {
    let whole = |text: &str| Filter::read_whole(ListOf::Spans, text, NOW);
    assert_eq!(whole("refund ord"), Ok(Filter::And(vec![words("refund", false), words("ord", false)])));
    assert_eq!(whole("refund ord*"), Ok(Filter::And(vec![words("refund", false), words("ord", true)])));
    let Ok(Filter::Or(found)) = whole("ord") else { panic!("a word may be an id") };
    assert_eq!(found.first(), Some(&Filter::And(vec![words("ord", false)])));
    assert_eq!(whole("kind:tool \"refund pol").unwrap_err().at, 10);
    assert_eq!(whole("name:\"never closed").unwrap_err().at, 5);
    assert!(whole("kind:tool -\"?!\"").unwrap_err().problem.contains("no word"), "without nothing is everything");
    assert!(whole("kind:tool -(\"—\" a)").unwrap_err().problem.contains("no word"));
    assert!(whole("🎉").is_ok(), "an emoji is a word");
    assert!(whole("-").unwrap_err().problem.contains("no word"));
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Time(time) => time.to_string(),
    }
}

fn written_range<T>(from: &Bound<T>, to: &Bound<T>, value: impl Fn(&T) -> String) -> String {
    let end = |bound: &Bound<T>, inclusive: &str, exclusive: &str| match bound {
        Bound::Included(end) => format!("{inclusive}{}", value(end)),
        Bound::Excluded(end) => format!("{exclusive}{}", value(end)),
        Bound::Unbounded => String::new(),
    };
    end(from, ">=", ">") + &end(to, "<=", "<")
}

/// Writes a filter of spans as somebody might who leaves nothing to chance.
fn write(filter: &Filter) -> String {
    let joined = |parts: &[Filter], by: &str| format!("({})", parts.iter().map(write).collect::<Vec<_>>().join(by));
    match filter {
        Filter::And(parts) => joined(parts, " "),
        Filter::Or(parts) => joined(parts, " OR "),
        Filter::Not(part) => format!("NOT {}", write(part)),
        Filter::Step(part) => format!("step:({})", write(part)),
        Filter::Time(from, to) => format!("time:{}", written_range(from, to, Timestamp::to_string)),
        Filter::Words(Words { text, begun }) => format!("({}{})", quoted(text), if *begun { "*" } else { "" }),
        Filter::Is(key, test) => match test {
            Test::OneOf(values) => format!("{key}:{}", values.iter().map(written).collect::<Vec<_>>().join("|")),
            Test::Prefix(prefix) => format!("{key}:{}*", quoted(prefix)),
            Test::Like(pattern) => format!("{key}:{pattern}"),
            Test::Range(from, to) => format!("{key}:{}", written_range(from, to, written)),
            Test::Exists => format!("{key}:*"),
        },
    }
}

/// Two ends, of which at least one is there.
fn ends<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = (Bound<T>, Bound<T>)> {
    let end =
        || value.clone().prop_flat_map(|value| prop_oneof![Just(Bound::Included(value.clone())), Just(Bound::Excluded(value))]);
    prop_oneof![(end(), end()), end().prop_map(|from| (from, Bound::Unbounded)), end().prop_map(|to| (Bound::Unbounded, to)),]
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let text = || ".{0,8}".prop_map(Value::Text);
    let number = || (-1e12..1e12_f64).prop_map(Value::Number);
    let time = || (0..4_000_000_000_000_000_000_i64).prop_map(Timestamp::from_nanos);
    let of = |key: Key, value: BoxedStrategy<Value>, range: BoxedStrategy<Value>| {
        let test = prop_oneof![
            proptest::collection::vec(value, 1..4).prop_map(Test::OneOf),
            ends(range).prop_map(|(from, to)| Test::Range(from, to)),
            Just(Test::Exists),
        ];
        test.prop_map(move |test| Filter::Is(key.clone(), test)).boxed()
    };
    let path = || Key::Path(Root::Metadata, "a.b-c/d@e".to_owned());
    let prefix = prop_oneof![Just(Key::from(Field::Model)), Just(path())];
    let leaf = prop_oneof![
        of(Field::Name.into(), text().boxed(), text().boxed()),
        of(Field::SpanId.into(), text().boxed(), text().boxed()),
        of(Field::Cost.into(), number().boxed(), number().boxed()),
        of(Field::DurationMs.into(), number().boxed(), number().boxed()),
        of(Field::UsageTotal.into(), number().boxed(), number().boxed()),
        of(Field::EndTime.into(), time().prop_map(Value::Time).boxed(), time().prop_map(Value::Time).boxed()),
        of(path(), text().boxed(), prop_oneof![text(), number()].boxed()),
        any::<bool>().prop_map(|flag| Filter::Is(Field::Running.into(), Test::OneOf(vec![Value::Flag(flag)]))),
        (prefix, ".{0,8}").prop_map(|(key, prefix)| Filter::Is(key, Test::Prefix(prefix))),
        ends(time()).prop_map(|(from, to)| Filter::Time(from, to)),
        ("[a\"\\\\ é東*:()|<>-]{0,8}[a東]", any::<bool>()).prop_map(|(text, begun)| words(&text, begun)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.clone().prop_map(|part| Filter::Not(Box::new(part))),
            inner.prop_map(|part| Filter::Step(Box::new(part))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was_meant(filter in any_filter()) {
        let text = write(&filter);
        for read in [Filter::read, Filter::read_whole] {
            prop_assert_eq!(read(ListOf::Spans, &text, NOW), Ok(filter.clone()), "{}", &text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_place_in_it(text in "([a-z:() \"*|<>=.-]|OR |AND |kind:|cost:|step:|after:|🎉|[0-9]){0,60}") {
        for list in ListOf::ALL {
            if let Err(error) = Filter::read(list, &text, NOW) {
                prop_assert!(error.at <= text.encode_utf16().count());
                prop_assert!(!error.problem.is_empty());
            }
        }
    }
}
