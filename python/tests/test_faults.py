"""Applications that end, hurry or fail in every way: what they made is delivered."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conftest import LONG, Run, Server
from neuraltrust import NeuralTrust
from test_process import script
from test_spool import made


def test_twenty_thousand_steps_and_the_exit(server: Server, run: Run) -> None:
    body = """
    trace = client.trace()
    for n in range(20_000): trace.message(n).end("done")
    """
    done = run(script(body), server.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(span.input for span in server.spans()) == list(range(20_000))


def test_a_hundred_threads(server: Server, client: NeuralTrust) -> None:
    def work() -> None:
        for _ in range(50):
            client.trace().message("Hello").end("Hi!")

    threads = [threading.Thread(target=work) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(LONG)
    assert (made(client.stats()), client.stats()["dropped"]) == (10_000, 0)
    assert len(server.spans()) == 5_000


def test_an_interpreter_that_ends_while_threads_record(server: Server, run: Run) -> None:
    body = """
    import atexit, threading, time

    def work():
        while True: client.trace().message("on and on").end("done")

    # Registered after the client's: runs before it.
    atexit.register(lambda: client.trace().event("at exit"))
    for _ in range(4): threading.Thread(target=work, daemon=True).start()
    client.trace().message("main").end("done")
    time.sleep(0.2)
    """
    done = run(script(body), server.url)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert {"main", "at exit", "on and on"} <= {span.input for span in server.spans()}


def test_an_exit_in_the_middle_of_a_step(server: Server, run: Run) -> None:
    done = run(script("import os\nclient.trace().message('Hello')\nclient.flush(60)\nos._exit(7)"), server.url)
    assert done.returncode == 7
    (span,) = server.spans()
    assert (span.input, span.end) == ("Hello", 0), "it is shown as running"


@pytest.mark.parametrize("status", [200, 500])
def test_an_event_loop_goes_on_while_steps_are_delivered_or_not(server: Server, status: int) -> None:
    server.status = status
    turns = 0

    async def turn_round() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def main() -> int:
        client = NeuralTrust("k", server.url)
        other = asyncio.create_task(turn_round())
        for _ in range(2_000):
            client.trace().message("Hello").end("Hi!")
            await asyncio.sleep(0)
        before = turns
        await client.aclose(LONG)
        other.cancel()
        assert (made(client.stats()), client.stats()["dropped"]) == (4_000, 0)
        return before

    before = asyncio.run(main())
    assert before >= 2_000, "every step let the loop turn"
    assert turns > before, "waiting for the end does so too"


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Give a certificate of an authority, and one for this machine with its key."""
    (folder / "extensions").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    for line in (
        f"req -x509 {new} -keyout ca.key -out ca.pem -subj /CN=authority -days 2",
        f"req {new} -keyout server.key -out server.csr -subj /CN=localhost",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem -extfile extensions",
    ):
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)
    return folder / "ca.pem", folder / "server.pem", folder / "server.key"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make certificates with")
def test_an_authority_of_ones_own(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, certificate, key = certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    url = server.url.replace("http://127.0.0.1", "https://localhost")

    stranger = NeuralTrust("k", url, spool=False)
    stranger.trace().event("to nobody")
    assert stranger.close(LONG)
    assert stranger.stats()["dropped_undelivered"] == 1

    monkeypatch.setenv("NEURALTRUST_CA_FILE", str(authority))
    client = NeuralTrust("k", url)
    client.trace().event("to the server")
    assert client.close(LONG)
    assert [span.input for span in server.spans()] == ["to the server"]


@pytest.mark.parametrize(("said", "begins"), [(None, b"\x28\xb5\x2f\xfd"), ("gzip", b"\x1f\x8b")])
def test_what_is_sent_is_small(said: str | None, begins: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[tuple[str | None, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.headers["content-encoding"], body))
            self.send_response(200)
            self.end_headers()

    monkeypatch.delenv("NEURALTRUST_COMPRESSION")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        client = NeuralTrust("k", f"http://127.0.0.1:{http.server_port}", compression=said)
        client.trace().event("again and " * 1_000)
        assert client.close(LONG)
        http.shutdown()
    (encoding, body), *_ = got
    assert (encoding, body[: len(begins)]) == (said or "zstd", begins)
    assert len(body) < 1_000


def test_a_compression_that_is_none_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert NeuralTrust("k", compression="lzma").stats()["recorded"] == 0
    assert 'compression "lzma" is not accepted' in caplog.text
