"""The step that the running code belongs to.

It is kept in a context variable: it follows ``await`` and new tasks by itself, and :func:`carry` takes it to threads
and executors. Where the application uses OpenTelemetry, the step is the parent of the spans made inside it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from . import _otel
from ._misuse import shown, warn

if TYPE_CHECKING:
    from .context import Step, Trace

_F = TypeVar("_F", bound=Callable[..., Any])

_active: ContextVar[Step | Trace | None] = ContextVar("neuraltrust_active", default=None)


def current() -> Step | Trace | None:
    """Give the step, or the trace, whose block or decorated function is running; ``None`` outside of all."""
    return _active.get()


def carry(function: _F) -> _F:
    """Make a function or a coroutine run below the step that is current now, whichever thread calls it.

    >>> executor.submit(carry(work), 1)
    """
    if not callable(function):
        warn("carry(%s): it must be a function", shown(function))
        return function
    carried = _active.get()

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: Any, **kwargs: Any) -> Any:
            with active(carried):
                return await function(*args, **kwargs)

        return cast("_F", later)

    @functools.wraps(function)
    def below(*args: Any, **kwargs: Any) -> Any:
        with active(carried):
            return function(*args, **kwargs)

    return cast("_F", below)


class Entered(NamedTuple):
    """What was current before, here and in OpenTelemetry."""

    ours: Token[Step | Trace | None]
    theirs: Any


def enter(context: Step | Trace | None) -> Entered:
    """Make it current until ``leave`` is called with what this gives."""
    return Entered(_active.set(context), None if context is None else context._attach())


def leave(entered: Entered) -> None:
    """Make current what was before."""
    try:
        _active.reset(entered.ours)
        _otel.detach(entered.theirs)
    except (ValueError, RuntimeError):
        # The block ends in another task than it began in, as an abandoned generator's does: nothing of it is current
        # there.
        return


@contextmanager
def active(context: Step | Trace | None) -> Iterator[None]:
    """Make it current for a block."""
    entered = enter(context)
    try:
        yield
    finally:
        leave(entered)
