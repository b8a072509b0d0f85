//! Scripts to spans: gives every step its ids, its times, its tokens and its cost.
//!
//! Deterministic: the same script and the same moment give the same spans.

use neuraltrust_model::{Kind, Timestamp, attributes as names};
use serde_json::{Value, json};

use super::chance::Chance;
use super::price::{Model, model, tokens};
use super::script::{Delegate, Ending, Guardrail, Library, Outcome, Person, Script, Tool, Turn, Work};
use super::stage::{At, Attributes, DemoConversation, MILLISECOND, Stage};

const PROMPT: &str = "You are the assistant of Velora Cycles, an online bicycle shop. Answer in the customer's language, briefly and \
                      kindly. Use only what the help centre and the tools say. Never promise a refund that the returns team has not confirmed.";
const MINUTE: i64 = 60_000 * MILLISECOND;

/// Plays the script number `number` as if it were `now`.
pub(super) fn play(library: &Library, script: &Script, number: usize, now: Timestamp) -> DemoConversation {
    let mut chance = Chance::new(now.as_nanos().unsigned_abs() ^ (number as u64 + 1).wrapping_mul(0xD6E8_FEB8_6659_FD93));
    let common = common(library, script, &mut chance);
    let mut stage = Stage {
        library,
        clock: now.as_nanos() - script.minutes_ago * MINUTE,
        chance,
        trace_id: [0; 16],
        spans: Vec::new(),
        history: vec![said("system", PROMPT)],
        cached: 0,
    };
    for turn in &script.turns {
        stage.turn(turn);
        // Reading and typing.
        stage.pass(9_000, 50_000);
    }
    DemoConversation { common, spans: stage.spans }
}

fn common(library: &Library, script: &Script, chance: &mut Chance) -> Attributes {
    let id =
        |prefix: &str, chance: &mut Chance| Value::String(format!("{prefix}_{:08x}", chance.between(0x1000_0000, 0xFFFF_FFFF)));
    let mut common = vec![
        (names::CONVERSATION_ID, id("conv", chance)),
        (names::SESSION_ID, id("sess", chance)),
        (names::CHANNEL_ID, script.channel.clone().into()),
        (names::USER_ID, script.person.clone().into()),
        (names::METADATA, json!({"environment": "production", "release": "2026.11.2", "language": script.language})),
    ];
    let Person { name, email, more } = &library.people[&script.person];
    common.extend(name.clone().map(|name| (names::USER_NAME, name.into())));
    common.extend(email.clone().map(|email| (names::USER_EMAIL, email.into())));
    if !more.is_empty() {
        common.push((names::USER, Value::Object(more.clone())));
    }
    common.extend(script.custom.clone().map(|custom| (names::CUSTOM, custom)));
    common
}

/// A message in the form of OTel GenAI.
fn said(role: &str, text: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": text}]})
}

impl Stage<'_> {
    fn turn(&mut self, turn: &Turn) {
        self.trace_id = self.chance.bytes();
        let message = self.open(None, Kind::Message, "message");
        self.set(message, names::INPUT, turn.says.clone());
        let passed = turn.guardrail.as_ref().is_none_or(|guardrail| self.guardrail(message, guardrail, &turn.says));
        self.history.push(said("user", &turn.says));
        if passed {
            self.router(message, turn);
        }
        let agent = turn.agent.as_ref().filter(|_| passed).map(|name| self.agent(message, name, &turn.says));
        let parent = agent.unwrap_or(message);
        if passed {
            self.work(parent, &turn.says, &turn.work);
            if let Some(delegate) = &turn.delegate {
                self.delegate(parent, delegate);
            }
        }
        self.ending(turn, message, agent, passed);
        if let Some(finds) = &turn.evaluation {
            self.evaluation(message, finds);
        }
        if let Some((name, value)) = &turn.event {
            let event = self.open(Some(message), Kind::Event, name);
            self.set(event, names::INPUT, value.clone());
            self.spans[event].end = Some(self.spans[event].start);
        }
        if let Some(feedback) = &turn.feedback {
            self.pass(2_000, 15_000);
            let span = self.open(Some(message), Kind::Feedback, "feedback");
            self.set(span, names::FEEDBACK_TAG, feedback.tag.clone());
            if let Some(text) = &feedback.text {
                self.set(span, names::FEEDBACK_TEXT, text.clone());
            }
            self.spans[span].end = Some(self.spans[span].start);
        }
    }

    /// The last step of a turn: what the model answers, and with it the agent and the message.
    fn ending(&mut self, turn: &Turn, message: At, agent: Option<At>, passed: bool) {
        let model = model(turn.model.as_deref());
        let parent = agent.unwrap_or(message);
        let above = agent.into_iter().chain([message]);
        let output = match &turn.ending {
            Ending::Answer(text) if passed => {
                self.generation(parent, "answer", model, said("assistant", text));
                Value::from(text.as_str())
            }
            // What a guardrail stops is answered without a model.
            Ending::Answer(text) => {
                self.history.push(said("assistant", text));
                Value::from(text.as_str())
            }
            Ending::Data(data) => {
                self.generation(parent, "answer", model, said("assistant", &data.to_string()));
                data.clone()
            }
            Ending::Error(failure) => {
                let generation = self.call(parent, "answer", model);
                self.pass(600, 2_500);
                self.fail(generation, failure);
                return above.for_each(|at| self.fail(at, failure));
            }
            Ending::Running => {
                self.call(parent, "answer", model);
                return;
            }
        };
        for at in above {
            self.set(at, names::OUTPUT, output.clone());
            self.close(at);
        }
    }

    fn guardrail(&mut self, parent: At, guardrail: &Guardrail, says: &str) -> bool {
        let span = self.open(Some(parent), Kind::Guardrail, &guardrail.name);
        self.set(span, names::INPUT, says);
        self.set(span, names::OUTPUT, guardrail.finds.clone());
        self.pass(18, 60);
        self.close(span);
        guardrail.finds["passed"] == true
    }

    fn router(&mut self, parent: At, turn: &Turn) {
        let span = self.open(Some(parent), Kind::Router, "intent router");
        self.pass(40, 160);
        let confidence = self.chance.between(71, 99) as f64 / 100.0;
        self.set(span, names::INPUT, turn.says.clone());
        self.set(span, names::OUTPUT, json!({"route": turn.route, "confidence": confidence}));
        self.close(span);
    }

    fn agent(&mut self, parent: At, name: &str, task: &str) -> At {
        let span = self.open(Some(parent), Kind::Agent, name);
        self.set(span, names::INPUT, task);
        span
    }

    fn delegate(&mut self, parent: At, delegate: &Delegate) {
        let span = self.agent(parent, &delegate.agent, &delegate.task);
        // The second agent starts with its task alone; what it found goes back as one message.
        let outer = std::mem::replace(&mut self.history, vec![said("system", PROMPT), said("user", &delegate.task)]);
        let cached = std::mem::take(&mut self.cached);
        self.work(span, &delegate.task, &delegate.work);
        self.generation(span, "report", model(None), said("assistant", &delegate.answer));
        self.history = outer;
        self.cached = cached;
        self.history.push(said("system", &format!("{} reports: {}", delegate.agent, delegate.answer)));
        self.set(span, names::OUTPUT, delegate.answer.clone());
        self.close(span);
    }

    fn work(&mut self, parent: At, query: &str, work: &Work) {
        if !work.search.is_empty() {
            self.retrieval(parent, query, &work.search);
        }
        for tool in &work.tools {
            self.tool(parent, tool);
        }
    }

    fn retrieval(&mut self, parent: At, query: &str, found: &[String]) {
        let span = self.open(Some(parent), Kind::Retrieval, "help centre search");
        self.set(span, names::INPUT, query);
        let embedding = self.open(Some(span), Kind::Embedding, "embed query");
        self.pass(25, 90);
        self.set(embedding, names::INPUT, query);
        self.set(embedding, names::PROVIDER_NAME, "openai");
        self.set(embedding, names::REQUEST_MODEL, "text-embedding-3-small");
        self.set(embedding, names::USAGE_INPUT_TOKENS, tokens(query));
        self.close(embedding);
        self.pass(12, 70);
        let mut score = self.chance.between(860, 960);
        let documents = found.iter().map(|id| {
            let article = &self.library.articles[id];
            let document = json!({
                "id": id,
                "content": article.text,
                "score": score as f64 / 1000.0,
                "metadata": {"title": article.title, "source": format!("https://help.velora.example/{id}")},
            });
            score -= self.chance.between(20, 110);
            document
        });
        let documents: Vec<Value> = documents.collect();
        let context: Vec<&str> = documents.iter().filter_map(|document| document["content"].as_str()).collect();
        self.history.push(said("system", &format!("From the help centre:\n{}", context.join("\n"))));
        self.set(span, names::RETRIEVAL_DOCUMENTS, documents);
        self.close(span);
    }

    /// The model asks for the tool, the tool runs, and its result joins the history.
    fn tool(&mut self, parent: At, tool: &Tool) {
        let call = format!("call_{:06x}", self.chance.between(0, 0xFF_FFFF));
        let wish = json!({"type": "tool_call", "id": call, "name": tool.name, "arguments": tool.arguments});
        self.generation(parent, "choose tool", model(None), json!({"role": "assistant", "parts": [wish]}));
        let span = self.open(Some(parent), Kind::Tool, &tool.name);
        self.set(span, names::TOOL_CALL_ARGUMENTS, tool.arguments.clone());
        let result = match &tool.outcome {
            Outcome::Result(result) => {
                self.pass(35, 420);
                self.set(span, names::TOOL_CALL_RESULT, result.clone());
                self.close(span);
                result.clone()
            }
            Outcome::Error(failure) => {
                self.pass(1_500, 5_000);
                self.fail(span, failure);
                json!({"error": failure.message})
            }
        };
        let part = json!({"type": "tool_call_response", "id": call, "name": tool.name, "response": result});
        self.history.push(json!({"role": "tool", "parts": [part]}));
    }

    /// A call of the model that is sent and not answered yet.
    fn call(&mut self, parent: At, name: &str, model: &Model) -> At {
        let span = self.open(Some(parent), Kind::Generation, name);
        self.set(span, names::PROVIDER_NAME, model.provider);
        self.set(span, names::REQUEST_MODEL, model.name);
        self.set(span, names::INPUT_MESSAGES, self.history.clone());
        span
    }

    fn generation(&mut self, parent: At, name: &str, model: &Model, answer: Value) {
        let span = self.call(parent, name, model);
        let input = self.history.iter().map(|message| tokens(&message.to_string())).sum();
        let output = tokens(&answer.to_string());
        // The first words take a while, then they come at a steady pace.
        self.pass(260, 700);
        let first = (self.clock - self.spans[span].start.as_nanos()) as f64 / 1e9;
        self.set(span, names::TIME_TO_FIRST_CHUNK, first);
        self.pass(output * 9, output * 14);
        self.set(span, names::RESPONSE_MODEL, model.name);
        self.set(span, names::OUTPUT_MESSAGES, vec![answer.clone()]);
        self.set(span, names::USAGE_INPUT_TOKENS, input);
        self.set(span, names::USAGE_OUTPUT_TOKENS, output);
        if self.cached > 0 {
            self.set(span, names::USAGE_CACHE_READ_TOKENS, self.cached);
        }
        self.set(span, names::COST, model.cost(input, self.cached, output));
        self.close(span);
        self.cached = input;
        self.history.push(answer);
    }

    fn evaluation(&mut self, parent: At, finds: &Value) {
        let span = self.open(Some(parent), Kind::Evaluation, "grounded in the help centre");
        self.pass(150, 600);
        self.set(span, names::OUTPUT, finds.clone());
        self.close(span);
    }
}
