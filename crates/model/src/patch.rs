//! What one wire message says of a span.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fragment;
use crate::user::replace;
use crate::{
    ChannelId, Content, ConversationId, Event, Fragment, Kind, Link, Map, Score, SessionId, Source, SpanId, Status, Timestamp,
    TraceId, Unfinished, Usage, User, Warning,
};

/// What one wire message says of a span: its key and any of its fields. The store keeps patches as they arrive; a
/// [`Span`](crate::Span) is their merge, in order of arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanPatch {
    /// The trace of the span.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// When the client said it, by its own clock, where its protocol tells. Of two messages that carry the same field, the
    /// one that was told later wins, whatever the order in which they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
    /// The span that this one is a step of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<SpanId>,
    /// What the span is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// What the application calls the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// That the span is not taken to be running any more. Only the server itself says it, or the one that it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Unfinished>,
    /// That it was read from the export of another server: it tells of what was then, and is no sign that the span still runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub copied: bool,
    /// The conversation that the message names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    /// The session of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Where the user talks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    /// Who is talking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// What went in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Content>,
    /// What came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Content>,
    /// Messages of the span that came apart from it; they count where `input` or `output` is told nowhere as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fragments: Vec<Fragment>,
    /// The model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Who served the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Tokens of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Cost of the call in US dollars, where the client says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Everything that has no field of its own.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map,
    /// The application's metadata.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map,
    /// The application's own data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Value>,
    /// Things that happened during the span.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// Other spans that this one has to do with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Judgements of the span, each known by its id and what it judges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score>,
    /// Who sent the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What was odd about the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

impl SpanPatch {
    /// A patch that says nothing yet of the span.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        Self {
            trace_id,
            span_id,
            told: None,
            parent_id: None,
            kind: None,
            name: None,
            status: None,
            start: None,
            end: None,
            unfinished: None,
            copied: false,
            conversation_id: None,
            session_id: None,
            channel_id: None,
            user: None,
            input: None,
            output: None,
            fragments: Vec::new(),
            model: None,
            provider: None,
            usage: None,
            cost: None,
            attributes: Map::new(),
            metadata: Map::new(),
            custom: None,
            events: Vec::new(),
            links: Vec::new(),
            scores: Vec::new(),
            source: None,
            warnings: Vec::new(),
        }
    }

    /// Adds what a later message about the same span says: a field that it carries replaces the field, maps merge by key,
    /// lists gain what they do not hold yet, and a score replaces the one of the same id. The start is the earliest that
    /// any message tells, the end the latest: clients repeat a span with the time of the repetition.
    ///
    /// Where both messages say when they were [`told`](Self::told), the one told later is the later one.
    ///
    /// Patches that carry different fields give the same span in any order, and a patch applied twice gives what it gave
    /// once.
    pub fn apply(&mut self, mut later: Self) {
        debug_assert_eq!((&self.trace_id, &self.span_id), (&later.trace_id, &later.span_id));
        if let (Some(told), Some(came_late)) = (self.told, later.told)
            && came_late < told
        {
            std::mem::swap(self, &mut later);
        }
        replace(&mut self.told, later.told);
        replace(&mut self.parent_id, later.parent_id);
        replace(&mut self.kind, later.kind);
        replace(&mut self.name, later.name);
        replace(&mut self.status, later.status);
        merge(&mut self.start, later.start, |start, other| *start = other.min(*start));
        merge(&mut self.end, later.end, |end, other| *end = other.max(*end));
        // Who marks a span did not send it.
        if later.unfinished.is_none() || later.copied {
            // Of two that tell of one span, in two protocols say, the same is named in whatever order they come.
            merge(&mut self.source, later.source, |source, other| {
                fn named(source: &Source) -> (&str, Option<&str>, Option<&str>) {
                    (&source.protocol, source.client.as_deref(), source.version.as_deref())
                }
                if named(&other) > named(source) {
                    *source = other;
                }
            });
        }
        merge(&mut self.unfinished, later.unfinished, |mark, other| {
            if other.since > mark.since {
                *mark = other;
            }
        });
        replace(&mut self.conversation_id, later.conversation_id);
        replace(&mut self.session_id, later.session_id);
        replace(&mut self.channel_id, later.channel_id);
        merge(&mut self.user, later.user, User::merge);
        replace(&mut self.input, later.input);
        replace(&mut self.output, later.output);
        fragment::add(&mut self.fragments, later.fragments);
        replace(&mut self.model, later.model);
        replace(&mut self.provider, later.provider);
        merge(&mut self.usage, later.usage, Usage::merge);
        replace(&mut self.cost, later.cost);
        self.attributes.extend(later.attributes);
        self.metadata.extend(later.metadata);
        replace(&mut self.custom, later.custom);
        add_new(&mut self.events, later.events);
        add_new(&mut self.links, later.links);
        for score in later.scores {
            self.scores.retain(|known| (known.target, &known.id) != (score.target, &score.id));
            self.scores.push(score);
        }
        add_new(&mut self.warnings, later.warnings);
    }
}

fn merge<T>(field: &mut Option<T>, later: Option<T>, both: impl FnOnce(&mut T, T)) {
    match (field.as_mut(), later) {
        (_, None) => {}
        (None, later) => *field = later,
        (Some(field), Some(later)) => both(field, later),
    }
}

fn add_new<T: PartialEq>(list: &mut Vec<T>, later: Vec<T>) {
    for item in later {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_later_wins_in_any_order_and_times_only_widen() {
        let patch = |told: i64, name: &str| SpanPatch {
            told: Some(Timestamp::from_nanos(told)),
            name: Some(name.to_owned()),
            start: Some(Timestamp::from_nanos(told)),
            end: Some(Timestamp::from_nanos(told + 1)),
            ..SpanPatch::new(TraceId::try_from("t".to_owned()).unwrap(), SpanId::try_from("s".to_owned()).unwrap())
        };
        let merged = |patches: [SpanPatch; 2]| {
            let [mut first, second] = patches;
            first.apply(second);
            (first.name.unwrap(), first.start.unwrap().as_nanos(), first.end.unwrap().as_nanos())
        };
        let expect = ("second".to_owned(), 1, 3);
        assert_eq!(merged([patch(1, "first"), patch(2, "second")]), expect);
        assert_eq!(merged([patch(2, "second"), patch(1, "first")]), expect);
    }
}
