//! Filters and orders, compared with a look at every span.
//!
//! What a filter means is said here a second time, as simply as can be, on made-up spans that remember what they are made of.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use neuraltrust_model::{Content, Kind, SpanPatch, Status, StatusCode, Timestamp, Usage};
use serde_json::{Value as Json, json};

use super::{keep, pages, span_id, trace_id};
use crate::{
    Field, Filter, Key, ListOf, ListQuery, Order, OrderBy, ProjectId, ProjectStore, Root, SpanRow, Store, Test, Value, Words,
};

/// Words that made-up spans say, each one word wherever it stands: beginnings of each other, and of scripts without spaces.
pub const WORDS: [&str; 8] = ["alpha", "alphabet", "beta", "gamma", "東", "京", "🎉", "é"];
const MODELS: [&str; 3] = ["model-a", "model-b", "other"];
/// Where made-up time begins: a Monday's midnight.
const BEGIN: i64 = 1_699_833_600;

/// A made-up span.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Number of the span; no two have the same. It starts at so many times 17 seconds.
    pub number: u8,
    /// Number of its model.
    pub model: Option<u8>,
    /// How long it takes in microseconds; it runs where that is not known.
    pub duration_us: Option<u32>,
    /// Hundredths of a dollar.
    pub cost: Option<u8>,
    /// Tokens that went in.
    pub input: Option<u16>,
    /// Whether it fails.
    pub fails: bool,
    /// The metadata `plan`: a text, number, yes or no, or several.
    pub plan: Json,
    /// What it says, as numbers of [`WORDS`].
    pub says: Vec<u8>,
}

/// The words of those numbers, apart from each other.
#[must_use]
pub fn said(words: &[u8]) -> String {
    words.iter().filter_map(|word| WORDS.get(usize::from(*word))).copied().collect::<Vec<_>>().join(" ")
}

impl Fact {
    pub(super) fn start(&self) -> Timestamp {
        Timestamp::from_nanos((BEGIN + i64::from(self.number) * 17) * 1_000_000_000)
    }

    fn duration_ms(&self) -> Option<f64> {
        self.duration_us.map(|us| f64::from(us) / 1e3)
    }

    fn model(&self) -> Option<&'static str> {
        self.model.and_then(|model| MODELS.get(usize::from(model))).copied()
    }

    /// What is told of it.
    #[must_use]
    pub fn patch(&self) -> SpanPatch {
        let start = self.start();
        SpanPatch {
            kind: Some(Kind::Generation),
            start: Some(start),
            end: self.duration_us.map(|us| Timestamp::from_nanos(start.as_nanos() + i64::from(us) * 1_000)),
            parent_id: (!self.number.is_multiple_of(3)).then(|| span_id(self.number / 3)),
            model: self.model().map(str::to_owned),
            cost: self.cost.map(|cents| f64::from(cents) / 100.0),
            usage: self.input.map(|input| Usage { input: Some(input.into()), ..Usage::default() }),
            status: self.fails.then_some(Status { code: StatusCode::Error, message: None }),
            metadata: [("plan".to_owned(), self.plan.clone())].into_iter().collect(),
            input: Some(Content::text(said(&self.says))),
            ..SpanPatch::new(trace_id(self.number % 4), span_id(self.number))
        }
    }

    pub(super) fn values(&self, key: &Key) -> Vec<Value> {
        let text = |text: &str| Value::Text(text.to_owned());
        match key {
            Key::Field(Field::SpanId) => vec![text(span_id(self.number).as_str())],
            Key::Field(Field::ParentId) => self.patch().parent_id.iter().map(|id| text(id.as_str())).collect(),
            Key::Field(Field::Model) => self.model().into_iter().map(text).collect(),
            Key::Field(Field::HasError) => vec![Value::Flag(self.fails)],
            Key::Field(Field::DurationMs) => self.duration_ms().map(Value::Number).into_iter().collect(),
            Key::Field(Field::Cost) => self.cost.map(|cents| Value::Number(f64::from(cents) / 100.0)).into_iter().collect(),
            Key::Field(Field::UsageInput) => self.input.map(|input| Value::Number(input.into())).into_iter().collect(),
            Key::Field(Field::StartTime) => vec![Value::Time(self.start())],
            Key::Path(Root::Metadata, path) if path == "plan" => plans(&self.plan),
            other => panic!("made-up spans know nothing of {other}"),
        }
    }

    /// Whether the filter lets it through.
    #[must_use]
    pub fn passes(&self, filter: &Filter) -> bool {
        match filter {
            Filter::And(parts) => parts.iter().all(|part| self.passes(part)),
            Filter::Or(parts) => parts.iter().any(|part| self.passes(part)),
            Filter::Not(part) => !self.passes(part),
            Filter::Step(part) => self.passes(part),
            Filter::Is(key, test) => self.values(key).iter().any(|value| passes(value, test, matches!(key, Key::Path(..)))),
            Filter::Time(from, to) => within(&self.start(), from, to, |a, b| Some(a.cmp(b))),
            Filter::Words(words) => self.says(words),
        }
    }

    fn says(&self, Words { text, begun }: &Words) -> bool {
        let wanted: Vec<&str> = text.split_whitespace().collect();
        let Some(last) = wanted.len().checked_sub(1) else { return false };
        let said: Vec<&str> = self.says.iter().filter_map(|word| WORDS.get(usize::from(*word))).copied().collect();
        said.windows(wanted.len()).any(|here| {
            let same = |n: usize| here[n] == wanted[n] || (*begun && n == last && here[n].starts_with(wanted[n]));
            (0..=last).all(same)
        })
    }
}

fn plans(plan: &Json) -> Vec<Value> {
    match plan {
        Json::Array(plans) => plans.iter().flat_map(plans_of).collect(),
        plan => plans_of(plan).collect(),
    }
}

fn plans_of(plan: &Json) -> impl Iterator<Item = Value> + use<> {
    let value = match plan {
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Number(number) => number.as_f64().map(Value::Number),
        Json::Bool(flag) => Some(Value::Flag(*flag)),
        _ => None,
    };
    value.into_iter()
}

fn passes(value: &Value, test: &Test, at_path: bool) -> bool {
    let spelled = |wanted: &Value| match (value, wanted) {
        (Value::Number(number), Value::Text(text)) => at_path && text.parse() == Ok(*number),
        (Value::Flag(flag), Value::Text(text)) => at_path && text.parse() == Ok(*flag),
        (value, wanted) => value == wanted,
    };
    match test {
        Test::Exists => true,
        Test::OneOf(values) => values.iter().any(spelled),
        Test::Prefix(prefix) => matches!(value, Value::Text(text) if text.starts_with(prefix)),
        Test::Like(pattern) => matches!(value, Value::Text(text) if pattern.matches(text)),
        Test::Range(from, to) => within(value, from, to, |a, b| match (a, b) {
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
            (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
            (Value::Flag(a), Value::Flag(b)) => Some(a.cmp(b)),
            _ => None,
        }),
    }
}

fn within<T>(value: &T, from: &Bound<T>, to: &Bound<T>, compare: impl Fn(&T, &T) -> Option<Ordering>) -> bool {
    let from = match from {
        Bound::Unbounded => true,
        Bound::Included(from) => compare(value, from).is_some_and(Ordering::is_ge),
        Bound::Excluded(from) => compare(value, from).is_some_and(Ordering::is_gt),
    };
    let to = match to {
        Bound::Unbounded => true,
        Bound::Included(to) => compare(value, to).is_some_and(Ordering::is_le),
        Bound::Excluded(to) => compare(value, to).is_some_and(Ordering::is_lt),
    };
    from && to
}

/// The list of spans is what a look at each of them says, newest first, whatever the size of its pages; where words were asked
/// for, they are marked.
///
/// # Panics
/// When it is not.
pub async fn check_filter(project: &ProjectStore, facts: &[Fact], filter: &Filter) {
    let mut expected: Vec<&Fact> = facts.iter().filter(|fact| fact.passes(filter)).collect();
    expected.sort_by_key(|fact| std::cmp::Reverse(fact.number));
    let expected: Vec<String> = expected.into_iter().map(|fact| span_id(fact.number).to_string()).collect();
    for limit in [3, 1_000] {
        let rows: Vec<SpanRow> = pages(limit, |query| project.spans(ListQuery { filter: filter.clone(), ..query })).await;
        let rows: Vec<String> = rows.into_iter().map(|row| row.span_id.to_string()).collect();
        assert_eq!(rows, expected, "{filter:?}");
    }
    let first = project.spans(ListQuery { filter: filter.clone(), limit: 1, ..ListQuery::default() }).await;
    let first = first.unwrap_or_else(|error| panic!("a page cannot be read: {error}"));
    assert_eq!((first.total, first.truncated), (Some(expected.len() as u64), false), "{filter:?}");
}

/// The list of spans in every order is what a look at each of them says, and a list that is read while spans come in has each of
/// those that were there before exactly once.
///
/// # Panics
/// When it is not.
pub async fn check_orders(store: &Store, id: ProjectId, facts: &[Fact], later: &[Fact], filter: &Filter) {
    let project = store.project(id);
    let value = |fact: &Fact, by: OrderBy| match by {
        OrderBy::Time => Some(fact.start().as_nanos() as f64),
        OrderBy::Duration => fact.duration_ms(),
        OrderBy::Tokens => fact.input.map(f64::from),
        OrderBy::Cost => fact.cost.map(|cents| f64::from(cents) / 100.0),
        OrderBy::Errors | OrderBy::Turns => None,
    };
    let orders: Vec<Order> = OrderBy::ALL
        .into_iter()
        .filter(|by| by.is_of(ListOf::Spans))
        .flat_map(|by| [false, true].map(|ascending| Order { by, ascending }))
        .collect();
    let expected: Vec<&Fact> = facts.iter().filter(|fact| fact.passes(filter)).collect();
    let ids: BTreeSet<String> = expected.iter().map(|fact| span_id(fact.number).to_string()).collect();
    let read =
        |query: ListQuery| async { project.spans(query).await.unwrap_or_else(|error| panic!("a page cannot be read: {error}")) };
    let mut begun = Vec::new();
    for order in orders {
        let asked = ListQuery { filter: filter.clone(), limit: 3, cursor: None, order };
        let rows: Vec<SpanRow> = pages(3, |page| project.spans(ListQuery { cursor: page.cursor, ..asked.clone() })).await;
        let found: Vec<Option<f64>> = rows
            .iter()
            .filter_map(|row| facts.iter().find(|fact| span_id(fact.number) == row.span_id))
            .map(|fact| value(fact, order.by))
            .collect();
        let mut sorted: Vec<Option<f64>> = expected.iter().map(|fact| value(fact, order.by)).collect();
        sorted.sort_by(|a, b| match (a, b) {
            (Some(a), Some(b)) if order.ascending => a.total_cmp(b),
            (Some(a), Some(b)) => b.total_cmp(a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
        assert_eq!(found, sorted, "{order:?} {filter:?}");
        assert_eq!(rows.iter().map(|row| row.span_id.to_string()).collect::<BTreeSet<_>>(), ids);
        begun.push((asked.clone(), read(asked).await));
    }
    keep(store, id, [later.iter().map(Fact::patch).collect()]).await;
    for (asked, first) in begun {
        let mut rows = first.items;
        let mut cursor = first.next_cursor;
        while cursor.is_some() {
            let page = read(ListQuery { cursor, ..asked.clone() }).await;
            rows.extend(page.items);
            cursor = page.next_cursor;
        }
        let seen: Vec<String> = rows.iter().map(|row| row.span_id.to_string()).filter(|id| ids.contains(id)).collect();
        assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>()), (ids.len(), ids.clone()), "{asked:?}");
    }
}

/// A trace has words when one of its spans has.
///
/// # Panics
/// When the store says otherwise.
pub async fn check_words_of_traces(project: &ProjectStore, facts: &[Fact], words: &[Words]) {
    let filter = Filter::And(words.iter().cloned().map(Filter::Words).collect());
    let of = |fact: &Fact| trace_id(fact.number % 4).to_string();
    let expected: BTreeSet<String> = facts.iter().filter(|fact| fact.passes(&filter)).map(of).collect();
    let page = project.traces(ListQuery { filter, limit: 10, ..ListQuery::default() }).await;
    let page = page.unwrap_or_else(|error| panic!("traces cannot be listed: {error}"));
    let found: BTreeSet<String> = page.items.iter().map(|row| row.trace_id.to_string()).collect();
    assert_eq!(found, expected, "{words:?}");
    for highlight in page.highlights {
        let highlight = highlight.unwrap_or_else(|| panic!("a trace that is found by words has them in a span"));
        let units = highlight.snippet.encode_utf16().count();
        assert!(!highlight.ranges.is_empty() && highlight.ranges.iter().all(|[from, to]| from < to && *to <= units));
        let fact = facts.iter().find(|fact| span_id(fact.number) == highlight.span_id);
        assert_eq!(
            fact.map(|fact| said(&fact.says)),
            Some(highlight.snippet.trim_end().to_owned()),
            "short texts are shown whole"
        );
    }
}

/// A plan of each kind that JSON has.
#[must_use]
pub fn some_plans() -> Vec<Json> {
    vec![json!("pro"), json!("pre"), json!("5"), json!(5), json!(5.5), json!(-1), json!(true), json!(["pro", 5]), Json::Null]
}
