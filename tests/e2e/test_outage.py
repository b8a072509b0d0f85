"""The server is away while an application goes on, and comes back: what was made is stored once, or counted as lost."""

import os
import time

from conftest import PATIENCE_S
from neuraltrust import NeuralTrust

CONVERSATION = "through the outage"


def turns(client, numbers):
    for n in numbers:
        client.trace(f"turn-{n}", CONVERSATION).message(n, name=f"turn {n}").end(os.urandom(200).hex())


def wait(until):
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def account(stats):
    """All that was made is somewhere."""
    there = ("merged", "sent", "rejected", "dropped", "pending", "spooled")
    assert stats["recorded"] + stats["adopted"] == sum(stats[name] for name in there), stats
    return stats


def test_an_outage_of_the_server(server, tmp_path):
    client = NeuralTrust(server.key, server.url, spool=tmp_path / "spool", spool_bytes=100_000)
    turns(client, range(200))
    assert client.flush(PATIENCE_S)
    server.stop()

    # The disk fills, then batches wait in memory.
    made = 200

    def more():
        nonlocal made
        turns(client, range(made, made + 100))
        made += 100
        time.sleep(0.25)
        stats = account(client.stats())
        return stats["spooled"] > 0 and stats["pending"] > 1_000

    wait(more)
    away = client.stats()
    assert away["dropped"] == 0
    assert away["retries"] > 1
    assert sum(path.stat().st_size for path in (tmp_path / "spool").rglob("*") if path.is_file()) <= 100_000

    server.start()
    turns(client, range(made, made + 200))
    made += 200
    wait(lambda: not (client.stats()["pending"] or client.stats()["spooled"]))
    stats = account(client.stats())
    # A start and an end are one span, or two where a batch ended between them.
    assert (stats["recorded"], stats["merged"] + stats["sent"], stats["dropped"]) == (2 * made, 2 * made, 0)

    # Counted on the server, where a step that came twice would be one more.
    (row,) = server.wait_for("/api/v1/conversations", lambda rows: rows and rows[0]["spans"] >= made)
    assert (row["spans"], row["turns"], row["running"]) == (made, made, False)
    (source,) = server.get("/api/v1/sources")["items"]
    assert (source["received"], source["missing"], source["dropped"]) == (stats["sent"], 0, 0)
    assert client.close(PATIENCE_S)
