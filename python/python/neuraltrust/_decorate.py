"""Functions as steps: what a decorator of the client makes of a function of any sort.

A step begins where the function's own code begins, below the step that is current there, and ends with what the
function gives or raises. A generator is current only while it runs, never in the code that takes its items.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from .context import Step
from .current import active

Begin = Callable[[Any], Step]

# The items of a stream that are kept; what comes after them is counted only, so that an endless stream takes no memory.
MAX_ITEMS = 10_000


def decorate(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    """Make every call of the function a step."""
    given = _reader(function)
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def async_generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            step = begin(given(args, kwargs))
            kept = _Items(step)
            stream = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(stream.asend, None)
            while True:
                try:
                    with active(step):
                        item = await resume()
                except StopAsyncIteration:
                    kept.end()
                    return
                except BaseException as error:
                    kept.end(error)
                    raise
                kept.add(item)
                try:
                    resume = functools.partial(stream.asend, (yield item))
                except GeneratorExit:
                    with active(step):
                        await stream.aclose()
                    kept.end()
                    raise
                except BaseException as error:
                    resume = functools.partial(stream.athrow, error)

        return async_generator
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            step = begin(given(args, kwargs))
            kept = _Items(step)
            stream = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(stream.send, None)
            while True:
                try:
                    with active(step):
                        item = resume()
                except StopIteration as stop:
                    kept.end()
                    return stop.value
                except BaseException as error:
                    kept.end(error)
                    raise
                kept.add(item)
                try:
                    resume = functools.partial(stream.send, (yield item))
                except GeneratorExit:
                    with active(step):
                        stream.close()
                    kept.end()
                    raise
                except BaseException as error:
                    resume = functools.partial(stream.throw, error)

        return generator
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            with begin(given(args, kwargs)) as step:
                output = await function(*args, **kwargs)
                if not step.ended:
                    step.end(output)
                return output

        return coroutine

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with begin(given(args, kwargs)) as step:
            output = function(*args, **kwargs)
            if not step.ended:
                step.end(output)
            return output

    return call


class _Items:
    """What a stream has given so far."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._items: list[Any] = []
        self._more = 0

    def add(self, item: Any) -> None:
        """Keep an item; the first says how long the answer let wait."""
        self._step.first_token()
        if len(self._items) < MAX_ITEMS:
            self._items.append(item)
        else:
            self._more += 1

    def end(self, error: BaseException | None = None) -> None:
        """End the step with the items, unless the function ended it in its own words."""
        if self._step.ended:
            return
        words = all(isinstance(item, str) for item in self._items)
        output: Any = "".join(self._items) if words else self._items
        cut = {"neuraltrust.items_not_kept": self._more} if self._more else None
        self._step.end(output or None, error=error, attributes=cut)


def _reader(function: Callable[..., Any]) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """Give what reads the input of a call: its only argument as such, several by their names, without ``self``."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return lambda args, kwargs: {"args": args, **kwargs}

    def given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            named = signature.bind(*args, **kwargs).arguments
        except TypeError:
            # The call itself is about to raise this, and the step then says so.
            return {"args": args, **kwargs}
        first = next(iter(signature.parameters), None)
        said = {name: value for name, value in named.items() if name != first or name not in ("self", "cls")}
        return next(iter(said.values())) if len(said) == 1 else said or None

    return given
