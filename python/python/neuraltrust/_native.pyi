from collections.abc import Callable
from typing import Any, final

__all__ = ["Client", "NeuralTrustError", "Step", "Trace", "__version__"]

__version__: str

class NeuralTrustError(Exception): ...

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
    ) -> Client: ...
    def trace(
        self,
        trace_id: str | None,
        parent_id: str | None,
        sampled: bool | None,
        conversation_id: str | None,
        session_id: str | None,
        channel_id: str | None,
        user: Any,
        metadata: Any,
        custom: Any,
    ) -> Trace: ...
    def flush(self, timeout: float) -> bool: ...
    def close(self, timeout: float) -> bool: ...
    def stats(self) -> dict[str, int]: ...

@final
class Trace:
    @property
    def id(self) -> str: ...
    @property
    def sampled(self) -> bool: ...
    def step(
        self, kind: str, input: Any, parent_id: str | None, name: str | None, attributes: dict[str, Any] | None
    ) -> Step: ...
    def send(
        self,
        kind: str,
        input: Any,
        parent_id: str | None,
        name: str | None,
        attributes: dict[str, Any] | None,
        output: Any,
        start: int | None,
        end: int | None,
        latency: int | None,
    ) -> Step: ...
    def record(
        self,
        kind: str,
        id: str,
        name: str,
        start: int | None,
        attributes: dict[str, Any],
        error: tuple[str, str, str | None] | None,
    ) -> None: ...
    def end(self, output: Any) -> None: ...

@final
class Step:
    @property
    def id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...
    @property
    def ended(self) -> bool: ...
    def step(
        self, kind: str, input: Any, parent_id: str | None, name: str | None, attributes: dict[str, Any] | None
    ) -> Step: ...
    def send(
        self,
        kind: str,
        input: Any,
        parent_id: str | None,
        name: str | None,
        attributes: dict[str, Any] | None,
        output: Any,
        start: int | None,
        end: int | None,
        latency: int | None,
    ) -> Step: ...
    def end(
        self, output: Any, error: tuple[str, str, str | None] | None, attributes: dict[str, Any] | None
    ) -> None: ...
