"""Calls that cannot be meant: a warning for each line of the application that makes one, once; never an exception."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import reprlib
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

_logger = logging.getLogger("neuraltrust")
_F = TypeVar("_F", bound=Callable[..., Any])

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
#: Lines that are remembered. An application with more of them has been told enough.
MOST = 1_000
_told: set[tuple[str, int, str]] = set()
#: Set when the process ends: what its other threads still do is no misuse.
_leaving = False


_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 100


def warn(words: str, *args: object) -> None:
    """Warn, naming the line of the application that is running."""
    _tell(logging.WARNING, words, args)


def nothing_is_recorded(error: object) -> None:
    """Say why a client is of no use, naming the line that makes it."""
    _tell(logging.ERROR, f"nothing is recorded: {error}".replace("%", "%%"), ())


def leave() -> None:
    """Say nothing any more."""
    global _leaving
    _leaving = True


def _tell(level: int, words: str, args: tuple[object, ...]) -> None:
    path, line = _place()
    if _leaving or (path, line, words) in _told or len(_told) >= MOST:
        return
    _told.add((path, line, words))
    _logger.log(level, f"%s:%d: {words}", path, line, *args)


def _place() -> tuple[str, int]:
    """Give the innermost line that is not of this package."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_OURS) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def shown(value: object) -> str:
    """Give a value as a warning shows it: short, whatever it is."""
    try:
        return _repr.repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def is_of_the_call(error: TypeError) -> bool:
    """Whether the call itself raised it, since the arguments do not fit; asked in the function that made the call."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None


def forgiving(function: _F) -> _F:
    """Make a call whose arguments do not fit go on without those that are unknown, and ``None`` for those that lack."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if not is_of_the_call(error):
                raise
            warn("%s; the call goes on without it, accepted are %s", error, ", ".join(_names(function)))
        fitting = _fit(function, args, kwargs)
        return function(*fitting.args, **fitting.kwargs)

    return cast("_F", call)


def starting(init: _F) -> _F:
    """Make a constructor whose arguments do not fit one of a client that records nothing."""

    @functools.wraps(init)
    def start(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except TypeError as error:
            if not is_of_the_call(error):
                raise
            self._record_nothing(error)

    return cast("_F", start)


def left_out(method: str, more: tuple[Any, ...], unknown: dict[str, Any] | None) -> None:
    """Warn of arguments that a method of the native half does not know."""
    named = [*(repr(name) for name in unknown or ()), *(["what comes after the first"] if more else [])]
    warn(f"{method}() does not know %s; the call goes on without it, see help(Step.{method})", ", ".join(named))


def _names(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def _fit(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
    signature = inspect.signature(function)
    places = [one.name for one in signature.parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    given = dict(zip(places, args))
    given.update({name: value for name, value in kwargs.items() if name in signature.parameters and name not in given})
    lacking = [one.name for one in signature.parameters.values() if one.default is one.empty and one.name not in given]
    given.update(dict.fromkeys(lacking))
    return signature.bind(**given)
