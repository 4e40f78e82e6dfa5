"""A part of a database's that a rollback may take back, and what that loses."""

from __future__ import annotations

from .back import Way
from .platform import Target


class Part(Way):
    """The schema, or the data as it was; one is `chosen`, or none where the code goes back alone."""

    chosen = False

    def stays(self, target: Target, runs: Target) -> dict[str, object]:
        """Say that it stays, and what is lost otherwise; give that for programs."""
        del target, runs
        return {}

    def loses(self, target: Target, runs: Target) -> dict[str, object]:
        """Say what is lost; give that for programs."""
        del target, runs
        return {}
