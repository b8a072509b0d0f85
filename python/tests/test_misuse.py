"""Calls that cannot be meant: none raises, each is a warning that names the line to fix, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from conftest import LONG, Run, Server
from neuraltrust import FeedbackTag, NeuralTrust
from test_process import script
from test_values import Hostile

#: A call, what the warning says, and what is recorded by it all the same.
MISUSES: dict[str, tuple[Callable[[NeuralTrust], Any], str, int]] = {
    "an argument that is unknown": (lambda c: c.trace().message("x", modle="m"), "argument 'modle'", 1),
    "an argument too many": (lambda c: c.trace().tool("x", None, "name", 4), "positional argument", 1),
    "an argument that lacks": (lambda c: c.trace().score("stars"), "missing 1 required positional argument", 1),
    "an argument twice": (lambda c: c.trace().agent("x", input="y"), "multiple values", 1),
    "an end that says unknown things": (
        lambda c: c.trace().message("x").end("y", "z", modle="m"),
        "end() does not know 'modle', what comes after the first; the call goes on without it",
        1,
    ),
    "a trace of something unknown": (lambda c: c.trace(conversation="c").event("x"), "argument 'conversation'", 1),
    "a tag that nobody counts": (lambda c: c.trace().feedback("great"), "accepted are positive, negative, neutral", 1),
    "feedback that says nothing": (lambda c: c.trace().feedback(), "give a tag or a text", 1),
    "later feedback of nothing": (lambda c: c.feedback("positive"), "give trace_id and span_id", 0),
    "a judge that is none": (lambda c: c.trace().score("s", 1, source="me"), "accepted are user, evaluator, api", 1),
    "a verdict that is none": (lambda c: c.trace().score("s", object()), "the verdict must be a number", 1),
    "usage without tokens": (lambda c: c.trace().tool("x").end(usage={"toks": 1}), "it has none of input_tokens", 1),
    "a cost that is none": (lambda c: c.trace().tool("x").end(cost="1 USD"), "must be a number of US dollars", 1),
    "attributes that are none": (lambda c: c.trace().tool("x").end(attributes=[1]), "must be a dict", 1),
    "a time that is none": (lambda c: c.trace().send("tool", latency="soon"), "send(latency='soon')", 1),
    "a hostile value": (lambda c: c.trace().tool("x").end(cost=Hostile()), "end(cost=<Hostile instance", 1),
    "a decorator that is given a name": (lambda c: c.tool("look_up")(len)([1]), "@client.tool(name=...)", 1),
    "a wait of no time": (lambda c: c.flush("soon"), "'soon' is no number of seconds", 0),
}


@pytest.mark.parametrize("name", MISUSES)
def test_a_misuse_is_a_warning_once_with_the_line(
    name: str, server: Server, client: NeuralTrust, caplog: pytest.LogCaptureFixture
) -> None:
    misuse, words, steps = MISUSES[name]
    misuse(client)
    told = len(caplog.records)
    for _ in range(2):
        misuse(client)
    assert client.flush(LONG)
    assert len(caplog.records) == told
    record = caplog.records[0]
    assert (record.name, record.levelno) == ("neuraltrust", logging.WARNING)
    line = misuse.__code__.co_firstlineno
    place, said = record.getMessage().split(": ", 1)
    assert place.startswith(__file__)
    assert line <= int(place.rsplit(":", 1)[1]) <= line + 1
    assert words in said
    assert len(server.spans()) == 3 * steps


def test_what_the_call_does_say_is_recorded(server: Server, client: NeuralTrust) -> None:
    with client.trace(conversation="?", session_id="s").message("Hello", modle="m", name="turn") as message:
        message.end("Hi!", 7, modle="m", model="known")
    assert client.flush(LONG)
    (span,) = server.spans()
    assert (span.name, span.input, span.output, span.attributes["session.id"]) == ("turn", "Hello", "Hi!", "s")
    assert span.attributes["gen_ai.response.model"] == "known"


def test_a_decorator_that_is_given_a_name_takes_it(server: Server, client: NeuralTrust) -> None:
    @client.tool("look_up")  # type: ignore[type-var]
    def work(city: str) -> str:
        return city.upper()

    assert work("Rome") == "ROME"
    assert client.flush(LONG)
    assert [(span.name, span.output) for span in server.spans()] == [("look_up", "ROME")]


def test_one_decorator_names_each_function_by_itself(server: Server, client: NeuralTrust) -> None:
    step = client.tool()
    for function in (abs, len):
        step(function)(range(1) if function is len else -1)
    assert client.flush(LONG)
    assert [span.name for span in server.spans()] == ["abs", "len"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key": 7},
        {"base_url": b"x"},
        {"timeout": "5"},
        {"timeout": True},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"max_workers": "a"},
        {"sample_rate": "half"},
        {"spool": 5},
        {"spool_bytes": "many"},
        {"headers": 5},
        {"redact": 5},
        {"mask": "hide"},
        {"ca_file": 5},
        {"compression": 5},
        {"retries": 3},
    ],
)
def test_a_client_that_cannot_be_set_up_records_nothing_and_says_why(
    server: Server, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    client = NeuralTrust(**{"api_key": "k", "base_url": server.url, **wrong})
    with client.trace().message("Hello") as message:
        message.end("Hi!")
    assert client.close(LONG)
    assert asyncio.run(client.aclose(LONG))
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith(__file__)
    assert "nothing is recorded: " in record.getMessage()
    assert (server.requests, client.stats()["dropped_disabled"]) == ([], 2)


def test_what_is_recorded_after_the_end_is_told_with_its_line(
    server: Server, client: NeuralTrust, caplog: pytest.LogCaptureFixture
) -> None:
    trace = client.trace()
    client.close(LONG)
    for _ in range(3):
        trace.event("late")
    (record,) = caplog.records
    assert record.getMessage().startswith(__file__)
    assert "the client is closed: what is recorded afterwards is dropped" in record.getMessage()
    assert client.stats()["dropped_closed"] == 3


def test_the_line_is_the_applications_and_the_exit_is_no_misuse(server: Server, run: Run) -> None:
    # Registered before the client's, so that it runs after it.
    body = """
    def helper(): return client.trace().message("x", wrong=1)
    for _ in range(5): helper()
    """
    late = "import atexit\natexit.register(lambda: client.trace().event('late'))\n"
    done = run(late + script(body), server.url)
    assert done.returncode == 0
    (line,) = done.stderr.strip().splitlines()
    assert "script.py:6: " in line
    assert len(server.spans()) == 5


def test_tags_are_those_of_the_list(server: Server, client: NeuralTrust, caplog: pytest.LogCaptureFixture) -> None:
    for tag in (*FeedbackTag, "POSITIVE"):
        client.trace().feedback(tag)
    assert client.flush(LONG)
    assert (len(server.spans()), caplog.records) == (4, [])
