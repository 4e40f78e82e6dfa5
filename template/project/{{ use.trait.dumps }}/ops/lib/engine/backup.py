"""Take a backup of an environment's database."""

from __future__ import annotations

import sys

from . import age, backups, connection, dumping
from .backups import Backups
from .errors import Failure
from .manifest import Manifest
from .news import beat, telling
from .pipeline import SETTINGS
from .platform import ENVIRONMENTS, Context
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name an environment; the only option is --accept-loss", ("--accept-loss",))


def task(call: Call) -> None:
    """Take it, print its name, and take those away that need not be kept."""
    at = Context(call, ("local", *ENVIRONMENTS))
    with telling(at):
        _back_up(at, accept="--accept-loss" in call.options)
    beat(at, "backup")


def _back_up(at: Context, *, accept: bool) -> None:
    check(at)
    at.settings.need("BACKUP_RECIPIENT", "who can read backups, a recipient of age; `age-keygen` prints one")
    at.settings.met(SETTINGS)
    readers = age.recipients(at.settings)
    database, kept = connection.find(at), Backups(at)
    with database.opened() as url:
        found = kept.take(url, readers, accept=accept)
    sys.stdout.write(f"{found.name}\n")
    at.console.say(f"{summary(found)} in {kept}")
    if found.losses:
        for each in found.losses:
            at.console.say(each)
        again = f"if that is meant: ops/backup {at.env} --accept-loss"
        raise Failure(f"it has much less than {found.before}; all backups are kept until somebody looks; {again}")
    for name in kept.tidy():
        at.console.say(f"{name} need not be kept any more, and is gone")


def check(at: Context) -> None:
    """Note what is missing for a backup or a restore."""
    connection.check(at)
    dumping.need(at.settings)
    age.need(at.settings)
    backups.need(at)


def summary(found: Manifest) -> str:
    """Say what is in one."""
    at = f" at migration {found.migration}" if found.migration else ""
    of = "" if found.moment else ", of no one moment"
    return f"{found.rows} rows in {len(found.tables)} tables{at}, {found.size} bytes{of}"
