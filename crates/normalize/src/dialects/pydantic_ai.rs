//! Pydantic AI and Logfire (<https://ai.pydantic.dev/logfire/>, <https://logfire.pydantic.dev/docs/>), every version of its
//! instrumentation: `events` and `all_messages_events` (1), `pydantic_ai.all_messages` (2 and later), beside
//! [`super::otel_genai`]'s words.
//!
//! A run of an agent repeats the sum of its calls (`gen_ai.aggregated_usage.*`, before that `gen_ai.usage.*`): it is no call
//! itself. A pending span announces the span that it is the child of, with a parent named beside it.

use neuraltrust_model::{Content, Kind, Message, Score, ScoreSource, Side, SpanId, Usage, User};
use serde_json::Value;

use super::{Dialect, Draft, fill_content};
use crate::content::{content, json_text, messages};
use crate::{Rejection, feedback, genai_events};

pub(super) const DIALECT: Dialect = Dialect { kind, read };

const SPAN_TYPE: &str = "logfire.span_type";
const PENDING_PARENT: &str = "logfire.pending_parent_id";
/// The name of a judgement, whose value is the attribute of that name (`record_feedback` in logfire, `experimental/annotations.py`).
const FEEDBACK: &str = "logfire.feedback.name";

fn kind(draft: &mut Draft) -> Option<Kind> {
    let named = |draft: &Draft, name: &str| draft.attributes.contains_key(name);
    if draft.peek(SPAN_TYPE) == Some("annotation") && named(draft, FEEDBACK) {
        return Some(Kind::Feedback);
    }
    if draft.peek(SPAN_TYPE) == Some("log") && !named(draft, "gen_ai.operation.name") {
        return Some(Kind::Event);
    }
    if named(draft, "gen_ai.operation.name") || !named(draft, SPAN_TYPE) && !named(draft, "model_request_parameters") {
        return None;
    }
    // Before runs and tools had an operation name.
    if named(draft, "agent_name") || named(draft, "all_messages_events") || named(draft, "pydantic_ai.all_messages") {
        return Some(Kind::Agent);
    }
    if named(draft, "gen_ai.tool.name") || named(draft, "tool_arguments") {
        return Some(Kind::Tool);
    }
    named(draft, "model_request_parameters").then_some(Kind::Generation)
}

fn read(draft: &mut Draft) -> Result<(), Rejection> {
    let logfire = draft.attributes.keys().any(|name| name.starts_with("logfire."));
    let ours = logfire || draft.attributes.contains_key("pydantic_ai.all_messages");
    if !ours {
        return Ok(());
    }
    pending(draft);
    judge(draft);
    // The name is a template of what it says.
    if draft.attributes.contains_key("logfire.msg_template")
        && let Some(message) = draft.take_text("logfire.msg")
    {
        draft.patch.name = Some(message);
    }
    let user = draft.take_loose_text("user_id");
    draft.merge_user(user.map(|id| User { id: Some(id), ..User::default() }));
    // The scrubber replaces what it takes for a secret: that is no session.
    if draft.patch.session_id.is_none() && draft.peek("session_id").is_some_and(|session| !session.starts_with("[Scrubbed")) {
        draft.patch.session_id = draft.take_loose_id("session_id");
    }
    draft.rename("logfire.tags", super::filling::TAGS);
    if *draft.kind() == Kind::Agent {
        draft.take_metadata("metadata");
        let user = draft.patch.metadata.get("user_id").and_then(Value::as_str).map(str::to_owned);
        draft.merge_user(user.map(|id| User { id: Some(id), ..User::default() }));
    }
    let whole = ["pydantic_ai.all_messages", "all_messages_events", "events"].iter().find_map(|name| history(draft, name));
    let (mut input, mut output) = whole.map_or((None, None), |(input, output)| (Some(input), output));
    if let Some(result) = draft.take("final_result") {
        output = content(&Kind::Agent, Side::Output, json_text(result)).or(output);
    }
    fill_content(draft, |_| input.take(), |_| output.take());
    if *draft.kind() == Kind::Tool {
        // Before calls of tools had an operation name, all of them went by one name.
        if draft.patch.name.as_deref() == Some("running tool")
            && let Some(tool) = draft.peek("gen_ai.tool.name").map(str::to_owned)
        {
            draft.patch.name = Some(format!("running tool {tool}"));
        }
        fill_content(
            draft,
            |draft| draft.take("tool_arguments").and_then(|value| content(&Kind::Tool, Side::Input, json_text(value))),
            |draft| draft.take("tool_response").and_then(|value| content(&Kind::Tool, Side::Output, json_text(value))),
        );
    }
    if draft.patch.model.is_none() && *draft.kind() == Kind::Generation {
        draft.patch.model = draft.take_text("model_name");
    }
    if draft.patch.cost.is_none() {
        draft.patch.cost = draft.take_amount("operation.cost");
    }
    let usage = Usage {
        input: draft.take_count("gen_ai.aggregated_usage.input_tokens"),
        output: draft.take_count("gen_ai.aggregated_usage.output_tokens"),
        cache_read: draft.take_count("gen_ai.aggregated_usage.cache_read.input_tokens"),
        cache_write: draft.take_count("gen_ai.aggregated_usage.cache_creation.input_tokens"),
        reasoning: draft.take_count("gen_ai.aggregated_usage.details.reasoning_tokens"),
        input_audio: draft.take_count("gen_ai.aggregated_usage.details.input_audio_tokens"),
        cache_read_audio: draft.take_count("gen_ai.aggregated_usage.details.cache_audio_read_tokens"),
        output_audio: draft.take_count("gen_ai.aggregated_usage.details.output_audio_tokens"),
        ..Usage::default()
    };
    draft.fill_usage(usage);
    Ok(())
}

/// An annotation of a span is its child: a verdict on it.
fn judge(draft: &mut Draft) {
    if *draft.kind() != Kind::Feedback || draft.peek(SPAN_TYPE) != Some("annotation") {
        return;
    }
    let Some(name) = draft.take_text(FEEDBACK) else { return };
    let is_verdict = draft.attributes.get(&name).is_some_and(|value| !value.is_array() && !value.is_object());
    let value = is_verdict.then(|| draft.take(&name)).flatten().unwrap_or_default();
    let comment = draft.take_text("logfire.feedback.comment");
    let own_id = draft.patch.span_id.as_str().to_owned();
    let score = Score { comment, time: draft.patch.start, ..Score::new(own_id, name, value, ScoreSource::User) };
    draft.more.extend(feedback::place(&mut draft.patch, score));
}

/// A pending span says that the span which it is a child of has started: it is read as a message about that span.
fn pending(draft: &mut Draft) {
    match draft.peek(SPAN_TYPE) {
        Some("pending_span") => {}
        Some("span") => {
            // What is told at the end is told later than what was told at the start, whichever comes first.
            draft.patch.told = draft.patch.end;
            draft.attributes.remove(SPAN_TYPE);
            return;
        }
        _ => return,
    }
    let Some(announced) = draft.patch.parent_id.take() else { return };
    draft.patch.span_id = announced;
    let parent = draft.take_text(PENDING_PARENT).filter(|parent| parent.bytes().any(|byte| byte != b'0'));
    draft.patch.parent_id = parent.and_then(|parent| SpanId::try_from(parent).ok());
    draft.patch.end = None;
    draft.patch.told = draft.patch.start;
    draft.attributes.remove(SPAN_TYPE);
}

/// A whole history: what went in, and the last message where it is the answer.
fn history(draft: &mut Draft, name: &str) -> Option<(Content, Option<Content>)> {
    let given = draft.attributes.get(name)?.clone();
    let Value::Array(items) = json_text(given) else { return None };
    let mut said: Vec<Message> = if items.iter().any(|item| item.get("event.name").is_some()) {
        items.into_iter().filter_map(event).collect()
    } else {
        messages(Value::Array(items)).ok()?
    };
    draft.attributes.remove(name);
    let answer = match said.last() {
        Some(last) if last.role == "assistant" => said.pop(),
        _ => None,
    };
    Some((Content::Messages { messages: said }, answer.map(|answer| Content::Messages { messages: vec![answer] })))
}

/// An event of version 1: `{"event.name": "gen_ai.user.message", "content": .., "role": ..}`.
fn event(item: Value) -> Option<Message> {
    let Value::Object(mut map) = item else { return None };
    map.remove("gen_ai.message.index");
    let (_, role) = genai_events::speaker(map.get("event.name")?.as_str()?)?;
    genai_events::message(role, Value::Null, map)
}
