"""Steps and spans of OpenTelemetry: one trace, one tree."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from conftest import LONG, Server, Span
from neuraltrust import NeuralTrust, carry

exported = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exported))
tracer = provider.get_tracer("test")


@pytest.fixture(autouse=True)
def _clear() -> Iterator[None]:
    exported.clear()
    yield
    assert not otel.get_current_span().get_span_context().is_valid, "a test leaves nothing current"


def theirs() -> dict[str, ReadableSpan]:
    return {span.name: span for span in exported.get_finished_spans()}


def ours(server: Server, client: NeuralTrust) -> dict[str, Span]:
    assert client.flush(LONG)
    return {span.name: span for span in server.spans()}


def span_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def trace_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def parent_id(span: ReadableSpan) -> str | None:
    return None if span.parent is None else f"{span.parent.span_id:016x}"


def test_one_tree(server: Server, client: NeuralTrust) -> None:
    @client.tool
    def look_up() -> None:
        with tracer.start_as_current_span("query"):
            pass

    with tracer.start_as_current_span("request"):
        with client.trace(conversation_id="c") as trace, trace.message("Hello") as message:
            with tracer.start_as_current_span("chain"):
                look_up()
                message.generation("inside", name="inside").end()
                message.feedback("positive")
            message.generation("after", name="after").end()
        with tracer.start_as_current_span("answer"):
            pass
    steps, spans = ours(server, client), theirs()
    assert {trace_id(span) for span in spans.values()} == {step.trace_id for step in steps.values()} == {trace.trace_id}
    assert steps["message"].parent_id == span_id(spans["request"])
    assert parent_id(spans["chain"]) == steps["message"].span_id
    assert steps["look_up"].parent_id == span_id(spans["chain"])
    assert parent_id(spans["query"]) == steps["look_up"].span_id
    assert steps["inside"].parent_id == span_id(spans["chain"])
    assert steps["feedback"].parent_id == steps["after"].parent_id == steps["message"].span_id
    assert parent_id(spans["answer"]) == span_id(spans["request"])


def test_what_the_application_says_wins(server: Server, client: NeuralTrust) -> None:
    with tracer.start_as_current_span("request"):
        own = client.trace("mine").message("a", name="own")
        above = client.trace(traceparent=f"00-{'1' * 32}-{'2' * 16}-01").message("b", name="above")
    assert (own.interaction_id, own.parent_id) == ("mine", None)
    assert (above.interaction_id, above.parent_id) == ("1" * 32, "2" * 16)


def test_a_trace_inside_a_step_is_a_trace_of_its_own(client: NeuralTrust) -> None:
    with client.trace() as outer, outer.message("a"):
        inner = client.trace()
        assert (inner.parent_id, inner.trace_id != outer.trace_id) == (None, True)


def test_a_trace_that_goes_on_elsewhere_takes_spans_along(client: NeuralTrust) -> None:
    with client.trace(traceparent=f"00-{'1' * 32}-{'2' * 16}-01"), tracer.start_as_current_span("below"):
        pass
    assert (trace_id(theirs()["below"]), parent_id(theirs()["below"])) == ("1" * 32, "2" * 16)


@pytest.mark.parametrize("what", ["unsampled", "disabled", "own id"])
def test_a_step_that_opentelemetry_cannot_have_is_no_parent(
    server: Server, client: NeuralTrust, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    if what == "disabled":
        monkeypatch.setenv("NEURALTRUST_DISABLED", "true")
        client = NeuralTrust("k", server.url)
    trace = client.trace("mine" if what == "own id" else None, sampled=what != "unsampled")
    with trace.message("Hello"), tracer.start_as_current_span("root"):
        pass
    assert parent_id(theirs()["root"]) is None


def test_a_span_that_is_not_recorded_is_no_parent(client: NeuralTrust) -> None:
    with TracerProvider(sampler=ALWAYS_OFF).get_tracer("test").start_as_current_span("request"):
        step = client.trace().message("Hello")
    assert (step.parent_id, step.traceparent) == (None, f"00-{step.interaction_id}-{step.span_id}-01")


def test_streams_tasks_and_threads(server: Server, client: NeuralTrust, caplog: pytest.LogCaptureFixture) -> None:
    @client.generation
    def stream() -> Iterator[int]:
        with tracer.start_as_current_span("first"):
            pass
        yield 1
        with tracer.start_as_current_span("second"):
            pass

    @client.agent
    async def agent(n: int) -> None:
        await asyncio.sleep(0)
        with tracer.start_as_current_span(f"task {n}"):
            await asyncio.sleep(0)

    async def work() -> None:
        await asyncio.gather(*(agent(n) for n in range(5)))

    def thread() -> None:
        with tracer.start_as_current_span("thread"):
            pass

    iterator = stream()
    next(iterator)
    with tracer.start_as_current_span("reader"):
        assert list(iterator) == []
    asyncio.run(work())
    with client.trace().message("Hello", name="main"), ThreadPoolExecutor(1) as executor:
        executor.submit(carry(thread)).result()
    assert client.flush(LONG)
    spans = theirs()
    agents = {step.span_id: step.input for step in server.spans() if step.name == "agent"}
    steps = {step.name: step for step in server.spans()}
    assert parent_id(spans["first"]) == parent_id(spans["second"]) == steps["stream"].span_id
    assert parent_id(spans["reader"]) is None
    assert [agents[str(parent_id(spans[f"task {n}"]))] for n in range(5)] == [0, 1, 2, 3, 4]
    assert parent_id(spans["thread"]) == steps["main"].span_id
    assert caplog.records == []
