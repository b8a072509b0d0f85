//! Feedback and judgements: a span of its own, and a score on what it is about.

use neuraltrust_model::{Score, ScoreSource, ScoreTarget, SpanPatch};
use serde_json::Value;

/// Name of the score that feedback gives.
const FEEDBACK: &str = "feedback";

/// Adds the verdict of a feedback span. It goes to the span's parent as a patch of its own, which is returned; without a
/// parent it stays on the feedback span.
pub(crate) fn score(span: &mut SpanPatch, tag: Option<String>, text: Option<String>) -> Option<SpanPatch> {
    let text = text.filter(|text| !text.is_empty());
    if tag.is_none() && text.is_none() {
        return None;
    }
    let score = Score {
        id: span.span_id.as_str().to_owned(),
        name: FEEDBACK.to_owned(),
        // Words without a tag say something, but not which way.
        value: Value::String(tag.unwrap_or_else(|| "neutral".to_owned())),
        comment: text,
        source: ScoreSource::User,
        time: span.start.or(span.end),
        target: ScoreTarget::Span,
        withdrawn: false,
        author: None,
    };
    place(span, score)
}

/// Puts a score where it belongs: on the parent of the span that tells it, as a patch of its own, which is returned. That of a
/// trace or conversation, and one without a parent, stays on the span that tells it.
pub(crate) fn place(span: &mut SpanPatch, score: Score) -> Option<SpanPatch> {
    let Some(parent) = span.parent_id.clone().filter(|_| score.target.is_span()) else {
        span.scores.push(score);
        return None;
    };
    let mut patch = SpanPatch::new(span.trace_id.clone(), parent);
    patch.scores.push(score);
    Some(patch)
}
