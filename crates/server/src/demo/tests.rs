//! The demo's promises: the server takes all of it without a word, it shows every kind of step, and it is repeatable.

use std::collections::BTreeSet;

use neuraltrust_model::{Content, Kind, SpanPatch, StatusCode};

use super::*;

/// 2026-11-23T02:48:31Z.
const NOW: Timestamp = Timestamp::from_nanos(1_795_402_111_000_000_000);

fn patches() -> Vec<SpanPatch> {
    let mut patches = Vec::new();
    for conversation in conversations(NOW) {
        let normalized = neuraltrust_normalize::otlp::normalize(request(&conversation));
        assert_eq!(normalized.rejected, []);
        patches.extend(normalized.patches);
    }
    patches
}

#[test]
fn everything_is_understood() {
    for patch in patches() {
        assert_eq!(patch.warnings, [], "{patch:?}");
        // A patch without a kind is the verdict of a feedback on its parent.
        if patch.kind.is_some() {
            assert!(patch.conversation_id.is_some() && patch.channel_id.is_some() && patch.user.is_some(), "{patch:?}");
            // An evaluation is about its parent, and feedback may be a thumb without words.
            assert!(patch.input.is_some() || matches!(patch.kind, Some(Kind::Evaluation | Kind::Feedback)), "{patch:?}");
        }
    }
}

#[test]
fn every_kind_of_step_is_shown() {
    let patches = patches();
    let shown: BTreeSet<String> = patches.iter().filter_map(|patch| Some(patch.kind.as_ref()?.to_string())).collect();
    // Nobody calls a step of this shop a chain, and the system prompt travels with each generation.
    let expected = Kind::KNOWN.iter().filter(|kind| !matches!(kind, Kind::Chain | Kind::System));
    assert_eq!(shown, expected.map(ToString::to_string).collect());

    let count = |wanted: &dyn Fn(&SpanPatch) -> bool| patches.iter().filter(|patch| wanted(patch)).count();
    let failed = |patch: &SpanPatch| {
        let message = patch.status.as_ref().filter(|status| status.code == StatusCode::Error)?.message.as_ref()?;
        (!message.is_empty() && patch.events.iter().any(|event| event.name == "exception")).then_some(())
    };
    assert!(count(&|patch| failed(patch).is_some()) >= 5);
    assert!(count(&|patch| patch.start.is_some() && patch.end.is_none()) == 3, "one turn runs: message, agent, generation");
    assert!(count(&|patch| patch.scores.iter().any(|score| score.comment.is_some())) >= 10);
    assert!(count(&|patch| matches!(patch.output, Some(Content::Documents { .. }))) >= 30);
    assert!(count(&|patch| patch.usage.is_some_and(|usage| usage.cache_read.is_some())) >= 30);
    assert!(count(&|patch| patch.cost.is_some_and(|cost| cost > 0.0)) >= 30);
    assert!(count(&|patch| patch.kind == Some(Kind::Message) && matches!(patch.output, Some(Content::Json { .. }))) >= 1);
}

#[test]
fn the_last_week_is_full_and_nothing_lies_ahead() {
    let conversations = conversations(NOW);
    assert!(conversations.len() >= 40);
    let week = 7.0 * 24.0 * 3_600_000.0;
    for span in conversations.iter().flat_map(|conversation| &conversation.spans) {
        let age = span.end.unwrap_or(span.start).millis_until(NOW).expect("a span of the demo lies in the past");
        assert!(age <= week, "{span:?}");
    }
}

#[test]
fn children_lie_within_their_parents() {
    for conversation in conversations(NOW) {
        for span in &conversation.spans {
            let Some(parent) = span.parent else { continue };
            let parent =
                conversation.spans.iter().find(|other| other.span_id == parent).expect("the parent is in the conversation");
            assert!(parent.trace_id == span.trace_id && parent.start <= span.start, "{span:?}");
            // What the user thinks of an answer, and who judges it, comes after it.
            let afterwards = matches!(span.kind, Kind::Feedback | Kind::Evaluation | Kind::Event);
            if let (Some(end), Some(parent_end), false) = (span.end, parent.end, afterwards) {
                assert!(end <= parent_end, "{span:?}");
            }
        }
    }
}

#[test]
fn the_same_moment_gives_the_same_conversations() {
    assert_eq!(conversations(NOW), conversations(NOW));
    let later = Timestamp::from_nanos(NOW.as_nanos() + 1);
    let ids = |conversations: Vec<DemoConversation>| -> BTreeSet<[u8; 16]> {
        conversations.into_iter().flat_map(|conversation| conversation.spans).map(|span| span.trace_id).collect()
    };
    let (first, second) = (ids(conversations(NOW)), ids(conversations(later)));
    assert!(first.len() > 60 && first.is_disjoint(&second));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    // Port 9 (discard) is never open on a test machine.
    let error = send("http://127.0.0.1:9", "nt_x", NOW).expect_err("nobody listens there");
    assert!(error.to_string().contains("neuraltrust serve"), "{error}");
}
