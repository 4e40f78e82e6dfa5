"""Rehearse a rollback: deploy a build that never gets healthy, and see it go."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .broken import publish
from .errors import Failure, Misuse
from .hosting import Hosting
from .news import beat, telling
from .process import ProgramFailed, run, status
from .push import difference
from .reading import read
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name an environment; the options are --yes-live and --last", ("--yes-live", "--last"))


def task(call: Call) -> None:
    """Rehearse it, or print the evidence of the last time."""
    at = Hosting(call)
    if "--last" in call.options:
        found = at.git.read(f"drills/{at.env}")
        if not found:
            raise Failure(f"no drill of {at.env} yet: ops/drill {at.env}")
        sys.stdout.write(at.git("show", f"{found}:evidence.json") + "\n")
    elif at.env == "live" and "--yes-live" not in call.options:
        raise Misuse("a drill breaks live for a while: add --yes-live if that is what you want")
    else:
        with telling(at):
            Drill(at).run()
        beat(at, "drill")


class Drill:
    """One drill, and what it has shown so far."""

    def __init__(self, at: Hosting) -> None:
        self._at = at
        self._steps: list[dict[str, object]] = []
        self._good = ""
        self._broken = ""

    def run(self) -> None:
        """Run it, and leave the evidence."""
        at = self._at
        at.check()
        at.record.read()
        self._good = at.record.stack[0].commit if at.record.rows else at.git.commit("HEAD")
        at.find_url(f"ops/drill {at.env}")
        began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        passed = False
        try:
            passed = self._rehearse()
        except Failure as error:
            at.console.confess(error)
        self._keep(began, "passed" if passed else "failed")
        if not passed:
            then = f"ops/releases {at.env} says what runs. Then: ops/deploy {at.env} {self._good}"
            raise Failure(f"the drill failed; {then}")

    def _rehearse(self) -> bool:
        env = self._at.env
        if not self._step("deploy what runs", 0, lambda: status("ops/deploy", env, self._good)):
            return False
        before = self._data()
        self._broken = publish(self._good, self._at)
        os.environ["DRILL_BROKEN"] = self._broken
        # 1: it failed, and the release before runs again; ops/deploy says so.
        deploys = "deploy a broken build, see it roll back"
        return (
            self._step(deploys, 1, lambda: status("ops/deploy", env, self._broken))
            and self._step("look at version and health", 0, lambda: status("ops/smoke", self._at.url, self._good))
            and self._step("look at its settings", 0, self._settings)
            and self._step("look at what is recorded", 0, self._recorded)
            and self._data() == before
        )

    def _step(self, name: str, expected: int, do: Callable[[], int]) -> bool:
        """Run a step, and note how long it took and whether it ended as expected."""
        self._at.console.say(name)
        began = time.monotonic()
        code = do()
        seconds = int(time.monotonic() - began)
        self._steps.append({"step": name, "seconds": seconds, "expected": expected, "exit": code})
        return code == expected

    def _recorded(self) -> int:
        """The broken build never passed."""
        record = self._at.record
        record.read()
        return int(record.stack[0].commit != self._good or record.of(self._broken) is not None)

    def _settings(self) -> int:
        """The host has those of now, whatever came back; without a key, of values that it hides nobody can tell."""
        at, wanted = self._at, read(self._at)
        at.record.read()
        change = difference(at, wanted) if wanted else None
        if not wanted or not change:
            return 0
        told = at.platform.told() or {}
        hidden = [] if wanted.key else [name for name, it in told.items() if it is None]
        return int(bool({*change.sets, *change.unsets}.difference(hidden)))

    def _data(self) -> str:
        """ops/data ENV, if there is one, prints what must not change."""
        return run("ops/data", self._at.env) if os.access("ops/data", os.X_OK) else ""

    def _keep(self, began: str, result: str) -> None:
        at, ref = self._at, f"drills/{self._at.env}"
        evidence = {
            "environment": at.env,
            "began": began,
            "result": result,
            "good": self._good,
            "broken": self._broken,
            "data": "compared" if os.access("ops/data", os.X_OK) else "no database",
            "steps": self._steps,
        }
        file = Path("drills", f"{began[:10]}-{at.env}.json")
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(evidence, indent=2) + "\n", "utf-8")
        at.console.say(f"{result}; see {file}")
        parent = at.git.read(ref)
        blob = at.git("hash-object", "-w", str(file))
        tree = at.git("mktree", stdin=f"100644 blob {blob}\tevidence.json\n")
        try:
            at.git.move(ref, parent, at.git.write(f"{at.env}: drill of {began} {result}", parent, tree))
        except ProgramFailed:
            at.console.say(f"it could not be kept in {at.git.remote}")
