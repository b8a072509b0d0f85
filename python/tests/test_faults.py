"""Applications that end, hurry or fail in every way: what they made is delivered."""

from __future__ import annotations

import asyncio
import threading

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
