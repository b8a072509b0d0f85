"""Judgements of steps, traces and conversations."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import LONG, Run, Server, Span
from neuraltrust import FeedbackTag, NeuralTrust
from test_process import script


def told(span: Span) -> dict[str, Any]:
    head = "neuraltrust.score."
    return {name[len(head) :]: value for name, value in span.attributes.items() if name.startswith(head)}


def judgements(server: Server, client: NeuralTrust) -> list[Span]:
    assert client.flush(LONG)
    return [span for span in server.spans() if span.kind == "evaluation"]


@pytest.mark.parametrize("value", [0.8, 3, True, "polite"])
def test_of_a_step(server: Server, client: NeuralTrust, value: Any) -> None:
    with client.trace(conversation_id="c").message("Hello") as message:
        message.score("quality", value, "It was short.", source="evaluator")
    (span,) = judgements(server, client)
    assert (span.name, span.parent_id, span.trace_id) == ("quality", message.span_id, message.interaction_id)
    assert told(span) == {
        "name": "quality",
        "value": value,
        "comment": "It was short.",
        "source": "evaluator",
        "target": "span",
    }


def test_of_a_trace_and_later_from_anywhere(server: Server, client: NeuralTrust) -> None:
    trace = client.trace(conversation_id="c")
    message = trace.message("Hello")
    trace.score("solved", True)
    client.score("solved", False, trace_id=trace.trace_id)
    client.score("stars", 4, trace_id=message.interaction_id, span_id=message.span_id)
    client.feedback(FeedbackTag.POSITIVE, "Thanks!", conversation_id="c")
    client.feedback("negative", conversation_id="c")
    solved, later, stars, first, second = judgements(server, client)
    assert [told(span)["target"] for span in (solved, later, stars)] == ["trace", "trace", "span"]
    assert {span.trace_id for span in (solved, later, stars)} == {trace.trace_id}
    assert (solved.parent_id, stars.parent_id) == (None, message.span_id)
    assert told(first) == {
        "name": "feedback",
        "value": "positive",
        "comment": "Thanks!",
        "source": "user",
        "target": "conversation",
    }
    assert first.attributes["gen_ai.conversation.id"] == "c"
    assert first.trace_id == second.trace_id != trace.trace_id
    assert first.span_id != second.span_id


def test_a_judgement_of_an_id_replaces_the_one_before(server: Server, client: NeuralTrust) -> None:
    trace = client.trace()
    one, other = trace.message("a"), trace.message("b")
    for value in (1, 2):
        one.score("stars", value, id="mine")
    other.score("stars", 3, id="mine")
    first, second = judgements(server, client)
    assert (told(first)["value"], told(first)["id"], first.parent_id) == (2, "mine", one.span_id)
    assert (told(second)["value"], second.parent_id) == (3, other.span_id)


def test_misuse_is_a_warning(server: Server, client: NeuralTrust, caplog: pytest.LogCaptureFixture) -> None:
    client.score("stars", 4)
    client.score("stars", 4, conversation_id="c", span_id="s")
    client.score("stars", 4, conversation_id="c", trace_id="t")
    said = "score('stars'): give trace_id and span_id, trace_id, or conversation_id"
    assert [said in record.message for record in caplog.records] == [True] * 3
    client.trace().score("stars", [4])  # type: ignore[arg-type]
    assert "the verdict must be a number, a text, true or false" in caplog.text
    (span,) = judgements(server, client)
    assert told(span)["value"] == "[4]"
    assert client.stats()["dropped_unsampled"] == 3


def test_a_judgement_has_the_same_place_everywhere(server: Server, client: NeuralTrust) -> None:
    # As crates/sdk/src/score.rs has them: servers keep these ids for good.
    step = "score-51628d9a47d3d9d3035ed987615c68b8"
    whole = "score-b1f7cef6bf83d94f70802939c3ccc5be"
    conversation = "judgements-a68d6c71848b5822836dbc797c23f6b4"
    client.score("stars", 4, conversation_id="c-1", id="mine")
    client.score("stars", 4, trace_id="t", id="mine")
    client.score("stars", 4, trace_id="t", span_id="00f067aa0ba902b7", id="mine")
    client.trace("t").score("stars", 5, id="mine")
    found = [(span.trace_id, span.span_id, told(span)["value"]) for span in judgements(server, client)]
    assert found == [(conversation, whole, 4), ("t", whole, 5), ("t", step, 4)]


def test_a_judgement_told_by_two_processes_is_one(server: Server, run: Run) -> None:
    body = """
    client.score("stars", 4, conversation_id="c", id="mine")
    client.feedback("negative", conversation_id="c", id="thumb")
    """
    for _ in range(2):
        assert run(script(body), server.url).returncode == 0
    assert [(span.name, told(span)["id"]) for span in server.spans()] == [("stars", "mine"), ("feedback", "thumb")]
    assert len(server.sent) == 4
