//! What the server understands of what the SDK writes.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use neuraltrust::testing::Recorder;
use neuraltrust::{
    Client, Ending, Failure, FeedbackTag, Judged, Kind, Map, Score, ScoreSource, Sent, StepOptions, TraceOptions, Value,
};
use neuraltrust_model::{self as model, Content, ScoreTarget, SpanPatch, StatusCode};
use neuraltrust_normalize::otlp::normalize;
use serde_json::json;

/// What the server makes of all that the steps wrote.
fn patches(record: impl FnOnce(&Client)) -> Vec<SpanPatch> {
    let recorder = Recorder::default();
    let client = Client::new(recorder.options()).unwrap();
    record(&client);
    assert!(client.flush(Duration::from_secs(30)));
    let normalized: Vec<_> = recorder.exports().into_iter().map(normalize).collect();
    assert!(normalized.iter().all(|all| all.rejected.is_empty()), "{normalized:?}");
    normalized.into_iter().flat_map(|all| all.patches).collect()
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_whole_turn() {
    let patches = patches(|client| {
        let trace = client.trace(TraceOptions {
            conversation_id: Some("c1".to_owned()),
            session_id: Some("s1".to_owned()),
            channel_id: Some("web".to_owned()),
            user: map(parsed(r#"{"id": "u1", "name": "John", "plan": "pro"}"#)),
            metadata: map(parsed(r#"{"os": "linux"}"#)),
            custom: Some(parsed(r#"{"key": [1, null]}"#)),
            ..TraceOptions::default()
        });
        let message = trace.message("Hello");
        message.generation("Hello").end("Fine");
        let router = message.router("Hello");
        let retrieval = router.retrieval("Hello");
        retrieval.end(parsed(r#"[{"chunk": "Hello"}]"#));
        retrieval.agent("Hello").end(parsed(r#"{"answer": 1.5}"#));
        message.end("Fine");
    });
    let kinds: Vec<_> = patches.iter().map(|patch| patch.kind.clone().unwrap()).collect();
    assert_eq!(kinds, [Kind::Message, Kind::Generation, Kind::Router, Kind::Retrieval, Kind::Agent]);
    let [message, generation, router, retrieval, agent] = patches.as_slice() else { unreachable!() };
    for (child, parent) in [(generation, message), (router, message), (retrieval, router), (agent, retrieval)] {
        assert_eq!(child.parent_id.as_ref(), Some(&parent.span_id));
    }
    for patch in &patches {
        assert_eq!(patch.trace_id, message.trace_id);
        assert_eq!(patch.conversation_id.as_ref().unwrap().as_str(), "c1");
        assert_eq!(patch.session_id.as_ref().unwrap().as_str(), "s1");
        assert_eq!(patch.channel_id.as_ref().unwrap().as_str(), "web");
        let user = patch.user.as_ref().unwrap();
        assert_eq!((user.id.as_deref(), user.name.as_deref(), &user.extra["plan"]), (Some("u1"), Some("John"), &"pro".into()));
        assert_eq!(patch.metadata["os"], "linux");
        assert_eq!(patch.custom, Some(parsed(r#"{"key": [1, null]}"#)));
        assert!(patch.end.unwrap() >= patch.start.unwrap());
        let source = patch.source.as_ref().unwrap();
        assert_eq!((source.client.as_deref(), source.version.as_deref()), (Some("neuraltrust"), Some(env!("CARGO_PKG_VERSION"))));
    }
    assert_eq!(router.end, router.start);
    assert!(matches!(retrieval.output, Some(Content::Documents { .. })), "{:?}", retrieval.output);
    let whole = serde_json::to_string(&patches).unwrap();
    assert!(!whole.contains("\"warnings\":[{"), "{whole}");
}

#[test]
fn what_is_said_call_by_call() {
    let patches = patches(|client| {
        let trace = client.trace(
            TraceOptions::new("c1").session_id("s1").channel_id("web").user("id", "u1").metadata("os", "linux").custom(vec![1]),
        );
        let options = StepOptions::new("Hello").name("answer").model("m").provider("openai").attribute("a.b", 7);
        let generation = trace.step(Kind::Generation, options);
        generation.first_token();
        let ending = Ending::new("Hi!").model("m-2").input_tokens(12).output_tokens(5).cost(0.01).finish_reason("stop");
        generation.end_with(ending);
        generation.score(Score::new("kind", true).comment("It was.").source(ScoreSource::User).id("mine"));
        trace.tool("x").end_with(Ending::default().failure(&std::io::Error::other("gone")));
    });
    let generation = &patches[0];
    assert_eq!(generation.conversation_id.as_ref().map(|id| id.as_str()), Some("c1"));
    assert_eq!(
        (generation.session_id.as_ref().unwrap().as_str(), generation.channel_id.as_ref().unwrap().as_str()),
        ("s1", "web")
    );
    assert_eq!((&generation.metadata["os"], &generation.custom), (&"linux".into(), &Some(json!([1]))));
    assert_eq!((generation.name.as_deref(), generation.provider.as_deref()), (Some("answer"), Some("openai")));
    assert_eq!((generation.model.as_deref(), generation.cost), (Some("m-2"), Some(0.01)));
    let usage = generation.usage.as_ref().unwrap();
    assert_eq!((usage.input, usage.output), (Some(12), Some(5)));
    assert_eq!(
        (&generation.attributes["a.b"], generation.attributes.get("gen_ai.response.finish_reasons")),
        (&json!(7), Some(&json!(["stop"])))
    );
    assert!(generation.attributes["gen_ai.response.time_to_first_chunk"].as_f64().unwrap() >= 0.0);
    let score = patches.iter().flat_map(|patch| &patch.scores).next().unwrap();
    assert_eq!((&*score.id, score.comment.as_deref(), score.source), ("mine", Some("It was."), model::ScoreSource::User));
    assert_eq!(patches.last().unwrap().status.as_ref().unwrap().message.as_deref(), Some("gone"));
}

#[test]
fn ids_of_the_applications_own_choice() {
    let patches = patches(|client| {
        let trace = client.trace(TraceOptions {
            trace_id: Some("my trace".to_owned()),
            parent_id: Some("from elsewhere".to_owned()),
            ..TraceOptions::default()
        });
        assert_eq!(trace.id(), "my trace");
        let options = |id: &str| StepOptions { id: Some(id.to_owned()), ..StepOptions::default() };
        let step = trace.step(Kind::Tool, options("my span"));
        let below = step.step(Kind::Tool, options("00f067aa0ba902b7"));
        let other = below.step(Kind::Tool, StepOptions { parent_id: Some("another".to_owned()), ..options("ü") });
        let long = "x".repeat(400);
        let capped = other.step(Kind::Tool, options(&long));
        assert!(capped.id().len() <= 128);
    });
    let ids: Vec<_> = patches.iter().map(|patch| (patch.span_id.as_str(), patch.parent_id.as_ref().unwrap().as_str())).collect();
    assert_eq!(ids[..3], [("my span", "from elsewhere"), ("00f067aa0ba902b7", "my span"), ("ü", "another")]);
    assert!(patches.iter().all(|patch| patch.trace_id.as_str() == "my trace"));
}

#[test]
fn failures_say_what_happened() {
    let patches = patches(|client| {
        let tool = client.trace(TraceOptions::default()).tool("weather");
        tool.end_with(Ending {
            output: Some("partial".into()),
            failure: Some(Failure {
                kind: "TimeoutError".to_owned(),
                message: "after 3 s".to_owned(),
                stacktrace: Some("at a".to_owned()),
            }),
            attributes: map(parsed(r#"{"gen_ai.usage.input_tokens": 12, "gen_ai.request.model": "m"}"#)),
        });
        let io = std::io::Error::other("gone");
        client.trace(TraceOptions::default()).tool("x").fail(&io);
    });
    let status = patches[0].status.as_ref().unwrap();
    assert_eq!((status.code, status.message.as_deref()), (StatusCode::Error, Some("after 3 s")));
    let event = &patches[0].events[0];
    assert_eq!(event.name, "exception");
    assert_eq!(event.attributes["exception.type"], "TimeoutError");
    assert_eq!(event.attributes["exception.stacktrace"], "at a");
    assert_eq!(patches[0].usage.as_ref().unwrap().input, Some(12));
    assert_eq!(patches[0].model.as_deref(), Some("m"));
    assert_eq!(patches[1].events[0].attributes["exception.message"], "gone");
}

#[test]
fn feedback_is_a_score_on_its_step() {
    let patches = patches(|client| {
        let message = client.trace(TraceOptions::default()).message("Hi");
        message.feedback(FeedbackTag::Negative, "Wrong language");
    });
    let (message, feedback, verdict) = (&patches[0], &patches[1], &patches[2]);
    assert_eq!(feedback.kind, Some(Kind::Feedback));
    assert_eq!(verdict.span_id, message.span_id);
    assert_eq!((&verdict.scores[0].value, verdict.scores[0].comment.as_deref()), (&"negative".into(), Some("Wrong language")));
}

#[test]
fn judgements_of_a_step_a_trace_and_a_conversation() {
    let ids = Mutex::new((String::new(), String::new()));
    let patches = patches(|client| {
        let message = client.trace(TraceOptions::default()).message("Hi");
        message.score(Score { comment: Some("One date is wrong.".to_owned()), ..Score::new("correctness", 0.5) });
        let step = Judged::Step { trace_id: message.trace_id(), id: message.id() };
        let mine = || Score { id: Some("mine".to_owned()), source: ScoreSource::User, ..Score::new("kind", "rude") };
        client.score(&step, mine());
        client.score(&step, Score { value: true.into(), ..mine() });
        client.score(&Judged::Trace(message.trace_id()), Score::new("solved", false));
        client.score(&Judged::Conversation("c".to_owned()), Score::new("stars", 4));
        client.score(&Judged::Conversation("c".to_owned()), Score::new("stars", 5));
        *ids.lock().unwrap() = (message.trace_id(), message.id());
    });
    let (trace, message) = ids.into_inner().unwrap();
    let told: Vec<_> = patches.iter().flat_map(|patch| patch.scores.iter().map(move |score| (patch, score))).collect();
    let on = |target: ScoreTarget| told.iter().filter(move |(_, score)| score.target == target).collect::<Vec<_>>();
    let steps = on(ScoreTarget::Span);
    assert!(steps.iter().all(|(patch, _)| (patch.trace_id.as_str(), patch.span_id.as_str()) == (&*trace, &*message)));
    let said: Vec<_> = steps.iter().map(|(_, score)| (&*score.name, score.value.clone(), score.comment.as_deref())).collect();
    let expect =
        [("correctness", json!(0.5), Some("One date is wrong.")), ("kind", json!("rude"), None), ("kind", json!(true), None)];
    assert_eq!(said, expect);
    // The later one of an id takes the place of the earlier one.
    assert!(steps[1].1.id == "mine" && steps[2].1.id == "mine" && steps[2].1.source == model::ScoreSource::User);
    let traces = on(ScoreTarget::Trace);
    assert_eq!((traces.len(), traces[0].0.trace_id.as_str(), &traces[0].1.value), (1, &*trace, &json!(false)));
    let conversations = on(ScoreTarget::Conversation);
    assert_eq!(conversations.len(), 2);
    for (patch, score) in &conversations {
        assert_eq!((patch.conversation_id.as_ref().map(|id| id.as_str()), &*score.name), (Some("c"), "stars"));
        assert_eq!(patch.trace_id, conversations[0].0.trace_id, "one trace holds all of them");
    }
    assert_ne!(conversations[0].1.id, conversations[1].1.id, "each is a judgement of its own");
}

#[test]
fn the_first_end_sets_the_time_and_the_last_the_output() {
    let patches = patches(|client| {
        let step = client.trace(TraceOptions::default()).agent("a");
        step.end("one");
        assert!(step.is_ended());
        client.flush(Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(2));
        step.end("two");
    });
    assert_eq!(patches.len(), 2);
    assert_eq!(patches[0].end, patches[1].end);
    assert_eq!(patches[1].output, Some(Content::text("two")));
}

#[test]
fn times_of_what_is_over_already() {
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let second = |seconds: i64| neuraltrust_model::Timestamp::from_wire_nanos(seconds as u64 * 1_000_000_000).unwrap();
    let check = |start: Option<u64>, end: Option<u64>, latency: Option<u64>, expect: (i64, i64)| {
        let patches = patches(|client| {
            let step = StepOptions { start: start.map(at), ..StepOptions::default() };
            let sent = Sent { step, end: end.map(at), latency: latency.map(Duration::from_secs), output: None };
            client.trace(TraceOptions::default()).send(Kind::Tool, sent);
        });
        assert_eq!((patches[0].start.unwrap(), patches[0].end.unwrap()), (second(expect.0), second(expect.1)));
    };
    check(Some(1_800_000_000), Some(1_800_000_002), None, (1_800_000_000, 1_800_000_002));
    check(Some(1_800_000_000), None, Some(3), (1_800_000_000, 1_800_000_003));
    check(None, Some(1_800_000_009), Some(3), (1_800_000_006, 1_800_000_009));
    check(None, Some(1_800_000_009), None, (1_800_000_009, 1_800_000_009));
    check(Some(1_800_000_009), Some(1_800_000_000), None, (1_800_000_009, 1_800_000_009));
}

#[test]
fn what_is_nested_too_deep_is_kept_as_text() {
    let deep = (0..60).fold(Value::from("core"), |inner, _| Value::from(vec![inner]));
    let patches = patches(|client| {
        client.trace(TraceOptions { custom: Some(deep.clone()), ..TraceOptions::default() }).message(deep).end("x")
    });
    assert!(serde_json::to_string(&patches).unwrap().contains("core"));
}

#[test]
fn a_trace_ends_its_newest_message() {
    let patches = patches(|client| {
        let trace = client.trace(TraceOptions::default());
        trace.end("nothing to end");
        let message = trace.message("Hello");
        trace.end("Hi!");
        assert!(message.is_ended());
    });
    assert_eq!(patches.len(), 1);
    assert_eq!(patches[0].output, Some(Content::text("Hi!")));
}
