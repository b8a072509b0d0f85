"""The current step, decorated functions of every sort, and what crosses the border of a process."""

from __future__ import annotations

import asyncio
import copy
import secrets
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from conftest import LONG, Server, Span
from neuraltrust import NeuralTrust, carry, current


def named(server: Server, client: NeuralTrust) -> dict[str, Span]:
    assert client.flush(LONG)
    return {span.name: span for span in server.spans()}


def test_decorated_functions_nest(server: Server, client: NeuralTrust) -> None:
    @client.tool
    def look_up(city: str, days: int = 1) -> str:
        return f"{city}, {days}"

    @client.generation(name="answer", model="m", provider="p")
    def generate(question: str) -> str:
        return look_up("Rome", days=2)

    with client.trace(conversation_id="c") as trace, trace.message("Weather?") as message:
        assert current() is message
        assert generate("Weather in Rome?") == "Rome, 2"
        assert current() is message
    assert current() is None
    spans = named(server, client)
    assert (spans["answer"].input, spans["answer"].output) == ("Weather in Rome?", "Rome, 2")
    assert spans["answer"].attributes["gen_ai.request.model"] == "m"
    assert spans["look_up"].input == {"city": "Rome", "days": 2}
    assert spans["look_up"].parent_id == spans["answer"].span_id
    assert spans["answer"].parent_id == spans["message"].span_id
    assert {span.trace_id for span in spans.values()} == {trace.trace_id}


def test_an_error_goes_through_a_decorator(server: Server, client: NeuralTrust) -> None:
    class Agent:
        @client.agent
        def work(self, task: str) -> None:
            raise KeyError(task)

    with pytest.raises(KeyError):
        Agent().work("a")
    with pytest.raises(TypeError):
        Agent().work()  # type: ignore[call-arg]
    assert client.flush(LONG)
    first, second = server.spans()
    assert (first.input, first.failed, second.failed) == ("a", True, True)
    assert first.trace_id != second.trace_id


def test_the_function_may_end_its_step_in_its_own_words(server: Server, client: NeuralTrust) -> None:
    @client.generation
    def generate(question: str) -> object:
        step = current()
        assert step is not None
        step.end("Hi!", finish_reason="stop")
        return object()

    generate("Hello")
    span = named(server, client)["generate"]
    assert (span.output, span.attributes["gen_ai.response.finish_reasons"]) == ("Hi!", ["stop"])


def test_tasks_keep_their_own_step(server: Server, client: NeuralTrust) -> None:
    @client.tool
    async def inner(n: int) -> int:
        await asyncio.sleep(0)
        return n

    @client.agent
    async def outer(n: int) -> int:
        await asyncio.sleep(0)
        return await inner(n)

    async def work() -> list[int]:
        return list(await asyncio.gather(*(outer(n) for n in range(20))))

    assert asyncio.run(work()) == list(range(20))
    assert client.flush(LONG)
    spans = {span.span_id: span for span in server.spans()}
    tools = [span for span in spans.values() if span.kind == "tool"]
    assert len(tools) == 20
    assert all(spans[str(tool.parent_id)].output == tool.output for tool in tools)


def test_carry_takes_the_step_to_a_thread(server: Server, client: NeuralTrust) -> None:
    with client.trace() as trace, trace.message("Hello") as message, ThreadPoolExecutor(1) as executor:
        assert executor.submit(current).result() is None
        assert executor.submit(carry(current)).result() is message
        assert executor.submit(current).result() is None


def test_a_stream_is_a_step(server: Server, client: NeuralTrust) -> None:
    @client.generation
    def stream(question: str) -> Iterator[str]:
        assert current() is not None
        got = yield "He"
        yield f"llo{got or ''}"

    iterator = stream("q")
    assert next(iterator) == "He"
    assert current() is None, "a stream is not current in the code that reads it"
    assert list(iterator) == ["llo"]
    span = named(server, client)["stream"]
    assert (span.input, span.output, span.failed) == ("q", "Hello", False)
    assert span.attributes["gen_ai.response.time_to_first_chunk"] >= 0


def test_a_stream_that_is_left_or_breaks(server: Server, client: NeuralTrust) -> None:
    closed = []

    @client.generation(name="left")
    def left() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    @client.generation(name="broken")
    def broken() -> Iterator[str]:
        yield "so far"
        raise ValueError("gone")

    iterator: Any = left()
    assert next(iterator) == 1
    iterator.close()
    with pytest.raises(ValueError, match="gone"):
        list(broken())
    assert closed == [True]
    spans = named(server, client)
    assert (spans["left"].output, spans["left"].failed) == ([1], False)
    assert (spans["broken"].output, spans["broken"].failed) == ("so far", True)


def test_an_async_stream_is_a_step(server: Server, client: NeuralTrust) -> None:
    @client.generation
    async def stream(question: str) -> AsyncIterator[str]:
        for part in ("He", "llo"):
            await asyncio.sleep(0)
            yield part

    async def work() -> None:
        assert [part async for part in stream("q")] == ["He", "llo"]
        left: Any = stream("left")
        assert await left.__anext__() == "He"
        assert current() is None
        await left.aclose()

    asyncio.run(work())
    assert client.flush(LONG)
    assert {span.input: span.output for span in server.spans()} == {"q": "Hello", "left": "He"}


def test_traceparent_goes_out_and_comes_in(server: Server, client: NeuralTrust) -> None:
    step = client.trace().message("Hello")
    assert step.traceparent == f"00-{step.interaction_id}-{step.span_id}-01"
    below = client.trace(traceparent=step.traceparent).tool("x")
    assert (below.interaction_id, below.parent_id) == (step.interaction_id, step.span_id)
    assert client.trace("mine").message("Hello").traceparent is None


def test_traceparent_says_whether_the_trace_is_recorded(server: Server, client: NeuralTrust) -> None:
    above = f"00-{'1' * 32}-{'2' * 16}"
    left_out = client.trace(traceparent=f"{above}-00").message("left out")
    assert left_out.traceparent == f"00-{'1' * 32}-{left_out.span_id}-00"
    assert client.trace(traceparent=f"{above}-01").message("taken").traceparent[-2:] == "01"  # type: ignore[index]
    client.trace(traceparent=f"{above}-00", sampled=True).message("asked for")
    client.trace(sampled=False).message("not asked for")
    assert client.flush(LONG)
    assert [span.input for span in server.spans()] == ["taken", "asked for"]
    assert client.stats()["dropped_unsampled"] == 2


def test_a_share_is_that_of_opentelemetry(server: Server) -> None:
    few = NeuralTrust("k", server.url, sample_rate=0.3)
    sampler = TraceIdRatioBased(0.3)
    ids = [secrets.token_hex(16) for _ in range(200)] + ["f" * 16 + "0" * 16, "0" * 16 + "f" * 16]
    for trace_id in ids:
        theirs = sampler.should_sample(None, int(trace_id, 16), "name").decision.is_sampled()
        header = few.trace(trace_id).message("Hello").traceparent
        assert header is not None
        assert header.endswith("-01" if theirs else "-00"), trace_id
    few.close(LONG)


@pytest.mark.parametrize(
    "header",
    [
        None,
        7,
        "",
        "00-zz",
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"ff-{'1' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'1' * 16}-01-more",
    ],
)
def test_a_header_that_is_none_is_ignored(client: NeuralTrust, header: Any) -> None:
    trace = client.trace(traceparent=header)
    assert len(trace.trace_id) == 32
    assert trace.parent_id is None


def test_async_flush_and_close(server: Server) -> None:
    async def work() -> NeuralTrust:
        async with NeuralTrust("k", server.url, async_client=True) as client:
            client.trace().event("a")
            assert await client.aflush(LONG)
            assert len(server.spans()) == 1
        return client

    client = asyncio.run(work())
    client.trace().event("late")
    assert client.stats()["dropped_closed"] == 1


def test_an_async_client_is_awaited_on_an_event_loop_and_waits_elsewhere(server: Server) -> None:
    async def work(client: NeuralTrust) -> None:
        server.may_answer.clear()
        client.trace().event("a")
        flushed = client.flush(LONG)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not flushed.done()
        server.may_answer.set()
        assert await flushed is True
        assert await client.close(LONG) is True

    asyncio.run(work(NeuralTrust("k", server.url, async_client=True)))
    assert len(server.spans()) == 1
    client = NeuralTrust("k", server.url, async_client=True)
    client.trace().event("b")
    assert client.flush(LONG) is True
    assert client.close(LONG) is True
    assert len(server.spans()) == 2


def test_the_off_switch(server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("NEURALTRUST_DISABLED", "true")
    client = NeuralTrust("k", server.url)
    client.trace().event("a")
    assert client.flush(LONG)
    assert (server.requests, caplog.records, client.stats()["dropped_disabled"]) == ([], [], 1)


def test_a_share_of_the_traces(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    none = NeuralTrust("k", server.url, sample_rate=0)
    none.trace().event("a")
    assert none.stats()["dropped_unsampled"] == 1
    monkeypatch.setenv("NEURALTRUST_SAMPLE_RATE", "most")
    NeuralTrust("k", server.url).trace().event("a")
    assert "NEURALTRUST_SAMPLE_RATE 'most'" in caplog.text
    assert server.requests == []


def test_carry_takes_the_step_to_another_loop(client: NeuralTrust) -> None:
    async def work() -> object:
        await asyncio.sleep(0)
        return current()

    with client.trace().message("Hello") as message, ThreadPoolExecutor(1) as executor:
        carried = carry(work)
        assert executor.submit(lambda: asyncio.run(work())).result() is None
        assert executor.submit(lambda: asyncio.run(carried())).result() is message


def test_what_holds_a_step_may_be_copied(server: Server, client: NeuralTrust) -> None:
    trace = client.trace()
    state = {"client": client, "trace": trace, "step": trace.message("Hello")}
    for again in (copy.copy(state), copy.deepcopy(state)):
        assert all(again[name] is held for name, held in state.items())
        again["step"].end("Hi!")  # type: ignore[attr-defined]
    assert named(server, client)["message"].output == "Hi!"


def test_a_library_may_say_that_a_token_came(server: Server, client: NeuralTrust) -> None:
    generation = client.trace().generation("Hello")
    for token in ("Hi", "!"):
        generation.first_token(token, last=token == "!")  # type: ignore[call-arg]
    generation.end("Hi!")
    assert named(server, client)["generation"].attributes["gen_ai.response.time_to_first_chunk"] >= 0
