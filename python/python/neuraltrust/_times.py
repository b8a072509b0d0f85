"""Times as applications give them, in nanoseconds."""

from __future__ import annotations

import datetime
from typing import Any

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MICROSECOND = datetime.timedelta(microseconds=1)
_LAST = 2**63 - 1
# A number says its unit by its size: each of these is a time around now only in its own unit. The bounds lie at the
# year 5138 of one unit and at the year 1973 of the next.
_UNITS = ((1e11, 10**9), (1e14, 10**6), (1e17, 10**3))


def nanoseconds(moment: Any) -> int | None:
    """Give nanoseconds since 1970 of a datetime, ISO text, or a number of seconds, ms, us or ns; else ``None``."""
    try:
        if isinstance(moment, str):
            moment = _parse(moment.strip())
        if isinstance(moment, datetime.datetime):
            # A naive time is local, as everywhere in Python.
            nanos = (moment.astimezone(datetime.timezone.utc) - _EPOCH) // _MICROSECOND * 1000
        elif moment is None or isinstance(moment, bool):
            return None
        else:
            nanos = _scaled(moment if isinstance(moment, int) else float(moment))
        return nanos if 0 < nanos <= _LAST else None
    except Exception:
        return None


def milliseconds(latency: Any) -> int | None:
    """Give the nanoseconds of a latency in milliseconds, or of a timedelta; ``None`` for anything else."""
    try:
        if latency is None or isinstance(latency, bool):
            return None
        if isinstance(latency, datetime.timedelta):
            nanos = latency // _MICROSECOND * 1000
        else:
            nanos = int(float(latency) * 1e6)
        return nanos if 0 <= nanos <= _LAST else None
    except Exception:
        return None


def _parse(text: str) -> datetime.datetime | float:
    try:
        return float(text)
    except ValueError:
        # Python 3.9 and 3.10 do not read the Z.
        return datetime.datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)


def _scaled(number: float) -> int:
    for bound, unit in _UNITS:
        if number < bound:
            # A float of seconds does not hold nanoseconds: microseconds are what it can say.
            return number * unit if isinstance(number, int) else round(number * unit / 1000) * 1000
    return int(number)
