"""Steps: what they say, how they end, and how they are called."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import LONG, Server, Span
from neuraltrust import EventType, FeedbackTag, NeuralTrust, Step, Trace, User


def only(server: Server, client: NeuralTrust) -> Span:
    assert client.flush(LONG)
    (span,) = server.spans()
    return span


def test_ids_can_be_read(client: NeuralTrust) -> None:
    trace = client.trace(conversation_id="c", session_id="s", channel_id="ch", user=User(id="u"), custom={"a": 1})
    assert isinstance(trace, Trace)
    assert len(trace.interaction_id) == 32
    assert trace.trace_id == trace.interaction_id
    message = trace.message("Hello")
    tool = message.tool("x")
    assert isinstance(tool, Step)
    assert (tool.interaction_id, tool.parent_id) == (trace.interaction_id, message.trace_id)
    assert message.parent_id is None
    assert len(tool.trace_id) == 16
    assert tool.trace_id == tool.span_id
    assert (tool.conversation_id, tool.session_id, tool.channel_id) == ("c", "s", "ch")
    assert tool.user == User(id="u")
    assert tool.custom == {"a": 1}


def test_parents_can_be_chosen(server: Server, client: NeuralTrust) -> None:
    trace = client.trace("my trace", parent_id="elsewhere")
    message = trace.message("Hello")
    made = [
        message.generation("g", message.trace_id),
        message.tool("t", parent_id=message),
        message.event("e", parent_id="my own"),
        message.feedback(FeedbackTag.POSITIVE, "Thanks", "my own"),
        message.send(EventType.AGENT, "a", parent_id="my own"),
    ]
    assert client.flush(LONG)
    spans = {span.span_id: span for span in server.spans()}
    assert {span.trace_id for span in spans.values()} == {"my trace"}
    assert spans[message.trace_id].parent_id == "elsewhere"
    expected = [message.trace_id, message.trace_id, "my own", "my own", "my own"]
    assert [spans[step.trace_id].parent_id for step in made] == expected
    assert [step.parent_id for step in made] == expected


def test_every_kind(server: Server, client: NeuralTrust) -> None:
    trace = client.trace()
    for start in (trace.message, trace.generation, trace.retrieval, trace.agent, trace.tool):
        start(input="in").end("out")
    for record in (trace.router, trace.event):
        record(input="in")
    trace.system("in")
    trace.system(input="in")
    assert client.flush(LONG)
    spans = server.spans()
    assert [span.kind for span in spans] == [
        *("message", "generation", "retrieval", "agent", "tool", "router", "event", "system", "system")
    ]
    assert {span.input for span in spans} == {"in"}
    assert all(span.end for span in spans)
    operations = {span.kind: span.attributes.get("gen_ai.operation.name") for span in spans}
    assert operations["generation"] == "chat"
    assert operations["tool"] == "execute_tool"
    assert operations["message"] is None


def test_running_steps_are_shown(server: Server, client: NeuralTrust) -> None:
    message = client.trace().message("Hello")
    assert client.flush(LONG)
    assert server.sent[0].end == 0
    message.end("Hi!")
    assert client.flush(LONG)
    first, last = server.sent
    assert (first.span_id, first.start) == (last.span_id, last.start)
    assert last.end >= last.start
    assert last.output == "Hi!"
    assert last.input is None


def test_feedback(server: Server, client: NeuralTrust) -> None:
    message = client.trace().message("Hello")
    message.feedback(FeedbackTag.NEGATIVE, "Wrong language")
    message.feedback(tag="Positive", text="Thanks")
    message.feedback(feedback_tag=FeedbackTag.NEUTRAL, feedback_text="")
    assert client.flush(LONG)
    feedback = [span for span in server.spans() if span.kind == "feedback"]
    said = [
        (span.attributes.get("neuraltrust.feedback.tag"), span.attributes.get("neuraltrust.feedback.text"))
        for span in feedback
    ]
    assert said == [("negative", "Wrong language"), ("positive", "Thanks"), ("neutral", None)]
    assert {span.parent_id for span in feedback} == {message.trace_id}


UTC = datetime.timezone.utc


@pytest.mark.parametrize(
    "moment",
    [
        1_800_000_000,
        1_800_000_000.0,
        1_800_000_000_000,
        1_800_000_000_000_000,
        1_800_000_000_000_000_000,
        datetime.datetime.fromtimestamp(1_800_000_000, UTC),
        datetime.datetime.fromtimestamp(1_800_000_000),
        "2027-01-15T08:00:00Z",
        "1800000000",
    ],
)
def test_times_in_any_unit(server: Server, client: NeuralTrust, moment: Any) -> None:
    client.trace().send(EventType.GENERATION, "in", "out", 412, moment, moment)
    span = only(server, client)
    assert span.start == span.end == 1_800_000_000 * 10**9
    assert span.attributes["neuraltrust.latency_ms"] == 412
    assert (span.kind, span.input, span.output) == ("generation", "in", "out")


@pytest.mark.parametrize("moment", [None, True, "soon", -5, float("nan"), float("inf"), 10**40, object()])
def test_what_is_no_time_is_now(server: Server, client: NeuralTrust, moment: Any) -> None:
    client.trace().send(event_type="tool", input="in", latency=moment, start_timestamp=moment, end_timestamp=moment)
    span = only(server, client)
    assert span.end >= span.start > 1_700_000_000 * 10**9


def test_a_block_ends_its_step(server: Server, client: NeuralTrust) -> None:
    with client.trace() as trace, trace.message("Hello") as message:
        with message.tool("x") as tool:
            pass
        message.end("Hi!")
    assert client.flush(LONG)
    spans = {span.span_id: span for span in server.spans()}
    assert all(span.end and not span.failed for span in spans.values())
    assert spans[message.trace_id].output == "Hi!"
    assert spans[tool.trace_id].output is None


def test_an_exception_fails_the_step_and_goes_on_its_way(server: Server, client: NeuralTrust) -> None:
    with pytest.raises(TimeoutError), client.trace().tool("x"):
        raise TimeoutError("after 3 s")
    span = only(server, client)
    assert span.failed
    assert span.status_message == "after 3 s"
    assert span.attributes["error.type"] == "TimeoutError"
    ((name, attributes),) = span.events
    assert name == "exception"
    assert attributes["exception.type"] == "TimeoutError"
    assert "test_an_exception_fails" in attributes["exception.stacktrace"]


def test_an_exception_in_async_code(server: Server, client: NeuralTrust) -> None:
    async def work() -> None:
        async with client.trace().tool("x"):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(work())
    assert only(server, client).failed


def test_an_exception_as_output_is_a_failure(server: Server, client: NeuralTrust) -> None:
    client.trace().tool("x").end(KeyError("k"))
    span = only(server, client)
    assert (span.failed, span.output) == (True, None)


def test_model_and_usage(server: Server, client: NeuralTrust) -> None:
    generation = client.trace().generation("Hello", model="m", provider="openai", name="answer")
    generation.end(
        "Hi!", model="m-2026", usage={"prompt_tokens": 12, "output_tokens": 3}, cost=0.01, attributes={"a": [1]}
    )
    span = only(server, client)
    assert span.name == "answer"
    expected = {
        "gen_ai.request.model": "m",
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "m-2026",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "neuraltrust.cost": 0.01,
        "a": [1],
    }
    assert expected.items() <= span.attributes.items()


def test_a_later_end_replaces_the_output(server: Server, client: NeuralTrust) -> None:
    step = client.trace().agent("a")
    assert step.end("one").end("two") is step
    assert only(server, client).output == "two"


def test_a_trace_ends_its_message(server: Server, client: NeuralTrust) -> None:
    trace = client.trace()
    trace.end("nothing to end")
    trace.message("Hello")
    trace.end("Hi!")
    assert only(server, client).output == "Hi!"


def test_a_stream_that_nobody_reads_on_is_no_failure(server: Server, client: NeuralTrust) -> None:
    def stream() -> Iterator[str]:
        with client.trace().generation("Hello") as generation:
            for token in ("Hi", "!"):
                generation.first_token()
                yield token
            generation.end("Hi!")

    reading = stream()
    assert next(reading) == "Hi"
    reading.close()
    span = only(server, client)
    assert (span.failed, span.end > 0) == (False, True)
