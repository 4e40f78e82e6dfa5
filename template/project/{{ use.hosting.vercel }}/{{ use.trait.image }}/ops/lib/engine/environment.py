"""The environment variables that a project on Vercel has for production: a deployment has those of its time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import dotenv
from .api import changing
from .errors import Failure, NothingChanged
from .platform import Change, Context, Plan
from .schema import SAID
from .team import Team

#: Bytes that all of them may take, names and values: https://vercel.com/docs/environment-variables
LIMIT = 64 * 1024


class Environment:
    """The variables of one project, for production alone: previews run anybody's code."""

    def __init__(self, at: Context, team: Team, path: Callable[..., str]) -> None:
        self._at = at
        self._team = team
        self._path = path
        self._ids: dict[str, str] = {}
        self._shown: dict[str, str] = {}

    def told(self) -> dict[str, str | None] | None:
        """Give them; those that are sensitive are shown to nobody."""
        envs = self._team.ask(self._path("/v10", "/env?decrypt=true"), lambda it: [dict(each) for each in it["envs"]])
        found = {each["key"]: each for each in envs if "production" in (each.get("target") or ())}
        self._ids = {name: each["id"] for name, each in found.items()}
        self._shown = {name: each.get("value", "") for name, each in found.items() if each["type"] != "sensitive"}
        return {name: self._shown.get(name) for name in found}

    def tell(self, change: Change) -> None:
        """Set them in one call, and take away what goes in another."""
        self._fit(change)
        wanted = [self._variable(name, value, "sensitive") for name, value in change.sets.items()]
        with changing():
            if wanted:
                self._set(wanted)
            else:
                self._remove(change.unsets)
        if wanted and change.unsets:
            self._remove(change.unsets)

    def adjust(self, plan: Plan, *, known: bool) -> None:
        """Set what the files say; what else the service is told are settings."""
        said = dotenv.read(Path(f".env.{self._at.env}.example"))
        wanted = {name: value for name, value in said.items() if name in SAID}
        wanted |= {"CLIENT_IP_HEADER": self._at.project.client_ip_header, "PORT": "3000"}
        if known:
            self.told()
        for name, value in wanted.items():
            if self._shown.get(name) != value:
                self._plan(plan, name, value)

    def _plan(self, plan: Plan, name: str, value: str) -> None:
        plan.change(f"set {name}={value}", lambda: self._set([self._variable(name, value, "plain")]))

    def _fit(self, change: Change) -> None:
        """Stop at what would not fit, or Vercel would not deploy it."""
        has = {**self._shown, **self._at.values, **change.sets}
        size = sum(len(f"{name}{value}".encode()) for name, value in has.items() if name not in change.unsets)
        if size > LIMIT and change.sets:
            name = max(change.sets, key=lambda it: len(change.sets[it]))
            raise NothingChanged(f"with {name} all variables take {size} bytes; {LIMIT} are what Vercel has for them")

    def _variable(self, name: str, value: str, type_: str) -> dict[str, Any]:
        return {"key": name, "value": value, "type": type_, "target": ["production"]}

    def _set(self, wanted: list[dict[str, Any]]) -> None:
        """Set some; those that it does not take, Vercel lists in an answer that is a good one."""
        path = self._path("/v10", "/env?upsert=true")
        failed = self._team.call("POST", path, lambda it: [each["error"] for each in it["failed"]], wanted, twice=True)
        if failed:
            some = (f"{it.get('envVarKey') or it.get('key') or 'one'} ({it['code']})" for it in failed)
            raise Failure(f"Vercel did not take all: {', '.join(some)}; look under Settings → Environment Variables")

    def _remove(self, names: tuple[str, ...]) -> None:
        ids = [self._ids[name] for name in names]
        self._team.call("DELETE", self._path("/v1", "/env"), bool, {"ids": ids}, twice=True)
