//! Attributes of OTLP spans as our own SDK writes them: OTel GenAI names where one exists, `neuraltrust.*` for the rest
//! (the constants and their sources are in [`attributes`]).

use neuraltrust_model::{Content, Kind, Map, SpanPatch, StatusCode, Usage, UsageSource, User, attributes as names};
use serde_json::Value;

use crate::content::{Side, content, document, json_text, messages};
use crate::fields::{id, wrong_type};
use crate::{Rejection, feedback, user};

/// Moves what the attributes say into the fields of the patch; what is not understood stays in `attributes`. Of feedback the
/// verdict on its parent is returned.
pub(crate) fn read(patch: &mut SpanPatch, attributes: &mut Map) -> Result<Option<SpanPatch>, Rejection> {
    let kind = kind(attributes);
    patch.conversation_id = text_id(attributes, names::CONVERSATION_ID)?;
    patch.session_id = text_id(attributes, names::SESSION_ID)?;
    patch.channel_id = text_id(attributes, names::CHANNEL_ID)?;
    patch.user = read_user(attributes)?;
    patch.metadata = object(attributes, names::METADATA)?.unwrap_or_default();
    patch.custom = attributes.remove(names::CUSTOM).map(json_text).filter(|value| !value.is_null());
    patch.input = read_content(&kind, Side::Input, attributes);
    patch.output = read_content(&kind, Side::Output, attributes);
    patch.provider = text(attributes, names::PROVIDER_NAME);
    let requested = text(attributes, names::REQUEST_MODEL);
    patch.model = text(attributes, names::RESPONSE_MODEL).or_else(|| requested.clone());
    if let Some(requested) = requested.filter(|requested| Some(requested) != patch.model.as_ref()) {
        attributes.insert(names::REQUEST_MODEL.to_owned(), Value::String(requested));
    }
    patch.usage = usage(attributes);
    patch.cost = cost(attributes);
    if let Some(status) = &mut patch.status
        && status.code == StatusCode::Error
        && status.message.is_none()
    {
        status.message = attributes.get(names::ERROR_TYPE).and_then(Value::as_str).map(str::to_owned);
    }

    let verdict = if kind == Kind::Feedback {
        let tag = text(attributes, names::FEEDBACK_TAG);
        let words = text(attributes, names::FEEDBACK_TEXT);
        if patch.input.is_none() {
            patch.input = words.clone().filter(|words| !words.is_empty()).map(Content::text);
        }
        feedback::score(patch, tag, words)
    } else {
        None
    };
    patch.kind = Some(kind);
    Ok(verdict)
}

fn kind(attributes: &mut Map) -> Kind {
    if let Some(name) = text(attributes, names::KIND) {
        return Kind::from(name);
    }
    // OTel semantic conventions, registry of `gen_ai.operation.name`.
    match attributes.get(names::OPERATION_NAME).and_then(Value::as_str) {
        Some("chat" | "generate_content" | "text_completion") => Kind::Generation,
        Some("embeddings") => Kind::Embedding,
        Some("retrieval") => Kind::Retrieval,
        Some("plan") => Kind::Router,
        Some("invoke_agent" | "create_agent" | "invoke_workflow") => Kind::Agent,
        Some(name) if name == "execute_tool" || name.ends_with("_memory") => Kind::Tool,
        _ => Kind::Chain,
    }
}

fn text(attributes: &mut Map, name: &str) -> Option<String> {
    match attributes.get(name) {
        Some(Value::String(_)) => match attributes.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn text_id<T: TryFrom<String, Error = neuraltrust_model::IdError>>(
    attributes: &mut Map,
    name: &str,
) -> Result<Option<T>, Rejection> {
    text(attributes, name).map(|text| id(&format!("attributes.{name}"), text)).transpose()
}

/// An object, given as such or as JSON text.
fn object(attributes: &mut Map, name: &str) -> Result<Option<Map>, Rejection> {
    match attributes.remove(name).map(json_text) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(other) => Err(wrong_type(&format!("attributes.{name}"), &other, "an object, or one as JSON text")),
    }
}

fn read_user(attributes: &mut Map) -> Result<Option<User>, Rejection> {
    let mut known = User {
        id: text(attributes, names::USER_ID),
        name: text(attributes, names::USER_NAME),
        email: text(attributes, names::USER_EMAIL),
        extra: Map::new(),
    };
    if let Some(described) = object(attributes, names::USER)?.and_then(user::user) {
        known.merge(described);
    }
    Ok((!known.is_empty()).then_some(known))
}

fn read_content(kind: &Kind, side: Side, attributes: &mut Map) -> Option<Content> {
    let (own, spoken, tool) = match side {
        Side::Input => (names::INPUT, names::INPUT_MESSAGES, names::TOOL_CALL_ARGUMENTS),
        Side::Output => (names::OUTPUT, names::OUTPUT_MESSAGES, names::TOOL_CALL_RESULT),
    };
    // Our own SDK sends text as text and structure as structure: nothing is parsed out of a string.
    if let Some(value) = attributes.remove(own) {
        return content(kind, side, value);
    }
    if let Some(value) = attributes.remove(spoken) {
        return match messages(json_text(value)) {
            Ok(messages) => Some(Content::Messages { messages }),
            Err(value) => content(kind, side, value),
        };
    }
    if side == Side::Output
        && let Some(value) = attributes.remove(names::RETRIEVAL_DOCUMENTS)
    {
        return match json_text(value) {
            Value::Array(items) => Some(Content::Documents { documents: items.into_iter().map(document).collect() }),
            value => content(kind, side, value),
        };
    }
    attributes.remove(tool).map(json_text).and_then(|value| content(kind, side, value))
}

/// A cost that cannot be one stays among the attributes.
fn cost(attributes: &mut Map) -> Option<f64> {
    let cost = attributes.get(names::COST)?.as_f64().filter(|cost| cost.is_finite() && *cost >= 0.0)?;
    attributes.remove(names::COST);
    Some(cost)
}

fn usage(attributes: &mut Map) -> Option<Usage> {
    let mut count = |name: &str| {
        let count = attributes.get(name).and_then(Value::as_u64)?;
        attributes.remove(name);
        Some(count)
    };
    let usage = Usage {
        input: count(names::USAGE_INPUT_TOKENS),
        output: count(names::USAGE_OUTPUT_TOKENS),
        cache_read: count(names::USAGE_CACHE_READ_TOKENS),
        cache_write: count(names::USAGE_CACHE_WRITE_TOKENS),
        reasoning: count(names::USAGE_REASONING_TOKENS),
        source: Some(UsageSource::Api),
    };
    (!usage.is_empty()).then_some(usage)
}
