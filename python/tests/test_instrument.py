"""Calls of other libraries as steps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Status, StatusCode

from conftest import LONG, Server
from neuraltrust import NeuralTrust
from neuraltrust._instrument import _provider


@pytest.fixture
def tracer(client: NeuralTrust) -> Iterator[Any]:
    provider: TracerProvider = _provider(client)
    yield provider.get_tracer("test")
    provider.shutdown()


def test_spans_are_steps_below_the_current_one(server: Server, client: NeuralTrust, tracer: Any) -> None:
    with client.trace(conversation_id="c").message("Hello") as message:
        with tracer.start_as_current_span("chat", attributes={"openinference.span.kind": "LLM"}) as span:
            span.set_attribute("llm.model_name", "m")
            span.set_attribute("tags", ["a", "b"])
            with tracer.start_as_current_span("look up", attributes={"openinference.span.kind": "TOOL"}):
                pass
    assert client.flush(LONG)
    steps = {step.name: step for step in server.spans()}
    chat, tool = steps["chat"], steps["look up"]
    assert (chat.kind, chat.parent_id, chat.trace_id) == ("generation", message.span_id, message.interaction_id)
    assert (tool.kind, tool.parent_id) == ("tool", chat.span_id)
    assert (chat.attributes["llm.model_name"], chat.attributes["tags"]) == ("m", ["a", "b"])
    assert 0 < chat.start <= tool.start <= tool.end <= chat.end
    stats = client.stats()
    assert stats["recorded"] == stats["merged"] + stats["sent"]


def test_failures_say_what_happened(server: Server, client: NeuralTrust, tracer: Any) -> None:
    with pytest.raises(ZeroDivisionError), tracer.start_as_current_span("raises"):
        _ = 1 / 0
    with tracer.start_as_current_span("says so") as span:
        span.set_status(Status(StatusCode.ERROR, "it did not work"))
    assert client.flush(LONG)
    steps = {step.name: step for step in server.spans()}
    assert steps["raises"].failed
    (name, event), *_ = steps["raises"].events
    assert (name, event["exception.type"]) == ("exception", "ZeroDivisionError")
    assert "test_instrument.py" in event["exception.stacktrace"]
    assert steps["says so"].status_message == "it did not work"


def test_they_are_masked_like_all_steps(server: Server) -> None:
    client = NeuralTrust("k", server.url, redact=["emails"])
    with _provider(client).get_tracer("test").start_as_current_span("chat") as span:
        span.set_attribute("input.value", "from ann@example.com")
    assert client.close(LONG)
    assert server.spans()[0].attributes["input.value"] == "from [redacted e-mail]"


def test_what_is_unknown_or_missing_is_said_once(
    client: NeuralTrust, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "openinference.instrumentation.llama_index", None)
    assert client.instrument("nothing of this name", "llama_index") == []
    assert "accepted are anthropic, langchain" in caplog.text
    assert "pip install openinference-instrumentation-llama-index" in caplog.text


def test_calls_of_openai(server: Server, client: NeuralTrust) -> None:
    openai = pytest.importorskip("openai")
    instrumentation = pytest.importorskip("openinference.instrumentation.openai")
    script = Path(__file__).resolve().parents[2] / "clients" / "drivers" / "fake_model.py"
    model = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert model.stdout is not None
    url = f"http://127.0.0.1:{model.stdout.readline().strip()}/v1"
    assert client.instrument("openai") == ["openai"]
    try:
        with client.trace().message("Hello") as message:
            asked = openai.OpenAI(api_key="k", base_url=url)
            asked.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])
    finally:
        instrumentation.OpenAIInstrumentor().uninstrument()
        model.kill()
        model.wait()
        model.stdout.close()
    assert client.flush(LONG)
    call = next(step for step in server.spans() if step.kind == "generation")
    assert call.parent_id == message.span_id
    assert call.attributes["llm.input_messages.0.message.content"] == "Hello"
    assert call.attributes["llm.token_count.prompt"] > 0
