//! A call that several traces tell of counts once, in whatever order they come, and lists say the same as what is read by id.

use neuraltrust_model::{Kind, SpanId, SpanPatch, Timestamp, TraceId, Usage, attributes};

use super::{keep, query, settle};
use crate::{CountReason, ProjectId, ProjectStore, Store};

/// A model call of ten tokens that names its answer, or an agent around one.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// The trace.
    pub trace: &'static str,
    /// The span.
    pub span: &'static str,
    /// The span that it is a step of.
    pub parent: Option<&'static str>,
    /// The answer that it names; an agent names none.
    pub answer: Option<&'static str>,
    /// When it begins and ends, in seconds.
    pub seconds: (i64, i64),
    /// What the call cost, where it is told.
    pub cost: Option<f64>,
    /// Why its tokens count, or do not.
    pub reason: CountReason,
}

impl Told {
    /// What is said of it, in a conversation of its trace's name.
    ///
    /// # Panics
    /// When a name is no id.
    #[must_use]
    pub fn patch(&self) -> SpanPatch {
        fn id<T: TryFrom<String>>(name: &str) -> T {
            T::try_from(name.to_owned()).unwrap_or_else(|_| panic!("{name:?} is no id"))
        }
        let time = |seconds: i64| Some(Timestamp::from_nanos((1_700_000_000 + seconds) * 1_000_000_000));
        let mut patch = SpanPatch {
            kind: Some(if self.answer.is_some() { Kind::Generation } else { Kind::Agent }),
            parent_id: self.parent.map(id::<SpanId>),
            start: time(self.seconds.0),
            end: time(self.seconds.1),
            usage: Some(Usage { input: Some(7), output: Some(3), ..Usage::default() }),
            cost: self.cost,
            ..SpanPatch::new(id::<TraceId>(self.trace), id::<SpanId>(self.span))
        };
        patch.attributes.extend(self.answer.map(|answer| (attributes::RESPONSE_ID.to_owned(), answer.into())));
        patch
    }
}

/// Keeps what is told in that order, and checks what counts of it each time that something has come.
///
/// # Panics
/// When something counts otherwise, or lists say something else than what is read by id.
pub async fn check_answers(store: &Store, id: ProjectId, told: &[Told]) {
    for told in told {
        keep(store, id, [vec![told.patch()]]).await;
        check_lists(&store.project(id), told.trace).await;
    }
    check_counted(store, id, told).await;
}

/// Checks what counts of all that was told.
///
/// # Panics
/// When something counts otherwise, or lists say something else than what is read by id.
pub async fn check_counted(store: &Store, id: ProjectId, told: &[Told]) {
    settle(store).await;
    let project = store.project(id);
    let spans = project.spans(query(1_000)).await.unwrap_or_else(|error| panic!("{error}")).items;
    for told in told {
        let row = spans.iter().find(|row| row.trace_id.as_str() == told.trace && row.span_id.as_str() == told.span);
        let Some(row) = row else { panic!("{told:?} is lost") };
        assert_eq!(row.usage_reason, told.reason, "{told:?}");
        check_lists(&project, told.trace).await;
    }
    let traces = project.traces(query(1_000)).await.unwrap_or_else(|error| panic!("{error}")).items;
    let counted = told.iter().filter(|told| told.reason.counts()).count() as u64;
    let sum = |of: fn(&crate::Totals) -> Option<u64>| traces.iter().filter_map(|trace| of(&trace.totals)).sum::<u64>();
    assert_eq!(sum(|totals| totals.total_tokens), 10 * counted);
    assert_eq!(sum(|totals| Some(totals.model_calls)), counted);
    for trace in &traces {
        let mut steps = told.iter().filter(|told| told.trace == trace.trace_id.as_str());
        let only_repeats = steps.all(|told| told.reason == CountReason::SameCallInAnotherTrace);
        assert_eq!(trace.totals.turns, u64::from(!only_repeats), "{trace:?}");
    }
    let cost: f64 = traces.iter().filter_map(|trace| trace.totals.cost).sum();
    let told_cost: f64 = told.iter().filter(|told| told.reason.counts()).filter_map(|told| told.cost).sum();
    assert!((cost - told_cost).abs() < 1e-9, "{cost} is not {told_cost}");
}

/// The lists, the trace by id and its explanation say the same of a trace.
async fn check_lists(project: &ProjectStore, trace: &str) {
    let Ok(id) = TraceId::new(trace) else { panic!("{trace:?} is no id") };
    let (Ok(Some(detail)), Ok(Some(explained))) = (project.trace(id.clone()).await, project.explain(id).await) else {
        panic!("{trace} cannot be read")
    };
    let spans = project.spans(query(1_000)).await.unwrap_or_else(|error| panic!("{error}")).items;
    for row in &detail.spans {
        assert!(spans.contains(row), "the list does not show {row:?}");
        let explained = explained.spans.iter().find(|explained| explained.span_id == row.span_id);
        assert_eq!(explained.map(|explained| explained.usage_reason), Some(row.usage_reason));
    }
    let traces = project.traces(query(1_000)).await.unwrap_or_else(|error| panic!("{error}")).items;
    assert!(traces.contains(&detail.trace), "the list does not show {:?}", detail.trace);
    assert_eq!((explained.usage, explained.cost), (detail.trace.totals.usage, detail.trace.totals.cost));
}

const CALL: Told = Told {
    trace: "alone",
    span: "call",
    parent: None,
    answer: Some("msg_1"),
    seconds: (10, 20),
    cost: None,
    reason: CountReason::ModelCall,
};

/// What is told of three calls: one by two that stand alone, the second as a step and alone, the third twice in a trace.
#[must_use]
pub fn calls_told_twice() -> Vec<Told> {
    use CountReason::{RepeatsChildren, SameCallInAnotherTrace, SameCallReportedTwice};
    vec![
        CALL,
        Told { trace: "client", seconds: (11, 21), reason: SameCallInAnotherTrace, ..CALL },
        Told { trace: "turn", span: "agent", answer: None, reason: RepeatsChildren, ..CALL },
        Told { trace: "turn", parent: Some("agent"), answer: Some("msg_2"), seconds: (12, 18), cost: Some(0.5), ..CALL },
        Told { trace: "beside", answer: Some("msg_2"), reason: SameCallInAnotherTrace, ..CALL },
        Told { trace: "twice", span: "a", answer: Some("msg_3"), ..CALL },
        Told { trace: "twice", span: "b", answer: Some("msg_3"), seconds: (19, 22), reason: SameCallReportedTwice, ..CALL },
        // The same id an hour later is another call's.
        Told { trace: "later", seconds: (3_610, 3_620), ..CALL },
    ]
}

/// Each order of arrival gives the same counts.
///
/// # Panics
/// When it does not.
pub async fn calls_told_of_twice_count_once(store: &Store, id: ProjectId) {
    check_answers(store, id, &calls_told_twice()).await;
    // What comes again changes nothing.
    check_answers(store, id, &calls_told_twice()).await;
}

/// As [`calls_told_of_twice_count_once`], from the last to the first.
///
/// # Panics
/// When it does not.
pub async fn calls_told_of_twice_count_once_backwards(store: &Store, id: ProjectId) {
    let told: Vec<Told> = calls_told_twice().into_iter().rev().collect();
    check_answers(store, id, &told).await;
}

/// As [`calls_told_of_twice_count_once`], all at once.
///
/// # Panics
/// When it does not.
pub async fn calls_told_of_twice_count_once_in_one_request(store: &Store, id: ProjectId) {
    keep(store, id, [calls_told_twice().iter().map(Told::patch).collect()]).await;
    check_counted(store, id, &calls_told_twice()).await;
}
