"""An event loop whose application records: nothing makes its thread wait, whatever the server does.

Waiting is counted and not timed: the system counts how often a thread gave up its processor to wait for something, be
it a lock, a socket or a disk.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conftest import Run, Server
from test_process import script

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(
    not hasattr(resource, "RUSAGE_THREAD"), reason="this system does not count the waits of a thread"
)

STEPS = 2_000

BODY = f"""
import asyncio, json, os, resource


def waits():
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


async def turns(work):
    before = waits()
    for n in range({STEPS}):
        work(n)
        await asyncio.sleep(0)
    return waits() - before


def step(n):
    with client.trace(conversation_id="c").message(n) as message:
        message.generation("Hello", model="m").end("Hi!", usage={{"input_tokens": 3}})


async def main():
    step(0)
    # The server has heard of it, or has been found to be away.
    await asyncio.sleep(1)
    return await turns(lambda n: None), await turns(step), client.stats()


print(json.dumps(asyncio.run(main())), flush=True)
# What the end waits for is not the loop's.
os._exit(0)
"""


@contextmanager
def behaving(server: Server, how: str) -> Iterator[str]:
    """Give the address of a server that behaves so."""
    if how == "silent":
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield f"http://127.0.0.1:{silent.getsockname()[1]}"
    else:
        server.status = {"well": 200, "failing": 500, "refusing": 401}[how]
        yield server.url


@pytest.mark.parametrize("how", ["well", "failing", "refusing", "silent"])
def test_nothing_makes_the_loop_wait(server: Server, run: Run, how: str) -> None:
    with behaving(server, how) as url:
        done = run(script(BODY), url)
    check(done.returncode, done.stdout, done.stderr)


def test_nor_where_there_is_no_server(nowhere: str, run: Run) -> None:
    done = run(script(BODY), nowhere)
    check(done.returncode, done.stdout, done.stderr)


def check(code: int, told: str, errors: str) -> None:
    assert code == 0, errors
    bare, with_steps, stats = json.loads(told)
    there = ("merged", "sent", "rejected", "dropped", "pending", "spooled")
    assert stats["recorded"] == sum(stats[name] for name in there) >= 4 * STEPS
    # Two threads that want the queue at the same moment wait for some instructions, which now and then is a wait: one
    # in a hundred would be many. A call that waited for anything else would do so in each of the four calls of a step.
    assert with_steps - bare < 4 * STEPS / 100, f"{with_steps} waits in {STEPS} turns with a step, {bare} without"
