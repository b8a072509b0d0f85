"""Descriptions of values that have no JSON, one level at a time; the native half walks down.

Called from ``_native`` for every value that is not text, a number, a dict, a list or a tuple. May raise: the native
half then names the value by its type.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import os
import traceback
import uuid
from collections import deque
from collections.abc import ItemsView, Iterable, KeysView, Mapping, ValuesView
from typing import Any

# Larger bytes are named by their size: they are media, for which a trace is not the place.
MAX_BYTES = 64 * 1024
MAX_REPR = 10_000
# What an iterator yields cannot be read without taking it from the application.
_COLLECTIONS: tuple[type[Iterable[Any]], ...] = (list, tuple, deque, KeysView, ValuesView, ItemsView, range)


def key(value: Any) -> str:
    """Give the text that stands for a key of a dict, as ``json.dumps`` does where it can."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum) and isinstance(value.value, str):
        return value.value
    return str(value)


def plain(value: Any) -> Any:
    """Describe a value by simpler ones."""
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (uuid.UUID, decimal.Decimal, complex)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes(bytes(value))
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, BaseException):
        return {"type": type_name(value), "message": str(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return _in_order(value)
    if isinstance(value, _COLLECTIONS):
        return [*value]
    for method in ("model_dump", "_asdict", "tolist"):
        describe = getattr(value, method, None)
        if callable(describe):
            return describe()
    text = repr(value)
    return text if len(text) <= MAX_REPR else f"{text[:MAX_REPR]}... ({len(text)} characters)"


def _bytes(value: bytes) -> dict[str, Any]:
    if len(value) > MAX_BYTES:
        return {"bytes": len(value)}
    return {"bytes": len(value), "base64": base64.b64encode(value).decode("ascii")}


def _in_order(values: Iterable[Any]) -> list[Any]:
    """Sort a set where it can be sorted: its own order changes with every run."""
    try:
        return sorted(values)
    except Exception:
        return list(values)


def type_name(value: object) -> str:
    """Give the name of the class of a value, with its module unless it is built in."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def text(value: Any) -> str | None:
    """Give the text of an id or a name; of a step, its id."""
    try:
        if isinstance(value, enum.Enum):
            value = value.value
        if value is None or isinstance(value, str):
            return _valid(value) if value else None
        return _valid(str(getattr(value, "span_id", value))) or None
    except Exception:
        return None


def _valid(words: str) -> str:
    """Replace halves of characters, which have no UTF-8."""
    return words if words.isascii() else words.encode("utf-8", "replace").decode("utf-8")


def failure(error: Any) -> tuple[str, str, str | None]:
    """Give class, message and traceback of an exception, or of anything else that says what went wrong."""
    if not isinstance(error, BaseException):
        return "error", text(error) or "", None
    try:
        message = _valid(str(error))
    except Exception:
        message = ""
    try:
        trace = _valid("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    except Exception:
        trace = None
    return type_name(error), message, trace


_USAGE = {
    "gen_ai.usage.input_tokens": ("input_tokens", "input", "prompt_tokens"),
    "gen_ai.usage.output_tokens": ("output_tokens", "output", "completion_tokens"),
    "gen_ai.usage.cache_read.input_tokens": ("cache_read", "cache_read_input_tokens"),
    "gen_ai.usage.cache_creation.input_tokens": ("cache_write", "cache_creation_input_tokens"),
    "gen_ai.usage.reasoning.output_tokens": ("reasoning", "reasoning_tokens"),
    "neuraltrust.usage.input_audio_tokens": ("input_audio", "input_audio_tokens"),
    "neuraltrust.usage.input_image_tokens": ("input_image", "input_image_tokens"),
    "neuraltrust.usage.cache_read_audio_tokens": ("cache_read_audio", "cache_audio_read_tokens"),
    "neuraltrust.usage.cache_read_image_tokens": ("cache_read_image", "cache_image_read_tokens"),
    "neuraltrust.usage.cache_write_1h_tokens": ("cache_write_1h", "cache_write_1h_tokens"),
    "neuraltrust.usage.output_audio_tokens": ("output_audio", "output_audio_tokens"),
    "neuraltrust.usage.output_image_tokens": ("output_image", "output_image_tokens"),
}


def usage(counts: Any) -> dict[str, Any]:
    """Give token counts, of a mapping or of a provider's object, by their OpenTelemetry names."""
    found: dict[str, Any] = {}
    for attribute, names in _USAGE.items():
        for name in names:
            try:
                count = counts.get(name) if isinstance(counts, Mapping) else getattr(counts, name, None)
            except Exception:
                count = None
            if isinstance(count, int) and not isinstance(count, bool):
                found[attribute] = count
                break
    return found
