//! `gen_ai.*`, `user.*`, `session.*`, `error.*`: the semantic conventions of OpenTelemetry for generative AI
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/>).

use neuraltrust_model::{Content, Kind, StatusCode, Usage, UsageSource, User, attributes as names};
use serde_json::Value;

use super::{Dialect, Draft, fill_content};
use crate::Rejection;
use crate::content::{Side, content, document, json_text, messages};

pub(super) const DIALECT: Dialect = Dialect { kind, read };

/// The kind by `gen_ai.operation.name`, which stays an attribute: it says more than the kind.
fn kind(draft: &mut Draft) -> Option<Kind> {
    Some(match draft.peek(names::OPERATION_NAME)? {
        "chat" | "generate_content" | "text_completion" => Kind::Generation,
        "embeddings" => Kind::Embedding,
        "retrieval" => Kind::Retrieval,
        "plan" => Kind::Router,
        "invoke_agent" | "create_agent" | "invoke_workflow" => Kind::Agent,
        name if name == "execute_tool" || name.ends_with("_memory") => Kind::Tool,
        _ => return None,
    })
}

fn read(draft: &mut Draft) -> Result<(), Rejection> {
    if draft.patch.conversation_id.is_none() {
        draft.patch.conversation_id = draft.take_id(names::CONVERSATION_ID)?;
    }
    if draft.patch.session_id.is_none() {
        draft.patch.session_id = draft.take_id(names::SESSION_ID)?;
    }
    let named = User {
        id: draft.take_text(names::USER_ID),
        name: draft.take_text(names::USER_NAME),
        email: draft.take_text(names::USER_EMAIL),
        ..User::default()
    };
    draft.merge_user(Some(named));
    fill_content(draft, |draft| said(draft, Side::Input), |draft| said(draft, Side::Output));
    if draft.patch.provider.is_none() {
        draft.patch.provider = draft.take_text(names::PROVIDER_NAME);
    }
    model(draft);
    if draft.patch.usage.is_none() {
        draft.patch.usage = usage(draft);
    }
    let error = draft.peek(names::ERROR_TYPE).map(str::to_owned);
    if let Some(status) = &mut draft.patch.status
        && status.code == StatusCode::Error
        && status.message.is_none()
    {
        status.message = error;
    }
    Ok(())
}

/// The model that answered, else the one that was asked for; where the two differ, the latter stays an attribute.
fn model(draft: &mut Draft) {
    if draft.patch.model.is_none() {
        draft.patch.model = draft.take_text(names::RESPONSE_MODEL);
    }
    match (&draft.patch.model, draft.peek(names::REQUEST_MODEL)) {
        (None, _) => draft.patch.model = draft.take_text(names::REQUEST_MODEL),
        (Some(answered), Some(requested)) if answered == requested => drop(draft.take_text(names::REQUEST_MODEL)),
        _ => {}
    }
}

fn said(draft: &mut Draft, side: Side) -> Option<Content> {
    let (spoken, tool) = match side {
        Side::Input => (names::INPUT_MESSAGES, names::TOOL_CALL_ARGUMENTS),
        Side::Output => (names::OUTPUT_MESSAGES, names::TOOL_CALL_RESULT),
    };
    if let Some(value) = draft.take(spoken) {
        return match messages(json_text(value)) {
            Ok(messages) => Some(Content::Messages { messages }),
            Err(value) => content(draft.kind(), side, value),
        };
    }
    if side == Side::Output
        && let Some(value) = draft.take(names::RETRIEVAL_DOCUMENTS)
    {
        return match json_text(value) {
            Value::Array(items) => Some(Content::Documents { documents: items.into_iter().map(document).collect() }),
            value => content(draft.kind(), side, value),
        };
    }
    let value = draft.take(tool).map(json_text)?;
    content(draft.kind(), side, value)
}

/// Tokens as the convention counts them: cached ones are part of the input, reasoning is part of the output.
fn usage(draft: &mut Draft) -> Option<Usage> {
    let usage = Usage {
        input: draft.take_count(names::USAGE_INPUT_TOKENS),
        output: draft.take_count(names::USAGE_OUTPUT_TOKENS),
        cache_read: draft.take_count(names::USAGE_CACHE_READ_TOKENS),
        cache_write: draft.take_count(names::USAGE_CACHE_WRITE_TOKENS),
        reasoning: draft.take_count(names::USAGE_REASONING_TOKENS),
        source: Some(UsageSource::Api),
    };
    (!usage.is_empty()).then_some(usage)
}
