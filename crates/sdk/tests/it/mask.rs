//! What leaves the process where the application masks its data: of all that is said of a step, and of a hook that fails.

use std::sync::{Arc, Mutex};

use neuraltrust::testing::Recorder;
use neuraltrust::{Client, Ending, Failure, Map, Notice, NoticeKind, Options, Redact, StepOptions, TraceOptions, Value};

/// All that was sent of a step of which every part speaks of the e-mail `ann@example.com`.
fn sent(recorder: &Recorder, client: &Client) -> String {
    let map = |name: &str| Map::from_iter([(name.to_owned(), Value::from("ann@example.com"))]);
    let trace = client.trace(TraceOptions {
        conversation_id: Some("c-1".to_owned()),
        user: map("email"),
        metadata: map("by"),
        custom: Some(Value::Array(vec!["ann@example.com".into()])),
        ..TraceOptions::default()
    });
    let mut attributes = map("app.note");
    attributes.insert("gen_ai.request.model".to_owned(), "m".into());
    let options = StepOptions { input: Some("From ann@example.com".into()), attributes, ..StepOptions::default() };
    trace.step(neuraltrust::Kind::Generation, options).end_with(Ending {
        output: Some("To ann@example.com".into()),
        failure: Some(Failure {
            kind: "Gone".to_owned(),
            message: "no ann@example.com".to_owned(),
            stacktrace: Some("at ann@example.com".to_owned()),
        }),
        attributes: Map::from_iter([("gen_ai.usage.input_tokens".to_owned(), 7.into())]),
    });
    let spans = recorder.spans(client);
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].attribute("gen_ai.request.model"), Some("m".into()));
    assert_eq!(spans[0].attribute("gen_ai.usage.input_tokens"), Some(7.into()));
    assert_eq!(spans[0].attribute("gen_ai.conversation.id"), Some("c-1".into()));
    assert!(spans[0].attribute("neuraltrust.input").is_some());
    format!("{:?}", spans[0].otlp)
}

#[test]
fn redaction_reaches_everything() {
    let recorder = Recorder::default();
    let client = Client::new(Options { redact: vec![Redact::Emails], ..recorder.options() }).unwrap();
    let sent = sent(&recorder, &client);
    assert!(!sent.contains("ann@"), "{sent}");
    // User, metadata, custom data, attribute, input, output, stack trace, and the message as event and as status.
    assert_eq!(sent.matches("[redacted e-mail]").count(), 9, "{sent}");
    assert_eq!(client.stats().mask_failed, 0);
}

#[test]
fn a_hook_comes_before_the_redaction() {
    let recorder = Recorder::default();
    let hook = |value: Value| -> Result<Value, String> {
        Ok(if value == "From ann@example.com" { "From bob@example.com, a friend".into() } else { value })
    };
    let client = Client::new(Options { mask: Some(Arc::new(hook)), redact: vec![Redact::Emails], ..recorder.options() }).unwrap();
    let sent = sent(&recorder, &client);
    assert!(sent.contains("From [redacted e-mail], a friend"), "{sent}");
}

#[test]
fn a_hook_that_fails_costs_the_value_and_is_counted() {
    let recorder = Recorder::default();
    let notices: Arc<Mutex<Vec<NoticeKind>>> = Arc::default();
    let kept = Arc::clone(&notices);
    let hook = |value: Value| -> Result<Value, String> {
        assert!(!value.is_string(), "a test of a hook that panics");
        Err("it cannot".to_owned())
    };
    let client = Client::new(Options {
        mask: Some(Arc::new(hook)),
        on_notice: Some(Arc::new(move |notice: &Notice| kept.lock().unwrap().push(notice.kind))),
        ..recorder.options()
    })
    .unwrap();
    let sent = sent(&recorder, &client);
    assert!(!sent.contains("ann@"), "{sent}");
    let stats = client.stats();
    assert_eq!((stats.mask_failed, stats.sent, stats.dropped.total()), (8, 1, 0));
    assert_eq!(*notices.lock().unwrap(), [NoticeKind::Masking]);
}

#[test]
fn a_name_of_what_is_redacted() {
    assert_eq!(" cards".parse::<Redact>().unwrap(), Redact::Cards);
    assert!(matches!("card".parse::<Redact>(), Err(neuraltrust::Error::Redact(name)) if name == "card"));
}
