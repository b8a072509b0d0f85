//! Feedback: a span of its own, and a score on the span that it is about.

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
    };
    let Some(parent) = span.parent_id.clone() else {
        span.scores.push(score);
        return None;
    };
    let mut patch = SpanPatch::new(span.trace_id.clone(), parent);
    patch.scores.push(score);
    Some(patch)
}
