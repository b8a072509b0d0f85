"""A script, a real client, the real server: what is kept is what the script said."""

import re
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT, environment, told

FLOW = Path(__file__).with_name("flow.py")


def spans_of(server, conversation_id, count):
    server.wait_for("/api/v1/conversations", lambda rows: sum(row["spans"] for row in rows) == count)
    page = server.get(f"/api/v1/conversations/{conversation_id}")
    assert len(page["turns"]) == 1
    kinds = {}
    for span in page["turns"][0]["spans"]:
        assert span["kind"] not in kinds, f"{span['kind']} is there twice"
        kinds[span["kind"]] = span
    return page, kinds


def check_flow(server):
    """Exactly one conversation, one step of each kind, everything in its place."""
    page, spans = spans_of(server, "conversation_12345678", 5)
    assert set(spans) == {"message", "generation", "router", "retrieval", "agent"}
    ids = {kind: span["span_id"] for kind, span in spans.items()}
    parents = {kind: span["parent_id"] for kind, span in spans.items()}
    assert parents == {
        "message": None,
        "generation": ids["message"],
        "router": ids["message"],
        "retrieval": ids["router"],
        "agent": ids["retrieval"],
    }
    conversation = page["conversation"]
    assert conversation["user"] == {"id": "user_12345678", "name": "John Doe"}
    assert conversation["channel_id"] == "channel_12345678"
    assert conversation["session_ids"] == ["session_12345678"]
    assert (conversation["first_words"], conversation["last_words"]) == ("Hello, how are you?", "I am fine, thank you!")
    assert (conversation["turns"], conversation["errors"], conversation["running"]) == (1, 0, False)
    assert page["custom"] == {"key": "value"}
    assert page["metadata"] == {"id": "metadata_12345678", "name": "John Doe"}

    trace_id = spans["message"]["trace_id"]
    details = {kind: server.get(f"/api/v1/traces/{trace_id}/spans/{span_id}") for kind, span_id in ids.items()}
    assert {detail["input"]["text"] for detail in details.values()} == {"Hello, how are you?"}
    answers = {kind: detail["output"]["type"] for kind, detail in details.items() if detail["output"]}
    assert answers == {"message": "text", "generation": "text", "retrieval": "documents", "agent": "text"}
    assert [document["content"] for document in details["retrieval"]["output"]["documents"]] == ["Hello, how are you?"]
    assert all(not span["running"] and span["end_time"] for span in spans.values())


@pytest.mark.parametrize("python", ["NT_PYTHON", "NT_PYTHON_1_4"])
def test_the_same_script_with_our_package_and_the_published_one(server, tmp_path, python):
    server.run(told(python), FLOW, tmp_path)
    check_flow(server)


def test_the_seeds_script_unchanged(server, tmp_path):
    documents = sorted((ROOT.parent / "shared" / "seed").glob("*.txt"))
    if not documents:
        pytest.skip("the seed document is not at hand")
    scripts = re.findall(r"```python\n(.*?)```", documents[0].read_text(), re.DOTALL)
    script = tmp_path / "complete.py"
    script.write_text(max(scripts, key=len))
    server.run(told("NT_PYTHON"), script, tmp_path, by_dotenv=True)
    check_flow(server)


def test_our_own_example(server, tmp_path):
    server.run(told("NT_PYTHON"), ROOT / "examples" / "python" / "first_conversation.py", tmp_path)
    page, spans = spans_of(server, "parcel-4711", 5)
    assert page["user"] == {"id": "user-1815", "name": "Ada Lovelace"}
    assert page["custom"] == {"parcel": "4711", "premium": True}
    trace_id = spans["agent"]["trace_id"]
    agent = server.get(f"/api/v1/traces/{trace_id}/spans/{spans['agent']['span_id']}")
    answer = {"answer": "It arrives today before noon.", "confidence": "high"}
    assert agent["output"] == {"type": "json", "value": answer}
    retrieval = server.get(f"/api/v1/traces/{trace_id}/spans/{spans['retrieval']['span_id']}")
    assert retrieval["output"]["documents"][0]["score"] == 0.93


@pytest.mark.parametrize("python", ["NT_PYTHON", "NT_PYTHON_1_4"])
def test_nothing_is_lost_when_the_server_is_killed_right_after_the_script(server, tmp_path, python):
    server.run(told(python), FLOW, tmp_path)
    server.kill()
    server.start()
    check_flow(server)


def test_the_demo_fills_the_page(server):
    demo = [told("NT_BIN"), "demo", "--url", server.url]
    done = subprocess.run(
        demo, env=environment(NEURALTRUST_API_KEY=server.key), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    count = int(re.search(r"Sent (\d+) conversations", done.stdout)[1])
    rows = server.wait_for("/api/v1/conversations?limit=1000", lambda rows: len(rows) == count)
    assert any(row["errors"] for row in rows)
    assert any(row["running"] for row in rows)
    assert any(row["feedback"]["positive"] for row in rows)
    assert sum(row["cost"] or 0 for row in rows) > 0
    assert len({row["channel_id"] for row in rows}) >= 3
