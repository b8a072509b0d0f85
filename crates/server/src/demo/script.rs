//! The content of the demo as it is written down in `content/*.json`: who talks, what is said, which steps it takes.
//!
//! Plain data. Ids, times, tokens and costs are not written down; [`play`](super::play) makes them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

const PEOPLE: &str = include_str!("content/people.json");
const ARTICLES: &str = include_str!("content/articles.json");
const CONVERSATIONS: &[&str] = &[
    include_str!("content/orders.json"),
    include_str!("content/returns.json"),
    include_str!("content/advice.json"),
    include_str!("content/workshop.json"),
    include_str!("content/account.json"),
    include_str!("content/languages.json"),
];

/// Everything that is written down.
pub(super) struct Library {
    /// The people by their ids.
    pub(super) people: BTreeMap<String, Person>,
    /// The articles of the help centre by their ids.
    pub(super) articles: BTreeMap<String, Article>,
    /// The conversations.
    pub(super) scripts: Vec<Script>,
}

impl Library {
    /// Reads the embedded files.
    pub(super) fn embedded() -> Self {
        Self {
            people: read(PEOPLE),
            articles: read(ARTICLES),
            scripts: CONVERSATIONS.iter().copied().flat_map(read::<Vec<Script>>).collect(),
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the embedded content is valid, which the tests of this module check")
}

/// Someone who talks to the shop.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    #[serde(default)]
    pub(super) more: Map<String, Value>,
}

/// An article of the help centre.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Article {
    pub(super) title: String,
    pub(super) text: String,
}

/// A conversation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// Id of the person.
    pub(super) person: String,
    pub(super) channel: String,
    /// How long before now it starts.
    pub(super) minutes_ago: i64,
    #[serde(default = "english")]
    pub(super) language: String,
    /// The application's own data.
    #[serde(default)]
    pub(super) custom: Option<Value>,
    pub(super) turns: Vec<Turn>,
}

fn english() -> String {
    "en".to_owned()
}

/// What the user says, the steps that follow, and the answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    pub(super) says: String,
    /// Where the router sends the turn.
    pub(super) route: String,
    #[serde(default)]
    pub(super) guardrail: Option<Guardrail>,
    /// The agent that takes the turn; without one the steps belong to the turn itself.
    #[serde(default)]
    pub(super) agent: Option<String>,
    #[serde(default)]
    pub(super) work: Work,
    /// Another agent that the first one asks.
    #[serde(default)]
    pub(super) delegate: Option<Delegate>,
    #[serde(default)]
    pub(super) ending: Ending,
    /// The model, where it is not the usual one.
    #[serde(default)]
    pub(super) model: Option<String>,
    /// What an evaluator finds.
    #[serde(default)]
    pub(super) evaluation: Option<Value>,
    /// Something that happens after the answer: its name and what is known of it.
    #[serde(default)]
    pub(super) event: Option<(String, Value)>,
    #[serde(default)]
    pub(super) feedback: Option<Feedback>,
}

/// What is looked up and done before an answer is given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Work {
    /// Ids of the articles that are found, best first.
    #[serde(default)]
    pub(super) search: Vec<String>,
    #[serde(default)]
    pub(super) tools: Vec<Tool>,
}

/// A call of a tool.
#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) arguments: Value,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// How a call of a tool ends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Result(Value),
    Error(Failure),
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failure {
    #[serde(rename = "type")]
    pub(super) class: String,
    pub(super) message: String,
    #[serde(default)]
    pub(super) stacktrace: Option<String>,
}

/// An agent that another one asks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delegate {
    pub(super) agent: String,
    pub(super) task: String,
    #[serde(default)]
    pub(super) work: Work,
    pub(super) answer: String,
}

/// A check of what the user says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guardrail {
    pub(super) name: String,
    /// What it finds; `"passed": false` ends the turn.
    pub(super) finds: Value,
}

/// How a turn ends.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// The model answers with text.
    Answer(String),
    /// The model answers with data.
    Data(Value),
    /// The model's API fails, and with it the turn.
    Error(Failure),
    /// The answer is still being written.
    #[default]
    Running,
}

/// What the user thinks of the answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Feedback {
    pub(super) tag: String,
    #[serde(default)]
    pub(super) text: Option<String>,
}
