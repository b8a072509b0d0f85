//! What there is to ask for.

use anyhow::Context as _;
use serde_json::Value;

use crate::connection::{Connection, Target};
use crate::random::Random;
use crate::words::Words;
use crate::workload::{LONG_TURNS, hex, long_conversation, user};

/// Users that are asked for: the more talkative ones.
pub(super) const TALKATIVE: u64 = 200;

/// What is known of the spans that were sent.
pub(super) struct Known {
    pub(super) words: Words,
    traces: Vec<[u8; 16]>,
    /// Model calls of talkative users.
    steps: Vec<Step>,
    /// The long conversations that have all their turns.
    long: Vec<String>,
}

/// A model call that there is.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) trace: String,
    pub(super) span: String,
    pub(super) conversation: String,
    pub(super) channel: String,
}

impl Known {
    /// Asks the server what it has, beside the traces that it acknowledged.
    pub(super) fn ask(seed: u64, target: &Target, traces: Vec<[u8; 16]>) -> anyhow::Result<Self> {
        let mut connection = Connection::open(target)?;
        let mut long = Vec::new();
        for n in 0.. {
            let id = long_conversation(seed, n);
            let answer = connection.get(&format!("/api/v1/conversations/{id}"))?;
            let turns = answer.json().ok().and_then(|found| Some(found["turns"].as_array()?.len()));
            if turns.is_none_or(|turns| (turns as u64) < LONG_TURNS) {
                break;
            }
            long.push(id);
        }
        let mut steps = Vec::new();
        for rank in 1..=TALKATIVE {
            let found = connection.get(&format!("/api/v1/spans?user_id={}&kind=generation&limit=20", user(rank)))?.json()?;
            let rows = found["items"].as_array().context("a list of spans has no items")?;
            steps.extend(rows.iter().filter_map(Step::of_row));
        }
        Ok(Self { words: Words::new(), traces, steps, long })
    }

    pub(super) fn trace(&self, random: &mut Random) -> String {
        hex(random.one::<[u8; 16]>(&self.traces))
    }

    pub(super) fn step(&self, random: &mut Random) -> Option<&Step> {
        some(&self.steps, random)
    }

    pub(super) fn long(&self, random: &mut Random) -> Option<&str> {
        some(&self.long, random).map(String::as_str)
    }
}

/// One of the items, of which there may be none.
fn some<'a, T>(items: &'a [T], random: &mut Random) -> Option<&'a T> {
    (!items.is_empty()).then(|| random.one(items))
}

impl Step {
    /// What the API has of the step.
    pub(super) fn path(&self, of_it: &str) -> String {
        format!("/api/v1/traces/{}/spans/{}{of_it}", self.trace, self.span)
    }

    fn of_row(row: &Value) -> Option<Self> {
        let text = |name: &str| row[name].as_str().map(str::to_owned);
        Some(Self {
            trace: text("trace_id")?,
            span: text("span_id")?,
            conversation: text("conversation_id")?,
            channel: text("channel_id")?,
        })
    }
}
