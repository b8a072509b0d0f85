"""The current step and OpenTelemetry's current span: each is the parent of what is made inside it.

Where the application has not imported OpenTelemetry there are no spans to meet, and nothing is imported for it. Where
it has, a step that becomes current costs one context; its ids are written as OpenTelemetry's when a span asks for them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

_TRACE_ID = re.compile("(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile("(?!0{16})[0-9a-f]{16}")


class Ids(NamedTuple):
    """The ids of a span."""

    trace_id: str
    span_id: str


def is_trace_id(text: str) -> bool:
    """Whether OpenTelemetry can have the id of a trace."""
    return _TRACE_ID.fullmatch(text) is not None


def is_span_id(text: str) -> bool:
    """Whether OpenTelemetry can have the id of a span."""
    return _SPAN_ID.fullmatch(text) is not None


def current_span() -> Ids | None:
    """Give the span of OpenTelemetry that is current, where it is recorded and does not stand for a step of ours."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    try:
        span = trace.get_current_span()
        if span is trace.INVALID_SPAN or type(span) is _stand_in:
            return None
        known = span.get_span_context()
        if not known.is_valid or not known.trace_flags.sampled:
            return None
        return Ids(f"{known.trace_id:032x}", f"{known.span_id:016x}")
    except Exception:
        # A library that is half imported, or another one in its place, must not cost the application its step.
        return None


def attach(ids: Callable[[], Ids]) -> Any:
    """Make a step the parent of the spans that are made from now on, until ``detach`` is called with what this gives.

    ``None`` where there is no OpenTelemetry. The ids must be such as OpenTelemetry can have.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    try:
        stand_in = _stand_in or _make_stand_in(trace)
        return sys.modules["opentelemetry.context"].attach(trace.set_span_in_context(stand_in(ids)))
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


#: The class of spans that stand for our steps, once there was one.
_stand_in: Any = None


def _make_stand_in(trace: Any) -> Any:
    global _stand_in

    class Stand(trace.NonRecordingSpan):  # type: ignore[misc]
        """A step of ours, as OpenTelemetry sees it."""

        def __init__(self, ids: Callable[[], Ids]) -> None:
            self._ids = ids
            self._known: Any = None

        @property
        def _context(self) -> Any:
            # What is inherited reads this.
            if self._known is None:
                trace_id, span_id = self._ids()
                flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
                self._known = trace.SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=flags)
            return self._known

        def get_span_context(self) -> Any:
            """Give the ids of the step."""
            return self._context

    _stand_in = Stand
    return Stand
