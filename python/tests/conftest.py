"""A server on a loopback port that keeps what it gets."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from neuraltrust import NeuralTrust, _misuse

# Far longer than anything here takes, so that only a defect reaches it.
LONG = 60.0


def value(any_value: Any) -> Any:
    """Give the Python value of an OTLP value."""
    which = any_value.WhichOneof("value")
    if which == "array_value":
        return [value(item) for item in any_value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: value(pair.value) for pair in any_value.kvlist_value.values}
    return getattr(any_value, which) if which else None


class Span:
    """A span as it came."""

    def __init__(self, span: Any, resource: dict[str, Any]) -> None:
        self.resource = resource
        self.attributes = {pair.key: value(pair.value) for pair in span.attributes}
        self.name: str = span.name
        self.kind: str = self.attributes.get("neuraltrust.kind")
        self.input = self.attributes.get("neuraltrust.input")
        self.output = self.attributes.get("neuraltrust.output")
        self.trace_id: str = self.attributes.get("neuraltrust.trace.id", span.trace_id.hex())
        self.span_id: str = self.attributes.get("neuraltrust.span.id", span.span_id.hex())
        self.parent_id: str | None = self.attributes.get("neuraltrust.parent.id", span.parent_span_id.hex()) or None
        self.start: int = span.start_time_unix_nano
        self.end: int = span.end_time_unix_nano
        self.failed: bool = span.status.code == 2
        self.status_message: str = span.status.message
        self.events = [
            (event.name, {pair.key: value(pair.value) for pair in event.attributes}) for event in span.events
        ]


class Server:
    """Keeps requests; answers as `status` says, once it `may_answer`."""

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.requests: list[tuple[dict[str, str], ExportTraceServiceRequest]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                export = ExportTraceServiceRequest.FromString(gzip.decompress(body))
                headers = {name.lower(): text for name, text in self.headers.items()}
                outer.requests.append(({**headers, "path": self.path}, export))
                outer.may_answer.wait()
                self.send_response(outer.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def sent(self) -> list[Span]:
        """All spans, as often as they were sent."""
        spans = []
        for _, export in self.requests:
            for resource_spans in export.resource_spans:
                resource = {pair.key: value(pair.value) for pair in resource_spans.resource.attributes}
                for scope_spans in resource_spans.scope_spans:
                    spans += [Span(span, resource) for span in scope_spans.spans]
        return spans

    def spans(self) -> list[Span]:
        """Give every span once: what was sent of it first, with what was said of it later."""
        merged: dict[tuple[str, str], Span] = {}
        for span in self.sent:
            known = merged.setdefault((span.trace_id, span.span_id), span)
            known.attributes.update(span.attributes)
            known.end = max(known.end, span.end)
            known.failed = known.failed or span.failed
            known.output = known.attributes.get("neuraltrust.output")
        return list(merged.values())


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder in which a test's clients keep what they cannot deliver."""
    folder = tmp_path / "spool"
    monkeypatch.setenv("NEURALTRUST_SPOOL", str(folder))
    # The server of the tests reads gzip: Python's own library knows Zstandard since 3.14 only.
    monkeypatch.setenv("NEURALTRUST_COMPRESSION", "gzip")
    # Each test is warned as if nobody had been.
    monkeypatch.setattr(_misuse, "_told", set())
    return folder


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def client(server: Server) -> Iterator[NeuralTrust]:
    client = NeuralTrust(api_key="test-key", base_url=server.url)
    yield client
    client.close(LONG)


@pytest.fixture
def nowhere() -> str:
    """An address on which nobody listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a script as an application would be run."""

    def run(script: str, base_url: str, *, key: str | None = "test-key") -> subprocess.CompletedProcess[str]:
        path = tmp_path / "script.py"
        path.write_text(script)
        env = {name: text for name, text in os.environ.items() if not name.startswith("NEURALTRUST_")}
        env.update({name: os.environ[name] for name in ("NEURALTRUST_SPOOL", "NEURALTRUST_COMPRESSION")})
        env["NEURALTRUST_BASE_URL"] = base_url
        if key is not None:
            env["NEURALTRUST_API_KEY"] = key
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, str(path)],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )
        done.seconds = time.monotonic() - began  # type: ignore[attr-defined]
        return done

    return run
