"""A disk that is full while the server is away, and values that are larger than anything should be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import LONG, Run, Server
from test_process import script
from test_spool import back

#: A small file system of its own, as any user may have one in a namespace of their own.
OWN_DISK = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
has_own_disk = shutil.which("unshare") is not None and (
    subprocess.run([*OWN_DISK, "mount -t tmpfs -o size=64k none /mnt"], capture_output=True, check=False).returncode
    == 0
)


@pytest.mark.skipif(not has_own_disk, reason="this system lets no user mount a file system")
def test_a_full_disk_keeps_the_rest_in_memory_and_nothing_is_lost(nowhere: str, tmp_path: Path) -> None:
    spool = tmp_path / "disk"
    spool.mkdir()
    code = """
import base64, json, os, sys, time
from neuraltrust import NeuralTrust

client = NeuralTrust()
for n in range(400):
    client.trace().event([n, base64.b64encode(os.urandom(3_000)).decode()])
    if n % 50 == 49:
        client.flush(0.3)
room = os.statvfs(sys.argv[1])
print(json.dumps({**client.stats(), "free": room.f_bavail * room.f_bsize}), flush=True)
while (now := client.stats())["pending"] or now["spooled"]:
    time.sleep(0.02)
print(json.dumps(client.stats()), flush=True)
"""
    (tmp_path / "script.py").write_text(code)
    env = {**os.environ, "NEURALTRUST_SPOOL": str(spool), "NEURALTRUST_API_KEY": "k", "NEURALTRUST_BASE_URL": nowhere}
    mounted = 'mount -t tmpfs -o size=512k none "$0" && exec "$1" "$2" "$0"'
    command = [*OWN_DISK, mounted, str(spool), sys.executable, str(tmp_path / "script.py")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        away = json.loads(process.stdout.readline() or "{}")
        assert away, process.stderr.read() if process.stderr else ""
        assert away["free"] < 160_000, "the disk is about full"
        assert away["spooled"] > 0
        assert away["pending"] > 0
        assert (away["spooled"] + away["pending"], away["dropped"]) == (400, 0)
        with back(nowhere) as server:
            out, errors = process.communicate(timeout=LONG)
    there = json.loads(out)
    assert (there["sent"], there["dropped"], there["recorded"]) == (400, 0, 400)
    assert "the spool takes no more" in errors
    assert sorted(span.input[0] for span in server.sent) == list(range(400)), "each came once"


def test_two_hundred_megabytes_cost_the_application_no_copy(server: Server, run: Run) -> None:
    code = """
import resource
text = "x" * 200_000_000
message = client.trace().message("Hello")
message.event("warm")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
message.end(text)
message.generation({"a": [text, text]}).end(text)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
assert client.flush(60)
print(grown)
"""
    done = run(script(code), server.url)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 150_000_000
    outputs = [span.output for span in server.spans() if span.output]
    assert len(outputs) == 2
    assert all(output.endswith("[truncated: the first 8388608 of 200000000 bytes]") for output in outputs)
