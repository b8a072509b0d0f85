"""What an application's own tests see of what it records."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conftest import Server
from neuraltrust import NeuralTrust, User
from neuraltrust.testing import Recorder


def test_steps_are_kept_and_none_is_sent() -> None:
    recorder = Recorder()
    trace = recorder.client.trace(conversation_id="c", session_id="s", user=User(id="u"), custom={"a": 1})
    with trace.message("Hello") as message:
        with message.generation("Hello", model="m") as generation:
            generation.end("Hi!", usage={"input_tokens": 3, "output_tokens": 2})
        with pytest.raises(KeyError), message.tool({"city": "Rome"}, name="weather"):
            raise KeyError("Rome")
        recorder.assert_tree("message running", "  generation", '  tool "weather" failed: KeyError')
    recorder.assert_tree("message", "  generation", '  tool "weather" failed: KeyError')

    step = recorder.step("generation")
    assert (step.kind, step.input, step.output, step.failed, step.running) == (
        "generation",
        "Hello",
        "Hi!",
        False,
        False,
    )
    assert (step.span_id, step.interaction_id) == (generation.span_id, trace.trace_id)
    assert (step.conversation_id, step.session_id, step.channel_id) == ("c", "s", None)
    assert (step.user, step.custom, step.metadata) == ({"id": "u"}, {"a": 1}, {})
    assert step.attributes["gen_ai.request.model"] == "m"
    assert step.attributes["gen_ai.usage.input_tokens"] == 3
    assert step.end is not None
    assert 0 < step.start <= step.end

    tool = recorder.step("weather")
    assert tool.error is not None
    assert (tool.parent_id, tool.input, tool.error.type) == (message.span_id, {"city": "Rome"}, "KeyError")
    assert "in test_steps_are_kept" in (tool.error.stacktrace or "")
    assert [step.kind for step in recorder.steps()] == ["message", "generation", "tool"]
    assert recorder.steps("tool", name="weather") == [tool]
    assert recorder.steps("tool", name="other") == []
    recorder.clear()
    assert recorder.steps() == []


def test_a_wrong_expectation_shows_what_there_is() -> None:
    recorder = Recorder()
    trace = recorder.client.trace()
    trace.tool("a").end("b")
    trace.tool("c").end("d")
    with pytest.raises(AssertionError, match="2 steps are 'tool', not 1, of these:\ntool\ntool\n"):
        recorder.step("tool")
    with pytest.raises(AssertionError, match="0 steps are 'agent'"):
        recorder.step("agent")
    with pytest.raises(
        AssertionError, match="expected these steps:\nmessage\n\nbut these were recorded:\ntool\ntool\n"
    ):
        recorder.assert_tree("message")


def test_a_client_of_the_application_records_in_the_place_of_the_server(server: Server, client: NeuralTrust) -> None:
    @client.tool
    def look_up(city: str) -> str:
        return city.upper()

    recorder = Recorder()
    with recorder.instead_of(client):
        look_up("Rome")
    recorder.assert_tree('tool "look_up"')
    look_up("Bern")
    assert client.flush()
    assert [span.input for span in server.spans()] == ["Bern"]
    assert len(recorder.steps()) == 1


def test_what_is_kept_is_what_would_have_been_sent() -> None:
    recorder = Recorder(redact=["emails"], mask=lambda value: value.replace("secret", "***"))
    recorder.client.trace().event("a secret of ada@example.com")
    kept = recorder.step("event").input
    assert "secret" not in kept
    assert "ada@" not in kept
    assert Recorder(sample_rate=0).client.trace().event("x") is not None


def test_without_a_key_a_recorder_records(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("NEURALTRUST_API_KEY", raising=False)
    recorder = Recorder()
    client = NeuralTrust(recorder=recorder)
    client.trace().event("x")
    assert client.flush()
    assert [step.input for step in recorder.steps()] == ["x"]
    assert not caplog.records


def test_the_example_of_the_guide() -> None:
    guide = Path(__file__).resolve().parents[2] / "docs" / "sdk" / "python.md"
    found = re.search(r"^## Tests\n.*?```python\n(.*?)```", guide.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    client = NeuralTrust("k")

    @client.tool
    def look_up(city: str) -> str:
        return "sunny"

    @client.generation(name="answer")
    def generate(question: str) -> str:
        return "It is sunny."

    def answer(question: str) -> None:
        with client.trace().message(question) as message:
            look_up("Rome")
            message.end(generate(question))

    names: dict[str, Any] = {"client": client, "answer": answer}
    exec(found[1], names)
    names["test_the_answer_is_looked_up"]()


pytest_plugins = ["pytester"]


def test_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["neuraltrust.testing.fixtures"]')
    pytester.makepyfile(
        """
        def test_it(neuraltrust_recorder):
            neuraltrust_recorder.client.trace().message("Hello").end("Hi!")
            neuraltrust_recorder.assert_tree("message")

        def test_another_begins_anew(neuraltrust_recorder):
            neuraltrust_recorder.assert_tree()
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
