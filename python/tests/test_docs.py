"""The documentation names everything that there is."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path

import pytest

import neuraltrust
from neuraltrust import NeuralTrust, Step, Trace
from neuraltrust.testing import RecordedError, RecordedStep, Recorder

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sdk"
REFERENCE = (DOCS / "python.md").read_text()
#: Said of everything alike, or of names that only type checkers see.
UNSAID = {"self", "function", "args", "kwargs", "memo", "kind", "error", "trace"}


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def public(thing: type) -> dict[str, object]:
    return {name: getattr(thing, name) for name in dir(thing) if not name.startswith("_")}


@pytest.mark.parametrize("thing", [NeuralTrust, Trace, Step, Recorder])
def test_every_call_and_parameter_is_in_the_reference(thing: type) -> None:
    said = words(REFERENCE)
    for name, call in {"__init__": thing.__init__, **public(thing)}.items():
        if name != "__init__":
            assert name in said, f"{thing.__name__}.{name}"
        if callable(call):
            parameters = set(inspect.signature(call).parameters) - UNSAID
            assert parameters <= said, f"{thing.__name__}.{name}: {sorted(parameters - said)}"


def test_every_name_of_the_package_is_in_the_documentation() -> None:
    said = words(REFERENCE + (DOCS / "delivery.md").read_text())
    names = {name for name in neuraltrust.__all__ if not name.startswith("_")}
    fields = {*RecordedStep.__dataclass_fields__, *RecordedError.__dataclass_fields__}
    assert names | fields <= said | {"RecordedStep"}, sorted((names | fields) - said)


def test_every_setting_is_in_the_reference() -> None:
    package = Path(neuraltrust.__file__).parent
    settings = set(re.findall(r"NEURALTRUST_[A-Z_]+", "".join(path.read_text() for path in package.glob("*.py"))))
    assert len(settings) >= 10
    for guide in ("python.md", "rust.md"):
        assert settings <= words((DOCS / guide).read_text()), guide
    counts = NeuralTrust("k", spool=os.devnull).stats()
    assert {name.replace("dropped_", "") for name in counts} <= words((DOCS / "delivery.md").read_text())
