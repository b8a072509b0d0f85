"""Clients of model APIs, and frameworks above them, as steps: through the instrumentations of OpenInference.

Their spans go the way of all steps: through the client's queue, mask, redaction and spool, and into its account. They
never touch the application's own OpenTelemetry set-up.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import _native
from ._misuse import shown, warn

if TYPE_CHECKING:
    from .client import NeuralTrust

#: The module and the class of each instrumentation; the module is that of the package with dashes for dots.
LIBRARIES = {
    "anthropic": ("openinference.instrumentation.anthropic", "AnthropicInstrumentor"),
    "langchain": ("openinference.instrumentation.langchain", "LangChainInstrumentor"),
    "llama_index": ("openinference.instrumentation.llama_index", "LlamaIndexInstrumentor"),
    "openai": ("openinference.instrumentation.openai", "OpenAIInstrumentor"),
    "openai_agents": ("openinference.instrumentation.openai_agents", "OpenAIAgentsInstrumentor"),
}

#: OpenInference, "Span Kinds".
_KINDS = {
    "AGENT": "agent",
    "EMBEDDING": "embedding",
    "EVALUATOR": "evaluation",
    "GUARDRAIL": "guardrail",
    "LLM": "generation",
    "RETRIEVER": "retrieval",
    "TOOL": "tool",
}

_logger = logging.getLogger("neuraltrust")


def instrument(client: NeuralTrust, names: Iterable[str]) -> list[str]:
    """Make the calls of these libraries steps of the client, or those of all whose instrumentation is installed.

    Gives the names of those that are. One that is asked for and is not installed is named in a warning.
    """
    asked = list(names)
    provider: Any = None
    done: list[str] = []
    for name in asked or LIBRARIES:
        known = LIBRARIES.get(name) if isinstance(name, str) else None
        if known is None:
            warn("%s cannot be instrumented; accepted are %s", shown(name), ", ".join(LIBRARIES))
            continue
        module, kind = known
        try:
            instrumentor = getattr(importlib.import_module(module), kind)()
            provider = provider or _provider(client)
            instrumentor.instrument(tracer_provider=provider)
            done.append(name)
        except ImportError:
            if asked:
                warn("%s is not instrumented: pip install %s", name, _package(module))
        except Exception as error:
            # An instrumentation that does not fit its library must not keep the application from starting.
            _logger.warning("%s is not instrumented: %s: %s", name, type(error).__name__, error)
    return done


def _package(module: str) -> str:
    return module.replace(".", "-").replace("_", "-")


def _provider(client: NeuralTrust) -> Any:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    def on_end(self: Any, span: Any) -> None:
        try:
            record(client._native, span)
        except Exception as error:
            _logger.warning("a span is not recorded: %s: %s", type(error).__name__, error)

    # Its spans wait in the client, which delivers at the exit of the process.
    provider = TracerProvider(shutdown_on_exit=False)
    # The base is only there once it is imported.
    provider.add_span_processor(type("Recorder", (SpanProcessor,), {"on_end": on_end})())
    return provider


def record(client: _native.Client, span: Any) -> None:
    """Record a span of OpenTelemetry that has ended as a step."""
    known, above = span.get_span_context(), span.parent
    if not known.trace_flags.sampled:
        return
    attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in span.attributes.items()}
    kind = _KINDS.get(str(attributes.get("openinference.span.kind")), "chain")
    error = None
    if span.status.is_ok is False:
        raised: dict[str, Any] = {}
        for event in span.events:
            if event.name == "exception":
                raised = dict(event.attributes or {})
        message = raised.get("exception.message") or span.status.description or ""
        error = (str(raised.get("exception.type") or "error"), str(message), raised.get("exception.stacktrace"))
    parent = None if above is None else f"{above.span_id:016x}"
    trace = _native.Trace(client, f"{known.trace_id:032x}", parent, True, None, None, None, None, None, None)
    trace._record(kind, f"{known.span_id:016x}", span.name, span.start_time, attributes, error)
