"""A web server that loads the application once and then forks its workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
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


TASKS = """
import os
from pathlib import Path

from neuraltrust import NeuralTrust

client = NeuralTrust()
client.trace().message("before the fork").end(os.getpid())

# Loaded after the client was made.
from celery import Celery

queue = os.environ["QUEUE"]
app = Celery("application", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": queue, "data_folder_out": queue, "control_folder": f"{queue}-control"
}


@app.task(name="answer")
def answer(n):
    with client.trace().message(n) as message:
        message.end(os.getpid())
    Path(os.environ["DONE"], str(n)).touch()
"""


def test_workers_of_celery_deliver_their_own(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("celery")
    (tmp_path / "application.py").write_text(TASKS)
    for folder in ("queue", "queue-control", "done"):
        (tmp_path / folder).mkdir()
    env = {
        **os.environ,
        "NEURALTRUST_API_KEY": "k",
        "NEURALTRUST_BASE_URL": server.url,
        "QUEUE": str(tmp_path / "queue"),
        "DONE": str(tmp_path / "done"),
    }
    send = "import application\nfor n in range(40): application.answer.delay(n)"
    subprocess.run([sys.executable, "-c", send], cwd=tmp_path, env=env, check=True, timeout=LONG)
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = [sys.executable, "-m", "celery", "-A", "application", "worker", "--concurrency", "2", *alone]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + LONG
            while len(list((tmp_path / "done").iterdir())) < 40:
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=LONG)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    spans = server.spans()
    assert Counter(span.input for span in spans) == Counter(["before the fork"] * 2 + list(range(40)))
    answered = {span.resource["process.pid"] for span in spans if span.input != "before the fork"}
    assert all(span.output == span.resource["process.pid"] for span in spans)
    assert 1 <= len(answered) <= 2
    assert process.pid not in answered
