"""What an application says in words of its own: users, metadata, kinds of steps, feedback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from ._misuse import shown, warn


class _Name(str, Enum):
    """A name from a closed list; equal to its text."""

    def __new__(cls, value: str) -> _Name:
        """Make the text a member, as the enumeration's own text would be."""
        member = str.__new__(cls, value)
        member._value_ = value
        return member


class EventType(_Name):
    """What a step is, for ``send``."""

    MESSAGE = "message"
    TOOL = "tool"
    AGENT = "agent"
    RETRIEVAL = "retrieval"
    GENERATION = "generation"
    ROUTER = "router"
    SYSTEM = "system"
    CUSTOM = "event"
    FEEDBACK = "feedback"


class FeedbackTag(_Name):
    """What a user thought of an answer."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"


class _Fields:
    """Named values, any of them; those that are ``None`` are not said."""

    def __init__(self, *unnamed: Any, **fields: Any) -> None:
        """Take the values."""
        for one in unnamed:
            if isinstance(one, Mapping):
                fields = {**{str(name): value for name, value in one.items()}, **fields}
            else:
                warn("%s(%s): say what it is, as in %s(id=...); it is taken as the id", *self._said(one))
                fields.setdefault("id", one)
        self.__dict__.update({name: value for name, value in fields.items() if value is not None})

    def _said(self, value: Any) -> tuple[str, str, str]:
        return type(self).__name__, shown(value), type(self).__name__

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Give names and values, so that ``dict(user)`` works."""
        return iter(self.__dict__.items())

    def __eq__(self, other: object) -> bool:
        """Compare by what is said."""
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show what is said."""
        fields = ", ".join(f"{name}={value!r}" for name, value in self)
        return f"{type(self).__name__}({fields})"

    def model_dump(self) -> dict[str, Any]:
        """Give the values by their names."""
        return dict(self)


class User(_Fields):
    """Who is talking: ``User(id=..., name=..., email=..., anything=...)``."""

    id: Any = None
    name: Any = None
    email: Any = None
    user_id: Any = None
    user_email: Any = None
    user_phone: Any = None


class Metadata(_Fields):
    """What the application knows of the circumstances: ``Metadata(device=..., locale=..., anything=...)``."""
