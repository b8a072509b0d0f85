//! A message of a span that came on its own, apart from the span.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{Content, Message, Timestamp};

/// Which end of a span something is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What went in.
    Input,
    /// What came out.
    Output,
}

/// One message of a span, told in a message of its own (OTel GenAI: one log record for each). A span whose input or output
/// is told nowhere else has the fragments of that side, in order, as its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fragment {
    /// Names the fragment among those of its span: the same one told again has the same id.
    pub id: String,
    /// The end of the span that the message is at.
    pub side: Side,
    /// When it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Its place among the fragments that came with it: clocks of milliseconds show one time for a whole history.
    #[serde(default)]
    pub place: u32,
    /// The message.
    pub message: Message,
}

/// Adds fragments that are not known yet and keeps the whole in order: by time, then by place, then by arrival.
///
/// A fragment that comes again in a request of its own has lost its place there, so the last place that it was seen at
/// stays.
pub(crate) fn add(known: &mut Vec<Fragment>, later: Vec<Fragment>) {
    if later.is_empty() {
        return;
    }
    let mut at: HashMap<String, usize> = known.iter().enumerate().map(|(n, fragment)| (fragment.id.clone(), n)).collect();
    for fragment in later {
        let n = *at.entry(fragment.id.clone()).or_insert(known.len());
        match known.get_mut(n) {
            Some(other) => other.place = other.place.max(fragment.place),
            None => known.push(fragment),
        }
    }
    known.sort_by_key(|fragment| (fragment.time, fragment.place));
}

/// The content that the fragments of one side are; `None` where there is none.
pub(crate) fn content(fragments: &[Fragment], side: Side) -> Option<Content> {
    let messages: Vec<Message> =
        fragments.iter().filter(|fragment| fragment.side == side).map(|fragment| fragment.message.clone()).collect();
    (!messages.is_empty()).then_some(Content::Messages { messages })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Map, Part, Span, SpanId, SpanPatch, TraceId};

    fn fragment(id: &str, side: Side, millis: i64, place: u32) -> Fragment {
        let message = Message { role: "user".to_owned(), parts: vec![Part::Text { text: id.to_owned() }], extra: Map::new() };
        Fragment { id: id.to_owned(), side, time: Some(Timestamp::from_nanos(millis * 1_000_000)), place, message }
    }

    fn patch(fragments: Vec<Fragment>) -> SpanPatch {
        let id = |text: &str| text.to_owned();
        let trace_id = TraceId::try_from(id("t")).unwrap();
        SpanPatch { fragments, ..SpanPatch::new(trace_id, SpanId::try_from(id("s")).unwrap()) }
    }

    fn words(patches: &[SpanPatch]) -> (String, String) {
        let mut merged = patch(Vec::new());
        for patch in patches {
            merged.apply(patch.clone());
        }
        let span = Span::new(merged, Timestamp::from_nanos(0));
        let text = |content: Option<Content>| content.map(|content| content.plain_text(1_000)).unwrap_or_default();
        (text(span.input), text(span.output))
    }

    #[test]
    fn fragments_come_in_any_order_and_more_than_once() {
        let one = patch(vec![fragment("a", Side::Input, 5, 0), fragment("b", Side::Input, 5, 1)]);
        let two = patch(vec![fragment("c", Side::Input, 5, 2), fragment("answer", Side::Output, 9, 0)]);
        let again = patch(vec![fragment("b", Side::Input, 5, 0)]);
        let expect = ("a\nb\nc".to_owned(), "answer".to_owned());
        assert_eq!(words(&[one.clone(), two.clone()]), expect);
        assert_eq!(words(&[two.clone(), one.clone()]), expect);
        assert_eq!(words(&[again.clone(), two.clone(), again, one.clone(), two, one]), expect);
    }

    #[test]
    fn content_told_as_a_whole_wins() {
        let whole = SpanPatch { input: Some(Content::text("whole")), ..patch(Vec::new()) };
        let part = patch(vec![fragment("a", Side::Input, 5, 0)]);
        assert_eq!(words(&[whole.clone(), part.clone()]).0, "whole");
        assert_eq!(words(&[part, whole]).0, "whole");
    }

    #[test]
    fn a_patch_kept_by_an_older_version_is_read() {
        let old: SpanPatch = serde_json::from_str(r#"{"trace_id":"t","span_id":"s","name":"n"}"#).unwrap();
        assert!(old.fragments.is_empty());
        assert!(!serde_json::to_string(&old).unwrap().contains("fragments"));
    }
}
