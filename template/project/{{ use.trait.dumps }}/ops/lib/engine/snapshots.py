"""List the backups of an environment, newest first."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from . import backups, offered
from .backups import Backups
from .manifest import Manifest, Refused
from .pipeline import SETTINGS
from .platform import ENVIRONMENTS, Context
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name an environment; the options are --json and --vendor", ("--json", "--vendor"))


def task(call: Call) -> None:
    """Print them, as a table or as JSON."""
    at = Context(call, ("local", *ENVIRONMENTS))
    if "--vendor" in call.options:
        offered.check(at)
        at.settings.met(SETTINGS)
        _table([("SNAPSHOT", "TAKEN", "BYTES", ""), *offered.listed(at)])
        return
    backups.need(at)
    at.settings.met(SETTINGS)
    kept = Backups(at)
    found: list[Manifest] = []
    for name in reversed(kept.look()):
        try:
            found.append(kept.read(name))
        except Refused as error:
            at.console.confess(error)
    for name in kept.unfinished():
        at.console.say(f"unfinished: {name} has no manifest, and does not count")
    if "--json" in call.options:
        sys.stdout.write(json.dumps([json.loads(each.text()) for each in found], indent=2) + "\n")
        return
    rows = [("SNAPSHOT", "TAKEN", "ROWS", "BYTES", "MIGRATION", "")] if found else []
    for each in found:
        remarks = ["much less than before"] * bool(each.losses) + ["of no one moment"] * (not each.moment)
        rows.append((each.name, each.taken, str(each.rows), str(each.size), each.migration, ", ".join(remarks)))
    _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [" ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    sys.stdout.write("\n".join(lines or ["nothing was backed up yet"]) + "\n")
