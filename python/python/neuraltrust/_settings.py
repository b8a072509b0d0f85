"""What a client is set up with: its arguments, else the environment. A value that cannot be used is named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, cast

from . import _native
from ._misuse import shown, warn


def is_off() -> bool:
    """Whether everything is switched off."""
    return os.environ.get("NEURALTRUST_DISABLED", "").strip().lower() in ("1", "true", "yes", "on")


def first(given: Any, variable: str, default: str | None) -> Any:
    """Give an argument, else the variable, else the default. What is no text stays, for ``check`` to refuse."""
    return given or os.environ.get(variable) or default if given is None or isinstance(given, str) else given


def kept(recorder: Any) -> _native.Recorder | None:
    """Give the native half of a recorder."""
    if recorder is None:
        return None
    found = getattr(recorder, "_native", None)
    if not isinstance(found, _native.Recorder):
        raise _native.NeuralTrustError(
            f"recorder is {type(recorder).__name__}; accepted is a neuraltrust.testing.Recorder"
        )
    return found


def check(name: str, value: object, accepted: type | tuple[type, ...]) -> None:
    """Refuse an argument of another type."""
    if value is not None and (not isinstance(value, accepted) or isinstance(value, bool)):
        kinds = accepted if isinstance(accepted, tuple) else (accepted,)
        named = " or ".join(kind.__name__ for kind in kinds)
        raise _native.NeuralTrustError(f"{name} is {type(value).__name__}; accepted is {named} or None")


def above_zero(name: str, seconds: float | None) -> None:
    """Refuse a time in which nothing can be done."""
    if seconds is not None and not seconds > 0:
        raise _native.NeuralTrustError(f"{name} is {seconds}; accepted is a number of seconds above 0")


def mask(given: Any) -> Any:
    """Give the mask."""
    if given is not None and not callable(given):
        raise _native.NeuralTrustError(f"mask is {type(given).__name__}; accepted is a function or None")
    return given


def redact(given: Iterable[str] | None) -> list[str]:
    """Give the names of what is redacted."""
    found = os.environ.get("NEURALTRUST_REDACT", "").split(",") if given is None else given
    return [found] if isinstance(found, str) else [str(name) for name in found if name]


def share(given: float | None) -> float:
    """Give the share of traces that is recorded."""
    if given is not None:
        return float(given)
    setting = os.environ.get("NEURALTRUST_SAMPLE_RATE") or "1"
    try:
        return float(setting)
    except ValueError:
        raise _native.NeuralTrustError(f"NEURALTRUST_SAMPLE_RATE {setting!r} is no number from 0 to 1") from None


def room(folder: str | os.PathLike[str] | bool | None, size: int | None) -> tuple[str, int | None]:
    """Give the folder of the spool as the native half takes it, and its size."""
    found = os.environ.get("NEURALTRUST_SPOOL", "") if folder is None or folder is True else folder
    name = "off" if found is False or str(found).strip().lower() == "off" else os.fspath(cast("Any", found))
    if size is None:
        setting = os.environ.get("NEURALTRUST_SPOOL_BYTES", "").strip()
        if setting and not setting.isdecimal():
            warn("NEURALTRUST_SPOOL_BYTES %s is no number of bytes: it is not heard", shown(setting))
        size = int(setting) if setting.isdecimal() else None
    return name, None if size is None else max(0, min(size, 2**63 - 1))


def headers(given: Mapping[str, str] | None) -> list[tuple[str, str]]:
    """Give the headers of every request."""
    if given is not None:
        return [(str(name), str(value)) for name, value in given.items()]
    pairs = (pair.partition("=") for pair in os.environ.get("NEURALTRUST_HEADERS", "").split(",") if pair.strip())
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def path(given: str | os.PathLike[str] | None) -> str | None:
    """Give the file of certificates."""
    return os.fspath(given or os.environ.get("NEURALTRUST_CA_FILE") or "") or None
