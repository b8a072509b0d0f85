//! Guards, the current step, and steps out of the spans of `tracing`.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use neuraltrust::testing::{RecordedSpan, Recorder};
use neuraltrust::{Client, NeuralTrustLayer, Step, TraceOptions, current};
use tracing_subscriber::layer::SubscriberExt as _;

fn recorded() -> (Recorder, Client) {
    let recorder = Recorder::default();
    let client = Client::new(recorder.options()).unwrap();
    (recorder, client)
}

fn id(step: &Step) -> Option<String> {
    Some(step.id())
}

/// Comes back once before it is done.
#[derive(Default)]
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[test]
fn a_guard_ends_its_step_once() {
    let (recorder, client) = recorded();
    let trace = client.trace(TraceOptions::default());
    drop(trace.tool("dropped").guard());
    let ended = trace.tool("ended").guard();
    ended.end("in its own words");
    drop(ended);
    let panicked = std::panic::catch_unwind(|| {
        let _guard = trace.tool("panicked").guard();
        std::panic::resume_unwind(Box::new("a defect"));
    });
    assert!(panicked.is_err());
    let spans = recorder.spans(&client);
    assert!(spans.iter().all(|span| !span.is_open()), "{spans:?}");
    let output = |n: usize| spans[n].attribute("neuraltrust.output");
    assert_eq!((output(0), output(1), output(2)), (None, Some("in its own words".into()), None));
    let failed: Vec<bool> = spans.iter().map(|span| span.otlp.status.is_some()).collect();
    assert_eq!(failed, [false, false, true]);
}

#[test]
fn the_current_step_follows_the_code_and_not_the_thread() {
    let (_, client) = recorded();
    let trace = client.trace(TraceOptions::default());
    let (a, b) = (trace.agent("a"), trace.agent("b"));
    let seen = |step: &Step| {
        let own = id(step);
        step.within(async move {
            let before = current().map(|step| step.id());
            Pause::default().await;
            assert_eq!(before, own);
            current().map(|step| step.id())
        })
    };
    let (mut first, mut second) = (pin!(seen(&a)), pin!(seen(&b)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert!(current().is_none(), "a future that rests leaves nothing behind");
    assert_eq!(first.poll(&mut context), Poll::Ready(id(&a)));
    assert_eq!(second.poll(&mut context), Poll::Ready(id(&b)));

    a.run(|| {
        b.run(|| assert_eq!(current().as_ref().and_then(id), id(&b)));
        assert_eq!(current().as_ref().and_then(id), id(&a));
        let other = std::thread::spawn(|| current().is_none()).join().unwrap();
        assert!(other);
    });
    assert!(current().is_none());
}

/// The spans that were ended, by their names.
fn named(spans: &[RecordedSpan], name: &str) -> RecordedSpan {
    spans.iter().rev().find(|span| span.otlp.name == name).unwrap().clone()
}

#[test]
fn spans_of_tracing_are_steps() {
    let (recorder, client) = recorded();
    let subscriber = tracing_subscriber::registry().with(NeuralTrustLayer::new(client.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let turn = tracing::info_span!(
            "turn",
            neuraltrust.kind = "message",
            gen_ai.conversation.id = "c-1",
            input = "Hello",
            output = tracing::field::Empty,
        );
        turn.in_scope(|| {
            let call = tracing::info_span!(
                "call",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "m",
                gen_ai.usage.output_tokens = tracing::field::Empty,
            );
            call.record("gen_ai.usage.output_tokens", 7);
            let _entered = call.enter();
            tracing::info_span!("helper", answer = 42_u64).in_scope(|| tracing::error!("it broke"));
        });
        turn.record("output", "Hi!");
    });
    let spans = recorder.spans(&client);
    let (turn, call, helper) = (named(&spans, "turn"), named(&spans, "call"), named(&spans, "helper"));
    let kind = |span: &RecordedSpan| span.attribute("neuraltrust.kind").unwrap();
    assert_eq!((kind(&turn), kind(&call), kind(&helper)), ("message".into(), "generation".into(), "chain".into()));
    assert_eq!(call.otlp.parent_span_id, turn.otlp.span_id);
    assert_eq!(helper.otlp.parent_span_id, call.otlp.span_id);
    assert!([&turn, &call, &helper].iter().all(|span| span.attribute("gen_ai.conversation.id") == Some("c-1".into())));
    assert_eq!(turn.attribute("neuraltrust.input"), Some("Hello".into()));
    assert_eq!(turn.attribute("neuraltrust.output"), Some("Hi!".into()));
    assert_eq!(call.attribute("gen_ai.usage.output_tokens"), Some(7.into()));
    assert_eq!(helper.attribute("answer"), Some(42.into()));
    assert_eq!(helper.otlp.status.unwrap().message, "it broke");
    assert!(call.otlp.status.is_none() && turn.otlp.status.is_none());
}
