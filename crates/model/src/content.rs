//! What went into a span and what came out of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Map;

/// What went into a span or came out of it, as what it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// Messages to or from a model, oldest first.
    Messages {
        /// The messages.
        messages: Vec<Message>,
    },
    /// Documents that a retrieval found, best first.
    Documents {
        /// The documents.
        documents: Vec<Document>,
    },
    /// Any other structured value.
    Json {
        /// The value.
        value: Value,
    },
}

/// One message to or from a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, `tool` or what the client calls it.
    pub role: String,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// Fields of the client's message that are not understood.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, serde_json::Value>))]
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// The model asks for a tool.
    ToolCall {
        /// Id that joins the call to its result.
        id: Option<String>,
        /// Name of the tool.
        name: Option<String>,
        /// What the tool is called with.
        arguments: Value,
    },
    /// What a tool answered.
    ToolResult {
        /// Id of the call that it answers.
        id: Option<String>,
        /// Name of the tool.
        name: Option<String>,
        /// The answer.
        result: Value,
    },
    /// The model's thoughts.
    Reasoning {
        /// The text.
        text: String,
    },
    /// An image, sound or file, by reference.
    Media {
        /// Media type, e.g. `image/png`.
        mime_type: Option<String>,
        /// Where it is.
        uri: Option<String>,
        /// Its file name.
        name: Option<String>,
        /// How many bytes it has, where the server keeps them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// A part that is not understood, as it came.
    Other {
        /// The part.
        value: Value,
    },
}

/// One document that a retrieval found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Document {
    /// The application's id of the document.
    pub id: Option<String>,
    /// Its text.
    pub content: Option<String>,
    /// How well it fits; the scale is the application's.
    pub score: Option<f64>,
    /// Everything else that is known of it.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, serde_json::Value>))]
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map,
}

impl Content {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The words of the content as a person would read them, at most about `limit` bytes, one line for each part.
    /// Used for previews and for the text index.
    #[must_use]
    pub fn plain_text(&self, limit: usize) -> String {
        let mut out = String::new();
        match self {
            Self::Text { text } => push(&mut out, text, limit),
            Self::Messages { messages } => {
                for part in messages.iter().flat_map(|m| &m.parts) {
                    part.push_text(&mut out, limit);
                }
            }
            Self::Documents { documents } => {
                for document in documents {
                    if let Some(text) = &document.content {
                        push(&mut out, text, limit);
                    }
                    if !document.metadata.is_empty() {
                        push_values(&mut out, document.metadata.values(), limit);
                    }
                }
            }
            Self::Json { value } => push_value(&mut out, value, limit),
        }
        out
    }

    /// The words that stand for the content in a list: of messages the last one, of documents the first, on one line and
    /// at most `limit` characters.
    #[must_use]
    pub fn preview(&self, limit: usize) -> String {
        let text = match self {
            Self::Messages { messages } => {
                let spoken = messages.iter().rev().find(|m| m.parts.iter().any(|p| matches!(p, Part::Text { .. })));
                let mut out = String::new();
                for part in spoken.or(messages.last()).iter().flat_map(|m| &m.parts) {
                    part.push_text(&mut out, limit * 8);
                }
                out
            }
            Self::Json { value } => {
                let mut text = value.to_string();
                truncate(&mut text, limit * 8);
                text
            }
            other => other.plain_text(limit * 8),
        };
        one_line(&text, limit)
    }
}

impl Part {
    fn push_text(&self, out: &mut String, limit: usize) {
        match self {
            Self::Text { text } | Self::Reasoning { text } => push(out, text, limit),
            Self::ToolCall { name, arguments, .. } => {
                push(out, name.as_deref().unwrap_or(""), limit);
                push_value(out, arguments, limit);
            }
            Self::ToolResult { result, .. } => push_value(out, result, limit),
            Self::Media { name, uri, .. } => {
                // A data: address is the medium itself, not words about it.
                let uri = uri.as_deref().filter(|uri| !uri.starts_with("data:"));
                push(out, name.as_deref().or(uri).unwrap_or(""), limit);
            }
            Self::Other { value } => push_value(out, value, limit),
        }
    }
}

fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for c in word.chars() {
            if length >= limit {
                line.push('…');
                return line;
            }
            line.push(c);
            length += 1;
        }
    }
    line
}

fn push(out: &mut String, text: &str, limit: usize) {
    if text.is_empty() || out.len() >= limit {
        return;
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
    truncate(out, limit);
}

fn truncate(text: &mut String, limit: usize) {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
    }
}

fn push_values<'a>(out: &mut String, values: impl Iterator<Item = &'a Value>, limit: usize) {
    for value in values {
        push_value(out, value, limit);
    }
}

/// Depth is bounded by the decoders ([`crate::limits::MAX_DEPTH`]), so the recursion is too.
fn push_value(out: &mut String, value: &Value, limit: usize) {
    match value {
        Value::Null => {}
        Value::Bool(b) => push(out, if *b { "true" } else { "false" }, limit),
        Value::Number(n) => push(out, &n.to_string(), limit),
        Value::String(text) => push(out, text, limit),
        Value::Array(items) => push_values(out, items.iter(), limit),
        Value::Object(fields) => push_values(out, fields.values(), limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_the_last_spoken_message_on_one_line() {
        let say = |role: &str, text: &str| Message {
            role: role.to_owned(),
            parts: vec![Part::Text { text: text.to_owned() }],
            extra: Map::new(),
        };
        let content = Content::Messages { messages: vec![say("system", "Be brief."), say("user", "Hello,\n  you")] };
        assert_eq!(content.preview(200), "Hello, you");
        assert_eq!(content.preview(5), "Hello…");
        assert_eq!(content.plain_text(100), "Be brief.\nHello,\n  you");
    }

    #[test]
    fn text_is_cut_at_a_character() {
        assert_eq!(Content::text("ab🦊").plain_text(4), "ab");
    }
}
