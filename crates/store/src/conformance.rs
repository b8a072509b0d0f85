//! What every backend must do, as checks that each backend's tests run against a store of their own.
//!
//! The expectations come from a model as simple as can be: a list of steps, looked through from end to end.

pub mod aggregates;
pub mod answers;
pub mod queries;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use neuraltrust_model::{
    Content, ConversationId, Kind, Map, Message, Part, Score, ScoreSource, SpanId, SpanPatch, Status, StatusCode, Timestamp,
    TraceId, User,
};
use serde_json::json;

pub use self::answers::{
    calls_told_of_twice_count_once, calls_told_of_twice_count_once_backwards, calls_told_of_twice_count_once_in_one_request,
};
use crate::{
    ConversationRow, Field, Filter, ListOf, ListQuery, Page, ProjectId, ProjectStore, Side, SpanRow, Store, StoreError, TraceRow,
};

/// A made-up model call: its history is messages of the conversation by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Number of the trace.
    pub trace: u8,
    /// Number of the conversation, where the call names one.
    pub conversation: Option<u8>,
    /// Numbers of the messages that go in.
    pub history: Vec<u8>,
    /// Number of the message that comes out; in the same patch as what goes in, or in one of its own.
    pub answer: u8,
    /// Whether the answer comes in a patch of its own.
    pub apart: bool,
}

/// A message that is long enough to be worth keeping once.
fn said(number: u8) -> Message {
    let text = format!("word{number} {}", "and on ".repeat(usize::from(number % 7) * 40));
    Message { role: "user".to_owned(), parts: vec![Part::Text { text }], extra: Map::new() }
}

fn messages(numbers: &[u8]) -> Content {
    Content::Messages { messages: numbers.iter().copied().map(said).collect() }
}

/// What is said of a call, the `n`th of its history.
#[must_use]
pub fn call_patches(n: usize, call: &Call) -> Vec<SpanPatch> {
    let id = SpanId::new(format!("call-{n}")).unwrap_or_else(|_| unreachable!("a short text is an id"));
    let empty = || SpanPatch::new(trace_id(call.trace), id.clone());
    let begin = 1_700_000_000_000_000_000 + n as i64;
    let asked = SpanPatch {
        kind: Some(Kind::Generation),
        start: Some(Timestamp::from_nanos(begin)),
        conversation_id: call.conversation.map(conversation_id),
        input: Some(messages(&call.history)),
        ..empty()
    };
    let answered = |patch| SpanPatch { end: Some(Timestamp::from_nanos(begin)), output: Some(messages(&[call.answer])), ..patch };
    if call.apart { vec![asked, answered(empty())] } else { vec![answered(asked)] }
}

/// Every call gives back exactly what went in and what came out, and its words are found.
///
/// # Panics
/// When it does not.
pub async fn check_calls(project: &ProjectStore, calls: &[Call]) {
    for (n, call) in calls.iter().enumerate() {
        let id = SpanId::new(format!("call-{n}")).unwrap_or_else(|_| unreachable!("a short text is an id"));
        let span = project.span(trace_id(call.trace), id).await;
        let Ok(Some(span)) = span else { panic!("call {n} is lost: {span:?}") };
        assert_eq!(span.input, Some(messages(&call.history)), "what went into call {n}");
        assert_eq!(span.output, Some(messages(&[call.answer])), "what came out of call {n}");
        let first_words = messages(&[call.answer]).preview(crate::rows::PREVIEW_CHARS);
        assert_eq!(span.row.output_preview, Some(first_words));
    }
    let said: BTreeSet<u8> = calls.iter().flat_map(|call| call.history.iter().chain([&call.answer]).copied()).collect();
    for number in said {
        let filter = Filter::read(ListOf::Spans, &format!("word{number} "), neuraltrust_model::Timestamp::from_nanos(0))
            .unwrap_or_else(|error| panic!("a search that cannot be read: {error}"));
        assert!(is_found(project, filter).await, "message {number} is found in no call");
    }
}

/// Whether a search finds something, soon: where traces have changed their conversations with each other, a message is in the words of
/// neither until the next round of housekeeping.
async fn is_found(project: &ProjectStore, filter: Filter) -> bool {
    for _ in 0..3_000 {
        match project.spans(ListQuery { filter: filter.clone(), limit: 1, ..ListQuery::default() }).await {
            Ok(page) if page.items.is_empty() => tokio::time::sleep(Duration::from_millis(10)).await,
            Ok(_) => return true,
            Err(error) => panic!("the search fails: {error:?}"),
        }
    }
    false
}

/// The context of every call says of each message whether it is new in the conversation, and where it had been said first; the
/// patches of a call are what was told of it.
///
/// # Panics
/// When they do not.
pub async fn check_contexts(project: &ProjectStore, calls: &[Call]) {
    let id = |n: usize| SpanId::new(format!("call-{n}")).unwrap_or_else(|_| unreachable!("a short text is an id"));
    let mut conversations = Vec::new();
    for (n, call) in calls.iter().enumerate() {
        let Ok(Some(span)) = project.span(trace_id(call.trace), id(n)).await else { panic!("call {n} is lost") };
        conversations.push(span.row.conversation_id);
    }
    for (n, call) in calls.iter().enumerate() {
        let context = project.context(trace_id(call.trace), id(n)).await;
        let Ok(Some(context)) = context else { panic!("call {n} has no context: {context:?}") };
        let conversations = &conversations;
        let earlier = || calls.iter().enumerate().take(n).filter(move |(m, _)| conversations.get(*m) == conversations.get(n));
        let first = |number: u8| {
            earlier().find_map(|(m, earlier)| {
                let asked = earlier.history.iter().position(|said| *said == number).map(|at| (id(m), Side::Input, at));
                asked.or_else(|| (earlier.answer == number).then_some((id(m), Side::Output, 0)))
            })
        };
        let expected: Vec<_> = call.history.iter().map(|number| first(*number)).collect();
        let found: Vec<_> = context.messages.iter().map(|message| message.first.clone()).collect();
        let found: Vec<_> = found.into_iter().map(|first| first.map(|at| (at.span_id, at.side, at.index))).collect();
        assert_eq!(found, expected, "the context of call {n}");
        assert_eq!((context.new, context.truncated), (expected.iter().filter(|first| first.is_none()).count(), false));
        let longest = earlier()
            .map(|(_, earlier)| {
                let said = earlier.history.iter().chain([&earlier.answer]);
                said.zip(&call.history).take_while(|(one, other)| one == other).count()
            })
            .max();
        assert_eq!(
            context.continues.map_or(0, |continues| continues.messages),
            longest.unwrap_or(0),
            "what call {n} goes on from"
        );

        let patches = project.patches(trace_id(call.trace), id(n)).await;
        let Ok(Some(patches)) = patches else { panic!("call {n} has no patches: {patches:?}") };
        let mut told: Vec<_> = patches.iter().map(|told| (&told.patch.input, &told.patch.output)).collect();
        told.sort_by_key(|(input, _)| input.is_none());
        let expected = call_patches(n, call);
        assert_eq!(
            told,
            expected.iter().map(|patch| (&patch.input, &patch.output)).collect::<Vec<_>>(),
            "what was told of call {n}"
        );
    }
    assert!(matches!(project.context(trace_id(0), id(calls.len())).await, Ok(None)));
    assert!(matches!(project.patches(trace_id(0), id(calls.len())).await, Ok(None)));
}

/// One step of a made-up history; its patches say its start, its end and its place apart from each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Number of the trace.
    pub trace: u8,
    /// Number of the span in its trace; its parent is half of it, and 0 has none.
    pub span: u8,
    /// Number of the conversation, where the step names one.
    pub conversation: Option<u8>,
    /// Whether it fails.
    pub fails: bool,
}

fn time(step: &Step, offset: i64) -> Timestamp {
    let second = i64::from(step.trace) * 1_000 + i64::from(step.span);
    Timestamp::from_nanos((1_700_000_000 + second) * 1_000_000_000 + offset)
}

fn trace_id(number: u8) -> TraceId {
    TraceId::new(format!("trace-{number}")).unwrap_or_else(|_| unreachable!("a short text is an id"))
}

fn span_id(number: u8) -> SpanId {
    SpanId::new(format!("span-{number}")).unwrap_or_else(|_| unreachable!("a short text is an id"))
}

fn conversation_id(number: u8) -> ConversationId {
    ConversationId::new(format!("conversation-{number}")).unwrap_or_else(|_| unreachable!("a short text is an id"))
}

/// What is said of a step: that it began, that it ended, and where it belongs, each by itself.
#[must_use]
pub fn patches(step: &Step) -> Vec<SpanPatch> {
    let empty = || SpanPatch::new(trace_id(step.trace), span_id(step.span));
    let began = SpanPatch {
        kind: Some(if step.span == 0 { Kind::Message } else { Kind::Tool }),
        parent_id: (step.span > 0).then(|| span_id(step.span / 2)),
        start: Some(time(step, 0)),
        input: Some(Content::text(format!("question number{} of trace{}", step.span, step.trace))),
        ..empty()
    };
    let ended = SpanPatch {
        end: Some(time(step, 500_000_000)),
        output: Some(Content::text(format!("answer number{}", step.span))),
        status: step.fails.then(|| Status { code: StatusCode::Error, message: Some("it broke".to_owned()) }),
        ..empty()
    };
    let placed = step.conversation.map(|conversation| SpanPatch {
        conversation_id: Some(conversation_id(conversation)),
        user: Some(User { id: Some(format!("user-{conversation}")), ..User::default() }),
        ..empty()
    });
    [Some(began), Some(ended), placed].into_iter().flatten().collect()
}

/// A moment of arrival; it has no say in what is shown of these steps.
fn arrival() -> Timestamp {
    Timestamp::from_nanos(1_800_000_000_000_000_000)
}

/// Waits until the lists show everything that was recorded before the call.
///
/// # Panics
/// When they do not follow within a minute.
pub async fn settle(store: &Store) {
    let target = store.progress().recorded;
    for _ in 0..6_000 {
        if store.progress().indexed >= target {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the lists do not follow: {:?}, {:?}", store.progress(), store.health());
}

/// Keeps the batches one after another, each in one call.
///
/// # Panics
/// When the store refuses one.
pub async fn keep(store: &Store, project: ProjectId, batches: impl IntoIterator<Item = Vec<SpanPatch>>) {
    for batch in batches {
        let offered = batch.len();
        match store.append(project, batch, arrival()).await {
            Ok(appended) => assert_eq!((appended.new + appended.duplicates, appended.refused), (offered, Vec::new())),
            Err(error) => panic!("the store refused a batch: {error}"),
        }
    }
    settle(store).await;
}

fn query(limit: usize) -> ListQuery {
    ListQuery { filter: Filter::default(), limit, ..ListQuery::default() }
}

/// Reads a list in pages of the given size to its end.
///
/// # Panics
/// When the store refuses, or never ends.
pub async fn pages<T, F: Future<Output = Result<Page<T>, StoreError>>>(limit: usize, read: impl Fn(ListQuery) -> F) -> Vec<T> {
    let mut all = Vec::new();
    let mut cursor = None;
    for _ in 0..10_000 {
        let page = match read(ListQuery { cursor, ..query(limit) }).await {
            Ok(page) => page,
            Err(error) => panic!("a page cannot be read: {error:?}"),
        };
        assert!(page.items.len() <= limit);
        all.extend(page.items);
        match page.next_cursor {
            // A cursor is text on its way to the client and back.
            Some(next) => cursor = next.to_string().parse().ok(),
            None => return all,
        }
    }
    panic!("the list does not end");
}

/// A file of this name in the data directory makes one of the threads behind the store break down, as a defect would. Only
/// stores that are built for tests look for it.
pub const BREAK_DOWN: &str = "break-down";

/// Everything that the lists of a project show.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// All conversations.
    pub conversations: Vec<ConversationRow>,
    /// All traces.
    pub traces: Vec<TraceRow>,
    /// All spans.
    pub spans: Vec<SpanRow>,
}

/// Reads all lists of a project in pages of the given size.
pub async fn shown(project: &ProjectStore, limit: usize) -> Shown {
    Shown {
        conversations: pages(limit, |query| project.conversations(query)).await,
        traces: pages(limit, |query| project.traces(query)).await,
        spans: pages(limit, |query| project.spans(query)).await,
    }
}

/// The lists, traces and conversations are what the steps say, whatever the order of their patches was.
///
/// # Panics
/// When they are not.
pub async fn check_shown(project: &ProjectStore, steps: &[Step]) {
    let all = shown(project, 1_000).await;
    assert_eq!(shown(project, 2).await, all, "pages of two make the same lists");

    let mut traces: BTreeMap<u8, Vec<&Step>> = BTreeMap::new();
    for step in steps {
        traces.entry(step.trace).or_default().push(step);
    }
    let mut conversations: BTreeMap<ConversationId, Vec<&Step>> = BTreeMap::new();
    for (number, steps) in &mut traces {
        steps.sort_by_key(|step| step.span);
        let root = steps.iter().find(|step| step.span == 0).and_then(|step| step.conversation);
        let named = root.or_else(|| steps.iter().filter(|step| step.span > 0).find_map(|step| step.conversation));
        let id = named.map_or_else(|| trace_id(*number).into(), conversation_id);
        conversations.entry(id).or_default().extend(steps.iter().copied());
    }

    let starts = |rows: &[SpanRow]| rows.iter().map(|row| row.start_time).collect::<Vec<_>>();
    assert!(starts(&all.spans).is_sorted_by(|a, b| a >= b), "newest first");
    assert!(all.traces.is_sorted_by(|a, b| a.totals.start_time >= b.totals.start_time), "newest first");
    assert!(all.conversations.is_sorted_by(|a, b| a.totals.last_time >= b.totals.last_time), "the last active first");

    let seen: BTreeSet<_> = all.spans.iter().map(|row| (row.trace_id.clone(), row.span_id.clone())).collect();
    let expected: BTreeSet<_> = steps.iter().map(|step| (trace_id(step.trace), span_id(step.span))).collect();
    assert_eq!(seen, expected);
    assert_eq!(seen.len(), all.spans.len(), "each span once");
    assert_eq!(all.traces.len(), traces.len());

    let counts = |errors: &dyn Fn(&ConversationRow) -> u64| {
        all.conversations.iter().map(|row| (row.conversation_id.clone(), errors(row))).collect::<BTreeMap<_, _>>()
    };
    let expect = |count: &dyn Fn(&Vec<&Step>) -> usize| {
        conversations.iter().map(|(id, steps)| (id.clone(), count(steps) as u64)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(counts(&|row| row.totals.spans), expect(&|steps| steps.len()));
    assert_eq!(counts(&|row| row.totals.errors), expect(&|steps| steps.iter().filter(|step| step.fails).count()));
    assert_eq!(counts(&|row| row.traces), expect(&|steps| steps.iter().map(|step| step.trace).collect::<BTreeSet<_>>().len()));

    for (number, steps) in &traces {
        let detail = project.trace(trace_id(*number)).await.ok().flatten().unwrap_or_else(|| panic!("trace {number} is lost"));
        assert_eq!(detail.spans.len(), steps.len());
        assert!(all.traces.contains(&detail.trace), "a trace is the same by id and in its list");
        for row in &detail.spans {
            assert!(all.spans.contains(row), "a span is the same in its trace and in its list");
        }
    }
    for (id, steps) in &conversations {
        let transcript = project.conversation(id.clone()).await.ok().flatten().unwrap_or_else(|| panic!("{id} is lost"));
        assert_eq!(transcript.turns.iter().map(|turn| turn.spans.len()).sum::<usize>(), steps.len(), "each step is in one turn");
        assert!(all.conversations.contains(&transcript.conversation), "a conversation is the same by id and in its list");
    }
}

/// A span comes as its start and its end; a retry of either changes nothing.
///
/// # Panics
/// When the store does otherwise.
pub async fn patches_merge_and_retries_are_harmless(store: &Store, id: ProjectId) {
    let step = Step { trace: 1, span: 0, conversation: Some(1), fails: false };
    let all = patches(&step);
    let project = store.project(id);
    keep(store, id, [vec![all[0].clone()]]).await;
    let begun = project.trace(trace_id(1)).await.ok().flatten().map(|detail| detail.trace.totals.running);
    assert_eq!(begun, Some(true), "a step that began and did not end is shown as running");
    keep(store, id, all.iter().cloned().map(|patch| vec![patch])).await;
    keep(store, id, [all.iter().rev().cloned().collect()]).await;
    check_shown(&project, &[step]).await;
    let span = project.span(trace_id(1), span_id(0)).await.ok().flatten();
    let span = span.unwrap_or_else(|| panic!("the span is lost"));
    assert_eq!(span.output, Some(Content::text("answer number0")));
    assert_eq!(span.row.duration_ms, Some(500.0));
    assert_eq!(span.received_at, arrival());
    assert!(project.span(trace_id(1), span_id(9)).await.ok().flatten().is_none());
    assert!(project.trace(trace_id(9)).await.ok().flatten().is_none());
    assert!(project.conversation(conversation_id(9)).await.ok().flatten().is_none());
}

/// A step whose parent never came is shown; a verdict on a span that comes later finds it.
///
/// # Panics
/// When the store does otherwise.
pub async fn orphans_are_shown_and_verdicts_wait(store: &Store, id: ProjectId) {
    let project = store.project(id);
    let orphan = Step { trace: 1, span: 4, conversation: Some(1), fails: true };
    let verdict = Score::new("verdict", "feedback", json!("positive"), ScoreSource::User);
    let on_parent = SpanPatch { scores: vec![verdict], ..SpanPatch::new(trace_id(1), span_id(2)) };
    keep(store, id, [vec![on_parent], patches(&orphan)]).await;
    check_shown(&project, std::slice::from_ref(&orphan)).await;
    let row = pages(10, |query| project.conversations(query)).await.remove(0);
    assert_eq!(row.totals.feedback.positive, 1, "a verdict counts before its span has come");

    let parent = Step { trace: 1, span: 2, conversation: None, fails: false };
    keep(store, id, [patches(&parent)]).await;
    check_shown(&project, &[orphan, parent]).await;
    let span = project.span(trace_id(1), span_id(2)).await.ok().flatten();
    assert_eq!(span.map(|span| span.scores.len()), Some(1));
}

/// A verdict of the same id replaces the one before in rows, filters and sums; one that is withdrawn is in none of them.
///
/// # Panics
/// When the store does otherwise.
pub async fn verdicts_are_corrected_and_withdrawn(store: &Store, id: ProjectId) {
    let project = store.project(id);
    let step = Step { trace: 1, span: 0, conversation: Some(1), fails: false };
    keep(store, id, [patches(&step)]).await;
    let key = crate::Key::Path(crate::Root::Scores, "quality".to_owned());
    let stages = [(json!(0.2), false), (json!(0.8), false), (json!(null), true), (json!(0.5), false)];
    for (n, (value, withdrawn)) in stages.into_iter().enumerate() {
        let time = Some(Timestamp::from_nanos(n as i64));
        let verdict = Score { time, withdrawn, ..Score::new("one", "quality", value.clone(), ScoreSource::Evaluator) };
        keep(store, id, [vec![SpanPatch { scores: vec![verdict], ..SpanPatch::new(trace_id(1), span_id(0)) }]]).await;
        let expect = value.as_f64();
        let kept = project.scores(trace_id(1)).await.unwrap_or_default();
        assert_eq!(
            kept.iter().map(|kept| kept.score.value.as_f64()).collect::<Vec<_>>(),
            expect.map(Some).into_iter().collect::<Vec<_>>()
        );
        assert_eq!(project.scores_of_conversation(conversation_id(1)).await.unwrap_or_default(), kept);
        let row = pages(10, |query| project.conversations(query)).await.remove(0);
        assert_eq!(row.totals.scores.first().and_then(|totals| totals.mean), expect);
        let found = Filter::Is(key.clone(), crate::Test::Exists);
        let found =
            project.spans(ListQuery { filter: found, ..query(10) }).await.map(|page| page.items.len()).unwrap_or_default();
        assert_eq!(found, usize::from(expect.is_some()));
        let mean = crate::Aggregate {
            of: ListOf::Spans,
            filter: Filter::default(),
            group_by: Vec::new(),
            metrics: vec![crate::Metric::Avg(key.clone())],
            limit: 1,
        };
        let mean = project.aggregate(mean).await.map(|answer| answer.items.into_iter().next().map(|row| row.values));
        assert_eq!(mean.ok().flatten(), Some(vec![crate::Measured::One(expect)]));
    }
    assert_eq!(project.place_of_trace(trace_id(1)).await.ok().flatten(), Some((trace_id(1), span_id(0))));
    assert_eq!(project.place_of_conversation(conversation_id(1)).await.ok().flatten(), Some((trace_id(1), span_id(0))));
    assert_eq!(project.place_of_trace(trace_id(2)).await.ok().flatten(), None);
}

/// Nothing of one project is seen from another, even under the same ids.
///
/// # Panics
/// When it is.
pub async fn projects_are_apart(store: &Store, one: ProjectId, other: ProjectId) {
    let of_one = Step { trace: 1, span: 0, conversation: Some(1), fails: false };
    let of_other = Step { trace: 1, span: 0, conversation: Some(2), fails: true };
    keep(store, one, [patches(&of_one)]).await;
    keep(store, other, [patches(&of_other)]).await;
    check_shown(&store.project(one), &[of_one]).await;
    check_shown(&store.project(other), &[of_other]).await;
    assert!(store.project(one).conversation(conversation_id(2)).await.ok().flatten().is_none());
}

/// Lists can be narrowed by fields, words and time, and counted.
///
/// # Panics
/// When the store answers otherwise.
pub async fn lists_are_filtered_and_counted(store: &Store, id: ProjectId) {
    let project = store.project(id);
    let steps: Vec<Step> = (0..6)
        .flat_map(|trace| {
            (0..3).map(move |span| Step { trace, span, conversation: Some(trace % 2), fails: trace == 4 && span == 2 })
        })
        .collect();
    keep(store, id, steps.iter().map(patches)).await;

    let conversations = async |filter: Filter| {
        let page = project.conversations(ListQuery { filter, ..query(100) }).await;
        let ids =
            |page: Page<ConversationRow>| page.items.into_iter().map(|row| row.conversation_id.to_string()).collect::<Vec<_>>();
        page.map(ids).map_err(|error| error.to_string())
    };
    let by = Filter::equals;
    let text = |text: &str| {
        Filter::read(ListOf::Conversations, text, neuraltrust_model::Timestamp::from_nanos(0))
            .unwrap_or_else(|error| panic!("a search that cannot be read: {error}"))
    };
    let ids = |ids: &[&str]| Ok(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());

    assert_eq!(conversations(by(Field::UserId, "user-1")).await, ids(&["conversation-1"]));
    assert_eq!(conversations(by(Field::Status, "error")).await, ids(&["conversation-0"]));
    assert_eq!(conversations(by(Field::UserId, "nobody")).await, ids(&[]));
    assert_eq!(conversations(text("TRACE4 question")).await, ids(&["conversation-0"]), "words in any order and case");
    assert_eq!(
        conversations(text("question tra")).await,
        ids(&["conversation-1", "conversation-0"]),
        "the last word may be begun"
    );
    assert_eq!(conversations(text("trace4 trace5")).await, ids(&[]), "all words must be in one span");
    assert_eq!(conversations(text("broke")).await, ids(&["conversation-0"]), "what is said of an error is found");
    assert_eq!(conversations(text("?!")).await, ids(&[]), "no words, no answer");
    assert_eq!(conversations(text("conversation-1")).await, ids(&["conversation-1"]), "an id is found");
    let after = Filter::between(Some(time(&Step { trace: 5, span: 0, conversation: None, fails: false }, 0)), None);
    assert_eq!(conversations(after).await, ids(&["conversation-1"]));
    assert!(conversations(by(Field::Kind, "tool")).await.is_err_and(|error| error.contains("user_id")), "says what is accepted");

    let first = async |name: &str| {
        let order = crate::Order::named(ListOf::Conversations, name).unwrap_or_default();
        let page = project.conversations(ListQuery { order, ..query(1) }).await;
        page.ok().and_then(|mut page| page.items.pop()).map(|row| row.conversation_id.to_string())
    };
    assert_eq!(first("errors").await.as_deref(), Some("conversation-0"), "the one in which something failed");
    assert_eq!(first("errors:asc").await.as_deref(), Some("conversation-1"));
    assert_eq!(first("time:asc").await.as_deref(), Some("conversation-0"));

    let facets = |of, field: Field| project.facets(of, field.into(), Filter::default(), 10);
    let count = |facets: Result<crate::Facets, StoreError>| {
        facets.map(|facets| facets.items.into_iter().map(|row| (row.value, row.count)).collect::<Vec<_>>()).unwrap_or_default()
    };
    assert_eq!(count(facets(ListOf::Spans, Field::Kind).await), [("tool".to_owned(), 12), ("message".to_owned(), 6)]);
    assert_eq!(count(facets(ListOf::Conversations, Field::Status).await), [("error".to_owned(), 1), ("unset".to_owned(), 1)]);
    assert_eq!(count(facets(ListOf::Traces, Field::Status).await), [("unset".to_owned(), 5), ("error".to_owned(), 1)]);
}

/// Whoever listens hears of a change, and then the lists show it.
///
/// # Panics
/// When they do not.
pub async fn changes_are_announced_when_they_show(store: &Store, id: ProjectId) {
    let mut changes = store.changes();
    let step = Step { trace: 1, span: 0, conversation: Some(1), fails: false };
    if let Err(error) = store.append(id, patches(&step), arrival()).await {
        panic!("the store refused: {error}");
    }
    let change = tokio::time::timeout(Duration::from_secs(60), changes.recv()).await;
    let Ok(Ok(change)) = change else { panic!("no change was announced") };
    assert_eq!(change.project, id);
    assert!(change.conversation_ids.contains(&conversation_id(1)));
    assert_eq!(change.trace_ids, [trace_id(1)]);
    let project = store.project(id);
    assert_eq!(pages(10, |query| project.conversations(query)).await.len(), 1);
}
