//! What is typed is read as it is meant, and what cannot be read is said with its place.

use std::ops::Bound;

use proptest::prelude::*;

use super::*;
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
    assert!(error("a OR").problem.contains("missing"));
    assert!(error("cost:1*").problem.contains("a number"));
    assert!(error(&"(".repeat(200)).problem.contains("nested"));
    assert!(error(&"-(".repeat(200)).problem.contains("up to"));
    assert!(error(&"a ".repeat(300)).problem.contains("256"));
    assert!(error(&"a".repeat(5_000)).problem.contains("4096"));
}

proptest! {
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
