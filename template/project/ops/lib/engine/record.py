"""What passed in an environment, and the settings it had: a ref of the remote, a commit for each, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .git import Git
from .platform import Release, Target, digest

KEYS = ("Action", "Commit", "Release", "Image", "Settings", "Age")
TRAILERS = "%x1f".join(f"%(trailers:key={key},valueonly,separator=%x20)" for key in KEYS)


class Row(NamedTuple):
    """One release that passed.

    Args:
        age: How often settings were changed before it.
    """

    action: str
    commit: str
    release: str
    image: str = ""
    time: str = ""
    who: str = ""
    age: int = 0

    def names(self, running: Release) -> bool:
        """Say whether it is what the platform says it runs: by its id, its commit or its digest."""
        if running.id == self.release or running.what == self.commit:
            return True
        return bool(self.image) and running.what.endswith(digest(self.image))

    def target(self, release: str = "") -> Target:
        """Give it as what is to run again, by the id it had or by another."""
        return Target(release or self.release, self.commit, self.image)


def stack(rows: Sequence[Row]) -> list[Row]:
    """Give what a rollback can go back to, newest first: what runs, below it what it replaced.

    A rollback takes off what it left.
    """
    passed: list[Row] = []
    for row in rows:
        commits = [each.commit for each in passed]
        if row.action == "rollback" and row.commit in commits:
            newest = len(commits) - 1 - commits[::-1].index(row.commit)
            del passed[newest:]
        elif row.action == "deploy" and commits[-1:] == [row.commit]:
            passed.pop()
        passed.append(row)
    return passed[::-1]


class Record:
    """The record of one environment: `rows`, oldest first, and `told`: the settings it has, and their fingerprints."""

    def __init__(self, env: str, git: Git) -> None:
        self._env = env
        self._git = git
        self._tip = ""
        self.rows: list[Row] = []
        self.told: dict[str, str] = {}
        self._age = 0

    def read(self) -> None:
        """Read it from the remote."""
        self._tip = self._git.read(self._env)
        if self._tip:
            log = ("-c", "trailer.separators=:", "log", "--reverse")
            shown = self._git(*log, f"--format={TRAILERS}%x1f%cI%x1f%an", self._tip)
            self.rows = []
            for line in shown.split("\n"):
                action, commit, release, image, settings, age, time, who = line.split("\x1f")
                self._age = int(age or 0)
                self.rows.append(Row(action, commit, release, image, time, who, self._age))
                self.told = dict(each.partition("=")[::2] for each in settings.split())

    @property
    def stack(self) -> list[Row]:
        """What a rollback can go back to, newest first."""
        return stack(self.rows)

    def match(self, running: Release) -> Row | None:
        """Give the newest row of what the platform says it runs."""
        return next((row for row in reversed(self.rows) if row.names(running)), None)

    def of(self, commit: str) -> Row | None:
        """Give the newest row of a commit."""
        return next((row for row in reversed(self.rows) if row.commit == commit), None)

    def outdated(self, target: Target) -> bool:
        """Say whether settings were changed since a release was made, which was when it passed first."""
        return next((row.age < self._age for row in self.rows if row.release == target.release), False)

    def add(self, row: Row) -> None:
        """Note that a release passed."""
        self._note(row, f"{row.action} {self._git.name(row.commit)}")

    def tell(self, told: dict[str, str], how: str) -> None:
        """Note what the environment is told from now on: with the release that was on record, or the first to be."""
        self.told = told
        self._age += bool(how)
        if self.rows:
            self._note(self.rows[-1], f"settings, {how or 'as before'}")

    def _note(self, row: Row, what: str) -> None:
        told = " ".join(f"{name}={mark}" for name, mark in sorted(self.told.items()))
        values = (row.action, row.commit, row.release, row.image, told, str(self._age))
        trailers = "".join(f"{key}: {value}\n" for key, value in zip(KEYS, values) if value not in ("", "0"))
        new = self._git.write(f"{self._env}: {what}\n\n{trailers}", self._tip)
        self._git.insist(self._env, self._tip, new)
        self._tip = new
        self.rows.append(row._replace(age=self._age))
