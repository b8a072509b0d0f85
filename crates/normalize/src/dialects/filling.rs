//! How dialects fill the fields that several vocabularies have a name for.

use neuraltrust_model::attributes::TIME_TO_FIRST_CHUNK;
use neuraltrust_model::{Content, Kind, Message, Part, Usage, UsageSource};
use serde_json::{Number, Value};

use super::Draft;
use crate::content::{Side, content, json_text};
use crate::spoken::{Said, said};

/// Attribute: the application's tags, from whichever client they come (array of strings).
pub(super) const TAGS: &str = "tags";

impl Draft {
    /// Gives an attribute the name that it has here; one that has it already stays.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if !self.attributes.contains_key(to)
            && let Some(value) = self.take(from)
        {
            self.attributes.insert(to.to_owned(), value);
        }
    }

    /// Drops an attribute that only repeats what is known.
    pub(super) fn drop_same(&mut self, name: &str, known: Option<&str>) {
        if known.is_some() && self.peek(name) == known {
            self.attributes.remove(name);
        }
    }

    /// Adds what an attribute says to the application's metadata, where it is an object or JSON text of one.
    pub(super) fn take_metadata(&mut self, name: &str) {
        match self.attributes.remove(name).map(|value| (value.clone(), json_text(value))) {
            Some((_, Value::Object(map))) => {
                for (key, value) in map {
                    self.patch.metadata.entry(key).or_insert(value);
                }
            }
            Some((given, _)) => drop(self.attributes.insert(name.to_owned(), given)),
            None => {}
        }
    }

    /// Fills the usage where it is not known. Counts that are known are dropped where they only repeat it, by the caller
    /// who has taken them.
    ///
    /// A call of a model is counted by its API; on other spans a framework repeats the sum of the calls below.
    pub(super) fn fill_usage(&mut self, usage: Usage) {
        if usage.is_empty() || self.patch.usage.is_some() {
            return;
        }
        let source = match self.kind() {
            Kind::Generation | Kind::Embedding => UsageSource::Api,
            _ => UsageSource::Framework,
        };
        self.patch.usage = Some(Usage { source: Some(source), ..inclusive(usage) });
    }

    /// What a function of the application was given or gave. At a root that is a turn: its words are taken out, and the whole
    /// stays as the attribute `name`.
    pub(super) fn handed(&mut self, side: Side, name: &str, value: Value) -> Option<Content> {
        let is_turn = self.patch.parent_id.is_none() && matches!(self.kind(), Kind::Agent | Kind::Chain | Kind::Message);
        let kind = if is_turn { Kind::Message } else { self.kind().clone() };
        if !is_turn && kind != Kind::Chain {
            return content(&kind, side, value);
        }
        let Said { content, rest } = said(&kind, side, value)?;
        if let Some(rest) = rest {
            self.attributes.insert(name.to_owned(), rest);
        }
        Some(content)
    }

    /// Keeps the time to the first token under the one name that it has here.
    pub(super) fn keep_time_to_first_token(&mut self, seconds: f64) {
        if let Some(number) = Number::from_f64(seconds).filter(|_| seconds >= 0.0) {
            self.attributes.entry(TIME_TO_FIRST_CHUNK).or_insert(Value::Number(number));
        }
    }

    /// Takes the time to the first token where it is given in milliseconds.
    pub(super) fn take_millis_to_first_token(&mut self, name: &str) {
        if let Some(millis) = self.take_amount(name) {
            self.keep_time_to_first_token(millis / 1e3);
        }
    }

    /// Takes text, or a number as text; what is neither, or empty, stays.
    pub(super) fn take_loose_text(&mut self, name: &str) -> Option<String> {
        let text = match self.attributes.get(name)? {
            Value::String(text) if !text.is_empty() => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        self.attributes.remove(name);
        Some(text)
    }

    /// Takes an id, as text or as a number; what cannot be one stays.
    pub(super) fn take_loose_id<T: TryFrom<String>>(&mut self, name: &str) -> Option<T> {
        let given = self.attributes.get(name)?.clone();
        let id = self.take_loose_text(name).and_then(|text| T::try_from(text).ok());
        if id.is_none() {
            self.attributes.insert(name.to_owned(), given);
        }
        id
    }

    /// Takes a count that may come as text or as a number with a fraction of zero; what is none stays.
    pub(super) fn take_loose_count(&mut self, name: &str) -> Option<u64> {
        let count = match self.attributes.get(name)? {
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => {
                let whole = |number: &f64| (0.0..1e15).contains(number) && number.fract() == 0.0;
                number.as_u64().or_else(|| number.as_f64().filter(whole).map(|number| number as u64))
            }
            _ => None,
        }?;
        self.attributes.remove(name);
        Some(count)
    }
}

/// Usage whose parts are within the whole: where more was read from the cache than went in, the input was counted without it.
fn inclusive(mut usage: Usage) -> Usage {
    let cached = usage.cache_read.unwrap_or(0).saturating_add(usage.cache_write.unwrap_or(0));
    if let Some(input) = usage.input.filter(|input| cached > *input) {
        usage.input = Some(input.saturating_add(cached));
    }
    if let (Some(output), Some(reasoning)) = (usage.output, usage.reasoning)
        && reasoning > output
    {
        usage.output = Some(output.saturating_add(reasoning));
    }
    usage
}

/// What the model was told before the messages: a system message that goes first, unless one does already.
pub(super) fn with_instructions(instructions: Option<Vec<Part>>, content: Option<Content>) -> Option<Content> {
    let Some(parts) = instructions.filter(|parts| !parts.is_empty()) else { return content };
    let system = Message { role: "system".to_owned(), parts, extra: neuraltrust_model::Map::new() };
    match content {
        None => Some(Content::Messages { messages: vec![system] }),
        Some(Content::Messages { messages }) if messages.contains(&system) => Some(Content::Messages { messages }),
        Some(Content::Messages { mut messages }) => {
            messages.insert(0, system);
            Some(Content::Messages { messages })
        }
        Some(Content::Text { text }) => {
            let user =
                Message { role: "user".to_owned(), parts: vec![Part::Text { text }], extra: neuraltrust_model::Map::new() };
            Some(Content::Messages { messages: vec![system, user] })
        }
        Some(other) => Some(other),
    }
}
