"""The process around the client: its exit, its forks, its settings, and servers that are not there."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from conftest import LONG, Run, Server
from neuraltrust import NeuralTrust

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def script(body: str) -> str:
    return "from neuraltrust import NeuralTrust\nclient = NeuralTrust()\n" + textwrap.dedent(body)


def test_the_exit_of_a_script_delivers(server: Server, run: Run) -> None:
    done = run(script("client.trace().message('Hello').end('Hi!')"), server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [span.output for span in server.spans()] == ["Hi!"]


def test_the_exit_with_an_exception_delivers(server: Server, run: Run) -> None:
    done = run(script("with client.trace().message('Hello'):\n    raise SystemExit(3)"), server.url)
    assert done.returncode == 3
    assert [span.failed for span in server.spans()] == [True]


def test_a_dead_server_neither_blocks_nor_fails_a_script(nowhere: str, run: Run) -> None:
    done = run(script("for _ in range(1000): client.trace().message('Hello').end('Hi!')"), nowhere)
    assert done.returncode == 0
    assert done.seconds < LONG / 2  # type: ignore[attr-defined]
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_silent_server_holds_a_script_for_a_bounded_time(run: Run) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = run(script("client.trace().message('Hello').end('Hi!')"), f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert done.returncode == 0
    assert done.seconds < LONG / 2  # type: ignore[attr-defined]


def test_refusals_are_logged(server: Server, client: NeuralTrust, caplog: pytest.LogCaptureFixture) -> None:
    server.status = 401
    client.trace().event("e")
    assert client.flush(LONG)
    assert client.stats()["dropped_refused"] == 1
    assert [(record.name, record.levelno) for record in caplog.records] == [("neuraltrust", logging.ERROR)]
    assert "401" in caplog.text


def test_stats_add_up(client: NeuralTrust) -> None:
    for _ in range(100):
        client.trace().message("Hello").end("Hi!")
    assert client.flush(LONG)
    stats = client.stats()
    assert stats["recorded"] == 200
    assert stats["recorded"] == stats["merged"] + stats["sent"]
    assert json.dumps(stats)


def test_without_a_key_there_is_one_warning_and_no_request(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NEURALTRUST_API_KEY", raising=False)
    client = NeuralTrust(base_url=server.url)
    client.trace().message("Hello").end("Hi!")
    assert client.flush(LONG)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "NEURALTRUST_API_KEY" in caplog.text
    assert server.requests == []
    assert client.stats()["dropped_disabled"] == 2


def test_settings_come_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURALTRUST_API_KEY", "from-env")
    monkeypatch.setenv("NEURALTRUST_BASE_URL", server.url + "/")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-bot")
    client = NeuralTrust()
    client.trace().event("e")
    assert client.flush(LONG)
    assert server.requests[0][0]["authorization"] == "Bearer from-env"
    assert server.sent[0].resource["service.name"] == "shop-bot"


@pytest.mark.parametrize("setting", ["ftp://x", "127.0.0.1:6180", "http://", "not a url"])
def test_an_address_that_is_none_is_logged(setting: str, caplog: pytest.LogCaptureFixture) -> None:
    client = NeuralTrust("k", setting)
    client.trace().message("Hello").end("Hi!")
    assert client.flush(LONG)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert setting in caplog.text


def test_arguments_by_position_as_before(server: Server) -> None:
    client = NeuralTrust("k", server.url, "v1", 5, 3)
    trace = client.trace("t", "c", "s", "ch", {"id": "u"}, {"m": 1}, {"k": "v"})
    trace.send("message", "in", "out", 7, 1_800_000_000, 1_800_000_001)
    client.trace_executor.shutdown(wait=True)
    (span,) = server.spans()
    assert span.attributes["neuraltrust.custom"] == {"k": "v"}
    assert (span.trace_id, span.end - span.start) == ("t", 10**9)


def test_a_forgotten_client_delivers(server: Server) -> None:
    NeuralTrust("k", server.url).trace().event("e")
    gc.collect()
    other = NeuralTrust("k", server.url)
    other.trace().event("e")
    assert other.flush(LONG)
    from neuraltrust import _exit

    _exit.flush_all()
    assert len(server.spans()) == 2


def test_after_close_nothing_is_recorded(server: Server, client: NeuralTrust) -> None:
    with client:
        client.trace().event("e")
    client.trace().event("late")
    assert len(server.spans()) == 1
    assert client.stats()["dropped_closed"] == 1


def test_many_threads(server: Server, client: NeuralTrust) -> None:
    def work() -> None:
        for _ in range(200):
            client.trace().message("Hello").end("Hi!")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(LONG)
    assert len(server.spans()) == 800


@needs_fork
def test_a_forked_process_delivers_its_own(server: Server, run: Run) -> None:
    body = """
    import os, sys
    message = client.trace().message("parent")
    child = os.fork()
    if child == 0:
        message.tool("child").end("done")
        sys.exit(0)
    message.end("done")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    done = run(script(body), server.url)
    # From 3.12 on, Python warns of any fork beside a thread.
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    spans = {span.input: span for span in server.spans()}
    assert sorted(spans) == ["child", "parent"]
    assert spans["child"].parent_id == spans["parent"].span_id
    assert len(server.sent) == len({(span.span_id, span.end) for span in server.sent}), "nothing is delivered twice"


@needs_fork
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_worker_processes_deliver(server: Server, run: Run, method: str) -> None:
    body = f"""
    import multiprocessing

    def work(n):
        client.trace().message(f"worker {{n}}").end("done")

    if __name__ == "__main__":
        client.trace().message("parent").end("done")
        context = multiprocessing.get_context({method!r})
        workers = [context.Process(target=work, args=(n,)) for n in range(3)]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
    """
    done = run(script(body), server.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(span.input for span in server.spans()) == ["parent", "worker 0", "worker 1", "worker 2"]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="mypy no longer knows the library of Python 3.9")
def test_stubs_and_types_are_right(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    import subprocess

    package = Path(__file__).resolve().parents[1] / "python" / "neuraltrust"
    for command in (["mypy.stubtest", "neuraltrust"], ["mypy", "--strict", str(package)]):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
