"""What the tasks know of backups that a database's vendor keeps: the interface that keeper.py implements."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

from .calls import CallFailed
from .errors import Failure, Misuse, NothingChanged, Unseen
from .platform import ENVIRONMENTS, Context, Plan

T = TypeVar("T")

READY, UNDER_WAY, FAILED = "ready", "under way", "failed"
#: Hours after which a daily backup is late.
LATE = 36
#: Days that a backup is kept, at least.
KEPT = 7


class Unable(Failure):
    """The vendor, or this plan of its, does not do that; something else may."""


class NoBackups(Failure):
    """The vendor takes no daily backups of this database."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no daily backups: {why}")


class Snapshot(NamedTuple):
    """A backup that the vendor keeps.

    Args:
        taken: When, as `utc` writes it.
        kind: What had it taken: `daily`, `on demand`, or what else the vendor says.
        state: READY, UNDER_WAY or FAILED.
        size: In bytes, where the vendor says it.
    """

    id: str
    taken: str
    kind: str
    state: str = READY
    size: int | None = None


class Restored(NamedTuple):
    """Where a snapshot's data is now: in words, and to connect to.

    The latter is a secret, and empty where the vendor gives nobody any.
    """

    where: str
    url: str = ""

    def __repr__(self) -> str:
        """Say where, without the secret."""
        return f"Restored({self.where!r})"


class Native(Protocol):
    """The backups of one environment's database at its vendor."""

    #: What people call the vendor.
    title: str

    def check(self) -> None:
        """Note what is missing; nothing is called."""

    def snapshots(self) -> list[Snapshot]:
        """Give those that there are, newest first."""

    def find(self, known: str) -> Snapshot:
        """Give the one of an id that can be restored; Misuse if there is none."""

    def daily(self) -> str:
        """Say how daily backups are taken; NoBackups if they are not."""

    def take(self, why: str) -> Snapshot:
        """Take one now, and return once it is ready; Unable where there is none on demand."""

    def restore(self, snapshot: Snapshot, into: str) -> Restored:
        """Bring one back, and return once it is there; Unable if that is no place for it.

        `into` is what the vendor knows by that name: a branch, a cluster. The empty text is the environment's own
        database, which loses its data of now; who calls has made sure that this is wanted.
        """

    def discard(self, into: str) -> None:
        """Take away what a restore made; what was there before stays."""

    def bootstrap(self, plan: Plan) -> None:
        """Tell a plan what daily backups lack; NoBackups where there are none to be had."""


def picked(snapshots: list[Snapshot], known: str) -> Snapshot:
    """Give one of these, if it can be restored."""
    found = next((each for each in snapshots if each.id == known), None)
    if not found or found.state != READY:
        there = ", ".join(each.id for each in snapshots if each.state == READY) or "none"
        what = f"the snapshot {known} is {found.state}" if found else f"there is no snapshot '{known}'"
        raise Misuse(f"{what}; those that can be restored: {there}")
    return found


def fresh(snapshots: list[Snapshot], now: float) -> bool:
    """Say whether the newest that is ready is of the last day, or as good as that."""
    return any(each.state == READY and each.taken > stamp(now - LATE * 3600) for each in snapshots)


def stamp(now: float) -> str:
    """Write seconds since 1970 as `utc` writes times."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))


def utc(text: str) -> str:
    """Write a time of a vendor so that later ones sort last; all tell it in UTC."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00(:?00)?)?", text)
    if not found:
        raise ValueError(f"'{text}' is no time in UTC")
    return f"{found[1]}T{found[2]}Z"


def of(name: str, env: str) -> bool:
    """Say whether something is an environment's, as its name says."""
    return name.endswith(f"-{env}")


def spare(name: str) -> bool:
    """Say whether a name is that of no environment."""
    return not any(of(name, env) for env in ENVIRONMENTS)


def once(what: str, make: Callable[[], T], look: Callable[[], T | None]) -> T:
    """Begin something that is not to be begun twice: after a call without an answer, it is looked for."""
    try:
        return make()
    except CallFailed as error:
        if error.certainly_not_run:
            raise NothingChanged from error
        try:
            found = look()
        except CallFailed as blind:
            raise Failure(f"it is not known whether {what} was begun: look before you do it again") from blind
        if found is None:
            raise Failure(f"{what} cannot be seen to have begun: look again before you do it again") from error
        return found


def until(what: str, look: Callable[[], str], at: Context, then: str = "") -> None:
    """Look at what is under way until it is ready. A look that fails says nothing about it.

    `then` says what to do if it failed.
    """
    limit = at.settings.seconds("SNAPSHOT_TIMEOUT", 3600)
    deadline = time.monotonic() + limit
    while True:
        try:
            state = look()
        except CallFailed as error:
            if error.denied:
                raise Unseen(f"{what} was started, and goes on unseen") from error
            at.console.confess(error)
            state = UNDER_WAY
        if state == READY:
            return
        if state == FAILED:
            raise Failure("; ".join(filter(None, [f"{what} failed", then])))
        if time.monotonic() >= deadline:
            raise Failure(f"{what} is not ready after {limit:g} s, and goes on; SNAPSHOT_TIMEOUT may be longer")
        at.settings.pause()
