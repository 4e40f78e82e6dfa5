"""Backups that the database's vendor keeps, as the tasks offer them: beside the dumps, by names of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import Misuse
from .keeper import Keeper
from .lock import Lock
from .native import READY, Native, NoBackups
from .pipeline import SETTINGS
from .platform import ENVIRONMENTS, Context, Plan

TITLE, NEEDS, WHERE = "backups", (), ENVIRONMENTS
#: Begins the name of one; its id at the vendor follows.
PREFIX = "vendor:"


def check(at: Context) -> None:
    """Note what is missing to ask the vendor."""
    keeper(at).check()


def keeper(at: Context) -> Native:
    """Give who keeps the backups of an environment."""
    if at.env == "local":
        raise Misuse("a server on this machine has no vendor that keeps backups")
    return Keeper(at)


def bootstrap(at: Context, plan: Plan) -> None:
    """Have daily backups in `live`; elsewhere it is enough to say that there are none."""
    try:
        keeper(at).bootstrap(plan)
    except NoBackups as error:
        if at.env == "live":
            raise
        at.console.confess(error)


def listed(at: Context) -> list[tuple[str, str, str, str]]:
    """Give name, time, size and kind of each, newest first."""
    kept = keeper(at)
    return [
        (
            f"{PREFIX}{each.id}",
            each.taken,
            "" if each.size is None else str(each.size),
            f"{each.kind}, at {kept.title}" + ("" if each.state == READY else f", {each.state}"),
        )
        for each in kept.snapshots()
    ]


@contextmanager
def alone(at: Context) -> Iterator[None]:
    """Have nobody deploy or migrate meanwhile."""
    if at.env == "local" or not at.kept:
        yield
        return
    with Lock(at).held():
        yield


def restore(at: Context, how: set[str], name: str, place: str) -> None:
    """Bring one back: `--into` what the vendor knows by that name, or to `--overwrite` the environment's own."""
    check(at)
    at.settings.met(SETTINGS)
    if "--into" in how:
        _restore(at, name, place)
    elif place != at.env:
        raise Misuse(f"to overwrite what {at.env} has, name it twice: --overwrite {at.env}")
    else:
        with alone(at):
            _restore(at, name, "")


def _restore(at: Context, name: str, into: str) -> None:
    kept = keeper(at)
    found = kept.restore(kept.find(name[len(PREFIX) :]), into)
    at.console.say(f"{name} is back: {found.where}")
