"""Whatever an application gives to whichever call, nothing is raised."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

import pytest

from neuraltrust import Metadata, NeuralTrust, Step, Trace, User, carry
from neuraltrust.testing import Recorder
from test_values import Hostile


class Worse(Hostile):
    def _no(self, *_: Any) -> Any:
        raise RuntimeError("no")

    __bool__ = __len__ = __iter__ = __float__ = __int__ = __index__ = _no
    __eq__ = _no
    __hash__ = _no  # type: ignore[assignment]


VALUES: dict[str, Any] = {
    "worse": Worse(),
    "none": None,
    "number": 7,
    "large": 10**400,
    "nan": float("nan"),
    "text": "x",
    "half": "\ud800",
    "bytes": b"x",
    "list": [],
    "dict": {},
    "class": Hostile,
    "function": lambda: 1,
    "ellipsis": ...,
}
#: Arguments without which a call says nothing at all.
NEEDED = {"name": "n", "value": 1, "event_type": "tool", "conversation_id": "c"}


def calls(thing: object, kind: type) -> list[tuple[str, Callable[..., Any]]]:
    names = [name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))]
    return [(name, getattr(thing, name)) for name in names if name not in ("aflush", "aclose", "close")]


@pytest.mark.parametrize("name", VALUES)
def test_no_argument_makes_a_call_raise(name: str, caplog: pytest.LogCaptureFixture) -> None:
    value = VALUES[name]
    caplog.set_level(logging.CRITICAL)
    client = Recorder().client
    trace = client.trace()
    made = 0
    for thing, kind in ((client, NeuralTrust), (trace, Trace), (trace.message("x"), Step)):
        for method, call in calls(thing, kind):
            parameters = [*inspect.signature(call).parameters.values()]
            lacking = [one.name for one in parameters if one.default is one.empty]
            needed = {one: NEEDED[one] for one in lacking if one in NEEDED}
            for one in parameters:
                if one.kind is not one.VAR_POSITIONAL and (method, name) not in WAITS:
                    call(**{**needed, one.name: value})
                    made += 1
            if method not in ("flush", "instrument"):
                call(value)
                call(value, value, value, value, value, value, value, value, unknown=value)
    assert made > 100, "most calls take something"
    client.instrument(value)
    carry(value)
    for one in (User, Metadata):
        named = one(value, anything=value)
        assert name == "worse" or type(named).__name__ in repr(named)


#: A number is a time to wait.
WAITS = {("flush", "number"), ("flush", "large")}


@pytest.mark.parametrize("name", VALUES)
def test_no_argument_makes_the_making_of_a_client_raise(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    for parameter in inspect.signature(NeuralTrust).parameters:
        given = {"api_key": "k", "base_url": "http://127.0.0.1:9", "spool": False, parameter: VALUES[name]}
        client = NeuralTrust(**given)
        client.trace(sampled=False).message("x").end("y")
        client.api_key = VALUES[name]
        client.base_url = VALUES[name]
