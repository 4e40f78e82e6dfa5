"""List what passed in an environment, and what the platform has beside it."""

from __future__ import annotations

import json
import re
import sys
from typing import NamedTuple

from .errors import otherwise
from .hosting import Hosting
from .platform import digest
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name an environment; the only option is --json", ("--json",))


class Line(NamedTuple):
    """One release; what is not known of it is the empty string."""

    version: str
    commit: str
    time: str
    action: str
    release: str
    image: str
    by: str
    running: bool
    passed: bool


def _listed(at: Hosting) -> list[Line]:
    """What passed, newest first, then what only the platform knows."""
    at.record.read()
    with otherwise("the platform does not say what runs; try again"):
        current = at.platform.current()
    with otherwise("the platform does not say what it has; try again"):
        had = at.platform.releases()
    rows = at.record.rows
    runs = current.id if current else None
    known = {row.release for row in rows} | {digest(row.image) for row in rows if row.image}
    commits = {row.commit for row in rows}
    # One row of what runs, the newest: a release may be on record several times, or have come back unrecorded.
    shown = at.record.match(current) if current else None
    table = []
    for row in reversed(rows):
        how = (row.time, row.action, row.release, row.image, row.who)
        table.append(Line(at.git.name(row.commit), row.commit, *how, running=row is shown, passed=True))
    for each in had:
        if not ({each.id, digest(each.what)} & known or each.what in commits):
            how = (each.time, "unproven", each.id, each.image, "")
            commit = each.what if re.fullmatch("[0-9a-f]{40}", each.what) else ""
            table.append(Line(each.what, commit, *how, running=each.id == runs, passed=False))
    return table


def _laid_out(mark: str, *cells: str) -> str:
    widths = (16, 8, 26, 10, 24, 0)
    return " ".join([mark, *(cell.ljust(width) for cell, width in zip(cells, widths))]).rstrip()


def task(call: Call) -> None:
    """Print them, as a table or as JSON."""
    at = Hosting(call)
    at.check()
    found = _listed(at)
    if "--json" in call.options:
        sys.stdout.write(json.dumps([each._asdict() for each in found], indent=2) + "\n")
        return
    table = [_laid_out(" ", "VERSION", "COMMIT", "TIME", "HOW", "RELEASE", "BY")] if found else []
    for each in found:
        cells = (each.version[:40], each.commit[:7] if each.passed else "", each.time, each.action, each.release)
        table.append(_laid_out("*" if each.running else " ", *cells, each.by))
    sys.stdout.write("\n".join(table or ["nothing was released yet"]) + "\n")
