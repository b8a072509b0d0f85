"""Traces and their steps, as an application holds them.

No method here raises for a value or waits for the network: what cannot be recorded is counted and logged.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from . import _misuse, _native, _otel
from ._misuse import shown
from ._times import milliseconds, nanoseconds
from ._values import USAGE, failure, text, usage
from .current import current, enter, leave
from .types import EventType, FeedbackTag

_Self = TypeVar("_Self", bound="_Context")


class _Shared:
    """What all steps of a trace have in common."""

    __slots__ = (
        "channel_id",
        "conversation_id",
        "custom",
        "interaction_id",
        "meets_otel",
        "metadata",
        "recorded",
        "sampled",
        "session_id",
        "user",
    )

    def __init__(
        self,
        interaction_id: str,
        sampled: bool,
        recorded: bool,
        conversation_id: str | None,
        session_id: str | None,
        channel_id: str | None,
        user: Any,
        metadata: Any,
        custom: Any,
    ) -> None:
        self.interaction_id = interaction_id
        self.sampled = sampled
        #: Whether spans of it are sent: it is sampled, and the client has a key.
        self.recorded = recorded
        #: Whether spans of OpenTelemetry can be below it. What is not recorded here leaves it to OpenTelemetry alone.
        self.meets_otel = recorded and _otel.is_trace_id(interaction_id)
        self.conversation_id = conversation_id
        self.session_id = session_id
        self.channel_id = channel_id
        self.user = user
        self.metadata = metadata
        self.custom = custom


class _Context:
    """What traces and steps can both do: make steps. The other base of both is the native one."""

    __slots__ = ()

    _shared: _Shared

    @property
    def interaction_id(self) -> str:
        """The id of the trace."""
        return self._shared.interaction_id

    @property
    def conversation_id(self) -> str | None:
        """The conversation that the trace belongs to."""
        return self._shared.conversation_id

    @property
    def session_id(self) -> str | None:
        """The sitting of the user."""
        return self._shared.session_id

    @property
    def channel_id(self) -> str | None:
        """Where the user talks."""
        return self._shared.channel_id

    @property
    def user(self) -> Any:
        """Who is talking, as given."""
        return self._shared.user

    @property
    def metadata(self) -> Any:
        """The application's metadata, as given."""
        return self._shared.metadata

    @property
    def custom(self) -> Any:
        """The application's own data, as given."""
        return self._shared.custom

    @_misuse.forgiving
    def message(self, input: Any = None, parent_id: Any = None, *, name: str | None = None) -> Step:
        """Start a turn: what the user said."""
        return Step(self, "message", input, parent_id, name)

    @_misuse.forgiving
    def generation(
        self,
        input: Any = None,
        parent_id: Any = None,
        *,
        name: str | None = None,
        model: str | None = None,
        provider: str | None = None,
    ) -> Step:
        """Start a call of a language model."""
        said = None
        if model is not None or provider is not None:
            known = {"gen_ai.request.model": text(model), "gen_ai.provider.name": text(provider)}
            said = {key: value for key, value in known.items() if value}
        return Step(self, "generation", input, parent_id, name, said)

    @_misuse.forgiving
    def retrieval(self, input: Any = None, parent_id: Any = None, *, name: str | None = None) -> Step:
        """Start a look-up of documents."""
        return Step(self, "retrieval", input, parent_id, name)

    @_misuse.forgiving
    def agent(self, input: Any = None, parent_id: Any = None, *, name: str | None = None) -> Step:
        """Start the work of an agent."""
        return Step(self, "agent", input, parent_id, name)

    @_misuse.forgiving
    def tool(self, input: Any = None, parent_id: Any = None, *, name: str | None = None) -> Step:
        """Start a call of a tool."""
        return Step(self, "tool", input, parent_id, name)

    @_misuse.forgiving
    def router(self, input: Any = None, parent_id: Any = None, *, name: str | None = None) -> Step:
        """Record a decision on which way to go. It is over at once; ``end`` may add its outcome."""
        return self._send("router", input, parent_id, name)

    @_misuse.forgiving
    def system(self, prompt: Any = None, parent_id: Any = None, *, input: Any = None, name: str | None = None) -> Step:
        """Record a system prompt."""
        return self._send("system", input if prompt is None else prompt, parent_id, name)

    @_misuse.forgiving
    def event(self, input: Any = None, parent_id: Any = None, *, name: str | None = None) -> Step:
        """Record something that happened."""
        return self._send("event", input, parent_id, name)

    @_misuse.forgiving
    def feedback(
        self,
        tag: FeedbackTag | str | None = None,
        text: str | None = None,
        parent_id: Any = None,
        *,
        feedback_tag: FeedbackTag | str | None = None,
        feedback_text: str | None = None,
    ) -> Step:
        """Record what the user thought of this step."""
        said = _feedback(feedback_tag if tag is None else tag, feedback_text if text is None else text)
        if not said:
            _misuse.warn("feedback() says nothing: give a tag or a text")
        return self._send("feedback", None, parent_id, None, said)

    @_misuse.forgiving
    def score(
        self,
        name: str,
        value: float | str | bool,
        comment: str | None = None,
        *,
        id: str | None = None,
        source: str = "api",
    ) -> Step:
        """Judge this step; of a trace, the trace as a whole.

        ``name`` is what is judged, e.g. ``correctness``; ``value`` a number, a category or other text, or a yes or no;
        ``comment`` the reasons; ``source`` who judges: ``user``, ``evaluator`` or ``api``. A later judgement of the
        same ``id`` replaces it. It travels with the steps and never waits for the server.
        """
        target, of = ("span", self.span_id) if isinstance(self, Step) else ("trace", None)
        return judge(self, target, of, name, value, comment, id, source)

    @_misuse.forgiving
    def send(
        self,
        event_type: EventType | str,
        input: Any = None,
        output: Any = None,
        latency: Any = None,
        start_timestamp: Any = None,
        end_timestamp: Any = None,
        parent_id: Any = None,
        *,
        name: str | None = None,
    ) -> Step:
        """Record a whole step that is over already.

        Times are datetimes, ISO text, or numbers of seconds or milliseconds since 1970; the latency is in milliseconds.
        """
        return self._send(
            text(event_type) or "event",
            input,
            parent_id,
            name,
            None,
            output,
            _read(nanoseconds, "start_timestamp", start_timestamp),
            _read(nanoseconds, "end_timestamp", end_timestamp),
            _read(milliseconds, "latency", latency),
        )

    def _send(
        self,
        kind: str,
        input: Any,
        parent_id: Any,
        name: Any,
        attributes: dict[str, Any] | None = None,
        output: Any = None,
        start: int | None = None,
        end: int | None = None,
        latency: int | None = None,
    ) -> Step:
        return Step(self, kind, input, parent_id, name, attributes, (output, start, end, latency))

    def _attach(self) -> Any:
        """Make this the parent of OpenTelemetry's spans; give what ends it, ``None`` where it cannot be one."""
        raise NotImplementedError

    def _ids(self) -> _otel.Ids:
        """Give the ids of the trace and of the step that OpenTelemetry's spans inside this belong to."""
        raise NotImplementedError

    def __copy__(self: _Self) -> _Self:
        """Give itself: there is one step, whoever holds it."""
        return self

    def __deepcopy__(self: _Self, memo: Any) -> _Self:
        """Give itself."""
        return self

    def __enter__(self: _Self) -> _Self:
        """Become current, for :func:`neuraltrust.current` and decorated functions, and give itself."""
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the block; an exception goes on its way."""
        self._leave(error)

    async def __aenter__(self: _Self) -> _Self:
        """Become current, and give itself."""
        self._enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the block; an exception goes on its way."""
        self._leave(error)

    def _enter(self) -> None:
        if isinstance(self, (Step, Trace)):
            self._push(enter(self))

    def _leave(self, error: BaseException | None) -> None:
        """Make current what was before."""
        if isinstance(self, (Step, Trace)) and (entered := self._pop()) is not None:
            leave(entered)


class Trace(_Context, _native.Trace):
    """One unit of work, often one turn of a conversation. Made by :meth:`NeuralTrust.trace`."""

    __slots__ = ("parent_id",)

    parent_id: str | None

    @_misuse.forgiving
    def end(self, output: Any = None) -> Trace:
        """End the newest message of the trace."""
        self._end(output)
        return self

    def _attach(self) -> Any:
        # A trace is no step; it may go on below one of another process.
        above = self._shared.meets_otel and self.parent_id is not None and _otel.is_span_id(self.parent_id)
        return _otel.attach(self._ids) if above else None

    def _ids(self) -> _otel.Ids:
        return _otel.Ids(self.interaction_id, self.parent_id or "")

    def __repr__(self) -> str:
        """Show the id."""
        return f"Trace(trace_id={self.trace_id!r}, conversation_id={self.conversation_id!r})"


class Step(_Context, _native.Step):
    """A step of a trace. Used with ``with``, it ends with the block, and fails with the block's exception."""

    __slots__ = ()

    def _leave(self, error: BaseException | None) -> None:
        super()._leave(error)
        # Who reads a stream may stop to: that is no failure of the step that gives it.
        if error is not None and not isinstance(error, GeneratorExit):
            self.end(error=error)
        elif not self.ended:
            self.end()

    def _attach(self) -> Any:
        return _otel.attach(self._ids) if self._shared.meets_otel else None

    def _ids(self) -> _otel.Ids:
        return _otel.Ids(self.interaction_id, self.span_id)

    def __repr__(self) -> str:
        """Show what it is, and its ids."""
        return f"Step(kind={self.kind!r}, trace_id={self.trace_id!r}, interaction_id={self.interaction_id!r})"


_SOURCES = ("user", "evaluator", "api")
_TAGS = tuple(tag.value for tag in FeedbackTag)


def judge(above: Any, target: str, of: str | None, name: Any, value: Any, comment: Any, id: Any, source: Any) -> Step:
    """Record a judgement, of the step ``of`` where it is one: a step below it, or in the trace that stands for it."""
    if isinstance(value, enum.Enum):
        value = value.value
    if not isinstance(value, (bool, int, float, str)):
        _misuse.warn("score(%s, %s): the verdict must be a number, a text, true or false", shown(name), shown(value))
        value = text(value) or ""
    if text(source) not in _SOURCES:
        _misuse.warn("score(source=%s): accepted are %s", shown(source), ", ".join(_SOURCES))
    said = {
        "neuraltrust.score.name": text(name) or "score",
        "neuraltrust.score.value": value,
        "neuraltrust.score.comment": text(comment),
        "neuraltrust.score.source": text(source),
        "neuraltrust.score.target": target,
        "neuraltrust.score.id": text(id),
    }
    said = {key: told for key, told in said.items() if told is not None}
    told = said.get("neuraltrust.score.id")
    # The same judgement of the same thing told again is the same step.
    own = None if told is None else _native.judgement_id(of, told)
    return Step(above, "evaluation", None, None, name, said, (None, None, None, None), own)


def span_inside(context: Step | Trace) -> str | None:
    """Give the span of OpenTelemetry that was made inside this and is running: a step from here belongs to it."""
    if current() is not context:
        return None
    span = _otel.current_span()
    return span.span_id if span is not None and span.trace_id == context.interaction_id else None


def ending(
    output: Any, error: Any, model: Any, counts: Any, cost: Any, finish_reason: Any, attributes: Any
) -> tuple[Any, tuple[str, str, str | None] | None, dict[str, Any] | None]:
    """Read what is said at the end of a step: its output, why it failed, and its attributes."""
    if isinstance(output, BaseException):
        output, error = None, output
    said = _said(model, counts, cost, attributes)
    said.update(_stopped(finish_reason))
    return output, None if error is None else failure(error), said


def parent_of(traceparent: Any) -> tuple[str | None, str | None, bool | None]:
    """Give the ids of the trace and of the step that a ``traceparent`` header names; none where it is none.

    The third is ``False`` where the header says that the trace is not recorded. That one is recorded upstream decides
    nothing here: the share that this process takes is its own.
    """
    return _native.parent_of(text(traceparent) or "")


def _stopped(reason: Any) -> dict[str, Any]:
    reasons = [text(one) for one in (reason if isinstance(reason, (list, tuple)) else [reason])]
    return {"gen_ai.response.finish_reasons": [one for one in reasons if one]} if any(reasons) else {}


def tagged(tag: Any) -> str:
    """Give the text of a tag, as it is sent; one that nobody counts is told."""
    known = (text(tag) or "").lower()
    if known and known not in _TAGS:
        _misuse.warn("feedback(%s): accepted are %s", shown(tag), ", ".join(_TAGS))
    return known


def _feedback(tag: Any, words: Any) -> dict[str, Any]:
    known = {"neuraltrust.feedback.tag": tagged(tag), "neuraltrust.feedback.text": text(words)}
    return {name: value for name, value in known.items() if value}


def _said(model: Any, counts: Any, cost: Any, attributes: Any) -> dict[str, Any]:
    said: dict[str, Any] = dict(attributes) if isinstance(attributes, dict) else {}
    if attributes is not None and not isinstance(attributes, dict):
        _misuse.warn("end(attributes=%s): it must be a dict of names and values", shown(attributes))
    if counts is not None:
        found = usage(counts)
        if not found and not (type(counts) is dict and not counts):
            known = ", ".join(names[0] for names in USAGE.values())
            _misuse.warn("end(usage=%s): it has none of %s", shown(counts), known)
        said.update(found)
    if model is not None:
        said["gen_ai.response.model"] = text(model)
    if isinstance(cost, (int, float)):
        said["neuraltrust.cost"] = cost
    elif cost is not None:
        _misuse.warn("end(cost=%s): it must be a number of US dollars", shown(cost))
    return said


def _read(read: Callable[[Any], int | None], name: str, given: Any) -> int | None:
    """Read a time; one that is none is told, and is as if it were not given."""
    found = read(given)
    if found is None and given is not None:
        _misuse.warn("send(%s=%s): it is no time, and is as if it were not given", name, shown(given))
    return found
