"""A web server that loads the application once and then forks its workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import LONG, Server

APPLICATION = """
import os
from neuraltrust import NeuralTrust

client = NeuralTrust()
client.trace().message("before the fork").end(os.getpid())


def app(environ, start_response):
    with client.trace().message(environ["PATH_INFO"]) as message:
        message.end(os.getpid())
    start_response("200 OK", [("content-length", "2")])
    return [b"ok"]
"""


def test_workers_of_gunicorn_deliver_their_own(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("gunicorn")
    (tmp_path / "application.py").write_text(APPLICATION)
    env = {**os.environ, "NEURALTRUST_API_KEY": "k", "NEURALTRUST_BASE_URL": server.url}
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--preload",
        "--workers",
        "2",
        "--bind",
        "127.0.0.1:0",
        "application:app",
    ]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        found = next(filter(None, (re.search(r"Listening at: (http://[0-9.:]+)", line) for line in lines)))

        def ask(n: int) -> bytes:
            with urllib.request.urlopen(f"{found[1]}/{n}", timeout=LONG) as answer:
                body: bytes = answer.read()
                return body

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(60))) == {b"ok"}
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LONG)
    assert process.returncode == 0
    spans = server.spans()
    assert Counter(span.input for span in spans) == Counter(["before the fork", *(f"/{n}" for n in range(60))])
    assert len({span.span_id for span in spans}) == 61, "no worker repeats the ids of another"
    made = {span.resource["process.pid"] for span in spans}
    assert {span.output for span in spans} == made, "each process delivers what it made"
