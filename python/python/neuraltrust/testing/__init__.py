"""Lets an application test what it records: a :class:`Recorder` keeps it in memory instead of sending it.

>>> from neuraltrust.testing import Recorder
>>> recorder = Recorder()
>>> message = recorder.client.trace().message("Hello")
>>> message.generation("Hello").end("Hi!")
>>> recorder.assert_tree("message running", "  generation")
>>> recorder.step("generation").output
'Hi!'

With pytest, ``pytest_plugins = ["neuraltrust.testing.fixtures"]`` in ``conftest.py`` gives tests the fixture
``neuraltrust_recorder``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .. import _native
from ..client import NeuralTrust

__all__ = ["RecordedError", "RecordedStep", "Recorder"]


@dataclass(frozen=True)
class RecordedError:
    """Why a step failed."""

    #: The class of the exception, with its module unless it is built in.
    type: str
    message: str
    stacktrace: str | None = field(repr=False)


@dataclass(frozen=True)
class RecordedStep:
    """A step that was recorded: what its start said and what its end did."""

    #: The id of its trace.
    interaction_id: str
    #: Its own id.
    span_id: str
    #: The id of the step that it belongs to.
    parent_id: str | None
    kind: str
    #: Its name; that of its kind where it has none of its own.
    name: str
    conversation_id: str | None
    session_id: str | None
    channel_id: str | None
    user: dict[str, Any]
    metadata: dict[str, Any]
    custom: Any
    input: Any
    output: Any
    error: RecordedError | None
    #: Everything else that was said of it, by its OTLP name, e.g. ``gen_ai.usage.input_tokens``.
    attributes: dict[str, Any]
    #: Nanoseconds since 1970.
    start: int
    #: Nanoseconds since 1970; ``None`` while it runs.
    end: int | None

    @property
    def failed(self) -> bool:
        """Whether it ended with an error."""
        return self.error is not None

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.end is None


class Recorder:
    """Keeps what its client records. Values are those that would have been sent: after the mask and the redaction."""

    def __init__(
        self,
        *,
        mask: Callable[[Any], Any] | None = None,
        redact: Iterable[str] | None = None,
        sample_rate: float | None = None,
    ) -> None:
        """Set up a recorder and its client. The arguments are those of :class:`NeuralTrust`."""
        self._native = _native.Recorder()
        #: A client that records here and sends nothing.
        self.client = NeuralTrust(
            recorder=self, mask=mask, redact=redact, sample_rate=sample_rate, spool=False, api_key="recorded"
        )

    def steps(self, kind: str | None = None, *, name: str | None = None) -> list[RecordedStep]:
        """Give all steps so far, or those of this kind and name, in the order of their starts."""
        found = [_step(step) for step in self._native.steps(self.client._native)]
        return [step for step in found if kind in (None, step.kind) and name in (None, step.name)]

    def step(self, name: str) -> RecordedStep:
        """Give the only step of this name, or of this kind where none has that name.

        ``AssertionError`` where there is none, or where there are several; it shows all that were recorded.
        """
        steps = self.steps()
        found = [step for step in steps if step.name == name] or [step for step in steps if step.kind == name]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} steps are {name!r}, not 1, of these:\n{self.tree()}")
        return found[0]

    def tree(self) -> str:
        """Give the steps as text, one line each, below and to the right of the one that it belongs to.

        A line has the kind, the name in quotes where the step has one of its own, and ``running`` or
        ``failed: CLASS``.
        """
        return self._native.tree(self.client._native)

    def assert_tree(self, *lines: str) -> None:
        """Check that exactly these steps were recorded, written as :meth:`tree` gives them.

        >>> recorder.assert_tree("message", '  tool "look up" failed: TimeoutError', "  generation")
        """
        expected = "".join(f"{line.rstrip()}\n" for line in lines)
        found = self.tree()
        if found != expected:
            raise AssertionError(f"expected these steps:\n{expected}\nbut these were recorded:\n{found}")

    def clear(self) -> None:
        """Forget all that was recorded so far."""
        self._native.clear(self.client._native)

    @contextmanager
    def instead_of(self, client: NeuralTrust) -> Iterator[Recorder]:
        """Record here what a client of the application is asked to record within the block.

        Traces that were begun before stay with the client.
        """
        kept = (client._native, client._enabled)
        client._native, client._enabled = self.client._native, True
        try:
            yield self
        finally:
            client._native, client._enabled = kept


def _step(said: dict[str, Any]) -> RecordedStep:
    error = said.pop("error")
    return RecordedStep(error=None if error is None else RecordedError(*error), **said)
