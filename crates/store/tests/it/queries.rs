//! Random filters, orders and aggregates over random spans give what a look at every span gives.

use std::ops::Bound;

use neuraltrust_model::{Content, Kind, SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::conformance::aggregates::{check_aggregate, check_values};
use neuraltrust_store::conformance::keep;
use neuraltrust_store::conformance::queries::{Fact, WORDS, check_filter, check_orders, check_words_of_traces, said, some_plans};
use neuraltrust_store::{
    Aggregate, Asked, Every, FacetOrder, FacetQuery, FacetsBy, Field, Filter, FilterError, Group, Key, ListOf, ListQuery, Metric,
    Pattern, Root, StoreError, Test, Value, Words, Zone,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use crate::embedded::open;

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let fact = (
        of(0..3_u8),
        of(prop_oneof![Just(0), 1..5_000_u32, Just(2_000_000), any::<u32>()]),
        of(0..4_u8),
        of(0..3_u16),
        any::<bool>(),
        select(some_plans()),
        vec(0..WORDS.len() as u8, 0..6),
    );
    vec(fact, 1..25).prop_map(|facts| {
        let fact = |(number, (model, duration_us, cost, input, fails, plan, says))| Fact {
            number,
            model,
            duration_us,
            cost,
            input,
            fails,
            plan,
            says,
        };
        (0..).zip(facts).map(fact).collect()
    })
}

fn bound<T: Clone + std::fmt::Debug + 'static>(value: impl Strategy<Value = T> + 'static) -> BoxedStrategy<Bound<T>> {
    (value, 0..3_u8)
        .prop_map(|(value, kind)| match kind {
            0 => Bound::Included(value),
            1 => Bound::Excluded(value),
            _ => Bound::Unbounded,
        })
        .boxed()
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0..30_i64, -1..2_i64).prop_map(|(n, off)| Timestamp::from_nanos((1_699_833_600 + n * 17) * 1_000_000_000 + off))
}

fn number() -> impl Strategy<Value = f64> {
    select(vec![-1.0, 0.0, 0.5, 0.01, 0.02, 1.0, 2.0, 5.0, 5.5, 1_999.999, 2_000.0, 1e12])
}

fn text() -> impl Strategy<Value = String> {
    select(vec!["model-a", "model-", "other", "pro", "pr", "5", "true", "span-1", "span-", ""]).prop_map(str::to_owned)
}

fn test(key: Key) -> BoxedStrategy<(Key, Test)> {
    let value: BoxedStrategy<Value> = match &key {
        Key::Field(Field::SpanId | Field::ParentId | Field::Model) => text().prop_map(Value::Text).boxed(),
        Key::Field(Field::HasError) => any::<bool>().prop_map(Value::Flag).boxed(),
        Key::Field(Field::StartTime) => moment().prop_map(Value::Time).boxed(),
        Key::Field(_) => number().prop_map(Value::Number).boxed(),
        Key::Path(..) => {
            prop_oneof![text().prop_map(Value::Text), number().prop_map(Value::Number), any::<bool>().prop_map(Value::Flag)]
                .boxed()
        }
    };
    let ends: BoxedStrategy<(Bound<Value>, Bound<Value>)> = match &key {
        // The two ends of a range are of one type.
        Key::Path(..) => {
            let numbers = || bound(number().prop_map(Value::Number));
            let texts = || bound(text().prop_map(Value::Text));
            prop_oneof![(numbers(), numbers()), (texts(), texts())].boxed()
        }
        Key::Field(_) => (bound(value.clone()), bound(value.clone())).boxed(),
    };
    let is_text = matches!(&key, Key::Path(..) | Key::Field(Field::SpanId | Field::ParentId | Field::Model));
    let mut tests = vec![
        vec(value, 0..3).prop_map(Test::OneOf).boxed(),
        ends.prop_map(|(from, to)| Test::Range(from, to)).boxed(),
        Just(Test::Exists).boxed(),
    ];
    if is_text {
        tests.push(text().prop_map(Test::Prefix).boxed());
        let pieces = vec(text(), 2..4).prop_map(|pieces| Pattern::read(&pieces.join("*")).unwrap());
        tests.push(pieces.prop_map(Test::Like).boxed());
    }
    proptest::strategy::Union::new(tests).prop_map(move |test| (key.clone(), test)).boxed()
}

fn words() -> impl Strategy<Value = Words> {
    let begun = select(vec!["al", "alphab", "b", "東", "🎉"]);
    prop_oneof![
        vec(0..WORDS.len() as u8, 1..4).prop_map(|words| Words { text: said(&words), begun: false }),
        (vec(0..WORDS.len() as u8, 0..3), begun)
            .prop_map(|(words, begun)| Words { text: format!("{} {begun}", said(&words)), begun: true }),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let fields = [
        Field::SpanId,
        Field::ParentId,
        Field::Model,
        Field::HasError,
        Field::DurationMs,
        Field::Cost,
        Field::UsageInput,
        Field::StartTime,
    ];
    let mut keys: Vec<Key> = fields.map(Key::from).to_vec();
    keys.push(Key::Path(Root::Metadata, "plan".to_owned()));
    let leaf = prop_oneof![
        4 => select(keys).prop_flat_map(test).prop_map(|(key, test)| Filter::Is(key, test)),
        2 => words().prop_map(Filter::Words),
        1 => (bound(moment()), bound(moment())).prop_map(|(from, to)| Filter::Time(from, to)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Filter::And),
            vec(inner.clone(), 0..3).prop_map(Filter::Or),
            inner.clone().prop_map(|part| Filter::Not(Box::new(part))),
            inner.prop_map(|part| Filter::Step(Box::new(part))),
        ]
    })
}

fn group() -> impl Strategy<Value = Group> {
    let plan = || Key::Path(Root::Metadata, "plan".to_owned());
    let keys: Vec<Key> = vec![Field::Model.into(), Field::HasError.into(), Field::UsageInput.into(), plan()];
    let numbers =
        vec![(Field::DurationMs.into(), 1.5), (Field::Cost.into(), 0.02), (plan(), 2.0), (Field::DurationMs.into(), 1e6)];
    let zone = |name| Zone::named(name).unwrap();
    let zones = vec![Zone::UTC, zone("Europe/Madrid"), zone("Asia/Kolkata"), Zone::ahead(-5_400).unwrap()];
    prop_oneof![
        // The first of the metrics that can order values takes the place of 0.
        3 => (select(keys), 1..4_usize, any::<bool>(), any::<bool>())
            .prop_map(|(key, top, others, ordered)| Group::Field { key, top, others, by: ordered.then_some(0) }),
        2 => (select(vec![1, 60, 90, 3_600, 7_200, 86_400]), select(zones))
            .prop_map(|(seconds, zone)| Group::Time { every: Every::Seconds(seconds), zone }),
        1 => select(numbers).prop_map(|(key, width)| Group::Histogram { key, width }),
    ]
}

fn metric() -> impl Strategy<Value = Metric> {
    let plan = || Key::Path(Root::Metadata, "plan".to_owned());
    let number = || select(vec![Key::from(Field::DurationMs), Field::Cost.into(), Field::UsageInput.into(), plan()]);
    let value = || select(vec![Key::from(Field::Model), Field::HasError.into(), plan(), Field::UsageInput.into()]);
    prop_oneof![
        Just(Metric::Count),
        Just(Metric::ErrorShare),
        value().prop_map(Metric::Distinct),
        value().prop_map(Metric::New),
        value().prop_map(Metric::Returning),
        number().prop_map(Metric::Sum),
        number().prop_map(Metric::Avg),
        number().prop_map(Metric::Min),
        number().prop_map(Metric::Max),
        (number(), vec(0.0..=100.0_f64, 1..4)).prop_map(|(key, of)| Metric::Percentiles(key, of)),
    ]
}

/// An aggregate of everything.
fn aggregate() -> impl Strategy<Value = Aggregate> {
    let limit = select(vec![1, 3, 1_000]);
    (vec(group(), 0..4), vec(metric(), 0..6), limit).prop_map(|(mut group_by, metrics, limit)| {
        for group in &mut group_by {
            if let Group::Field { by: by @ Some(_), .. } = group {
                *by = metrics.iter().position(orders_alike);
            }
        }
        Aggregate { of: ListOf::Spans, filter: Filter::default(), group_by, metrics, limit }
    })
}

/// Whether a metric can order values, and is the same to the last digit in whatever order spans are looked at.
fn orders_alike(metric: &Metric) -> bool {
    match metric {
        Metric::Sum(of) | Metric::Avg(of) => *of == Key::from(Field::UsageInput),
        metric => metric.orders(),
    }
}

/// Some orders of values.
fn orders_of_values() -> Vec<FacetOrder> {
    let failed = || Filter::Is(Field::HasError.into(), Test::OneOf(vec![Value::Flag(true)]));
    let tokens = || Key::from(Field::UsageInput);
    let by = [
        (FacetsBy::Count, false),
        (FacetsBy::LastTime, true),
        (FacetsBy::Measure(Metric::Sum(tokens()), Filter::default()), false),
        (FacetsBy::Measure(Metric::Max(tokens()), failed()), true),
        (FacetsBy::Measure(Metric::Count, failed()), true),
    ];
    by.into_iter().map(|(by, ascending)| FacetOrder { by, ascending }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn filters_and_aggregates_are_what_a_look_at_every_span_says(
        facts in facts(),
        filters in vec(filter(), 24),
        words in vec(vec(words(), 1..3), 4),
        aggregates in vec((aggregate(), 0..3_u8), 12),
        batch in 1..9_usize,
        later in facts(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path());
            let id = store.accounts().create_project("p").unwrap();
            // Some are told twice, so that some documents of the index are replaced.
            let (again, _) = facts.split_at(facts.len() / 2);
            for facts in [facts.as_slice(), again] {
                let begun = |fact: &Fact| Fact { duration_us: None, ..fact.clone() };
                keep(&store, id, facts.chunks(batch).map(|facts| facts.iter().map(|fact| begun(fact).patch()).collect())).await;
            }
            keep(&store, id, facts.chunks(batch).map(|facts| facts.iter().map(Fact::patch).collect())).await;
            let project = store.project(id);
            for filter in &filters {
                check_filter(&project, &facts, filter).await;
            }
            for words in &words {
                check_words_of_traces(&project, &facts, words).await;
            }
            for ((query, of_all), filter) in aggregates.into_iter().zip(&filters) {
                let filter = if of_all == 0 { Filter::default() } else { filter.clone() };
                check_aggregate(&project, &facts, &Aggregate { filter, ..query }).await;
            }
            for (order, filter) in orders_of_values().into_iter().zip(&filters) {
                for filter in [filter, &Filter::default()] {
                    let (key, filter, order) = (Field::Model.into(), filter.clone(), order.clone());
                    let query = FacetQuery { of: ListOf::Spans, key, filter, order, behind: None, limit: 2 };
                    check_values(&project, &facts, &query).await;
                }
            }
            let later: Vec<Fact> = later.into_iter().map(|fact| Fact { number: fact.number + 100, ..fact }).collect();
            let mut known = facts.clone();
            for (filter, later) in [&Filter::default()].into_iter().chain(filters.first()).zip(later.chunks(8)) {
                check_orders(&store, id, &known, later, filter).await;
                known.extend_from_slice(later);
            }
        });
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let project = store.project(store.accounts().create_project("p").unwrap());
    let refused = async |filter: Filter| match project.spans(ListQuery { filter, limit: 1, ..ListQuery::default() }).await {
        Err(StoreError::Filter(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let number = |field: Field, value| Filter::Is(field.into(), Test::OneOf(vec![value]));
    assert!(refused(number(Field::Cost, Value::Text("much".to_owned()))).await.contains("cost"));
    assert!(refused(number(Field::Model, Value::Number(4.0))).await.contains("a text"));
    assert!(refused(Filter::Is(Field::Cost.into(), Test::Prefix("1".to_owned()))).await.contains("a number"));
    assert!(refused(Filter::Is(Field::Cost.into(), Test::Like(Pattern::read("*1").unwrap()))).await.contains("a number"));
    assert!(refused(Filter::Not(Box::new(Filter::equals(Field::Turns, "1")))).await.contains("model"));

    let asked = |group_by, metrics| Aggregate { of: ListOf::Spans, filter: Filter::default(), group_by, metrics, limit: 10 };
    let by_field = |field: Field, by| vec![Group::Field { key: field.into(), top: 5, others: false, by }];
    let by_span = asked(by_field(Field::SpanId, None), Vec::new());
    let of_texts = asked(Vec::new(), vec![Metric::Sum(Field::Model.into())]);
    let by_distinct = asked(by_field(Field::Model, Some(0)), vec![Metric::Distinct(Field::Model.into())]);
    let by_nothing = asked(by_field(Field::Model, Some(1)), vec![Metric::Count]);
    let expected = ["span_id", "usage.total", "error_share", "error_share"];
    for (query, expect) in [by_span, of_texts, by_distinct, by_nothing].into_iter().zip(expected) {
        match project.aggregate(query).await {
            Err(StoreError::Filter(error @ FilterError::Unfit { .. })) => assert!(error.to_string().contains(expect), "{error}"),
            other => panic!("{other:?}"),
        }
    }
}

/// A trace for each number, with one call of a tool that says a word of its own.
fn tool_call(number: u32) -> SpanPatch {
    SpanPatch {
        kind: Some(Kind::Tool),
        start: Some(Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::from(number))),
        input: Some(Content::text(format!("say word{number}"))),
        ..SpanPatch::new(TraceId::new(format!("t{number}")).unwrap(), SpanId::new("s").unwrap())
    }
}

#[tokio::test]
async fn what_is_cut_is_said_and_never_lets_wrong_rows_through() {
    // One trace more than are found by their steps.
    const TRACES: u32 = 20_001;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.accounts().create_project("p").unwrap();
    let numbers: Vec<u32> = (0..TRACES).collect();
    keep(&store, id, numbers.chunks(5_000).map(|numbers| numbers.iter().map(|number| tool_call(*number)).collect())).await;
    let project = store.project(id);
    let traces = async |filter: &Filter| {
        let page = project.traces(ListQuery { filter: filter.clone(), limit: 1_000, ..ListQuery::default() }).await?;
        Ok::<_, StoreError>((page.items.len(), page.truncated))
    };
    let not = |filter: &Filter| Filter::Not(Box::new(filter.clone()));
    let tools = Filter::Step(Box::new(Filter::equals(Field::Kind, "tool")));
    let said = |text: &str, begun| Filter::Words(Words { text: text.to_owned(), begun });
    for broad in [&tools, &said("say", false), &said("say word", true)] {
        assert_eq!(traces(broad).await.unwrap(), (1_000, true), "{broad:?}");
        let refused = traces(&not(broad)).await;
        assert!(matches!(refused, Err(StoreError::TooBroad)), "{refused:?}");
        let twice = Filter::And(vec![not(&not(broad)), said("say word10", false)]);
        assert_eq!(traces(&twice).await.unwrap(), (1, true), "{broad:?}");
    }
    let phrase = project.spans(ListQuery { filter: not(&said("say word", true)), limit: 1, ..ListQuery::default() }).await;
    assert!(matches!(phrase, Err(StoreError::TooBroad)), "{phrase:?}");

    let filter = Box::new(said("say word", true));
    let erased = project.erase(Asked::Filter { filter, told: serde_json::json!({ "q": "\"say word\"*" }) }).await;
    assert!(matches!(erased, Err(StoreError::TooBroad)), "an erasure takes everything it was asked for, or nothing: {erased:?}");

    let newest = Filter::between(Some(Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::from(TRACES) - 10)), None);
    let few = Filter::Step(Box::new(Filter::And(vec![Filter::equals(Field::Kind, "tool"), newest.clone()])));
    assert_eq!(traces(&few).await.unwrap(), (10, false));
    assert_eq!(traces(&Filter::And(vec![newest, not(&few)])).await.unwrap(), (0, false));

    let facets = project.facets(ListOf::Traces, Field::Status.into(), tools.clone(), 10).await.unwrap();
    assert!(facets.truncated && facets.items.iter().map(|row| row.count).sum::<u64>() == 20_000, "{facets:?}");
    let count = Aggregate { of: ListOf::Traces, filter: tools, group_by: Vec::new(), metrics: Vec::new(), limit: 1 };
    let counted = project.aggregate(count).await.unwrap();
    assert_eq!((counted.matched, counted.truncated), (20_000, true));
}
