"""One step of each client, and what it costs: ``drivers.py CLIENT URL STEPS`` prints one line of JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

INPUT = "Where is my parcel? " * 51
OUTPUT = "It left the depot. " * 54
#: Steps between two deliveries: fewer than any client's queue holds.
ROUND = 100
THREADS = 8


class Driver(NamedTuple):
    """A client, ready to record."""

    version: str
    #: Starts a step and ends it.
    step: Callable[[], object]
    #: Delivers what waits.
    flush: Callable[[], object]


def neuraltrust(url: str) -> Driver:
    """Our package."""
    from neuraltrust import NeuralTrust

    client = NeuralTrust(api_key="k", base_url=url)
    message = client.trace(conversation_id="c").message("Hello")
    return Driver(version("neuraltrust"), lambda: message.generation(INPUT).end(OUTPUT), lambda: client.flush(60))


def neuraltrust_otel(url: str) -> Driver:
    """Our package inside a step that is current, where the application uses OpenTelemetry."""
    import opentelemetry.trace  # noqa: F401

    from neuraltrust import NeuralTrust

    client = NeuralTrust(api_key="k", base_url=url)
    message = client.trace(conversation_id="c").message("Hello").__enter__()
    return Driver(version("neuraltrust"), lambda: message.generation(INPUT).end(OUTPUT), lambda: client.flush(60))


def opentelemetry(url: str) -> Driver:
    """OpenTelemetry's SDK with its exporter for OTLP over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces")))
    tracer = provider.get_tracer("bench")

    def step() -> None:
        span = tracer.start_span("generation", attributes={"input.value": INPUT})
        span.set_attribute("output.value", OUTPUT)
        span.end()

    return Driver(version("opentelemetry-sdk"), step, provider.force_flush)


def langfuse(url: str) -> Driver:
    """Langfuse's SDK."""
    from langfuse import Langfuse

    client = Langfuse(public_key="pk-lf-1", secret_key="sk-lf-1", host=url)

    def step() -> None:
        span = client.start_observation(name="generation", as_type="generation", input=INPUT)
        span.update(output=OUTPUT)
        span.end()

    return Driver(version("langfuse"), step, client.flush)


def phoenix(url: str) -> Driver:
    """Phoenix' wrapper of OpenTelemetry's SDK."""
    from phoenix.otel import register

    provider = register(
        endpoint=f"{url}/v1/traces",
        protocol="http/protobuf",
        batch=True,
        verbose=False,
        set_global_tracer_provider=False,
    )
    tracer = provider.get_tracer("bench")

    def step() -> None:
        span = tracer.start_span("generation", openinference_span_kind="llm")
        span.set_input(INPUT)
        span.set_output(OUTPUT)
        span.end()

    return Driver(version("arize-phoenix-otel"), step, provider.force_flush)


def opik(url: str) -> Driver:
    """Opik's SDK."""
    from opik import Opik

    client = Opik(host=url, _show_misconfiguration_message=False)
    trace = client.trace(name="turn")

    def step() -> None:
        trace.span(name="generation", type="llm", input={"text": INPUT}).end(output={"text": OUTPUT})

    return Driver(version("opik"), step, lambda: client.flush(60))


def mlflow(url: str) -> Driver:
    """MLflow's tracing, which exports by OTLP where it is told to."""
    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{url}/v1/traces"
    os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
    import mlflow as client

    def step() -> None:
        with client.start_span("generation", span_type="LLM") as span:
            span.set_inputs({"text": INPUT})
            span.set_outputs({"text": OUTPUT})

    return Driver(version("mlflow-tracing"), step, lambda: client.flush_trace_async_logging())


def neuraltrust_1_4(url: str) -> Driver:
    """The package as it was published up to 1.4."""
    from neuraltrust import NeuralTrust

    client = NeuralTrust(api_key="k", base_url=url)
    message = client.trace(conversation_id="c").message("Hello")

    def flush() -> None:
        # It has no way to wait but to end its thread pool for good; its queue has no bound.
        time.sleep(0.5)

    return Driver(version("neuraltrust"), lambda: message.generation(INPUT).end(OUTPUT), flush)


DRIVERS = {
    "neuraltrust": neuraltrust,
    "neuraltrust-otel": neuraltrust_otel,
    "opentelemetry": opentelemetry,
    "langfuse": langfuse,
    "phoenix": phoenix,
    "opik": opik,
    "mlflow": mlflow,
    "neuraltrust-1.4.0": neuraltrust_1_4,
}


def rounds(driver: Driver, steps: int) -> list[int]:
    """Nanoseconds of each step."""
    step, now, times = driver.step, time.perf_counter_ns, []
    for _ in range(steps // ROUND):
        driver.flush()
        for _ in range(ROUND):
            began = now()
            step()
            times.append(now() - began)
    return times


async def on_a_loop(driver: Driver, steps: int) -> list[int]:
    """Nanoseconds of each step in a coroutine that gives way after each."""
    now, times = time.perf_counter_ns, []
    for n in range(steps):
        if n % ROUND == 0:
            await asyncio.get_running_loop().run_in_executor(None, driver.flush)
        began = now()
        driver.step()
        times.append(now() - began)
        await asyncio.sleep(0)
    return times


async def turns(driver: Driver, steps: int) -> tuple[list[int], list[int]]:
    """Nanoseconds from one turn of a loop to the next, as another coroutine sees them: without steps, and with one in each turn.

    Both are measured in the same run, a round of one after a round of the other, with the client's threads at work beside.
    """
    loop, now = asyncio.get_running_loop(), time.perf_counter_ns
    bare: list[int] = []
    busy: list[int] = []
    times = bare

    async def watch() -> None:
        before = now()
        while True:
            await asyncio.sleep(0)
            after = now()
            times.append(after - before)
            before = after

    def rest() -> None:
        """Do nothing."""

    watcher = asyncio.create_task(watch())
    for _ in range(steps // ROUND):
        for into, work in ((bare, rest), (busy, driver.step)):
            # What is seen while it delivers is of no round.
            times = []
            await loop.run_in_executor(None, driver.flush)
            times = into
            for _ in range(ROUND):
                work()
                await asyncio.sleep(0)
    watcher.cancel()
    return bare, busy


def in_threads(driver: Driver, steps: int) -> float:
    """Microseconds of the wall clock for each step of all threads together."""
    total = 0
    for _ in range(steps // (ROUND * THREADS) or 1):
        driver.flush()
        start = threading.Barrier(THREADS + 1)

        def work(start: threading.Barrier = start) -> None:
            start.wait()
            for _ in range(ROUND):
                driver.step()

        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        start.wait()
        began = time.perf_counter_ns()
        for thread in threads:
            thread.join()
        total += time.perf_counter_ns() - began
    return total / (steps // (ROUND * THREADS) or 1) / (ROUND * THREADS) / 1e3


def main() -> None:
    """Measure, and print."""
    logging.disable(logging.CRITICAL)
    name, url, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
    driver = DRIVERS[name](url)
    rounds(driver, ROUND * 2)
    cpu = time.process_time()
    one = sorted(rounds(driver, steps))
    driver.flush()
    cpu = (time.process_time() - cpu) / steps * 1e6
    loop = sorted(asyncio.run(on_a_loop(driver, steps)))
    bare, busy = (sorted(times) for times in asyncio.run(turns(driver, steps)))
    told = {
        "client": name,
        "version": driver.version,
        "mean": sum(one) / len(one) / 1e3,
        "p50": one[len(one) // 2] / 1e3,
        "p99": one[len(one) * 99 // 100] / 1e3,
        "async mean": sum(loop) / len(loop) / 1e3,
        "8 threads": in_threads(driver, steps),
        "turn p99": bare[len(bare) * 99 // 100] / 1e3,
        "with steps": busy[len(busy) * 99 // 100] / 1e3,
        "cpu": cpu,
    }
    print(json.dumps({key: round(value, 2) if isinstance(value, float) else value for key, value in told.items()}))
    sys.stdout.flush()
    # What a client still does at its end is not measured.
    os._exit(0)


if __name__ == "__main__":
    main()
