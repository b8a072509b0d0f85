//! Whose words a turn shows.

use neuraltrust_model::{Content, Kind, Score, ScoreSource, SpanId, SpanPatch, Timestamp, TraceId};
use neuraltrust_store::Said;
use neuraltrust_store::summary::{Arrived, TraceSpans, trace_row};
use serde_json::json;

/// A step by its name and its parent's, with what went in and came out.
struct Step(&'static str, Option<&'static str>, Kind, Option<&'static str>, Option<&'static str>);

fn trace(steps: &[Step], running: &[&str]) -> TraceSpans {
    let arrived = |(n, step): (usize, &Step)| {
        let Step(name, parent, kind, input, output) = step;
        let start = Timestamp::from_nanos(1_700_000_000_000_000_000 + n as i64);
        let patch = SpanPatch {
            parent_id: parent.map(|parent| SpanId::new(parent).unwrap()),
            kind: Some(kind.clone()),
            start: Some(start),
            end: (!running.contains(name)).then_some(start),
            ..SpanPatch::new(TraceId::new("t").unwrap(), SpanId::new(*name).unwrap())
        };
        let said = |words: &Option<&str>| words.map(|words| Said::Here(Content::text(words)));
        Arrived { received_at: start, patch, input: said(input), output: said(output) }
    };
    TraceSpans::merge(&TraceId::new("t").unwrap(), steps.iter().enumerate().map(arrived))
}

#[track_caller]
fn check(steps: &[Step], running: &[&str], expect: (Option<&str>, Option<&str>)) {
    let totals = trace_row(&trace(steps, running)).unwrap().totals;
    assert_eq!((totals.first_words.as_deref(), totals.last_words.as_deref()), expect);
}

#[test]
fn the_root_speaks_where_it_says_anything() {
    let call = || Step("call", Some("root"), Kind::Generation, Some("prompt"), Some("draft"));
    check(&[Step("root", None, Kind::Agent, Some("Hi"), Some("Hello")), call()], &[], (Some("Hi"), Some("Hello")));
    check(&[Step("root", None, Kind::Message, Some("Hi"), None), call()], &["root"], (Some("Hi"), None));
    check(&[Step("root", None, Kind::Agent, Some("Hi"), None), call()], &["root"], (Some("Hi"), None));
}

#[test]
fn a_root_that_says_nothing_lets_the_topmost_step_speak() {
    for kind in [Kind::Message, Kind::Agent, Kind::Chain] {
        let steps = [
            Step("root", None, kind, None, None),
            Step("retrieve", Some("root"), Kind::Retrieval, Some("query"), Some("documents")),
            Step("agent", Some("root"), Kind::Agent, Some("Hi"), Some("Hello")),
            Step("call", Some("agent"), Kind::Generation, Some("prompt"), Some("draft")),
        ];
        check(&steps, &[], (Some("Hi"), Some("Hello")));
    }
}

#[test]
fn of_several_calls_the_first_was_asked_and_the_last_has_answered() {
    let steps = || {
        [
            Step("root", None, Kind::Message, None, None),
            Step("one", Some("root"), Kind::Generation, Some("Weather?"), None),
            Step("tool", Some("root"), Kind::Tool, Some("{}"), Some("rain")),
            Step("two", Some("root"), Kind::Generation, Some("Weather? rain"), Some("It rains.")),
        ]
    };
    check(&steps(), &[], (Some("Weather?"), Some("It rains.")));
    check(&steps(), &["root"], (Some("Weather?"), None));
}

#[test]
fn a_look_up_speaks_where_nobody_else_does() {
    check(&[Step("tool", None, Kind::Tool, Some("{}"), Some("rain"))], &[], (Some("{}"), Some("rain")));
    check(&[Step("root", None, Kind::Chain, None, None)], &[], (None, None));
}

#[test]
fn rows_count_calls_and_judgements() {
    let mut trace = trace(
        &[
            Step("root", None, Kind::Message, Some("Hi"), Some("Hello")),
            Step("tool", Some("root"), Kind::Tool, None, None),
            Step("call", Some("root"), Kind::Generation, None, None),
        ],
        &[],
    );
    for (n, value) in [json!(1), json!(0), json!("good")].into_iter().enumerate() {
        let name = "quality".to_owned();
        trace.spans[n].scores.push(Score::new(n.to_string(), name, value, ScoreSource::Api));
    }
    let totals = trace_row(&trace).unwrap().totals;
    assert_eq!((totals.model_calls, totals.tool_calls, totals.scores.len()), (1, 1, 1));
    let quality = &totals.scores[0];
    assert_eq!((quality.count, quality.numbers, quality.mean, quality.values.len()), (3, 2, Some(0.5), 1));
}
