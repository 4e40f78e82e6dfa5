"""Set an environment up on the platform, or bring it to what the files say, there and at the vendors around it."""

from __future__ import annotations

import json
import sys

from .errors import Failure, otherwise
from .hosting import Hosting
from .parts import apply, parts
from .platform import Plan
from .reading import read_well
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name an environment; the options are --dry-run and --json", ("--dry-run", "--json"))


def task(call: Call) -> None:
    """Do it; what is as it should be stays as it is."""
    at, dry = Hosting(call), "--dry-run" in call.options
    beside = parts()
    for part in beside.values():
        part.check(at)
    at.check()
    _read(at)
    plan = Plan(at, dry=dry)
    again = f"ops/bootstrap {at.env}"
    with otherwise(f"{at.env} is not set up yet; once the cause is gone, do it again: {again}"):
        at.platform.bootstrap(plan)
    at.url = _address(at)
    # A vendor that is down is no reason to leave out the others.
    left = []
    for name, part in beside.items():
        try:
            apply(part, at, plan)
        except Failure as error:
            at.console.confess(error)
            left.append(name)
    if "--json" in call.options:
        told = {"environment": at.env, "dry_run": dry, "changes": plan.changes, "idle": plan.idle, "unapplied": left}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    if left:
        raise Failure(f"not applied: {', '.join(left)}; once the cause is gone, do it again: {again}")
    if not plan.changes:
        at.console.say(f"{at.env} is as it should be")
    elif not dry:
        at.console.say(f"{at.env} is set up; deploy to it: ops/deploy {at.env}")


def _address(at: Hosting) -> str:
    """Give where it answers, or the empty string: where nothing was deployed, some hosts do not know yet."""
    try:
        return at.settings.get("SERVICE_URL") or at.platform.url()
    except Failure:
        return ""


def _read(at: Hosting) -> None:
    """Have the settings for what starts at once; everything else gets them from the first deploy."""
    try:
        found = read_well(at)
        at.values = found.values if found else {}
    except Failure as error:
        at.console.confess(error)
        at.console.say(f"going on without them; then: ops/settings {at.env}")
