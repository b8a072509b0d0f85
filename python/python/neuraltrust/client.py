"""The client: where spans go, and that they get there before the process ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from . import _misuse, _native, _otel, _settings
from ._decorate import decorate
from ._evaluations import Evaluations
from ._exit import EXIT_TIMEOUT, keep
from ._misuse import shown
from ._values import text, truth
from .context import Step, Trace, _Shared, judge, parent_of, tagged
from .current import current
from .types import FeedbackTag

if TYPE_CHECKING:
    from .testing import Recorder

DEFAULT_BASE_URL = "http://127.0.0.1:6180"
DEFAULT_TIMEOUT = 10.0

_F = TypeVar("_F", bound=Callable[..., Any])


class NeuralTrust(Evaluations):
    """Records what an AI application does, and delivers it in the background.

    Calls never wait for the network and never raise into the application; what could not be delivered is counted in
    :meth:`stats` and logged to ``logging.getLogger("neuraltrust")``.
    """

    @_misuse.starting
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

        Never raises. Where an argument cannot be used, an error is logged with the line of the call, and nothing is
        recorded.
        """
        self._async = truth(async_client)
        self._api_key: str | None = _settings.first(api_key, "NEURALTRUST_API_KEY", None)
        self._base_url: str = _settings.first(base_url, "NEURALTRUST_BASE_URL", DEFAULT_BASE_URL)
        self._connect: Callable[[str | None, str], _native.Client] | None = None
        try:
            _settings.check("sdk_version", sdk_version, str)
            _settings.check("timeout", timeout, (int, float))
            _settings.check("max_workers", max_workers, int)
            _settings.above_zero("timeout", timeout)
            _settings.check("compression", compression, str)
            _settings.check("sample_rate", sample_rate, (int, float))
            _settings.check("spool", None if isinstance(spool, bool) else spool, (str, os.PathLike))
            _settings.check("spool_bytes", spool_bytes, int)
            _settings.check("redact", redact, Iterable)
            _settings.check("headers", headers, Mapping)
            _settings.check("proxy", proxy, str)
            _settings.check("ca_file", ca_file, (str, os.PathLike))
            disabled = _settings.is_off()
            kept = None if disabled else _settings.kept(recorder)
            said = (
                DEFAULT_TIMEOUT if timeout is None else float(timeout),
                os.environ.get("OTEL_SERVICE_NAME") or None,
                _settings.share(sample_rate),
                _settings.mask(mask),
                _settings.redact(redact),
                *_settings.room(spool, spool_bytes),
                _settings.headers(headers),
                proxy or os.environ.get("NEURALTRUST_PROXY") or None,
                _settings.path(ca_file),
                compression or os.environ.get("NEURALTRUST_COMPRESSION") or None,
                kept,
            )
        except Exception as error:
            # A wrong setting must not keep the application from starting.
            self._record_nothing(error)
            return

        def connect(key: str | None, base_url: str) -> _native.Client:
            _settings.check("api_key", key, str)
            _settings.check("base_url", base_url, str)
            self._enabled = not disabled and (key is not None or kept is not None)
            if key is None and kept is None and not disabled:
                _misuse.warn("nothing is recorded: there is no API key; pass api_key=... or set NEURALTRUST_API_KEY")
            return _native.Client(None if disabled else key, base_url, *said)

        self._connect = connect
        self._open()

    def _open(self) -> None:
        try:
            if self._connect is None:
                raise _native.NeuralTrustError("the client could not be set up")
            self._native = self._connect(self._api_key, self._base_url)
            keep(self, self._native)
        except Exception as error:
            self._record_nothing(error)

    def _record_nothing(self, error: Exception) -> None:
        """Be a client that can be called like any other."""
        _misuse.nothing_is_recorded(error)
        # The call may have failed before anything was set.
        nothing = {"_async": False, "_api_key": None, "_base_url": DEFAULT_BASE_URL, "_connect": None}
        self.__dict__.update({**nothing, **self.__dict__})
        self._enabled = False
        self._native = _native.Client(
            None, DEFAULT_BASE_URL, DEFAULT_TIMEOUT, None, 1.0, None, [], "off", None, [], None, None, None, None
        )
        keep(self, self._native)

    @property
    def api_key(self) -> str | None:
        """The key. Traces that begin after another one is set are recorded with that."""
        return self._api_key

    @api_key.setter
    def api_key(self, key: str | None) -> None:
        self._api_key = key
        self._open()

    @property
    def base_url(self) -> str:
        """Where the server is. Traces that begin after another address is set go there."""
        return self._base_url

    @base_url.setter
    def base_url(self, base_url: str | None) -> None:
        self._base_url = _settings.first(base_url, "NEURALTRUST_BASE_URL", DEFAULT_BASE_URL)
        self._open()

    @_misuse.forgiving
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
        sampled = recorded if sampled is None else truth(sampled)
        ids = (conversation, session, channel)
        made = Trace(self._native, trace, parent, sampled, *ids, user, metadata, custom)
        made.parent_id = parent
        recorded = made._sampled and self._enabled
        made._share(_Shared(made.trace_id, made._sampled, recorded, *ids, user, metadata, custom))
        return made

    @_misuse.forgiving
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
            _misuse.warn(
                "score(%s): give trace_id and span_id, trace_id, or conversation_id; nothing is judged", shown(name)
            )
            return judge(self.trace(sampled=False), "trace", None, name, value, comment, id, source)
        if conversation is not None:
            # One trace for all judgements of the conversation.
            above = self.trace(_native.judgements_of(conversation), conversation, sampled=True)
            return judge(above, "conversation", None, name, value, comment, id, source)
        above = self.trace(trace, parent_id=span)
        return judge(above, "trace" if span is None else "span", span, name, value, comment, id, source)

    @_misuse.forgiving
    def feedback(
        self,
        tag: FeedbackTag | str | None = None,
        text: str | None = None,
        *,
        trace_id: Any = None,
        span_id: Any = None,
        conversation_id: Any = None,
        id: str | None = None,
    ) -> Step:
        """Record what the user thought, later, of what is named as in :meth:`score`, with an ``id`` as there."""
        given: Any = tagged(tag) or "neutral"
        ids = {"trace_id": trace_id, "span_id": span_id, "conversation_id": conversation_id, "id": id}
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

    @_misuse.forgiving
    def flush(self, timeout: float = 10.0) -> Any:
        """Wait until all that was recorded is delivered, kept on disk, or dropped and counted.

        False when the time is over first. A client with ``async_client=True`` does not wait on an event loop: there it
        gives what says so when it is awaited.
        """
        seconds = _seconds(timeout)
        return self._wait(lambda: self._native.flush(seconds))

    @_misuse.forgiving
    def close(self, timeout: float = EXIT_TIMEOUT) -> Any:
        """Record nothing more, and wait as :meth:`flush` does."""
        seconds = _seconds(timeout)
        return self._wait(lambda: self._native.close(seconds))

    @_misuse.forgiving
    async def aflush(self, timeout: float = 10.0) -> bool:
        """Flush without holding up the event loop."""
        seconds = _seconds(timeout)
        return await _aside(lambda: self._native.flush(seconds))

    @_misuse.forgiving
    async def aclose(self, timeout: float = EXIT_TIMEOUT) -> bool:
        """Close without holding up the event loop."""
        seconds = _seconds(timeout)
        return await _aside(lambda: self._native.close(seconds))

    def _wait(self, wait: Callable[[], bool]) -> bool | Awaitable[bool]:
        return _aside(wait) if self._async and _on_event_loop() else wait()

    @_misuse.forgiving
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

    def __copy__(self) -> NeuralTrust:
        """Give itself: what holds a client may be copied."""
        return self

    def __deepcopy__(self, memo: Any) -> NeuralTrust:
        """Give itself."""
        return self

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
    @_misuse.forgiving
    def message(self, function: Any = None, *, name: str | None = None) -> Any:
        """Make every call of the decorated function a turn, below the current step or in a trace of its own."""
        return self._decorator("message", function, _named(name))

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
    @_misuse.forgiving
    def generation(
        self, function: Any = None, *, name: str | None = None, model: str | None = None, provider: str | None = None
    ) -> Any:
        """Make every call of the decorated function a call of a language model, as :meth:`message` makes a turn."""
        return self._decorator("generation", function, {"model": model, "provider": provider, **_named(name)})

    @overload
    def retrieval(self, function: _F) -> _F: ...
    @overload
    def retrieval(self, function: None = None, *, name: str | None = None) -> Callable[[_F], _F]: ...
    @_misuse.forgiving
    def retrieval(self, function: Any = None, *, name: str | None = None) -> Any:
        """Make every call of the decorated function a look-up of documents, as :meth:`message` makes a turn."""
        return self._decorator("retrieval", function, _named(name))

    @overload
    def agent(self, function: _F) -> _F: ...
    @overload
    def agent(self, function: None = None, *, name: str | None = None) -> Callable[[_F], _F]: ...
    @_misuse.forgiving
    def agent(self, function: Any = None, *, name: str | None = None) -> Any:
        """Make every call of the decorated function the work of an agent, as :meth:`message` makes a turn."""
        return self._decorator("agent", function, _named(name))

    @overload
    def tool(self, function: _F) -> _F: ...
    @overload
    def tool(self, function: None = None, *, name: str | None = None) -> Callable[[_F], _F]: ...
    @_misuse.forgiving
    def tool(self, function: Any = None, *, name: str | None = None) -> Any:
        """Make every call of the decorated function a call of a tool, as :meth:`message` makes a turn."""
        return self._decorator("tool", function, _named(name))

    def _decorator(self, kind: str, function: Any, options: dict[str, Any]) -> Any:
        if function is not None and not callable(function):
            _misuse.warn(
                "client.%s(%s) makes functions steps: write @client.%s, or @client.%s(name=...); "
                "a step is started by client.trace().%s(...)",
                *(kind, shown(function), kind, kind, kind),
            )
            options, function = {**options, "name": text(function)}, None

        def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
            named = {"name": getattr(function, "__name__", None), **options}

            def begin(input: Any) -> Step:
                above = current() or self.trace()
                return cast("Step", getattr(above, kind)(input, **named))

            return decorate(function, begin)

        return wrap if function is None else wrap(function)


def _named(name: Any) -> dict[str, Any]:
    return {"name": known} if (known := text(name)) else {}


def _seconds(timeout: Any) -> float:
    try:
        return float(timeout)
    except Exception:
        _misuse.warn("%s is no number of seconds: it is not waited for", shown(timeout))
        return 0.0


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _aside(wait: Callable[[], bool]) -> Awaitable[bool]:
    return asyncio.get_running_loop().run_in_executor(None, wait)


class _Executor:
    """Stands for the thread pool of earlier versions."""

    def __init__(self, client: NeuralTrust) -> None:
        self._client = client

    def shutdown(self, wait: bool = True) -> None:
        """Wait for delivery."""
        if wait:
            self._client._native.flush(10.0)
