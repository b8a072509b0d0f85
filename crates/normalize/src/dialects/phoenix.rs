//! Phoenix: annotations of spans, traces and sessions, and notes on them; its spans come as OTLP.
//!
//! Format: <https://arize.com/docs/phoenix/sdk-api-reference>, `POST /v1/span_annotations` and its like. An annotation is known by what it is
//! about, its name and its identifier: one of the same replaces it. A label and a number may come together; the number is the verdict
//! then, and the label begins the comment.
//!
//! An annotation of a span names the span alone; here it stands in a trace of the span's name, for whoever knows the trace to move. That
//! of a trace is kept at a span of its own that never comes, since its root is not named. A session is a conversation, and an
//! annotation of one is a step of kind evaluation in it, in one trace for each session.

use neuraltrust_model::{ConversationId, Kind, Score, ScoreSource, ScoreTarget, Source, SpanId, SpanPatch, TraceId};
use serde_json::Value;

use crate::fields::{Fields, id, json_body, wrong_type};
use crate::items::{Itemized, object};
use crate::values::few_enough_spans;
use crate::{Reason, Rejection};

/// The name under which notes are kept, which no annotation may have.
const NOTE: &str = "note";
/// The span at which annotations of a trace are kept.
const OF_TRACE: &str = "annotations";

/// What is annotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// A span.
    Span,
    /// A trace.
    Trace,
    /// A session.
    Session,
}

impl On {
    const fn id_field(self) -> &'static str {
        match self {
            Self::Span => "span_id",
            Self::Trace => "trace_id",
            Self::Session => "session_id",
        }
    }
}

/// What annotations say: `{"data": [..]}`. The id of each item is that of its score; one that cannot be read is rejected alone.
///
/// # Errors
/// A [`Rejection`] when the body is no such list.
pub fn annotations(on: On, body: &[u8], source: &Source) -> Result<Itemized, Rejection> {
    let items = match data(body)? {
        Value::Array(items) => items,
        other => return Err(wrong_type("data", &other, "an array of annotations")),
    };
    few_enough_spans("data", items.len())?;
    let mut told = Itemized::default();
    for (n, item) in items.into_iter().enumerate() {
        let said = object("annotation", item).and_then(|map| annotation(on, Fields(map), source)).map_err(|mut rejection| {
            rejection.at = format!("data[{n}].{}", rejection.at);
            rejection
        });
        let own_id = said.as_ref().ok().and_then(|patch| patch.scores.first()).map(|score| score.id.clone());
        told.push(own_id.unwrap_or_default(), said.map(|patch| vec![patch]));
    }
    Ok(told)
}

/// What a note says: `{"data": {..}}`; a note without an identifier is known by its words.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no note.
pub fn note(on: On, body: &[u8], source: &Source) -> Result<SpanPatch, Rejection> {
    let mut fields = Fields(object("data", data(body)?)?);
    let words = fields.text("note")?.filter(|words| !words.trim().is_empty());
    let words = words.ok_or_else(|| missing("note", "what the note says and must be text"))?;
    let of = fields.text(on.id_field())?.ok_or_else(|| missing(on.id_field(), "what the note is on and must be text"))?;
    let identifier = fields.text("identifier")?.filter(|own| !own.is_empty()).unwrap_or_else(|| digest(&words));
    let score =
        Score { comment: Some(words), ..Score::new(score_id(&of, NOTE, &identifier), NOTE, Value::Null, ScoreSource::User) };
    placed(on, &of, score, source)
}

fn data(body: &[u8]) -> Result<Value, Rejection> {
    let mut map = object("body", json_body(body)?)?;
    map.remove("data").ok_or_else(|| Rejection::new(Reason::Malformed, "data", "is missing; it is what is told"))
}

fn missing(at: &str, meaning: &str) -> Rejection {
    Rejection::new(Reason::MissingId, at, format!("is missing; it is {meaning}"))
}

fn annotation(on: On, mut fields: Fields, source: &Source) -> Result<SpanPatch, Rejection> {
    let of = fields.text(on.id_field())?.ok_or_else(|| missing(on.id_field(), "what is annotated and must be text"))?;
    let name = fields.text("name")?.filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| missing("name", "the name of the annotation and must be text"))?;
    let by = match fields.text("annotator_kind")?.as_deref() {
        Some("LLM" | "CODE") => ScoreSource::Evaluator,
        _ => ScoreSource::User,
    };
    let mut result = Fields(fields.object("result")?.unwrap_or_default());
    let label = result.text("label")?.filter(|label| !label.is_empty());
    let explanation = result.text("explanation")?.filter(|words| !words.is_empty());
    let number = match result.value("score") {
        None => None,
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value),
        Some(other) => return Err(wrong_type("result.score", &other, "a number or null")),
    };
    if label.is_none() && explanation.is_none() && number.is_none() {
        return Err(Rejection::new(Reason::WrongType, "result", "holds none of label, score and explanation"));
    }
    let (value, comment) = match (number, label, explanation) {
        (Some(number), Some(label), Some(words)) => (number, Some(format!("{label}: {words}"))),
        (Some(number), label, words) => (number, label.or(words)),
        (None, Some(label), words) => (Value::String(label), words),
        (None, None, words) => (Value::Null, words),
    };
    let identifier = fields.text("identifier")?.unwrap_or_default();
    let score = Score { comment, ..Score::new(score_id(&of, &name, &identifier), name.clone(), value, by) };
    let mut patch = placed(on, &of, score, source)?;
    if let Some(metadata) = fields.object("metadata")?.filter(|metadata| !metadata.is_empty()) {
        patch.attributes.insert(format!("phoenix.annotation.{name}.metadata"), Value::Object(metadata));
    }
    Ok(patch)
}

fn score_id(of: &str, name: &str, identifier: &str) -> String {
    if identifier.is_empty() { format!("{of}:{name}") } else { format!("{of}:{name}:{identifier}") }
}

/// A score at what it is about.
fn placed(on: On, of: &str, mut score: Score, source: &Source) -> Result<SpanPatch, Rejection> {
    let (at, of) = (on.id_field(), of.to_owned());
    let mut patch = match on {
        On::Span => SpanPatch::new(id::<TraceId>(at, of.clone())?, id::<SpanId>(at, of)?),
        On::Trace => {
            score.target = ScoreTarget::Trace;
            SpanPatch::new(id::<TraceId>(at, of)?, id::<SpanId>(at, OF_TRACE.to_owned())?)
        }
        On::Session => {
            let conversation: ConversationId = id(at, of)?;
            let trace_id: TraceId = id(at, format!("session-{}", digest(conversation.as_str())))?;
            let span_id: SpanId = id(at, format!("score-{}", digest(&score.id)))?;
            SpanPatch {
                kind: Some(Kind::Evaluation),
                name: Some(score.name.clone()),
                conversation_id: Some(conversation),
                source: Some(source.clone()),
                ..SpanPatch::new(trace_id, span_id)
            }
        }
    };
    patch.scores.push(score);
    Ok(patch)
}

/// A short name made of a text, the same each time.
fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source() -> Source {
        Source { client: None, version: None, protocol: "phoenix".to_owned() }
    }

    fn told(on: On, items: Value) -> Itemized {
        annotations(on, json!({ "data": items }).to_string().as_bytes(), &source()).unwrap()
    }

    #[track_caller]
    fn check(result: Value, value: Value, comment: Option<&str>) {
        let told = told(On::Span, json!([{"span_id": "s", "name": "tone", "annotator_kind": "LLM", "result": result}]));
        let score = &told.patches[0].scores[0];
        assert_eq!((score.id.as_str(), score.source), ("s:tone", ScoreSource::Evaluator));
        assert_eq!((&score.value, score.comment.as_deref()), (&value, comment));
    }

    #[test]
    fn labels_numbers_and_explanations() {
        check(json!({"label": "good", "score": 0.9, "explanation": "kind"}), json!(0.9), Some("good: kind"));
        check(json!({"label": "good", "score": 1, "explanation": null}), json!(1), Some("good"));
        check(json!({"score": 0.1, "explanation": "rude"}), json!(0.1), Some("rude"));
        check(json!({"label": "good", "explanation": "kind"}), json!("good"), Some("kind"));
        check(json!({"explanation": "kind"}), json!(null), Some("kind"));
    }

    #[test]
    fn each_is_kept_where_it_belongs_and_a_bad_one_costs_only_itself() {
        let result = json!({"label": "good"});
        let spans = told(
            On::Span,
            json!([
                {"span_id": "s", "name": "tone", "result": result, "identifier": "me", "metadata": {"team": "a"}},
                {"span_id": "s", "name": "tone", "result": {}},
                {"name": "tone", "result": result},
                7,
            ]),
        );
        assert_eq!(spans.items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["s:tone:me", "", "", ""]);
        let at: Vec<_> = spans.rejected().map(|(_, rejection)| rejection.at.as_str()).collect();
        assert_eq!(at, ["data[1].result", "data[2].span_id", "data[3].annotation"]);
        assert_eq!(spans.patches[0].attributes["phoenix.annotation.tone.metadata"], json!({"team": "a"}));
        let trace = told(On::Trace, json!([{"trace_id": "t", "name": "tone", "result": result}])).patches.remove(0);
        assert_eq!((trace.trace_id.as_str(), trace.scores[0].target, &trace.kind), ("t", ScoreTarget::Trace, &None));
        let session = told(On::Session, json!([{"session_id": "c", "name": "tone", "result": result}])).patches.remove(0);
        assert_eq!((session.conversation_id.unwrap().as_str(), session.kind), ("c", Some(Kind::Evaluation)));
        assert_eq!(annotations(On::Span, b"{\"data\": 7}", &source()).unwrap_err().at, "data");
        assert_eq!(annotations(On::Span, b"{}", &source()).unwrap_err().at, "data");
    }

    #[test]
    fn a_note_is_words_alone() {
        let said = |body: Value| note(On::Span, body.to_string().as_bytes(), &source());
        let score = said(json!({"data": {"span_id": "s", "note": "look here"}})).unwrap().scores.remove(0);
        assert_eq!((score.name.as_str(), score.comment.as_deref(), score.value), ("note", Some("look here"), json!(null)));
        assert_eq!(said(json!({"data": {"span_id": "s", "note": "a", "identifier": "i"}})).unwrap().scores[0].id, "s:note:i");
        assert_eq!(said(json!({"data": {"span_id": "s", "note": " "}})).unwrap_err().at, "note");
        assert_eq!(said(json!({"data": {"note": "a"}})).unwrap_err().at, "span_id");
    }
}
