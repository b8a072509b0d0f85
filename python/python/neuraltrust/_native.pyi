from collections.abc import Callable
from typing import Any, final

from typing_extensions import Self, disjoint_base

__all__ = [
    "Client",
    "NeuralTrustError",
    "Recorder",
    "Step",
    "Trace",
    "__version__",
    "judgement_id",
    "judgements_of",
    "parent_of",
]

__version__: str

class NeuralTrustError(Exception): ...

def judgements_of(conversation_id: str) -> str: ...
def judgement_id(span_id: str | None, id: str) -> str: ...
def parent_of(traceparent: str) -> tuple[str | None, str | None, bool | None]: ...

@final
class Client:
    def __new__(
        cls,
        api_key: str | None,
        base_url: str,
        timeout: float,
        service_name: str | None,
        sample_rate: float,
        mask: Callable[[Any], Any] | None,
        redact: list[str],
        spool: str,
        spool_bytes: int | None,
        headers: list[tuple[str, str]],
        proxy: str | None,
        ca_file: str | None,
        compression: str | None,
        recorder: Recorder | None,
    ) -> Client: ...
    def flush(self, timeout: float) -> bool: ...
    def close(self, timeout: float) -> bool: ...
    def _is_idle(self) -> bool: ...
    def stats(self) -> dict[str, int]: ...

@disjoint_base
class Trace:
    def __new__(
        cls,
        client: Client,
        trace_id: str | None,
        parent_id: str | None,
        sampled: bool | None,
        conversation_id: str | None,
        session_id: str | None,
        channel_id: str | None,
        user: Any,
        metadata: Any,
        custom: Any,
    ) -> Self: ...
    @property
    def trace_id(self) -> str: ...
    @property
    def _sampled(self) -> bool: ...
    @property
    def _shared(self) -> Any: ...
    def _share(self, shared: Any) -> None: ...
    def _push(self, block: Any) -> None: ...
    def _pop(self) -> Any: ...
    def _record(
        self,
        kind: str,
        id: str,
        name: str,
        start: int | None,
        attributes: dict[str, Any],
        error: tuple[str, str, str | None] | None,
    ) -> None: ...
    def _end(self, output: Any) -> None: ...

@disjoint_base
class Step:
    def __new__(
        cls,
        above: Any,
        kind: str,
        input: Any,
        parent_id: Any = None,
        name: Any = None,
        attributes: dict[str, Any] | None = None,
        over: tuple[Any, int | None, int | None, int | None] | None = None,
        id: str | None = None,
    ) -> Self: ...
    @property
    def kind(self) -> str: ...
    @property
    def trace_id(self) -> str: ...
    @property
    def span_id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...
    @property
    def ended(self) -> bool: ...
    @property
    def traceparent(self) -> str | None: ...
    @property
    def _shared(self) -> Any: ...
    def _push(self, block: Any) -> None: ...
    def _pop(self) -> Any: ...
    def first_token(self) -> Self: ...
    def end(
        self,
        output: Any = None,
        *,
        error: BaseException | str | None = None,
        model: str | None = None,
        usage: Any = None,
        cost: float | None = None,
        finish_reason: Any = None,
        attributes: dict[str, Any] | None = None,
    ) -> Self: ...

@final
class Recorder:
    def __new__(cls) -> Recorder: ...
    def steps(self, client: Client) -> list[dict[str, Any]]: ...
    def tree(self, client: Client) -> str: ...
    def clear(self, client: Client) -> None: ...
