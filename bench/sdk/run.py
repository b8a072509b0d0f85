"""What a step costs the application, beside the clients of other products. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENVS = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "bench-sdk"
REQUIREMENTS: dict[str, list[str]] = json.loads((HERE / "requirements.json").read_text())
COLUMNS = ("mean", "p50", "p99", "async mean", "8 threads", "cpu", "turn p99", "with steps")


def python(client: str, install: bool) -> Path:
    """Give the interpreter of the client's venv."""
    folder = VENVS / client
    made = folder / "bin" / "python"
    if install or not made.exists():
        if not made.exists():
            venv.create(folder, with_pip=True)
        # A wheel that is built already, e.g. for several runs.
        package = os.environ.get("NT_WHEEL") or str(ROOT / "python")
        ours = [package] if client in ("neuraltrust", "neuraltrust-otel") else []
        command = [str(made), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*command, *ours, *REQUIREMENTS[client]], check=True)
    return made


def measure(client: str, steps: int, install: bool) -> dict[str, Any] | None:
    """Run one client against a server of its own."""
    interpreter = python(client, install)
    with subprocess.Popen(
        [sys.executable, str(HERE / "sink.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sink:
        assert sink.stdout is not None
        url = f"http://127.0.0.1:{sink.stdout.readline().strip()}"
        command = [str(interpreter), str(HERE / "drivers.py"), client, url, str(steps)]
        env = {**os.environ, "NEURALTRUST_SPOOL": "off"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        sink.communicate("")
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        print(f"{client}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    told: dict[str, Any] = json.loads(lines[-1])
    return told


def main() -> None:
    """Measure all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=f"of {', '.join(REQUIREMENTS)}; all, if none")
    parser.add_argument("--steps", type=int, default=5_000)
    parser.add_argument("--install", action="store_true", help="install the clients again")
    given = parser.parse_args()
    clients = given.clients or list(REQUIREMENTS)
    if unknown := set(clients) - set(REQUIREMENTS):
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(REQUIREMENTS)}")
    print(f"| us for each step | version | {' | '.join(COLUMNS)} |\n|---|---|{'---:|' * len(COLUMNS)}")
    for client in clients:
        if told := measure(client, given.steps, given.install):
            numbers = " | ".join(f"{told[column]:.1f}" for column in COLUMNS)
            print(f"| {client} | {told['version']} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
