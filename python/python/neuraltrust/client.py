"""The client: where spans go, and that they get there before the process ends."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
import time
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from . import _native, _otel
from ._decorate import decorate
from ._values import text
from .context import Step, Trace, _Shared, digest, judge, parent_of
from .current import current
from .types import FeedbackTag

if TYPE_CHECKING:
    from .testing import Recorder

DEFAULT_BASE_URL = "http://127.0.0.1:6180"
DEFAULT_TIMEOUT = 10.0
#: How long the end of the process waits for delivery, in seconds.
EXIT_TIMEOUT = 5.0

_logger = logging.getLogger("neuraltrust")
_F = TypeVar("_F", bound=Callable[..., Any])


class NeuralTrust:
    """Records what an AI application does, and delivers it in the background.

    Calls never wait for the network and never raise into the application; what could not be delivered is counted in
    :meth:`stats` and logged to ``logging.getLogger("neuraltrust")``.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        sdk_version: str | None = None,
        timeout: float | None = None,
        max_workers: int | None = None,
        async_client: bool = False,
        *,
        sample_rate: float | None = None,
        mask: Callable[[Any], Any] | None = None,
        redact: Iterable[str] | None = None,
        spool: str | os.PathLike[str] | bool | None = None,
        spool_bytes: int | None = None,
        headers: Mapping[str, str] | None = None,
        proxy: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        compression: str | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """Set up a client; nothing is sent yet.

        Without ``api_key``, ``NEURALTRUST_API_KEY`` is used; where there is none, a warning is logged and nothing is
        recorded. Without ``base_url``, ``NEURALTRUST_BASE_URL``, then ``http://127.0.0.1:6180``. ``timeout`` is that
        of one request, in seconds. ``sample_rate``, else ``NEURALTRUST_SAMPLE_RATE``, is the share of traces to record,
        from 0 to 1.

        ``mask`` is called with every input, output, piece of metadata (user and custom data included), attribute and
        message of an error, as plain dicts, lists, texts and numbers, and gives what is sent instead. It runs on the
        thread that delivers; where it raises, a mark is sent and counted as ``mask_failed``. ``redact``, else
        ``NEURALTRUST_REDACT`` with commas, names what is then replaced by marks wherever it is found: ``api_keys``,
        ``emails``, ``cards``, ``phones``. Ids, names and models are sent as they are.

        What cannot be delivered at once waits on disk, masked and compressed, and is delivered when the server is
        back, by this process or the next. ``spool``, else ``NEURALTRUST_SPOOL``, is the folder, or ``False`` (``off``)
        to keep it in memory only; without either it is ``~/.local/state/neuraltrust``. ``spool_bytes``, else
        ``NEURALTRUST_SPOOL_BYTES``, is how much may wait there, 256 MiB if nothing is said.

        ``headers``, else ``NEURALTRUST_HEADERS`` (``name=value``, with commas), are sent with every request. ``proxy``,
        else ``NEURALTRUST_PROXY``, is one to send through; without it ``HTTPS_PROXY`` and its like are heard.
        ``ca_file``, else ``NEURALTRUST_CA_FILE``, is a file of PEM certificates that the server's is checked with, in
        the place of those of public authorities.

        ``compression``, else ``NEURALTRUST_COMPRESSION``, is ``gzip`` for a relay that takes nothing else, or ``zstd``,
        as without it.

        ``recorder``, of :mod:`neuraltrust.testing`, keeps in memory what would have been sent; nothing leaves the
        process, and no key is needed.

        With ``async_client=True``, :meth:`flush` and :meth:`close` are awaited on an event loop, and take none of its
        time; :meth:`aflush` and :meth:`aclose` are so for every client. ``sdk_version`` and ``max_workers`` are
        accepted from code written for earlier versions: one thread delivers, always in the background.
        ``NEURALTRUST_DISABLED=true`` switches everything off, whatever else is set.

        Raises ``TypeError`` for an argument of a wrong type, and nothing else.
        """
        _check("api_key", api_key, str)
        _check("base_url", base_url, str)
        _check("sdk_version", sdk_version, str)
        _check("timeout", timeout, (int, float))
        _check("max_workers", max_workers, int)
        _check("compression", compression, str)
        _check("sample_rate", sample_rate, (int, float))
        self._async = bool(async_client)
        if mask is not None and not callable(mask):
            raise TypeError(f"mask is {type(mask).__name__}; accepted is a function or None")
        found = os.environ.get("NEURALTRUST_REDACT", "").split(",") if redact is None else redact
        names = [found] if isinstance(found, str) else [str(name) for name in found if name]
        self.api_key = api_key or os.environ.get("NEURALTRUST_API_KEY") or None
        self.base_url = base_url or os.environ.get("NEURALTRUST_BASE_URL") or DEFAULT_BASE_URL
        seconds = DEFAULT_TIMEOUT if timeout is None else float(timeout)
        service = os.environ.get("OTEL_SERVICE_NAME") or None
        disabled = os.environ.get("NEURALTRUST_DISABLED", "").strip().lower() in ("1", "true", "yes", "on")
        key = None if disabled else self.api_key
        packed = compression or os.environ.get("NEURALTRUST_COMPRESSION") or None
        kept = None if disabled or recorder is None else recorder._native
        self._enabled = key is not None or kept is not None
        folder, size = _room(spool, spool_bytes)
        said, ca = _headers(headers), _path(ca_file)
        proxy = proxy or os.environ.get("NEURALTRUST_PROXY") or None
        try:
            share = _share(sample_rate)
            self._native = _native.Client(
                key, self.base_url, seconds, service, share, mask, names, folder, size, said, proxy, ca, packed, kept
            )
            if self.api_key is None and kept is None and not disabled:
                _logger.warning("nothing is recorded: there is no API key; pass api_key=... or set NEURALTRUST_API_KEY")
        except _native.NeuralTrustError as error:
            # A wrong setting must not keep the application from starting.
            _logger.error("nothing is recorded: %s", error)
            self._enabled = False
            self._native = _native.Client(
                None, DEFAULT_BASE_URL, seconds, service, 1.0, None, [], "off", None, [], None, None, None, None
            )
        _keep(self)

    def trace(
        self,
        trace_id: Any = None,
        conversation_id: Any = None,
        session_id: Any = None,
        channel_id: Any = None,
        user: Any = None,
        metadata: Any = None,
        custom: Any = None,
        *,
        parent_id: Any = None,
        traceparent: Any = None,
        sampled: bool | None = None,
    ) -> Trace:
        """Start a trace: one unit of work, often one turn of a conversation.

        ``trace_id`` is an id of the application's own choice for the whole trace. ``parent_id`` is a step of another
        process that the trace goes on with. ``traceparent`` is a W3C header that says both; the two ids win over it,
        and a header that is none is as if it were not given. Where the header says that its trace is not recorded, this
        one is not either. ``sampled`` says whether to record the trace, whatever the header and ``sample_rate`` say.

        Where none of them says where the trace belongs and a span of OpenTelemetry is current, the trace goes on below
        it.
        """
        conversation, session, channel = text(conversation_id), text(session_id), text(channel_id)
        trace, parent, recorded = parent_of(traceparent)
        trace, parent = text(trace_id) or trace, text(parent_id) or parent
        if trace is None and parent is None and (span := _otel.current_span()) is not None:
            trace, parent = span
        sampled = recorded if sampled is None else bool(sampled)
        ids = (conversation, session, channel)
        made = Trace(self._native, trace, parent, sampled, *ids, user, metadata, custom)
        made.parent_id = parent
        recorded = made._sampled and self._enabled
        made._share(_Shared(made.trace_id, made._sampled, recorded, *ids, user, metadata, custom))
        return made

    def score(
        self,
        name: str,
        value: float | str | bool,
        comment: str | None = None,
        *,
        trace_id: Any = None,
        span_id: Any = None,
        conversation_id: Any = None,
        id: str | None = None,
        source: str = "api",
    ) -> Step:
        """Judge what was recorded before, by this process or another.

        ``trace_id`` and ``span_id`` name a step (its ``interaction_id`` and ``span_id``), ``trace_id`` alone a trace,
        and ``conversation_id`` alone a conversation. The rest is said as in :meth:`Step.score`.
        """
        conversation, trace, span = text(conversation_id), text(trace_id), text(span_id)
        if (trace is None) == (conversation is None) or (conversation is not None and span is not None):
            _logger.warning(
                "score(%r): give trace_id and span_id, trace_id, or conversation_id; nothing is judged", name
            )
            return judge(self.trace(sampled=False), "trace", None, name, value, comment, id, source)
        if conversation is not None:
            # One trace for all judgements of the conversation.
            above = self.trace(f"judgements-{digest(conversation)}", conversation, sampled=True)
            return judge(above, "conversation", None, name, value, comment, id, source)
        above = self.trace(trace, parent_id=span)
        return judge(above, "trace" if span is None else "span", span, name, value, comment, id, source)

    def feedback(
        self,
        tag: FeedbackTag | str | None = None,
        text: str | None = None,
        *,
        trace_id: Any = None,
        span_id: Any = None,
        conversation_id: Any = None,
    ) -> Step:
        """Record what the user thought, later, of what is named as in :meth:`score`."""
        given: Any = tag or "neutral"
        ids = {"trace_id": trace_id, "span_id": span_id, "conversation_id": conversation_id}
        return self.score("feedback", given, text, source="user", **ids)

    def instrument(self, *libraries: str) -> list[str]:
        """Make the calls of libraries steps.

        They are ``openai``, ``anthropic``, ``langchain``, ``llama_index`` and ``openai_agents``; without names, all
        whose OpenInference instrumentation is installed (``pip install openinference-instrumentation-openai``, ...).
        Their spans are below the current step, and masked, redacted, delivered and counted like any other. Gives the
        names of what is instrumented; never raises.
        """
        from ._instrument import instrument

        return instrument(self, libraries)

    def flush(self, timeout: float = 10.0) -> Any:
        """Wait until all that was recorded is delivered, kept on disk, or dropped and counted.

        False when the time is over first. A client with ``async_client=True`` does not wait on an event loop: there it
        gives what says so when it is awaited.
        """
        return self._wait(lambda: self._native.flush(timeout))

    def close(self, timeout: float = EXIT_TIMEOUT) -> Any:
        """Record nothing more, and wait as :meth:`flush` does."""
        return self._wait(lambda: self._native.close(timeout))

    async def aflush(self, timeout: float = 10.0) -> bool:
        """Flush without holding up the event loop."""
        return await _aside(lambda: self._native.flush(timeout))

    async def aclose(self, timeout: float = EXIT_TIMEOUT) -> bool:
        """Close without holding up the event loop."""
        return await _aside(lambda: self._native.close(timeout))

    def _wait(self, wait: Callable[[], bool]) -> bool | Awaitable[bool]:
        return _aside(wait) if self._async and _on_event_loop() else wait()

    def stats(self) -> dict[str, int]:
        """Say what became of all that was recorded in this process.

        ``recorded`` starts and ends of steps, and spans ``adopted`` from ended processes, are ``merged``, ``sent``,
        ``rejected``, ``dropped``, ``pending`` in memory or ``spooled`` on disk.
        """
        return self._native.stats()

    @property
    def trace_executor(self) -> _Executor:
        """What earlier versions delivered with; ``trace_executor.shutdown()`` waits for delivery, as it did."""
        return _Executor(self)

    def __enter__(self) -> NeuralTrust:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._native.close(EXIT_TIMEOUT)

    async def __aenter__(self) -> NeuralTrust:
        """Give itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close without holding up the event loop."""
        await self.aclose()

    @overload
    def message(self, function: _F) -> _F: ...
    @overload
    def message(self, function: None = None, *, name: str | None = None) -> Callable[[_F], _F]: ...
    def message(self, function: Any = None, *, name: str | None = None) -> Any:
        """Make every call of the decorated function a turn, below the current step or in a trace of its own."""
        return self._decorator("message", function, {"name": name} if name else {})

    @overload
    def generation(self, function: _F) -> _F: ...
    @overload
    def generation(
        self,
        function: None = None,
        *,
        name: str | None = None,
        model: str | None = None,
        provider: str | None = None,
    ) -> Callable[[_F], _F]: ...
    def generation(
        self, function: Any = None, *, name: str | None = None, model: str | None = None, provider: str | None = None
    ) -> Any:
        """Make every call of the decorated function a call of a language model, as :meth:`message` makes a turn."""
        return self._decorator(
            "generation", function, {"model": model, "provider": provider, **({"name": name} if name else {})}
        )

    @overload
    def retrieval(self, function: _F) -> _F: ...
    @overload
    def retrieval(self, function: None = None, *, name: str | None = None) -> Callable[[_F], _F]: ...
    def retrieval(self, function: Any = None, *, name: str | None = None) -> Any:
        """Make every call of the decorated function a look-up of documents, as :meth:`message` makes a turn."""
        return self._decorator("retrieval", function, {"name": name} if name else {})

    @overload
    def agent(self, function: _F) -> _F: ...
    @overload
    def agent(self, function: None = None, *, name: str | None = None) -> Callable[[_F], _F]: ...
    def agent(self, function: Any = None, *, name: str | None = None) -> Any:
        """Make every call of the decorated function the work of an agent, as :meth:`message` makes a turn."""
        return self._decorator("agent", function, {"name": name} if name else {})

    @overload
    def tool(self, function: _F) -> _F: ...
    @overload
    def tool(self, function: None = None, *, name: str | None = None) -> Callable[[_F], _F]: ...
    def tool(self, function: Any = None, *, name: str | None = None) -> Any:
        """Make every call of the decorated function a call of a tool, as :meth:`message` makes a turn."""
        return self._decorator("tool", function, {"name": name} if name else {})

    def _decorator(self, kind: str, function: Any, options: dict[str, Any]) -> Any:
        def begin(input: Any) -> Step:
            above = current() or self.trace()
            return cast("Step", getattr(above, kind)(input, **options))

        def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
            options.setdefault("name", getattr(function, "__name__", None))
            return decorate(function, begin)

        return wrap if function is None else wrap(function)


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _aside(wait: Callable[[], bool]) -> Awaitable[bool]:
    return asyncio.get_running_loop().run_in_executor(None, wait)


def _share(given: float | None) -> float:
    if given is not None:
        return float(given)
    setting = os.environ.get("NEURALTRUST_SAMPLE_RATE") or "1"
    try:
        return float(setting)
    except ValueError:
        raise _native.NeuralTrustError(f"NEURALTRUST_SAMPLE_RATE {setting!r} is no number from 0 to 1") from None


def _room(folder: str | os.PathLike[str] | bool | None, size: int | None) -> tuple[str, int | None]:
    """Give the folder of the spool as the native half takes it, and its size."""
    found = os.environ.get("NEURALTRUST_SPOOL", "") if folder is None or folder is True else folder
    name = "off" if found is False or str(found).strip().lower() == "off" else os.fspath(cast("Any", found))
    if size is None:
        setting = os.environ.get("NEURALTRUST_SPOOL_BYTES", "").strip()
        if setting and not setting.isdecimal():
            _logger.warning("NEURALTRUST_SPOOL_BYTES %r is no number of bytes: it is not heard", setting)
        size = int(setting) if setting.isdecimal() else None
    return name, None if size is None else max(0, min(size, 2**63 - 1))


def _headers(given: Mapping[str, str] | None) -> list[tuple[str, str]]:
    if given is not None:
        return [(str(name), str(value)) for name, value in given.items()]
    pairs = (pair.partition("=") for pair in os.environ.get("NEURALTRUST_HEADERS", "").split(",") if pair.strip())
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _path(given: str | os.PathLike[str] | None) -> str | None:
    return os.fspath(given or os.environ.get("NEURALTRUST_CA_FILE") or "") or None


class _Executor:
    """Stands for the thread pool of earlier versions."""

    def __init__(self, client: NeuralTrust) -> None:
        self._client = client

    def shutdown(self, wait: bool = True) -> None:
        """Wait for delivery."""
        if wait:
            self._client._native.flush(10.0)


def _check(name: str, value: object, accepted: type | tuple[type, ...]) -> None:
    if value is not None and (not isinstance(value, accepted) or isinstance(value, bool)):
        raise TypeError(f"{name} is {type(value).__name__}; accepted is {_names(accepted)} or None")


def _names(accepted: type | tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in (accepted if isinstance(accepted, tuple) else (accepted,)))


# The native half of every client whose spans may still wait, so that a client that goes out of sight does not take them
# with it, nor make the garbage collector wait for their delivery.
_kept: list[tuple[weakref.ref[NeuralTrust], _native.Client]] = []


def _keep(client: NeuralTrust) -> None:
    # Replaced, not changed: another thread may be going through it.
    _kept[:] = [(ref, native) for ref, native in list(_kept) if ref() is not None or native.stats()["pending"]]
    _kept.append((weakref.ref(client), client._native))
    _at_exit_of_workers()


def _close_all() -> None:
    deadline = time.monotonic() + EXIT_TIMEOUT
    for _, native in list(_kept):
        native.close(max(0.0, deadline - time.monotonic()))


def _flush_all() -> None:
    deadline = time.monotonic() + EXIT_TIMEOUT
    for _, native in list(_kept):
        native.flush(max(0.0, deadline - time.monotonic()))


class _Anchor:
    """What multiprocessing holds on to; it holds weakly."""


_anchor = _Anchor()
_anchored = False
_finalized_in: int | None = None


def _at_exit_of_workers() -> None:
    """Flush at the end of a worker process of ``multiprocessing``, which does not run ``atexit``.

    Called wherever a process may turn out to be such a worker: when a client is made, and after a fork.
    """
    global _anchored
    util = sys.modules.get("multiprocessing.util")
    if util is None:
        return
    if not _anchored:
        # A worker forgets all finalizers as it begins, and then calls what was registered so.
        _anchored = True
        util.register_after_fork(_anchor, _finalize)
    if _finalized_in != os.getpid():
        _finalize(_anchor)


def _finalize(_: object) -> None:
    global _finalized_in
    _finalized_in = os.getpid()
    sys.modules["multiprocessing.util"].Finalize(None, _flush_all, exitpriority=0)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_at_exit_of_workers)
