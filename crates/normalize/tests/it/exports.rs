//! Recorded OTLP exports of a client, and what must be there of them whatever the client.

use std::collections::BTreeMap;

use neuraltrust_model::{Content, Kind, Part, Span, SpanPatch, StatusCode, Timestamp, Usage};
use neuraltrust_normalize::{Normalized, otlp, otlp_logs};

use serde_json::{Value, json};

use crate::{merged, plain, readable, requests};

pub(crate) type Spans = BTreeMap<(String, String), SpanPatch>;

/// What each request of a recording says, in the order of arrival. Metrics say nothing of spans.
pub(crate) fn exports(folder: &str) -> Vec<Vec<SpanPatch>> {
    let read = |(path, body): (String, Vec<u8>)| {
        let body = plain(&body);
        let Normalized { patches, rejected } = match (path.as_str(), body.starts_with(b"{")) {
            ("/v1/traces", true) => otlp::normalize_json(&body).unwrap(),
            ("/v1/traces" | "/opentelemetry.proto.collector.trace.v1.TraceService/Export", false) => {
                otlp::normalize(prost_message(&body))
            }
            ("/v1/logs", true) => otlp_logs::normalize_json(&body).unwrap(),
            ("/v1/logs", false) => otlp_logs::normalize(prost_message(&body)),
            _ => Normalized::default(),
        };
        assert_eq!(rejected, [], "{folder}");
        patches
    };
    requests(folder).into_iter().map(read).collect()
}

fn prost_message<T: prost::Message + Default>(body: &[u8]) -> T {
    T::decode(body).unwrap()
}

/// The spans as they are shown: what came apart from them is put into its place.
pub(crate) fn spans(patches: impl IntoIterator<Item = SpanPatch>) -> Spans {
    let mut spans = merged(patches.into_iter().collect());
    for patch in spans.values_mut() {
        let span = Span::new(patch.clone(), Timestamp::from_nanos(0));
        (patch.input, patch.output, patch.events) = (span.input, span.output, span.events);
        patch.fragments.clear();
    }
    spans
}

/// The spans of a recording.
pub(crate) fn recorded(folder: &str) -> Spans {
    spans(exports(folder).into_iter().flatten())
}

/// The spans for a snapshot, without what is the same on each.
pub(crate) fn shown(folder: &str) -> Value {
    let mut patches: Vec<_> = recorded(folder).into_values().collect();
    patches.sort_by_key(|patch| patch.start);
    for patch in &mut patches {
        patch.attributes.remove("resource");
        patch.source = None;
    }
    readable(&patches)
}

/// What the driver of a recording did, which is much the same for each client.
pub(crate) struct Expect {
    pub(crate) folder: &'static str,
    pub(crate) conversation: &'static str,
    /// Spans of each kind.
    pub(crate) kinds: &'static [(Kind, usize)],
    /// Model calls that count: their number, and the sum of their input, output and cached tokens.
    pub(crate) calls: (usize, u64, u64, u64),
    pub(crate) model: &'static str,
    pub(crate) provider: &'static str,
    /// Name of a tool call that worked, if one was recorded, and of one that did not.
    pub(crate) tool: Option<&'static str>,
    pub(crate) failed: Option<&'static str>,
    /// Documents that a look-up found.
    pub(crate) documents: usize,
    /// Whether the user is told.
    pub(crate) user: bool,
}

#[track_caller]
pub(crate) fn check(expect: &Expect) {
    let Expect { folder, .. } = expect;
    let spans = recorded(folder);
    let of_kind = |kind: &Kind| spans.values().filter(|span| span.kind.as_ref() == Some(kind)).collect::<Vec<_>>();
    let kinds: BTreeMap<&str, usize> = expect.kinds.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    spans.values().for_each(|span| *found.entry(span.kind.as_ref().unwrap().as_str()).or_default() += 1);
    assert_eq!(found, kinds, "{folder}: kinds");

    let conversation =
        spans.values().filter(|span| span.conversation_id.as_ref().is_some_and(|id| id.as_str() == expect.conversation));
    assert!(conversation.count() >= 4, "{folder}: turns of the conversation");
    let users = spans.values().filter_map(|span| span.user.as_ref()?.id.as_deref());
    assert_eq!(users.into_iter().any(|user| user == "user-4711"), expect.user, "{folder}: user");

    let calls: Vec<_> = of_kind(&Kind::Generation).into_iter().filter(|span| span.usage.is_some()).collect();
    let sum = calls.iter().fold(Usage::default(), |sum, call| sum.plus(call.usage.unwrap()));
    let counted = (calls.len(), sum.input.unwrap(), sum.output.unwrap(), sum.cache_read.unwrap_or(0));
    assert_eq!(counted, expect.calls, "{folder}: calls and their tokens");
    let call = calls.iter().find(|call| call.model.as_deref() == Some(expect.model)).unwrap();
    assert_eq!(call.provider.as_deref(), Some(expect.provider), "{folder}: provider");

    let texts = |content: &Option<Content>| content.as_ref().map(|content| content.plain_text(1 << 20)).unwrap_or_default();
    let asked = "Hello, how are you? My name is Zoë 👋🏽 and I placed an order last week.";
    let turn = of_kind(&Kind::Generation).into_iter().find(|span| texts(&span.input).ends_with(asked)).unwrap();
    assert!(texts(&turn.output).starts_with("I'm not certain. The documents"), "{folder}: both sides of a turn");
    let tab = "Zürich ☀️🌧️ — \"quoted\" \\ back\\slash \t tab 日本語 العربية";
    assert!(spans.values().any(|span| texts(&span.input).contains(tab)), "{folder}: unicode");
    let longest = spans.values().map(|span| texts(&span.input).len()).max().unwrap();
    assert!(longest >= 200_000, "{folder}: the long text has {longest} bytes");

    let arguments = json!({"city": "Zürich", "unit": "celsius"});
    let said = spans.values().filter_map(|span| span.output.as_ref()).flat_map(parts);
    let asked_for = said.into_iter().any(|part| {
        matches!(part, Part::ToolCall { id: Some(_), name: Some(name), arguments: given }
        if name == "get_weather" && given["city"] == arguments["city"])
    });
    assert!(asked_for, "{folder}: the call for a tool");
    let answered = spans.values().filter_map(|span| span.input.as_ref()).flat_map(parts);
    let answered = answered
        .into_iter()
        .any(|part| matches!(part, Part::ToolResult { id: Some(_), result, .. } if result.to_string().contains("sunny")));
    assert!(answered, "{folder}: the tool's answer goes back to the model");
    if let Some(name) = expect.tool {
        let tool = of_kind(&Kind::Tool).into_iter().find(|span| span.name.as_deref() == Some(name)).unwrap();
        let Some(Content::Json { value }) = &tool.input else { panic!("{folder}: {:?}", tool.input) };
        assert_eq!(value["city"], arguments["city"], "{folder}");
        assert!(texts(&tool.output).contains("22.5") && texts(&tool.output).contains("sunny ☀️"), "{folder}: {:?}", tool.output);
    }
    if let Some(name) = expect.failed {
        let failed = spans.values().find(|span| span.name.as_deref() == Some(name)).unwrap();
        assert_eq!(failed.status.as_ref().unwrap().code, StatusCode::Error, "{folder}");
    }
    let refused = of_kind(&Kind::Generation).into_iter().filter_map(|span| span.status.as_ref()).any(|status| {
        status.code == StatusCode::Error
            && status.message.as_ref().is_some_and(|message| {
                message.contains("maximum context length") || message.contains("Rate limit") || message.contains("ContextWindow")
            })
    });
    assert!(refused, "{folder}: the call that failed");
    let documents = spans.values().filter_map(|span| match &span.output {
        Some(Content::Documents { documents }) => Some(documents.len()),
        _ => None,
    });
    assert_eq!(documents.max().unwrap_or(0), expect.documents, "{folder}: documents");

    let requests = exports(folder);
    let twice = requests.iter().chain(&requests).flatten().cloned();
    assert_eq!(self::spans(twice), spans, "{folder}: twice");
    let backwards = requests.iter().rev().flatten().cloned();
    assert_eq!(self::spans(backwards), spans, "{folder}: backwards");
}

pub(crate) fn parts(content: &Content) -> Vec<&Part> {
    match content {
        Content::Messages { messages } => messages.iter().flat_map(|message| &message.parts).collect(),
        _ => Vec::new(),
    }
}
