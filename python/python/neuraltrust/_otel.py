"""The current step and OpenTelemetry's current span: each is the parent of what is made inside it.

Where the application has not imported OpenTelemetry there are no spans to meet, and nothing is imported for it.
"""

from __future__ import annotations

import re
import sys
from typing import Any, NamedTuple

#: Where a context of OpenTelemetry says which of its spans stands for a step of ours.
_KEY = "neuraltrust-step"
_TRACE_ID = re.compile("(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile("(?!0{16})[0-9a-f]{16}")


class Ids(NamedTuple):
    """The ids of a span."""

    trace_id: str
    span_id: str


def current_span() -> Ids | None:
    """Give the span of OpenTelemetry that is current, where it is recorded and does not stand for a step of ours."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    try:
        span = trace.get_current_span()
        known = span.get_span_context()
        if not known.is_valid or not known.trace_flags.sampled:
            return None
        if sys.modules["opentelemetry.context"].get_value(_KEY) is span:
            return None
        return Ids(f"{known.trace_id:032x}", f"{known.span_id:016x}")
    except Exception:
        # A library that is half imported, or another one in its place, must not cost the application its step.
        return None


def attach(trace_id: str | None, span_id: str | None) -> Any:
    """Make a step the parent of the spans that are made from now on, until ``detach`` is called with what this gives.

    ``None`` where there is no OpenTelemetry, or where the step has an id that OpenTelemetry cannot have.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None or not trace_id or not span_id:
        return None
    if not _TRACE_ID.fullmatch(trace_id) or not _SPAN_ID.fullmatch(span_id):
        return None
    try:
        context = sys.modules["opentelemetry.context"]
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
        known = trace.SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=flags)
        span = trace.NonRecordingSpan(known)
        return context.attach(context.set_value(_KEY, span, trace.set_span_in_context(span)))
    except Exception:
        return None


def detach(token: Any) -> None:
    """Make current what was before."""
    if token is None:
        return
    try:
        sys.modules["opentelemetry.context"].detach(token)
    except Exception:
        return
