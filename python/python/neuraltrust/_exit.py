"""What a process still does for its clients before it ends, however it ends in order."""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from typing import TYPE_CHECKING

from . import _misuse, _native

if TYPE_CHECKING:
    from .client import NeuralTrust

#: How long the end of the process waits for delivery, in seconds.
EXIT_TIMEOUT = 5.0

# The native half of every client, so that one that goes out of sight does not take what waits with it, nor make whoever
# drops the last of its steps wait for their delivery.
_kept: list[tuple[weakref.ref[NeuralTrust], _native.Client]] = []


def keep(client: NeuralTrust, native: _native.Client) -> None:
    """Remember a client until nothing of it waits."""
    # Replaced, not changed: another thread may be going through it.
    _kept[:] = [(ref, one) for ref, one in list(_kept) if ref() is not None or not one._is_idle()]
    _kept.append((weakref.ref(client), native))
    at_exit_of_workers()


def flush_all(*_said: object, **_told: object) -> None:
    """Wait for delivery; the clients go on."""
    deadline = time.monotonic() + EXIT_TIMEOUT
    for _, native in list(_kept):
        native.flush(max(0.0, deadline - time.monotonic()))


def _close_all() -> None:
    _misuse.leave()
    deadline = time.monotonic() + EXIT_TIMEOUT
    for _, native in list(_kept):
        native.close(max(0.0, deadline - time.monotonic()))


class _Anchor:
    """What multiprocessing holds on to; it holds weakly."""


_anchor = _Anchor()
_anchored = False
_finalized_in: int | None = None
_heard_by_celery = False


def at_exit_of_workers() -> None:
    """Flush at the end of worker processes, of ``multiprocessing`` and of Celery, which do not run ``atexit``.

    Called wherever a process may turn out to be such a worker: when a client is made, and after a fork.
    """
    global _anchored, _heard_by_celery
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not _anchored:
        # A worker forgets all finalizers as it begins, and then calls what was registered so.
        _anchored = True
        util.register_after_fork(_anchor, _finalize)
    if util is not None and _finalized_in != os.getpid():
        _finalize(_anchor)
    leaving = getattr(sys.modules.get("celery.signals"), "worker_process_shutdown", None)
    if leaving is not None and not _heard_by_celery:
        # The processes of Celery's pool leave without any of the above; they tell whoever listens.
        _heard_by_celery = True
        leaving.connect(flush_all, weak=False)


def _finalize(_: object) -> None:
    global _finalized_in
    _finalized_in = os.getpid()
    sys.modules["multiprocessing.util"].Finalize(None, flush_all, exitpriority=0)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=at_exit_of_workers)
