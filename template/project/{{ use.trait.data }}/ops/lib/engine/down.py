"""The schema in a rollback: it stays, or the scripts that take migrations back run once the code is back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from . import connection, runner
from .errors import Failure, Misuse
from .history import called, missing, of
from .hosting import Hosting
from .migrations import Migration
from .part import Part
from .platform import Target
from .process import run, status
from .script import NOTHING
from .tasks import Call


class Down(Part):
    """Migrations that the release of before does not have."""

    OPTIONS = ("--migrate-down",)

    def __init__(self, at: Hosting, call: Call) -> None:
        super().__init__(at, call)
        self.chosen = "--migrate-down" in call.options
        self._goes: list[str] = []

    def check(self) -> None:
        """Note what ops/migrate lacks: it comes last, when it is too late to learn of that."""
        runner.need(self.at.settings)
        connection.check(self.at)

    def stays(self, target: Target, runs: Target) -> dict[str, object]:
        """Say by what the schema is ahead of the code then."""
        say, git = self.at.console.say, self.at.git
        if not (target.ours and runs.ours):
            say("the schema stays as it is, and nothing is lost")
            return {}
        newer = of(git, runs.commit, called(git, target.commit))[::-1]
        if not newer:
            say(f"the schema stays as it is, which {target.commit} knows, and nothing is lost")
            return {"ahead": []}
        say(f"the schema stays as it is, ahead by {', '.join(each.name for each in newer)}, and nothing is lost")
        say("--migrate-down takes that back as well, with all that was written there:")
        self._list(newer)
        return {"ahead": _facts(newer)}

    def loses(self, target: Target, runs: Target) -> dict[str, object]:
        """Say what goes with the migrations that are applied, whichever release did that."""
        del runs
        at, git = self.at, self.at.git
        if not target.ours:
            raise Misuse(f"{target.commit} is no commit of this repository: nobody knows which migrations it has")
        known = called(git, target.commit)
        asked = json.loads(run("ops/migrate", at.env, "status", "--json"))
        applied = [str(each["name"]) for each in reversed(asked) if each["applied"]]
        self._goes = [name for name in applied if name not in known]
        if self._goes != applied[: len(self._goes)]:
            raise Failure(f"not the newest of what is applied, {', '.join(applied)}: {', '.join(self._goes)}")
        texts = {each.name: each for each in missing(git, known)}
        goes = [texts[name] for name in self._goes]
        if not goes:
            at.console.say("no migration is to be taken back, and nothing is lost")
        else:
            at.console.say("then taking back what it does not know, with all that was written there:")
            self._list(goes)
        return {"taken_back": _facts(goes)}

    @contextmanager
    def around(self, target: Target) -> Iterator[None]:
        """Have ops/migrate do it, once the code is back."""
        yield
        if self._goes and status("ops/migrate", self.at.env, "down", target.commit):
            again = f"ops/migrate {self.at.env} down {target.commit}"
            raise Failure(f"{self.at.env} runs {target.commit} and is healthy; its schema was not taken back: {again}")
        self.left = f"taken back: {', '.join(self._goes) or 'no migration'}"

    def _list(self, found: Iterable[Migration]) -> None:
        for each in found:
            self.at.console.say(f"  {each.name}: {'; '.join(each.undone) or NOTHING}")


def _facts(found: Iterable[Migration]) -> list[dict[str, object]]:
    return [{"name": each.name, "loses": each.undone} for each in found]
