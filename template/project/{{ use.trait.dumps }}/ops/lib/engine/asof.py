"""The data in a rollback: it stays, or is what it was at a snapshot before the code goes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import offered
from .backup import check, summary
from .errors import Misuse, otherwise
from .history import newest
from .hosting import Hosting
from .manifest import Manifest
from .part import Part
from .platform import Target
from .restore import Restoring
from .tasks import Call


class AsOf(Part):
    """A snapshot of ops/backup, which brings its own schema."""

    VALUED = ("--snapshot", "--overwrite")

    def __init__(self, at: Hosting, call: Call) -> None:
        super().__init__(at, call)
        self._name, self._over = (call.values.get(each, "") for each in self.VALUED)
        self.chosen = bool(self._name)
        if self._over and not self.chosen:
            raise Misuse("name what to overwrite it with: --snapshot SNAPSHOT")
        if self._over not in ("", at.env):
            raise Misuse(f"it is {at.env} that goes back, and no other may be overwritten: --overwrite {at.env}")
        if self._name.startswith(offered.PREFIX):
            before = f"ops/restore {at.env} {self._name} --overwrite {at.env}"
            raise Misuse(f"nobody knows the schema of what the vendor keeps: {before}, and then the code alone")
        self._runs = ""
        self._found: list[tuple[Restoring, Manifest]] = []

    def check(self) -> None:
        """Note what ops/restore lacks."""
        check(self.at)
        self.at.settings.need("BACKUP_IDENTITY", "the identity of age that can read the backup, AGE-SECRET-KEY-1…")

    def stays(self, target: Target, runs: Target) -> dict[str, object]:
        """Say that there are snapshots, too."""
        del target, runs
        at = self.at
        how = f"--snapshot SNAPSHOT --overwrite {at.env}, of ops/snapshots {at.env}"
        at.console.say(f"{how}, has all data be as it was then, and loses what was written since")
        return {}

    def loses(self, target: Target, runs: Target) -> dict[str, object]:
        """Say when it was taken; everything after that is lost."""
        at = self.at
        if not target.ours:
            raise Misuse(f"{target.commit} is no commit of this repository: nobody knows which schema it needs")
        restoring = Restoring(at)
        found = restoring.chosen(self._name)
        needs = newest(at.git, target.commit)
        if found.migration < needs:
            has = f"{found.name} has the schema of {found.migration or 'no migration'}, {target.commit} needs {needs}"
            raise Misuse(f"{has}: name an earlier version or a later snapshot")
        self._runs, self._found = runs.commit, [(restoring, found)]
        at.console.say(f"before that, {at.env} gets the data of {found.name}: {summary(found)}")
        at.console.say(f"all that was written since {found.taken} is lost; it is in a backup that is taken first")
        return {"snapshot": found.name, "taken": found.taken, "migration": found.migration, "rows": found.rows}

    def told(self, target: Target, runs: Target) -> bool:
        """Do it for those alone who have said that it is meant."""
        del target, runs
        if not self._over:
            raise Misuse(f"nothing was changed; if that is meant, name what is overwritten: --overwrite {self.at.env}")
        return False

    @contextmanager
    def around(self, target: Target) -> Iterator[None]:
        """Restore it; the code goes back only once that is done, and says where the data is if it does not."""
        del target
        at, ((restoring, found),) = self.at, self._found
        stays = f"the code was not rolled back: {at.env} runs {self._runs}"
        with _if_it_ends(at, stays):
            undo = restoring.overwrite(found)
        with _if_it_ends(at, f"{at.env} has the data of {found.name}; to have that of before again: {undo}"):
            yield
        self.left = f"it has the data of {found.name}, undo: {undo}"


@contextmanager
def _if_it_ends(at: Hosting, what: str) -> Iterator[None]:
    """Say what it means, whether the block fails or is interrupted."""
    try:
        with otherwise(what):
            yield
    except SystemExit:
        at.console.say(f"interrupted; {what}")
        raise
