"""The guide's conversation, call by call, and the guide's own script as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import LONG, Run, Server, Span
from neuraltrust import Metadata, NeuralTrust, User

ROOT = Path(__file__).resolve().parents[2]
HELLO = "Hello, how are you?"
FINE = "I am fine, thank you!"


def check(spans: list[Span]) -> None:
    by_kind = {span.kind: span for span in spans}
    assert sorted(span.kind for span in spans) == ["agent", "generation", "message", "retrieval", "router"]
    parents = {"generation": "message", "router": "message", "retrieval": "router", "agent": "retrieval"}
    for child, parent in parents.items():
        assert by_kind[child].parent_id == by_kind[parent].span_id
    assert by_kind["message"].parent_id is None
    assert {kind: span.output for kind, span in by_kind.items()} == {
        "message": FINE,
        "generation": FINE,
        "router": None,
        "retrieval": [{"chunk": HELLO}],
        "agent": FINE,
    }
    assert len({span.trace_id for span in spans}) == 1
    for span in spans:
        assert span.input == HELLO
        assert span.end >= span.start > 0
        assert not span.failed
        assert len(span.trace_id) == 32
        assert len(span.span_id) == 16
        assert span.attributes["gen_ai.conversation.id"] == "conversation_12345678"
        assert span.attributes["session.id"] == "session_12345678"
        assert span.attributes["neuraltrust.channel.id"] == "channel_12345678"
        assert span.attributes["neuraltrust.user"] == {"id": "user_12345678", "name": "John Doe"}
        assert span.attributes["neuraltrust.metadata"] == {"id": "metadata_12345678", "name": "John Doe"}
        assert span.attributes["neuraltrust.custom"] == {"key": "value"}
        assert span.resource["telemetry.sdk.language"] == "python"


def test_the_calls_of_the_guide(server: Server) -> None:
    client = NeuralTrust(api_key="test-key", base_url=server.url, async_client=True)
    trace = client.trace(
        conversation_id="conversation_12345678",
        session_id="session_12345678",
        channel_id="channel_12345678",
        user=User(id="user_12345678", name="John Doe"),
        metadata=Metadata(id="metadata_12345678", name="John Doe"),
        custom={"key": "value"},
    )
    message = trace.message(input=HELLO)
    generation = message.generation(input=HELLO)
    generation.end(FINE)
    router = message.router(input=HELLO)
    retrieval = router.retrieval(input=HELLO)
    retrieval.end([{"chunk": HELLO}])
    agent = retrieval.agent(input=HELLO)
    agent.end(FINE)
    message.end(FINE)
    assert client.flush(LONG)
    check(server.spans())
    headers = server.requests[0][0]
    assert headers["path"] == "/v1/traces"
    assert headers["authorization"] == "Bearer test-key"
    assert headers["user-agent"].startswith("neuraltrust-python/")


def test_the_script_of_the_guide_unchanged(server: Server, run: Run) -> None:
    guides = sorted((ROOT.parent / "shared" / "seed").glob("*.txt"))
    if not guides:
        pytest.skip("the guide is not beside the repository: ../shared/seed/*.txt")
    section = guides[0].read_text().split("## Complete Script", 1)[1]
    script = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert script is not None
    done = run(script.group(1), server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    check(server.spans())


def test_the_first_example(server: Server, run: Run) -> None:
    done = run((ROOT / "examples" / "python" / "first_conversation.py").read_text(), server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(span.kind for span in server.spans()) == ["agent", "generation", "message", "retrieval", "router"]


def test_what_1_4_could_be_asked_beside_does_nothing_and_says_so(
    client: NeuralTrust, caplog: pytest.LogCaptureFixture
) -> None:
    asked = [
        client.run_evaluation_set("e"),
        client.create_evaluation_set(name="n", description="d", scheduler="s"),
        client.get_evaluation_set("e"),
        client.delete_evaluation_set("e"),
        client.create_knowledge_base(type="t", credentials={}, seed_topics=[]),
        client.get_knowledge_base("k"),
        client.delete_knowledge_base("k"),
        client.create_testset("n", "t", "e", "k", 3),
        client.get_testset("t"),
        client.delete_testset("t"),
    ]
    assert asked == [None] * 10
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 10
    assert all("are not kept here" in record.getMessage() for record in caplog.records)


def test_a_key_and_an_address_that_are_set_later(server: Server, monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    monkeypatch.delenv("NEURALTRUST_API_KEY", raising=False)
    client = NeuralTrust(base_url=nowhere, redact=iter(["emails"]))
    client.trace().event("before")
    client.base_url = server.url
    client.api_key = "later"
    client.trace().event("after, from ann@example.com")
    assert client.close(LONG)
    assert [span.input for span in server.spans()] == ["after, from [redacted e-mail]"]
    assert server.requests[0][0]["authorization"] == "Bearer later"
    assert (client.api_key, client.base_url) == ("later", server.url)
