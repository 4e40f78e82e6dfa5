"""A site on Vercel has no environment: it is built with its settings."""

from __future__ import annotations

from collections.abc import Callable

from .platform import Change, Context, Plan
from .team import Team


class Environment:
    """Nothing."""

    def __init__(self, at: Context, team: Team, path: Callable[..., str]) -> None:
        del at, team, path

    def told(self) -> dict[str, str | None] | None:
        """Say that there is none."""
        return None

    def tell(self, change: Change) -> None:
        """Nothing is to change, as nothing is told."""

    def adjust(self, plan: Plan, *, known: bool) -> None:
        """There is nothing to set."""
