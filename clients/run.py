"""Real clients of other products, unmodified, against the real server, and what must be there afterwards.

    clients/run.py [CLIENT...]      all of the table below where none is named
    clients/run.py 'CLIENT:PACKAGES'    one of them with other packages, e.g. 'langfuse:langfuse==3.15.0 openai==1.109.1'

Each client is installed at a pinned version into an environment of its own under target/clients, and runs its driver in drivers/,
which plays the same conversation with a model server that counts the tokens it reports. NT_BIN names the server's binary.
"""

import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

HERE = Path(__file__).parent
DRIVERS = HERE / "drivers"
BINARY = os.environ.get("NT_BIN", HERE.parent / "target/debug/neuraltrust")
ENVIRONMENTS = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")) / "clients"
PATIENCE_S = 120
# What the drivers say, as drivers/common.py has it.
CONVERSATION, SESSION, USER = "conv-2f6c1d88-orders", "sess-9b1e07aa", "user-4711"
TURNS = ("Hello, how are you?", "¿Cuál es la política", "Danke! Und wie wird das Wetter", "Thanks, that is all.")
BIG_BYTES = 200_000

OTLP_HEADERS = {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20{key}"}


@dataclasses.dataclass(frozen=True)
class Client:
    """A client, how it is told where the server is, and what its driver leaves there."""

    packages: str
    driver: str
    settings: dict
    # The id that the client has for the conversation.
    conversation: str = CONVERSATION
    # Whether the client says who is talking.
    user: bool = True
    # Turns of the conversation; some clients leave the root of a turn out, or tell more as one.
    turns: int = 4
    # Documents that a look-up found, as far as the client tells them as such.
    documents: int = 3
    # Name of the tool that was called, where the client tells of tools.
    tool: str | None = "get_weather"
    # Whether the client tells the tokens of embeddings.
    embeddings: bool = True
    # Tokens that the driver says by hand, without a model.
    by_hand: int = 0
    # Tokens of calls that the client does not tell of.
    untold: int = 0
    # Names of judgements that its application makes through it.
    scores: tuple = ()
    # Pictures that are kept as such, of those that its application shows.
    media: int = 0


LANGFUSE = {"LANGFUSE_HOST": "{url}", "LANGFUSE_BASE_URL": "{url}", "LANGFUSE_SECRET_KEY": "{key}", "LANGFUSE_PUBLIC_KEY": "pk"}
LANGFUSE_SCORES = ("quality", "resolved", "session-csat", "tone", "user-feedback")
LANGSMITH = {
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_ENDPOINT": "{url}",
    "LANGSMITH_API_KEY": "{key}",
    "LANGSMITH_PROJECT": "shop-assistant",
}
LANGSMITH_SCORES = ("correctness", "user_score")
MLFLOW = {"MLFLOW_TRACKING_URI": "{url}", "MLFLOW_TRACKING_TOKEN": "{key}"}
OPENTELEMETRY = {"OTEL_EXPORTER_OTLP_ENDPOINT": "{url}", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", **OTLP_HEADERS}
GENAI = {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT",
}
OPIK = {"OPIK_URL_OVERRIDE": "{url}/api", "OPIK_API_KEY": "{key}", "OPIK_WORKSPACE": "default"}

PYDANTIC_AI = (
    "logfire==5.2.0 pydantic-ai-slim[openai]==2.68.0 openai==3.54.0 opentelemetry-sdk==1.45.2"
    " opentelemetry-exporter-otlp-proto-http==1.45.2"
)
NODE = (
    "@ai-sdk/openai@3.0.141 @opentelemetry/api@1.9.1 @opentelemetry/exporter-trace-otlp-http@0.223.1"
    " @opentelemetry/exporter-trace-otlp-proto@0.223.1 @opentelemetry/sdk-node@0.223.0 @opentelemetry/sdk-trace-node@2.12.0"
    " ai@6.0.326 openai@6.49.0 zod@4.6.7"
)

CLIENTS = {
    "langfuse": Client(
        "langfuse==5.0.4 openai==3.54.0",
        "langfuse_client.py",
        LANGFUSE,
        conversation=SESSION,
        by_hand=191,
        scores=LANGFUSE_SCORES,
        media=1,
    ),
    "langfuse-2": Client(
        "langfuse==2.60.10 openai==1.109.1",
        "langfuse_2_client.py",
        LANGFUSE,
        conversation=SESSION,
        # It has no type for tools.
        tool=None,
        by_hand=142,
        embeddings=False,
    ),
    "langsmith": Client(
        "langsmith==0.15.0 openai==3.54.0", "langsmith_client.py", LANGSMITH, embeddings=False, scores=LANGSMITH_SCORES, media=1
    ),
    "langsmith-prefix": Client(
        "langsmith==0.15.0 openai==3.54.0",
        "langsmith_client.py",
        {**LANGSMITH, "LANGSMITH_ENDPOINT": "{url}/api/v1", "LANGSMITH_DISABLE_RUN_COMPRESSION": "true"},
        embeddings=False,
        scores=LANGSMITH_SCORES,
        media=1,
    ),
    "langsmith-otel": Client(
        "langsmith[otel]==0.15.0 openai==3.54.0",
        "langsmith_client.py",
        {**LANGSMITH, "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"},
        embeddings=False,
    ),
    "langchain": Client("langchain-openai==1.7.4 langsmith==0.15.0", "langchain_client.py", LANGSMITH, embeddings=False),
    "mlflow": Client(
        "mlflow-tracing==3.17.2 openai==3.54.0", "mlflow_client.py", {**MLFLOW, "MODE": "rest"}, scores=("user-feedback",)
    ),
    "mlflow-otlp": Client(
        "mlflow-tracing==3.17.2 openai==3.54.0 opentelemetry-sdk==1.42.1 opentelemetry-exporter-otlp-proto-http==1.42.1",
        "mlflow_client.py",
        {
            **MLFLOW,
            "MODE": "otlp",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "{url}/v1/traces",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            **OTLP_HEADERS,
        },
        user=False,
    ),
    "opentelemetry": Client(
        "opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2 openai==2.54.0"
        " opentelemetry-instrumentation-openai-v2==2.4b0 opentelemetry-util-genai==0.4b0",
        "opentelemetry_client.py",
        {**OPENTELEMETRY, **GENAI},
        # Of the Responses API this instrumentation tells nothing.
        untold=65,
    ),
    "opik": Client(
        "opik==2.2.122 openai==2.54.0",
        "opik_client.py",
        OPIK,
        by_hand=134,
        embeddings=False,
        scores=("quality", "tone", "user-feedback"),
        media=2,
    ),
    "opik-js": Client(
        "opik@2.0.40 openai@6.49.0",
        "opik_client.mjs",
        OPIK,
        documents=2,
        embeddings=False,
        scores=("quality", "tone"),
        media=1,
    ),
    "phoenix": Client(
        "arize-phoenix-otel==0.17.2 arize-phoenix-client==3.5.0 openinference-instrumentation-openai==0.1.66"
        " openinference-instrumentation-anthropic==3.1.0 openai==3.54.0 anthropic",
        "phoenix_client.py",
        {},
        conversation=SESSION,
        scores=("happy", "helpful", "note"),
    ),
    "logfire": Client(
        PYDANTIC_AI, "pydantic_ai_client.py", {"LOGFIRE_BASE_URL": "{url}", "LOGFIRE_TOKEN": "{key}"}, documents=0
    ),
    "pydantic-ai": Client(PYDANTIC_AI, "pydantic_ai_client.py", OPENTELEMETRY, documents=0),
    "traceloop": Client(
        # All that it needs is pinned: the resolver of pip tries for minutes otherwise.
        f"-r {HERE}/requirements/traceloop.txt",
        "traceloop_client.py",
        {"TRACELOOP_TELEMETRY": "false"},
    ),
    "langfuse-js": Client(
        f"@langfuse/otel@5.11.1 @langfuse/tracing@5.11.1 {NODE}", "langfuse_client.mjs", LANGFUSE, conversation=SESSION, documents=2
    ),
    "langfuse-js-3": Client(
        "langfuse@3.39.2 openai@4.104.0",
        "langfuse_3_client.mjs",
        LANGFUSE,
        conversation=SESSION,
        documents=2,
        tool=None,
        by_hand=50_003,
    ),
    "langsmith-js": Client(
        "langsmith@0.12.0 openai@6.49.0", "langsmith_client.mjs", LANGSMITH, documents=2, embeddings=False
    ),
    "neuraltrust-1.5": Client(
        "neuraltrust==1.5.0 openai-agents==0.24.0 openai==3.54.0",
        "neuraltrust_agents_client.py",
        {
            "NEURALTRUST_API_KEY": "{key}",
            "NEURALTRUST_ENDPOINT": "{url}/v1/traces/batch",
            "OPENAI_API_KEY": "test-key",
            "OPENAI_BASE_URL": "{model}/v1",
        },
        conversation=SESSION,
        # Its application asks the last two questions otherwise.
        turns=2,
        # What a search found comes as the text of a tool's result.
        documents=0,
    ),
    "vercel-ai": Client(NODE, "vercel_ai_client.mjs", {}, documents=0),
}
# Earlier releases, with the row that is theirs as well.
EARLIER = {
    "langfuse-3": ("langfuse", "langfuse==3.15.0 openai==1.109.1"),
    # It tells a run in two messages, of which the second does not say what the run is.
    "langsmith-0.3": ("langsmith", "langsmith==0.3.45 openai==1.109.1"),
    "opik-1": ("opik", "opik==1.9.0 openai==1.109.1"),
}
CLIENTS |= {name: dataclasses.replace(CLIENTS[row], packages=packages) for name, (row, packages) in EARLIER.items()}


def environment(**extra):
    """What a user's shell has: nothing of what this program is told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NT_", "NEURALTRUST_"))}
    return kept | extra


class Process:
    """A program that runs until the end, and the lines that it prints first."""

    def __init__(self, command, until, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, **options)
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            if re.match(until, line):
                return
        raise SystemExit(f"{command[0]} did not start; its log is above")

    def found(self, pattern):
        return next(match[1] for line in self.lines if (match := re.match(pattern, line)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def read(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE_S) as answer:
        return json.load(answer)


class Api:
    """The server as a program reads it."""

    def __init__(self, url, key):
        self.url, self.key = url, key

    def get(self, path):
        return read(f"{self.url}/api/v1/{path}", authorization=f"Bearer {self.key}")

    def items(self, path):
        page = self.get(f"{path}?limit=1000")
        assert not page.get("next_cursor"), f"{path} has more than a page"
        return page["items"]

    def settle(self):
        """Waits until the lists show all that has come."""
        deadline = time.monotonic() + PATIENCE_S
        while (status := self.get("status"))["indexed"] < status["recorded"]:
            assert time.monotonic() < deadline, status
            time.sleep(0.05)


def installed(name, client):
    """The command that runs the client's driver, in an environment where the client is installed."""
    row, _, others = name.partition(":")
    home = ENVIRONMENTS / (f"{row}-{hashlib.sha256(others.encode()).hexdigest()[:12]}" if others else row)
    done, packages = home / "packages", client.packages.split()
    is_node = client.driver.endswith(".mjs")
    if not done.exists() or done.read_text() != client.packages:
        if is_node:
            home.mkdir(parents=True, exist_ok=True)
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home), *packages], check=True)
        else:
            venv.create(home, with_pip=True, clear=True)
            pip = [str(home / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            subprocess.run([*pip, *packages], check=True)
        done.write_text(client.packages)
    if not is_node:
        return [str(home / "bin/python"), str(DRIVERS / client.driver)]
    # Node looks for packages beside the script.
    for script in DRIVERS.glob("*.mjs"):
        shutil.copy(script, home)
    return ["node", str(home / client.driver)]


def words(content):
    return json.dumps(content, ensure_ascii=False) if content else ""


def wrong(api, client, counted):
    """What is not as it must be, a line each."""
    api.settle()
    spans, traces = api.items("spans"), api.items("traces")
    details = [api.get(f"traces/{span['trace_id']}/spans/{span['span_id']}") for span in spans]

    def of_kind(kind):
        return [span for span in details if span["kind"] == kind]

    found = [row for row in api.items("conversations") if row["conversation_id"] == client.conversation]
    if not found:
        yield f"there is no conversation {client.conversation}"
        return
    row, page = found[0], api.get(f"conversations/{client.conversation}")
    said = [(words(turn["input"]), words(turn["output"])) for turn in page["turns"]]
    for text in TURNS[: client.turns]:
        answers = [answer for question, answer in said if text in question]
        if not any(answers):
            yield f"no turn begins with {text!r} and is answered"
    if client.user and (row["user"] or {}).get("id") != USER:
        yield f"the user is {row['user']}"

    calls = [span for span in of_kind("generation") if span["model"] and span["usage"]]
    if not calls:
        yield "no generation has a model and tokens"
    def is_call(span):
        return client.tool in (span["name"] or "") and "Zürich" in words(span["input"]) and "sunny" in words(span["output"])

    if client.tool and not any(is_call(span) for span in of_kind("tool")):
        yield f"no call of {client.tool} has arguments and result"
    found = [span["output"]["documents"] for span in of_kind("retrieval") if (span["output"] or {}).get("type") == "documents"]
    documents = [len(list_) for list_ in found]
    if client.documents not in (*documents, 0):
        yield f"look-ups found {documents} documents"
    if not any(span["status"] == "error" for span in details):
        yield "no step failed"
    judged = {score["name"] for span in details for score in span["scores"]}
    judged |= {score["name"] for score in api.get(f"scores?conversation_id={client.conversation}")["items"]}
    if missing := set(client.scores) - judged:
        yield f"there are no judgements {sorted(missing)}, of {sorted(judged)}"
    told = "".join(words([span["input"], span["output"]]) for span in details)
    shown = set(re.findall(r"/api/v1/traces/[^\"]*/media/\w+", told))
    if len(shown) < client.media:
        yield f"{len(shown)} pictures are kept"
    longest = max(len(words(span["input"]).encode()) for span in details)
    if longest < BIG_BYTES:
        yield f"the longest input has {longest} bytes"
    if not any("日本語 العربية" in words(span["input"]) for span in details):
        yield "the text of many scripts is not whole"

    expect = counted["input"] + counted["output"] + client.by_hand - client.untold
    expect += counted["embedded"] if client.embeddings else 0
    for of, rows in (("traces", traces), ("conversations", api.items("conversations"))):
        total = sum(row["total_tokens"] or 0 for row in rows)
        if total != expect:
            yield f"{total} tokens are counted of all {of}, and the model reported {counted}"


def check(name, client):
    """Runs a client and says what is wrong afterwards."""
    command = installed(name, client)
    with tempfile.TemporaryDirectory() as home:
        serve = [str(BINARY), "serve", "--listen", "127.0.0.1:0", "--grpc-listen", "off", "--otlp-listen", "off"]
        log = open(f"{home}/log", "w")
        server = Process([*serve, "--data-dir", f"{home}/data"], r"client\.trace\(", env=environment(), stderr=log)
        model = Process([sys.executable, str(DRIVERS / "fake_model.py")], r"\d+$")
        with server, model:
            url, key = server.found(r"Listening on (\S+)"), server.found(r"Admin key: (\S+)")
            model_url = "http://127.0.0.1:" + model.found(r"(\d+)$")
            settings = {name: value.format(url=url, key=key, model=model_url) for name, value in client.settings.items()}
            try:
                run = subprocess.run(
                    command,
                    cwd=home,
                    env=environment(SERVER=url, MODEL_SERVER=model_url, KEY=key, **settings),
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=PATIENCE_S,
                )
            except subprocess.TimeoutExpired as late:
                return [f"the driver does not end within {PATIENCE_S} s:\n{(late.stderr or b'')[-4000:].decode(errors='replace')}"]
            if run.returncode != 0:
                said = "\n".join(filter(None, [run.stdout[-1000:], run.stderr[-4000:]])) or "It said nothing."
                return [f"the driver ended with {run.returncode}:\n{said}"]
            problems = list(wrong(Api(url, key), client, read(f"{model_url}/counted")))
            if problems or os.environ.get("VERBOSE"):
                problems += [line for line in run.stderr.splitlines() if "WARN" in line or "ERROR" in line][:10]
            if keep := os.environ.get("KEEP"):
                api = Api(url, key)
                shown = {list_: api.items(list_) for list_ in ("conversations", "traces", "spans")}
                Path(keep, f"{name.partition(':')[0]}.json").write_text(json.dumps(shown, indent=1, ensure_ascii=False))
            return problems


def with_other_packages(names):
    """The table, and the rows that are named with packages of their own."""
    table = dict(CLIENTS)
    for name in names:
        client, _, packages = name.partition(":")
        if packages and client in CLIENTS:
            table[name] = dataclasses.replace(CLIENTS[client], packages=packages)
    return table


def main(names, table, check):
    """Checks the rows of a table that are named, or all of them, and ends with 1 where one fails."""
    unknown = [name for name in names if name not in table]
    if unknown:
        raise SystemExit(f"{', '.join(unknown)}: not in the table; there are {', '.join(table)}")
    failed = 0
    for name in names or table:
        problems = check(name, table[name])
        failed += bool(problems)
        print(f"{name:18} {'FAILED' if problems else 'ok'}", *(f"    {problem}" for problem in problems), sep="\n", flush=True)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:], with_other_packages(sys.argv[1:]), check)
