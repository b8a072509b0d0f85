"""The recipes of the documentation, run as they stand there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import LONG, Server

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "sdk" / "recipes.md"
PARENT = f"00-{'1' * 32}-{'2' * 16}-01"


def fastapi(recipe: dict[str, Any]) -> None:
    from fastapi.testclient import TestClient

    with TestClient(recipe["app"]) as http:
        answered = http.post("/chat/c-1", params={"question": "Hello"}, headers={"traceparent": PARENT})
    assert answered.json() == {"answer": "You asked: Hello"}


def flask(recipe: dict[str, Any]) -> None:
    answered = recipe["app"].test_client().post("/chat/c-1?question=Hello", headers={"traceparent": PARENT})
    assert answered.json == {"answer": "You asked: Hello"}


def django(recipe: dict[str, Any]) -> None:
    from django.conf import settings
    from django.test import RequestFactory

    settings.configure(ALLOWED_HOSTS=["*"])
    request = RequestFactory().get("/chat/c-1", {"question": "Hello"}, headers={"traceparent": PARENT})
    assert b"You asked: Hello" in recipe["chat"](request, "c-1").content


def celery(recipe: dict[str, Any]) -> None:
    recipe["chat"]("Hello to all of you", lambda *args: recipe["summarize"].apply(args))


def aws_lambda(recipe: dict[str, Any]) -> None:
    assert recipe["handler"]({"conversation": "c-1", "question": "Hello"}, None) == {"answer": "You asked: Hello"}


DRIVERS: dict[str, tuple[str | None, Callable[[dict[str, Any]], None] | None]] = {
    "FastAPI": ("fastapi.testclient", fastapi),
    "Flask": ("flask", flask),
    "Django": ("django", django),
    "Celery": ("celery", celery),
    "A notebook": (None, None),
    "AWS Lambda": (None, aws_lambda),
}


def recipes() -> dict[str, str]:
    return dict(re.findall(r"^## (.+?)\n.*?```python\n(.*?)```", RECIPES.read_text(), re.DOTALL | re.MULTILINE))


def test_every_recipe_is_run() -> None:
    assert sorted(recipes()) == sorted(DRIVERS)


@pytest.mark.parametrize("title", DRIVERS)
def test_a_recipe(title: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    needs, drive = DRIVERS[title]
    if needs is not None:
        pytest.importorskip(needs)
    monkeypatch.setenv("NEURALTRUST_API_KEY", "test-key")
    monkeypatch.setenv("NEURALTRUST_BASE_URL", server.url)
    recipe: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(recipes()[title], title, "exec"), recipe)
    if drive is not None:
        drive(recipe)
    assert recipe["client"].close(LONG)
    steps = {step.kind: step for step in server.spans()}
    message = steps["message"]
    assert message.output is not None
    if "generation" in steps:
        assert (steps["generation"].parent_id, steps["generation"].trace_id) == (message.span_id, message.trace_id)
    if title in ("FastAPI", "Flask", "Django"):
        assert (message.trace_id, message.parent_id) == ("1" * 32, "2" * 16)
    if title == "Celery":
        assert (steps["agent"].parent_id, steps["agent"].output) == (message.span_id, "Hello to all")
