"""The API keeps to its OpenAPI document: whatever is asked, the answers are as it says, and the server never fails."""

import json
import subprocess
from pathlib import Path

from conftest import environment, told

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# Cases of each operation, the same in every run.
CASES, SEED = 15, 1
# Longest run, far from what it takes.
PATIENCE_S = 600
HERE = Path(__file__).parent


def ask(server, cwd, *arguments, ids=None):
    """Runs schemathesis against the server, where ids are given with these in the place of made-up ones."""
    config = cwd / "schemathesis.toml"
    lines = "".join(f"{json.dumps(name)} = {json.dumps(value)}\n" for name, value in (ids or {}).items())
    config.write_text(f"[parameters]\n{lines}")
    command = [
        told("NT_SCHEMATHESIS"),
        f"--config-file={config}",
        "run",
        f"{server.url}/api/v1/openapi.json",
        f"--header=authorization:Bearer {server.key}",
        f"--checks={','.join(CHECKS)}",
        # It is a stream without an end.
        "--exclude-path=/api/v1/live",
        "--phases=examples,coverage,fuzzing",
        f"--max-examples={CASES}",
        f"--seed={SEED}",
        "--no-shrink",
        "--continue-on-failure",
        *arguments,
    ]
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(SCHEMATHESIS_HOOKS="schemathesis_hooks", PYTHONPATH=str(HERE)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    return done.stdout


def fill(server):
    """Conversations to read, and the ids of one of them."""
    demo = [told("NT_BIN"), "demo", "--url", server.url, "--key", server.key]
    subprocess.run(demo, env=environment(), check=True, capture_output=True, timeout=PATIENCE_S)
    span = server.wait_for("/api/v1/spans?q=kind:generation&limit=1", len)[0]
    return {f"path.{name}": span[name] for name in ("trace_id", "span_id", "conversation_id")} | {
        f"query.{side}_trace_id": span["trace_id"] for side in ("left", "right")
    }


def test_whatever_is_asked_is_answered_as_described(server, tmp_path):
    fill(server)
    assert " passed" in ask(server, tmp_path)


def test_what_is_there_is_answered_as_described(server, tmp_path):
    ids = fill(server)
    assert " passed" in ask(server, tmp_path, "--include-path-regex=\\{|compare|export", ids=ids)


def test_the_examples_are_of_the_types_that_are_described(tmp_path):
    document = subprocess.run(
        [told("NT_BIN"), "openapi"], env=environment(), check=True, capture_output=True, timeout=PATIENCE_S
    ).stdout
    python = Path(told("NT_SCHEMATHESIS")).with_name("python")
    done = subprocess.run(
        [python, str(HERE / "examples_fit.py")],
        cwd=tmp_path,
        input=document,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
