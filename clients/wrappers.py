"""Libraries whose calls our Python SDK makes steps, against the real server: one call sets each up, and one tree comes out.

    clients/wrappers.py [LIBRARY...]      all of the table below where none is named

Each library is installed with our package, as built from this checkout, at pinned versions into an environment of its own. NT_BIN
names the server's binary. What a driver in drivers/ does with it is one turn, in which one call fails; every token that the model
server reported must be counted once, below that turn.
"""

import dataclasses
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import venv

from run import BINARY, DRIVERS, ENVIRONMENTS, HERE, PATIENCE_S, Api, Process, environment, main, read

OURS = HERE.parent / "python"


@dataclasses.dataclass(frozen=True)
class Library:
    """A library, what must be installed for it, and the steps that its driver makes."""

    packages: str
    #: How many steps there must be of each kind, at least.
    kinds: dict
    #: Whether tokens of embeddings are told.
    embeddings: bool = False


LIBRARIES = {
    "anthropic": Library("anthropic==2.14.0 openinference-instrumentation-anthropic==3.1.0", {"generation": 4}),
    "langchain": Library(
        "langgraph==1.2.24 langchain==1.5.2 langchain-openai==1.7.4 openinference-instrumentation-langchain==0.1.80",
        {"generation": 4, "tool": 1, "chain": 1},
    ),
    "llama_index": Library(
        "llama-index-core==0.14.25 llama-index-llms-openai==0.8.3 llama-index-embeddings-openai==0.7.0"
        " openinference-instrumentation-llama-index==4.6.1",
        {"generation": 2, "retrieval": 1, "embedding": 2},
    ),
    "openai": Library(
        "openai==3.54.0 openinference-instrumentation-openai==0.1.66", {"generation": 4, "embedding": 1}, embeddings=True
    ),
    "openai_agents": Library(
        "openai-agents==0.24.0 openinference-instrumentation-openai-agents==2.6.0", {"agent": 1, "generation": 3, "tool": 1}
    ),
}


@functools.cache
def wheel():
    """Our package as a wheel, built once for all libraries, as in the tests; or the one that NT_WHEEL names."""
    if given := os.environ.get("NT_WHEEL"):
        return given
    home = ENVIRONMENTS / "wheel"
    if not (home / "bin/pip").exists():
        venv.create(home, with_pip=True, clear=True)
    shutil.rmtree(home / "built", ignore_errors=True)
    command = [str(home / "bin/pip"), "wheel", "-q", "--disable-pip-version-check", "--no-deps", "-w", str(home / "built"), str(OURS)]
    subprocess.run(command, check=True, env={"MATURIN_PEP517_ARGS": "--profile dev", **os.environ})
    (built,) = (home / "built").iterdir()
    return str(built)


def interpreter(name, library):
    """An interpreter with the library and our package, which is installed anew each time."""
    home = ENVIRONMENTS / f"wrapped-{name}"
    done, python = home / "packages", home / "bin/python"
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if not done.exists() or done.read_text() != library.packages:
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([*pip, *library.packages.split()], check=True)
        done.write_text(library.packages)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", wheel()], check=True)
    return python


def wrong(api, library, counted):
    """What is not as it must be, a line each."""
    api.settle()
    spans = api.items("spans")
    turns = [span for span in spans if span["kind"] == "message"]
    if len(turns) != 1:
        yield f"there are {len(turns)} turns"
        return
    turn = turns[0]
    mine = [span for span in spans if span["trace_id"] == turn["trace_id"]]
    known = {span["span_id"] for span in mine}
    yield from (f"{span['name']} has no parent there" for span in mine if span is not turn and span["parent_id"] not in known)
    yield from (f"{span['name']} is beside the tree" for span in spans if span not in mine)
    kinds = [span["kind"] for span in mine]
    for kind, count in library.kinds.items():
        if kinds.count(kind) < count:
            yield f"{kinds.count(kind)} steps are {kind}, of {sorted(kinds)}"
    if not any(span["status"] == "error" for span in mine):
        yield "no step failed"
    conversation = api.get("conversations/c")
    turn_text = str(conversation["turns"][0]["output"])
    if conversation["turns"][0]["input"] is None or turn_text == "None":
        yield f"the turn says {conversation['turns'][0]}"
    expect = counted["input"] + counted["output"] + (counted["embedded"] if library.embeddings else 0)
    total = sum(trace["total_tokens"] or 0 for trace in api.items("traces"))
    if total != expect:
        yield f"{total} tokens are counted, and the model reported {counted}"


def check(name, library):
    """Run the library's driver, and say what is wrong afterwards."""
    python = interpreter(name, library)
    with tempfile.TemporaryDirectory() as home:
        serve = [str(BINARY), "serve", "--listen", "127.0.0.1:0", "--grpc-listen", "off", "--otlp-listen", "off"]
        log = open(f"{home}/log", "w")
        server = Process([*serve, "--data-dir", f"{home}/data"], r"client\.trace\(", env=environment(), stderr=log)
        model = Process([sys.executable, str(DRIVERS / "fake_model.py")], r"\d+$")
        with log, server, model:
            url, key = server.found(r"Listening on (\S+)"), server.found(r"Admin key: (\S+)")
            model_url = "http://127.0.0.1:" + model.found(r"(\d+)$")
            settings = {"NEURALTRUST_API_KEY": key, "NEURALTRUST_BASE_URL": url, "MODEL_SERVER": model_url}
            run = subprocess.run(
                [str(python), str(DRIVERS / f"wrapped_{name}.py")],
                cwd=home,
                env=environment(NEURALTRUST_SPOOL="off", **settings),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
            )
            if run.returncode != 0:
                return [f"the driver failed:\n{run.stderr[-4000:]}"]
            problems = list(wrong(Api(url, key), library, read(f"{model_url}/counted")))
            return problems + (run.stderr.splitlines()[-10:] if problems else [])


if __name__ == "__main__":
    main(sys.argv[1:], LIBRARIES, check)
