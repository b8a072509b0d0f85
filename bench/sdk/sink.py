"""A server that takes everything at once. Prints its port, and serves until its input ends."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Sink(BaseHTTPRequestHandler):
    """Answers every request with 200 and an empty JSON object, or an empty protobuf where that came."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read all of it, keep nothing."""
        self.rfile.read(int(self.headers.get("content-length") or 0))
        protobuf = "protobuf" in (self.headers.get("content-type") or "")
        body = b"" if protobuf else b"{}"
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf" if protobuf else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_PATCH = do_POST

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Says nothing of clients that go without a word, as they do at the end of their measurement."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
