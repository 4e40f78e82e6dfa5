"""Bring the schema of a database to what db/migrations has, or take the newest migrations back."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from . import connection, migrations, runner
from .dialect import TRANSACTIONAL
from .errors import Failure, Misuse, otherwise
from .history import called, missing
from .lock import HELD, NONE, Lock
from .migrations import FOLDER, Migration
from .pipeline import SETTINGS
from .platform import ENVIRONMENTS, Context
from .process import status
from .runner import Runner
from .tasks import Call, Usage

WRONG = "name an environment, and up, down [N|VERSION], status, new NAME or prove"
USAGE = Usage(1, 3, WRONG, ("--json", "--no-record"))


def task(call: Call) -> None:
    """Do what is asked for: up, if nothing is."""
    at = Context(call, ("local", *ENVIRONMENTS))
    what, *more = call.names[1:] or ["up"]
    allowed = {"up": (0,), "down": (0, 1), "status": (0,), "new": (1,), "prove": (0,)}
    if len(more) not in allowed.get(what, ()) or ("--json" in call.options and what != "status"):
        raise Misuse(WRONG)
    if what == "new":
        sys.stdout.write(f"{migrations.write(more[0], migrations.here() if FOLDER.is_dir() else [])}\n")
        return
    if what == "prove":
        from .prove import prove  # slow to load

        prove(at)
        return
    _check(at)
    database = connection.find(at)
    with _alone(at) as keeps:
        work = Work(at, Runner(database, at.settings, keeps))
        if what == "status":
            work.show(as_json="--json" in call.options)
        elif what == "up":
            work.up()
        else:
            work.down(more[0] if more else "1")


def _check(at: Context) -> None:
    runner.need(at.settings)
    connection.check(at)
    if at.env != "local":
        at.settings.need_tool("git")
    at.settings.met(SETTINGS)


@contextmanager
def _alone(at: Context) -> Iterator[tuple[int, ...]]:
    """Keep others away: by the lock of deploys, and on this machine for as long as anything of it goes on."""
    if not FOLDER.is_dir():
        raise Failure(f"there is no folder {FOLDER}")
    folder = os.open(FOLDER, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failure("nothing was changed: on this machine ops/migrate is at work already; wait for it") from None
        if at.env == "local" or at.settings.get(HELD) == NONE:
            yield (folder,)
        elif not at.kept:
            at.console.say("without a lock: make sure that nobody else deploys")
            yield (folder,)
        else:
            with Lock(at).held():
                yield (folder,)
    finally:
        os.close(folder)


class Work:
    """What is done to the database of one environment."""

    def __init__(self, at: Context, tool: Runner) -> None:
        self._at = at
        self._tool = tool
        self._files = {each.name: each for each in migrations.here()}

    def show(self, *, as_json: bool) -> None:
        """Say which are applied; some may be of a newer release than what is here."""
        with self._tool.with_files(missing(self._at.git, self._files)):
            found = self._asked()
        rows = [
            {"name": name, "applied": applied, "here": name in self._files}
            for name, applied in found.items() if applied or name in self._files
        ]  # fmt: skip
        if as_json:
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
            return
        for row in rows:
            how = "applied" if row["applied"] else "pending"
            sys.stdout.write(f"{how}  {row['name']}{'' if row['here'] else '  (not in this tree)'}\n")

    def up(self) -> None:
        """Apply what is pending."""
        at = self._at
        wrong = migrations.wrong(list(self._files.values()))
        found = self._asked()
        pending = [name for name, applied in found.items() if not applied]
        for line in wrong:
            if any(line.startswith(name) for name in pending):
                raise Failure(f"nothing was changed in {at.env}") from Failure(line)
        if not pending:
            at.console.say(f"{at.env} is up to date: {len(found)} applied")
            return
        newest = max((name for name, applied in found.items() if applied), default="")
        if at.env != "local" and pending[0] < newest:
            how = f"give it a later time in its name: git mv {FOLDER}/{pending[0]} {FOLDER}/…"
            raise Failure(
                f"nothing was changed: {at.env} has {newest} already, which is to come after {pending[0]}; {how}"
            )
        if newest and at.env == "live":
            self._keep()
        at.console.say(f"applying to {at.env}, {self._tool.database}: {', '.join(pending)}")
        try:
            self._tool.up()
        except Failure as error:
            self._look(error, pending, applied=True, again="up")
        at.console.say(f"{at.env} is up to date: {len(found)} applied")

    def down(self, which: str) -> None:
        """Take the newest back, of whatever release they are: that many, or all that a version does not have."""
        at = self._at
        keeps = None if which.isdigit() else {*called(at.git, at.git.commit(which))}
        with self._tool.with_files(missing(at.git, self._files)):
            applied = [name for name, applied in self._asked().items() if applied]
            count = int(which) if keeps is None else len([name for name in applied if name not in keeps])
            names = applied[::-1][:count]
            if len(names) < count or {*names}.intersection(keeps or ()):
                has = f"{at.env} has applied {', '.join(applied) or 'none'}"
                raise Failure(f"nothing was changed: {has}; the newest of these are not those of {which}")
            if names:
                what = "with all that was written into what they brought"
                at.console.say(f"taking back in {at.env}, {self._tool.database}, {what}: {', '.join(names)}")
            try:
                for _ in names:
                    self._tool.down()
            except Failure as error:
                self._look(error, names, applied=False, again=which)
        at.console.say(f"taken back in {at.env}: {len(names)}")

    def _keep(self) -> None:
        """Have a backup of what there is: scripts take a change back, but not what it destroyed."""
        if self._at.settings.get("BACKUP_FIRST") == "no":
            self._at.console.say("without a backup before, as BACKUP_FIRST says")
        elif status("ops/backup", self._at.env):
            how = "once ops/backup passes, do it again; BACKUP_FIRST=no goes without"
            raise Failure(f"nothing was changed in {self._at.env}: there is no backup of what it has; {how}")

    def _asked(self) -> dict[str, bool]:
        with otherwise(f"nothing was changed in {self._at.env}: its database does not say which migrations it has"):
            return self._tool.status()

    def _look(self, error: Failure, names: list[str], *, applied: bool, again: str) -> None:
        """After a failure, ask what became of it: the answer may be all that was lost."""
        at = self._at
        at.console.confess(error)
        what = "applied" if applied else "taken back"
        try:
            found = at.settings.persist(3, self._tool.status)
        except Failure as lost:
            how = f"nobody knows which of {', '.join(names)} were {what}"
            raise Failure(f"{how}; once the database answers: ops/migrate {at.env} status") from lost
        done = [name for name in names if found.get(name) is applied]
        left = [name for name in names if name not in done]
        if done:
            at.console.say(f"{what} in {at.env}: {', '.join(done)}")
        if not left:
            return
        if not applied:
            again = f"down {len(left) if again.isdigit() else again}"
        part = "of which nothing was done"
        if not TRANSACTIONAL or self._of(left[0]).alone:
            part = "of which a part may be done, as it ran without a transaction: look at it"
        raise Failure(
            f"{left[0]} was not {what}, {part}. Then, with its cause out of the way: ops/migrate {at.env} {again}"
        )

    def _of(self, name: str) -> Migration:
        return self._files.get(name) or next(each for each in missing(self._at.git, self._files) if each.name == name)
