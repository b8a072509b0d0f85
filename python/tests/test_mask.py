"""What leaves the process where the application masks its data."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from conftest import LONG, Run, Server
from neuraltrust import NeuralTrust


def test_a_mask_sees_plain_values_on_another_thread(server: Server) -> None:
    threads = set()
    seen = []

    def mask(value: Any) -> Any:
        threads.add(threading.current_thread())
        seen.append(value)
        return {"masked": value} if isinstance(value, list) else "hidden"

    with NeuralTrust("k", server.url, mask=mask) as client:
        trace = client.trace(user={"name": "Ann"}, metadata={"n": 2**63}, custom=[1, None, 0.5])
        step = trace.generation("Hello", model="m", name="answer")
        step.end(("a", True), usage={"input_tokens": 3}, error=ValueError("not for you"))
        assert client.flush(LONG)
        assert client.stats()["mask_failed"] == 0
    span = server.spans()[0]
    assert threading.current_thread() not in threads
    assert "Hello" in seen
    assert {"name": "Ann"} in seen
    assert (span.input, span.output) == ("hidden", {"masked": ["a", True]})
    assert span.attributes["neuraltrust.user"] == "hidden"
    assert span.attributes["neuraltrust.custom"] == {"masked": [1, None, 0.5]}
    assert span.status_message == "hidden"
    assert dict(span.events)["exception"]["exception.stacktrace"] == "hidden"
    assert (span.name, span.attributes["gen_ai.request.model"]) == ("answer", "m")
    assert span.attributes["gen_ai.usage.input_tokens"] == 3


def test_a_mask_that_raises_costs_the_value(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    def mask(value: str) -> str:
        if value == "secret":
            raise RuntimeError(value)
        return value.upper()

    with NeuralTrust("k", server.url, mask=mask) as client:
        client.trace().message("secret").end("fine")
        assert client.flush(LONG)
        stats = client.stats()
    span = server.spans()[0]
    assert (span.input, span.output) == ("[masking failed]", "FINE")
    assert (stats["mask_failed"], stats["sent"], stats["dropped"]) == (1, 1, 0)
    assert "the masking hook failed: it raised RuntimeError; " in caplog.text


def test_redaction(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"api_key": "x", "note": "ann@example.com, 4111 1111 1111 1111, +49 30 1234567", "n": 1}
    expect = {"api_key": "[redacted key]", "note": "[redacted e-mail], [redacted card], [redacted phone]", "n": 1}
    with NeuralTrust("k", server.url, redact=["api_keys", "emails", "cards", "phones"]) as client:
        client.trace().message(given).end("card")
    monkeypatch.setenv("NEURALTRUST_REDACT", "emails, phones")
    with NeuralTrust("k", server.url) as client:
        client.trace().message("ann@example.com")
    assert [span.input for span in server.spans()] == [expect, "[redacted e-mail]"]


def test_what_cannot_be_redacted_is_not_sent(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with NeuralTrust("k", server.url, redact=["names"]) as client:
        client.trace().message("Ann")
    assert server.requests == []
    assert 'redact "names" is not accepted' in caplog.text
    NeuralTrust("k", server.url, mask="hide").trace().message("Ann")  # type: ignore[arg-type]
    assert "nothing is recorded: mask is str; accepted is a function or None" in caplog.text
    assert server.requests == []


def test_a_mask_runs_at_the_exit_of_a_script(server: Server, run: Run) -> None:
    done = run(
        "from neuraltrust import NeuralTrust\n"
        "client = NeuralTrust(mask=lambda value: value.upper())\n"
        "client.trace().message('Hello').end('Hi!')\n",
        server.url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [(span.input, span.output) for span in server.spans()] == [("HELLO", "HI!")]
