"""The real server as a process of its own, and scripts that real clients run against it."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


def told(name):
    value = os.environ.get(name)
    if not value:
        pytest.exit(f"{name} is not set; run these tests by `make test` or `scripts/test.sh end_to_end`", returncode=2)
    return value


def environment(**extra):
    """What a user's shell has: nothing of what the tests are told, and no settings of the developer's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NT_", "NEURALTRUST_"))}
    return kept | extra


class Server:
    """`neuraltrust serve` on a data directory."""

    def __init__(self, data_dir):
        self.data_dir = data_dir
        self.key = None
        self.port = 0
        self.start()

    def start(self):
        """Starts it, at the address that it had before."""
        listen = ["--listen", f"127.0.0.1:{self.port}", "--grpc-listen", "off", "--otlp-listen", "off"]
        self.process = subprocess.Popen(
            [told("NT_BIN"), "serve", *listen, "--data-dir", str(self.data_dir)],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stdout:
            if found := re.match(r"Listening on (\S+)", line):
                self.url = found[1]
                self.port = urlsplit(self.url).port
            if found := re.match(r"Admin key: (\S+)", line):
                self.key = found[1]
            if line.startswith("client.trace("):
                return
        pytest.fail("the server did not start; its log is above")

    def kill(self):
        """Ends it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """Ends it in order."""
        self.process.terminate()
        assert self.process.wait(timeout=PATIENCE_S) == 0
        self.process.stdout.close()

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def wait_for(self, path, enough):
        """Reads a list until its rows are enough; lists follow within a second."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            rows = self.get(path)["items"]
            if enough(rows):
                return rows
            assert time.monotonic() < deadline, f"{path} is still {rows}"
            time.sleep(0.02)

    def run(self, python, script, cwd, *, by_dotenv=False):
        """Runs a script as a user does, with its key in the environment or in `.env`."""
        settings = {"NEURALTRUST_API_KEY": self.key, "NEURALTRUST_BASE_URL": self.url}
        if by_dotenv:
            (cwd / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
            settings = {}
        done = subprocess.run(
            [python, str(script)],
            cwd=cwd,
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path / "data")
    yield server
    server.kill()
