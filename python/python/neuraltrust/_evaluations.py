"""Calls of the package up to 1.4 about evaluation sets, knowledge bases and test sets, which are not kept here.

They do nothing and say so, so that an application that makes them goes on.
"""

from __future__ import annotations

from typing import Any

from . import _misuse


def _nothing(name: str) -> None:
    _misuse.warn(f"{name}() does nothing: evaluation sets, knowledge bases and test sets are not kept here")


class Evaluations:
    """What a client can still be asked for without an exception."""

    @_misuse.forgiving
    def run_evaluation_set(self, id: Any = None) -> None:
        """Do nothing."""
        _nothing("run_evaluation_set")

    @_misuse.forgiving
    def create_evaluation_set(self, name: Any = None, description: Any = None, scheduler: Any = None) -> None:
        """Do nothing."""
        _nothing("create_evaluation_set")

    @_misuse.forgiving
    def get_evaluation_set(self, id: Any = None) -> None:
        """Do nothing."""
        _nothing("get_evaluation_set")

    @_misuse.forgiving
    def delete_evaluation_set(self, id: Any = None) -> None:
        """Do nothing."""
        _nothing("delete_evaluation_set")

    @_misuse.forgiving
    def create_knowledge_base(self, type: Any = None, credentials: Any = None, seed_topics: Any = None) -> None:
        """Do nothing."""
        _nothing("create_knowledge_base")

    @_misuse.forgiving
    def get_knowledge_base(self, id: Any = None) -> None:
        """Do nothing."""
        _nothing("get_knowledge_base")

    @_misuse.forgiving
    def delete_knowledge_base(self, id: Any = None) -> None:
        """Do nothing."""
        _nothing("delete_knowledge_base")

    @_misuse.forgiving
    def create_testset(
        self,
        name: Any = None,
        type: Any = None,
        evaluation_set_id: Any = None,
        knowledge_base_id: Any = None,
        num_questions: Any = None,
    ) -> None:
        """Do nothing."""
        _nothing("create_testset")

    @_misuse.forgiving
    def get_testset(self, id: Any = None) -> None:
        """Do nothing."""
        _nothing("get_testset")

    @_misuse.forgiving
    def delete_testset(self, id: Any = None) -> None:
        """Do nothing."""
        _nothing("delete_testset")
