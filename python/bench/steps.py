"""Measure what a step costs the application: microseconds per start and end, with a server that takes everything."""

from __future__ import annotations

import argparse
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from neuraltrust import NeuralTrust, User


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def measure(name: str, client: NeuralTrust, steps: int, input: object, output: object) -> None:
    trace = client.trace(conversation_id="c", user=User(id="u"), custom={"key": "value"})
    message = trace.message(input="Hello")
    times = []
    for n in range(steps):
        if n % 1_000 == 0:
            # A tight loop makes steps faster than any server takes them; dropping them would be measured instead.
            client.flush(60)
        began = time.perf_counter_ns()
        message.generation(input=input).end(output)
        times.append(time.perf_counter_ns() - began)
    message.end("Hi!")
    client.flush(60)
    times.sort()
    mean, p50, p99 = sum(times) / steps / 1e3, times[steps // 2] / 1e3, times[steps * 99 // 100] / 1e3
    print(f"{name:24} {mean:8.2f} us mean {p50:8.2f} us p50 {p99:8.2f} us p99")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=20_000)
    steps = parser.parse_args().steps
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = NeuralTrust(api_key="k", base_url=f"http://127.0.0.1:{server.server_port}")
    documents = [{"chunk": "Hello, how are you? " * 10, "score": 0.5, "source": {"page": n}} for n in range(10)]
    measure("short text", client, steps, "Hello, how are you?", "I am fine, thank you!")
    measure("2 KB of text", client, steps, "x" * 2_000, "y" * 2_000)
    measure("10 documents", client, steps // 10, "query", documents)
    print(client.stats())


if __name__ == "__main__":
    main()
