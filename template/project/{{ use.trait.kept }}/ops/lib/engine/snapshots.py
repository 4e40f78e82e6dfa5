"""List the backups that the database's vendor keeps, newest first."""

from __future__ import annotations

import json
import sys

from . import offered
from .pipeline import SETTINGS
from .platform import Context
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name an environment; the only option is --json", ("--json",))
TITLES = ("SNAPSHOT", "TAKEN", "BYTES", "KIND")


def task(call: Call) -> None:
    """Print them, as a table or as JSON."""
    at = Context(call)
    offered.check(at)
    at.settings.met(SETTINGS)
    found = offered.listed(at)
    if "--json" in call.options:
        names = [title.lower() for title in TITLES]
        sys.stdout.write(json.dumps([dict(zip(names, each)) for each in found], indent=2) + "\n")
        return
    rows = [TITLES, *found]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [" ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    sys.stdout.write("\n".join(lines if found else ["nothing was backed up yet"]) + "\n")
