//! LangSmith: runs and feedback, as JSON in multipart forms, in batches and one by one.
//!
//! Facts of the wire, from recorded traffic (`fixtures/langsmith/`) and the client's code: a run is told whole (`post` with an end) or
//! in two messages, its `post` and a `patch`; feedback may come before its run. `session_name` is the project and no session. A
//! thread is named in `extra.metadata` alone, by `session_id`, `thread_id` or `conversation_id`, and so is the user. An error is
//! `repr(exception)` with the traceback. The counts of `usage_metadata` include cached tokens and reasoning.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use neuraltrust_model::attributes::TIME_TO_FIRST_CHUNK;
use neuraltrust_model::limits::{MAX_BODY_BYTES, MAX_DEPTH};
use neuraltrust_model::{
    Content, Event, Kind, Map, Message, Part as MessagePart, Score, ScoreSource, Source, SpanId, SpanPatch, Status, StatusCode,
    Timestamp, TraceId, User,
};
use serde_json::{Value, json};

use super::langsmith_words::{Words, model, usage, words};
use super::{PROJECT_NAME, prompts};
use crate::content::Side;
use crate::fields::{Fields, id, json_body, too_deep, within_depth, wrong_type};
use crate::file_step::{self, File};
use crate::spoken::keep_answer_id;
use crate::values::{self, few_enough_spans};
use crate::{Normalized, Reason, Rejection};

/// What is done to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// It is new.
    Post,
    /// More is known of it.
    Patch,
}

impl Act {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Patch => "patch",
        }
    }
}

/// What runs gave.
#[derive(Debug, Default, PartialEq)]
pub struct Runs {
    /// What they say of spans, and what of them could not be kept.
    pub normalized: Normalized,
    /// Patches whose trace the client did not name: where in [`Normalized::patches`], and the run whose trace it is. They have the
    /// trace that they are in if that run is a root.
    pub guessed: Vec<(usize, SpanId)>,
}

/// One part of a multipart form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its name, e.g. `post.0198c5a2-...inputs`.
    pub name: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// What it holds, decompressed.
    pub body: &'a [u8],
}

impl Part<'_> {
    /// Whether it is a file, which is kept as it is.
    fn is_attachment(&self) -> bool {
        part_name(self.name).is_some_and(|(act, ..)| act == "attachment")
    }
}

/// `POST /runs` and `PATCH /runs/{id}`: one run; `named` is the id in the path.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is no run.
pub fn run(act: Act, named: Option<&str>, body: &[u8], source: &Source) -> Result<Runs, Rejection> {
    let mut run = object(body)?;
    if let Some(named) = named {
        run.entry("id").or_insert_with(|| named.into());
    }
    let mut runs = Runs::default();
    runs.read(act, run, source)?;
    Ok(runs)
}

/// `POST /runs/batch`: `{"post": [..], "patch": [..]}`. A run that cannot be read is rejected alone.
///
/// # Errors
/// A [`Rejection`] when the body is no such object.
pub fn batch(body: &[u8], source: &Source) -> Result<Runs, Rejection> {
    let mut batch = match json_body(body)? {
        Value::Object(map) => map,
        other => return Err(wrong_type("body", &other, "an object {post, patch}")),
    };
    let mut runs = Runs::default();
    let mut count = 0;
    for act in [Act::Post, Act::Patch] {
        let list = match batch.remove(act.as_str()) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(list)) => list,
            Some(other) => return Err(wrong_type(act.as_str(), &other, "an array of runs")),
        };
        count += list.len();
        few_enough_spans(act.as_str(), count)?;
        for (n, run) in list.into_iter().enumerate() {
            runs.item(&format!("{}[{n}]", act.as_str()), act, run, source);
        }
    }
    Ok(runs)
}

/// `POST /runs/multipart`: the fields of runs in parts of their own. A part or run that cannot be read is rejected alone.
///
/// # Errors
/// A [`Rejection`] when the parts together say too much.
pub fn multipart(parts: &[Part<'_>], source: &Source) -> Result<Runs, Rejection> {
    values::few_enough(parts.iter().filter(|part| !part.is_attachment()).map(|part| values::in_json(part.body)).sum())?;
    let mut runs = Runs::default();
    let mut acts: Vec<(Option<Act>, &str, Map)> = Vec::new();
    let mut at: std::collections::HashMap<(Option<Act>, &str), usize> = std::collections::HashMap::new();
    let mut attachments = Vec::new();
    for &part in parts {
        let Some((act, run_id, field)) = part_name(part.name) else {
            let message =
                "is not a part of this form; parts are post.ID, patch.ID and their fields, feedback.ID, attachment.ID.NAME";
            runs.normalized.rejected.push(Rejection::new(Reason::WrongType, shown(part.name), message));
            continue;
        };
        let key = match act {
            "post" => Some(Act::Post),
            "patch" => Some(Act::Patch),
            "feedback" => None,
            _ => {
                let media_type = part.content_type.split(';').next().unwrap_or("").trim();
                let uri = format!("data:{media_type};base64,{}", STANDARD.encode(part.body));
                attachments.push((run_id, field, json!({ "mime_type": media_type, "uri": uri })));
                continue;
            }
        };
        let value = match json_body(part.body) {
            Ok(value) => value,
            Err(rejection) => {
                runs.normalized.rejected.push(Rejection { at: shown(part.name), ..rejection });
                continue;
            }
        };
        let n = *at.entry((key, run_id)).or_insert_with(|| {
            acts.push((key, run_id, Map::new()));
            acts.len() - 1
        });
        let Some((_, _, fields)) = acts.get_mut(n) else { continue };
        match (field, value) {
            ("", Value::Object(map)) => fields.extend(map),
            ("", other) => {
                runs.normalized.rejected.push(Rejection { at: shown(part.name), ..wrong_type("part", &other, "an object") })
            }
            (field, value) => drop(fields.insert(field.to_owned(), value)),
        }
    }
    for (run_id, name, what) in attachments {
        let known = [Act::Post, Act::Patch].into_iter().find_map(|act| at.get(&(Some(act), run_id)).copied());
        let n = known.unwrap_or_else(|| {
            acts.push((Some(Act::Patch), run_id, Map::new()));
            at.insert((Some(Act::Patch), run_id), acts.len() - 1);
            acts.len() - 1
        });
        let Some((_, _, fields)) = acts.get_mut(n) else { continue };
        let all = fields.entry("attachments").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(all) = all {
            all.insert(name.to_owned(), what);
        }
    }
    for (act, item_id, mut fields) in acts {
        fields.entry("id").or_insert_with(|| item_id.into());
        let prefix = act.map_or("feedback", Act::as_str);
        let at = shown(&format!("{prefix}.{item_id}"));
        match act {
            Some(act) => runs.item(&at, act, Value::Object(fields), source),
            None => {
                let given = runs.read_feedback(fields);
                runs.reject(&at, given);
            }
        }
    }
    Ok(runs)
}

/// The same form as it comes over the wire: its parts may be compressed, each on its own, which `decompress` undoes (the name of the coding,
/// what was coded, and the most bytes that it may give). Together they are bounded like a body.
///
/// # Errors
/// A [`Rejection`] when the body is no such form, or says too much.
pub fn form(
    body: &[u8],
    boundary: &str,
    source: &Source,
    decompress: impl Fn(&str, &[u8], usize) -> Result<Vec<u8>, String>,
) -> Result<Runs, Rejection> {
    let parts = crate::multipart::parts(body, boundary)?;
    let mut plain: Vec<Cow<'_, [u8]>> = Vec::with_capacity(parts.len());
    let mut refused = Vec::new();
    let mut room = MAX_BODY_BYTES;
    for part in &parts {
        let body = match part.encoding {
            "" => Ok(Cow::Borrowed(part.body)),
            coding => decompress(coding, part.body, room).inspect(|body| room -= body.len().min(room)).map(Cow::Owned),
        };
        plain.push(body.unwrap_or_else(|message| {
            refused.push(Rejection::new(Reason::Malformed, shown(part.name), message));
            Cow::Borrowed(&[])
        }));
    }
    let read = parts.iter().zip(&plain).filter(|(part, plain)| part.encoding.is_empty() || !plain.is_empty());
    let read: Vec<Part<'_>> =
        read.map(|(part, plain)| Part { name: part.name, content_type: part.content_type, body: plain }).collect();
    let mut runs = multipart(&read, source)?;
    runs.normalized.rejected.extend(refused);
    Ok(runs)
}

/// `POST /feedback`: one judgement of a run.
///
/// # Errors
/// A [`Rejection`] that names the field when the body is none.
pub fn feedback(body: &[u8]) -> Result<Runs, Rejection> {
    let mut runs = Runs::default();
    runs.read_feedback(object(body)?)?;
    Ok(runs)
}

fn object(body: &[u8]) -> Result<Map, Rejection> {
    match json_body(body)? {
        value if !within_depth(&value, MAX_DEPTH) => Err(too_deep("body")),
        Value::Object(map) => Ok(map),
        other => Err(wrong_type("body", &other, "one JSON object")),
    }
}

/// `post.ID`, `post.ID.inputs`, `feedback.ID`, `attachment.ID.any.name`: what, of which, and which field.
fn part_name(name: &str) -> Option<(&str, &str, &str)> {
    let (act, rest) = name.split_once('.')?;
    let (item, field) = rest.split_once('.').unwrap_or((rest, ""));
    (matches!(act, "post" | "patch" | "feedback" | "attachment") && !item.is_empty()).then_some((act, item, field))
}

fn shown(name: &str) -> String {
    name.chars().take(120).collect()
}

impl Runs {
    fn item(&mut self, at: &str, act: Act, run: Value, source: &Source) {
        let given = match run {
            run if !within_depth(&run, MAX_DEPTH) => Err(too_deep("run")),
            Value::Object(map) => self.read(act, map, source),
            other => Err(wrong_type("run", &other, "an object")),
        };
        self.reject(at, given);
    }

    fn reject(&mut self, at: &str, given: Result<(), Rejection>) {
        if let Err(mut rejection) = given {
            rejection.at = format!("{at}.{}", rejection.at);
            self.normalized.rejected.push(rejection);
        }
    }

    /// Adds what is said of a run, in the trace that it names or must be in.
    fn place(&mut self, patch: SpanPatch, of: Option<SpanId>) {
        if let Some(of) = of {
            self.guessed.push((self.normalized.patches.len(), of));
        }
        self.normalized.patches.push(patch);
    }

    fn read(&mut self, act: Act, run: Map, source: &Source) -> Result<(), Rejection> {
        let mut fields = Fields(run);
        let span_id: SpanId = fields.id("id")?.ok_or_else(|| missing("id", "the id of the run"))?;
        let parent_id: Option<SpanId> = fields.id("parent_run_id")?;
        let dotted_order = fields.text("dotted_order")?;
        let (trace_id, guessed): (TraceId, _) = match (fields.id("trace_id")?, dotted_order.as_deref().and_then(root_of)) {
            (Some(trace_id), _) => (trace_id, None),
            (None, Some(root)) => (id("dotted_order", root.to_owned())?, None),
            (None, None) => {
                let of = parent_id.clone().unwrap_or_else(|| span_id.clone());
                // A new run without a parent is a root, and a root names its trace.
                let known = act == Act::Post && parent_id.is_none();
                (id("id", of.as_str().to_owned())?, (!known).then_some(of))
            }
        };
        let is_root = parent_id.is_none() && trace_id.as_str() == span_id.as_str();
        let mut patch = SpanPatch::new(trace_id, span_id);
        patch.parent_id = parent_id;
        patch.source = Some(source.clone());
        patch.kind = fields.text("run_type")?.map(|run_type| kind(&run_type, is_root));
        patch.name = fields.text("name")?;
        patch.start = time(&mut fields, "start_time")?;
        patch.end = time(&mut fields, "end_time")?;
        patch.told = patch.end.or(patch.start);
        if act == Act::Post && patch.kind.is_none() && patch.told.is_none() {
            // A run of which nothing is told but its ids is there all the same. Whatever else is said of it was told later.
            patch.kind = Some(kind("chain", is_root));
            patch.told = Some(Timestamp::from_nanos(0));
        }
        if let Some(order) = dotted_order {
            patch.attributes.insert("langsmith.dotted_order".to_owned(), order.into());
        }
        let mut extra = fields.object("extra")?.unwrap_or_default();
        let metadata = match extra.remove("metadata") {
            Some(Value::Object(map)) => map,
            Some(other) => Map::from_iter([("metadata".to_owned(), other)]),
            None => Map::new(),
        };
        let inputs = fields.value("inputs").filter(|value| *value != json!({}));
        // A run that goes on is told with no outputs yet.
        let outputs = fields.value("outputs").filter(|value| *value != json!({}));
        let is_whole = patch.end.is_some() || outputs.is_some();
        tell(&mut patch, inputs, outputs, metadata, &extra)?;
        let mut files = Vec::new();
        if let Some(Value::Object(attachments)) = fields.value("attachments") {
            if act == Act::Post && !is_whole {
                // More will be told of the run, its inputs once again among that, and the files not.
                files = steps(&patch, attachments)?;
            } else {
                attach(&mut patch, attachments);
            }
        }
        for (name, value) in extra {
            patch.attributes.insert(format!("langsmith.{name}"), value);
        }
        read_events(&mut patch, &mut fields)?;
        read_error(&mut patch, fields.text("error")?);
        for (name, value) in std::mem::take(&mut fields.0) {
            if !value.is_null() && value != json!([]) {
                let name = if name == "session_name" { PROJECT_NAME.to_owned() } else { name };
                patch.attributes.insert(name, value);
            }
        }
        files.into_iter().for_each(|file| self.place(file, guessed.clone()));
        self.place(patch, guessed);
        Ok(())
    }

    fn read_feedback(&mut self, feedback: Map) -> Result<(), Rejection> {
        let mut fields = Fields(feedback);
        let run: SpanId = fields.id("run_id")?.ok_or_else(|| missing("run_id", "the run that is judged"))?;
        let (trace_id, guessed): (TraceId, _) = match fields.id("trace_id")? {
            Some(trace_id) => (trace_id, None),
            None => (id("run_id", run.as_str().to_owned())?, Some(run.clone())),
        };
        let mut patch = SpanPatch::new(trace_id, run);
        let key = fields.text("key")?.ok_or_else(|| missing("key", "the name of the judgement"))?;
        let told = fields.0.remove("feedback_source").unwrap_or_default();
        let (score, value) = (fields.value("score"), fields.value("value"));
        let id = match fields.text("id")? {
            Some(id) => id,
            None => format!("{}/{key}", patch.span_id),
        };
        let comment = match fields.value("comment") {
            Some(Value::String(text)) => Some(text),
            Some(other) => Some(other.to_string()),
            None => None,
        };
        let time = time(&mut fields, "created_at")?;
        if let Some(correction) = fields.value("correction") {
            patch.attributes.insert(format!("langsmith.feedback.{key}.correction"), correction);
        }
        patch.told = time;
        let source = match told.get("type").and_then(Value::as_str) {
            Some("app") => ScoreSource::User,
            Some("model" | "auto_eval") => ScoreSource::Evaluator,
            _ => ScoreSource::Api,
        };
        patch.scores.push(Score { comment, time, ..Score::new(id, key, score.or(value).unwrap_or_default(), source) });
        self.place(patch, guessed);
        Ok(())
    }
}

/// Reads what went in, what came out, and what the tracer says about it.
fn tell(
    patch: &mut SpanPatch,
    inputs: Option<Value>,
    outputs: Option<Value>,
    metadata: Map,
    extra: &Map,
) -> Result<(), Rejection> {
    let kind = patch.kind.clone().or_else(|| by_shape(outputs.as_ref()?)).unwrap_or(Kind::Chain);
    if matches!(kind, Kind::Generation | Kind::Embedding) {
        patch.usage = usage(outputs.as_ref(), &metadata);
        patch.cost = outputs.as_ref().and_then(|outputs| outputs.pointer("/usage_metadata/total_cost")?.as_f64());
        patch.model = model(inputs.as_ref(), outputs.as_ref(), &metadata, extra);
    }
    for (side, value) in [(Side::Input, inputs), (Side::Output, outputs)] {
        let Some(Words { content, rest }) = value.and_then(|value| words(&kind, side, value)) else { continue };
        let name = match side {
            Side::Input => {
                patch.input = content;
                "langsmith.inputs"
            }
            Side::Output => {
                patch.output = content;
                "langsmith.outputs"
            }
        };
        if !rest.is_empty() {
            patch.attributes.insert(name.to_owned(), Value::Object(rest));
        }
    }
    keep_answer_id(&mut patch.attributes, &kind, "langsmith.outputs");
    read_metadata(patch, metadata)
}

/// What a run must be that gives such outputs, of which a patch of an earlier client does not say what it is.
fn by_shape(outputs: &Value) -> Option<Kind> {
    let is = |name: &str, test: fn(&Value) -> bool| outputs.get(name).is_some_and(test);
    let is_document =
        |item: &Value| item.get("page_content").is_some() && item.get("type").is_some_and(|kind| kind == "Document");
    let found = ["output", "documents"].iter().find_map(|name| outputs.get(*name)?.as_array());
    if is("usage_metadata", Value::is_object) || is("choices", Value::is_array) || is("generations", Value::is_array) {
        return Some(Kind::Generation);
    }
    found.is_some_and(|items| !items.is_empty() && items.iter().all(is_document)).then_some(Kind::Retrieval)
}

/// Files that were handed to a run, each as a step below it.
fn steps(run: &SpanPatch, attachments: Map) -> Result<Vec<SpanPatch>, Rejection> {
    let text = |file: &Value, name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
    let step = |(name, file): (String, Value)| {
        let (trace_id, of) = (run.trace_id.clone(), run.span_id.clone());
        let (mime_type, uri) = (text(&file, "mime_type"), text(&file, "uri").unwrap_or_default());
        let file = File { trace_id, of, known_by: &name, name: &name, mime_type: mime_type.as_deref(), uri };
        let step = file_step::step(file)?;
        Ok(SpanPatch { start: run.start, end: run.start, source: run.source.clone(), ..step })
    };
    attachments.into_iter().map(step).collect()
}

/// Files that were handed to a run: parts of what the user said, or fields among the arguments of a function, from which the
/// client takes them out.
fn attach(patch: &mut SpanPatch, attachments: Map) {
    if let Some(Content::Json { value: Value::Object(arguments) }) = &mut patch.input {
        for (name, file) in attachments {
            arguments.entry(name).or_insert(file);
        }
        return;
    }
    let text = |file: &Value, name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
    let part = |(name, file): (String, Value)| MessagePart::Media {
        mime_type: text(&file, "mime_type").filter(|mime_type| !mime_type.is_empty()),
        uri: text(&file, "uri"),
        name: Some(name),
        bytes: None,
    };
    let mut messages = match patch.input.take() {
        Some(Content::Messages { messages }) => messages,
        given => {
            let given = given.map(|content| MessagePart::Text { text: content.plain_text(usize::MAX) });
            vec![Message { role: "user".to_owned(), parts: given.into_iter().collect(), extra: Map::new() }]
        }
    };
    if let Some(last) = messages.last_mut() {
        last.parts.extend(attachments.into_iter().map(part));
    }
    patch.input = Some(Content::Messages { messages });
}

fn missing(name: &str, meaning: &str) -> Rejection {
    Rejection::new(Reason::MissingId, name, format!("is missing; it is {meaning} and must be text"))
}

/// The first run of `20261123T025947782689Z<uuid>.20261123T...Z<uuid>`, which names the trace.
fn root_of(dotted_order: &str) -> Option<&str> {
    dotted_order.split('.').next()?.split_once('Z').map(|(_, run)| run).filter(|run| !run.is_empty())
}

/// A time; Python's `isoformat()` of a time without a zone means UTC.
fn time(fields: &mut Fields, name: &str) -> Result<Option<Timestamp>, Rejection> {
    if let Some(Value::String(text)) = fields.0.get_mut(name)
        && text.len() >= 19
        && text.as_bytes().get(10) == Some(&b'T')
        && !text.ends_with('Z')
        && text.get(19..).is_some_and(|zone| !zone.contains(['+', '-']))
    {
        text.push('Z');
    }
    fields.time(name)
}

/// What a run of that type is.
pub(super) fn kind(run_type: &str, is_root: bool) -> Kind {
    match run_type {
        "llm" => Kind::Generation,
        "chain" if is_root => Kind::Message,
        "chain" | "prompt" | "parser" => Kind::Chain,
        "tool" => Kind::Tool,
        "retriever" => Kind::Retrieval,
        "embedding" => Kind::Embedding,
        other => Kind::from(other.to_owned()),
    }
}

/// Who talks in which thread, which model it is, and the rest: what the application said, apart from what its tracer added.
pub(super) fn read_metadata(patch: &mut SpanPatch, mut metadata: Map) -> Result<(), Rejection> {
    let mut take = |name: &str| match metadata.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(other) => {
            metadata.insert(name.to_owned(), other);
            None
        }
        None => None,
    };
    let thread = ["conversation_id", "thread_id"].into_iter().find_map(|name| Some((name, take(name)?)));
    let session = take("session_id");
    match (thread, session) {
        (Some((name, thread)), session) => {
            patch.conversation_id = Some(id(&format!("extra.metadata.{name}"), thread)?);
            patch.session_id = session.map(|session| id("extra.metadata.session_id", session)).transpose()?;
        }
        // LangSmith takes a session for a thread too.
        (None, Some(session)) => patch.conversation_id = Some(id("extra.metadata.session_id", session)?),
        (None, None) => {}
    }
    let user = User { id: take("user_id"), name: take("user_name"), email: take("user_email"), ..User::default() };
    patch.user = Some(user).filter(|user| !user.is_empty());
    patch.provider = take("ls_provider");
    metadata.remove("usage_metadata");
    for (name, value) in metadata {
        let of_tracer = name.starts_with("ls_") || name.starts_with("LANGSMITH_") || name.starts_with("LANGCHAIN_");
        let into = if of_tracer { &mut patch.attributes } else { &mut patch.metadata };
        into.insert(if of_tracer { format!("langsmith.metadata.{name}") } else { name }, value);
    }
    prompts::name(&mut patch.attributes, &patch.metadata);
    Ok(())
}

/// The events of a run. Of the tokens of a stream the first is kept, for its time, and the number of them.
fn read_events(patch: &mut SpanPatch, fields: &mut Fields) -> Result<(), Rejection> {
    let events = match fields.value("events") {
        Some(Value::Array(events)) => events,
        Some(other) => return Err(wrong_type("events", &other, "an array")),
        None => return Ok(()),
    };
    let mut tokens = 0_u64;
    for (n, event) in events.into_iter().enumerate() {
        let Value::Object(map) = event else { continue };
        let mut event = Fields(map);
        let name = event.text("name").ok().flatten().unwrap_or_default();
        let is_token = name == "new_token";
        tokens += u64::from(is_token);
        if is_token && tokens > 1 {
            continue;
        }
        let time = time(&mut event, "time").map_err(|mut rejection| {
            rejection.at = format!("events[{n}].{}", rejection.at);
            rejection
        })?;
        if let (true, Some(millis)) = (is_token, patch.start.zip(time).and_then(|(start, time)| start.millis_until(time))) {
            patch.attributes.insert(TIME_TO_FIRST_CHUNK.to_owned(), (millis / 1e3).into());
        }
        event.0.retain(|_, value| !value.is_null());
        patch.events.push(Event { name, time, attributes: event.0 });
    }
    if tokens > 1 {
        patch.attributes.insert("langsmith.new_tokens".to_owned(), tokens.into());
    }
    Ok(())
}

/// `RuntimeError('no')`, an empty line, and the traceback that ends with `RuntimeError: no`.
fn read_error(patch: &mut SpanPatch, error: Option<String>) {
    let Some(error) = error.filter(|error| !error.is_empty()) else {
        if patch.end.is_some() {
            patch.status = Some(Status { code: StatusCode::Ok, message: None });
        }
        return;
    };
    let class = error.split(['(', ':', '\n']).next().unwrap_or_default().trim();
    let class = Some(class).filter(|class| !class.is_empty() && !class.contains(' ')).map(str::to_owned);
    let last = error.lines().rev().map(str::trim_end).find(|line| !line.trim().is_empty() && !line.starts_with([' ', '\t']));
    let first = error.lines().next().unwrap_or_default();
    let line = last.filter(|last| class.as_ref().is_some_and(|class| last.contains(class.as_str()))).unwrap_or(first).to_owned();
    let mut attributes = Map::new();
    if let Some(class) = class {
        let message = line.split_once(": ").map_or(line.as_str(), |(_, message)| message);
        attributes.insert("exception.message".to_owned(), message.into());
        attributes.insert("exception.type".to_owned(), class.into());
    }
    attributes.insert("exception.stacktrace".to_owned(), error.into());
    patch.events.push(Event { name: "exception".to_owned(), time: patch.end, attributes });
    patch.status = Some(Status { code: StatusCode::Error, message: Some(line) });
}
