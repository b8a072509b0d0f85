"""Fixtures for pytest: ``pytest_plugins = ["neuraltrust.testing.fixtures"]`` in ``conftest.py``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import Recorder


@pytest.fixture
def neuraltrust_recorder() -> Iterator[Recorder]:
    """Give a recorder of the test's own; its client is closed with the test."""
    recorder = Recorder()
    yield recorder
    recorder.client.close()
