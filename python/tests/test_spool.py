"""What cannot be delivered waits on disk, through kills, forks and exits, and is delivered later."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import LONG, Run, Server
from neuraltrust import NeuralTrust
from test_process import needs_fork, script


@contextmanager
def back(address: str) -> Iterator[Server]:
    """Give a server that comes up at an address where nobody listened."""
    port = urlsplit(address).port
    assert port is not None
    server = Server(port)
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def made(stats: dict[str, int]) -> int:
    """Check that all is somewhere, and give how much was made or taken over."""
    names = ("merged", "sent", "rejected", "dropped", "pending", "spooled")
    assert stats["recorded"] + stats["adopted"] == sum(stats[name] for name in names), stats
    return stats["recorded"] + stats["adopted"]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_exit_of_a_script_keeps_it_for_the_next(nowhere: str, run: Run, spool: Path) -> None:
    done = run(script("for n in range(1000): client.trace().message(n).end('done')"), nowhere)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    with back(nowhere) as server:
        again = run(script("client.trace().message('again').end()"), nowhere)
        assert (again.returncode, again.stderr) == (0, "")
        assert Counter(span.input for span in server.sent) == Counter([*range(1000), "again"])
    assert files(spool) == []


def test_a_killed_application_loses_nothing_that_was_kept(nowhere: str, run: Run, spool: Path) -> None:
    body = """
    import os, signal, time
    for n in range(500): client.trace().message(n).end('done')
    while client.stats()["spooled"] < 500: time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run(script(body), nowhere).returncode == -9
    assert files(spool)
    with back(nowhere) as server:
        assert run(script("client.close(60)"), nowhere).returncode == 0
        assert [span.input for span in server.sent] == list(range(500))
    assert files(spool) == []


def test_processes_that_share_a_folder_lose_and_repeat_nothing(nowhere: str, run: Run, spool: Path) -> None:
    body = """
    import multiprocessing

    def work(n):
        for m in range(100): client.trace().message(n * 100 + m).end('done')

    if __name__ == "__main__":
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=work, args=(n,)) for n in range(3)]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
    """
    assert run(script(body), nowhere).returncode == 0
    with back(nowhere) as server:
        assert run(script("client.close(60)"), nowhere).returncode == 0
        assert Counter(span.input for span in server.sent) == Counter(range(300))
    assert files(spool) == []


@needs_fork
def test_a_child_keeps_its_own(nowhere: str, run: Run, spool: Path) -> None:
    body = """
    import os, sys, time
    client.trace().event("parent")
    while client.stats()["spooled"] < 1: time.sleep(0.01)
    child = os.fork()
    if child == 0:
        client.trace().event("child")
        sys.exit(0)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert run(script(body), nowhere).returncode == 0
    with back(nowhere) as server:
        assert run(script("client.close(60)"), nowhere).returncode == 0
        assert sorted(span.input for span in server.sent) == ["child", "parent"]
    assert files(spool) == []


def test_a_server_that_is_back_gets_it_while_the_application_goes_on(nowhere: str, spool: Path) -> None:
    with NeuralTrust("test-key", nowhere) as client:
        for n in range(100):
            client.trace().message(n).end("done")
        assert client.flush(LONG)
        stats = client.stats()
        assert (made(stats), stats["spooled"], stats["dropped"]) == (200, 100, 0)
        with back(nowhere) as server:
            wait(lambda: client.stats()["spooled"] == 0)
            assert client.stats()["sent"] == 100
            assert [span.input for span in server.sent] == list(range(100))
    assert made(client.stats()) == 200


@pytest.mark.parametrize("off", [False, "off", "OFF"])
def test_it_can_be_switched_off(nowhere: str, spool: Path, monkeypatch: pytest.MonkeyPatch, off: str | bool) -> None:
    if isinstance(off, str):
        monkeypatch.setenv("NEURALTRUST_SPOOL", off)
    client = NeuralTrust("test-key", nowhere, spool=None if isinstance(off, str) else off)
    client.trace().event("e")
    assert client.close(LONG)
    assert (client.stats()["dropped_undelivered"], client.stats()["spooled"]) == (1, 0)
    assert not spool.exists()


def test_its_size_is_bounded_and_what_is_lost_is_counted(nowhere: str, tmp_path: Path) -> None:
    client = NeuralTrust("test-key", nowhere, spool=tmp_path / "other", spool_bytes=2_000)
    for n in range(20):
        client.trace().event(os.urandom(500).hex(), name=str(n))
        if n < 2:
            client.flush(LONG)
    client.close(LONG)
    stats = client.stats()
    assert made(stats) == 20
    assert stats["spooled"] + stats["dropped_undelivered"] == 20
    assert 0 < stats["spooled"] < 20
    assert sum(path.stat().st_size for path in files(tmp_path / "other")) <= 2_000


def test_headers_and_wrong_settings(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NEURALTRUST_HEADERS", "x-tenant=blue, x-other=a=b")
    with NeuralTrust("k", server.url) as client:
        client.trace().event("e")
    (headers, _), *_ = server.requests
    assert (headers["x-tenant"], headers["x-other"]) == ("blue", "a=b")
    assert headers["neuraltrust-sequence"].endswith("first=1, spans=1, lost=0")
    for wrong in ({"headers": {"authorization": "mine"}}, {"proxy": "no proxy"}, {"ca_file": "no/such.pem"}):
        caplog.clear()
        client = NeuralTrust("k", server.url, **wrong)
        client.trace().event("e")
        assert client.close(LONG)
        assert client.stats()["dropped_disabled"] == 1
        assert f"{next(iter(wrong))}" in caplog.text.replace("header ", "headers ")
