//! What an application's own tests see of what it records.

use std::panic::{AssertUnwindSafe, catch_unwind};

use neuraltrust::testing::Recorder;
use neuraltrust::{Client, Failure, Kind, Redact, StepOptions, TraceOptions};
use serde_json::json;

fn recorded() -> (Recorder, Client) {
    let recorder = Recorder::default();
    let client = Client::new(recorder.options()).unwrap();
    (recorder, client)
}

#[test]
fn a_step_is_one_whatever_was_sent_of_it_when() {
    let (recorder, client) = recorded();
    let user = json!({"id": "u", "name": "Ada"}).as_object().cloned().unwrap();
    let options =
        TraceOptions { conversation_id: Some("c".to_owned()), session_id: Some("s".to_owned()), ..TraceOptions::default() };
    let trace = client.trace(TraceOptions { user: user.clone(), trace_id: Some("turn 1".to_owned()), ..options });
    let message = trace.message("Hello");
    assert_eq!(recorder.tree(&client), "message running\n");
    let tool = message.step(Kind::Tool, StepOptions { name: Some("look up".to_owned()), ..StepOptions::default() });
    tool.fail(Failure { kind: "Timeout".to_owned(), message: "too late".to_owned(), stacktrace: None });
    message.end(json!({"text": "Hi!"}));
    assert_eq!(recorder.tree(&client), "message\n  tool \"look up\" failed: Timeout\n");

    let step = recorder.step(&client, "message");
    assert_eq!((step.trace_id.as_str(), step.id, step.parent_id), ("turn 1", message.id(), None));
    assert_eq!((step.conversation_id.as_deref(), step.session_id.as_deref(), step.channel_id), (Some("c"), Some("s"), None));
    assert_eq!((step.user, step.input, step.output), (user, Some(json!("Hello")), Some(json!({"text": "Hi!"}))));
    assert_eq!(step.end.unwrap().duration_since(step.start).unwrap(), recorder.step(&client, "message").duration().unwrap());
    let failed = recorder.step(&client, "look up");
    assert_eq!((failed.parent_id, failed.kind), (Some(message.id()), Kind::Tool));
    assert_eq!(failed.failure.map(|failure| failure.message).as_deref(), Some("too late"));
    assert_eq!(failed.attributes["gen_ai.operation.name"], "execute_tool");

    recorder.clear(&client);
    assert_eq!(recorder.tree(&client), "");
}

#[test]
fn a_step_that_is_not_the_only_one_is_named_with_all_others() {
    let (recorder, client) = recorded();
    let trace = client.trace(TraceOptions::default());
    trace.tool("a").end("b");
    trace.tool("c").end("d");
    for (name, words) in [("tool", "2 steps are \"tool\""), ("agent", "0 steps are \"agent\"")] {
        let panic = catch_unwind(AssertUnwindSafe(|| recorder.step(&client, name))).unwrap_err();
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.starts_with(words) && message.ends_with("of these:\ntool\ntool\n"), "{message}");
    }
}

#[test]
fn what_is_kept_is_what_would_have_been_sent() {
    let recorder = Recorder::default();
    let client = Client::new(neuraltrust::Options { redact: vec![Redact::Emails], ..recorder.options() }).unwrap();
    client.trace(TraceOptions::default()).event("write to ada@example.com");
    let input = recorder.step(&client, "event").input.unwrap();
    assert!(!input.to_string().contains("ada@"), "{input}");
}
