//! Two spans, traces or conversations beside each other: what they share, where they part, and what differs. Pure.

use std::collections::{BTreeSet, HashMap};

use neuraltrust_model::{Content, SpanId, StatusCode, TraceId, Usage};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::rows::{SpanDetail, SpanRow, Totals, TraceDetail, Transcript, Turn};

/// Most pairs of items that are looked at to align what is between a shared begin and a shared end; beyond that one side comes
/// after the other.
const MAX_CELLS: usize = 1 << 20;

/// Two things beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Comparison {
    /// Sums, times and costs, of both sides where one of them has any.
    pub numbers: Vec<NumberPair>,
    /// Fields, parameters and what applications added, where the two sides differ.
    pub fields: Vec<FieldPair>,
    /// Messages or documents that went in; null where neither side has any.
    pub input: Option<Aligned>,
    /// What came out.
    pub output: Option<Aligned>,
    /// Steps of traces, by depth, kind and name.
    pub steps: Option<Aligned>,
    /// Turns of conversations, by what the user said.
    pub turns: Option<Aligned>,
    /// Whether a side has more steps or turns than were read, so that only its first ones are compared.
    pub truncated: bool,
}

/// A number of both sides.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct NumberPair {
    /// Its name in rows.
    pub name: &'static str,
    /// Of the left side.
    pub left: Option<f64>,
    /// Of the right side.
    pub right: Option<f64>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FieldPair {
    /// The field, or a path such as `attributes.temperature`.
    pub name: String,
    /// Its value on the left side; null where it has none.
    pub left: Value,
    /// Its value on the right side.
    pub right: Value,
}

/// Items of both sides in one order: what is on both sides stands beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Aligned {
    /// The items.
    pub pairs: Vec<Pair>,
    /// The place of the first pair that is not the same on both sides; null where all are.
    pub fork: Option<usize>,
}

/// An item of one side or of both.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Pair {
    /// Whether it is the same on both sides.
    pub same: bool,
    /// The item of the left side; null where it has none.
    pub left: Value,
    /// The item of the right side; null where it has none, or where it is the same as the left one.
    pub right: Value,
}

/// An item on its way to its place: by what it is found on the other side, and by what it is the same.
struct Item {
    key: Value,
    /// What two items that stand beside each other must have in common to be the same.
    same: Value,
    shown: Value,
}

impl Item {
    fn whole(shown: Value) -> Self {
        Self { key: shown.clone(), same: Value::Null, shown }
    }
}

/// Two spans beside each other.
#[must_use]
pub fn compare_spans(left: &SpanDetail, right: &SpanDetail) -> Comparison {
    let numbers = |span: &SpanDetail| {
        let mut numbers = vec![("duration_ms", span.row.duration_ms), ("cost", span.row.cost)];
        numbers.extend(tokens(span.row.usage));
        numbers
    };
    let fields = |span: &SpanDetail| {
        let row = &span.row;
        let mut fields: Vec<(String, Value)> = vec![
            ("kind".to_owned(), json!(row.kind)),
            ("name".to_owned(), json!(row.name)),
            ("status".to_owned(), json!(row.status)),
            ("status_message".to_owned(), json!(row.status_message)),
            ("model".to_owned(), json!(row.model)),
            ("provider".to_owned(), json!(row.provider)),
            ("custom".to_owned(), json!(span.custom)),
        ];
        fields.extend(span.attributes.iter().map(|(name, value)| (format!("attributes.{name}"), value.clone())));
        fields.extend(span.metadata.iter().map(|(name, value)| (format!("metadata.{name}"), value.clone())));
        fields
    };
    Comparison {
        numbers: number_pairs(&numbers(left), &numbers(right)),
        fields: field_pairs(fields(left), fields(right)),
        input: content(left.input.as_ref(), right.input.as_ref()),
        output: content(left.output.as_ref(), right.output.as_ref()),
        steps: None,
        turns: None,
        truncated: false,
    }
}

/// Two traces beside each other.
#[must_use]
pub fn compare_traces(left: &TraceDetail, right: &TraceDetail) -> Comparison {
    let fields = |trace: &TraceDetail| {
        let mut fields = of_totals(&trace.trace.totals);
        fields.push(("name".to_owned(), json!(trace.trace.name)));
        fields.push(("status".to_owned(), json!(trace.trace.status)));
        fields
    };
    Comparison {
        numbers: number_pairs(&sums(&left.trace.totals), &sums(&right.trace.totals)),
        fields: field_pairs(fields(left), fields(right)),
        input: None,
        output: None,
        steps: Some(align(steps(&left.spans), steps(&right.spans))),
        turns: None,
        truncated: false,
    }
}

/// Two conversations beside each other.
#[must_use]
pub fn compare_conversations(left: &Transcript, right: &Transcript) -> Comparison {
    let fields = |transcript: &Transcript| {
        let mut fields = of_totals(&transcript.conversation.totals);
        fields.push(("custom".to_owned(), json!(transcript.custom)));
        fields.extend(transcript.metadata.iter().map(|(name, value)| (format!("metadata.{name}"), value.clone())));
        fields
    };
    let (left_totals, right_totals) = (&left.conversation.totals, &right.conversation.totals);
    Comparison {
        numbers: number_pairs(&sums(left_totals), &sums(right_totals)),
        fields: field_pairs(fields(left), fields(right)),
        input: None,
        output: None,
        steps: None,
        turns: Some(align(left.turns.iter().map(turn).collect(), right.turns.iter().map(turn).collect())),
        truncated: false,
    }
}

fn tokens(usage: Option<Usage>) -> impl Iterator<Item = (&'static str, Option<f64>)> {
    let counts = usage.unwrap_or_default().counts().map(|count| count.map(|count| count as f64));
    Usage::NAMES.into_iter().zip(counts)
}

fn sums(totals: &Totals) -> Vec<(&'static str, Option<f64>)> {
    let mut numbers = vec![
        ("duration_ms", totals.duration_ms),
        ("cost", totals.cost),
        ("turns", Some(totals.turns as f64)),
        ("spans", Some(totals.spans as f64)),
        ("errors", Some(totals.errors as f64)),
        ("model_calls", Some(totals.model_calls as f64)),
        ("tool_calls", Some(totals.tool_calls as f64)),
    ];
    numbers.extend(tokens(totals.usage));
    numbers
}

fn of_totals(totals: &Totals) -> Vec<(String, Value)> {
    vec![
        ("user".to_owned(), json!(totals.user)),
        ("channel_id".to_owned(), json!(totals.channel_id)),
        ("models".to_owned(), json!(totals.models)),
    ]
}

fn number_pairs(left: &[(&'static str, Option<f64>)], right: &[(&'static str, Option<f64>)]) -> Vec<NumberPair> {
    let pairs = left.iter().zip(right).map(|((name, left), (_, right))| NumberPair { name, left: *left, right: *right });
    pairs.filter(|pair| pair.left.is_some() || pair.right.is_some()).collect()
}

fn field_pairs(left: Vec<(String, Value)>, right: Vec<(String, Value)>) -> Vec<FieldPair> {
    let names: Vec<String> = left.iter().chain(&right).map(|(name, _)| name.clone()).collect();
    let (left, right): (HashMap<_, _>, HashMap<_, _>) = (left.into_iter().collect(), right.into_iter().collect());
    let mut seen = BTreeSet::new();
    let value = |side: &HashMap<String, Value>, name: &str| side.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .filter(|name| seen.insert(name.clone()))
        .map(|name| FieldPair { left: value(&left, &name), right: value(&right, &name), name })
        .filter(|pair| pair.left != pair.right)
        .collect()
}

/// Messages and documents are items each; anything else is one item.
fn items(content: Option<&Content>) -> Vec<Item> {
    match content {
        None => Vec::new(),
        Some(Content::Messages { messages }) => messages.iter().map(|message| Item::whole(json!(message))).collect(),
        Some(Content::Documents { documents }) => documents
            .iter()
            .map(|document| {
                let shown = json!(document);
                // The same document may be found with another score.
                let key = document.id.as_ref().map_or_else(|| json!(document.content), |id| json!(id));
                Item { key, same: shown.clone(), shown }
            })
            .collect(),
        Some(other) => vec![Item::whole(json!(other))],
    }
}

fn content(left: Option<&Content>, right: Option<&Content>) -> Option<Aligned> {
    (left.is_some() || right.is_some()).then(|| align(items(left), items(right)))
}

/// The steps of a trace; two are the same where they say the same and end the same way.
fn steps(spans: &[SpanRow]) -> Vec<Item> {
    let mut depths: HashMap<&SpanId, usize> = HashMap::new();
    let item = |span: &SpanRow, depth: usize| Item {
        key: json!([depth, span.kind, span.name]),
        same: json!([span.status, span.model, span.input_preview, span.output_preview]),
        shown: json!(span),
    };
    let mut items = Vec::with_capacity(spans.len());
    // Spans are in the order of their start, so that a parent is met before its children where clocks are right.
    for span in spans {
        let depth = span.parent_id.as_ref().and_then(|parent| depths.get(parent)).map_or(0, |depth| depth + 1);
        items.push(item(span, depth));
        depths.insert(&span.span_id, depth);
    }
    items
}

/// A turn without its steps.
#[derive(Serialize)]
struct ShortTurn<'a> {
    trace_id: &'a TraceId,
    span_id: &'a Option<SpanId>,
    input: &'a Option<Content>,
    output: &'a Option<Content>,
    status: StatusCode,
    duration_ms: Option<f64>,
    steps: usize,
}

fn turn(turn: &Turn) -> Item {
    let Turn { trace_id, span_id, input, output, status, duration_ms, spans, .. } = turn;
    let shown = ShortTurn { trace_id, span_id, input, output, status: *status, duration_ms: *duration_ms, steps: spans.len() };
    Item { key: json!(input), same: json!([output, status]), shown: json!(shown) }
}

/// Puts the items of both sides into one order that keeps that of each side, with as many beside their like as can be.
fn align(left: Vec<Item>, right: Vec<Item>) -> Aligned {
    let common = |left: &mut dyn Iterator<Item = &Item>, right: &mut dyn Iterator<Item = &Item>| {
        left.zip(right).take_while(|(left, right)| left.key == right.key).count()
    };
    let begin = common(&mut left.iter(), &mut right.iter());
    let (rest_left, rest_right) = (left.len() - begin, right.len() - begin);
    let end = common(&mut left.iter().rev().take(rest_left), &mut right.iter().rev().take(rest_right));
    let between = (begin..left.len() - end, begin..right.len() - end);
    let mut order: Vec<(Option<usize>, Option<usize>)> = (0..begin).map(|n| (Some(n), Some(n))).collect();
    order.extend(longest(&left, &right, between.0.clone(), between.1.clone()));
    order.extend((0..end).map(|n| (Some(between.0.end + n), Some(between.1.end + n))));
    let pairs: Vec<Pair> = order
        .into_iter()
        .map(|(l, r)| {
            let (l, r) = (l.and_then(|n| left.get(n)), r.and_then(|n| right.get(n)));
            let same = l.zip(r).is_some_and(|(l, r)| l.same == r.same);
            let shown = |item: Option<&Item>| item.map_or(Value::Null, |item| item.shown.clone());
            Pair { same, left: shown(l), right: if same { Value::Null } else { shown(r) } }
        })
        .collect();
    Aligned { fork: pairs.iter().position(|pair| !pair.same), pairs }
}

/// The longest common subsequence of what is between.
fn longest(
    left: &[Item],
    right: &[Item],
    l: std::ops::Range<usize>,
    r: std::ops::Range<usize>,
) -> Vec<(Option<usize>, Option<usize>)> {
    let (rows, columns) = (l.len(), r.len());
    let alone = || l.clone().map(|n| (Some(n), None)).chain(r.clone().map(|n| (None, Some(n)))).collect();
    if rows == 0 || columns == 0 || rows.saturating_mul(columns) > MAX_CELLS {
        return alone();
    }
    // `lengths[i][j]` is the length for what is behind the first `i` and `j`.
    let width = columns + 1;
    let mut lengths = vec![0_u32; (rows + 1) * width];
    let at = |lengths: &[u32], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or_default();
    let alike = |i: usize, j: usize| match (left.get(l.start + i), right.get(r.start + j)) {
        (Some(left), Some(right)) => left.key == right.key,
        _ => false,
    };
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            let length = match alike(i, j) {
                true => at(&lengths, i + 1, j + 1) + 1,
                false => at(&lengths, i + 1, j).max(at(&lengths, i, j + 1)),
            };
            if let Some(cell) = lengths.get_mut(i * width + j) {
                *cell = length;
            }
        }
    }
    let (mut i, mut j, mut order) = (0, 0, Vec::with_capacity(rows + columns));
    while i < rows || j < columns {
        if i < rows && j < columns && alike(i, j) {
            order.push((Some(l.start + i), Some(r.start + j)));
            (i, j) = (i + 1, j + 1);
        } else if j >= columns || (i < rows && at(&lengths, i + 1, j) >= at(&lengths, i, j + 1)) {
            order.push((Some(l.start + i), None));
            i += 1;
        } else {
            order.push((None, Some(r.start + j)));
            j += 1;
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<Item> {
        text.chars().map(|c| Item::whole(json!(c.to_string()))).collect()
    }

    #[track_caller]
    fn check(left: &str, right: &str, expect: &str, fork: Option<usize>) {
        let aligned = align(items(left), items(right));
        let one = |pair: &Pair| match (&pair.left, &pair.right, pair.same) {
            (Value::String(both), Value::Null, true) => both.clone(),
            (Value::String(left), Value::Null, false) => format!("-{left}"),
            (Value::Null, Value::String(right), false) => format!("+{right}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(aligned.pairs.iter().map(one).collect::<String>(), expect);
        assert_eq!(aligned.fork, fork);
    }

    #[test]
    fn what_is_shared_stands_beside_each_other() {
        check("", "", "", None);
        check("abc", "abc", "abc", None);
        check("abc", "abd", "ab-c+d", Some(2));
        check("abcd", "abxd", "ab-c+xd", Some(2));
        check("abc", "c", "-a-bc", Some(0));
        check("axbyc", "abzc", "a-xb-y+zc", Some(1));
        check("aa", "aaa", "aa+a", Some(2));
    }

    #[test]
    fn items_that_are_alike_and_not_the_same_are_both_shown() {
        let item = |same: u8| Item { key: json!("k"), same: json!(same), shown: json!(same) };
        let aligned = align(vec![item(1)], vec![item(2)]);
        assert_eq!(aligned.pairs, [Pair { same: false, left: json!(1), right: json!(2) }]);
    }

    #[test]
    fn too_many_for_a_table_come_one_side_after_the_other() {
        let many = |from: usize| (from..from + 1_500).map(|n| Item::whole(json!(n))).collect::<Vec<_>>();
        let aligned = align(many(0), many(2_000));
        assert_eq!((aligned.pairs.len(), aligned.fork), (3_000, Some(0)));
    }

    #[test]
    fn fields_are_told_where_they_differ() {
        let side = |pairs: &[(&str, u8)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let pairs = field_pairs(side(&[("a", 1), ("b", 2)]), side(&[("a", 1), ("c", 3)]));
        let told: Vec<_> = pairs.iter().map(|pair| (pair.name.as_str(), pair.left.as_u64(), pair.right.as_u64())).collect();
        assert_eq!(told, [("b", Some(2), None), ("c", None, Some(3))]);
    }
}
