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
import io
import itertools
import os
import sys
import traceback
import uuid
from collections import deque
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, ValuesView
from typing import Any

# Larger bytes are named by their size: they are media, for which a trace is not the place.
MAX_BYTES = 64 * 1024
#: Larger images are named by their size too.
MAX_IMAGE = 4 * 1024 * 1024
#: An image of Pillow has no bytes to keep: a picture of it is, of up to so many pixels a side, unless it is larger.
PICTURE = 512
MAX_PIXELS = 32_000_000
#: More items than this are not even copied.
MAX_ITEMS = 100_000
MAX_REPR = 10_000
# What an iterator yields cannot be read without taking it from the application.
_COLLECTIONS: tuple[Any, ...] = (list, tuple, deque, KeysView, ValuesView, ItemsView, range)


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
        return _bytes(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, BaseException):
        return {"type": type_name(value), "message": str(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    if isinstance(value, Mapping):
        return _few(value.items(), len(value), dict)
    if isinstance(value, (set, frozenset)):
        return _few(value, len(value), _in_order)
    if isinstance(value, _COLLECTIONS):
        return _few(value, len(value), list)
    if _is_picture(value):
        return _picture(value)
    if (count := _numbers(value)) > MAX_ITEMS:
        return _first(value, count)
    for method in ("model_dump", "_asdict", "tolist"):
        describe = getattr(value, method, None)
        if callable(describe):
            return describe()
    text = repr(value)
    return text if len(text) <= MAX_REPR else f"{text[:MAX_REPR]}... ({len(text)} characters)"


def _few(items: Iterable[Any], count: int, whole: Callable[[Iterable[Any]], Any]) -> Any:
    """Give the items, of very many the first."""
    if count <= MAX_ITEMS:
        return whole(items)
    return {"items": list(itertools.islice(items, MAX_ITEMS)), "[truncated]": _mark(count)}


def _mark(count: int) -> str:
    return f"[truncated: the first {MAX_ITEMS} of {count} items]"


def _numbers(value: Any) -> int:
    """Give how many numbers an array has: numpy's, or what is like it; 0 of anything else."""
    if not callable(getattr(value, "tolist", None)):
        return 0
    count = getattr(value, "size", None)
    if count is None:
        return len(value)
    return int(value.numel() if callable(count) else count)


def _first(array: Any, count: int) -> dict[str, Any]:
    flat = getattr(array, "flat", None)
    if flat is None:
        flat = array.reshape(-1) if hasattr(array, "reshape") else array
    return {
        "shape": [int(side) for side in getattr(array, "shape", (count,))],
        "items": flat[:MAX_ITEMS].tolist(),
        "[truncated]": _mark(count),
    }


#: What the bytes of images begin with.
_IMAGES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))


def _image_type(value: bytes) -> str | None:
    if value[:4] == b"RIFF" and value[8:12] == b"WEBP":
        return "image/webp"
    return next((f"image/{name}" for head, name in _IMAGES if value.startswith(head)), None)


def _image(mime_type: str, value: bytes) -> dict[str, Any]:
    """Give an image as a part of a message, which the server keeps apart and the page shows."""
    encoded = base64.b64encode(value).decode("ascii")
    return {"type": "image", "mime_type": mime_type, "uri": f"data:{mime_type};base64,{encoded}"}


def _is_picture(value: Any) -> bool:
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def _picture(image: Any) -> dict[str, Any]:
    size = {"mode": image.mode, "width": image.width, "height": image.height}
    if image.width * image.height > MAX_PIXELS:
        return {"image": size}
    small = image.copy()
    small.thumbnail((PICTURE, PICTURE))
    kept = io.BytesIO()
    small.convert("RGBA" if "A" in small.getbands() or "transparency" in small.info else "RGB").save(kept, "PNG")
    return {**_image("image/png", kept.getvalue()), **size}


def _bytes(value: bytes | bytearray | memoryview) -> dict[str, Any]:
    size = value.nbytes if isinstance(value, memoryview) else len(value)
    if size > MAX_IMAGE:
        return {"bytes": size}
    value = bytes(value)
    if (mime_type := _image_type(value)) is not None:
        return _image(mime_type, value)
    if size > MAX_BYTES:
        return {"bytes": size}
    return {"bytes": size, "base64": base64.b64encode(value).decode("ascii")}


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


def truth(value: Any) -> bool:
    """Whether a value stands for yes; one that cannot say stands for no."""
    try:
        return bool(value)
    except Exception:
        return False


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


#: Token counts, and the names that applications and providers have for them.
USAGE = {
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
    for attribute, names in USAGE.items():
        for name in names:
            try:
                count = counts.get(name) if isinstance(counts, Mapping) else getattr(counts, name, None)
            except Exception:
                count = None
            if isinstance(count, int) and not isinstance(count, bool):
                found[attribute] = count
                break
    return found
