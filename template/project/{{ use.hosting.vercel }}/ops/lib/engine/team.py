"""Vercel's API, on behalf of VERCEL_ORG_ID."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .api import Api
from .variables import Settings

T = TypeVar("T")


class Team(Api):
    """Says in each call which team it is for; a personal account is no team."""

    def __init__(self, settings: Settings, **headers: str) -> None:
        address = settings.get("VERCEL_API_URL", "https://api.vercel.com")
        super().__init__(address, {"Authorization": f"Bearer {settings.get('VERCEL_TOKEN')}", **headers}, settings)
        owner = settings.get("VERCEL_ORG_ID")
        self._team = owner if owner.startswith("team_") else ""

    def call(self, method: str, path: str, read: Callable[[Any], T], body: object = None, *, twice: bool = False) -> T:
        """Make a call, see `Api`."""
        if self._team:
            path += f"{'&' if '?' in path else '?'}teamId={self._team}"
        return super().call(method, path, read, body, twice=twice)

    def owner(self) -> str:
        """Give who owns the project, as in the names of its images."""
        if self._team:
            return self.ask(f"/v2/teams/{self._team}", lambda it: str(it["slug"]))
        return self.ask("/v2/user", lambda it: str(it["user"]["username"]))
