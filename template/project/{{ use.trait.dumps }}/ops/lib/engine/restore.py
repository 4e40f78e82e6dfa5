"""Bring a backup back: into a new database, or in place of what an environment has."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress

from . import age, dumping, evidence, manifest, offered
from .backup import check, summary
from .backups import NAME, Backups
from .connection import find
from .copies import Between
from .errors import Failure, Misuse
from .manifest import Manifest
from .news import beat, telling
from .pipeline import SETTINGS
from .platform import ENVIRONMENTS, Context
from .tasks import Call, Usage

WRONG = "name an environment, a snapshot, and --into DATABASE or --overwrite ENV once more; or --drill or --last"
USAGE = Usage(1, 3, WRONG, ("--into", "--overwrite", "--drill", "--last", "--no-record"))


def task(call: Call) -> None:
    """Restore one, or rehearse it."""
    at, how = Context(call, ("local", *ENVIRONMENTS)), call.options - {"--no-record"}
    names = call.names[1:]
    if len(how) != 1 or len(names) != (2 if how & {"--into", "--overwrite"} else 0):
        raise Misuse(WRONG)
    if names and names[0].startswith(offered.PREFIX):
        offered.restore(at, how, *names)
        return
    if "--last" in how:
        sys.stdout.write(evidence.last(at))
        return
    if "--drill" in how:
        with telling(at):
            _rehearse(at)
        beat(at, "restore")
        return
    check(at)
    at.settings.need("BACKUP_IDENTITY", "the identity of age that can read the backup, AGE-SECRET-KEY-1…")
    at.settings.met(SETTINGS)
    restoring = Restoring(at)
    if "--into" in how:
        restoring.into(restoring.chosen(names[0]), names[1])
    elif names[1] != at.env:
        raise Misuse(f"to overwrite what {at.env} has, name it twice: --overwrite {at.env}")
    else:
        with offered.alone(at):
            restoring.overwrite(restoring.chosen(names[0]))


def _rehearse(at: Context) -> None:
    check(at)
    at.settings.need("BACKUP_RECIPIENT", "who can read backups, a recipient of age; `age-keygen` prints one")
    at.settings.met(SETTINGS)
    Restoring(at).rehearse()


class Restoring:
    """Restores for one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._kept = Backups(at)
        self._source = find(at)
        self._identity = at.settings.get("BACKUP_IDENTITY")

    def chosen(self, name: str) -> Manifest:
        """Give the one that is meant, which has to be of this very database."""
        listed = self._kept.look()
        if name == "newest":
            if not listed:
                raise Failure(f"there is no backup of {self._at.env} in {self._kept}: ops/backup {self._at.env}")
            name = listed[-1]
        if not NAME.fullmatch(name):
            raise Misuse(f"'{name}' is no snapshot: ops/snapshots {self._at.env} lists them, or say newest")
        found = self._kept.read(name)
        manifest.belongs(found, self._at.project.name, self._at.env, self._source.name)
        if found.engine != dumping.ENGINE:
            raise manifest.Refused(f"wrong engine: {found.name} is of {found.engine}, not of {dumping.ENGINE}")
        if found.counted:
            self._at.console.say(f"{name} has checksums of an older template: rows are counted, and not compared")
        return found

    def into(self, found: Manifest, name: str) -> None:
        """Restore into a new database of the same server, and hold that to the manifest; else it is gone again."""
        if name == self._source.name:
            raise Misuse(f"{name} is what {self._at.env} runs on; to replace it: --overwrite {self._at.env}")
        target = self._source.beside(name)
        with self._source.opened() as url, target.opened() as there:
            dumping.create(url, name)
            try:
                self._fill(found, there)
            except BaseException:
                with suppress(Failure):
                    dumping.drop(url, name)
                self._at.console.say(f"{name} was not restored, and is gone again")
                raise
        self._at.console.say(f"{name} has what {found.name} has: {summary(found)}; {self._at.env} was not touched")

    def overwrite(self, found: Manifest) -> str:
        """Replace what an environment has, after a backup of that, and give how to undo it."""
        at, readers = self._at, age.recipients(self._at.settings) or found.recipients
        taken: list[Manifest] = []
        turned: list[Manifest] = []

        def keep() -> None:
            if dumping.LOSES:
                at.console.say(dumping.LOSES)
            taken.append(self._kept.take(url, readers, accept=True))

        with self._source.opened() as url, age.opening(self._identity) as opened:
            between = Between(keep, lambda has: manifest.same(found, has), lambda: turned.append(found))
            try:
                dumping.replace(url, opened, self._kept.dump(found), between)
            except Failure as error:
                if not turned:
                    raise Failure(f"nothing was changed in {at.env}") from error
                # It was to be had from then on, and what became of that was lost.
                either = f"{at.env} has what {found.name} has, or what it had, as {taken[0].name}{dumping.HALFWAY}"
                raise Failure(f"nobody knows whether {either}: look, and do it again") from error
        undo = f"ops/restore {at.env} {taken[0].name} --overwrite {at.env}"
        at.console.say(f"{at.env} has what {found.name} has: {summary(found)}; undo: {undo}")
        return undo

    def rehearse(self) -> None:
        """Take a backup, restore it into a new database, compare, and leave the evidence.

        Without an identity at hand it is one that this run alone can read, beside those who always can.
        """
        at, began = self._at, time.time()
        name = f"drill_{int(began)}"
        told: dict[str, object] = {}
        try:
            found = self._rehearsed(name, told)
        except Failure as error:
            at.console.confess(error)
            evidence.keep(at, began, {"result": "failed", "why": str(error), **told})
            raise Failure(f"the drill failed: what is backed up of {at.env} may not come back") from None
        evidence.keep(at, began, {"result": "passed", **told})
        at.console.say(f"{found.name} came back whole: {summary(found)}")

    def _rehearsed(self, name: str, told: dict[str, object]) -> Manifest:
        at = self._at
        with self._source.opened() as url, self._source.beside(name).opened() as there:
            if self._identity:
                found = self.chosen("newest")
            else:
                self._identity, ours = age.new_identity()
                began = time.monotonic()
                taken = self._kept.take(url, (*age.recipients(at.settings), ours), accept=False)
                told["backup_seconds"] = round(time.monotonic() - began, 1)
                found = self.chosen(taken.name)
            told.update(snapshot=found.name, taken=found.taken, bytes=found.size, migration=found.migration)
            began = time.monotonic()
            dumping.create(url, name)
            try:
                self._fill(found, there)
            finally:
                dumping.drop(url, name)
            told["restore_seconds"] = round(time.monotonic() - began, 1)
            told["tables"] = json.loads(found.text())["tables"]
        return found

    def _fill(self, found: Manifest, url: str) -> None:
        with age.opening(self._identity) as opened:
            manifest.same(found, dumping.fill(url, opened, self._kept.dump(found)))
