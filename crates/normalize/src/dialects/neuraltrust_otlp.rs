//! `neuraltrust.*`: what our own SDK writes where OpenTelemetry has no name ([`attributes`](neuraltrust_model::attributes)).

use neuraltrust_model::{Content, Kind, Score, ScoreSource, ScoreTarget, attributes as names};
use serde_json::Value;

use super::{Dialect, Draft, fill, fill_content};
use crate::content::{Side, content, json_text};
use crate::{Rejection, feedback};

pub(super) const DIALECT: Dialect = Dialect { kind, read };

fn kind(draft: &mut Draft) -> Option<Kind> {
    draft.take_text(names::KIND).map(Kind::from)
}

fn read(draft: &mut Draft) -> Result<(), Rejection> {
    draft.patch.channel_id = draft.take_id(names::CHANNEL_ID)?;
    draft.take_user(names::USER)?;
    draft.patch.metadata = draft.take_object(names::METADATA)?.unwrap_or_default();
    draft.patch.custom = draft.take(names::CUSTOM).map(json_text).filter(|value| !value.is_null());
    draft.patch.cost = draft.take_amount(names::COST);
    // Our own SDK sends text as text and structure as structure: nothing is parsed out of a string.
    fill_content(draft, |draft| own(draft, Side::Input, names::INPUT), |draft| own(draft, Side::Output, names::OUTPUT));
    if *draft.kind() == Kind::Feedback {
        let tag = draft.take_text(names::FEEDBACK_TAG);
        let words = draft.take_text(names::FEEDBACK_TEXT);
        fill(&mut draft.patch.input, || words.clone().filter(|words| !words.is_empty()).map(Content::text));
        let verdict = feedback::score(&mut draft.patch, tag, words);
        draft.more.extend(verdict);
    }
    if *draft.kind() == Kind::Evaluation
        && let Some(score) = score(draft)
    {
        let verdict = feedback::place(&mut draft.patch, score);
        draft.more.extend(verdict);
    }
    Ok(())
}

/// The judgement that the span tells; `None` where it has no verdict that is one.
fn score(draft: &mut Draft) -> Option<Score> {
    let value = match draft.attributes.get(names::SCORE_VALUE)? {
        Value::Number(_) | Value::String(_) | Value::Bool(_) => draft.take(names::SCORE_VALUE)?,
        _ => return None,
    };
    let name = draft.take_text(names::SCORE_NAME).or_else(|| draft.patch.name.clone())?;
    let source = match draft.take_text(names::SCORE_SOURCE).as_deref() {
        Some("user") => ScoreSource::User,
        Some("evaluator") => ScoreSource::Evaluator,
        _ => ScoreSource::Api,
    };
    let target = match draft.take_text(names::SCORE_TARGET).as_deref() {
        Some("trace") => ScoreTarget::Trace,
        Some("conversation") => ScoreTarget::Conversation,
        _ => ScoreTarget::Span,
    };
    let id = draft.take_text(names::SCORE_ID).unwrap_or_else(|| draft.patch.span_id.as_str().to_owned());
    let comment = draft.take_text(names::SCORE_COMMENT).filter(|comment| !comment.is_empty());
    Some(Score { comment, time: draft.patch.start, target, ..Score::new(id, name, value, source) })
}

fn own(draft: &mut Draft, side: Side, name: &str) -> Option<Content> {
    let value = draft.take(name)?;
    content(draft.kind(), side, value)
}
