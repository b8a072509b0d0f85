//! What is asked of many spans, and how long the answers may take.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::known::{Known, TALKATIVE};
use crate::connection::{Answer, Connection};
use crate::random::Random;
use crate::workload::{LONG_TURNS, PHRASES, phrase, user};

/// Turns of the first page of a conversation: about as many as a screen shows.
const PAGE_TURNS: u64 = 20;

/// Milliseconds that half, and 99 of 100, of the answers may take of a million spans.
type Limits = [f64; 2];
const ONE: Limits = [5.0, 20.0];
const LIST: Limits = [10.0, 40.0];
const READING: Limits = [20.0, 60.0];
const OVER_ALL: Limits = [100.0, 200.0];

/// A request.
enum Ask {
    Get(String),
    Post(&'static str, Value),
}

/// A question of which every request is about something else.
pub(super) struct Question {
    pub(super) name: String,
    pub(super) limits: Limits,
    /// The next request; nothing where there are too few spans to ask for it.
    ask: fn(&Known, &mut Random) -> Option<Ask>,
    /// Where in the answer the list stands that must not be empty. What may be empty, or is no list, is not looked into.
    list: Option<&'static str>,
    /// Whether the answer waits, for some seconds, until the lists show what has come in: beside an ingest that is all that it takes.
    pub(super) waits: bool,
}

impl Question {
    fn new(name: impl Into<String>, limits: Limits, ask: fn(&Known, &mut Random) -> Option<Ask>) -> Self {
        Self { name: name.into(), limits, ask, list: None, waits: false }
    }

    fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    fn lists(mut self, list: &'static str) -> Self {
        self.list = Some(list);
        self
    }

    /// Asks once; says whether there was something to ask for.
    pub(super) fn ask(&self, known: &Known, connection: &mut Connection, random: &mut Random) -> anyhow::Result<Option<Answer>> {
        let answer = match (self.ask)(known, random) {
            None => return Ok(None),
            Some(Ask::Get(path)) => connection.get(&path)?,
            Some(Ask::Post(path, body)) => connection.post(path, "application/json", body.to_string().as_bytes())?,
        };
        Ok(Some(answer))
    }

    /// An answer that is none, or says nothing, is an error.
    pub(super) fn check(&self, answer: &Answer) -> anyhow::Result<()> {
        let Some(list) = self.list else {
            anyhow::ensure!(answer.status == 200 && !answer.body.is_empty(), "status {}: {}", answer.status, answer.text());
            return Ok(());
        };
        let found = answer.json()?;
        let rows = found.pointer(list).and_then(Value::as_array).with_context(|| format!("no list {list}"))?;
        anyhow::ensure!(!rows.is_empty(), "found nothing");
        Ok(())
    }
}

/// What a busy page asks.
pub(super) fn of_a_page() -> Vec<Question> {
    vec![
        Question::new("trace by id", ONE, |known, random| get(format!("/api/v1/traces/{}", known.trace(random)))).lists("/spans"),
        Question::new("newest 50 spans by two filters", LIST, |_, random| {
            get(format!("/api/v1/spans?user_id={}&kind=generation", some_user(random)))
        }),
        Question::new("rare phrase", LIST, |known, random| get(format!("/api/v1/spans?q={}", rare(known, random)))),
        Question::new("minute x model p50/95/99 over all", OVER_ALL, |_, _| {
            aggregate(json!({
                "of": "spans", "group_by": [{"time": "minute"}, {"field": "model"}],
                "metrics": [{"percentiles": {"field": "duration_ms", "of": [50, 95, 99]}}],
            }))
        }),
        Question::new(format!("conversation of {LONG_TURNS} turns"), READING, |known, random| {
            get(format!("/api/v1/conversations/{}", known.long(random)?))
        })
        .lists("/turns"),
        Question::new(format!("... its first {PAGE_TURNS} turns"), READING, |known, random| {
            get(format!("/api/v1/conversations/{}?limit={PAGE_TURNS}", known.long(random)?))
        })
        .lists("/turns"),
    ]
}

/// The other endpoints that read, each at least once.
pub(super) fn of_each_endpoint() -> Vec<Question> {
    let mut all = vec![
        Question::new("step", ONE, |known, random| get(known.step(random)?.path(""))),
        Question::new("step, the context of its call", READING, |known, random| get(known.step(random)?.path("/context")))
            .lists("/messages"),
        Question::new("step, as it came", ONE, |known, random| get(known.step(random)?.path("/patches"))).lists("/items"),
        Question::new("trace, why these figures", ONE, |known, random| {
            get(format!("/api/v1/traces/{}/explain", known.trace(random)))
        })
        .lists("/spans"),
        Question::new(format!("conversation of {LONG_TURNS} turns, why these figures"), READING, |known, random| {
            get(format!("/api/v1/conversations/{}/explain", known.long(random)?))
        })
        .lists(""),
        Question::new("scores of a conversation", LIST, |known, random| {
            get(format!("/api/v1/scores?conversation_id={}", known.step(random)?.conversation))
        }),
    ];
    all.extend([
        Question::new("newest conversations", LIST, |_, _| get("/api/v1/conversations")).lists("/items"),
        Question::new("conversations of a user, the most tokens first", LIST, |_, random| {
            get(format!("/api/v1/conversations?user_id={}&sort=tokens", some_user(random)))
        }),
        Question::new("slowest traces of all", OVER_ALL, |_, _| get("/api/v1/traces?sort=duration")).lists("/items"),
        Question::new("spans by words and conditions", LIST, |known, random| {
            let channel = &known.step(random)?.channel;
            get(format!("/api/v1/spans?q=kind:tool%20latency:%3E2s%20channel:{channel}"))
        })
        .lists("/items"),
        Question::new("distinct messages with a rare phrase, by relevance", LIST, |known, random| {
            get(format!("/api/v1/search?sort=relevance&q={}", rare(known, random)))
        }),
        Question::new("complete a value", LIST, |_, random| {
            let begun = ["model:g", "channel:w", "model:c", "kind:ret"][random.below(4) as usize];
            get(format!("/api/v1/complete?of=spans&q={begun}"))
        })
        .lists("/items"),
        Question::new("facet of models over all", OVER_ALL, |_, _| get("/api/v1/facets?of=spans&field=model")).lists("/items"),
        Question::new("facet of users over conversations", OVER_ALL, |_, _| get("/api/v1/facets?of=conversations&field=user_id"))
            .lists("/items"),
    ]);
    all.extend([
        Question::new("users, over all", OVER_ALL, |_, _| get("/api/v1/users")).lists("/items"),
        Question::new("users by cost, over all", OVER_ALL, |_, _| get("/api/v1/users?sort=cost")).lists("/items"),
        Question::new("sessions, over all", OVER_ALL, |_, _| get("/api/v1/sessions")).lists("/items"),
        Question::new("channels, over all", OVER_ALL, |_, _| get("/api/v1/channels")).lists("/items"),
        Question::new("models, over all", OVER_ALL, |_, _| get("/api/v1/models")).lists("/items"),
        Question::new("tools, over all", OVER_ALL, |_, _| get("/api/v1/tools")),
        Question::new("conversations and users by day and channel", OVER_ALL, |_, _| {
            aggregate(json!({
                "of": "conversations", "group_by": [{"time": "day", "zone": "Europe/Madrid"}, {"field": "channel_id"}],
                "metrics": ["error_share", {"avg": {"field": "turns"}}, {"distinct": {"field": "user_id"}}],
            }))
        })
        .lists("/items"),
        Question::new("tokens and slowness of one user by model", LIST, |_, random| {
            aggregate(json!({
                "of": "spans", "filter": {"user_id": some_user(random)}, "group_by": [{"field": "model"}],
                "metrics": [{"sum": {"field": "usage.total"}}, {"percentiles": {"field": "duration_ms", "of": [50, 95]}}],
            }))
        }),
        Question::new("compare two steps", READING, |known, random| {
            let (left, right) = (known.step(random)?, known.step(random)?);
            let sides = format!("left_trace_id={}&left_span_id={}", left.trace, left.span);
            get(format!("/api/v1/compare?{sides}&right_trace_id={}&right_span_id={}", right.trace, right.span))
        }),
        Question::new("compare two traces", READING, |known, random| {
            let (left, right) = (known.trace(random), known.trace(random));
            get(format!("/api/v1/compare?left_trace_id={left}&right_trace_id={right}"))
        }),
        Question::new("compare two conversations", READING, |known, random| {
            let (left, right) = (&known.step(random)?.conversation, &known.step(random)?.conversation);
            get(format!("/api/v1/compare?left_conversation_id={left}&right_conversation_id={right}"))
        }),
        Question::new("export of 1,000 spans as JSON lines", OVER_ALL, |known, random| {
            let channel = &known.step(random)?.channel;
            get(format!("/api/v1/export?of=spans&format=jsonl&limit=1000&q=channel:{channel}"))
        })
        .waits(),
        Question::new("export of 1,000 spans as Parquet", OVER_ALL, |known, random| {
            let channel = &known.step(random)?.channel;
            get(format!("/api/v1/export?of=spans&format=parquet&limit=1000&q=channel:{channel}"))
        })
        .waits(),
        Question::new("sources", LIST, |_, _| get("/api/v1/sources")),
        Question::new("status", ONE, |_, _| get("/api/v1/status")),
    ]);
    all
}

fn get(path: impl Into<String>) -> Option<Ask> {
    Some(Ask::Get(path.into()))
}

fn aggregate(body: Value) -> Option<Ask> {
    Some(Ask::Post("/api/v1/aggregate", body))
}

fn some_user(random: &mut Random) -> String {
    user(random.rank(TALKATIVE))
}

/// One of the pairs of rare words as a phrase of a query; among few spans it may not occur.
fn rare(known: &Known, random: &mut Random) -> String {
    format!("%22{}%22", phrase(&known.words, random.below(PHRASES)).replace(' ', "%20"))
}
