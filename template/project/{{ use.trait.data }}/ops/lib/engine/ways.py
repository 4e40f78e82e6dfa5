"""Ways back where there is data: the code alone, the schema with it, or everything as it was at a snapshot."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .asof import AsOf
from .back import Way
from .down import Down
from .errors import Failure, Misuse
from .hosting import Hosting
from .part import Part
from .platform import Target
from .tasks import Call


class Ways(Way):
    """All of them. One is gone, and before that it says what it loses."""

    OPTIONS = (*Down.OPTIONS, *AsOf.OPTIONS, "--dry-run", "--json")
    VALUED = (*Down.VALUED, *AsOf.VALUED)

    def __init__(self, at: Hosting, call: Call) -> None:
        super().__init__(at, call)
        self._parts: tuple[Part, ...] = (Down(at, call), AsOf(at, call))
        chosen = [each for each in self._parts if each.chosen]
        if len(chosen) > 1:
            raise Misuse("a snapshot has a schema of its own: --snapshot, or --migrate-down")
        self._way: Way = chosen[0] if chosen else Way(at, call)

    def check(self) -> None:
        """Note what is missing for the one that is gone."""
        self._way.check()

    def told(self, target: Target, runs: Target) -> bool:
        """Say what is lost and what stays, and give whether that was all."""
        facts: dict[str, object] = {"environment": self.at.env, "from": runs.commit, "to": target.commit}
        try:
            for each in self._parts:
                if each is self._way:
                    facts.update(each.loses(target, runs))
                elif not isinstance(self._way, Part):
                    facts.update(each.stays(target, runs))
        except Misuse:
            raise
        except Failure as error:
            raise Failure(f"nothing was changed in {self.at.env}, which runs {runs.commit}") from error
        if "--json" in self.call.options:
            sys.stdout.write(json.dumps(facts, indent=2) + "\n")
            sys.stdout.flush()
        if "--dry-run" in self.call.options:
            self.at.console.say("nothing was changed")
            return True
        return self._way.told(target, runs)

    @contextmanager
    def around(self, target: Target) -> Iterator[None]:
        """Go it."""
        with self._way.around(target):
            yield
        self.left = self._way.left
